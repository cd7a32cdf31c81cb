// What lies over the charts of Book & flow: crosshair and labels of gaps, the chips of the present values, the line of the mid.
import { sigmaAt } from "./bars.js";
import { number, signedSize } from "./format.js";
import { drawOverlay } from "./overlay.js";
import { write } from "./texts.js";

const SHAPES = 200, STEP_PX = 8;

/** Draws the overlay of a pane where it is another one; `look` tells what the charts look like. */
export function overlay(pane, look, hidden) {
  const { geometry, views } = pane, { book } = views, cursor = hidden ? null : pane.shown;
  const gaps = book.gapSpans("depth").map(({ from, to }) => [Math.round(book.X(from)), Math.round(book.X(to))]);
  const over = [look, pane.model.epoch, cursor?.time, cursor?.price, cursor && book.X(cursor.time), gaps].join();
  if (over === pane.over) return;
  pane.over = over;
  // Mostly there is nothing on it, and it is as large as all charts together.
  pane.overlay.style.visibility = drawOverlay(pane.overlay, pane, geometry, views, cursor) ? "" : "hidden";
}

/** Mid and OFI on their axes, and the line of the mid: elements, since they move with every update and a canvas would too. */
export function placeChips(stack, hidden) {
  const { model, geometry, views, f } = stack, t = model.tiles, shown = stack.chips && !hidden && t, ofi = model.standing.value;
  place(f["chip-book"], shown ? t.mid : null, geometry.rows.book, views.book, () => number(t.mid, model.info.price_decimals + 1), 1);
  place(f["chip-ofi"], shown ? ofi : null, geometry.rows.ofi, views.ofi, () => signedSize(ofi), STEP_PX);
  f["chip-ofi"].classList.toggle("sold", ofi < 0);
  placeSigmas(f, model, geometry.rows.ofi, views.ofi, hidden);
  const row = geometry.rows.book, at = row.height > 0 && views.book.showsNow && shown && t.mid ? views.book.Y(t.mid) : NaN;
  put(f["mid-line"], at >= 0 && at <= row.height, row.left, row.top + Math.round(at));
  if (f["mid-line"].ofiWidth !== row.width) f["mid-line"].style.width = `${(f["mid-line"].ofiWidth = row.width)}px`;
}

/** What the dashed lines of the OFI row are: elements, since its picture moves with time. */
function placeSigmas(f, { standing: { distribution: d, score } }, row, view, hidden) {
  const shown = !hidden && d && d.sd > 0 && score !== null && row.width > 300 && row.height > 60;
  put(f["sigma-up"], shown, row.left + 6, row.top + (shown ? sigmaAt(d, 3, view.Y) + 1 : 0));
  put(f["sigma-down"], shown, row.left + 6, row.top + (shown ? sigmaAt(d, -3, view.Y) - 15 : 0));
}

function place(element, value, row, view, words, step) {
  const at = value === null || value === undefined ? NaN : view.Y(value);
  const inside = row.height > 0 && at >= -1 && at <= row.height + 1;
  put(element, inside, row.left + row.width + 2, row.top + Math.max(8, Math.min(row.height - 8, at)) - 8);
  if (inside) fit(element.firstElementChild, words(), step);
}

const wide = new Map(); // pixels of a text by its shape, which is looked at once

/** Writes into a box that has one size for as many digits, in steps: around one that changes, all is laid out anew. */
function fit(box, words, step) {
  write(box, words);
  const shape = `${document.fonts.status} ${words.replace(/\d/g, "0")}`; // before its font has come a text is another one
  if (box.ofiShape === shape) return;
  box.ofiShape = shape;
  if (wide.size > SHAPES) wide.clear();
  if (!wide.has(shape)) {
    const text = document.createRange();
    text.selectNodeContents(box);
    wide.set(shape, text.getBoundingClientRect().width);
  }
  const width = `${step * Math.ceil(wide.get(shape) / step)}px`;
  if (box.style.width !== width) box.style.width = width;
}

/** Shows an element at a place, or hides it. */
function put(element, shown, left, top) {
  if (element.hidden === shown) element.hidden = !shown;
  if (!shown) return;
  const where = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
  if (element.where === where) return;
  element.where = where;
  element.style.transform = where;
}
