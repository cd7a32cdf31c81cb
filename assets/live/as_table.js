// A panel's figures as a table to read: the same as in its CSV file, the newest first, as of when it was opened.
import { h, open } from "./dom.js";
import { NONE, number, stamp } from "./format.js";
import { tableOf } from "./tables.js";
import { write } from "./texts.js";
import { describe } from "./words.js";

const MOST = 50;
const SINGLE = 7, DOUBLE = 9, MOST_PLACES = 8; // digits

/** Shows the table of a panel in a dialog; the focus goes back to where it was when that closes. */
export function showTable(stack, name, title) {
  const table = tableOf(stack, name);
  if (!table) return;
  const all = [...table.rows], shown = chosen(table, all), { name: pair, place } = describe(stack.market);
  write(document.getElementById("astable-title"), `${title}, ${pair} ${place}`);
  write(document.getElementById("astable-said"), said(table, all.length, shown.length, stack.model.tiles?.t ?? stack.edge));
  const body = document.getElementById("astable-body");
  body.setAttribute("aria-label", `${title} as a table`);
  body.replaceChildren(made(table.columns, shown));
  open("astable");
  body.focus(); // the arrows scroll it
  body.scrollTo(0, 0);
}

/** Whether rows follow each other in time, the oldest first. */
const inTime = ({ columns, chronological = columns[0].startsWith("time, ") }) => chronological;

/** The rows that are shown: of those in time the newest, of those about a middle the ones beside it. */
function chosen(table, all) {
  if (inTime(table)) return all.slice(-MOST).reverse();
  const from = Math.max(0, Math.min(all.length - MOST, (table.middle ?? 0) - MOST / 2));
  return all.slice(from, from + MOST);
}

function said(table, all, shown, at) {
  const time = inTime(table), [a, b] = [number(shown), number(all)];
  const which = time ? `The newest ${a} of ${b} rows, newest first.` : table.middle === undefined ? `The first ${a} of ${b} rows.` : `The ${a} of ${b} rows next to mid.`;
  const part = shown < all ? `${which} All are in the CSV file.` : time ? "Newest first." : "";
  return `As of ${stamp(at)}. ${part}`;
}

function made(columns, rows) {
  const decimals = columns.map((_, k) => Math.max(0, ...rows.map((row) => places(row[k]))));
  const head = h("tr", {}, ...columns.map((words) => h("th", { scope: "col" }, words)));
  const line = (row) => h("tr", {}, ...row.map((value, k) => h(k ? "td" : "th", k ? {} : { scope: "row" }, cell(value, decimals[k]))));
  return h("table", {}, h("thead", {}, head), h("tbody", {}, ...rows.map(line)));
}

/** The decimals that a value has, of the digits that single or double precision tells. */
function places(value) {
  if (typeof value !== "number" || !Number.isFinite(value) || Number.isInteger(value)) return 0;
  const digits = Math.fround(value) === value ? SINGLE : DOUBLE, written = Number(value.toPrecision(digits));
  for (let n = 0; n < MOST_PLACES; n++) if (Number(written.toFixed(n)) === written) return n;
  return MOST_PLACES;
}

function cell(value, decimals) {
  if (value === null || value === undefined || value !== value || value === "") return NONE;
  return typeof value === "number" ? number(value, decimals) : String(value);
}
