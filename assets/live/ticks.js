// Ticks of every axis of a stack, as layout keys for plotly.
import { AXIS, ticksFor } from "./axes.js";
import { clock, decimalsOf, multiples, number, signedTick, tickSize, tickStep, ticks, timeTicks } from "./format.js";

const AHEAD_MS = 2000;
const few = (view) => Math.max(2, Math.min(6, view.height / 20));

/** Ranges, tick values and words of all axes; a label gives way to a chip, and at the ends of time. */
export function ticksOf(stack) {
  const { book, ofi, levels, flow } = stack.views, wanted = {}, tiles = stack.model.tiles;
  const width = book.end - book.start;
  const { step, found } = timeTicks(book.start - width / 4, book.end + width / 4, book.width * 1.5);
  // The last label gives way to the zone in the corner, also one that comes into view before plotly draws again.
  const pixel = width / book.width;
  const cut = (t) => (t > book.end - 26 * pixel && t < book.end + AHEAD_MS) || (t > book.start - 20 * pixel && t < book.start + 20 * pixel);
  const words = found.map((t) => (cut(t) ? "" : clock(t, step < 60000 ? "seconds" : "minutes")));
  // Less than a pixel is no reason for plotly to draw.
  const shown = stack.toldTime;
  const still = shown && Math.abs(shown[1] - book.end) < width / book.width && Math.abs(shown[0] - book.start) < width / book.width;
  if (!still) stack.toldTime = [book.start, book.end];
  for (const name of AXIS.time) Object.assign(wanted, ticksFor(name, stack.toldTime, found, words));
  const group = stack.model.info;
  const values = (view, name, count, text, chip) => {
    let step = tickStep(view.low, view.high, count);
    const span = view.high - view.low;
    if (view.low < 0 && step > view.high) step = tickStep(view.low, view.high, count * 2);
    // A tick within 14 px of a chip gives way.
    const low = view === book ? view.height - 5 : Infinity; // the zone stands below the first row
    const free = (v) => view.Y(v) < low && (chip === null || chip === undefined || Math.abs(view.Y(v) - view.Y(chip)) > 14);
    const all = multiples(view.low - span / 4, view.high + span / 4, step);
    Object.assign(wanted, ticksFor(name, [view.low, view.high], all, all.map((v) => (free(v) ? text(v, step) : ""))));
  };
  const price = (v, step) => number(v, Math.min(group.price_decimals, decimalsOf(step)));
  values(book, AXIS.value.book, Math.max(3, Math.min(8, book.height / 42)), price, stack.chips ? tiles?.mid : null);
  const amount = (v, step) => signedTick(v, decimalsOf(step));
  values(ofi, AXIS.value.ofi, few(ofi), amount, stack.chips ? stack.model.standing.value : null);
  values(flow, AXIS.value.flow, few(flow), amount);
  const m = stack.model.levelCount, each = levels.height / m;
  const every = Math.max(1, Math.ceil(13 / each));
  const named = Array.from({ length: m }, (_, k) => k).filter((k) => k % every === 0);
  Object.assign(wanted, ticksFor(AXIS.value.levels, [0, m], named.map((k) => m - k - 0.5), named.map((k) => (k ? `${k + 1}` : "level 1"))));
  if (stack.depthAxis) {
    const { most, plot } = stack.depthAxis, right = (most * book.crossWidth) / plot;
    const sizes = ticks(0, most, book.crossWidth < 160 ? 1.5 : 3).filter((v) => v > 0);
    Object.assign(wanted, ticksFor(AXIS.cross.book, [0, right], sizes, sizes.map((v) => tickSize(v, decimalsOf(sizes[0])))));
  }
  return wanted;
}
