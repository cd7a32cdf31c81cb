// The market picker: stored markets first, then what the venues offer; and the markets in view as chips.
import { h, keep, kept, mark, open } from "./dom.js";
import { number, signed } from "./format.js";
import { write } from "./texts.js";
import { describe } from "./words.js";

const RECENT = "ofi.recent";
const RECENT_KEPT = 6, MOST = 60, MOST_MARKETS = 4;
const CATALOGUE_AFTER_MS = 160; // typing has paused

export class Picker {
  /** @param {{open: (market: string, add: boolean) => void, drop: (market: string) => void, view: object}} page @param {{rows: Map}} watch */
  constructor(page, watch) {
    this.page = page;
    this.watch = watch;
    this.offered = []; // of the catalogue, for the words in the field
    this.found = [];
    this.at = 0;
    this.timer = 0;
    this.asked = "";
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

  typed() {
    this.at = 0;
    if (!this.words.length) this.offered = [];
    this.fill();
    clearTimeout(this.timer);
    if (this.words.length) this.timer = setTimeout(() => this.ask(), CATALOGUE_AFTER_MS);
  }

  /** Asks what the venues offer; an answer to words that have changed since is dropped. */
  async ask() {
    const asked = (this.asked = this.words.join(" "));
    const url = new URL("api/v1/catalogue", document.baseURI);
    url.search = new URLSearchParams({ q: asked, limit: "50" });
    try {
      const answer = await fetch(url);
      if (!answer.ok) throw new Error();
      const { markets } = await answer.json();
      if (asked !== this.words.join(" ")) return;
      this.offered = markets;
      write(this.said, "");
    } catch {
      write(this.said, "What the venues offer cannot be searched just now; stored markets can.");
    }
    this.fill();
  }

  groups() {
    const words = this.words;
    const fits = (market, row) => {
      const { name, place } = describe(market);
      const text = `${market} ${name} ${place} ${row?.base ?? ""}`.toLowerCase();
      return words.every((word) => text.includes(word));
    };
    const stored = [...this.watch.rows.keys()].filter((market) => fits(market, this.watch.rows.get(market)));
    const recent = words.length ? [] : recents().filter((market) => fits(market));
    const held = new Set(stored);
    const more = this.offered.map((one) => one.market).filter((market) => !held.has(market));
    const typed = /^[a-z0-9_-]+:[^\s]+$/i.test(this.input.value.trim()) && !stored.length && !more.length ? [this.input.value.trim()] : [];
    return [["Recent", recent], ["Watch list", stored.filter((market) => !recent.includes(market))], ["Offered by the venues, not collected yet", [...more, ...typed]]];
  }

  fill() {
    const nodes = [], found = [];
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
    this.list.replaceChildren(...nodes);
    if (!found.length) this.list.append(h("p", { class: "hint" }, this.words.length ? "No market has this name." : "No market is stored yet."));
    this.move(0);
  }

  option(market, k) {
    const { name, place } = describe(market), row = this.watch.rows.get(market);
    const inView = this.page.view.markets.includes(market);
    const state = row ? (row.state === "live" ? (row.score === null ? "Live" : `${signed(row.score, 1)}\u03c3`) : row.state) : "";
    return h("div", { role: "option", id: `pick-${k}`, "data-market": market, "aria-selected": "false", class: "option" },
      h("b", {}, name), h("span", { class: "mut" }, place), h("span", { class: "grow" }),
      inView ? h("span", { class: "mut" }, "in view") : null,
      row ? h("span", { class: "num" }, number(row.mid, row.price_decimals)) : null,
      h("span", { class: `num short ${row?.score >= 2 ? "up" : row?.score <= -2 ? "dn" : "mut"}` }, state));
  }

  move(by) {
    if (!this.found.length) return this.input.removeAttribute("aria-activedescendant");
    this.at = (this.at + by + this.found.length) % this.found.length;
    for (const one of this.list.querySelectorAll("[aria-selected=true]")) one.setAttribute("aria-selected", "false");
    const row = document.getElementById(`pick-${this.at}`);
    row.setAttribute("aria-selected", "true");
    row.scrollIntoView({ block: "nearest" });
    this.input.setAttribute("aria-activedescendant", row.id);
  }

  key(event) {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by) this.move(by);
    else if (event.key === "Enter" && this.found.length) this.choose(this.found[this.at], event.shiftKey);
    else return;
    event.preventDefault();
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
    const chips = markets.length < 2 ? [] : markets.map((market) => {
      const { name, place } = describe(market);
      return h("button", { type: "button", class: "mchip", "data-market": market, "aria-label": `Remove ${name} ${place}`, title: `Remove ${name} ${place}` },
        h("b", {}, name), h("span", { class: "mut" }, place), mark("cross", 10));
    });
    document.getElementById("chips").replaceChildren(...chips);
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
