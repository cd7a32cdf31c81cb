// Axes of the evidence charts: a frame with its own ticks, and what the pointer is near.
import { begin, crisp, line, text } from "./canvas.js";
import { decimalsOf, multiples, number, signed, signedTick, tickSize, tickStep } from "./format.js";
import { theme } from "./theme.js";

/** A range about zero, or about what is drawn, at round edges. */
export function reach(values, { symmetric = true, least = 1e-12 } = {}) {
  let low = Infinity, high = -Infinity;
  for (const v of values) {
    if (v !== v || v === null || v === undefined) continue;
    if (v < low) low = v;
    if (v > high) high = v;
  }
  if (low > high) [low, high] = [-1, 1];
  if (symmetric) {
    const far = Math.max(Math.abs(low), Math.abs(high), least) * 1.08;
    return [-far, far];
  }
  const pad = Math.max((high - low) * 0.08, least);
  return [low - pad, high + pad];
}

/**
 * Clears a canvas and draws its frame.
 * `x`, `y` are ranges; `xTicks` a list of {at, words} or null for round ones; labels name what the axes measure, with the unit.
 */
export function frame(canvas, box, { x: xr, y: yr, left = 44, right = 12, top = 20, bottom = 34, xTicks = null, yTicks = null, xLabel = "", yLabel = "", vertical = true, sign = true }) {
  const x = begin(canvas, box.width, box.height);
  const T = top, B = box.height - bottom, R = box.width - right;
  const up = yTicks ?? round(yr, Math.max(4, Math.min(6, (B - T) / 34)), sign);
  // The longest value decides where the plot begins, in steps: it does not move with every digit.
  const longest = Math.max(0, ...up.map(({ words }) => x.measureText(words).width));
  const L = Math.max(left, Math.ceil((longest + 12) / 8) * 8);
  const X = (v) => L + ((v - xr[0]) / (xr[1] - xr[0] || 1)) * (R - L);
  const Y = (v) => B - ((v - yr[0]) / (yr[1] - yr[0] || 1)) * (B - T);
  const across = xTicks ?? round(xr, Math.max(2, Math.min(6, (R - L) / 70)), sign);
  for (const { at, words } of up) {
    const y = Y(at);
    if (y < T - 1 || y > B + 1) continue;
    line(x, L, crisp(y), R, crisp(y), at === 0 ? theme.axis : theme.grid);
    text(x, words, L - 6, y, theme.text3, "right");
  }
  for (const { at, words } of across) {
    const left = X(at);
    if (left < L - 1 || left > R + 1) continue;
    if (vertical) line(x, crisp(left), T, crisp(left), B, at === 0 ? theme.axis : theme.grid);
    line(x, crisp(left), B, crisp(left), B + 3, theme.axis);
    text(x, words, left, B + 11, theme.text3, "center");
  }
  line(x, L, crisp(B), R, crisp(B), theme.axis);
  text(x, yLabel, 12, 9, theme.text3);
  text(x, xLabel, R, box.height - 8, theme.text3, "right");
  return { x, X, Y, L, R, T, B };
}

function round([low, high], count, sign) {
  let step = tickStep(low, high, count);
  // A scale of one value is none.
  for (let more = count + 1; multiples(low, high, step).length < 3 && more < 3 * count; more++) step = tickStep(low, high, more);
  const decimals = decimalsOf(step);
  return multiples(low, high, step).map((at) => {
    const clean = Math.abs(at) < step * 1e-9 ? 0 : at;
    // Long labels would meet each other.
    if (Math.max(-low, high) >= 1e5) return { at: clean, words: (sign ? signedTick : tickSize)(clean, decimals) };
    return { at: clean, words: sign ? signed(clean, decimals) : number(clean, decimals) };
  });
}

/** A filled stretch between two lines. */
export function between(x, xs, low, high, X, Y, colour) {
  x.beginPath();
  let first = true;
  for (let k = 0; k < xs.length; k++) {
    if (high[k] !== high[k]) continue;
    x[first ? "moveTo" : "lineTo"](X(xs[k]), Y(high[k]));
    first = false;
  }
  for (let k = xs.length - 1; k >= 0; k--) if (low[k] === low[k]) x.lineTo(X(xs[k]), Y(low[k]));
  x.closePath();
  x.fillStyle = colour;
  x.fill();
}

/** A line through points, broken where one is missing. */
export function through(x, xs, ys, X, Y, colour, width = 1.5, dash = []) {
  x.beginPath();
  let pen = false;
  for (let k = 0; k < xs.length; k++) {
    if (ys[k] !== ys[k]) {
      pen = false;
      continue;
    }
    x[pen ? "lineTo" : "moveTo"](X(xs[k]), Y(ys[k]));
    pen = true;
  }
  x.strokeStyle = colour;
  x.lineWidth = width;
  x.setLineDash(dash);
  x.stroke();
  x.setLineDash([]);
  x.lineWidth = 1;
}

/** The point nearest to the pointer within some pixels; -1 for none. */
export function nearest(points, at, within = 14) {
  let found = -1, best = within * within;
  for (let k = 0; k < points.length; k++) {
    const d = (points[k].left - at.left) ** 2 + (points[k].top - at.top) ** 2;
    if (d < best) [found, best] = [k, d];
  }
  return found;
}
