// Sentences of the reading strip, made from the same figures as the panels.
import { NONE, about, duration, number, percent, signed, span, stamp } from "./format.js";

export const SCORE_AFTER_S = 300; // docs/metrics.md, Standard score: no score before 5 min of values one second apart
const STRONG = 2; // σ beyond which a side leads; it does until the score is back within CALM
const CALM = 1.5;
const MOVE_S = 10, FEW = 0.5; // length of the moves explained; share of the look-back that they must fill for it to be named
const NEARLY = 0.95; // share of a look-back from which on it is spoken of as a whole
const LITTLE = 0.1; // R² below which the flow says next to nothing of the price

/** What sizes are in, where there is no room for a long word. */
export const short = ({ unit }) => (unit === "contracts" ? "ct" : unit);

/** Which side leads: +1 buyers, -1 sellers, 0 neither; `before` is what was said last. */
export function leaning(score, before) {
  if (score === null) return 0;
  if (Math.abs(score) >= STRONG) return Math.sign(score);
  return score * before > CALM ? before : 0;
}

/** What figures of a look-back rest on: `the last 30 min`, or `5 min of data` where there is less. */
export function stretch(seconds, lookback_s) {
  return seconds < NEARLY * lookback_s ? `${about(seconds * 1000)} of data` : `the last ${span(lookback_s)}`;
}

const known = (v) => v !== null && v !== undefined;

/** The server takes the figures of a market that is not live out of its frames; where one quote is there, it has not. */
export function withheld({ tiles: t, status: s }) {
  return !t || (t.mid === null && !known(t.bid) && !known(t.ask) && !["live", "starting"].includes(s?.state));
}

/** Whether there are orders on one side of the book alone: no fault, but there is no mid. */
export const oneSided = ({ tiles: t }) => !!t && t.mid === null && known(t.bid) !== known(t.ask);

/** What the book is doing: a verdict and one sentence. `lean` is which side leads. */
export function what(model, state, lean) {
  const { tiles, distribution: d, info } = model;
  if (["stale", "lost", "expired", "resyncing", "down", "error"].includes(state) || (tiles?.t && withheld(model))) {
    return ["No present reading.", tiles?.t ? `The last one was made at ${stamp(tiles.t)}.` : ""];
  }
  const window = span(info.window_s);
  if (oneSided(model)) {
    const flow = known(tiles.score) ? ` OFI is ${signed(tiles.score, 1)}\u03c3 over ${window}.` : "";
    return ["One side of the book is empty.", `No ${known(tiles.bid) ? "asks" : "bids"}: mid and spread are blank.${flow}`];
  }
  if (tiles?.t && tiles.mid === null) return ["No present reading.", "Neither a bid nor an ask is known."];
  if (!tiles || tiles.ofi === null) {
    return ["Waiting for a full window.", `OFI needs ${window} without a gap.`];
  }
  if (tiles.score === null) {
    const left = scoreIn(d);
    if (left <= 0) return ["No score.", `OFI did not vary in ${stretch(d.n, info.lookback_s)}; the value itself is shown.`];
    return [`Score in ${duration(left * 1000)}.`, "A score needs 5\u00a0min of data to mean anything; the value itself is shown."];
  }
  const score = signed(tiles.score, 1);
  if (!lean) {
    return ["Balanced.", `OFI is within its usual range, ${score}\u03c3 over ${window}.`];
  }
  const up = lean > 0;
  const share = up ? tiles.percentile : 1 - tiles.percentile;
  const place = tiles.percentile === null ? "" : `, ${up ? "above" : "below"} ${number(Math.floor(share * 100))}\u00a0% of ${stretch(d.n, info.lookback_s)}`;
  if (tiles.ofi * lean > 0) return [up ? "Buyers lead." : "Sellers lead.", `OFI is ${score}\u03c3 over ${window}${place}.`];
  // Against its mean it is strong, but not of that side: the other one presses less than it does here.
  const side = tiles.ofi === 0 ? "zero" : up ? "below zero" : "above zero";
  return [up ? "Sellers are unusually weak." : "Buyers are unusually weak.", `OFI is ${side}, yet ${score}\u03c3 over ${window}${place}.`];
}

/** Seconds until a score can be given. */
export function scoreIn(d) {
  return SCORE_AFTER_S - (d?.n ?? 0);
}

/** How far to trust it: a verdict and one sentence. */
export function trust(model, state, age) {
  const { status: s, coverage, info, tiles } = model;
  if (state === "stale" || state === "lost") return ["Figures withheld.", `No update for ${duration(age)}.`];
  if (state === "resyncing") return ["The book is being fetched anew.", "What follows the loss is hatched until it is whole."];
  if (state === "expired") return ["Figures withheld.", "The session has expired."];
  if (state === "error") return ["Figures withheld.", "This market cannot be shown."];
  if (state === "throttled" && withheld(model)) {
    return ["Figures withheld.", `The venue limits requests${s?.next_try_ms ? ` until ${stamp(s.next_try_ms)}` : ""}.`];
  }
  if (state === "down") return ["No data.", /collector/.test(s?.detail ?? "") ? s.detail : `No answer${s?.since_ms ? ` since ${stamp(s.since_ms)}` : ""}.`];
  const share = coverage?.best ?? coverage?.depth ?? null, young = youth(model);
  const covered = young || share === null ? young : `coverage ${percent(share)} of ${span(info.range_s)}`;
  if (!young && share !== null && share < 0.5) return ["Not enough data.", `${cap(covered)}.`];
  const comes = fidelity(s);
  if (!young && share !== null && share < 0.95) return ["Incomplete.", `${cap(covered)}; windows that touch a gap are blank.`];
  if (s?.fidelity_best === "sampled" || (s?.fidelity_best === "none" && s?.fidelity_depth === "sampled")) {
    return ["Sampled.", "The book is polled: changes between polls cancel unseen."];
  }
  const explained = tiles?.explained ?? null;
  if (explained !== null) {
    // Flow and move are of the same bins: whether it predicts is worked out for the tab of verification alone.
    const few = tiles.explained_n * MOVE_S < FEW * info.lookback_s; // of a market that is young, or whose gaps left little
    const said = `OFI explains ${percent(explained, 0)} of 10\u00a0s moves (R\u00b2, ${few ? `n\u00a0=\u00a0${number(tiles.explained_n)}` : span(info.lookback_s)}).`;
    return [`Explains ${explained < LITTLE ? "little" : "part"} of the price.`, said];
  }
  if (s?.fidelity_best === "event") return ["Every change counts.", `Quotes come ${comes}.`];
  return ["Batched.", `The book comes ${comes}.`];
}

/** `recorded since 20:07:00 UTC` of a market that lacks nothing since its beginning; empty for others. */
export function youth({ coverage, covered, begins }, stream) {
  const of = (shares) => (shares ? (stream ? shares[stream] : shares.best ?? shares.depth) : null) ?? null;
  const all = of(coverage), own = of(covered);
  return all !== null && all < 0.95 && own >= 0.95 && begins ? `recorded since ${stamp(begins)}` : "";
}

function cap(words) {
  return words && words[0].toUpperCase() + words.slice(1);
}

const KINDS = { event: "event by event", sampled: "by polling" };

function kind(name, period) {
  if (name === "batched") return period > 0 ? `in ${number(period)}\u00a0ms batches` : "in batches";
  if (name === "sampled" && period > 0) return `polled every ${duration(period)}`;
  return KINDS[name] ?? NONE;
}

/** How the streams of a market arrive. */
export function fidelity(s) {
  if (!s) return NONE;
  const best = kind(s.fidelity_best, s.period_ms), depth = kind(s.fidelity_depth, s.period_ms);
  if (s.fidelity_best === "none" || best === depth) return depth;
  return `${best}, depth ${depth}`;
}

/** Best quotes without a stream of their own come as depth does. */
const own = (s, stream) => (stream === "best" && s.fidelity_best !== "none" ? s.fidelity_best : s.fidelity_depth);

/** How one stream arrives. */
export function fidelityOf(s, stream) {
  return s ? kind(own(s, stream), s.period_ms) : NONE;
}

/** The same in two words, for the title of a panel; trades come one by one wherever they come. */
export function sends(s, stream) {
  if (!s) return "";
  if (stream === "trades") return s.has_trades === false ? "" : "every trade";
  const name = own(s, stream);
  if (name === "batched") return s.period_ms > 0 ? `${number(s.period_ms)}\u00a0ms batches` : "batches";
  if (name === "sampled") return s.period_ms > 0 ? `${duration(s.period_ms)} polls` : "polls";
  return name === "event" ? "every event" : "";
}

/** How long figures wait for a venue that limits requests, and whom it does not concern. */
export const limited = (next_try_ms) => `Figures wait until ${next_try_ms ? "then" : "the limit is lifted"}. Other venues are not affected.`;

/** Whom it does not concern, as the feed says it: other markets where none shares the connection, else other venues. */
export const others = (detail) => `Other ${/other markets are not affected/i.test(detail ?? "") ? "markets" : "venues"} are not affected.`;

const VENUES = { binanceusdm: "Binance", binancecoinm: "Binance", krakenfutures: "Kraken", kucoinfutures: "KuCoin", okx: "OKX", htx: "HTX", bitmex: "BitMEX", kucoin: "KuCoin" };

/** The venue of a market id as a word of a sentence. */
export function venue(market) {
  const name = market.split(":", 1)[0];
  return VENUES[name] ?? (name ? name.split("-").map((part) => part.slice(0, 1).toUpperCase() + part.slice(1)).join(" ") : market);
}

/** A market id in words: `BTC/USDT` and `Binance perp`. */
export function describe(market) {
  const symbol = market.slice(market.indexOf(":") + 1);
  const [pair, settled] = symbol.split(":");
  const [, date, strike, right] = /^[^-]+(?:-(\d{6}))?(?:-([\d.]+))?(?:-([CP]))?$/.exec(settled ?? "") ?? [];
  const kind = settled === undefined ? "spot" : date ? day(date) + (right ? ` ${strike} ${right}` : "") : "perp";
  return { name: pair, place: `${venue(market)} ${kind}` };
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

function day(date) {
  return `${Number(date.slice(4))}\u00a0${MONTHS[Number(date.slice(2, 4)) - 1] ?? "?"}`;
}
