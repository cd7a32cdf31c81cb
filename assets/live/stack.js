// One market on the page: its model, its rows, and what ties them.
import { Axes, coloursFor, layoutFor } from "./axes.js";
import { flowBars, usual } from "./bars.js";
import { hatch } from "./canvas.js";
import { measure, scale } from "./geometry.js";
import { Heatmap } from "./heatmap.js";
import { Levels } from "./levels.js";
import { Model } from "./model.js";
import { nameCanvases } from "./names.js";
import { cardRows, locate, showCard } from "./overlay.js";
import { paint, placeChips } from "./paint.js";
import { Profile } from "./profile.js";
import { Ranges, largest } from "./ranges.js";
import { missingSince, present, show, stateOf } from "./states.js";
import { bar, quality, reading, titles, write } from "./texts.js";
import { ticksOf } from "./ticks.js";

const PIXELS_PER_ROW = 2.2;

export class Stack {
  /** @param {{dirty: (stack: Stack) => void, cursor: (stack: Stack, cursor: object | null) => void}} page */
  constructor(element, id, page) {
    this.element = element;
    this.id = id;
    this.page = page;
    this.market = element.dataset.market;
    this.rows = element.querySelector(".rows");
    this.overlay = element.querySelector("canvas.overlay");
    this.note = element.querySelector(".note");
    this.empty = element.querySelector(".empty");
    this.card = element.querySelector(".readout");
    this.cover = element.querySelector("canvas.cover");
    this.f = Object.fromEntries([...element.querySelectorAll("[data-f]")].map((one) => [one.dataset.f, one]));
    this.model = new Model();
    this.ranges = new Ranges();
    this.heatmap = new Heatmap();
    this.profile = new Profile();
    this.levels = new Levels();
    this.link = { state: "connecting", since: 0 };
    this.error = "";
    this.recorded = false;
    this.cursor = null;
    this.edge = NaN;
    this.drawn = { count: 0, ms: 0, at: 0, mid: null, t: null };
    this.axes = new Axes(element, (axis, range, done) => this.moved(axis, range, done), () => this.resetZoom());
    this.sizes = new ResizeObserver(() => this.resized());
    this.sizes.observe(this.rows);
    this.listen();
    this.resized();
  }

  listen() {
    this.rows.addEventListener("pointermove", (event) => event.pointerType === "touch" || this.point(event));
    this.rows.addEventListener("pointerdown", (event) => event.pointerType === "touch" && this.point(event));
    this.rows.addEventListener("pointerleave", () => this.page.cursor(this, null));
    this.rows.addEventListener("dblclick", () => this.resetZoom());
    this.rows.addEventListener("wheel", (event) => scrolls(this.element) && !event.ctrlKey && event.stopPropagation(), { capture: true });
    this.rows.addEventListener("keydown", (event) => this.key(event));
    this.element.addEventListener("click", (event) => {
      const action = event.target.closest?.("[data-do]")?.dataset.do;
      if (action === "zoom-in") this.zoom(0.5);
      if (action === "zoom-out") this.zoom(2);
      if (action === "reset-zoom") {
        this.resetZoom();
        this.page.release();
      }
      if (action === "show-recorded") this.showRecorded();
    });
  }

  close() {
    this.sizes.disconnect();
  }

  resized() {
    this.geometry = measure(this.rows);
    this.page.dirty(this);
    this.page.asked?.(this);
  }

  /** Price rows each side of mid that the book row can show. */
  get midRows() {
    const height = this.geometry.rows.book?.height || 300;
    return Math.max(30, Math.min(160, Math.round(height / PIXELS_PER_ROW / 2 / 10) * 10));
  }

  /** @returns {boolean} false when a snapshot must be asked for */
  take(frame, at) {
    const snapshot = frame.type === "snapshot";
    if (!this.model.take(frame, at)) return false;
    this.error = "";
    if (snapshot) {
      this.ranges.begin();
      titles(this.f, this.model.info);
    }
    if (snapshot || !this.page.frozen) this.page.dirty(this);
    return true;
  }

  fail(message) {
    this.error = message;
    this.page.dirty(this);
  }

  moved(axis, range, done) {
    this.ranges.user[axis] = range;
    this.page.dirty(this);
    if (done) this.zoomed();
  }

  zoom(factor) {
    if (!this.model.info) return;
    this.ranges.zoom(this.model, this.edge, factor);
    this.zoomed();
  }

  resetZoom() {
    this.ranges.reset();
    this.axes.gesture = 0;
    this.zoomed();
  }

  zoomed() {
    const button = this.element.querySelector("[data-do=reset-zoom]");
    if (button) button.hidden = !this.ranges.free && !this.page.frozen;
    this.page.dirty(this);
  }

  showRecorded() {
    this.recorded = true;
    this.page.dirty(this);
  }

  point(event) {
    if (!this.views) return;
    const box = this.rows.getBoundingClientRect();
    this.page.cursor(this, locate(this.geometry, this.views, event.clientX - box.left, event.clientY - box.top));
  }

  /** Moves the crosshair by the keyboard: a second a press, ten with Shift, Home and End. */
  key(event) {
    if (event.target !== this.rows || !this.views) return;
    const { start, end } = this.views.book, step = (event.shiftKey ? 10 : 1) * Math.max(1000, this.model.info.step_ms);
    const from = this.cursor?.time ?? end;
    const to = { ArrowLeft: from - step, ArrowRight: from + step, Home: start, End: end }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const time = Math.max(start, Math.min(end, to)), book = this.geometry.rows.book;
    this.page.cursor(this, { time, kind: "ofi", price: null, left: book.left + this.views.book.X(time), top: book.top + 8 });
  }

  /** The right end of the time axis: the newest step, or the present when data are missing. */
  present(state, at) {
    const { model } = this;
    const last = model.series.length ? model.series.last : model.info.end_ms;
    // Held at once, before the server has sent the view as it was then.
    if (state === "frozen") return Math.min(last, this.page.held ?? last);
    const now = model.now(at);
    return missingSince(model, state) === missingSince(model, state) && now > last ? now : last;
  }

  spans(stream, state, edge) {
    const found = this.model.gaps
      .filter((gap) => gap.stream === stream)
      .map((gap) => ({ from: gap.from_ms, to: gap.to_ms ?? edge }));
    const since = missingSince(this.model, state);
    const open = this.model.gaps.some((gap) => gap.stream === stream && gap.to_ms === null);
    if (!open && since === since && edge > since) found.push({ from: since, to: edge });
    return found;
  }

  viewsFor(state, at) {
    const { model, geometry } = this, now = performance.now();
    const [start, end] = this.ranges.time(model, this.edge);
    const step = model.info.step_ms, d = model.distribution;
    const band = d && d.sd > 0 ? Math.abs(d.mean) + 3.3 * d.sd : 0;
    const reach = this.ranges.ofi.fit(Math.max(largest(model.series, "ofi", start, end), largest(model.series, "integrated", start, end), band, Math.abs(model.tiles?.ofi ?? 0)), now);
    const low = { ofi: -reach, levels: 0, flow: -1 }, high = { ofi: reach, levels: model.levelCount, flow: 1 };
    [low.book, high.book] = this.ranges.price(model);
    const views = {};
    for (const [kind, row] of Object.entries(geometry.rows)) {
      const X = scale(start, end, row.width, false);
      const spans = (stream) => this.spans(stream, state, this.edge);
      views[kind] = {
        width: row.width, height: row.height, crossWidth: row.crossWidth, start, end, step, X,
        low: low[kind], high: high[kind], Y: scale(low[kind], high[kind], row.height, true),
        showsNow: present(state) || this.recorded,
        gapSpans: spans,
        hatches: () => {},
      };
      views[kind].hatches = (x, stream, top, height) => {
        for (const { from, to } of spans(stream)) {
          const left = Math.max(-8, X(from)), right = Math.min(row.width + 8, X(to));
          if (right > 0 && left < row.width) hatch(x, left, top, Math.max(3, right - left), height);
        }
      };
    }
    this.flow = flowBars(model, views.flow);
    const flow = this.ranges.flow.fit(usual(this.flow.found), now);
    [views.flow.low, views.flow.high, views.flow.Y] = [-flow, flow, scale(-flow, flow, geometry.rows.flow.height, true)];
    return views;
  }

  /** Paints what is due, then writes the words: written before, every canvas would wait for a layout. */
  draw(at, frozen) {
    const began = performance.now();
    const state = stateOf(this.model, this.link, this.error, frozen, at);
    if (state !== "down") this.recorded = false;
    const { model, geometry } = this;
    if (model.info && geometry.width) {
      this.edge = this.present(state, at);
      this.views = this.viewsFor(state, at);
      this.chips = present(state);
      const hidden = state === "error" || (state === "down" && !this.recorded);
      this.rows.classList.toggle("blank", hidden);
      paint(this, state, hidden, began);
      placeChips(this, hidden);
      bar(this.f, model, this.chips);
      this.firstAt ??= performance.now();
      const { mid = null, t = null } = model.tiles ?? {};
      this.drawn = { count: this.drawn.count + 1, ms: performance.now() - began, at: Date.now(), mid, t };
    }
    show(this, state, at);
  }

  /** What changes slowly: axes, sentences, names of canvases. Once a second, and after a zoom. */
  tick(at) {
    const { model } = this;
    if (!model.info || !this.views || !this.geometry.width) return;
    const state = this.element.dataset.state;
    this.axes.tell({ ...layoutFor(this.geometry), ...coloursFor(), ...ticksOf(this) });
    write(this.f.spoken, reading(this.f, model, state, model.age(at)));
    quality(this.f, model, at, state === "frozen");
    nameCanvases(this);
  }

  showCursor(cursor) {
    this.cursor = cursor;
    const rows = cursor && this.model.info && !this.rows.classList.contains("blank") && cursor.left !== undefined
      ? cardRows(this.model, cursor, this.model.now(performance.now()))
      : null;
    showCard(this.card, this.geometry, rows, cursor);
    this.page.dirty(this);
  }
}

/** Whether the wheel is needed for scrolling through the stacks; zooming then takes Ctrl. */
function scrolls(element) {
  const holder = element.parentElement;
  return holder.scrollHeight > holder.clientHeight + 4;
}
