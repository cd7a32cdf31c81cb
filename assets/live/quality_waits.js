// What a panel of the tab Data quality waits for while it has nothing to show.
import { stamp } from "./format.js";
import { STREAMS } from "./quality_charts.js";

const CHARTS = {
  latency: { parts: ["p50", "p99"], text: "Every 10\u00a0s the latency of the messages since is recorded." },
  rate: { parts: ["rate"], text: "Every 10\u00a0s the updates since are counted." },
};

/**
 * By panel, `{title, text}` where it has nothing to show; null where it has values in view, or a gap, which is hatched.
 * `range` is what is looked at, `begins` when the data of the market do, NaN before, `spans` the gaps of its streams.
 */
export function waits({ told, showsNow, range, begins, series, spans }) {
  if (!told) {
    const none = { title: "Waiting for a collector", text: "Before one reports, nothing of this market is recorded." };
    return { streams: none, latency: none, rate: none, cover: none };
  }
  const [start, end] = range, out = spans.some(({ from, to }) => from < end && to > start);
  const none = (title, text) => (showsNow ? { title, text } : past(begins, end));
  const cover = out || begins < end ? null : none("Waiting for the first data", "Coverage counts from then on.");
  const found = { streams: null, cover };
  for (const [name, { parts, text }] of Object.entries(CHARTS)) {
    const known = out || parts.some((part) => anyOf(series, series[part], range));
    found[name] = known ? null : none("Waiting for the first record", text);
  }
  // Messages that tell no time come all the same.
  const timeless = found.latency && anyOf(series, series.rate, range);
  if (timeless) found.latency = { title: "No venue time", text: "Messages of this venue do not tell when it sent them." };
  return found;
}

function past(begins, end) {
  const since = begins >= end ? `Data begin at ${stamp(begins)}.` : "Another time may have some: drag, or press 0 for all.";
  return { title: "Nothing recorded in the time shown", text: since };
}

function anyOf({ t }, values, [start, end]) {
  for (let k = 0; k < t.length; k++) {
    if (t[k] < start || t[k] > end) continue;
    for (let s = 0; s < STREAMS.length; s++) if (values[k * STREAMS.length + s] === values[k * STREAMS.length + s]) return true;
  }
  return false;
}
