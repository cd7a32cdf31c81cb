// The market picker: stored markets first, then what the venues offer; and the markets in view as chips.
import { bindChips } from "./chips.js";
import { h, keep, kept, mark, open } from "./dom.js";
import { number, signed } from "./format.js";
import { MOST_MARKETS } from "./layout.js";
import { write } from "./texts.js";
import { describe } from "./words.js";

const RECENT = "ofi.recent";
const RECENT_KEPT = 6, MOST = 60;
const CATALOGUE_AFTER_MS = 160; // typing has paused
const ANSWER_MS = 5000;

export class Picker {
  /** @param {{open: (market: string, add: boolean) => void, drop: (market: string) => void, view: object, foresight: object}} page @param {{rows: Map}} watch */
  constructor(page, watch) {
    this.page = page;
    this.watch = watch;
    this.offered = { words: "", markets: [] }; // the last answer of the catalogue, and to which words
    this.found = [];
    this.at = 0;
    this.timer = 0;
    this.inView = ""; // the markets whose chips stand there
    this.wanted = null; // Enter came before the answer: what is found first is opened then
    this.input = h("input", {
      type: "text", id: "picker-field", placeholder: "Name, base currency or venue", autocomplete: "off", spellcheck: false,
      role: "combobox", "aria-expanded": "true", "aria-controls": "picker-list", "aria-autocomplete": "list", "aria-label": "Find a market",
      oninput: () => this.typed(), onkeydown: (event) => this.key(event),
    });
    this.list = h("div", { id: "picker-list", role: "listbox", "aria-label": "Markets", class: "picker-list" });
    this.said = h("p", { class: "hint", role: "status" });
    document.getElementById("picker-body").append(this.input, this.list, this.said);
    this.list.addEventListener("click", (event) => {
      const row = event.target.closest("[role=option]");
      if (row) this.choose(row.dataset.market, event.shiftKey);
    });
    document.getElementById("find").addEventListener("click", () => this.open());
    document.getElementById("chips").addEventListener("click", (event) => {
      const market = event.target.closest("button")?.dataset.market;
      if (market) page.drop(market);
    });
    bindChips(document.getElementById("chips"), (markets) => page.wish({ markets }));
  }

  open() {
    open("picker");
    this.input.value = "";
    this.input.focus();
    this.typed();
  }

  /** The words in the field, lower case. */
  get words() {
    return this.input.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
  }

  /** The words as the catalogue is asked for them. */
  get question() {
    return this.words.join(" ");
  }

  /** What the venues offer for the words in the field; null while that is not known. */
  get offers() {
    return this.offered.words === this.question ? this.offered.markets : null;
  }

  typed() {
    this.found = [];
    this.wanted = null;
    if (!this.words.length) this.offered = { words: "", markets: [] };
    this.fill();
    clearTimeout(this.timer);
    if (this.words.length) this.timer = setTimeout(() => this.ask(), CATALOGUE_AFTER_MS);
  }

  /** Asks what the venues offer; an answer to words that have changed since is dropped. */
  async ask() {
    const words = this.question, url = new URL("api/v1/catalogue", document.baseURI);
    url.search = new URLSearchParams({ q: words, limit: "50" });
    const markets = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS) })
      .then(async (answer) => (answer.ok ? (await answer.json()).markets : null))
      .catch(() => null);
    if (words !== this.question) return;
    this.offered = { words, markets: markets ?? [] };
    write(this.said, markets ? "" : "What the venues offer cannot be searched just now; stored markets can.");
    this.fill();
    const { wanted } = this;
    this.wanted = null;
    if (wanted && this.found.length && document.getElementById("picker").open) this.choose(this.found[this.at], wanted.add);
  }

  /** By title, markets; those of the catalogue that are stored stand with the stored. */
  groups() {
    const { words, offers } = this, { rows } = this.watch, value = this.input.value.trim();
    const fits = (market, row) => {
      const { name, place } = describe(market);
      const text = `${market} ${name} ${place} ${row?.base ?? ""}`.toLowerCase();
      return words.every((word) => text.includes(word));
    };
    const fitting = [...rows.keys()].filter((market) => fits(market, rows.get(market)));
    // Letters in their order are enough for the catalogue: it finds stored markets that hold no word as it is.
    const [held, free] = [true, false].map((is) => (offers ?? []).filter((one) => (one.held || rows.has(one.market)) === is).map((one) => one.market));
    const stored = [...new Set([...fitting, ...held])];
    const recent = words.length ? [] : recents().filter((market) => fits(market));
    const typed = /^[a-z0-9_-]+:[^\s]+$/i.test(value) && !stored.length && !free.length ? [value] : [];
    return [["Recent", recent], ["Watch list", stored.filter((market) => !recent.includes(market))], ["Offered by the venues, not collected yet", [...free, ...typed]]];
  }

  fill() {
    const nodes = [], found = [], marked = this.found[this.at];
    for (const [title, markets] of this.groups()) {
      const shown = markets.slice(0, MOST - found.length);
      if (!shown.length) continue;
      const group = h("div", { role: "group", "aria-label": title }, h("div", { class: "group", "aria-hidden": "true" }, title));
      for (const market of shown) {
        group.append(this.option(market, found.length));
        found.push(market);
      }
      nodes.push(group);
    }
    this.found = found;
    this.at = Math.max(0, found.indexOf(marked));
    this.list.replaceChildren(...nodes);
    if (!found.length) this.list.append(h("p", { class: "hint" }, !this.words.length ? "No market is stored yet." : this.offers ? "No market has this name." : "The venues' markets are being searched."));
    this.move(0);
  }

  option(market, k) {
    const { name, place } = describe(market), row = this.watch.rows.get(market);
    const inView = this.page.view.markets.includes(market);
    const state = row ? (row.state === "live" ? (row.score === null ? "Live" : `${signed(row.score, 1)}\u03c3`) : row.state) : "";
    return h("div", { role: "option", id: `pick-${k}`, "data-market": market, "aria-selected": "false", class: "option" },
      h("b", {}, name), h("span", { class: "mut" }, place), h("span", { class: "grow" }),
      inView ? h("span", { class: "mut" }, "in view") : null,
      row ? h("span", { class: "num" }, number(row.mid, row.price_decimals + 1)) : null,
      h("span", { class: `num short ${row?.score >= 2 ? "up" : row?.score <= -2 ? "dn" : "mut"}` }, state));
  }

  move(by) {
    if (!this.found.length) return this.input.removeAttribute("aria-activedescendant");
    this.at = (this.at + by + this.found.length) % this.found.length;
    for (const one of this.list.querySelectorAll("[aria-selected=true]")) one.setAttribute("aria-selected", "false");
    const row = document.getElementById(`pick-${this.at}`);
    row.setAttribute("aria-selected", "true");
    if (by) this.page.foresight.rest(row.dataset.market);
    row.scrollIntoView({ block: "nearest" });
    this.input.setAttribute("aria-activedescendant", row.id);
  }

  key(event) {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by) this.move(by);
    else if (event.key === "Enter") this.enter(event.shiftKey);
    else return;
    event.preventDefault();
  }

  /** Opens what is marked; what nobody stores only once the venues have answered to these very words. */
  enter(add) {
    const market = this.found[this.at];
    if (this.offers || this.watch.rows.has(market)) return market && this.choose(market, add);
    this.wanted = { add };
    clearTimeout(this.timer);
    this.ask();
  }

  choose(market, add) {
    document.getElementById("picker").close();
    keep(RECENT, JSON.stringify([market, ...recents().filter((one) => one !== market)].slice(0, RECENT_KEPT)));
    this.page.open(market, add);
  }

  /** The field names the market in view; several stand beside it, each with its cross. */
  show(markets) {
    const one = markets.length === 1 ? describe(markets[0]) : null;
    write(document.getElementById("find-name"), one ? one.name : "");
    write(document.getElementById("find-place"), one ? one.place : markets.length < MOST_MARKETS ? "Add a market" : "Change a market");
    const field = document.getElementById("find");
    field.setAttribute("aria-label", one ? `${one.name} ${one.place}: find a market` : `${document.getElementById("find-place").textContent}: find it`);
    const holder = document.getElementById("chips"), key = markets.join();
    if (key === this.inView && holder.querySelector(".moving")) return; // a drag goes on while something else changes
    this.inView = key;
    const chips = markets.length < 2 ? [] : markets.map((market) => {
      const { name, place } = describe(market);
      return h("button", { type: "button", class: "mchip", "data-market": market, "aria-label": `Remove ${name} ${place}`, "aria-keyshortcuts": "Alt+ArrowLeft Alt+ArrowRight", title: `Remove ${name} ${place}; drag it, or press Alt with \u2190 or \u2192, to move it` },
        h("b", {}, name), h("span", { class: "mut" }, place), mark("cross", 10));
    });
    holder.replaceChildren(...chips);
  }
}

function recents() {
  try {
    const list = JSON.parse(kept(RECENT) ?? "[]");
    return Array.isArray(list) ? list.filter((one) => typeof one === "string" && one.length < 100).slice(0, RECENT_KEPT) : [];
  } catch {
    return [];
  }
}
