// Rolling OFI and taker flow as bars on the time axis.
import { begin, crisp, curve, haloText, line, paragraph, text } from "./canvas.js";
import { widthOf } from "./geometry.js";
import { NO_TRADES, learningWords } from "./said.js";
import { alpha, theme } from "./theme.js";

const BAR_PX = 3;

/** The series drawn as thin lines over the bars of another, by the option of the address. */
export function linesOf(choice, main) {
  const chosen = { multi: ["multi"], best: ["ofi"], both: ["multi", "integrated"], none: [] }[choice] ?? ["integrated"];
  return chosen.filter((name) => name !== main);
}

/**
 * Rolling OFI: bars by strength, the band of its usual range, other kinds of OFI as thin lines; what is `due` of them
 * (strip.js), whose key has all that is not seen here.
 */
export function drawOfi(canvas, model, view, choice, strip, due) {
  const { width, height, X, Y, start, end } = view;
  const { name: main, distribution: d, score } = model.standing, known = d && d.sd > 0 && score !== null;
  const waits = view.showsNow && learningWords(model);
  const [far, near, low, least] = known ? [3, 2, -2, -3].map((k) => sigmaAt(d, k, Y)) : [];
  const picture = [due.key, height, view.high, main, choice, far, near, low, least, waits && due.now].join();
  const part = strip.plan({ ...due, key: picture }, view);
  if (!part) return;
  const x = begin(canvas, width, height, part), since = Math.max(start, part.since);
  if (known) {
    x.fillStyle = theme.band;
    x.fillRect(0, near, width, low - near);
    x.lineDashOffset = -(X(0) % 7); // the breaks move with time, as what is painted does
    for (const at of [far, least]) line(x, 0, at + 0.5, width, at + 0.5, theme.axis, [4, 3]);
    x.lineDashOffset = 0;
  }
  bars(x, model.series, main, view, since, (v) => {
    const away = known ? Math.abs((v - d.mean) / d.sd) : 0;
    return away >= 3 ? 1 : away >= 2 ? 0.9 : 0.62;
  });
  const from = Math.max(model.series.from, model.series.search(since) - 1), to = model.series.search(end + view.step);
  for (const name of linesOf(choice, main)) {
    curve(x, model.series, name, from, to, view, name === "multi" ? { colour: theme.text3, dash: [4, 2] } : { colour: theme.text2 });
  }
  view.hatches(x, "best", 0, height);
  line(x, 0, crisp(Y(0)), width, crisp(Y(0)), theme.axis);
  if (waits) explain(x, waits, X(begins(model, main, view)), height);
}

/** Where so many deviations from the mean are: by whole pixels, for both change a little every second. */
export const sigmaAt = (d, k, Y) => Math.round(Y(d.mean + k * d.sd));

/** When the bars in view begin; the end of the axis where there are none. */
function begins({ series: s }, main, { start, end }) {
  const values = s.data[main];
  for (let k = s.search(start); k < s.to; k++) if (values[k] === values[k]) return s.time[k];
  return end;
}

const ROOM_PX = 236;

/** Words where the data do not reach yet; left out where they do. */
function explain(x, { title, text: words, share }, room, height) {
  if (room < ROOM_PX || height < 54) return;
  const [first, second] = words.split(/(?<=\.) /), top = height / 2 - 18;
  x.fillStyle = theme.panel;
  x.fillRect(18, top - 10, Math.min(room - 24, 300), 66);
  haloText(x, title, 24, top, theme.text, "left", "600 12px");
  text(x, first, 24, top + 16, theme.text2);
  if (second && height > 80) text(x, second, 24, top + 31, theme.text2);
  if (share === undefined) return;
  const at = top + (height > 80 ? 44 : 30);
  x.fillStyle = theme.active;
  x.fillRect(24, at, ROOM_PX - 48, 4);
  x.fillStyle = theme.text;
  x.fillRect(24, at, (ROOM_PX - 48) * share, 4);
}

/** One bar per `BAR_PX` pixels, or per step where steps are wider; the last step in a bar's span counts. */
function bars(x, table, name, view, since, strength) {
  const { X, Y, end, step } = view;
  const values = table.data[name], time = table.time;
  const from = table.search(since), to = table.search(end + step);
  const wide = widthOf(view, step), zero = Y(0);
  const each = Math.max(BAR_PX, wide);
  let slot = NaN, pending = NaN;
  const put = () => {
    if (pending !== pending) return;
    const top = Y(pending);
    x.fillStyle = alpha(theme[pending > 0 ? "buy-fill" : "sell-fill"], strength(pending));
    x.fillRect(slot, Math.min(top, zero), Math.max(1, each - 1), Math.max(0.7, Math.abs(top - zero)));
  };
  // Bars are tied to absolute time, so that they do not shimmer while the axis moves.
  const ms = wide > 0 ? (each / wide) * step : step;
  let index = NaN;
  for (let k = from; k < to; k++) {
    const bar = Math.ceil(time[k] / ms);
    if (bar !== index) {
      put();
      [index, slot] = [bar, X((bar - 1) * ms)];
    }
    pending = values[k];
  }
  put();
}

/** Bars of a view that are at least so wide: their pixels, and how long each spans, which is whole steps: its title says it. */
export function barsOf(view, least) {
  const wide = widthOf(view, view.step), steps = wide > 0 ? Math.max(1, Math.ceil(least / wide - 1e-6)) : 1;
  return { each: steps * wide || least, ms: steps * view.step };
}

/** The sum of a series over the bar in which a time lies; NaN where nothing of it is known. */
export function summed(table, name, at, ms) {
  const values = table.data[name], from = (Math.ceil(at / ms) - 1) * ms;
  let sum = NaN;
  for (let k = table.search(from); k < table.to && table.time[k] <= from + ms; k++) {
    if (table.time[k] > from && values[k] === values[k]) sum = (sum === sum ? sum : 0) + values[k];
  }
  return sum;
}

/** Taker flow: bought minus sold, summed over what one bar spans. */
export function flowBars(model, view) {
  const { start, end } = view, { each, ms } = barsOf(view, BAR_PX * 2);
  const table = model.series, time = table.time, flow = table.data.flow;
  const found = [];
  let index = NaN;
  for (let k = table.search(start - ms); k < table.to && time[k] <= end + ms; k++) {
    const bar = Math.ceil(time[k] / ms);
    if (bar !== index) {
      found.push({ at: (bar - 1) * ms, sum: NaN });
      index = bar;
    }
    const one = found[found.length - 1];
    if (flow[k] === flow[k]) one.sum = (one.sum === one.sum ? one.sum : 0) + flow[k];
  }
  return { found, each, ms };
}

export function drawFlow(canvas, model, view, { found, each }) {
  const { width, height, X, Y } = view;
  const x = begin(canvas, width, height);
  const zero = Y(0);
  for (const { at, sum } of found) {
    if (sum !== sum || sum === 0) continue;
    const top = Math.max(1, Math.min(height - 2, Y(sum))), wide = Math.max(1, each - 1);
    x.fillStyle = alpha(theme[sum > 0 ? "buy-fill" : "sell-fill"], 0.9);
    x.fillRect(X(at), Math.min(top, zero), wide, Math.max(0.7, Math.abs(top - zero)));
    if (Math.abs(sum) > view.high) {
      // A bar beyond the axis carries a cap: its length is not its value.
      x.fillStyle = theme.text;
      x.fillRect(X(at), sum > 0 ? 0 : height - 3, wide, 2);
    }
  }
  if (model.status?.has_trades === false) {
    const first = paragraph(x, NO_TRADES.text, 24, height / 2 + 6, width - 48, theme.text2);
    haloText(x, NO_TRADES.title, 24, first - 18, theme.text, "left", "600 12px");
    return;
  }
  view.hatches(x, "trades", 0, height);
  line(x, 0, crisp(zero), width, crisp(zero), theme.axis);
  line(x, 0, crisp(height) - 1, width, crisp(height) - 1, theme.axis);
}


const CUT = 0.985; // bars above this share of bars are cut, so that one print does not flatten the rest

/** The reach of the flow axis: the largest bar, or what nearly all bars stay within. */
export function usual(found) {
  const sizes = found.map(({ sum }) => Math.abs(sum)).filter((v) => v > 0).sort((a, b) => a - b);
  return sizes.length ? sizes[Math.floor((sizes.length - 1) * CUT)] : 0;
}
