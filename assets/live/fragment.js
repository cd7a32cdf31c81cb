// What the fragment of an address says is looked at: `#zoom=FIRST~LAST&price=VENUE:SYMBOL~LOW~HIGH`, one price a market.
import { MOST_MARKETS } from "./layout.js";

const LEAST_MS = 1000, MOST_MS = 8 * 3_600_000; // twice the longest range
const DIGITS = 4; // of a range of prices, so that no pixel is lost
const WRONG = {
  zoom: "zoom must be two times such as 1700000000000~1700000060000, 1 s to 8 h apart; all of the range is shown.",
  price: "price must be a market and two prices such as binance:BTC/USDT~67000.5~67100; all its prices are shown.",
};

/** @returns {{time: number[] | null, prices: Map<string, number[]>, dropped: string[], ours: boolean}} `ours`: it says any of that */
export function readFragment(hash) {
  const parts = hash.slice(1).split("&").map(plain);
  const zooms = valuesOf(parts, "zoom"), texts = valuesOf(parts, "price"), read = texts.slice(0, MOST_MARKETS).map(priceOf);
  const time = zooms.length === 1 ? timeOf(zooms[0]) : null, prices = new Map(read.filter((one) => one));
  const wrong = { zoom: zooms.length > 0 && !time, price: prices.size < texts.length };
  return { time, prices, dropped: Object.keys(WRONG).filter((name) => wrong[name]).map((name) => WRONG[name]), ours: zooms.length + texts.length > 0 };
}

/** The fragment that says what is looked at; without what no address would be believed, and "" for nothing. */
export function fragment(time, prices = new Map()) {
  const zoom = time?.map(Math.round).join("~"), parts = zoom && timeOf(zoom) ? [`zoom=${zoom}`] : [];
  for (const [market, range] of prices) {
    const said = [market, ...decimals(range)].join("~");
    if (priceOf(said)) parts.push(`price=${encodeURIComponent(said).replaceAll("%3A", ":").replaceAll("%2F", "/")}`);
  }
  return parts.length ? `#${parts.join("&")}` : "";
}

function plain(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // as it came; what cannot be read is dropped
  }
}

const valuesOf = (parts, name) => parts.filter((part) => part.startsWith(`${name}=`)).map((part) => part.slice(name.length + 1));

function timeOf(text) {
  const [, start, end] = /^([0-9]{1,13})~([0-9]{1,13})$/.exec(text) ?? [], span = end - start;
  return span >= LEAST_MS && span <= MOST_MS ? [Number(start), Number(end)] : null;
}

/** A market and its range of prices, or null. */
function priceOf(text) {
  const [, market, low, high] = /^([a-z0-9_-]{1,40}:[^~\s]{1,60})~(-?\d{1,12}(?:\.\d{1,12})?)~(-?\d{1,12}(?:\.\d{1,12})?)$/.exec(text) ?? [];
  return Number(low) < Number(high) ? [market, [Number(low), Number(high)]] : null;
}

/** The ends of a range, as exact as the range needs and never with an exponent. */
function decimals([low, high]) {
  const digits = Math.max(0, Math.min(12, DIGITS - Math.floor(Math.log10(high - low))));
  return [low.toFixed(digits), high.toFixed(digits)];
}
