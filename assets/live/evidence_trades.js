// Charts of toxicity: VPIN through time, markout curves, adverse selection.
import { chip, crisp, hatch, line, text } from "./canvas.js";
import { between, frame, reach, through } from "./evidence_axes.js";
import { bps, clock, number, percent, signed, stamp, timeTicks } from "./format.js";
import { alpha, theme } from "./theme.js";
import { zoneName } from "./zone.js";

const GROUPS = [
  ["buys", "buys, all", "buy", [4, 3]],
  ["buys_high", "buys, OFI high", "buy", []],
  ["sells", "sells, all", "sell", [4, 3]],
  ["sells_low", "sells, OFI low", "sell", []],
];

/** VPIN of each full bucket, the middle half of 24 h, and the 95th percentile; `placed` hears where the plot lies. */
export function drawVpin(canvas, box, { values, arrays, spans, cursor, shown, placed }) {
  const { end_ms, toxicity: t } = values, [start, end] = shown, ticks = timeTicks(start, end, box.width - 120, 76);
  const time = arrays.ev_vpin_t, v = arrays.ev_vpin, wide = box.width > 420;
  const range = reach([...v, t.p95 ?? NaN, t.p25 ?? NaN], { symmetric: false, least: 0.02 });
  const s = frame(canvas, box, {
    x: [start, end], y: [Math.max(0, range[0]), Math.min(1, range[1])], left: 44, right: wide ? 82 : 46, bottom: 22, top: 18, sign: false, yLabel: "0 to 1",
    xTicks: ticks.found.filter((at) => end - at > (end - start) * 0.03).map((at) => ({ at, words: clock(at, ticks.step < 60_000 ? "seconds" : "minutes") })),
  });
  const { x, X, Y, L, R, T, B } = s;
  const half = wide && t.p95 !== null;
  placed({ left: L, width: R - L });
  x.save();
  x.beginPath();
  x.rect(L, T - 1, R - L, B - T + 1);
  x.clip();
  if (t.p25 !== null) {
    x.fillStyle = alpha(theme.quiet, 0.13);
    x.fillRect(L, Y(t.p75), R - L, Y(t.p25) - Y(t.p75));
    line(x, L, crisp(Y(t.p95)), R, crisp(Y(t.p95)), theme.text3, [4, 3]);
    above(s, time, v, t.p95, end_ms);
  }
  // A bucket's figure stands until the next one is full.
  through(x, ...stairs(time, v, end_ms), X, Y, theme.mid, 1.5);
  // Over the line: nothing is held through a gap of the trades.
  for (const { from, to } of spans) {
    const left = Math.max(L, X(from)), right = Math.min(R, X(to));
    if (right > L && left < R) hatch(x, left, T, Math.max(3, right - left), B - T);
  }
  x.restore();
  if (cursor >= start && cursor <= end) line(x, crisp(X(cursor)), T, crisp(X(cursor)), B, theme.text2, [3, 3]);
  labels(s, box, values, half, end);
  const first = Math.max(0, time.findLastIndex((at) => at <= start)); // its figure stands at the left edge
  return Array.from(v, (value, k) => ({
    left: Math.max(L, X(time[k])), top: Y(value), wide: 1e9, time: Math.max(start, time[k]),
    title: stamp(time[k]),
    rows: [["VPIN", number(value, 3)], ...(t.p95 === null ? [] : [["95th percentile", number(t.p95, 3)], ["Middle half", `${number(t.p25, 2)} to ${number(t.p75, 2)}`]])],
  })).slice(first).filter(({ left }) => left <= R);
}

function stairs(time, v, end) {
  const [ts, vs] = [[], []];
  for (let k = 0; k < v.length; k++) {
    if (k) ts.push(time[k]), vs.push(v[k - 1]);
    ts.push(time[k]), vs.push(v[k]);
  }
  if (v.length) ts.push(end), vs.push(v.at(-1));
  return [ts, vs];
}

function above({ x, X, Y, L, R, T }, time, v, edge, end) {
  x.save();
  x.beginPath();
  x.rect(L, T, R - L, Math.max(0, Y(edge) - T));
  x.clip();
  for (let k = 0; k < v.length; k++) {
    const right = X(k + 1 < v.length ? time[k + 1] : end);
    x.fillStyle = alpha(theme.quiet, 0.4);
    x.fillRect(X(time[k]), Y(v[k]), right - X(time[k]), Math.max(0, Y(edge) - Y(v[k])));
  }
  x.restore();
}

function labels({ x, Y, R, T, B }, box, { end_ms, toxicity: t }, half, end) {
  text(x, zoneName(end), R + 6, box.height - 11, theme.text3);
  if (t.vpin === null) return;
  const now = end < end_ms ? NaN : Math.max(T + 8, Math.min(B - 8, Y(t.vpin)));
  if (half) {
    for (const [words, at, colour] of [["95th, toxic", Y(t.p95), theme.text2], ["middle half", Y((t.p25 + t.p75) / 2), theme.text3]]) {
      if (!(Math.abs(at - now) <= 14)) text(x, words, R + 6, at, colour);
    }
  }
  if (now === now) chip(x, number(t.vpin, 2), R + 4, now, theme.primary, theme.ink);
}

/** Mean move of mid after trades by side, all of them and those with the most flow behind them. */
export function drawMarkouts(canvas, box, { values, arrays }) {
  const hs = values.markout.horizons_s, n = hs.length, part = (name, g) => arrays[name].subarray(g * n, (g + 1) * n);
  const wide = box.width > 330;
  const shown = GROUPS.map(([name, words, tone, dash], g) => ({
    name, words, tone, dash, mean: part("ev_mark", g), low: part("ev_mark_low", g), high: part("ev_mark_high", g), trades: values.markout.groups[name],
  }));
  const s = frame(canvas, box, {
    x: [0, 60], y: reach([...arrays.ev_mark, ...arrays.ev_mark_low, ...arrays.ev_mark_high], { least: 0.001 }), left: 48, right: wide ? 102 : 42, top: 18,
    xTicks: [0, 5, 15, 30, 45, 60].map((at) => ({ at, words: at === 60 ? "60\u00a0s" : String(at) })),
    xLabel: "after the trade", yLabel: wide ? "move of mid, bps" : "bps; solid: OFI strong, dashed: all", vertical: false,
  });
  const { x, X, Y, R } = s, points = [];
  for (const one of shown) between(x, hs, one.low, one.high, X, Y, alpha(theme[`${one.tone}-fill`], one.dash.length ? 0.08 : 0.16));
  line(x, s.L, crisp(Y(0)), R, crisp(Y(0)), theme.axis);
  for (const one of shown) {
    through(x, hs, one.mean, X, Y, theme[one.tone], 1.7, one.dash);
    for (let k = 0; k < n; k++) {
      if (one.mean[k] !== one.mean[k]) continue;
      const known = one.low[k] === one.low[k];
      points.push({
        left: X(hs[k]), top: Y(one.mean[k]), title: `${one.words}, after ${hs[k]}\u00a0s`,
        rows: [["Mean move", `${signed(one.mean[k], 3)} bps`], ["95 %", known ? `${signed(one.low[k], 3)} to ${signed(one.high[k], 3)}` : "needs 5 min of trades"], ["Trades", number(one.trades)]],
      });
    }
  }
  // Which side a line is of is never told by its colour alone.
  names(s, shown.filter((one) => one.mean.at(-1) === one.mean.at(-1)).map((one) => (wide ? one : { ...one, words: one.words.split(",")[0] })));
  return points;
}

/** Names at the ends of the lines, moved apart where they would touch. */
function names({ x, Y, R, T, B }, shown) {
  const ends = shown.map((one) => ({ ...one, at: Math.max(T, Math.min(B, Y(one.mean.at(-1)))) })).sort((a, b) => a.at - b.at);
  for (let k = 1; k < ends.length; k++) ends[k].at = Math.max(ends[k].at, ends[k - 1].at + 13);
  const over = Math.max(0, (ends.at(-1)?.at ?? 0) - B);
  for (const one of ends) {
    x.save();
    if (!one.dash.length) x.font = `600 11px ${theme.font}`;
    text(x, one.words, R + 6, one.at - over, theme[one.tone]);
    x.restore();
  }
}

/** What the price took and what makers kept of the effective spread, by horizon. */
export function drawAdverse(canvas, box, { values }) {
  const parts = Object.values(values.spread.horizons), known = parts.filter((p) => p.effective !== null);
  // A quarter more: each bar has its figure beyond its end.
  const all = known.flatMap((p) => [p.effective, p.adverse * 1.25, p.realised * 1.25]), range = reach([0, ...all], { symmetric: false, least: 0.001 });
  const s = frame(canvas, box, {
    x: [-0.6, parts.length - 0.4], y: range, left: 48, right: 12, top: 18, vertical: false,
    xTicks: parts.map((p, at) => ({ at, words: `${p.horizon_s}\u00a0s` })), xLabel: "mid taken after", yLabel: "bps of mid",
  });
  const { x, X, Y, L, R } = s, wide = Math.min(22, (R - L) / 14), points = [];
  line(x, L, crisp(Y(0)), R, crisp(Y(0)), theme.axis);
  parts.forEach((p, k) => {
    if (p.effective === null) return;
    let label = { at: NaN, right: 0 };
    for (const [side, v, fill, ink] of [[-1, p.adverse, alpha(theme.text, 0.85), theme.text], [1, p.realised, alpha(theme.quiet, 0.5), theme.text2]]) {
      const left = X(k) + (side < 0 ? -wide - 2 : 2), top = Math.min(Y(v), Y(0));
      x.fillStyle = fill;
      x.fillRect(left, top, wide, Math.max(1, Math.abs(Y(v) - Y(0))));
      const at = v >= 0 ? Y(v) - 7 : Y(v) + 8, words = bps(v), middle = left + wide / 2, half = x.measureText(words).width / 2;
      // The second figure gives way where it would lie on the first; the hover has both.
      if (side > 0 && Math.abs(at - label.at) < 12 && middle - half < label.right + 3) continue;
      if (side < 0) label = { at, right: middle + half };
      text(x, words, middle, at, ink, "center");
    }
    points.push({
      left: X(k), top: Y(Math.max(p.adverse, p.realised) / 2), wide: X(k + 0.5) - X(k), title: `Mid taken after ${p.horizon_s}\u00a0s`,
      rows: [
        ["Effective spread", `${signed(p.effective, 4)} bps`], ["Price impact", `${signed(p.adverse, 4)} bps`], ["Kept by makers", `${signed(p.realised, 4)} bps`],
        ["Trades", number(p.trades)], ["Below zero", percent(p.negative_share)],
      ],
    });
    if (k === 0) line(x, L, crisp(Y(p.effective)), R, crisp(Y(p.effective)), theme.text3, [4, 3]);
  });
  const lag = values.spread.trade_lag_ms, said = known.length ? `dashed: effective ${bps(known[0].effective)}` : "";
  const notes = [said, lag === null ? "" : `trade lag ${number(lag)}\u00a0ms`].filter(Boolean);
  // What names the axis stands at the right of the same line.
  while (notes.length && x.measureText(notes.join(" \u00b7 ")).width > R - L - 96) notes.pop();
  text(x, notes.join(" \u00b7 "), L + 4, box.height - 8, theme.text3);
  return points;
}
