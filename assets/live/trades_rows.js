// How the rows of the tab Trades & liquidity are drawn; every value comes from the server's series.
import { barsOf, summed } from "./bars.js";
import { crisp, curve, haloText, line } from "./canvas.js";
import { bps, number, signed, signedSize, signedTick, tickSize } from "./format.js";
import { alpha, theme } from "./theme.js";
import { TOP, beginRow, clipPlot, valueAxis, valueChip } from "./timerows.js";

const BAR_PX = 4, LANE = 9, STRENGTHS = [1, 0.62, 0.36];
export const BANDS = [5, 10, 25, 50];
const known = (v) => v === v && v !== null && v !== undefined;

/** Calls `put(left, wide, k)` for every bar: the last row of the table within the bar's span counts. */
function eachBar(table, view, put) {
  const { X, start, end, step } = view, { each, ms } = barsOf(view, BAR_PX);
  let index = NaN, last = -1;
  for (let k = table.search(start); k < table.to && table.time[k] <= end + step; k++) {
    const bar = Math.ceil(table.time[k] / ms);
    if (bar !== index && last >= 0) put(X((index - 1) * ms), Math.max(1, each - 1), last);
    index = bar;
    last = k;
  }
  if (last >= 0) put(X((index - 1) * ms), Math.max(1, each - 1), last);
}

/** The largest and smallest of named series in view. */
function reach(table, names, { start, end, step }, use = (v) => v) {
  let low = Infinity, high = -Infinity;
  const to = Math.min(table.to, table.search(end + step) + 1);
  for (const name of names) {
    const values = table.data[name], width = table.fields[name][1];
    for (let k = table.search(start) * width; k < to * width; k++) {
      const v = use(values[k]);
      if (v < low) low = v;
      if (v > high) high = v;
    }
  }
  return [low, high];
}

function stroke(x, pane, view, name, Y, colour, width = 1, dash = null) {
  const s = pane.model.series, [from, to] = s.through(view.start, view.end);
  curve(x, s, name, from, to, { ...view, Y }, { colour, width, dash });
}

/** The newest known value of a series; NaN where it is not known now. */
export function newest(pane, name, column = 0) {
  const s = pane.model.series, width = s.fields[name][1];
  return s.length ? s.data[name][(s.to - 1) * width + column] : NaN;
}

export function drawPrice(pane, view, now) {
  const x = beginRow(view), { model } = pane, { info, series: s } = model;
  const [low, high] = pane.fits.price.over(...reach(s, ["bid", "ask"], view), now);
  const mid = newest(pane, "mid"), chips = pane.showsNow && known(mid);
  const Y = valueAxis(x, view, low, high, (v, decimals) => number(v, Math.min(info.price_decimals, decimals)), { avoid: chips ? mid : null });
  clipPlot(x, view);
  stroke(x, pane, view, "ask", Y, alpha(theme.sell, 0.7));
  stroke(x, pane, view, "bid", Y, alpha(theme.buy, 0.7));
  stroke(x, pane, view, "mid", Y, theme.text, 1.4);
  pane.discs.find(model, view);
  pane.discs.draw(x, { ...view, Y });
  view.hatches(x, "best", TOP, view.height);
  x.restore();
  if (chips) valueChip(x, view, mid, Y, number(mid, info.price_decimals + 1));
}

/** The running sum above, bought and sold per bar below, each on its own scale. */
export function drawCvd(pane, view, now) {
  const x = beginRow(view), { series: s } = pane.model, split = Math.round(view.height * 0.6);
  const [low, high] = pane.fits.cvd.over(...reach(s, ["cvd"], view), now);
  const cvd = newest(pane, "cvd"), chips = pane.showsNow && known(cvd);
  const Y = valueAxis(x, view, low, high, signedTick, { to: split, count: 3, avoid: chips ? cvd : null });
  const bars = [], { ms } = barsOf(view, BAR_PX);
  pane.barMs = ms;
  eachBar(s, view, (left, wide, k) => {
    const [bought, sold] = ["bought", "sold"].map((name) => summed(s, name, s.time[k], ms));
    if (known(bought)) bars.push([left, wide, bought, sold]);
  });
  const sizes = bars.flatMap(([, , bought, sold]) => [bought, sold]).filter((v) => v > 0).sort((a, b) => a - b);
  const usual = sizes.length ? sizes[Math.floor((sizes.length - 1) * 0.98)] : 1, most = pane.fits.flow.over(-usual, usual, now)[1];
  const F = valueAxis(x, view, -most, most, signedTick, { from: split, count: 2 });
  clipPlot(x, view);
  for (const [left, wide, bought, sold] of bars) {
    for (const [value, fill] of [[bought, "buy-fill"], [-sold, "sell-fill"]]) {
      if (!value) continue;
      const top = Math.max(TOP + split + 1, Math.min(TOP + view.height, F(value)));
      x.fillStyle = alpha(theme[fill], 0.9);
      x.fillRect(left, Math.min(top, F(0)), wide, Math.max(0.7, Math.abs(top - F(0))));
      if (Math.abs(value) > most) {
        // A bar beyond the axis carries a cap: its length is not its value.
        x.fillStyle = theme.text;
        x.fillRect(left, value > 0 ? TOP + split + 1 : TOP + view.height - 2, wide, 2);
      }
    }
  }
  line(x, 0, crisp(F(0)), view.width, crisp(F(0)), theme.axis);
  line(x, 0, crisp(TOP + split), view.width, crisp(TOP + split), theme.grid);
  stroke(x, pane, view, "cvd", Y, theme.text, 1.4);
  view.hatches(x, "trades", TOP, view.height);
  x.restore();
  if (chips) valueChip(x, view, cvd, Y, signedSize(cvd), theme.raised, theme.text);
}

/** What pushed up above zero, what pushed down below; their difference is the OFI, the thin line. */
export function drawMade(pane, view, now) {
  const x = beginRow(view), { series: s } = pane.model, { parts, matched, ofi } = s.data;
  let most = 0;
  const sums = (k, from) => parts[k * 6 + from] + parts[k * 6 + from + 1] + parts[k * 6 + from + 2];
  eachBar(s, view, (_l, _w, k) => (most = Math.max(most, known(parts[k * 6]) ? Math.max(sums(k, 0), sums(k, 3)) : 0)));
  const [low, high] = pane.fits.made.over(-most, most, now), tall = view.height - LANE;
  const present = newest(pane, "ofi"), chips = pane.showsNow && known(present);
  const Y = valueAxis(x, view, low, high, signedTick, { to: tall, count: 4, avoid: chips ? present : null, foot: 8 });
  clipPlot(x, view);
  eachBar(s, view, (left, wide, k) => {
    if (!known(parts[k * 6])) return;
    for (const [from, sign, fill] of [[0, 1, "buy-fill"], [3, -1, "sell-fill"]]) {
      let sum = 0;
      for (let j = 0; j < 3; j++) {
        const before = Y(sign * sum);
        sum += parts[k * 6 + from + j];
        const after = Y(sign * sum);
        x.fillStyle = alpha(theme[fill], STRENGTHS[j]);
        x.fillRect(left, Math.min(before, after), wide, Math.abs(after - before));
      }
    }
    if (known(matched[k])) {
      x.fillStyle = alpha(theme.quiet, 0.12 + 0.8 * matched[k]);
      x.fillRect(left, TOP + tall + 3, wide, LANE - 4);
    }
  });
  if (ofi) stroke(x, pane, view, "ofi", Y, theme.text, 1);
  line(x, 0, crisp(Y(0)), view.width, crisp(Y(0)), theme.axis);
  view.hatches(x, "best", TOP, view.height);
  view.hatches(x, "trades", TOP, view.height);
  x.restore();
  x.textAlign = "left";
  x.fillStyle = theme.text3;
  x.fillText("matched", view.width + 7, TOP + tall + 5);
  if (chips) valueChip(x, view, present, Y, signedSize(present), present < 0 ? theme.sell : theme.buy);
}

export function drawQueue(pane, view) {
  const x = beginRow(view), queue = newest(pane, "queue"), chips = pane.showsNow && known(queue);
  const Y = valueAxis(x, view, -1.2, 1.2, (v) => signed(v, 1), { count: 4, avoid: chips ? queue : null });
  clipPlot(x, view);
  line(x, 0, crisp(Y(0)), view.width, crisp(Y(0)), theme.axis);
  stroke(x, pane, view, "queue", Y, alpha(theme.text, 0.75), 1);
  stroke(x, pane, view, "depth_imbalance", Y, theme.text3, 1.6);
  view.hatches(x, "best", TOP, view.height);
  x.restore();
  if (chips) valueChip(x, view, queue, Y, signed(queue, 2), queue < 0 ? theme.sell : theme.buy);
}

export function drawSpread(pane, view, now) {
  const x = beginRow(view), { series: s, info } = pane.model;
  const [, most] = reach(s, ["spread_bps"], view), [, high] = pane.fits.spread.over(0, most > 0 ? most : 1, now);
  const spread = newest(pane, "spread_bps"), chips = pane.showsNow && known(spread);
  const Y = valueAxis(x, view, 0, high, (v) => bps(v), { count: 3, avoid: chips ? spread : null });
  clipPlot(x, view);
  stroke(x, pane, view, "spread_bps", Y, theme.text, 1.2);
  line(x, 0, crisp(Y(0)), view.width, crisp(Y(0)), theme.axis);
  view.hatches(x, "best", TOP, view.height);
  x.restore();
  if (chips) valueChip(x, view, spread, Y, bps(spread));
  return info;
}

/** Size within each distance of mid: bids above zero, asks below; absent where it reaches beyond the visible book. */
export function drawBands(pane, view, now) {
  const x = beginRow(view), { series: s } = pane.model;
  const most = Math.max(reach(s, ["band_bid"], view)[1], reach(s, ["band_ask"], view)[1], 0) || 1;
  const [low, high] = pane.fits.bands.over(-most, most, now);
  const Y = valueAxis(x, view, low, high, (v, d) => tickSize(Math.abs(v), d), { count: 4 });
  clipPlot(x, view);
  for (const [name, sign, fill] of [["band_bid", 1, "buy-fill"], ["band_ask", -1, "sell-fill"]]) {
    for (let band = BANDS.length - 1; band >= 0; band--) {
      x.fillStyle = alpha(theme[fill], 0.2 + 0.2 * (BANDS.length - 1 - band));
      eachBar(s, view, (left, wide, k) => {
        const v = s.data[name][k * BANDS.length + band];
        if (!known(v)) return;
        const at = Y(sign * v);
        x.fillRect(left, Math.min(at, Y(0)), wide + 1, Math.abs(at - Y(0)));
      });
    }
  }
  line(x, 0, crisp(Y(0)), view.width, crisp(Y(0)), theme.axis);
  view.hatches(x, "depth", TOP, view.height);
  x.restore();
  if (pane.showsNow) {
    const beyond = BANDS.filter((_, band) => !known(newest(pane, "band_bid", band)) || !known(newest(pane, "band_ask", band)));
    if (beyond.length && known(newest(pane, "mid"))) {
      haloText(x, `${beyond.join(", ")}\u00a0bps: beyond the visible book`, 6, TOP + 9, theme.text2);
    }
  }
}
