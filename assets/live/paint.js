// Which canvases of a stack are due, and the chips of the present values beside them.
import { drawFlow, drawOfi, sigmaAt } from "./bars.js";
import { begin, text } from "./canvas.js";
import { drawDistribution } from "./distribution.js";
import { number, signedSize } from "./format.js";
import { drawMade } from "./made.js";
import { drawOverlay } from "./overlay.js";
import { missingSince } from "./states.js";
import { write } from "./texts.js";
import { theme } from "./theme.js";
import { zoneName } from "./zone.js";

// Price and OFI follow every update, the profile this often, and the other rows once time has moved a pixel.
const NOW_MS = 240, PAST_MS = 480;
const SHAPES = 200, STRIP_PX = 18, STEP_PX = 8;

/** Paints the canvases that are due at `now`. */
export function paint(stack, state, hidden, now) {
  const { model, geometry, views, ranges } = stack, rows = geometry.rows, zone = zoneName(views.book.end);
  const look = [
    geometry.stamp, devicePixelRatio, model.epoch, theme.version, zone, state, hidden, stack.recorded, stack.optionsKey,
    ranges.user.time, ranges.user.price, views.book.low, views.book.high, views.ofi.high,
  ].join();
  const anew = look !== stack.look, { start, end, width } = views.book;
  const due = (name, every_ms) => {
    if (!anew && now - (stack.paintedAt[name] ?? -Infinity) < every_ms) return false;
    stack.paintedAt[name] = now;
    return true;
  };
  stack.look = look;
  if (stack.flowHigh !== views.flow.high) delete stack.paintedAt.past; // its axis is drawn at once
  stack.flowHigh = views.flow.high;
  if (!hidden) {
    stack.levelsChanged = Math.min(stack.levelsChanged, model.changed);
    const change = { key: `${look}/${model.gapsSeen}/${Math.round(missingSince(model, state))}`, changed: model.changed, now };
    model.changed = Infinity;
    if (rows.book.height) stack.heatmap.draw(rows.book.areas.plot, model, views.book, stack.options, change);
    if (rows.ofi.height) {
      drawOfi(rows.ofi.areas.plot, model, views.ofi, stack.options?.line, stack.ofiStrip, change);
      // Its line and percentile are those of the tiles, so it is drawn as often.
      if (rows.ofi.crossWidth) drawDistribution(rows.ofi.areas.cross, model, views.ofi);
    }
  }
  if (anew && !hidden) for (const row of Object.values(rows)) if (row.strip && row.height) writeZone(row, zone);
  // A row has no height while another has the whole screen.
  if (!hidden && due("past", Math.min(PAST_MS, Math.max(NOW_MS, (end - start) / width)))) {
    const { levels, flow } = rows;
    if (levels.height) {
      stack.levels.draw(levels.areas.plot, model, views.levels, stack.levelsChanged, now);
      stack.levelsChanged = Infinity;
    }
    if (flow.height) drawFlow(flow.areas.plot, model, views.flow, stack.flow);
    // What is beside them goes with them: a canvas is handed over as a whole, however little of it was drawn.
    if (levels.height && levels.crossWidth) stack.levels.drawNow(levels.areas.cross, model, views.levels);
    if (flow.height && flow.crossWidth) drawMade(flow.areas.cross, model, views.flow);
  }
  if (!hidden && rows.book.height && rows.book.crossWidth && due("now", NOW_MS)) {
    stack.depthAxis = stack.profile.draw(rows.book.areas.cross, model, views.book, now);
  }
  const cursor = hidden ? null : stack.shown;
  const gaps = views.book.gapSpans("depth").map(({ from, to }) => [Math.round(views.book.X(from)), Math.round(views.book.X(to))]);
  const over = [look, cursor?.time, cursor?.price, cursor && views.book.X(cursor.time), gaps].join();
  if (over === stack.over) return;
  stack.over = over;
  // Mostly there is nothing on it, and it is as large as all charts together.
  stack.overlay.style.visibility = drawOverlay(stack.overlay, stack, geometry, views, cursor) ? "" : "hidden";
}

/** The zone of time below the first axis of values, where the time axis ends. */
function writeZone({ areas, width, crossLeft, crossWidth, left }, zone) {
  const room = crossWidth > 0 ? crossLeft - left - width : areas.corner.wide - width;
  const x = begin(areas.corner, room, STRIP_PX);
  text(x, zone, 7, STRIP_PX - 6, theme.text3);
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
