// Rows of charts on one time axis, each on a canvas of its own: geometry, axes, and what the pointer does.
import { begin, chip, crisp, hatch, hatchedFrom, line, text } from "./canvas.js";
import { clock, decimalsOf, multiples, tickStep, timeTicks } from "./format.js";
import { scale } from "./geometry.js";
import { theme } from "./theme.js";
import { HANDLES } from "./touch.js";
import { zoneName } from "./zone.js";

export const AXIS = 76, STRIP = 18, TOP = 4;
const SHRINK_AFTER_MS = 30000;

/** A range that grows at once and shrinks after a while, so that it does not breathe with the data. */
export class Fit {
  constructor() {
    this.low = this.high = NaN;
    this.heldAt = 0;
  }

  /** @returns {[number, number]} a range that holds `low` to `high` with a margin */
  over(low, high, now, margin = 0.08) {
    if (!(high >= low)) return this.high > this.low ? [this.low, this.high] : [0, 1];
    const room = (high - low || Math.abs(high) || 1) * margin;
    const inside = low >= this.low && high <= this.high;
    if (inside && high - low > (this.high - this.low) * 0.55) this.heldAt = now;
    if (!inside || now - this.heldAt > SHRINK_AFTER_MS) {
      this.low = low - room;
      this.high = high + room;
      this.heldAt = now;
    }
    return [this.low, this.high];
  }
}

/** Where the rows of a holder are, in its pixels; hidden ones have no height. */
export function measureRows(holder) {
  const outer = holder.getBoundingClientRect(), rows = {};
  for (const canvas of holder.querySelectorAll("canvas[data-canvas]")) {
    const box = canvas.getBoundingClientRect();
    rows[canvas.dataset.canvas] = { canvas, left: box.left - outer.left, top: box.top - outer.top, width: box.width, height: box.height };
  }
  const shown = Object.values(rows).filter((row) => row.height > 0).sort((a, b) => a.top - b.top);
  shown.forEach((row, k) => (row.strip = k === 0 || k === shown.length - 1));
  return { width: outer.width, height: outer.height, rows };
}

/** What a row draws with: pixels of its plot, time to x. */
export function rowView(row, start, end, step, spans) {
  const width = Math.max(1, row.width - AXIS), height = Math.max(1, row.height - TOP - (row.strip ? STRIP : 4));
  const X = scale(start, end, width, false);
  return {
    row, width, height, top: TOP, full: row.width, start, end, step, X,
    hatches(x, stream, top, tall) {
      for (const { from, to } of spans(stream)) {
        const left = hatchedFrom(X(from)), right = Math.min(width + 8, X(to));
        if (right > 0 && left < width) hatch(x, left, top, Math.max(3, Math.min(right, width) - left), tall);
      }
    },
  };
}

/** Begins a row: empty canvas, time grid, its right edge, time below where it is printed. */
export function beginRow(view) {
  const { row, width, height, start, end } = view, x = begin(row.canvas, row.width, row.height);
  const { step, found } = timeTicks(start, end, width);
  x.fillStyle = theme.grid;
  for (const t of found) x.fillRect(Math.round(view.X(t)), TOP, 1, height);
  line(x, crisp(width), TOP, crisp(width), TOP + height, theme.axis);
  if (row.strip) {
    for (const t of found) {
      const at = view.X(t);
      if (at > 16 && at < width - 14) text(x, clock(t, step < 60000 ? "seconds" : "minutes"), at, TOP + height + 11, theme.text3, "center");
    }
    text(x, zoneName(end), width + 7, TOP + height + 11, theme.text3);
  }
  return x;
}

/**
 * A scale of values within `[from, to]` pixels of a row, with its ticks at the right; `avoid` is where a chip
 * lies, `foot` how many pixels stay free below.
 */
export function valueAxis(x, view, low, high, words, { from = 0, to = view.height, count = 4, avoid = null, foot = 3 } = {}) {
  const up = scale(low, high, to - from, true), Y = (v) => TOP + from + up(v);
  const most = Math.max(2, Math.min(count + 1, (to - from) / 14));
  let step = tickStep(low, high, most);
  if (low < 0 && step > high) step = tickStep(low, high, most * 2);
  // Labels keep their distance, even where only one fits.
  const apart = (one) => (one / (high - low)) * (to - from) >= 13;
  for (let fewer = most; step > 0 && !apart(step) && fewer > 0.2; fewer /= 1.5) step = tickStep(low, high, fewer);
  const found = multiples(low, high, step);
  const fits = (at) => at >= TOP + from + 4 && at <= TOP + to - foot;
  if (low < 0 && high > 0 && !found.some((v) => v && fits(Y(v)))) {
    // Zero alone gives no scale: a round value of both signs, and zero where there is room.
    step = largestStep(Math.min(high, -low) * 0.85);
    found.splice(0, Infinity, -step, ...(apart(step) ? [0] : []), step);
  }
  const taken = avoid === null ? NaN : chipAt(view, Y(avoid));
  for (const v of found) {
    const at = Y(v);
    if (!fits(at) || Math.abs(at - taken) < 14) continue;
    text(x, words(v, decimalsOf(step)), view.width + 7, at, theme.text3);
  }
  return Y;
}

/** The largest 1, 2 or 5 × 10ⁿ up to a value. */
function largestStep(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return ([5, 2, 1].find((k) => k * power <= value) ?? 1) * power;
}

/** The present value on the axis of a row. */
export function valueChip(x, view, value, Y, words, fill = theme.primary, colour = theme.ink) {
  if (value === null || value === undefined || value !== value) return;
  chip(x, words, view.width + 2, chipAt(view, Y(value)), fill, colour);
}

const chipAt = (view, at) => Math.max(TOP + 8, Math.min(TOP + view.height - 8, at));

/** Clips what follows to the plot of a row until `x.restore()`. */
export function clipPlot(x, view) {
  x.save();
  x.beginPath();
  x.rect(0, 0, view.width, view.row.height);
  x.clip();
}

/**
 * Drag pans, the wheel zooms about the pointer, a double click resets; `on` hears
 * `{active: () => whether there is a range, range: () => [start, end], width: () => number, moved(range, done), reset(),
 * point(event or null)}`; with a `left`, the plot begins so many pixels from the holder's left.
 */
export function gestures(holder, on) {
  let from = null;
  holder.addEventListener("pointerdown", (event) => {
    if (event.button || event.pointerType === "touch" || !on.active() || event.target.closest(HANDLES)) return;
    from = { x: event.clientX, range: on.range(), moved: false };
    holder.setPointerCapture(event.pointerId);
  });
  holder.addEventListener("pointermove", (event) => {
    on.point(event);
    if (!from) return;
    const by = event.clientX - from.x;
    if (!from.moved && Math.abs(by) < 3) return;
    from.moved = true;
    on.moved(shifted(from.range, by, on.width()), false);
  });
  const end = (event) => {
    if (from?.moved) on.moved(shifted(from.range, event.clientX - from.x, on.width()), true);
    from = null;
  };
  holder.addEventListener("pointerup", end);
  holder.addEventListener("pointercancel", end);
  holder.addEventListener("pointerleave", () => on.point(null));
  holder.addEventListener("dblclick", (event) => event.target.closest(HANDLES) || on.reset());
  holder.addEventListener("wheel", (event) => {
    if (!on.active() || (!event.ctrlKey && on.scrolls())) return;
    event.preventDefault();
    const box = holder.getBoundingClientRect(), [start, stop] = on.range();
    const share = Math.max(0, Math.min(1, (event.clientX - box.left - (on.left?.() ?? 0)) / on.width()));
    // A wheel that turns sideways, or with Shift, pans.
    const sideways = event.shiftKey ? event.deltaY : event.deltaX;
    if (Math.abs(sideways) > Math.abs(event.shiftKey ? 0 : event.deltaY)) return on.moved(shifted([start, stop], -sideways, on.width()), true);
    const factor = Math.exp(Math.max(-0.6, Math.min(0.6, event.deltaY / 300))), at = start + share * (stop - start);
    on.moved([at - (at - start) * factor, at + (stop - at) * factor], true);
  }, { passive: false });
}

/** Whether the page of a stack scrolls: a wheel over charts is its then, and zooming takes Ctrl. */
export function scrolls(element) {
  const holder = element.parentElement;
  return holder.scrollHeight > holder.clientHeight + 4;
}

/** The time that a key moves the crosshair to from another; undefined for a key that does not. */
export function stepTo(key, far, from, { start, end, step }) {
  const by = (far ? 10 : 1) * Math.max(1000, step), page = (end - start) / 2;
  return { ArrowLeft: from - by, ArrowRight: from + by, Home: start, End: end, PageUp: start - page, PageDown: end + page }[key];
}

function shifted([start, end], pixels, width) {
  const by = (pixels / Math.max(1, width)) * (end - start);
  return [start - by, end - by];
}
