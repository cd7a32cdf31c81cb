// The scales of the rows of Book & flow, from plain data: the page and its painter (painter.js) each make them.
import { hatch, hatchedFrom } from "./canvas.js";
import { scale } from "./geometry.js";

/**
 * @param {{start: number, end: number, ahead: number, step: number, showsNow: boolean, low: Object<string, number>,
 *   high: Object<string, number>, spans: Object<string, {from: number, to: number}[]>}} draw times in ms; `ahead` is how far the
 *   axis is beyond the end, `low` and `high` the ranges of values by row, `spans` the stretches without data by stream
 * @param {Object<string, {width: number, height: number, crossWidth: number, crossHeight: number}>} rows by kind (geometry.js)
 * @returns {Object<string, object>} of each row: its size, ranges, scales `X` and `Y`, `gapSpans(stream)` and `hatches(x, stream, top, height)`
 */
export function viewsFrom({ start, end, ahead, step, showsNow, low, high, spans }, rows) {
  const views = {}, gapSpans = (stream) => spans[stream] ?? [];
  for (const [kind, { width, height, crossWidth, crossHeight }] of Object.entries(rows)) {
    const X = scale(start + ahead, end + ahead, width, false);
    const hatches = (x, stream, top, tall) => {
      for (const { from, to } of gapSpans(stream)) {
        const left = hatchedFrom(X(from)), right = Math.min(width + 8, X(to));
        if (right > 0 && left < width) hatch(x, left, top, Math.max(3, right - left), tall);
      }
    };
    views[kind] = {
      width, height, crossWidth, crossHeight, start, end, ahead, step, showsNow, X, Y: scale(low[kind], high[kind], height, true),
      low: low[kind], high: high[kind], gapSpans, hatches,
    };
  }
  return views;
}
