// Lists: the focus moves over rows, and a range of them can be chosen.

/** @returns {HTMLElement[]} */
export function rows() {
  return [...document.querySelectorAll("[data-rows] > *")].filter((row) => row instanceof HTMLElement && !row.hidden).map((row) => /** @type {HTMLElement} */ (row));
}

/** @param {HTMLElement} row */
const link = (row) => row.querySelector("a[href]");

/** @returns {HTMLElement | undefined} the row with the focus, or that of the open message */
export function currentRow() {
  const all = rows();
  return all.find((row) => row.contains(document.activeElement)) ?? all.find((row) => row.querySelector("[aria-current]"));
}

/** @param {number} step */
export function move(step) {
  const all = rows();
  const current = currentRow();
  const at = current ? all.indexOf(current) + step : step > 0 ? 0 : all.length - 1;
  const row = all[Math.max(0, Math.min(all.length - 1, at))];
  const target = row && link(row);
  if (target instanceof HTMLElement) {
    target.focus();
    row.scrollIntoView({ block: "nearest" });
  }
}

/** @returns {HTMLInputElement[]} */
export function boxes() {
  return [...document.querySelectorAll("[data-rows] input[type=checkbox]")].filter((each) => each instanceof HTMLInputElement);
}

export function toggle() {
  const box = currentRow()?.querySelector("input[type=checkbox]");
  if (box instanceof HTMLInputElement) {
    box.checked = !box.checked;
    tell();
  }
}

function tell() {
  const [mark, number] = [document.getElementById("chosen"), boxes().filter((box) => box.checked).length];
  if (mark) mark.textContent = number ? (mark.dataset.some ?? "").replace("{n}", String(number)) : mark.dataset.none ?? "";
}

/** @param {KeyboardEvent} event: Enter in a field presses the button beside it */
function pressBeside(event) {
  const field = event.target;
  if (event.key !== "Enter" || !(field instanceof HTMLInputElement) || !field.closest("#rows-form label")) return;
  const button = field.closest("label")?.nextElementSibling;
  if (!(button instanceof HTMLButtonElement)) return;
  event.preventDefault();
  button.click();
}

/** Let the shift key choose a range, and keep the place in the list. */
export function startList() {
  document.addEventListener("keydown", pressBeside);
  /** @type {HTMLInputElement | null} */
  let last = null;
  document.addEventListener("click", (event) => {
    const box = event.target;
    if (!(box instanceof HTMLInputElement) || !box.closest("[data-rows]")) return;
    const all = boxes();
    if (event.shiftKey && last && all.includes(last)) {
      const [from, to] = [all.indexOf(last), all.indexOf(box)].sort((a, b) => a - b);
      for (const each of all.slice(from, to + 1)) each.checked = box.checked;
    }
    last = box;
    tell();
  });
  const list = document.getElementById("rows");
  const key = `gatepost:${location.search}`;
  if (list) {
    document.querySelector("[data-rows] [aria-current]")?.closest("[data-id]")?.scrollIntoView({ block: "nearest" });
    const kept = sessionStorage.getItem(key);
    if (kept && location.pathname === "/") list.scrollTop = Number(kept);
    addEventListener("pagehide", () => sessionStorage.setItem(key, String(list.scrollTop)));
  }
  const [focus, id] = (sessionStorage.getItem("gatepost:row") ?? "/").split("/");
  if (focus && id && location.pathname === "/") {
    const row = document.querySelector(`[data-rows] [data-id="${CSS.escape(id)}"]`) ?? rows()[0];
    const target = row instanceof HTMLElement ? link(row) : null;
    if (target instanceof HTMLElement) target.focus();
  }
  const open = document.getElementById("message")?.dataset.id ?? currentRow()?.dataset.id;
  sessionStorage.setItem("gatepost:row", open ? `row/${open}` : "/");
}
