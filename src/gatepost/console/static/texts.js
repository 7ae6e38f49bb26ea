// Texts that scripts show: the page has them, in the reader's language.

/**
 * @param {string} name
 * @param {Record<string, string | number>} values
 * @returns {string}
 */
export function text(name, values = {}) {
  const source = document.getElementById("texts")?.dataset[name] ?? "";
  return source.replace(/\{(\w+)\}/g, (_, key) => String(values[key] ?? ""));
}

/**
 * Say something to those who listen to the page.
 * @param {string} words
 */
export function announce(words) {
  const region = document.getElementById("news");
  if (region) region.textContent = words;
}
