// Charts of verification: the scatter of impact with its line, and prediction by horizon.
import { crisp, haloText, line } from "./canvas.js";
import { between, frame, reach, through } from "./evidence_axes.js";
import { number, signed, signedSize, span, stamp } from "./format.js";
import { alpha, theme } from "./theme.js";

const SUPER = "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079";
const two = (v, decimals = 2) => number(v, decimals);

/** The decimals with which three digits of a slope are seen. */
export function slope(v) {
  if (v === null || v === undefined) return "\u2013";
  const a = Math.abs(v), power = Math.floor(Math.log10(a));
  if (a > 0 && power < -4) return `${number(v / 10 ** power, 2)}\u00b710\u207b${[...String(-power)].map((digit) => SUPER[digit]).join("")}`;
  return number(v, a === 0 ? 0 : Math.max(0, Math.min(10, 2 - Math.floor(Math.log10(a)))));
}

/** Each dot a bin: its OFI, and how far mid moved in it. Returns what the pointer can be near. */
export function drawImpact(canvas, box, { values, arrays, info }) {
  const xs = arrays.ev_x, ys = arrays.ev_y, fit = values.explains.best;
  const s = frame(canvas, box, {
    x: reach(xs), y: reach(ys, { least: 1 }), left: 48, right: 14, top: 20,
    xLabel: `OFI in the same ${span(values.bin_s)}, ${info.unit}`, yLabel: "move of mid, ticks",
  });
  const { x, X, Y } = s;
  if (arrays.ev_line) between(x, arrays.ev_line, arrays.ev_low, arrays.ev_high, X, Y, alpha(theme.quiet, 0.16));
  const points = [], many = xs.length > 600;
  x.fillStyle = alpha(theme.quiet, many ? 0.35 : 0.6);
  for (let k = 0; k < xs.length; k++) {
    const left = X(xs[k]), top = Y(ys[k]);
    points.push({ left, top, k });
    x.beginPath();
    x.arc(left, top, many ? 1.7 : 2.6, 0, 7);
    x.fill();
  }
  if (fit.beta !== null) {
    const ends = [arrays.ev_line[0], arrays.ev_line.at(-1)];
    through(x, ends, ends.map((v) => fit.intercept + fit.beta * v), X, Y, theme.mid, 1.6);
    haloText(x, `\u03b2 = ${slope(fit.beta)} ticks per ${info.unit}`, s.L + 8, s.T + 8, theme.text, "left", "600 12px");
    haloText(x, `t = ${two(fit.t, 1)}, R\u00b2 = ${two(fit.r2)}, n = ${number(fit.bins)}`, s.L + 8, s.T + 24, theme.text2);
  }
  return points.map((point) => ({
    ...point,
    title: "One bin",
    rows: [
      [`OFI, ${span(values.bin_s)}`, `${signedSize(xs[point.k])} ${info.unit}`],
      ["Move of mid", `${signed(ys[point.k], 1)} ticks`],
      ...(fit.beta === null ? [] : [["The line says", `${signed(fit.intercept + fit.beta * xs[point.k], 1)} ticks`]]),
    ],
  }));
}

// A correlation ends at 1; an interval that would go on is drawn to there, without its bar.
const bound = (v) => Math.max(-1, Math.min(1, v));

/** Measured, held out and by chance, at each horizon; filled only where the interval clears zero. */
export function drawPrediction(canvas, box, { values }) {
  const horizons = Object.keys(values.prediction).map(Number), all = horizons.map((h) => values.prediction[h]);
  const spread = all.flatMap((p) => [p.ic_low, p.ic_high, p.chance?.ic_low, p.chance?.ic_high, p.out_of_sample?.ic].map((v) => bound(v ?? NaN)));
  const s = frame(canvas, box, {
    x: [-0.6, horizons.length - 0.4], y: reach(spread, { least: 0.05 }), left: 48, right: 10, vertical: false,
    xTicks: horizons.map((h, at) => ({ at, words: `${h}\u00a0s` })), xLabel: "ahead of now", yLabel: "correlation with the next move of mid",
  });
  const { x, X, Y } = s, points = [];
  all.forEach(({ chance }, k) => {
    if (!chance) return;
    x.fillStyle = alpha(theme.quiet, 0.16);
    const [top, bottom] = [Y(bound(chance.ic_high)), Y(bound(chance.ic_low))];
    x.fillRect(X(k - 0.34), top, X(k + 0.34) - X(k - 0.34), bottom - top);
  });
  line(x, s.L, crisp(Y(0)), s.R, crisp(Y(0)), theme.axis);
  all.forEach((p, k) => {
    if (p.ic === undefined) return void haloText(x, "too few", X(k), Y(0) - 9, theme.text3, "center");
    measured(x, X(k - 0.1), p, Y);
    if (p.out_of_sample) diamond(x, X(k + 0.18), Y(p.out_of_sample.ic));
    points.push({ left: X(k), top: Y(p.ic), wide: X(k + 0.5) - X(k), title: `Next ${horizons[k]}\u00a0s`, rows: inWords(p) });
  });
  verdicts(s, box, all);
  return points;
}

function measured(x, left, p, Y) {
  // Hollow unless the interval clears zero and the shifts seldom reach it: the picture says what the sentence says.
  const clear = p.better_than_chance, colour = clear ? theme.text : theme.text3;
  const [top, bottom] = [Y(bound(p.ic_high)), Y(bound(p.ic_low))];
  x.lineWidth = 1.6;
  x.strokeStyle = colour;
  x.beginPath();
  x.moveTo(left, top);
  x.lineTo(left, bottom);
  for (const [v, y] of [[p.ic_high, top], [p.ic_low, bottom]]) {
    if (Math.abs(v) > 1) continue;
    x.moveTo(left - 4, y);
    x.lineTo(left + 4, y);
  }
  x.stroke();
  x.beginPath();
  x.arc(left, Y(p.ic), 4, 0, 7);
  x.fillStyle = clear ? theme.text : theme.panel;
  x.fill();
  x.stroke();
  x.lineWidth = 1;
}

function diamond(x, left, top) {
  x.beginPath();
  x.moveTo(left, top - 4.5);
  x.lineTo(left + 4.5, top);
  x.lineTo(left, top + 4.5);
  x.lineTo(left - 4.5, top);
  x.closePath();
  x.strokeStyle = theme.text2;
  x.lineWidth = 1.3;
  x.stroke();
  x.lineWidth = 1;
}

function verdicts({ x, L }, box, all) {
  const good = all.filter((p) => p.better_than_chance).length, known = all.filter((p) => p.ic !== undefined).length;
  if (!known) return;
  const words = good === 0 ? "no better than chance at any" : `better than chance at ${good} of ${known}`;
  haloText(x, words, L, box.height - 8, good ? theme.text : theme.text2, "left", good ? "600 11px" : "");
}

function inWords(p) {
  const rows = [
    ["Correlation", signed(p.ic, 3)],
    ["95 %, Newey\u2013West", `${signed(p.ic_low, 2)} to ${signed(p.ic_high, 2)}`],
  ];
  if (p.chance) rows.push(["Shuffled, 95 %", `${signed(p.chance.ic_low, 2)} to ${signed(p.chance.ic_high, 2)}`]);
  if (p.out_of_sample) rows.push(["Held out", signed(p.out_of_sample.ic, 3)]);
  if (p.hit_rate !== null) rows.push(["Right", `${number(p.hit_rate * 100, 1)} %`]);
  rows.push(["Pairs, independent", `${number(p.pairs)}, ${number(Math.floor(p.n_eff))}`]);
  rows.push(["Verdict", p.better_than_chance ? "better than chance" : "no better than chance"]);
  return rows;
}

export const asOf = (values) => `as of ${stamp(values.end_ms)}`;
