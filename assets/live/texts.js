// The words and numbers around the charts of one stack: market bar, tiles, titles, quality strip.
import { NONE, bps, duration, number, ordinal, percent, signed, signedSize, size, span, stamp } from "./format.js";
import { cause } from "./incidents.js";
import { fidelity, fidelityOf, scoreIn, sends, short, youth } from "./words.js";

/** Writes into the element only when the words changed; a text that is there is kept, for a new one costs a look at styles. */
export function write(element, words) {
  if (!element || element.ofi === words) return;
  element.ofi = words;
  const { firstChild: one } = element;
  if (words && one?.nodeType === Node.TEXT_NODE && !one.nextSibling) one.data = words;
  else element.textContent = words;
}

function tone(element, value, least = 0) {
  element?.classList.toggle("up", value > least);
  element?.classList.toggle("dn", value < -least);
}

const known = (v) => v !== null && v !== undefined;

const TILES = ["spread", "weighted", "ofi", "multi", "queue", "depth", "taker", "vpin", "explained"];

/** Labels of the market bar that depend on the view. */
export function marketTitles(f, info) {
  const window = span(info.window_s);
  write(f["ofi-label"], `OFI, ${window}`);
  write(f["multi-label"], info.depth === 1 ? "OFI, depth stream" : `OFI, ${info.depth} levels`);
  named(f["weighted-label"], "Weighted mid");
  write(f["taker-label"], `Taker flow, ${window}`);
}

/** What stands in a stack before its market is there: titles, and that nothing is known. */
export function before(f, view) {
  marketTitles(f, view);
  write(f["title-ofi"], `OFI, ${span(view.window_s)}`);
  for (const name of ["mid", ...TILES, ...["latency", "updates", "coverage", "gaps", "rejected", "updated"].map((one) => `q-${one}`)]) write(f[name], NONE);
  write(f["what-verdict"], "No present reading.");
}

/** Titles of the rows that depend on the view, and what their axes are in. */
export function titles(f, info) {
  write(f["unit-ofi"], info.unit);
  for (const name of ["book", "levels"]) write(f[`cross-unit-${name}`], short(info));
  write(f["unit-quote"], info.quote);
  write(f["cross-ofi"], `last ${span(info.lookback_s)}`);
  write(f["cross-levels"], span(info.window_s));
}

/** What the bars of the taker flow are in, as they were painted. */
export function barTitle(f, info, ms) {
  if (ms > 0) write(f["unit-flow"], `${info.unit} per ${span(ms / 1000)}`);
}

/** The market bar. Values are withheld when `shown` is false: an old number must not look present. */
export function bar(f, model, shown, brief = false) {
  const { info, tiles: t } = model;
  if (!t) return;
  const unit = `\u00a0${short(info)}`;
  const mid = info.price_decimals + 1;
  write(f.mid, shown ? number(t.mid, mid) : NONE);
  f.mid?.classList.toggle("withheld", !shown);
  write(f.change, shown && known(t.change) ? `${signed(t.change * 100, 2)}\u00a0%` : "");
  tone(f.change, t.change, 0.00005);
  if (!shown) {
    for (const name of TILES) {
      write(f[name], NONE);
      write(f[`${name}-unit`], "");
      write(f[`${name}-sub`], "withheld");
      tone(f[name], 0);
    }
    return;
  }
  const lacking = model.times?.row_ms ? "one side is empty" : "no quotes yet";
  write(f.spread, number(t.spread, info.price_decimals));
  // Many ticks say less than the basis points beside them, and there is no room for both.
  const ticks = !brief && t.spread_ticks === 1 ? "1 tick \u00b7 " : "";
  write(f["spread-sub"], known(t.spread) ? `${ticks}${bps(t.spread_bps)}\u00a0bps` : lacking);
  flow(f, "ofi", t.ofi, unit);
  tone(f.ofi, Math.abs(t.score ?? 0) >= 1 ? t.ofi : 0);
  flow(f, "multi", t.multi, unit, info.depth === 1 ? "level 1" : `sum of ${info.depth} levels`);
  write(f.queue, signed(t.queue_imbalance, 2));
  tone(f.queue, t.queue_imbalance, 0.2);
  write(f["queue-sub"], !known(t.queue_imbalance) ? lacking : queueWords(t.queue_imbalance));
  const beyond = !known(t.depth_bid) || !known(t.depth_ask);
  write(f.depth, pair(t.depth_bid, t.depth_ask));
  write(f["depth-sub"], beyond ? "beyond the visible book" : `${short(info)}, bid / ask`);
  flow(f, "taker", t.flow, unit, known(t.bought_share) ? `${percent(t.bought_share, 0)} bought` : "no trades", model.status?.has_trades === false ? "no trades" : undefined);
  tone(f.taker, t.flow);
  estimates(f, model, mid, lacking);
}

/** Two sizes; what they count in is said once. */
function pair(a, b) {
  const [first, second] = [size(a), size(b)], unit = /\u00a0[kMGT]$/;
  const same = unit.exec(first)?.[0] === unit.exec(second)?.[0];
  return `${same ? first.replace(unit, "") : first} / ${second}`;
}

function offMid(off, decimals) {
  if (Math.abs(off) < 0.5 * 10 ** -decimals) return "at mid";
  return `${number(Math.abs(off), decimals)} ${off > 0 ? "above" : "below"} mid`;
}

/** The label of a tile that has one figure or another: its definition follows. */
function named(label, metric) {
  write(label, metric);
  const hash = `#${metric.toLowerCase().replace(" ", "-")}`;
  if (!label || label.hash === hash) return;
  label.hash = hash;
  label.title = `${metric}: definition and source`;
}

/** Micro-price, or the weighted mid until there is one, and what rests on a look-back: VPIN, moves explained. */
function estimates(f, { tiles: t, status: s, info }, decimals, lacking) {
  named(f["weighted-label"], known(t.micro_price) ? "Micro-price" : "Weighted mid");
  const price = t.micro_price ?? t.weighted_mid;
  write(f.weighted, number(price, decimals));
  const off = known(price) && known(t.mid) ? price - t.mid : null;
  write(f["weighted-sub"], off === null ? lacking : offMid(off, decimals));
  write(f.vpin, number(t.vpin, 2));
  const rank = known(t.vpin_percentile) ? `${ordinal(t.vpin_percentile)} percentile` : "no percentile yet";
  write(f["vpin-sub"], known(t.vpin) ? rank : s?.has_trades === false ? "no trades" : "needs 50 buckets");
  write(f.explained, known(t.explained) ? percent(t.explained, 0) : NONE);
  write(f["explained-sub"], known(t.explained) ? `R\u00b2, n\u00a0=\u00a0${number(t.explained_n)}` : "needs 5\u00a0min");
}

const TILE_DECIMALS = 5; // a tile has no room for more

/** A tile of flow; what stands below its value is left alone where no words for it are given. */
function flow(f, name, value, unit, words, missing = "window not full") {
  write(f[name], signedSize(value, TILE_DECIMALS));
  write(f[`${name}-unit`], known(value) ? unit : "");
  if (!known(value) || words !== undefined) write(f[`${name}-sub`], known(value) ? words : missing);
}

function queueWords(v) {
  if (Math.abs(v) < 0.05) return "about even";
  return v > 0 ? "bids heavier" : "asks heavier";
}

/** What stands below OFI in its tile: score and percentile, or how long until there are some; reading.js writes it. */
export function scoreWords(t, d) {
  if (!known(t.ofi)) return "window not full";
  if (known(t.score)) return `${signed(t.score, 1)}\u03c3 \u00b7 ${ordinal(t.percentile)} pct`;
  const left = scoreIn(d);
  if (left <= 0) return "no score";
  // To the minute: the reading strip counts the seconds, and a tile has no room for them.
  return `score in ${left > 60 ? span(Math.ceil(left / 60) * 60) : duration(left * 1000)}`;
}

/** How much of what was traded is in the decomposition beside the taker flow. */
export function matched(f, { decomposition: d }) {
  write(f["cross-flow"], !d ? "" : known(d.matched_share) ? `${percent(d.matched_share, 0)} matched` : "no trades");
}

/** Fidelity and coverage at the end of a panel's title. */
export function badgeOf(badge, sent, share, low) {
  if (!badge.firstChild) {
    badge.append(document.createElement("span"), document.createElement("span"));
    badge.firstChild.className = "fid";
  }
  write(badge.firstChild, sent && known(share) ? `${sent} \u00b7 ` : "");
  write(badge.lastChild, known(share) ? `coverage ${percent(share)}` : "");
  badge.classList.toggle("low", low);
}

const STREAMS = { best: "Best quotes", depth: "Depth", trades: "Trades" };

/** Coverage beside the title of every panel, the least of its streams; its hover says how each comes, and lists the gaps. */
export function coverages(element, f, model) {
  const { status: s, coverage: c } = model;
  for (const panel of element.querySelectorAll("[data-stream]")) {
    const { panel: name, stream, beside = "" } = panel.dataset, badge = f[`coverage-${name}`];
    if (!badge) continue;
    const streams = [...new Set(`${stream} ${beside}`.trim().split(" "))], none = streams.includes("trades") && s?.has_trades === false;
    const shares = streams.map((one) => c?.[one]), share = none || !shares.every(known) ? null : Math.min(...shares);
    badgeOf(badge, sends(s, streams[0]), share, !none && streams.some((one) => c?.[one] < 0.95 && !youth(model, one)));
    const title = streams.flatMap((one) => streamLines(model, one)).join("\n");
    if (badge.title !== title) badge.title = title;
  }
}

function streamLines(model, stream) {
  const { status: s, coverage: c, gaps, info } = model, none = stream === "trades" && s?.has_trades === false, young = youth(model, stream);
  const sent = stream === "trades" ? "one by one" : fidelityOf(s, stream);
  const own = gaps.filter((gap) => gap.stream === stream).slice(-5).map(gapLine);
  return [`${STREAMS[stream]}: ${sent}. Known in ${span(info.range_s)}: ${percent(none ? null : c?.[stream])}${young ? `, ${young}` : ""}.`, ...own];
}

function gapLine(gap) {
  const open = gap.to_ms === null;
  return `${stamp(gap.from_ms)}, ${open ? "still open" : duration(gap.to_ms - gap.from_ms)}: ${cause(gap.reason)}`;
}

/** The quality strip. */
export function quality(f, model, at, state) {
  const { status: s, coverage: c, info, gaps } = model;
  write(f["q-fidelity"], fidelity(s));
  const heard = !["lost", "expired"].includes(state), well = heard && ["live", "throttled", "starting"].includes(s?.state);
  const p50 = well ? s.latency_p50_ms : null, p99 = well ? s.latency_p99_ms : null;
  write(f["q-latency"], known(p50) ? `${number(p50)}\u00a0ms p50 \u00b7 ${number(p99)}\u00a0ms p99` : NONE);
  write(f["q-updates"], well && known(s.updates_per_s) ? `${number(s.updates_per_s, s.updates_per_s < 10 ? 1 : 0)}/s` : NONE);
  const share = c?.best ?? c?.depth;
  write(f["q-coverage"], known(share) ? `${percent(share)} of ${span(info.range_s)}` : NONE);
  write(f["q-gaps"], gapWords(gaps));
  write(f["q-rejected"], known(s?.rejected) ? number(s.rejected) : NONE);
  const t = model.tiles?.t;
  write(f["q-updated"], t ? stamp(t, "tenths") : NONE);
  if (state === "frozen") write(f.age, t ? `at ${stamp(t)}` : "");
  else write(f.age, known(s?.age_ms) ? `${duration(Math.max(0, model.age(at)))} ago` : "");
}

function gapWords(gaps) {
  const own = gaps.filter((gap) => gap.stream === "depth");
  const all = own.length ? own : gaps;
  if (!all.length) return "none in view";
  const closed = all.filter((gap) => gap.to_ms !== null);
  if (!closed.length) return "1, still open";
  const longest = Math.max(...closed.map((gap) => gap.to_ms - gap.from_ms));
  return `${all.length} in view, longest ${duration(longest)}`;
}
