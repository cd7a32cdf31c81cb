// Beside the rows: what an order of the user's size would cost, and the newest trades.
import { NONE, bps, clock, number, size } from "./format.js";
import { write } from "./texts.js";
import { timeHead } from "./zone.js";

const MOST = 1e12, ROWS = 60; // MOST as app/web/options.py

/** The cost of an order; the notional is the page's, one for all markets. */
export class Cost {
  constructor(element, stack) {
    this.stack = stack;
    const label = document.createElement("label");
    label.append((this.words = document.createElement("span")), (this.input = document.createElement("input")), (this.unit = document.createElement("span")));
    this.input.inputMode = "numeric";
    this.input.autocomplete = "off";
    this.input.addEventListener("change", () => this.asked());
    this.input.addEventListener("keydown", (event) => event.key === "Enter" && this.input.blur());
    this.note = document.createElement("small");
    this.note.role = "status";
    this.sides = Object.fromEntries([["buy", "Buy", "up"], ["sell", "Sell", "dn"]].map(([name, said, tone]) => [name, order(said, tone)]));
    element.replaceChildren(label, this.sides.buy.row, this.sides.sell.row, this.note);
    write(this.words, "Market order of");
  }

  /** Takes what was typed: a whole number, with or without separators, k or M. */
  asked() {
    const wanted = amount(this.input.value);
    this.input.setAttribute("aria-invalid", String(!wanted));
    if (!wanted) return write(this.note, refusal(this.input.value.trim()));
    write(this.note, "");
    this.stack.page.choose({ notional: String(wanted) });
  }

  show(slippage, info, withheld) {
    const wanted = Number(this.stack.page.view?.options?.notional);
    write(this.unit, info.quote);
    const name = `Notional of the order, ${info.quote}`;
    if (this.input.getAttribute("aria-label") !== name) this.input.setAttribute("aria-label", name);
    if (document.activeElement !== this.input && this.input.getAttribute("aria-invalid") !== "true") {
      const text = number(wanted);
      if (this.input.value !== text) this.input.value = text;
    }
    for (const [action, side] of Object.entries(this.sides)) {
      const cost = !withheld && slippage && slippage.notional === wanted ? slippage[action] : null;
      this.fill(side, cost, wanted, info);
    }
  }

  fill({ value, where, more }, cost, wanted, info) {
    if (!cost) {
      write(value, NONE);
      write(where, "");
      write(more, "waiting for the book");
    } else if (cost.bps === null) {
      write(value, NONE);
      write(where, "");
      write(more, `More than the visible book: ${size(wanted)} ${info.quote} exceeds the ${size(cost.visible)}\u00a0${info.quote} in view.`);
    } else {
      write(value, `${cost.exact ? "" : "about\u00a0"}${bps(cost.bps)}\u00a0bps`);
      write(where, `at ${number(cost.average, info.price_decimals + 1)}`);
      write(more, cost.exact ? "" : "Deeper prices are known to a basis point.");
    }
  }
}

function order(said, tone) {
  const row = document.createElement("div"), made = (tag) => document.createElement(tag);
  row.className = "order";
  const [name, value, where, more] = [made("span"), made("b"), made("span"), made("p")];
  name.textContent = said;
  name.className = tone;
  row.append(name, value, where, more);
  return { row, value, where, more };
}

/** Why a text is no amount, and how to write one. */
function refusal(words) {
  const seen = words.length > 24 ? `${words.slice(0, 24)}\u2026` : words;
  return `\u201c${seen}\u201d is no whole amount from 1 to ${number(MOST)}. Commas part thousands, a point begins a fraction: 250,000, 250k or 1.5 M.`;
}

/** A whole amount out of what a person types: 250,000, 250k, 1.5 M; 0 where it is none. One mark parts groups of three. */
export function amount(words) {
  const found = /^([0-9]+|[0-9]{1,3}(?:([, \u00a0_'])[0-9]{3})(?:\2[0-9]{3})*)(\.[0-9]+)?\s*([kKmM]?)$/.exec(words.trim());
  if (!found) return 0;
  const times = { k: 1e3, m: 1e6 }[found[4].toLowerCase()] ?? 1;
  const value = Number(found[1].replace(/[^0-9]/g, "") + (found[3] ?? "")) * times;
  return Number.isInteger(value) && value >= 1 && value <= MOST ? value : 0;
}

/** The newest trades, the newest first: a disc bought, a ring sold, and the sign before the size. */
export class Tape {
  constructor(element) {
    this.table = document.createElement("table");
    const head = document.createElement("thead"), titles = document.createElement("tr");
    this.titles = ["time", "price", "size"].map(() => titles.appendChild(document.createElement("th")));
    head.append(titles);
    this.body = document.createElement("tbody");
    this.table.append(head, this.body);
    element.replaceChildren(this.table);
    this.element = element;
    this.rows = [];
    this.begin([], [], []);
  }

  begin(times, prices, sizes) {
    this.trades = [];
    this.add(times, prices, sizes);
  }

  add(times, prices, sizes) {
    for (let k = 0; k < times.length; k++) this.trades.push([times[k], prices[k], sizes[k]]);
    this.trades = this.trades.slice(-4 * ROWS);
    this.changed = true;
  }

  draw(info) {
    if (!this.changed || !this.element.clientHeight) return;
    this.changed = false;
    const room = Math.min(ROWS, Math.floor((this.element.clientHeight - 16) / 18)), found = this.trades.slice(-room).reverse();
    for (const [k, words] of [timeHead(found.at(-1)?.[0], found[0]?.[0]), `price, ${info.quote}`, `size, ${info.unit}`].entries()) write(this.titles[k], words);
    while (this.rows.length < found.length) this.rows.push(this.row());
    this.rows.forEach(({ row, cells, mark }, k) => {
      if (row.hidden !== k >= found.length) row.hidden = k >= found.length;
      if (k >= found.length) return;
      const [time, price, amountOf] = found[k], tone = amountOf > 0 ? "up" : "dn";
      write(cells[0], clock(time, "tenths"));
      write(cells[1], number(price, info.price_decimals));
      write(cells[2], (amountOf > 0 ? "+" : "\u2212") + number(Math.abs(amountOf), Math.min(8, info.size_decimals)));
      if (mark.className !== tone) mark.className = tone;
    });
  }

  row() {
    const row = this.body.appendChild(document.createElement("tr"));
    const [a, b, c] = [0, 1, 2].map(() => row.appendChild(document.createElement("td")));
    const mark = c.appendChild(document.createElement("span")), words = document.createElement("span");
    mark.append(document.createElement("u"), words);
    return { row, cells: [a, b, words], mark };
  }
}
