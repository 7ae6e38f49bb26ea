// Keyboard shortcuts. None acts while something is typed, and all can be turned off.

import { boxes, currentRow, move, toggle } from "./list.js";

const OFF = "gatepost:keys";
/** @type {Record<string, string>} */
const GO = { i: "/", s: "/sessions", q: "/queue", f: "/failures", d: "/doctor" };
let goes = false;

/** @param {string} id */
const press = (id) => document.getElementById(id)?.click();

/** @param {string} action */
function act(action) {
  const form = document.getElementById("rows-form");
  const row = currentRow();
  const box = row?.querySelector("input[type=checkbox]");
  if (!(form instanceof HTMLFormElement)) return;
  if (box instanceof HTMLInputElement && !boxes().some((each) => each.checked)) box.checked = true;
  const button = form.querySelector(`button[name=action][value=${action}]`);
  if (button instanceof HTMLButtonElement && boxes().some((each) => each.checked)) form.requestSubmit(button);
}

/** @type {Record<string, () => void>} */
const KEYS = {
  j: () => move(1),
  k: () => move(-1),
  n: () => press("next"),
  p: () => press("previous"),
  u: () => back(),
  x: () => toggle(),
  r: () => act("read"),
  "#": () => (document.getElementById("delete") ? press("delete") : act("delete")),
  "/": () => document.querySelector("input[type=search]") instanceof HTMLElement && /** @type {HTMLElement} */ (document.querySelector("input[type=search]")).focus(),
  g: () => { goes = true; setTimeout(() => (goes = false), 1500); },
  z: () => press("undo"),
  "?": () => help(),
};

function back() {
  const target = document.getElementById("back");
  if (target instanceof HTMLAnchorElement) location.href = target.href;
}

function help() {
  const dialog = document.getElementById("keys");
  if (dialog instanceof HTMLDialogElement) dialog.showModal();
}

/** @param {EventTarget | null} target */
function isTyping(target) {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) && !(target instanceof HTMLInputElement && /checkbox|radio/.test(target.type)));
}

/** Listen to keys, unless they are off. */
export function startKeys() {
  const box = document.getElementById("keys-on");
  if (box instanceof HTMLInputElement) {
    box.checked = localStorage.getItem(OFF) !== "off";
    box.onchange = () => localStorage.setItem(OFF, box.checked ? "on" : "off");
  }
  document.addEventListener("keydown", (event) => {
    if (localStorage.getItem(OFF) === "off" || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.key === "Escape" && isTyping(event.target)) { /** @type {HTMLElement} */ (event.target).blur(); return; }
    if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
    if (event.key === "Escape") { back(); return; }
    if (goes && GO[event.key]) {
      goes = false;
      if (document.querySelector(`nav.menu a[href="${GO[event.key]}"]`)) location.href = GO[event.key];
      return;
    }
    const inList = document.activeElement?.closest("[data-rows]");
    if (inList && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      move(event.key === "ArrowDown" ? 1 : -1);
      event.preventDefault();
      return;
    }
    const action = KEYS[event.key];
    if (action) {
      event.preventDefault();
      action();
    }
  });
}
