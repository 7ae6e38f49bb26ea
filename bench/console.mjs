// Uses the console in Chromium as bench/console.py tells it, a command a line, and answers each.
//
// Usage: node console.mjs CHROMIUM URL TOKEN

import { createRequire } from "node:module";
import readline from "node:readline";

const require = createRequire(new URL("../tests/clients/node/package.json", import.meta.url));
const { chromium } = require("playwright-core");
const [path, url, token] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath: path, args: ["--no-sandbox"] });
const context = await browser.newContext();
const first = await context.newPage();
await first.goto(`${url}/sign-in`);
await first.fill("input[name=password]", token);
await first.click("button.primary");
await first.waitForURL(`${url}/**`);
let pages = [];

const commands = {
  /** Milliseconds until the first paint of the inbox. */
  async paint() {
    await first.goto(`${url}/`);
    return first.evaluate(() => new Promise((resolve) => {
      new PerformanceObserver((list) => resolve(list.getEntriesByName("first-contentful-paint")[0]?.startTime)).observe({ type: "paint", buffered: true });
    }));
  },
  async open(number) {
    await first.goto("about:blank");
    for (let at = 0; at < number; at += 1) pages.push(await context.newPage());
    for (const page of pages) await page.goto(`${url}/`);
    for (const page of pages) await page.waitForSelector("#live[data-state=on]", { state: "attached" });
    return pages.length;
  },
  async close() {
    for (const page of pages) await page.close();
    pages = [];
    return 0;
  },
  /** Octets that the scripts of each page use, without garbage; and its number of nodes. */
  async heap() {
    const used = [];
    for (const page of pages) {
      const session = await context.newCDPSession(page);
      await session.send("HeapProfiler.collectGarbage");
      await session.send("Performance.enable");
      const { metrics } = await session.send("Performance.getMetrics");
      used.push(["JSHeapUsedSize", "Nodes"].map((name) => metrics.find((each) => each.name === name).value));
      await session.detach();
    }
    return used;
  },
  async news() {
    const texts = [];
    for (const page of pages) texts.push(await page.locator("#newer").textContent());
    return texts;
  },
};

for await (const line of readline.createInterface({ input: process.stdin })) {
  const [name, value] = JSON.parse(line);
  console.log(JSON.stringify(await commands[name](value)));
}
await browser.close();
