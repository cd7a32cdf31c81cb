// Where the rows of a stack are, in pixels of its `.rows` element; measured from the page, so that CSS
// alone decides the layout.

let count = 0; // of measurements, so that each has a stamp

/**
 * @param {HTMLElement} rows the element that holds panels, axes and overlay
 * @returns {{width: number, height: number, rows: Object<string, object>, stamp: number}} of each row its charts, and
 *   where each of them is on the canvas that they share: a browser hands over every canvas with every frame
 */
export function measure(rows) {
  count++;
  const outer = rows.getBoundingClientRect();
  const found = {};
  for (const panel of rows.querySelectorAll(".panel[data-row]")) {
    const [canvas, plot, cross] = ["sheet", "plot", "cross"].map((name) => panel.querySelector(`.cv > .${name}`));
    const [sheet, box, beside] = [canvas, plot, cross].map((one) => one.getBoundingClientRect());
    const area = (left, top) => ({ stamp: count, left: left - sheet.left, top: top - sheet.top, wide: sheet.width, tall: sheet.height });
    found[panel.dataset.row] = {
      plot, cross,
      areas: { plot: area(box.left, box.top), cross: area(beside.left, beside.top), corner: area(box.right, box.bottom) },
      left: box.left - outer.left,
      top: box.top - outer.top,
      width: box.width,
      height: box.height,
      crossLeft: beside.left - outer.left,
      crossWidth: beside.width,
      crossHeight: beside.height,
      strip: plot.parentElement.classList.contains("strip") || panel.classList.contains("soloed"),
      solo: panel.classList.contains("soloed"),
    };
  }
  return { width: outer.width, height: outer.height, rows: found, stamp: count };
}

/** The rows of a measurement as plain data, for the painter: without their elements. */
export const plain = (rows) => Object.fromEntries(Object.entries(rows).map(([kind, { plot, cross, ...row }]) => [kind, row]));

/** How many pixels a stretch of time takes in a view; from whole milliseconds, for a difference of times is not exact. */
export const widthOf = ({ start, end, width }, ms) => (ms * width) / Math.round(end - start);

/** Stretches `{from, to}` of time in their order, those that touch as one. */
export function joined(spans) {
  const found = [];
  for (const one of spans.toSorted((a, b) => a.from - b.from)) {
    const before = found.at(-1);
    if (before && one.from <= before.to) before.to = Math.max(before.to, one.to);
    else found.push({ ...one });
  }
  return found;
}

/** Linear scale from values to pixels; `up` runs from the bottom. */
export function scale(low, high, length, up) {
  const factor = length / (high - low || 1);
  return up ? (v) => length - (v - low) * factor : (v) => (v - low) * factor;
}
