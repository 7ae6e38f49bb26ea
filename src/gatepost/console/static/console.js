// The scripts of all pages. Every page works without them; they make it quicker.

import { startChecks } from "./check.js";
import { showCopyButtons } from "./copy.js";
import { startKeys } from "./keys.js";
import { startList } from "./list.js";
import { startLive } from "./live.js";
import { startCharts } from "./charts.js";

for (const each of document.querySelectorAll(".only-script")) {
  if (each instanceof HTMLElement) each.hidden = false;
}
document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
showCopyButtons();
startList();
startKeys();
startCharts();
startChecks();
startLive();
