// The tab Book & flow of one market: the linked rows, what is drawn on them, and how they are handled.
import { AXIS, Axes, coloursFor, layoutFor } from "./axes.js";
import { flowBars, linesOf, usual } from "./bars.js";
import { besideRows } from "./beside.js";
import { Crosshair } from "./crosshair.js";
import { giveAxes } from "./dash.js";
import { sizeAxis } from "./depth_axis.js";
import { secondOf } from "./drawing.js";
import { measure, plain } from "./geometry.js";
import { bookMenu, bookWords, ofiMenu, ofiWords } from "./book_menu.js";
import { overlay, placeChips } from "./marks.js";
import { nameCanvases } from "./names.js";
import { cardRows, locate, showCard } from "./overlay.js";
import { largest } from "./ranges.js";
import { missingSince, present } from "./states.js";
import { FLOW_TABLES } from "./tables.js";
import { barTitle, titles, write } from "./texts.js";
import { ticksOf } from "./ticks.js";
import { scrolls, stepTo } from "./timerows.js";
import { theme } from "./theme.js";
import { touches } from "./touch.js";
import { viewsFrom } from "./views.js";
import { withheld } from "./words.js";
import { zoneName } from "./zone.js";

const PIXELS_PER_ROW = 2.2;
const QUICK_MS = 500;

export class FlowPane {
  /** @param {HTMLElement} element the pane @param {import("./stack.js").Stack} stack */
  constructor(element, stack) {
    this.element = element;
    this.stack = stack;
    this.rows = element.querySelector(".rows");
    this.overlay = element.querySelector("canvas.overlay");
    this.card = element.querySelector(".readout");
    this.crosshair = new Crosshair(stack, {
      locate: (left, top) => locate(this.geometry, this.views, left, top),
      leftOf: (time) => this.plot.left + this.views.book.X(time),
      plot: () => this.plot,
    });
    this.views = null;
    this.layout = ""; // what the axes were told for
    this.toldTime = null;
    this.timeTicks = null; // of the time axis (ticks.js)
    this.nextTick = 0; // time of the first tick that plotly has not drawn
    this.pressed = false; // a gesture may begin
    this.namedIn = NaN; // the second
    this.strongest = NaN; // size that takes the strongest colour
    this.barMs = NaN; // what a bar of taker flow spans
    this.geometry = this.laid = measure(this.rows); // `laid` is what the painter has
    const sheets = [...this.rows.querySelectorAll(".panel[data-row]")].map((row) => [row.dataset.row, row.querySelector(".sheet")]);
    this.easel.open(stack.id, Object.fromEntries(sheets), plain(this.geometry.rows), stack.model);
    this.axes = new Axes(element, (axis, range, done) => stack.moved(axis, range, done), () => stack.resetZoom());
    this.sizes = new ResizeObserver(() => stack.resized());
    this.sizes.observe(this.rows);
    this.listen();
  }

  // What is drawn from is the stack's.
  get model() { return this.stack.model; }
  get market() { return this.stack.market; }
  get ranges() { return this.stack.ranges; }
  get recorded() { return this.stack.recorded; }
  get edge() { return this.stack.edge; }
  get f() { return this.stack.f; }
  get shown() { return this.crosshair.cursor; }
  get plot() { return this.geometry.rows.book; }

  get easel() { return this.stack.page.easel; }
  get options() { return this.stack.page.view?.options; }
  get optionsKey() { return JSON.stringify(this.options); }

  listen() {
    this.rows.addEventListener("pointermove", (event) => event.pointerType === "touch" || this.point(event));
    this.rows.addEventListener("pointerdown", (event) => event.pointerType === "touch" && this.point(event));
    this.rows.addEventListener("pointerleave", () => this.stack.point(null));
    // Plotly begins a gesture from what it was told last.
    this.rows.addEventListener("pointerdown", () => this.press(), { capture: true });
    this.rows.addEventListener("wheel", () => this.shift && this.tellAxes(), { capture: true, passive: true });
    this.rows.addEventListener("dblclick", () => this.stack.resetZoom());
    this.rows.addEventListener("wheel", (event) => scrolls(this.stack.element) && !event.ctrlKey && event.stopPropagation(), { capture: true });
    this.rows.addEventListener("wheel", (event) => this.slide(event), { capture: true, passive: false });
    touches(this.rows, {
      active: () => this.views && matchMedia("(pointer: coarse)").matches, // else plotly hears fingers too
      range: () => [this.views.book.start, this.views.book.end],
      plot: () => ({ left: this.rows.getBoundingClientRect().left + this.geometry.rows.book.left, width: this.views.book.width }),
      moved: (range, done) => this.stack.moved("time", range, done),
    });
    this.rows.addEventListener("keydown", (event) => this.key(event));
  }

  /** A wheel that turns sideways, or with Shift, pans through time; upright it zooms, which plotly does. */
  slide(event) {
    const by = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
    if (!this.views || event.ctrlKey || Math.abs(by) <= (event.shiftKey ? 0 : Math.abs(event.deltaY))) return;
    event.preventDefault();
    event.stopPropagation();
    const { start, end, width } = this.views.book, shift = (by / width) * (end - start);
    this.stack.moved("time", [start + shift, end + shift], true);
  }

  close() {
    this.sizes.disconnect();
    this.axes.close();
    this.easel.close(this.stack.id);
  }

  resized() {
    this.geometry = measure(this.rows);
  }

  /** Price rows each side of mid that the book row can show. */
  get midRows() {
    const height = this.geometry.rows.book?.height || 300;
    return Math.max(30, Math.min(160, Math.round(height / PIXELS_PER_ROW / 2 / 10) * 10));
  }

  /** A frame has been taken into the model. */
  take(frame) {
    if (frame.type === "snapshot") titles(this.f, this.model.info);
  }

  /** A gesture has ended by other means than plotly's. */
  zoomReset() {
    this.axes.gesture = 0;
  }

  point(event) {
    if (!this.views) return;
    const box = this.rows.getBoundingClientRect();
    this.stack.point(locate(this.geometry, this.views, event.clientX - box.left, event.clientY - box.top));
  }

  /** Moves the crosshair by the keyboard: a second a press, ten with Shift, Home and End. */
  key(event) {
    if (event.target !== this.rows || !this.views) return;
    if (this.step(event.key, event.shiftKey)) event.preventDefault();
  }

  /** @returns {boolean} whether the key moves the crosshair */
  step(key, far) {
    if (!this.views) return false;
    const { start, end } = this.views.book;
    const to = stepTo(key, far, this.shown?.time ?? end, { start, end, step: this.model.info.step_ms });
    if (to === undefined) return false;
    this.stack.page.travel.reach(this.stack, to);
    const time = Math.max(start, Math.min(end, to)), book = this.geometry.rows.book;
    this.stack.point({ time, kind: "ofi", price: null, keyed: true, left: book.left + this.views.book.X(time), top: book.top + 8 });
    return true;
  }

  /** Times, ranges and stretches without data of the rows, as plain data (views.js). */
  framed(state) {
    const { model, geometry } = this, now = performance.now();
    const [start, end] = this.ranges.time(model, this.edge);
    const { name: main, distribution: d, value } = model.standing;
    const band = d && d.sd > 0 ? Math.abs(d.mean) + 3.3 * d.sd : 0;
    const reach = this.ranges.ofi.fit(Math.max(largest(model.series, main, start, end), ...linesOf(this.options?.line, main).map((name) => largest(model.series, name, start, end)), band, Math.abs(value ?? 0)), now);
    const [low, high] = this.ranges.price(model);
    const ahead = this.ranges.user.time ? 0 : toPixel(end, end - start, geometry.rows.book.width); // less than two pixels
    const frame = {
      start, end, ahead, step: model.info.step_ms, showsNow: present(state) && !withheld(model),
      low: { book: low, ofi: -reach, levels: 0, flow: -1 }, high: { book: high, ofi: reach, levels: model.levelCount, flow: 1 },
      spans: Object.fromEntries(["best", "depth", "trades"].map((stream) => [stream, this.stack.spans(stream, state, this.edge)])),
    };
    const bars = flowBars(model, viewsFrom(frame, { flow: geometry.rows.flow }).flow);
    frame.high.flow = this.ranges.flow.fit(usual(bars.found), now);
    frame.low.flow = -frame.high.flow;
    return frame;
  }

  /** Has the charts painted, and paints what lies over them. */
  draw(at, state, hidden) {
    if (!this.geometry.width) return;
    const { geometry, model, ranges } = this, frame = this.framed(state);
    this.views = viewsFrom(frame, geometry.rows);
    const { book, ofi } = this.views, zone = zoneName(book.end);
    this.crosshair.follow();
    this.chips = present(state);
    if (book.crossWidth) this.depthAxis = sizeAxis(model, book, ranges.size, performance.now());
    const look = [
      geometry.stamp, devicePixelRatio, zone, state, hidden, this.recorded, this.optionsKey, theme.version,
      ranges.user.time, ranges.user.price, book.low, book.high, ofi.high,
    ].join();
    const rows = this.laid === geometry ? undefined : plain(geometry.rows);
    this.laid = geometry;
    this.easel.draw({
      ...frame, id: this.stack.id, number: ++this.stack.number, rows, look, hidden, zone, options: this.options, depth: this.depthAxis, missing_ms: missingSince(model, state),
    });
    overlay(this, look, hidden);
  }

  /** What was asked of the painter can be seen. */
  painted({ strongest, barMs }) {
    [this.strongest, this.barMs] = [strongest, barMs];
    barTitle(this.f, this.model.info, barMs);
    giveAxes(this.element); // the axes of Dash may come
  }

  /** Moves the axes with the charts; plotly draws them anew when anything else about them changed. */
  moveAxes() {
    const { book, ofi, flow } = this.views;
    const layout = [
      this.geometry.stamp, this.model.epoch, this.ranges.user.time, this.stack.panes.classList.contains("solo"), book.low, book.high, ofi.high, flow.high,
      this.depthAxis?.most, Math.round(book.end - book.start), // whole ms: a difference of times is not exact
    ].join();
    // What the user takes hold of must be where plotly has it.
    const past = this.shift < 0 || (this.pressed && this.shift > 0) || book.end + book.ahead >= this.nextTick;
    if (layout !== this.layout || !this.axes.settled || past) this.tellAxes(layout);
    else this.placeAxes();
  }

  placeAxes() {
    if (!this.axes.free || !this.axes.settled) return;
    const { book, ofi } = this.views, { tiles, standing } = this.model, { rows } = this.geometry;
    this.axes.glide.place(this.shift, rows.book, {
      ytick: this.chips ? rows.book.top + book.Y(tiles?.mid) : NaN,
      y2tick: this.chips ? rows.ofi.top + ofi.Y(standing.value ?? NaN) : NaN,
    });
  }

  /** Pixels that the time axis has moved since plotly was told of it. */
  get shift() {
    if (!this.views || !this.toldTime) return 0;
    const { start, end, ahead, width } = this.views.book;
    return Math.round(((end + ahead - this.toldTime[1]) * width * devicePixelRatio) / (end - start)) / devicePixelRatio;
  }

  /** Has plotly draw the axes as they are now. */
  tellAxes(layout = this.layout) {
    if (!this.views || !this.axes.free) return;
    const { start, end, ahead } = this.views.book;
    this.layout = layout;
    this.toldTime = [start + ahead, end + ahead];
    const ticks = ticksOf(this, this.toldTime), known = ticks[`${AXIS.time[0]}.tickvals`];
    this.nextTick = known.find((time) => time > this.toldTime[1]) ?? this.toldTime[1] + (end - start) / 4;
    this.axes.tell({ ...layoutFor(this.geometry), ...coloursFor(), ...ticks }, () => this.placeAxes());
  }

  /** The axes and the chips of the present values; names once a second, and when the options have changed. */
  tell(at, hidden) {
    if (!this.geometry.width) return;
    this.moveAxes();
    placeChips(this, hidden);
    this.crosshair.tell(at);
    const named = `${this.model.epoch}/${this.optionsKey}`;
    if (secondOf(at) === this.namedIn && named === this.named) return;
    this.named = named;
    this.namedIn = secondOf(at);
    nameCanvases(this);
    write(this.f["how-book"], bookWords(this));
    ofiWords(this);
  }

  press() {
    this.pressed = true;
    if (this.shift) this.tellAxes();
    const end = new AbortController();
    for (const name of ["pointerup", "pointercancel"]) {
      document.addEventListener(name, () => {
        this.pressed = false;
        end.abort();
      }, { capture: true, signal: end.signal });
    }
  }

  /** How the heatmap is drawn, for its menu. */
  menu(panel) {
    return { book: bookMenu, ofi: ofiMenu }[panel]?.(this) ?? [];
  }

  /** What a panel shows, as a table (tables.js). */
  table(name) {
    return this.views && FLOW_TABLES[name]?.(this);
  }

  /** Draws all anew, axes included: the theme or the zone of time has changed, or a drawing has failed. */
  renew() {
    this.geometry = measure(this.rows); // its stamp empties every canvas
    this.layout = "";
    this.namedIn = NaN;
    this.ranges.ofi.reset();
  }

  cursor(cursor) {
    this.crosshair.cursor = cursor;
    const blank = this.stack.panes.classList.contains("blank");
    showCard(this.card, this.geometry, this.model.info && !blank && this.crosshair.carded ? this.cardRows(cursor) : null, cursor);
  }

  cardRows(cursor) {
    return cursor.beside ? besideRows(this.model, cursor, this.views[cursor.kind]) : cardRows(this.model, cursor, this.model.now(performance.now()), this.barMs);
  }
}

/**
 * How far a time axis that follows the present is ahead of its end, ms: it moves by whole pixels, and little is painted anew;
 * by two where they pass quickly, for every move copies the picture.
 */
function toPixel(end, span, width) {
  const pixel = span / (width * (window.devicePixelRatio || 1)), step = pixel < QUICK_MS ? 2 * pixel : pixel;
  return Math.ceil(end / step) * step - end;
}
