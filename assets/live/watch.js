// The watch list: rows of `watch`, once a second, into the grid that Dash renders.
import { want } from "./dash.js";
import { h, keep, kept, mark } from "./dom.js";
import { stamp } from "./format.js";
import { Sparks } from "./sparks.js";
import { cutOff } from "./states.js";
import { write } from "./texts.js";
import { FIGURES, columns, moneyOf, stateWords } from "./watch_cells.js";
import { describe } from "./words.js";

const MIRRORED = [
  "onRowDataUpdated", "onDisplayedColumnsChanged", "onColumnResized", "onPaginationChanged", "onGridSizeChanged", "onSelectionChanged",
  "onFilterChanged", "onSortChanged", "onCellClicked", "onAsyncTransactionsFlushed",
];
const WIDE = "(min-width: 1920px)", FIGURE_KEY = "ofi-watch-figure";

export class WatchList {
  /** @param {{open: (market: string, add: boolean) => void, view: object}} page */
  constructor(page) {
    this.page = page;
    this.sparks = new Sparks();
    this.rows = new Map(); // market → row
    this.shown = new Set(); // markets in the grid
    this.chosen = new Set(); // markets in view
    this.grid = null;
    this.filter = "";
    this.trouble = ""; // what the server says of the list as a whole
    this.old = ""; // that nothing new comes
    this.money = "$"; // in what the depths of all rows are told; "" where each names its own
    this.wide = matchMedia(WIDE);
    this.figure = FIGURES.has(kept(FIGURE_KEY)) ? kept(FIGURE_KEY) : "price"; // of a narrow list
    document.getElementById("watch-filter-place").append(
      h("input", { type: "text", id: "watch-filter", placeholder: "Filter", "aria-label": "Filter the watch list", autocomplete: "off", spellcheck: false, oninput: (event) => this.search(event.target.value) }),
    );
    document.getElementById("watch-figure-place").append(this.choice());
    this.wide.addEventListener("change", () => this.layout());
    this.find();
  }

  /** The grid's own interface, null while there is none: Dash may make the grid anew. */
  get api() {
    if (this.grid?.isDestroyed()) {
      this.grid = null;
      this.shown.clear();
      this.chosen.clear();
      this.find();
    }
    return this.grid;
  }

  /** The grid is there when Dash has loaded its script and drawn it. */
  async find() {
    if (!this.asked && this.page.painted) {
      this.asked = true;
      want("watch-holder");
    }
    const grid = this.asked && (await globalThis.dash_ag_grid?.getApiAsync?.("watch-grid"));
    if (!grid || grid.isDestroyed()) return void setTimeout(() => this.find(), 50);
    this.grid = grid;
    // Dash would mirror every change into its own state, and ask all components of the page to look at it.
    for (const name of MIRRORED) grid.setGridOption(name, undefined);
    grid.setGridOption("isExternalFilterPresent", () => this.filter !== "");
    grid.setGridOption("doesExternalFilterPass", (node) => this.passes(node.data));
    // Not a selection of the grid's: Dash mirrors that, and takes it back.
    grid.setGridOption("rowClassRules", { "in-view": (params) => this.chosen.has(params.data?.market) });
    grid.setGridOption("getRowHeight", () => (this.wide.matches ? 33 : 36));
    grid.addEventListener("rowClicked", (event) => this.page.open(event.data.market, event.event.shiftKey));
    grid.addEventListener("cellKeyDown", (event) => this.key(event));
    this.layout();
    this.fill();
  }

  /** What a narrow list shows beside the score: to be seen, and to sort by. */
  choice() {
    const options = [...FIGURES].map(([value, words]) => h("option", { value, selected: value === this.figure }, words));
    const chosen = (event) => {
      this.figure = event.target.value;
      keep(FIGURE_KEY, this.figure);
      this.layout();
    };
    return h("label", { class: "watch-figure", title: "Figure of the watch list" }, mark("sliders", 14), h("select", { "aria-label": "Figure of the watch list", onchange: chosen }, ...options));
  }

  layout() {
    if (!this.api) return;
    const held = this.api.getColumnState().filter((one) => one.sort);
    this.api.setGridOption("columnDefs", columns(this.wide.matches, this.sparks, this.money, this.figure));
    this.api.applyColumnState({ state: held, defaultState: { sort: null } });
    this.api.resetRowHeights();
    this.mark();
  }

  key({ event, node }) {
    if (event.key === "Enter") this.page.open(node.data.market, event.shiftKey);
  }

  passes(row) {
    const { name, place } = describe(row.market);
    const text = `${row.market} ${name} ${place} ${stateWords(row)}`.toLowerCase();
    return this.filter.split(/\s+/).every((word) => text.includes(word));
  }

  search(words) {
    this.filter = words.trim().toLowerCase();
    this.api?.onFilterChanged();
    this.count();
  }

  /** @param {{markets: object[], message?: string}} message `watch` of /live */
  take(message) {
    this.trouble = message.message ?? "";
    this.note();
    if (this.trouble) return;
    this.rows = new Map(message.markets.map((row) => [row.market, row]));
    for (const row of message.markets) this.sparks.note(row);
    this.sparks.keep(this.rows);
    this.fill();
  }

  /** The link is, or is still, so: what it leaves old is said in words, too. */
  linked(link, at = performance.now()) {
    const times = cutOff(link, at) ? [...this.rows.values()].map((row) => row.time_ms ?? 0) : [];
    const newest = Math.max(0, ...times);
    this.old = times.length ? `Not connected.${newest ? ` Figures of ${stamp(newest)}.` : ""}` : "";
    this.note();
  }

  note() {
    write(document.getElementById("watch-note"), this.old || this.trouble);
  }

  takeSparks(message) {
    this.sparks.take(message);
    this.api?.refreshCells({ columns: ["spark"], force: true });
  }

  fill() {
    if (!this.api || document.hidden) return;
    const add = [], remove = [];
    for (const [market, row] of this.rows) if (!this.renewed(market, row)) add.push({ ...row });
    for (const market of this.shown) if (!this.rows.has(market)) remove.push({ market });
    this.shown = new Set(this.rows.keys());
    this.mark();
    if (add.length || remove.length) this.api.applyTransaction({ add, remove });
    this.api.refreshCells();
    this.arrange();
    if (!add.length && !remove.length) return;
    this.count();
    const money = moneyOf(this.rows.values());
    if (money === this.money) return;
    this.money = money;
    this.layout();
  }

  /**
   * Gives a row that the grid has its new values. Not by a transaction: the grid tells React the row's id and its place
   * then, and React keeps what it is told, though it changes nothing, until the row is drawn anew: for ever.
   */
  renewed(market, row) {
    const node = this.shown.has(market) ? this.api.getRowNode(market) : null;
    if (node) Object.assign(node.data, row);
    return Boolean(node);
  }

  /** Filters and sorts by the new values where they say so. */
  arrange() {
    if (this.filter) {
      this.api.onFilterChanged();
      this.count();
    } else if (!this.inOrder()) this.api.refreshClientSideRowModel("sort");
  }

  inOrder() {
    const by = this.api.getColumnState().filter((one) => one.sort).sort((a, b) => a.sortIndex - b.sortIndex);
    if (!by.length) return true;
    const order = by.map(({ colId, sort }) => {
      const { comparator, valueGetter } = this.api.getColumn(colId).getColDef(), down = sort === "desc";
      return (a, b) => comparator(valueGetter(a), valueGetter(b), a, b, down) * (down ? -1 : 1);
    });
    let before = null, right = true;
    this.api.forEachNodeAfterFilterAndSort((node) => {
      if (before) right &&= (order.map((one) => one(before, node)).find((found) => found) ?? 0) <= 0;
      before = node;
    });
    return right;
  }

  count() {
    const shown = this.filter ? `${this.api?.getDisplayedRowCount() ?? 0} of ${this.rows.size}` : `${this.rows.size}`;
    write(document.getElementById("watch-count"), shown);
  }

  /** Marks the markets in view. */
  mark() {
    const chosen = new Set(this.page.view?.markets), changed = [];
    this.api?.forEachNode((node) => chosen.has(node.data.market) !== this.chosen.has(node.data.market) && changed.push(node));
    this.chosen = chosen;
    if (changed.length) this.api.redrawRows({ rowNodes: changed });
  }

  /** Moves the focus by a row and gives it to the grid; Enter then opens. */
  step(by) {
    if (!this.api?.getDisplayedRowCount()) return;
    const all = this.api.getDisplayedRowCount(), cell = this.api.getFocusedCell();
    const chosen = this.page.view?.markets[0];
    const from = cell?.rowIndex ?? this.api.getRowNode(chosen)?.rowIndex ?? -1;
    const to = Math.max(0, Math.min(all - 1, from + by));
    this.api.ensureIndexVisible(to);
    this.api.setFocusedCell(to, "market");
  }
}
