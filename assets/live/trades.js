// The tab Trades & liquidity of one market: rows on one time axis, the cost of an order, the tape.
import { begin, chip, crisp, line } from "./canvas.js";
import { Crosshair } from "./crosshair.js";
import { Discs } from "./discs.js";
import { secondOf } from "./drawing.js";
import { clock } from "./format.js";
import { showCardAt } from "./overlay.js";
import { showEmpty } from "./panels.js";
import { NO_TRADES } from "./said.js";
import { present } from "./states.js";
import { write } from "./texts.js";
import { theme } from "./theme.js";
import { AXIS, Fit, STRIP, TOP, gestures, measureRows, rowView, scrolls, stepTo } from "./timerows.js";
import { touches } from "./touch.js";
import { drawBands, drawCvd, drawMade, drawPrice, drawQueue, drawSpread } from "./trades_rows.js";
import { Cost, Tape } from "./trades_side.js";
import { WAITING, waitsFor } from "./trades_waits.js";
import { TRADES_TABLES, barTitle, cardRows, namesOf, titlesOf } from "./trades_words.js";

const CALM_MS = 240; // most rows move less than a pixel in so long
const DRAWN = { price: drawPrice, cvd: drawCvd, made: drawMade, queue: drawQueue, spread: drawSpread, bands: drawBands };

export class TradesPane {
  constructor(element, stack) {
    this.element = element;
    this.stack = stack;
    this.holder = element.querySelector(".trows");
    this.overlay = element.querySelector("canvas.overlay");
    this.card = element.querySelector(".readout");
    this.discs = new Discs();
    this.fits = { price: new Fit(), cvd: new Fit(), flow: new Fit(), made: new Fit(), spread: new Fit(), bands: new Fit() };
    this.cost = new Cost(element.querySelector("[data-cost]"), stack);
    this.tape = new Tape(element.querySelector("[data-tape]"));
    this.crosshair = new Crosshair(stack, {
      locate: (left, top) => this.locate(left, top),
      leftOf: (time) => this.plot.left + this.views.price.X(time),
      plot: () => this.plot,
    });
    this.barMs = NaN; // what a bar of taker flow spans
    this.drawnAt = -Infinity;
    this.namedIn = NaN; // the second
    this.geometry = measureRows(this.holder);
    this.sizes = new ResizeObserver(() => stack.resized());
    this.sizes.observe(this.holder);
    gestures(this.holder, {
      active: () => this.views, range: () => this.range(), width: () => this.plotWidth, scrolls: () => scrolls(stack.element),
      moved: (range, done) => stack.moved("time", range, done), reset: () => stack.resetZoom(), point: (event) => this.point(event),
    });
    touches(this.holder, {
      active: () => this.views, range: () => this.range(), moved: (range, done) => stack.moved("time", range, done),
      plot: () => ({ left: this.holder.getBoundingClientRect().left + (this.geometry.rows.price?.left ?? 0), width: this.plotWidth }),
    });
    this.holder.addEventListener("keydown", (event) => event.target === this.holder && this.step(event.key, event.shiftKey) && event.preventDefault());
  }

  get model() { return this.stack.model; }
  get f() { return this.stack.f; }
  get shown() { return this.crosshair.cursor; }
  get plot() { return { left: this.views.price.row.left, width: this.views.price.width }; }
  get plotWidth() { return Math.max(1, (this.geometry.rows.price?.width ?? 1) - AXIS); }

  range() {
    return this.stack.ranges.time(this.model, this.stack.edge);
  }

  close() {
    this.sizes.disconnect();
  }

  resized() {
    this.geometry = measureRows(this.holder);
    this.drawnAt = -Infinity;
  }

  renew() {
    this.drawnAt = -Infinity;
    this.namedIn = NaN;
  }

  take(frame) {
    const snapshot = frame.type === "snapshot", data = (name) => frame.arrays[name]?.data;
    if (snapshot) {
      this.fits = Object.fromEntries(Object.entries(this.fits).map(([name]) => [name, new Fit()]));
      this.tape.begin(data("tape_t") ?? [], data("tape_p") ?? [], data("tape_q") ?? []);
      titlesOf(this.f, this.model.info);
      this.drawnAt = -Infinity;
    } else if (data("tr_t")?.length) {
      this.tape.add(data("tr_t"), data("tr_p"), data("tr_q"));
    }
    if (frame.slippage !== undefined) this.slippage = frame.slippage;
    if (frame.sides_inferred !== undefined) this.inferred = frame.sides_inferred;
  }

  /** Whether the series that this tab draws have come: the frame of another tab may still be in the model. */
  get ready() {
    return Boolean(this.model.series?.fields.cvd);
  }

  draw(at, state, hidden) {
    if (!this.geometry.width || !this.ready) return;
    const [start, end] = this.range(), step = this.model.info.step_ms, now = performance.now();
    this.showsNow = present(state) && !this.stack.ranges.user.time;
    const spans = (stream) => this.stack.spans(stream, state, this.stack.edge);
    this.views = Object.fromEntries(Object.entries(this.geometry.rows).map(([name, row]) => [name, rowView(row, start, end, step, spans)]));
    this.crosshair.follow();
    const look = [start === this.stack.ranges.user.time?.[0], this.stack.ranges.user.time, this.model.epoch, hidden, state, theme.version].join();
    if (now - this.drawnAt >= CALM_MS || look !== this.look) {
      this.look = look;
      this.drawnAt = now;
      if (!hidden) for (const [name, view] of Object.entries(this.views)) if (view.row.height > 0) DRAWN[name](this, view, now);
      this.aside(at, state, hidden);
    }
    this.drawOverlay(hidden);
    if (secondOf(at) !== this.namedIn) {
      this.namedIn = secondOf(at);
      namesOf(this);
    }
  }

  /** The words beside the charts, and what waits. */
  aside(at, state, hidden) {
    const { model, f } = this, none = model.status?.has_trades === false;
    const empty = none ? { title: NO_TRADES.title, text: "It sends no public trades here. CVD, decomposition and tape stay empty; OFI does not." } : null;
    for (const name of ["cvd", "made", "tape"]) showEmpty(this.element, name, empty);
    this.state = state;
    for (const name of WAITING) showEmpty(this.element, name, hidden ? null : waitsFor(name, this));
    barTitle(f, model.info, this.barMs);
    this.cost.show(this.slippage, model.info, hidden || !present(state));
    if (!hidden) this.tape.draw(model.info);
    write(f["line-tape"], this.inferred ? "Sides inferred; newest first." : "Sides as the venue says; newest first.");
  }

  point(event) {
    if (!event || !this.views) return this.stack.point(null);
    if (event.pointerType === "touch" && event.type === "pointermove") return;
    const box = this.holder.getBoundingClientRect();
    this.stack.point(event.target.closest?.("button, a") ? null : this.locate(event.clientX - box.left, event.clientY - box.top));
  }

  /** Finds the time under the pointer. */
  locate(left, top) {
    const view = this.views.price, inside = left - view.row.left;
    if (inside < 0 || inside > view.width) return null;
    return { time: view.start + (inside / view.width) * (view.end - view.start), kind: "time", price: null, left, top };
  }

  /** @returns {boolean} whether the key moves the crosshair */
  step(key, far) {
    if (!this.views) return false;
    const { start, end, X, row } = this.views.price;
    const to = stepTo(key, far, this.shown?.time ?? end, { start, end, step: this.model.info.step_ms });
    if (to === undefined) return false;
    this.stack.page.travel.reach(this.stack, to);
    const time = Math.max(start, Math.min(end, to));
    this.stack.point({ time, kind: "time", price: null, keyed: true, left: row.left + X(time), top: row.top + 8 });
    return true;
  }

  cursor(cursor) {
    this.crosshair.cursor = cursor;
    const blank = this.stack.panes.classList.contains("blank");
    const rows = this.ready && !blank && this.crosshair.carded ? cardRows(this, cursor.time) : null;
    const right = this.views ? this.views.price.row.left + this.views.price.width : 0;
    showCardAt(this.card, rows, cursor, { ...this.geometry, right });
  }

  tell(at) {
    this.crosshair.tell(at);
  }

  drawOverlay(hidden) {
    const { width, height, rows } = this.geometry, cursor = hidden ? null : this.shown;
    const key = [width, height, cursor?.time, cursor && this.views.price.X(cursor.time), theme.version].join();
    if (key === this.over) return;
    this.over = key;
    const x = begin(this.overlay, width, height);
    if (!cursor) return;
    const view = this.views.price, left = crisp(view.row.left + view.X(cursor.time));
    if (left < view.row.left || left > view.row.left + view.width + 1) return;
    for (const [name, row] of Object.entries(rows)) {
      if (row.height <= 0) continue;
      const tall = this.views[name].height;
      line(x, left, row.top + TOP, left, row.top + TOP + tall, theme.text2, [3, 3]);
      if (!row.strip) continue;
      const step = this.model.info.step_ms, at = Math.max(row.left + 28, Math.min(row.left + view.width - 28, left));
      chip(x, clock(Math.ceil(cursor.time / step) * step), at, row.top + row.height - STRIP + 7, theme.raised, theme.text, { align: "center", border: theme.text3 });
    }
  }

  table(name) {
    return this.views && this.ready ? TRADES_TABLES[name]?.(this) : null;
  }
}
