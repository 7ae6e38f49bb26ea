// Shows the mistakes in a rule while it is typed.

const QUIET_MS = 250;

/** Check each field that names what checks it, when typing pauses. */
export function startChecks() {
  const field = document.querySelector("input[data-check]");
  const notice = document.getElementById("mistakes");
  if (!(field instanceof HTMLInputElement) || !notice) return;
  notice.setAttribute("role", "status"); // polite: somebody is typing
  let pending = 0;
  field.addEventListener("input", () => {
    clearTimeout(pending);
    pending = setTimeout(() => check(field, notice), QUIET_MS);
  });
}

/**
 * @param {HTMLInputElement} field
 * @param {HTMLElement} notice
 */
async function check(field, notice) {
  const line = field.value.trim();
  /** @type {string[]} */
  let mistakes = [];
  if (line) {
    const body = JSON.stringify({ line });
    const headers = { "content-type": "application/json" };
    const response = await fetch(field.dataset.check ?? "", { method: "POST", headers, body });
    if (!response.ok || field.value.trim() !== line) return;
    mistakes = (await response.json()).mistakes;
  }
  const list = document.createElement("ul");
  for (const each of mistakes) list.append(Object.assign(document.createElement("li"), { textContent: each }));
  notice.replaceChildren(list);
  notice.hidden = !mistakes.length;
  field.setAttribute("aria-invalid", String(mistakes.length > 0));
}
