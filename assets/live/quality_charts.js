// The charts of the tab Data quality: latency and rate of each stream through time, and what is known.
import { begin, crisp, haloText, hatch, line, text } from "./canvas.js";
import { clock, decimalsOf, number, tickStep, ticks, timeTicks } from "./format.js";
import { scale } from "./geometry.js";
import { theme } from "./theme.js";
import { zoneName } from "./zone.js";

export const STREAMS = ["best", "depth", "trades"];
export const NAMES = { best: "best quotes", depth: "depth", trades: "trades" };
export const AXIS = 66, STRIP = 20, TOP = 6;
export const RECORD_MS = 10_000; // how often a record comes
const HOLE_MS = 25_000;
// Streams have no direction, so they differ by weight and dash.
const STROKES = { best: { dash: [], tone: "text" }, depth: { dash: [5, 3], tone: "text2" }, trades: { dash: [1.5, 2.5], tone: "text2" } };

function frame(canvas, start, end) {
  const width = canvas.clientWidth, height = canvas.clientHeight;
  const x = begin(canvas, width, height);
  const plot = Math.max(40, width - AXIS), tall = Math.max(10, height - STRIP - TOP);
  return { x, width, height, plot, tall, X: scale(start, end, plot, false), start, end };
}

function timeAxis({ x, plot, tall, X, start, end }) {
  const { step, found } = timeTicks(start, end, plot);
  const base = TOP + tall;
  for (const t of found) {
    line(x, crisp(X(t)), TOP, crisp(X(t)), base, theme.grid);
    if (X(t) > 24 && X(t) < plot - 20) text(x, clock(t, step < 60_000 ? "seconds" : "minutes"), X(t), base + 12, theme.text3, "center");
  }
  line(x, 0, crisp(base) - 1, plot, crisp(base) - 1, theme.axis);
  line(x, crisp(plot) - 1, TOP, crisp(plot) - 1, base, theme.axis);
  text(x, zoneName(end), plot + 7, base + 12, theme.text3);
}

function gaps(parts, spans) {
  const { x, plot, tall, X } = parts;
  for (const { from, to } of spans) {
    const left = Math.max(0, X(from)), right = Math.min(plot, X(to));
    if (right > 0 && left < plot) hatch(x, left, TOP, Math.max(3, right - left), tall);
  }
}

function curve(parts, series, stream, values, Y, { tone, dash }, width) {
  const { x, X, start, end, plot, tall } = parts;
  x.save();
  x.beginPath();
  x.rect(0, TOP - 1, plot, tall + 2);
  x.clip();
  x.strokeStyle = theme[tone];
  x.lineWidth = width;
  x.setLineDash(dash);
  x.beginPath();
  let last = NaN;
  for (let k = 0; k < series.t.length; k++) {
    const t = series.t[k], v = values[k * STREAMS.length + stream];
    if (v !== v || t < start - HOLE_MS || t > end + HOLE_MS) { last = NaN; continue; }
    if (t - last <= HOLE_MS) x.lineTo(X(t), Y(v));
    else { x.moveTo(X(t) - 1, Y(v)); x.lineTo(X(t), Y(v)); }
    last = t;
  }
  x.stroke();
  x.restore();
}

function valueAxis({ x, plot, tall }, high, Y, unit) {
  const decimals = decimalsOf(tickStep(0, high, 4));
  for (const v of ticks(0, high, 4)) if (Y(v) > TOP + 5) text(x, `${number(v, decimals)}${v && unit ? `\u00a0${unit}` : ""}`, plot + 7, Math.min(TOP + tall - 4, Y(v)), theme.text3);
}

/** The largest value in view, of all streams. */
function largest(series, parts, start) {
  let high = 0;
  for (const values of parts) {
    series.t.forEach((t, k) => {
      if (t < start) return;
      for (let s = 0; s < STREAMS.length; s++) if (values[k * STREAMS.length + s] > high) high = values[k * STREAMS.length + s];
    });
  }
  return high;
}

/** Median strong, the 99th percentile thin above it, named on the chart: the line that tells of them may have no room. */
export function drawLatency(canvas, series, start, end, spans) {
  const parts = frame(canvas, start, end), high = largest(series, [series.p50, series.p99], start) * 1.08;
  const Y = (v) => TOP + parts.tall - (v / high) * parts.tall;
  gaps(parts, spans);
  timeAxis(parts);
  if (!(high > 0)) return;
  STREAMS.forEach((name, s) => {
    curve(parts, series, s, series.p50, Y, STROKES[name], 1.6);
    curve(parts, series, s, series.p99, Y, { ...STROKES[name], tone: "text3" }, 1);
  });
  named(parts, series, Y);
  valueAxis(parts, high, Y, "ms");
}

/** Names the two lines of the stream where they lie furthest apart, at their last values. */
function named({ x, X, start, end, plot, tall }, series, Y) {
  const { t, p50, p99 } = series, k = t.findLastIndex((at, k) => at >= start && at <= end && STREAMS.some((_, s) => p99[k * STREAMS.length + s] >= 0));
  if (k < 0) return;
  const apart = (s) => p99[k * STREAMS.length + s] - p50[k * STREAMS.length + s] || 0;
  const at = k * STREAMS.length + STREAMS.reduce((most, _, s) => (apart(s) > apart(most) ? s : most), 0), right = Math.min(plot - 4, X(t[k]) - 4);
  const high = Math.max(TOP + 7, Y(p99[at]) - 8), low = Math.min(TOP + tall - 7, Math.max(high + 13, Y(p50[at]) - 8));
  haloText(x, "p99", right, high, theme.text2, "right");
  haloText(x, "p50", right, low, theme.text, "right", "600 11px");
}

export function drawRate(canvas, series, start, end, spans) {
  const parts = frame(canvas, start, end), high = largest(series, [series.rate], start) * 1.08;
  const Y = (v) => TOP + parts.tall - (v / high) * parts.tall;
  gaps(parts, spans);
  timeAxis(parts);
  if (!(high > 0)) return;
  STREAMS.forEach((name, s) => curve(parts, series, s, series.rate, Y, STROKES[name], 1.6));
  valueAxis(parts, high, Y, "/s");
}

/** One bar a stream from the first data on, gaps cut out and hatched; `streams` are those that there are. */
export function drawCoverage(canvas, streams, start, end, spansOf, begins) {
  const parts = frame(canvas, start, end), { x, plot, tall, X } = parts;
  timeAxis(parts);
  const each = tall / Math.max(1, streams.length), bar = Math.max(4, Math.min(10, each - 6));
  streams.forEach(({ name, words }, k) => {
    const top = TOP + k * each + (each - bar) / 2;
    x.globalAlpha = 0.75;
    x.fillStyle = theme.live;
    const first = Math.min(plot - 1, Math.max(0, X(begins)));
    x.fillRect(first, top, plot - 1 - first, bar);
    x.globalAlpha = 1;
    for (const { from, to } of spansOf(name)) {
      const left = Math.max(0, X(from)), right = Math.min(plot - 1, X(to));
      if (right <= 0 || left >= plot) continue;
      const wide = Math.max(3, right - left);
      x.clearRect(left, top - 1, wide, bar + 2);
      hatch(x, left, top - 1, wide, bar + 2);
    }
    text(x, words, plot + 7, top + bar / 2, theme.text3);
  });
}
