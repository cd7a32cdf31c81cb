// The panels of the tab Data quality as tables: the figures that are shown, within the times in view.
import { NAMES, STREAMS } from "./quality_charts.js";
import { iso, timeHead, zoneName, zoneNames } from "./zone.js";

const INSTANTS = new Set(["from_ms", "to_ms", "since_ms", "received_ms", "next_try_ms"]);

const inView = ({ stack }) => stack.ranges.time(stack.model, stack.edge);

/** Values of all streams through time: `lines` has the words after a stream's name and the values of each. */
function through(pane, lines) {
  const { t } = pane.series, [start, end] = inView(pane);
  const shown = Array.from(t, (time, k) => [time, k]).filter(([time]) => time >= start && time <= end);
  return {
    columns: [timeHead(shown[0]?.[0], shown.at(-1)?.[0]), ...STREAMS.flatMap((s) => lines.map(([words]) => `${NAMES[s]}${words}`))],
    rows: shown.map(([time, k]) => [iso(time), ...STREAMS.flatMap((_, s) => lines.map(([, values]) => values[k * STREAMS.length + s]))]),
  };
}

/** Each stream from the first data on: what is known, and the gaps between. */
function cover(pane) {
  const { stack } = pane, [start, end] = inView(pane), from = Math.max(start, stack.model.begins ?? end);
  const of = (stream) => stretches(stack.spans(stream, stack.state, stack.edge), from, end);
  return {
    columns: ["stream", `from, ${zoneNames(start, end)}`, `to, ${zoneNames(start, end)}`, "data"],
    rows: pane.present.flatMap(({ stream }) => of(stream).map(([since, to, what]) => [NAMES[stream], iso(since), iso(to), what])),
  };
}

function stretches(gaps, from, end) {
  const found = [];
  let at = from;
  for (const gap of gaps.toSorted((a, b) => a.from - b.from)) {
    const since = Math.max(at, gap.from), to = Math.min(end, gap.to);
    if (to <= since) continue;
    if (since > at) found.push([at, since, "known"]);
    found.push([since, to, "none"]);
    at = to;
  }
  return end > at ? [...found, [at, end, "known"]] : found;
}

/** A table of what the server says in records; instants are in the zone of the page. */
function records(list) {
  const names = Object.keys(list[0] ?? {}), cell = (name, value) => (INSTANTS.has(name) && value !== null ? iso(value) : plain(value));
  const zone = (name) => {
    const times = list.map((one) => one[name]).filter(Number.isFinite);
    return times.length ? zoneNames(Math.min(...times), Math.max(...times)) : zoneName();
  };
  return list.length ? {
    columns: names.map((name) => (INSTANTS.has(name) ? `${name.slice(0, -3).replaceAll("_", " ")}, ${zone(name)}` : name)),
    rows: list.map((one) => names.map((name) => cell(name, one[name]))),
  } : null;
}

const plain = (value) => (value !== null && typeof value === "object" ? JSON.stringify(value) : value);

/** By panel, of its pane; see tables.js. */
export const TABLES = {
  latency: (pane) => through(pane, [[" p50, ms", pane.series.p50], [" p99, ms", pane.series.p99]]),
  rate: (pane) => through(pane, [[", updates/s", pane.series.rate]]),
  cover,
  reasons: ({ counted }) => counted && { columns: counted.head, rows: counted.body },
  streams: ({ present }) => records(present),
  incidents: ({ quality }) => records(quality.incidents),
  everywhere: ({ everywhere }) => records(everywhere ?? []),
};
