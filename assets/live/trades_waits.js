// What a row of the tab Trades & liquidity waits for while it has nothing to draw.
import { stamp } from "./format.js";

const BOTH = "Waiting for a bid and an ask";
const WAITS = {
  price: { stream: "best", series: ["bid", "ask"], title: "Waiting for the first quotes", text: "The price is drawn from the best bid and ask." },
  queue: { stream: "best", series: ["queue"], title: BOTH, text: "Queue imbalance compares the sizes of the two." },
  spread: { stream: "best", series: ["spread_bps"], title: BOTH, text: "The spread is the distance of the two." },
  // Depth beyond the visible book is not waited for: that is said on the chart.
  bands: { stream: "depth", series: ["band_bid", "band_ask", "mid"], title: "Waiting for the first book", text: "Depth near mid is counted from it." },
};

export const WAITING = Object.keys(WAITS);

/** @returns {{title: string, text: string} | null} null where a row has values in view, or a gap, which is hatched */
export function waitsFor(name, { model, views, showsNow, stack, state }) {
  const { stream, series, title, text } = WAITS[name], { start, end, step } = views[name];
  if (series.some((one) => anyOf(model.series, one, start, end + step))) return null;
  if (stack.spans(stream, state, stack.edge).some(({ from, to }) => from < end && to > start)) return null;
  if (showsNow) return { title, text };
  const { begins } = model, since = begins > start ? `Data begin at ${stamp(begins)}.` : "Another time may have some: drag, or press 0 for all.";
  return { title: "No data in the time shown", text: since };
}

/** Whether a series has a value between two times; the newest is looked at first. */
function anyOf(table, name, start, end) {
  const values = table.data[name], width = table.fields[name][1];
  for (let k = table.search(end) * width - 1, from = table.search(start) * width; k >= from; k--) if (values[k] === values[k]) return true;
  return false;
}
