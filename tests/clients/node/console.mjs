// Uses the console in Chromium, and prints what it has seen as one JSON object.
//
// Usage: node console.mjs CHROMIUM < the task: url, token, and what each suite needs.

import fs from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const axe = fs.readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const task = JSON.parse(fs.readFileSync(0, "utf8"));
const browser = await chromium.launch({ executablePath: process.argv[2], args: ["--no-sandbox"] });

async function signedIn(server, options = {}) {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  await page.goto(`${server.url}/sign-in`);
  await page.fill("input[name=password]", server.token);
  await page.click("button.primary");
  await page.waitForURL(`${server.url}/**`);
  return { context, page };
}

/** Every page, theme and language: what axe finds, what overflows, what the browser complains of. */
async function pages(server) {
  const faults = [];
  const looks = ["light", "dark"].flatMap((theme) => ["en", "ja"].map((locale) => [theme, locale]));
  await Promise.all([...looks.map((look) => accessible(server, look, faults)), small(server, faults)]);
  return faults;
}

async function accessible(server, [theme, locale], faults) {
  const options = { bypassCSP: true, colorScheme: theme, locale, viewport: { width: 1280, height: 900 } };
  const { context, page } = await signedIn(server, options);
  for (const path of server.pages) {
    await page.goto(server.url + path);
    await page.evaluate(axe);
    const found = await page.evaluate(() => axe.run(document, { iframes: false, resultTypes: ["violations"] }));
    for (const each of found.violations) faults.push([path, theme, locale, each.id, each.nodes[0].html.slice(0, 200), each.nodes[0].failureSummary]);
    await overflow(page, path, faults);
  }
  await context.close();
}

/** A phone: nothing overflows, buttons are large enough, and the browser does not complain. */
async function small(server, faults) {
  const { context, page } = await signedIn(server, { viewport: { width: 360, height: 640 } });
  page.on("console", (message) => { if (message.type() === "error" && !/\/(gone|nothing)$/.test(page.url())) faults.push([page.url(), "console", message.text()]); });
  page.on("pageerror", (error) => faults.push([page.url(), "error", error.message]));
  for (const path of server.pages) {
    await page.goto(server.url + path);
    await overflow(page, path, faults);
    const small = await page.evaluate(() => [...document.querySelectorAll("main button, main .button, header button, summary")]
      .filter((each) => each.checkVisibility() && each.tagName === "BUTTON" && each.getBoundingClientRect().height < 43.5).map((each) => each.outerHTML.slice(0, 120)));
    if (small.length) faults.push([path, "small", small[0]]);
  }
  await context.close();
}

async function overflow(page, path, faults) {
  const [wide, width] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  if (wide > width) faults.push([path, "overflow", wide, width]);
}

/** The inbox by keys alone: find, open, read the code, next, delete, undo, and back to its row. */
async function keyboard(server) {
  const seen = {};
  const { context, page } = await signedIn(server);
  await page.keyboard.press("/");
  await page.keyboard.type("subject:keys");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/?q=**");
  seen.found = await page.locator("[data-rows] > li").count();
  await page.keyboard.press("Escape");
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  seen.focus = await page.evaluate(() => document.activeElement.textContent.trim());
  await page.keyboard.press("Enter");
  await page.waitForURL("**/m/**");
  seen.opened = await page.locator("h1").textContent();
  seen.code = await page.locator(".code strong").first().textContent();
  await page.keyboard.press("n");
  await page.waitForFunction((before) => document.querySelector("h1").textContent !== before, seen.opened);
  seen.next = await page.locator("h1").textContent();
  await page.keyboard.press("#");
  await page.waitForURL("**undo=**");
  seen.after_delete = await page.locator("[data-rows] > li").count();
  await page.keyboard.press("z");
  await page.waitForURL("**undone=**");
  seen.after_undo = await page.locator("[data-rows] > li").count();
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/m/**");
  const id = await page.locator("#message").getAttribute("data-id");
  await page.keyboard.press("u");
  await page.waitForURL((url) => url.pathname === "/");
  seen.back = await page.evaluate((id) => document.activeElement.closest("[data-id]")?.dataset.id === id, id);
  await page.keyboard.press("?");
  seen.help = await page.locator("dialog[open]").count();
  await page.keyboard.press("Escape");
  await page.keyboard.press("g");
  await page.keyboard.press("s");
  await page.waitForURL("**/sessions");
  seen.arrows_scroll = await page.evaluate(() => { const e = new KeyboardEvent("keydown", { key: "ArrowDown", bubbles: true, cancelable: true }); document.body.dispatchEvent(e); return !e.defaultPrevented; });
  await context.close();
  return seen;
}

/** A rule is checked while it is typed, and rules are ordered by a click. */
async function rules(server) {
  const seen = {};
  const { context, page } = await signedIn(server);
  await page.goto(`${server.url}/failures`);
  await page.fill("#line", "rcpt recipent=x -> reply 451 4.7.1 Later");
  await page.waitForSelector("#mistakes li");
  seen.mistakes = await page.locator("#mistakes li").allTextContents();
  seen.invalid = await page.locator("#line").getAttribute("aria-invalid");
  await page.fill("#line", "rcpt recipient=x -> reply 451 4.7.1 Later");
  await page.waitForSelector("#mistakes", { state: "hidden" });
  seen.mended = await page.locator("#mistakes li").count();
  seen.valid = await page.locator("#line").getAttribute("aria-invalid");
  const order = async () => (await page.locator("[data-rows] > tr").evaluateAll((all) => all.map((each) => each.dataset.id.slice(1))));
  await page.locator("tr[data-id='/tls-1'] button[name=before]:not([disabled])").click();
  await page.waitForLoadState();
  seen.order = await order();
  await page.locator("tr[data-id='/data-1'] button[name=before]:not([disabled])").click();
  await page.waitForLoadState();
  seen.back = await order();
  await context.close();
  return seen;
}

/** Nine tabs load and hear of a new message, which a program sends meanwhile. */
async function tabs(server) {
  const { context, page } = await signedIn(server);
  const all = [page];
  for (let number = 1; number < 9; number += 1) all.push(await context.newPage());
  for (const each of all) await each.goto(`${server.url}/`);
  for (const each of all) await each.waitForSelector("#live[data-state=on]", { state: "attached" });
  const body = JSON.stringify({ From: { Email: "a@example.com" }, To: [{ Email: "b@example.net" }], Subject: "Tabs", Text: "x" });
  await fetch(`${server.url}/api/v1/send`, { method: "POST", body, headers: { "content-type": "application/json" } });
  const bars = [];
  for (const each of all) {
    await each.waitForSelector("#newer:not([hidden])");
    bars.push(await each.locator("#newer").textContent());
  }
  await page.click("#newer");
  const first = await page.locator("[data-rows] > li a.subject").first().textContent();
  await context.close();
  return { tabs: all.length, bars: [...new Set(bars)].length, first: first.trim() };
}

/** A tab that nobody sees asks for nothing; seen again, it shows what has happened meanwhile. */
async function hidden(server) {
  const { context, page } = await signedIn(server);
  await page.clock.install();
  await page.goto(`${server.url}/`);
  await page.waitForSelector("#live[data-state=on]", { state: "attached" });
  await page.evaluate(() => {
    globalThis.heard = 0;
    new BroadcastChannel("gatepost").onmessage = (event) => { globalThis.heard += event.data.type === "message"; };
  });
  const become = (isHidden) => page.evaluate((value) => {
    Object.defineProperty(document, "hidden", { configurable: true, value });
    document.dispatchEvent(new Event("visibilitychange"));
  }, isHidden);
  const send = async (Subject) => {
    const body = JSON.stringify({ From: { Email: "a@example.com" }, To: [{ Email: "b@example.net" }], Subject, Text: "x" });
    await fetch(`${server.url}/api/v1/send`, { method: "POST", body, headers: { "content-type": "application/json" } });
    await fetch(`${server.url}/api/v1/search?query=subject:${Subject}&wait=10`);
  };
  const bars = [];
  const seenAgain = async () => {
    await become(false);
    await page.waitForSelector("#newer:not([hidden])");
    bars.push(await page.locator("#newer").textContent());
  };
  let asked = 0;
  page.on("request", () => { asked += 1; });
  await become(true);
  await send("HiddenA");
  await page.waitForFunction(() => globalThis.heard > 0);
  await page.clock.runFor(5_000);
  const soon = asked;
  await seenAgain();
  await become(true);
  await page.clock.runFor(61_000);
  await page.waitForSelector("#live[data-state=off]", { state: "attached" });
  asked = 0;
  await send("HiddenB");
  await page.clock.runFor(5_000);
  const later = asked;
  await seenAgain();
  await context.close();
  return { soon, later, bars };
}

/** Hostile mail: nothing is loaded, nothing runs, and the frame stays where it is. */
async function hostile(server) {
  const waiting = [...server.ids], seen = { frames: 0, faults: [] };
  await Promise.all([1, 2].map(() => openHostile(server, waiting, seen)));
  return seen;
}

async function openHostile(server, waiting, seen) {
  const { context, page } = await signedIn(server);
  const faults = seen.faults;
  // Requests that the policy stops are events, too, but have no response.
  context.on("response", (response) => { if (!response.url().startsWith(server.url) && !response.url().startsWith("data:")) faults.push(["loaded", page.url(), response.url()]); });
  context.on("page", (other) => faults.push(["page", page.url(), other.url()]));
  page.on("dialog", (dialog) => { faults.push(["dialog", page.url(), dialog.message()]); dialog.dismiss(); });
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    await page.goto(`${server.url}/m/${id}?view=html`);
    const inner = page.frames().find((each) => each.url().endsWith("/html"));
    if (!inner) { faults.push(["no frame", id]); continue; }
    await inner.waitForLoadState();
    await painted(page);
    seen.frames += 1;
    if (!inner.url().startsWith(`${server.url}/m/${id}/html`)) faults.push(["moved", id, inner.url()]);
    if (!page.url().startsWith(`${server.url}/m/${id}`)) faults.push(["top moved", id, page.url()]);
    const title = await page.title();
    if (title.includes("owned")) faults.push(["script", id]);
  }
  await context.close();
}

/** Return when the browser has painted what is loaded, twice: until then, what a page begins at once has begun. */
async function painted(page) {
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
}

/** A link opens a new tab without a referrer, and images load when they are wanted. */
async function links(server) {
  const { context, page } = await signedIn(server);
  await page.goto(`${server.url}/m/${server.id}?view=html`);
  const inline = await page.frameLocator("iframe").locator("img[alt=inline]").evaluate((image) => image.complete && image.naturalWidth);
  const [opened] = await Promise.all([context.waitForEvent("page"), page.frameLocator("iframe").locator("a").first().click()]);
  await opened.waitForLoadState();
  const address = opened.url();
  await opened.close();
  await page.click(`a[href*="images=1"]`);
  await page.frameLocator("iframe").locator("img[alt=remote]").evaluate((image) => new Promise((resolve) => { if (image.complete) resolve(); else image.onload = image.onerror = resolve; }));
  await context.close();
  return { inline, address };
}

/** Signing in at Entra, from another site and back, in a browser that is strict about cookies. */
async function entra(server) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  await page.goto(`${server.url}/sessions?refused=1`);
  await page.click('a[href^="/sign-in/entra"]');
  const tenant = new URL(page.url()).pathname;
  await page.click('button[value^="operator@"]');
  await page.waitForURL(`${server.url}/sessions?refused=1`);
  const heading = await page.locator("h1").textContent();
  const cookies = (await context.cookies(server.url)).map((each) => [each.sameSite, each.httpOnly, each.value.length > 20]);
  await context.close();
  const faults = [];
  for (const [colorScheme, locale] of [["light", "en"], ["dark", "ja"]]) {
    const other = await browser.newContext({ bypassCSP: true, colorScheme, locale });
    const looked = await other.newPage();
    for (const path of ["/sign-in", "/sign-in/entra/callback?state=x&code=y"]) {
      await looked.goto(server.url + path);
      await looked.evaluate(axe);
      const found = await looked.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
      faults.push(...found.violations.map((each) => [path, each.id]));
    }
    await other.close();
  }
  return { tenant: tenant.endsWith("/oauth2/v2.0/authorize"), heading: heading.trim(), cookies, faults };
}

/** Pictures for the documentation, sharp on fine screens, too. */
async function pictures(server) {
  for (const [name, path] of server.pictures) {
    const { context, page } = await signedIn(server, { viewport: { width: 1440, height: 810 }, deviceScaleFactor: 2, colorScheme: "light", locale: "en" });
    await page.goto(server.url + path);
    await page.waitForSelector("#live[data-state=on]");
    await page.evaluate(() => document.fonts.ready);
    await painted(page);
    await page.screenshot({ path: `${server.folder}/${name}.png` });
    await context.close();
  }
  return server.pictures.length;
}

const SUITES = { pages, keyboard, tabs, hidden, hostile, links, entra, pictures, rules };
const results = {};
const took = {};
for (const [name, suite, server] of task) {
  const began = performance.now();
  try {
    results[name] = await SUITES[suite](server);
  } catch (error) {
    results[name] = { failed: String(error) };
  }
  took[name] = Math.round(performance.now() - began) / 1000;
}
console.error(JSON.stringify(took));
await browser.close();
console.log(JSON.stringify(results));
