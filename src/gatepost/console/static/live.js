// One tab has the stream of events, and tells the others: browsers open six connections at most.

import { fetchPage, replaceMenu, replaceRows } from "./fragments.js";
import { showCopyButtons } from "./copy.js";
import { announce, text } from "./texts.js";

const TYPES = ["message", "message_deleted", "message_changed", "session", "injected", "queue", "directory", "gap"];
const LOGGED = [
  "auth_refused", "tls_failed", "message_failed", "message_dropped", "next_hop_rests", "sign_in_stopped", "sign_in_works", "webhook_failed",
  "webhook_given_up", "console_changed", "console_signed_in", "console_refused", "reloaded", "clock_advanced",
]; // events of the operator's log, one type for the pages: not those of every message
const OF_MENU = ["message", "message_deleted", "message_changed", "session", "gap"]; // they change its counts
const STREAM = `/api/gatepost/v1/events?every=0.5&types=${[...TYPES.slice(0, -1), ...LOGGED].join(",")}`;
const HIDDEN_MS = 60_000;
const QUIET_MS = 150;
const MANY = 10; // events of a kind at a time: for FLOOD_MS, the server has more important things to do
const FLOOD_MS = 3_000;
const BUSY_MS = 30_000; // so often is a page refreshed even then

/** @type {BroadcastChannel} */
let channel;
/** @type {EventSource | null} */
let stream = null;
/** @type {(() => void) | null} */
let release = null;
let news = 0;
let pending = 0;
let due = 0;
let busy = 0;
let refreshed = Date.now();
let shows = false; // somebody has asked to see the new mail
let stale = false; // something may have happened while nobody could see this tab

/** Begin to follow events, as long as this tab is visible. */
export function startLive() {
  if (!document.getElementById("live") || !("locks" in navigator)) return;
  channel = new BroadcastChannel("gatepost");
  channel.onmessage = (event) => take(event.data);
  let hiding = 0;
  document.addEventListener("visibilitychange", () => {
    clearTimeout(hiding);
    if (document.hidden) hiding = setTimeout(close, HIDDEN_MS);
    else {
      if (!release) lead();
      if (stale) plan(Date.now());
    }
  });
  document.addEventListener("gatepost:refresh", () => refresh());
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => { if (event.persisted) { lead(); plan(Date.now()); } });
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
  for (const type of TYPES) stream.addEventListener(type, (event) => share({ type, count: JSON.parse(event.data).count ?? 1 }));
  for (const type of LOGGED) stream.addEventListener(type, () => share({ type: "log" }));
}

function close() {
  stream?.close();
  stream = null;
  release?.();
  release = null;
  stale = true;
  show("off");
}

/** @param {{type: string, state?: string, count?: number}} event */
function share(event) {
  channel.postMessage(event);
  take(event);
}

/** @param {{type: string, state?: string, count?: number}} event */
function take(event) {
  if (event.type === "state") show(event.state ?? "off");
  else if (event.type === "ask") { if (stream) channel.postMessage({ type: "state", state: stream.readyState === 1 ? "on" : "waiting" }); }
  else {
    const region = document.querySelector("[data-live]");
    if (![...(region instanceof HTMLElement ? region.dataset.live ?? "" : "").split(" "), ...OF_MENU].includes(event.type)) return;
    const [count, soon] = [event.count ?? 1, Date.now() + QUIET_MS];
    if (count >= MANY) busy = Date.now() + FLOOD_MS;
    const isBusy = Date.now() < busy;
    plan(soon);
    if (event.type !== "message") return;
    news += count;
    if (isBusy && !location.search) showNews(news, () => { shows = true; refresh(); });
  }
}

/**
 * Refresh at a time, unless it will be done earlier.
 * @param {number} at
 */
function plan(at) {
  if (pending && due <= at) return;
  clearTimeout(pending);
  due = at;
  pending = setTimeout(refreshUnlessBusy, at - Date.now());
}

/** Refresh, or when very many events have ended: a page costs the server as much as hundreds of messages. */
function refreshUnlessBusy() {
  pending = 0;
  stale = document.hidden;
  if (stale) return;
  const later = Math.min(busy, refreshed + BUSY_MS);
  if (Date.now() < later) plan(later);
  else refresh();
}

/**
 * Say how many messages are new, if this page lists mail.
 * @param {number} number
 * @param {() => void} act what a click does
 */
function showNews(number, act) {
  const bar = document.getElementById("newer");
  if (!(bar instanceof HTMLButtonElement)) return "";
  bar.hidden = false;
  bar.onclick = () => { bar.hidden = true; act(); };
  return bar.textContent = text("newMail", { n: number });
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
  clearTimeout(pending);
  [pending, refreshed] = [0, Date.now()];
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
    if (document.querySelector(".mail .empty") && page.querySelector(".mail [data-rows]")) location.reload(); // the first mail
    return;
  }
  if (region.contains(document.activeElement) && (document.activeElement instanceof HTMLInputElement || document.activeElement instanceof HTMLSelectElement)) return;
  const [lists, later] = [region, newer].map((each) => [...each.querySelectorAll("[data-rows]")]);
  if (lists.length && lists.length === later.length && region.children.length === newer.children.length) {
    for (const [index, list] of lists.entries()) replaceRows(list, later[index]);
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
  const unlisted = page.getElementById("unlisted");
  document.getElementById("unlisted")?.replaceWith(...(unlisted ? [unlisted] : []));
  const replace = () => { if (newer) replaceRows(rows, newer); [news, shows] = [0, false]; };
  if (fresh && !shows) announce(showNews(Math.max(news, fresh), replace));
  else replace();
}
