// What a panel of the evidence says in place of figures: what it waits for, and for how long.
import { span60, wait } from "./evidence_words.js";
import { number, percent, span } from "./format.js";

const LITTLE = 0.5; // of the look-back seen: below it figures give way

/** By panel, `{title, text}` where it cannot show its figures; null where it can. */
export function empties(values, status) {
  if (!values) return all({ title: "Being worked out", text: "The first figures come within some seconds." });
  if (!values.explains) {
    const title = "No data yet", text = "Nothing of this market is stored.";
    return { ...all({ title, text }), verdict: { title, text: `${text} A verdict needs 30 windows of ${span(values.bin_s)}.` } };
  }
  const quiet = status?.has_trades === false ? { title: "No trades on this venue", text: "This venue sends no public trades here. VPIN and markouts stay empty; OFI does not." } : null;
  const few = seen(values, "best"), executed = quiet ?? seen(values, "trades", "best");
  return {
    verdict: few,
    impact: few ?? impact(values),
    prediction: few ?? prediction(values),
    flows: seen(values, "best", "depth") ?? flows(values),
    horizons: few ?? prediction(values),
    vpin: quiet ?? seen(values, "trades") ?? vpin(values),
    markouts: executed ?? markouts(values),
    adverse: executed ?? adverse(values),
  };
}

const PANELS = ["verdict", "impact", "prediction", "flows", "horizons", "vpin", "markouts", "adverse"];
const all = (content) => Object.fromEntries(PANELS.map((name) => [name, content]));

function seen(values, ...streams) {
  // What lies before a market's first row is no gap: a young one says how much it waits for.
  const least = (shares) => Math.min(...streams.map((name) => shares[name]));
  if (least(values.covered) >= LITTLE) return null;
  const share = percent(least(values.coverage)), back = span(values.lookback_s);
  return { title: "Not enough data", text: `Only ${share} of the last ${back} were seen: gaps leave too little to judge.` };
}

function flows(values) {
  return Object.values(values.explains).some((fit) => fit.r2 !== null) ? null : impact(values);
}

function impact(values) {
  if (values.explains.best.r2 !== null) return null;
  const { bins } = values.explains.best;
  const title = values.wait_s > 0 ? `Needs 30 windows of ${span(values.bin_s)}: ${span60(values.wait_s)} more` : "Nothing to fit";
  return { title, text: values.wait_s > 0 ? `${number(bins)} so far. A line through fewer would say nothing.` : wait(values) };
}

function prediction(values) {
  const ahead = Object.values(values.prediction);
  if (ahead.some((p) => p.ic !== undefined)) return null;
  const most = Math.max(...ahead.map((p) => p.pairs));
  return most < 30
    ? { title: `Needs 30 pairs of now and next: ${span60(30 - most)} more`, text: "A pair a second, where both are known." }
    : { title: "Nothing to predict", text: "Mid or flow did not move." };
}

function vpin({ toxicity: t }) {
  if (t && t.buckets > 0) return null;
  const filled = t?.filled ?? 0;
  const title = filled ? `Needs 50 full buckets: ${number(filled)} so far` : "Needs 5\u00a0min of trades, then 50 full buckets";
  return { title, text: "A bucket is a fiftieth of the trailing hour's volume: about an hour for the first figure." };
}

function markouts({ markout, trades }) {
  if (!markout) return { title: "No trades yet", text: "" };
  const { buys, sells } = markout.groups;
  if (Math.max(buys, sells) >= 30) return null;
  return {
    title: "Needs 30 trades of a side that are a minute old",
    text: `${number(buys)} buys and ${number(sells)} sells so far, of ${number(trades)} trades.`,
  };
}

function adverse({ spread }) {
  const parts = spread ? Object.values(spread.horizons) : [];
  if (parts.some((p) => p.effective !== null)) return null;
  const [first] = parts;
  if (!first?.trades) return { title: "No trades yet", text: "Needs trades that are older than a second." };
  return {
    title: "Not available while more than 5\u00a0% of trades have a negative effective spread",
    text: `Now ${percent(first.negative_share)}, n = ${number(first.trades)}: a sign that the clocks or the lag of the prints are off.`,
  };
}
