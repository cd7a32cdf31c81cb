// Above the axes: labels of gaps, the crosshair and its card.
import { summed } from "./bars.js";
import { levelAt } from "./beside.js";
import { begin, chip, crisp, haloText, line } from "./canvas.js";
import { bps, clock, duration, number, signed, signedSize, size, span, stamp } from "./format.js";
import { cause } from "./incidents.js";
import { theme } from "./theme.js";

const AXIS_GAP_PX = 2;

/**
 * Draws the overlay of a stack; `views` are the rows' (geometry and scales), `cursor` null without one.
 * @returns {boolean} whether there is anything on it
 */
export function drawOverlay(canvas, stack, geometry, views, cursor) {
  const x = begin(canvas, geometry.width, geometry.height);
  if (!stack.model.info) return false;
  const labelled = gapLabels(x, geometry, views.book);
  if (cursor) crosshair(x, stack, geometry, views, cursor);
  return labelled || Boolean(cursor);
}

/** @returns {boolean} whether a gap in view carries a label */
function gapLabels(x, geometry, view) {
  const row = geometry.rows.book;
  let any = false;
  for (const { from, to } of view.gapSpans("depth")) {
    const left = view.X(from), right = view.X(to);
    if (right - left < 13 || right < 20 || left > row.width) continue;
    const middle = (Math.max(0, left) + Math.min(row.width, right)) / 2;
    any = true;
    x.save();
    x.translate(row.left + middle, row.top + row.height - 8);
    x.rotate(-Math.PI / 2);
    haloText(x, `no data ${duration(to - from)}`, 0, 0, theme.text2, "left", "500 11px");
    x.restore();
  }
  return any;
}

/** Finds what lies under the pointer: time, or `beside` the plot the cross-section; the value there, which is a price over the book. */
export function locate(geometry, views, left, top) {
  for (const [kind, row] of Object.entries(geometry.rows)) {
    if (top < row.top || top > row.top + row.height || !row.height) continue;
    const view = views[kind], value = view.high - ((top - row.top) / row.height) * (view.high - view.low);
    const found = { kind, value, price: kind === "book" ? value : null, left, top };
    if (left >= row.left && left <= row.left + row.width) {
      return { ...found, time: view.start + ((left - row.left) / row.width) * (view.end - view.start) };
    }
    if (left >= row.crossLeft && left < row.crossLeft + row.crossWidth) return { ...found, beside: true };
  }
  return null;
}

function crosshair(x, stack, geometry, views, cursor) {
  if (!cursor.beside && !timeLine(x, stack, geometry, views, cursor)) return;
  if (cursor.price === null || cursor.price === undefined) return;
  const book = geometry.rows.book, top = crisp(book.top + views.book.Y(cursor.price));
  const right = cursor.beside ? book.crossLeft + book.crossWidth : book.left + book.width;
  line(x, book.left, top, right, top, theme.text2, [3, 3]);
  const words = number(cursor.price, stack.model.info.price_decimals);
  chip(x, words, book.left + book.width + AXIS_GAP_PX, top, theme.raised, theme.text, { border: theme.text3, clear: 2 });
}

/** @returns {boolean} whether the time of the cursor is in view */
function timeLine(x, stack, geometry, views, cursor) {
  const book = geometry.rows.book, left = crisp(book.left + views.book.X(cursor.time));
  if (left < book.left || left > book.left + book.width + 1) return false;
  for (const row of Object.values(geometry.rows)) {
    if (row.height) line(x, left, row.top, left, row.top + row.height, theme.text2, [3, 3]);
  }
  const border = theme.text3, step = stack.model.info.step_ms;
  for (const row of Object.values(geometry.rows)) {
    if (!row.strip || !row.height) continue;
    const at = Math.max(row.left + 28, Math.min(row.left + row.width - 28, left));
    chip(x, clock(Math.ceil(cursor.time / step) * step), at, row.top + row.height + 12, theme.raised, theme.text, { align: "center", border });
  }
  return true;
}

/** The values at the cursor as rows of the card: `[label, value, tone]`, null for a divider; `barMs` is what a bar of taker flow spans. */
export function cardRows(model, cursor, now, barMs = NaN) {
  const { info, series: s } = model;
  const k = Math.min(s.to - 1, s.search(cursor.time));
  if (k < s.from || Math.abs(s.time[k] - cursor.time) > 2 * info.step_ms) {
    const gap = model.gaps.find((one) => one.from_ms <= cursor.time && cursor.time <= (one.to_ms ?? Infinity));
    return gap ? gapRows(gap, now) : null;
  }
  const at = s.time[k], value = (name) => s.data[name][k], unit = "\u00a0" + info.unit;
  const mid = value("mid"), bid = value("bid"), ask = value("ask");
  const gap = model.gaps.find((one) => one.stream !== "trades" && one.from_ms < cursor.time && cursor.time < (one.to_ms ?? Infinity));
  if (gap && mid !== mid) return gapRows(gap, now);
  const tone = (v) => (v > 0 ? "up" : v < 0 ? "dn" : "");
  const rows = [[stamp(at), now === now ? `${duration(now - at)} ago` : "", "head"]];
  if (cursor.price !== null) {
    const resting = restingAt(model, at, cursor.price);
    if (resting === resting) rows.push(["Resting size", `${size(resting)}${unit} ${cursor.price > mid ? "ask" : "bid"}`]);
    else rows.push(["Resting size", "beyond the visible book"]);
  }
  if (cursor.kind === "levels") {
    const level = levelAt(model, cursor.value), v = s.data.levels[k * model.levelCount + level];
    rows.push([`Level ${level + 1}, OFI/depth`, v === v ? signedSize(v) : "unknown", tone(v)]);
  }
  rows.push(["Best bid / ask", `${number(bid, info.price_decimals)} / ${number(ask, info.price_decimals)}`]);
  if (s.data.micro && value("micro") === value("micro")) rows.push(["Micro-price", number(value("micro"), info.price_decimals + 1)]);
  rows.push(["Spread", `${number(ask - bid, info.price_decimals)} (${bps(((ask - bid) / mid) * 1e4)}\u00a0bps)`]);
  rows.push(null);
  const { name: main, distribution: d, score: present } = model.standing;
  const flow = (words, name) => {
    const v = value(name), score = name === main && d && d.sd > 0 && present !== null && v === v ? ` (${signed((v - d.mean) / d.sd, 1)}\u03c3)` : "";
    rows.push([words, v === v ? `${signedSize(v)}${unit}${score}` : "window not full", tone(v)]);
  };
  flow("OFI", "ofi");
  if (info.depth > 1) flow(`OFI, ${info.depth} levels`, "multi");
  if (main === "integrated") flow("Integrated OFI", "integrated");
  const ms = barMs > 0 ? barMs : info.step_ms, taken = summed(s, "flow", at, ms);
  rows.push([`Taker flow in ${span(ms / 1000)}`, taken === taken ? signedSize(taken) + unit : "\u2013", tone(taken)]);
  return rows;
}

const capital = (words) => words && words[0].toUpperCase() + words.slice(1);

export function gapRows(gap, now) {
  const open = gap.to_ms === null;
  return [
    [`No data for ${duration((open ? now : gap.to_ms) - gap.from_ms)}`, "", "head"],
    ["From", stamp(gap.from_ms, "tenths")],
    ["To", open ? "still missing" : stamp(gap.to_ms, "tenths")],
    ["Cause", gap.missed > 0 ? `${number(gap.missed)} updates missed` : capital(cause(gap.reason))],
    ...(open || gap.stream === "trades" ? [] : [["Book", "rebuilt from a snapshot"]]),
    null,
    ["OFI windows across it", "left blank"],
  ];
}

function restingAt(model, time, price) {
  const c = model.columns, { group, tick, step_ms: step } = model.info;
  const k = Math.min(c.to - 1, c.search(time));
  if (k < c.from || Math.abs(c.time[k] - time) > 2 * step) return NaN;
  const row = Math.floor(Math.round(price / tick) / group) - c.data.base[k];
  return row >= 0 && row < model.rowCount ? c.data.size[k * model.rowCount + row] : NaN;
}

/** Places and fills the hover card of the rows of a stack. */
export function showCard(element, geometry, rows, cursor) {
  const { left, width } = geometry.rows.book ?? { left: 0, width: 0 };
  showCardAt(element, rows, cursor, { width: geometry.width, height: geometry.height, right: left + width });
}

/** The same within `width` and `height`, left of `right`. */
export function showCardAt(element, rows, cursor, { width, height, right }) {
  element.hidden = !rows;
  const said = rows && JSON.stringify([rows, cursor.left, cursor.top, width, height, right]);
  if (!rows || element.ofiSaid === said) return;
  element.ofiSaid = said;
  const nodes = rows.map((row) => {
    if (!row) return document.createElement("hr");
    const [label, value, kind] = row;
    const line_ = document.createElement(kind === "head" ? "h4" : "div");
    const [a, b] = [document.createElement("span"), document.createElement("b")];
    a.textContent = label;
    b.textContent = value;
    if (kind && kind !== "head") b.className = kind;
    line_.append(a, b);
    return line_;
  });
  element.replaceChildren(...nodes);
  const w = element.offsetWidth, h = element.offsetHeight;
  const left = cursor.left + 14 + w < right ? cursor.left + 14 : cursor.left - 14 - w;
  const top = cursor.top + 14 + h < height ? cursor.top + 14 : cursor.top - 14 - h;
  element.style.transform = `translate(${Math.round(Math.max(4, Math.min(width - w - 4, left)))}px, ${Math.round(Math.max(4, top))}px)`;
}
