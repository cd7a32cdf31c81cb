// What the card tells over a cross-section: the price, the bin or the level under the pointer, as it is now.
import { NONE, number, percent, signedSize, size } from "./format.js";

const TOLD = { book: depthAt, ofi: binAt, levels: levelNow };
const tone = (v) => (v > 0 ? "up" : v < 0 ? "dn" : "");

/** Rows of the card (overlay.js) for a cursor over a cross-section; null where nothing is shown there. */
export function besideRows(model, { kind, value }, view) {
  return TOLD[kind]?.(model, value, view) ?? null;
}

/** The level that lies at a value of the level axis, from 0. */
export const levelAt = (model, value) => Math.max(0, Math.min(model.levelCount - 1, Math.floor(model.levelCount - value)));

function depthAt({ profile: p, info }, price, { showsNow }) {
  if (!p || !showsNow) return null;
  const { group, tick, price_decimals: decimals, unit } = info, row = Math.floor(Math.round(price / tick) / group), r = row - p.base;
  const first = number(row * group * tick, decimals), last = number((row * group + group - 1) * tick, decimals);
  const rows = [[group > 1 ? `${first} to ${last}` : first, "now", "head"]];
  for (const [words, sizes, sums, side] of [["Bids", p.bid, p.cumBid, "up"], ["Asks", p.ask, p.cumAsk, "dn"]]) {
    if (sizes[r] > 0) rows.push([words, `${size(sizes[r])}\u00a0${unit}`, side]);
    if (sums[r] >= 0) rows.push([`${words} from mid to here`, `${size(sums[r])}\u00a0${unit}`]);
  }
  if (rows.length === 1) rows.push(["Resting size", p.bid[r] === 0 || p.ask[r] === 0 ? "none" : "beyond the visible book"]);
  return rows;
}

function binAt({ standing: { distribution: d, hist }, info }, value) {
  if (!d || !hist?.length || !(d.hi > d.lo)) return null;
  const wide = (d.hi - d.lo) / hist.length, k = Math.floor((value - d.lo) / wide), count = hist[k];
  if (count === undefined) return null;
  const all = hist.reduce((sum, one) => sum + one, 0), low = d.lo + k * wide;
  return [
    [`${signedSize(low)} to ${signedSize(low + wide)}\u00a0${info.unit}`, "", "head"],
    ["Count", `${number(count)} of ${number(all)}`],
    ["Share", all ? percent(count / all, 1) : NONE],
  ];
}

function levelNow(model, value, { showsNow }) {
  const k = levelAt(model, value), v = model.nowLevels?.[k];
  if (v === undefined || !showsNow) return null;
  return [[`Level ${k + 1}`, "now", "head"], ["OFI", v === v ? `${signedSize(v)}\u00a0${model.info.unit}` : "unknown", tone(v)]];
}
