// Charts: a cursor that reads the values, by mouse and by arrow keys.

/** @param {HTMLElement} chart */
function follow(chart) {
  const svg = chart.querySelector("svg");
  const output = chart.querySelector("output");
  /** @type {string[][]} */
  const points = [...chart.querySelectorAll("tbody tr")].map((row) => [...row.children].map((cell) => cell.textContent ?? ""));
  const cursor = chart.querySelector(".cursor");
  if (!svg || !output || !points.length || !cursor) return;
  let at = points.length - 1;
  const show = () => {
    const x = String((at / Math.max(1, points.length - 1)) * 100);
    cursor.setAttribute("x1", x);
    cursor.setAttribute("x2", x);
    output.textContent = points[at].join(" · ");
  };
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    at = Math.round(((event.clientX - box.left) / box.width) * (points.length - 1));
    at = Math.max(0, Math.min(points.length - 1, at));
    show();
  });
  svg.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    at = Math.max(0, Math.min(points.length - 1, at + step));
    event.preventDefault();
    show();
  });
}

/** Give each chart its cursor. */
export function startCharts() {
  for (const chart of document.querySelectorAll(".chart")) {
    if (chart instanceof HTMLElement) follow(chart);
  }
}
