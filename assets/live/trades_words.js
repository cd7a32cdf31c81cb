// Titles, names, hover values and tables of the tab Trades & liquidity.
import { summed } from "./bars.js";
import { bps, duration, number, percent, signed, signedSize, size, span, stamp } from "./format.js";
import { gapRows } from "./overlay.js";
import { iso, timeHead } from "./zone.js";
import { write } from "./texts.js";
import { BANDS, newest } from "./trades_rows.js";
import { short } from "./words.js";

const PARTS = ["bids added", "asks pulled", "bought", "asks added", "bids pulled", "sold"];
const known = (v) => v === v && v !== null && v !== undefined;

export function titlesOf(f, info) {
  for (const name of ["made", "bands"]) write(f[`unit-${name}`], info.unit);
  write(f["unit-price"], info.quote);
  write(f["title-made"], `What made the OFI, ${span(info.window_s)}`);
  write(f["legend-queue"], info.depth === 1 ? "level 1, mean of the step" : `${info.depth} levels, mean of the step`);
}

/** What CVD is in, and how long its bars are, as they were drawn. */
export function barTitle(f, info, ms) {
  write(f["unit-cvd"], ms > 0 ? `${short(info)}, bars per ${span(ms / 1000)}` : short(info));
}

/** Accessible names of the canvases, with the present value. */
export function namesOf(pane) {
  const { rows } = pane.geometry, { info, tiles } = pane.model, where = `${pane.stack.market}, `;
  const set = (name, words) => {
    const canvas = rows[name]?.canvas;
    if (canvas && canvas.getAttribute("aria-label") !== where + words) canvas.setAttribute("aria-label", where + words);
  };
  const unit = info.unit, now = (name, column) => newest(pane, name, column);
  set("price", `price and trades; mid ${number(tiles?.mid, info.price_decimals + 1)} ${info.quote}`);
  set("cvd", `volume delta ${signedSize(now("cvd"))} ${unit}`);
  set("made", `what made the OFI: ${PARTS.map((words, k) => `${size(now("parts", k))} ${words}`).join(", ")}; matched ${percent(now("matched"), 0)}`);
  set("queue", `queue imbalance ${signed(now("queue"), 2)}, over ${info.depth} levels ${signed(now("depth_imbalance"), 2)}`);
  set("spread", `spread ${bps(now("spread_bps"))} bps, ${number(now("spread_ticks"))} ticks`);
  set("bands", BANDS.map((b, k) => `within ${b} bps ${bandWords(now("band_bid", k))} bid, ${bandWords(now("band_ask", k))} ask`).join("; "));
}

const bandWords = (v) => (known(v) ? size(v) : "beyond the visible book");

/** The values at a time, as rows of the hover card. */
export function cardRows(pane, time) {
  const { model } = pane, { info, series: s } = model, now = model.now(performance.now());
  const k = Math.min(s.to - 1, s.search(time)), gap = model.gaps.find((one) => one.from_ms < time && time < (one.to_ms ?? Infinity));
  if (k < s.from || Math.abs(s.time[k] - time) > 2 * info.step_ms) return gap ? gapRows(gap, now) : null;
  const v = (name, column = 0) => s.data[name][k * s.fields[name][1] + column], unit = `\u00a0${info.unit}`;
  if (gap && !known(v("mid")) && !known(v("bought"))) return gapRows(gap, now);
  const tone = (value) => (value > 0 ? "up" : value < 0 ? "dn" : "");
  const or = (value, words, none) => (known(value) ? words : none);
  const ms = pane.barMs > 0 ? pane.barMs : info.step_ms, [bought, sold] = ["bought", "sold"].map((name) => summed(s, name, s.time[k], ms));
  return [
    [stamp(s.time[k]), now === now ? `${duration(now - s.time[k])} ago` : "", "head"],
    ["Mid", number(v("mid"), info.price_decimals + 1)],
    ["Spread", or(v("spread_bps"), `${bps(v("spread_bps"))}\u00a0bps, ${number(v("spread_ticks"))} ticks`, "\u2013")],
    ["Queue / levels", `${signed(v("queue"), 2)} / ${signed(v("depth_imbalance"), 2)}`, tone(v("queue"))],
    ...[0, 1, 2, 3].map((band) => [`Within ${BANDS[band]}\u00a0bps`, `${bandShort(v("band_bid", band))} / ${bandShort(v("band_ask", band))}`]),
    null,
    [`Bought / sold in ${span(ms / 1000)}`, or(bought, `${size(bought)} / ${size(sold)}\u00a0${short(info)}`, "\u2013")],
    ["CVD", or(v("cvd"), signedSize(v("cvd")) + unit, "\u2013"), tone(v("cvd"))],
    ["OFI", or(v("ofi"), signedSize(v("ofi")) + unit, "window not full"), tone(v("ofi"))],
    ...PARTS.map((words, part) => [`\u2003${words}`, or(v("parts", part), (part < 3 ? "+" : "\u2212") + size(v("parts", part)), "\u2013")]),
    ["Matched share", or(v("matched"), percent(v("matched"), 0), "\u2013")],
  ];
}

const bandShort = (v) => (known(v) ? size(v) : "beyond");

function rowsOf(pane, columns) {
  const { model, views } = pane, s = model.series, { start, end } = views.price;
  function* rows() {
    for (let k = s.search(start); k < s.to && s.time[k] <= end; k++) {
      yield [iso(s.time[k]), ...columns.map(([name, column = 0]) => s.data[name][k * s.fields[name][1] + column])];
    }
  }
  return rows();
}

const table = (columns) => (pane) => {
  const found = columns(pane.model.info), { start, end } = pane.views.price;
  return { columns: [timeHead(start, end), ...found.map(([words]) => words)], rows: rowsOf(pane, found.map(([, ...where]) => where)) };
};

/** Tables of the tab's panels, by name. */
export const TRADES_TABLES = {
  price: table((info) => ["bid", "ask", "mid"].map((name) => [`${name}, ${info.quote}`, name])),
  cvd: table((info) => ["bought", "sold", "cvd"].map((name) => [`${name}, ${info.unit}`, name])),
  made: table((info) => [[`OFI over ${info.window_s} s, ${info.unit}`, "ofi"], ...PARTS.map((words, k) => [`${words} over ${info.window_s} s, ${info.unit}`, "parts", k]), ["matched share, 1", "matched"]]),
  queue: table((info) => [["queue imbalance, 1", "queue"], [`depth imbalance of ${info.depth} levels, 1`, "depth_imbalance"]]),
  spread: table(() => [["spread, ticks", "spread_ticks"], ["spread, bps", "spread_bps"]]),
  bands: table((info) => ["bid", "ask"].flatMap((side) => BANDS.map((b, k) => [`${side} within ${b} bps, ${info.unit}`, `band_${side}`, k]))),
  tape: ({ tape, model: { info } }) => ({
    columns: [timeHead(tape.trades[0]?.[0], tape.trades.at(-1)?.[0]), `price, ${info.quote}`, `size (negative: sold), ${info.unit}`],
    rows: tape.trades.map(([time, price, amount]) => [iso(time), price, amount]),
  }),
  cost: ({ slippage: s, model: { info } }) => s && {
    columns: ["side", `notional, ${info.quote}`, "slippage, bps", `average price, ${info.quote}`, `visible book, ${info.quote}`],
    rows: ["buy", "sell"].map((side) => [side, s.notional, s[side]?.bps, s[side]?.average, s[side]?.visible]),
  },
};
