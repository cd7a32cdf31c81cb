// One market on the page: its model, its rows, and what ties them.
import { AXIS, Axes, coloursFor, layoutFor, ticksFor } from "./axes.js";
import { drawFlow, drawOfi, drawShare, flowBars, usual } from "./bars.js";
import { hatch } from "./canvas.js";
import { drawDistribution } from "./distribution.js";
import { clock, decimalsOf, multiples, number, signedSize, size, tickStep, ticks, timeTicks } from "./format.js";
import { measure, scale } from "./geometry.js";
import { Heatmap } from "./heatmap.js";
import { Levels } from "./levels.js";
import { Model } from "./model.js";
import { cardRows, drawOverlay, locate, showCard } from "./overlay.js";
import { Profile } from "./profile.js";
import { Ranges, largest } from "./ranges.js";
import { missingSince, present, show, stateOf } from "./states.js";
import { bar, quality, reading, titles, write } from "./texts.js";

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
    this.card = element.querySelector(".hover");
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
    this.rows.addEventListener("keydown", (event) => this.key(event));
    this.element.addEventListener("click", (event) => {
      const action = event.target.closest?.("[data-do]")?.dataset.do;
      if (action === "zoom-in") this.zoom(0.5);
      if (action === "zoom-out") this.zoom(2);
      if (action === "reset-zoom") this.resetZoom();
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
    this.page.dirty(this);
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
    if (button) button.hidden = !this.ranges.free;
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
    if (model.info.frozen || state === "frozen") return last;
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
    const reach = this.ranges.ofi.fit(Math.max(largest(model.series, "ofi", start, end), band, Math.abs(model.tiles?.ofi ?? 0)), now);
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

  /** Paints everything that belongs to the canvas. */
  draw(at, frozen) {
    const began = performance.now();
    const state = stateOf(this.model, this.link, this.error, frozen, at);
    if (state !== "down") this.recorded = false;
    show(this, state, at);
    const { model, geometry } = this;
    if (!model.info || !geometry.width) return;
    this.edge = this.present(state, at);
    const views = (this.views = this.viewsFor(state, at));
    const rows = geometry.rows, hidden = state === "down" && !this.recorded;
    this.rows.classList.toggle("blank", hidden || state === "error");
    this.shownState = this.chips = present(state);
    if (!hidden) {
      this.heatmap.draw(rows.book.plot, model, views.book);
      drawOfi(rows.ofi.plot, model, views.ofi);
      this.levels.draw(rows.levels.plot, model, views.levels, began);
      drawFlow(rows.flow.plot, model, views.flow, this.flow);
      if (rows.book.crossWidth) {
        drawShare(rows.flow.cross, model, views.flow);
        this.depthAxis = this.profile.draw(rows.book.cross, model, views.book, began);
        drawDistribution(rows.ofi.cross, model, views.ofi);
        this.levels.drawNow(rows.levels.cross, model, views.levels);
      }
    }
    drawOverlay(this.overlay, this, geometry, views, hidden ? null : this.cursor);
    bar(this.f, model, present(state));
    this.drawn = {
      count: this.drawn.count + 1, ms: performance.now() - began, at: Date.now(), mid: model.tiles?.mid ?? null,
      t: model.tiles?.t ?? null,
    };
  }

  /** What changes slowly: axes, sentences, names of canvases. Once a second, and after a zoom. */
  tick(at) {
    const { model } = this;
    if (!model.info || !this.views || !this.geometry.width) return;
    const state = this.element.dataset.state;
    this.axes.tell({ ...layoutFor(this.geometry), ...coloursFor(), ...this.allTicks() });
    write(this.f.spoken, reading(this.f, model, state, model.age(at)));
    quality(this.f, model, at);
    this.name();
  }

  allTicks() {
    const { book, ofi, levels, flow } = this.views, wanted = {}, tiles = this.model.tiles;
    const width = book.end - book.start;
    const { step, found } = timeTicks(book.start - width / 4, book.end + width / 4, book.width * 1.5);
    // The last label gives way to the zone in the corner.
    const pixel = width / book.width;
    const cut = (t) => (t > book.end - 26 * pixel && t < book.end) || (t > book.start && t < book.start + 16 * pixel);
    const words = found.map((t) => (cut(t) ? "" : clock(t, step < 60000 ? "seconds" : "minutes")));
    // Less than a pixel is no reason for plotly to draw.
    const shown = this.toldTime;
    const still = shown && Math.abs(shown[1] - book.end) < width / book.width && Math.abs(shown[0] - book.start) < width / book.width;
    if (!still) this.toldTime = [book.start, book.end];
    for (const name of AXIS.time) Object.assign(wanted, ticksFor(name, this.toldTime, found, words));
    const group = this.model.info;
    const values = (view, name, count, text, chip) => {
      let step = tickStep(view.low, view.high, count);
      const span = view.high - view.low;
      if (view.low < 0 && step > view.high) step = tickStep(view.low, view.high, count * 2);
      // A tick within 14 px of a chip gives way.
      const free = (v) => chip === null || chip === undefined || Math.abs(view.Y(v) - view.Y(chip)) > 14;
      const all = multiples(view.low - span / 4, view.high + span / 4, step);
      Object.assign(wanted, ticksFor(name, [view.low, view.high], all, all.map((v) => (free(v) ? text(v, step) : ""))));
    };
    const price = (v, step) => number(v, Math.min(group.price_decimals, decimalsOf(step)));
    values(book, AXIS.value.book, Math.max(3, Math.min(8, book.height / 42)), price, this.chips ? tiles?.mid : null);
    const amount = (v, step) => signedSize(v, decimalsOf(step));
    values(ofi, AXIS.value.ofi, Math.max(2, ofi.height / 20), amount, this.chips ? tiles?.ofi : null);
    values(flow, AXIS.value.flow, Math.max(2, flow.height / 20), amount);
    const m = this.model.levelCount, each = levels.height / m;
    const every = Math.max(1, Math.ceil(13 / each));
    const named = Array.from({ length: m }, (_, k) => k).filter((k) => k % every === 0);
    Object.assign(wanted, ticksFor(AXIS.value.levels, [0, m], named.map((k) => m - k - 0.5), named.map((k) => (k ? `${k + 1}` : "level 1"))));
    if (this.depthAxis) {
      const { most, plot } = this.depthAxis, right = (most * book.crossWidth) / plot;
      const sizes = ticks(0, most, 3).filter((v) => v > 0);
      Object.assign(wanted, ticksFor(AXIS.cross.book, [0, right], sizes, sizes.map((v) => size(v, decimalsOf(sizes[0])))));
    }
    return wanted;
  }

  name() {
    const { rows } = this.geometry, { tiles: t, info } = this.model;
    if (!t) return;
    const where = `${this.market}, `;
    const set = (canvas, words) => canvas.getAttribute("aria-label") !== words && canvas.setAttribute("aria-label", words);
    set(rows.book.plot, `${where}book heatmap through time; mid ${number(t.mid, info.price_decimals + 1)} ${info.quote}`);
    set(rows.book.cross, `${where}depth now; within 10 bps ${size(t.depth_bid)} bid, ${size(t.depth_ask)} ask ${info.unit}`);
    set(rows.ofi.plot, `${where}rolling OFI; now ${signedSize(t.ofi)} ${info.unit}`);
    set(rows.ofi.cross, `${where}distribution of rolling OFI; present percentile ${t.percentile === null ? "not available" : Math.round(t.percentile * 100)}`);
    set(rows.levels.plot, `${where}OFI by level through time`);
    set(rows.levels.cross, `${where}OFI by level now`);
    set(rows.flow.plot, `${where}taker flow; now ${signedSize(t.flow)} ${info.unit}`);
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

