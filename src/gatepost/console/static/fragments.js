// Brings parts of the page up to date, changing only what differs.

const policy = "trustedTypes" in window
  ? /** @type {any} */ (window).trustedTypes.createPolicy("gatepost", { createHTML: (/** @type {string} */ html) => html })
  : { createHTML: (/** @type {string} */ html) => html };

let running = false;
let wanted = false;

/**
 * Fetch this page again, and take over what is marked with data-live or data-count.
 * @returns {Promise<Document | null>} the new page; null if one is fetched already, or it fails
 */
export async function fetchPage() {
  if (running) {
    wanted = true; // one more afterwards, however many asked
    return null;
  }
  running = true;
  try {
    const response = await fetch(location.href, { headers: { accept: "text/html" }, redirect: "manual" });
    if (!response.ok) throw new Error(String(response.status));
    return new DOMParser().parseFromString(policy.createHTML(await response.text()), "text/html");
  } catch {
    document.body.dataset.stale = "true";
    return null;
  } finally {
    running = false;
    if (wanted) {
      wanted = false;
      setTimeout(() => document.dispatchEvent(new CustomEvent("gatepost:refresh")), 250);
    }
  }
}

/**
 * Replace the rows of a list by those of a newer page; equal rows stay the same elements.
 * @param {Element} list
 * @param {Element} newer
 */
export function replaceRows(list, newer) {
  /** @type {Map<string, Element>} */
  const present = new Map();
  for (const row of list.children) present.set(row.getAttribute("data-id") ?? "", row);
  const rows = [...newer.children].map((row) => {
    const old = present.get(row.getAttribute("data-id") ?? "");
    if (old && sameRow(old, row)) return old;
    return document.adoptNode(row);
  });
  list.replaceChildren(...rows);
}

/**
 * @param {Element} one
 * @param {Element} other
 */
function sameRow(one, other) {
  return one.className === other.className && one.textContent === other.textContent && values(one) === values(other);
}

/** @param {Element} row */
function values(row) {
  return [...row.querySelectorAll("button")].map((each) => `${each.value} ${each.disabled}`).join();
}

/**
 * Take over the counts of the navigation.
 * @param {Document} page
 */
export function replaceMenu(page) {
  const menus = [...page.querySelectorAll("nav.menu")];
  for (const [index, menu] of [...document.querySelectorAll("nav.menu")].entries()) {
    const newer = menus[index];
    if (newer && newer.textContent !== menu.textContent) menu.replaceChildren(...newer.children);
  }
}
