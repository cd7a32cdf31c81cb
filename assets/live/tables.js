// A panel's figures as a table, as they are shown: the same rings, within the times in view.
import { kindWords } from "./book_menu.js";
import { fileName, save } from "./files.js";
import { iso, timeHead } from "./zone.js";

/**
 * The table of a panel, or null where it has none. A pane gives those of its own panels with
 * `table(name)`: `{columns: ["time, CET", "OFI, BTC", …], rows: iterable of arrays}`, with `middle` (a row) where the
 * rows lie about one, `chronological` where they follow in time without saying it.
 */
export function tableOf(stack, name) {
  return (stack.model.info && stack.pane.table?.(name)) ?? null;
}

/** Downloads the table of a panel. */
export function saveTable(stack, name) {
  const table = tableOf(stack, name);
  if (table) save(new Blob([toCsv(table)], { type: "text/csv" }), fileName(stack.market, name, stack.model.tiles?.t ?? stack.edge, "csv"));
}

/** Comma-separated text; what is not known is empty. */
export function toCsv({ columns, rows }) {
  const lines = [columns.map(quoted).join(",")];
  for (const row of rows) lines.push(row.map(cell).join(","));
  return lines.join("\n") + "\n";
}

const quoted = (words) => (/[",\n]/.test(words) ? `"${words.replaceAll('"', '""')}"` : words);

function cell(value) {
  if (value === null || value === undefined || value !== value) return "";
  return typeof value === "string" ? quoted(value) : String(value);
}

/** Rows of a time table in view: time, then one value per name. */
export function* timed(table, names, start, end) {
  for (let k = table.search(start); k < table.to && table.time[k] <= end; k++) {
    yield [iso(table.time[k]), ...names.map((name) => table.data[name][k])];
  }
}

const named = (names, unit) => names.map((name) => `${name}, ${unit}`);

function series(names, words, unit) {
  return ({ model, views }) => ({
    columns: [timeHead(views.book.start, views.book.end), ...named(words(model.info), unit(model.info))],
    rows: timed(model.series, names, views.book.start, views.book.end),
  });
}

const sizeUnit = (info) => info.unit;

/** The heatmap: a row per time, quotes and the resting size at each price row in view. */
function book({ model, views }) {
  const { columns: c, series: s, info, rowCount } = model, { group, tick } = info, { low, high, start, end } = views.book;
  const first = Math.ceil(low / tick / group), last = Math.floor(high / tick / group);
  const prices = Array.from({ length: Math.max(0, last - first + 1) }, (_, r) => ((first + r) * group * tick).toFixed(info.price_decimals));
  function* rows() {
    for (let k = c.search(start); k < c.to && c.time[k] <= end; k++) {
      const at = s.search(c.time[k]), there = at < s.to && s.time[at] === c.time[k];
      const quote = (name) => (there && s.data[name] ? s.data[name][at] : NaN);
      const from = first - c.data.base[k];
      const size = (_, r) => (from + r >= 0 && from + r < rowCount ? c.data.size[k * rowCount + from + r] : NaN);
      yield [iso(c.time[k]), quote("bid"), quote("ask"), quote("mid"), quote("micro"), ...prices.map(size)];
    }
  }
  return {
    columns: [timeHead(start, end), ...named(["bid", "ask", "mid", "micro-price"], info.quote), ...prices.map((p) => `size at ${p} to ${group} ticks above, ${info.unit}`)],
    rows: rows(),
  };
}

function depthNow({ model }) {
  const { profile: p, info } = model;
  if (!p) return null;
  const price = (r) => ((p.base + r) * info.group * info.tick).toFixed(info.price_decimals);
  return {
    middle: p.ask.findIndex((size) => size > 0),
    columns: [`price, ${info.quote}`, ...named(["bid", "ask", "running bid", "running ask"], info.unit)],
    rows: Array.from(p.bid, (_, r) => [price(r), p.bid[r], p.ask[r], p.cumBid[r], p.cumAsk[r]]),
  };
}

function distribution({ model }) {
  const { info, standing: { distribution: d, hist } } = model;
  if (!hist || !d || !(d.hi > d.lo)) return null;
  const wide = (d.hi - d.lo) / hist.length;
  return {
    columns: [`${kindWords(model)} from, ${info.unit}`, `${kindWords(model)} to, ${info.unit}`, "count"],
    rows: Array.from(hist, (count, k) => [d.lo + k * wide, d.lo + (k + 1) * wide, count]),
  };
}

function levels({ model, views }) {
  const { series: s, levelCount: m } = model;
  function* rows() {
    for (let k = s.search(views.book.start); k < s.to && s.time[k] <= views.book.end; k++) {
      yield [iso(s.time[k]), ...s.data.levels.subarray(k * m, (k + 1) * m)];
    }
  }
  return { columns: [timeHead(views.book.start, views.book.end), ...Array.from({ length: m }, (_, k) => `OFI of level ${k + 1} over mean depth, 1`)], rows: rows() };
}

function levelsNow({ model }) {
  return model.nowLevels && { columns: ["level", `OFI, ${model.info.unit}`], rows: Array.from(model.nowLevels, (v, k) => [k + 1, v]) };
}

function made({ model }) {
  const parts = model.decomposition;
  if (!parts) return null;
  const { matched_share: share, ...sizes } = parts;
  return { columns: ["part", "value", "unit"], rows: [...Object.entries(sizes).map(([name, v]) => [name, v, model.info.unit]), ["matched_share", share, "1"]] };
}

/** Tables of the tab Book & flow: of its pane, by the panel's name. */
export const FLOW_TABLES = {
  book, levels, "book-cross": depthNow, "ofi-cross": distribution, "levels-cross": levelsNow, "flow-cross": made,
  ofi: series(
    ["ofi", "multi", "integrated"],
    ({ window_s, depth }) => [`OFI of best quotes over ${window_s} s`, `OFI of ${depth} levels over ${window_s} s`, `integrated OFI over ${window_s} s`],
    sizeUnit,
  ),
  flow: series(["flow"], ({ step_ms }) => [`bought minus sold in ${step_ms} ms`], sizeUnit),
};
