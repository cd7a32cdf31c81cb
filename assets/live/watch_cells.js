// Cells of the watch list: what each column shows of a row of `watch`, and by what it sorts.
import { NONE, bps, number, ordinal, percent, signed, size, span } from "./format.js";
import { write } from "./texts.js";
import { describe } from "./words.js";

const STATES = {
  live: "Live", starting: "Starting", resyncing: "Resyncing", stale: "Stale", throttled: "Throttled", down: "Down",
  learning: "Learning",
};
const DOLLARS = new Set(["USD", "USDT", "USDC", "FDUSD", "TUSD", "BUSD", "DAI", "USDE", "USDP", "PYUSD", "USD1"]);
const TINTED = 2; // σ from which a score is coloured
const NARROW = 76; // px of the figure of a narrow list

const known = (v) => v !== null && v !== undefined;
const spread = (row) => (known(row.bid) && known(row.ask) && row.mid > 0 ? ((row.ask - row.bid) / row.mid) * 1e4 : null);
const money = (row) => (DOLLARS.has(row.quote) ? "$" : row.quote);

/** The state to show: a live market without a score, for want of history, is learning. */
export function stateOf(row) {
  const waits = row.state === "live" && !known(row.score) && known(row.mid) && row.score_in_s > 0;
  return waits ? "learning" : row.state;
}

/** In what the depth of all rows is told: `$`, the name of a currency, or "" where there are several. */
export function moneyOf(rows) {
  const found = new Set([...rows].map(money));
  return found.size === 1 ? [...found][0] : "";
}

function element(tag, className, words) {
  const one = document.createElement(tag);
  if (className) one.className = className;
  if (words !== undefined) one.textContent = words;
  return one;
}

/** A class of cell for AG Grid: `fill` writes a row into an element that stays. */
function cell(fill, className) {
  return class {
    init(params) {
      this.gui = element("div", className);
      this.refresh(params);
    }

    getGui() {
      return this.gui;
    }

    refresh(params) {
      if (params.data) fill(this.gui, params.data, params);
      return true;
    }
  };
}

/** Writes words into the children of an element, which are made once. */
function lines(gui, ...parts) {
  while (gui.childElementCount < parts.length) gui.append(element("span"));
  parts.forEach(([words, className], k) => {
    const one = gui.children[k];
    write(one, words);
    if (one.className !== className) one.className = className;
  });
}

/** What the pointer is told; a look at styles, so only when it differs. */
function hint(gui, words) {
  if (gui.title !== words) gui.title = words;
}

const Market = cell((gui, row) => {
  const { name, place } = describe(row.market);
  lines(gui, [name, "wl-name"], [place, "wl-sub"]);
  hint(gui, `${name}, ${place}`);
}, "wl-two");

const Price = cell((gui, row) => lines(gui, [priceWords(row), "wl-num"], [spreadWords(row), "wl-sub"]), "wl-two right");

const priceWords = (row) => number(row.mid, row.price_decimals + 1);
const spreadWords = (row) => (known(spread(row)) ? `${bps(spread(row))}\u00a0bps` : NONE);

/** The score, tinted from 2σ on; a state replaces it, never the row. */
const Score = cell((gui, row) => {
  const state = stateOf(row), bad = !["live", "throttled"].includes(state), slow = state === "throttled";
  const tint = !bad && Math.abs(row.score ?? 0) >= TINTED ? (row.score > 0 ? " bought" : " sold") : "";
  const words = bad ? insteadOf(row, state) : known(row.score) ? signed(row.score, 1) : NONE;
  lines(gui, [words, `wl-score${tint}${bad ? ` wl-state ${state}` : ""}${slow ? " slow" : ""}`], [slow ? STATES.throttled : "", "unseen"]);
  hint(gui, slow ? STATES.throttled : "");
}, "wl-one right");

function insteadOf(row, state) {
  if (state === "learning") return span(60 * Math.ceil(row.score_in_s / 60));
  return state === "resyncing" ? "Resync" : STATES[state];
}

/** A row's state as it is shown. */
export const stateWords = (row) => STATES[stateOf(row)] ?? row.state;

const State = cell((gui, row) => lines(gui, [stateWords(row), `wl-state marked ${stateOf(row)}`]), "wl-one right");

/** The line of the last half hour, drawn by `sparks`. */
const sparkCell = (sparks) => cell((gui, row) => sparks.draw(gui, row.market, row.time_ms ?? Date.now()), "wl-spark");

const depthWords = (row, common) => (known(row.depth_quote) ? `${size(row.depth_quote)}${common ? "" : `\u00a0${money(row)}`}` : NONE);

/** A figure and nothing else. */
const figure = (words) => cell((gui, row) => write(gui, words(row)), "wl-cell");

/** What is not available stands below everything, whichever way the grid turns the order. */
const last = (a, b, _a, _b, down) => {
  if (known(a) && known(b)) return a - b;
  return (known(b) - known(a)) * (down ? -1 : 1);
};

/** Amounts of different money have no order: each money stands together, dollars first, whichever way its own are turned. */
const lastOfMoney = (a, b, one, other, down) => {
  if (!known(a) || !known(b)) return last(a, b, one, other, down);
  const [its, others] = [money(one.data), money(other.data)];
  if (its === others) return a - b;
  return (its < others ? -1 : 1) * (down ? -1 : 1); // "$" before all letters
};

/** Figures that a narrow list has one place for, with the words of its choice. */
export const FIGURES = new Map([
  ["price", "Price and spread"], ["spread", "Spread"], ["queue", "Queue imbalance"], ["depth", "Depth within 10\u00a0bps"],
  ["vpin", "VPIN percentile"], ["explained", "R\u00b2 of OFI"], ["state", "State of the feed"],
]);

/**
 * Columns for a narrow list, two lines a row, with one of FIGURES, and for a wide one, one line a row, with all; `common` is
 * what all depths are told in.
 */
export function columns(wide, sparks, common, chosen = "price") {
  const of = (colId, headerName, width, value, more) => ({
    colId, headerName, width, valueGetter: (params) => (params.data ? value(params.data) : null), comparator: last,
    sortable: true, resizable: false, suppressHeaderMenuButton: true, sortingOrder: ["desc", "asc", null],
    headerClass: "ag-right-aligned-header", ...more,
  });
  const text = (a, b) => String(a).localeCompare(String(b));
  const market = of("market", "Market", wide ? 176 : 90, (row) => row.market, { cellRenderer: Market, headerClass: "", comparator: text, sortingOrder: ["asc", "desc", null], cellClass: wide ? "wl-flat" : "", flex: 1, minWidth: 84 });
  const spark = of("spark", "30\u00a0min", 50, (row) => row.time_ms, { cellRenderer: sparkCell(sparks), sortable: false, headerClass: "" });
  const score = of("score", "OFI\u00a0\u03c3", wide ? 58 : 52, (row) => row.score, { cellRenderer: Score, equals: () => false, headerTooltip: "Score of rolling OFI, best quotes, 10 s" });
  const numeric = (colId, name, width, value, words, headerTooltip) => of(colId, name, width, value, { cellRenderer: figure(words), headerTooltip });
  const figures = {
    price: wide ? numeric("price", "Price", 88, (row) => row.mid, priceWords) : of("price", "Price / bps", 72, (row) => row.mid, { cellRenderer: Price, equals: () => false }),
    spread: numeric("spread", "Spread, bps", 76, spread, (row) => bps(spread(row))),
    queue: numeric("queue", "Queue", 52, (row) => row.queue_imbalance, (row) => signed(row.queue_imbalance, 2), "Queue imbalance of the best quotes"),
    depth: { ...numeric("depth", `10\u00a0bps${common ? `, ${common}` : ""}`, common ? 64 : 88, (row) => row.depth_quote, (row) => depthWords(row, common), "Depth within 10 bps, both sides, times mid, in the quote currency"), comparator: lastOfMoney },
    vpin: numeric("vpin", "VPIN pct", 58, (row) => row.vpin_percentile, (row) => (known(row.vpin_percentile) ? ordinal(row.vpin_percentile) : NONE)),
    explained: numeric("explained", "R\u00b2", 46, (row) => row.explained, (row) => (known(row.explained) ? percent(row.explained, 0) : NONE), "Share of 10 s moves that OFI explains, 30 min"),
    state: of("state", "Feed", 72, stateOf, { cellRenderer: State, comparator: text }),
  };
  if (!wide) return [market, spark, { ...figures[chosen], width: NARROW }, score];
  const { price, spread: between, ...others } = figures;
  return [market, price, between, score, spark, ...Object.values(others)];
}
