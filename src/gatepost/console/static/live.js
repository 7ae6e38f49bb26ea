// One tab has the stream of events, and tells the others: browsers open six connections at most.

import { fetchPage, replaceMenu, replaceRows } from "./fragments.js";
import { showCopyButtons } from "./copy.js";
import { announce, text } from "./texts.js";

const STREAM = "/api/gatepost/v1/events";
const TYPES = ["message", "message_deleted", "message_changed", "session", "injected", "queue", "gap"];
const HIDDEN_MS = 60_000;
const QUIET_MS = 150;

/** @type {BroadcastChannel} */
let channel;
/** @type {EventSource | null} */
let stream = null;
/** @type {(() => void) | null} */
let release = null;
let news = 0;
let pending = 0;

/** Begin to follow events, as long as this tab is visible. */
export function startLive() {
  if (!document.getElementById("live") || !("locks" in navigator)) return;
  channel = new BroadcastChannel("gatepost");
  channel.onmessage = (event) => take(event.data);
  let hiding = 0;
  document.addEventListener("visibilitychange", () => {
    clearTimeout(hiding);
    if (document.hidden) hiding = setTimeout(close, HIDDEN_MS);
    else if (!release) lead();
  });
  document.addEventListener("gatepost:refresh", () => refresh());
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => { if (event.persisted) lead(); });
  lead();
}

/** Wait to be the tab that has the stream; the browser gives the lock to one at a time. */
function lead() {
  channel.postMessage({ type: "ask" });
  navigator.locks.request("gatepost-events", () => new Promise((resolve) => {
    release = () => resolve(undefined);
    open();
  }));
}

function open() {
  stream = new EventSource(STREAM);
  stream.onopen = () => share({ type: "state", state: "on" });
  stream.onerror = () => share({ type: "state", state: stream?.readyState === EventSource.CLOSED ? "off" : "waiting" });
  for (const type of TYPES) stream.addEventListener(type, () => share({ type }));
}

function close() {
  stream?.close();
  stream = null;
  release?.();
  release = null;
  show("off");
}

/** @param {{type: string, state?: string}} event */
function share(event) {
  channel.postMessage(event);
  take(event);
}

/** @param {{type: string, state?: string}} event */
function take(event) {
  if (event.type === "state") show(event.state ?? "off");
  else if (event.type === "ask") { if (stream) channel.postMessage({ type: "state", state: stream.readyState === 1 ? "on" : "waiting" }); }
  else {
    if (event.type === "message") news += 1;
    clearTimeout(pending);
    pending = setTimeout(refresh, QUIET_MS);
  }
}

/** @param {string} state */
function show(state) {
  const mark = document.getElementById("live");
  if (!mark || mark.dataset.state === state) return;
  mark.dataset.state = state;
  mark.textContent = mark.dataset[state] ?? "";
}

/** Bring the page up to date. New mail only shows that it is there, so that no row moves. */
async function refresh() {
  const page = await fetchPage();
  if (!page) return;
  replaceMenu(page);
  const rows = document.querySelector(".mail [data-rows]");
  if (rows) {
    refreshMail(rows, page);
    return;
  }
  const region = document.querySelector("[data-live]");
  const newer = page.querySelector("[data-live]");
  if (!region || !newer) {
    if (document.querySelector(".mail .empty")) location.reload(); // the first mail
    return;
  }
  if (region.contains(document.activeElement) && document.activeElement instanceof HTMLInputElement) return;
  const [list, later] = [region.querySelector("[data-rows]"), newer.querySelector("[data-rows]")];
  if (list && later && region.children.length === newer.children.length) {
    replaceRows(list, later);
    for (const [index, child] of [...region.children].entries()) {
      const other = newer.children[index];
      if (!child.querySelector("[data-rows]") && other && child.textContent !== other.textContent) child.replaceWith(other);
    }
  } else region.replaceChildren(...newer.children);
  showCopyButtons();
}

/**
 * @param {Element} rows
 * @param {Document} page
 */
function refreshMail(rows, page) {
  const newer = page.querySelector(".mail [data-rows]");
  const ids = new Set([...rows.children].map((row) => row.getAttribute("data-id")));
  const fresh = newer ? [...newer.children].filter((row) => !ids.has(row.getAttribute("data-id"))).length : 0;
  const bar = document.getElementById("newer");
  if (fresh && bar instanceof HTMLButtonElement) {
    const number = Math.max(news, fresh);
    bar.hidden = false;
    bar.textContent = text("newMail", { n: number });
    announce(bar.textContent);
    bar.onclick = () => { bar.hidden = true; news = 0; if (newer) replaceRows(rows, newer); };
  } else if (newer) {
    replaceRows(rows, newer);
    news = 0;
  }
}
