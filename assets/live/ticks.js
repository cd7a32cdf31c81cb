// Ticks of every axis of a stack, as layout keys for plotly.
import { AXIS, ticksFor } from "./axes.js";
import { clock, decimalsOf, multiples, number, signedTick, tickSize, tickStep, ticks, timeTicks } from "./format.js";
import { zoneNames } from "./zone.js";

const CORNER_PX = 18;
const few = (view) => Math.max(2, Math.min(6, view.height / 20));

/** Ticks of time far beyond the present, kept while they reach: new ones take plotly seven times as long as a new range. */
function lasting(before, { start, end, width }) {
  const span = end - start, look = [Math.round(span), width, zoneNames(start, end)].join();
  if (before?.look === look && before.from <= start && before.to >= end + span / 4) return before;
  const from = start - span / 4, to = end + span;
  const { step, found } = timeTicks(from, to, width * ((to - from) / span));
  return { look, from, to, found, words: found.map((t) => clock(t, step < 60000 ? "seconds" : "minutes")) };
}

/** Ranges, tick values and words of all axes; `time` is the range of time. */
export function ticksOf(stack, time) {
  const { book, ofi, levels, flow } = stack.views, wanted = {};
  stack.timeTicks = lasting(stack.timeTicks, book);
  const { found, words } = stack.timeTicks;
  for (const name of AXIS.time) Object.assign(wanted, ticksFor(name, time, found, words));
  const group = stack.model.info;
  const values = (view, name, count, text) => {
    let step = tickStep(view.low, view.high, count);
    const span = view.high - view.low;
    if (view.low < 0 && step > view.high) step = tickStep(view.low, view.high, count * 2);
    // Over the first axis stands its unit, below it the zone.
    const [top, low] = view === book ? [CORNER_PX, view.height - 5] : [-Infinity, Infinity];
    const all = multiples(view.low - span / 4, view.high + span / 4, step);
    Object.assign(wanted, ticksFor(name, [view.low, view.high], all, all.map((v) => (view.Y(v) > top && view.Y(v) < low ? text(v, step) : ""))));
  };
  const price = (v, step) => number(v, Math.min(group.price_decimals, decimalsOf(step)));
  values(book, AXIS.value.book, Math.max(3, Math.min(8, book.height / 42)), price);
  const amount = (v, step) => signedTick(v, decimalsOf(step));
  values(ofi, AXIS.value.ofi, few(ofi), amount);
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
