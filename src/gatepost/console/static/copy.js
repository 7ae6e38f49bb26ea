// Buttons that copy a text.

import { announce, text } from "./texts.js";

/** Show the buttons; without a script they would do nothing. */
export function showCopyButtons(root = document.body) {
  for (const button of root.querySelectorAll("button[data-copy]")) {
    if (button instanceof HTMLButtonElement) button.hidden = false;
  }
}

document.addEventListener("click", async (event) => {
  const target = event.target instanceof Element ? event.target.closest("button[data-copy]") : null;
  if (!(target instanceof HTMLButtonElement)) return;
  await navigator.clipboard.writeText(target.dataset.copy ?? "");
  const before = [...target.childNodes];
  target.replaceChildren(text("copied"));
  announce(text("copied"));
  setTimeout(() => target.replaceChildren(...before), 1500);
});
