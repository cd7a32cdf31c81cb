// One market on the page: its model, the words around the charts, and the pane of the tab that is shown.
import { drawCover } from "./cover.js";
import { secondOf } from "./drawing.js";
import { Model } from "./model.js";
import { PANES } from "./panes.js";
import { groupTicks } from "./ramps.js";
import { Ranges } from "./ranges.js";
import { Reading } from "./reading.js";
import { missingSince, present, show, stateOf } from "./states.js";
import { bar, before, coverages, marketTitles, quality, write } from "./texts.js";
import { describe, withheld } from "./words.js";

const HOUR_S = 3600;

const fields = (element) => Object.fromEntries([...element.querySelectorAll("[data-f]")].map((one) => [one.dataset.f, one]));

export class Stack {
  /** @param {{dirty: (stack: Stack) => void, drawing: import("./drawing.js").Drawing, cursor: (stack: Stack, cursor: object | null) => void}} page */
  constructor(element, id, page, tab) {
    this.element = element;
    this.id = id;
    this.page = page;
    this.market = element.dataset.market;
    this.panes = element.querySelector(".panes");
    this.note = element.querySelector(".note");
    this.empty = element.querySelector(".empty");
    this.cover = element.querySelector("canvas.cover");
    this.f = fields(element);
    const { name, place } = describe(this.market);
    write(this.f.name, name);
    write(this.f.place, place);
    this.furnish(element.querySelector(".tabpane[data-tab=flow]"), "flow");
    this.model = new Model();
    [this.ranges, this.reading] = [new Ranges(), new Reading()];
    this.link = { state: "connecting", since: 0 };
    this.error = "";
    this.broken = ""; // why the last drawing failed
    this.awaited = null; // a start that the server tells of before there is anything to show
    this.awaiting = false; // what was asked for last has not come
    this.unanswered = 0; // questions of which the server has not said yet which frames will answer
    this.recorded = false;
    this.edge = NaN;
    this.spokeIn = NaN; // the second
    this.drawnAt = 0;
    this.drawn = { count: 0, ms: 0, painter_ms: 0, at: 0, epoch: 0, times: null, tiles: null };
    this.told = null; // the figures that words and numbers tell
    this.number = 0; // of what its charts have asked of the painter
    this.pending = []; // drawings of which the painter has its part still to do
    this.done = null; // what is told of the last one
    this.failing = null; // its error
    this.width = element.clientWidth; // asked for while drawing it would cost a layout
    this.sizes = new ResizeObserver(([{ contentRect }]) => (this.width = contentRect.width));
    this.sizes.observe(element);
    this.made = new Map(); // tab → pane; made when first shown, kept while the stack is
    element.addEventListener("click", (event) => this.act(event.target.closest?.("[data-do]")?.dataset.do));
    this.turnTo(tab);
  }

  /** Shows the pane of a tab; the others are hidden and not drawn. */
  turnTo(tab) {
    if (this.tab === tab || !PANES[tab]) return;
    this.tab = tab;
    [this.failing, this.pending] = [null, []];
    for (const one of this.panes.querySelectorAll(":scope > .tabpane")) one.hidden = one.dataset.tab !== tab;
    if (!this.made.has(tab)) {
      const element = this.panes.querySelector(`:scope > .tabpane[data-tab="${tab}"]`);
      if (!element.firstChild) this.furnish(element, tab);
      this.made.set(tab, new PANES[tab](element, this));
    }
    this.pane = this.made.get(tab);
    this.pane.renew?.();
    this.resized();
  }

  /** Fills a pane from its template. */
  furnish(element, tab) {
    element.append(document.getElementById(`pane-${tab}`).content.cloneNode(true));
    const where = this.element.querySelector("h2").textContent.trim();
    for (const one of element.querySelectorAll(`[aria-label*="{where}"]`)) one.setAttribute("aria-label", one.getAttribute("aria-label").replace("{where}", where));
    Object.assign(this.f, fields(element));
    this.spokeIn = NaN;
  }

  act(action) {
    if (action === "zoom-in") this.zoom(0.5);
    if (action === "zoom-out") this.zoom(2);
    if (action === "reset-zoom") {
      this.resetZoom();
      this.page.release();
    }
    if (action === "show-recorded") this.showRecorded();
    if (action === "try-now") this.tryNow();
    if (action === "open-quality") document.querySelector("#tabs [data-tab=quality]")?.click();
  }

  close() {
    this.sizes.disconnect();
    for (const pane of this.made.values()) pane.close();
  }

  resized() {
    this.pane.resized();
    this.page.dirty(this);
    this.page.asked?.(this);
  }

  get midRows() {
    return this.pane.midRows ?? 8;
  }

  /** Ticks a price row, as the option wants; 0 lets the server choose. */
  group(option, tab) {
    if (tab !== "flow") return 0;
    const { info, tiles } = this.model, same = this.grouped?.option === option;
    this.grouped = { option, ticks: groupTicks(option, tiles?.mid, info?.tick, same ? this.grouped.ticks : 0) };
    return this.grouped.ticks;
  }

  /** @returns {boolean} false when a snapshot must be asked for */
  take(frame, at) {
    const snapshot = frame.type === "snapshot";
    if (!this.model.take(frame, at)) return false;
    this.error = "";
    this.awaited = null;
    if (snapshot) {
      if (!this.unanswered) this.awaiting = false;
      this.ranges.begin();
      this.spokeIn = NaN;
      marketTitles(this.f, this.model.info);
    }
    this.pane.take(frame);
    if (snapshot) this.page.asked(this); // rows in basis points need a price
    if (snapshot) this.page.dirty(this);
    else if (!this.page.frozen) this.page.drawing.fed(this);
    return true;
  }

  fail(message) {
    this.awaiting = false;
    if (!this.model.info) before(this.f, this.page.view);
    this.error = message;
    this.awaited = null;
    this.page.dirty(this);
  }

  /** The market is not stored yet: a collector is about to take it up, or was asked to. */
  starts({ message, progress }) {
    if (this.model.info) return this.fail(message);
    this.awaiting = false;
    before(this.f, this.page.view);
    this.error = "";
    this.awaited = { message, progress, since: this.awaited?.since ?? performance.now() };
    this.page.dirty(this);
  }

  moved(axis, range, done) {
    if (axis === "time") return this.page.travel.moved(range, done);
    this.ranges.user[axis] = range;
    this.page.dirty(this);
    if (done) this.zoomed();
  }

  zoom(factor) {
    if (!this.model.info) return;
    const { timeline } = this.pane, range = timeline?.range ?? this.ranges.time(this.model, this.edge);
    const next = this.ranges.zoomed(range, factor, 4 * this.model.info.step_ms);
    if (!next) return;
    if (timeline) timeline.moved(next, true);
    else this.moved("time", next, true);
  }

  resetZoom() {
    this.pane.zoomReset?.();
    this.page.travel.reset(this);
  }

  zoomed() {
    for (const button of this.element.querySelectorAll("[data-do=reset-zoom]")) button.hidden = !this.ranges.free && !this.page.frozen;
    this.page.dirty(this);
  }

  /** Asks the collector not to wait for its next attempt. */
  tryNow() {
    this.triedAt = performance.now();
    this.tried = this.page.connection.send({ type: "retry", id: this.id }) ? undefined : "Not connected";
    this.page.dirty(this);
  }

  /** The server has noted the wish, or refused it. */
  retried({ taken, message }) {
    this.tried = taken ? undefined : message ? "Not possible now" : "Tried a moment ago";
    this.page.dirty(this);
  }

  showRecorded() {
    this.recorded = true;
    if (this.page.view?.range_s < HOUR_S) this.page.want({ range_s: HOUR_S });
    this.page.dirty(this);
  }

  /** The pointer or the keyboard is at a time of this stack; null: it has left. */
  point(cursor) {
    this.page.cursor(this, cursor);
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

  /** Stretches of a stream without data, up to an edge. */
  spans(stream, state, edge) {
    const found = this.model.gaps
      .filter((gap) => gap.stream === stream)
      .map((gap) => ({ from: gap.from_ms, to: gap.to_ms ?? edge }));
    const since = missingSince(this.model, state);
    const open = this.model.gaps.some((gap) => gap.stream === stream && gap.to_ms === null);
    if (!open && since === since && edge > since) found.push({ from: since, to: edge });
    return found;
  }

  /** Has the canvases painted that are due. */
  paint(at, frozen) {
    const began = performance.now(), { model } = this;
    const state = this.state = stateOf(model, this.link, this.error, frozen, at);
    if (state !== "down") this.recorded = false;
    const hidden = state === "error" || (state === "down" && !this.recorded);
    this.painted = null;
    if (!model.info || !this.width) return;
    this.edge = this.present(state, at);
    if (this.speaks(at)) this.paintCover(state);
    const { number } = this;
    this.pane.draw(at, state, hidden);
    const awaited = this.number !== number;
    if (awaited && this.failing) throw this.failing;
    this.painted = { hidden, ms: performance.now() - began, awaited };
  }

  /** What of the range is known, in the quality strip. */
  paintCover(state) {
    const { model, edge } = this, [start, end] = this.ranges.time(model, edge);
    drawCover(this.cover, { start, end, begins: model.begins, gapSpans: (stream) => this.spans(stream, state, edge) });
  }

  /** Writes the words and numbers of what `paint` has just painted. */
  tell(at) {
    const began = performance.now(), { model, state, painted } = this;
    if (painted) {
      this.panes.classList.toggle("blank", painted.hidden);
      this.pane.tell?.(at, painted.hidden);
      const shown = present(state) && !withheld(model);
      bar(this.f, model, shown, this.page.stacks.size > 1);
      this.reading.tell(this.f, model, state, at, shown);
      this.told = model.tiles ?? null;
      const ms = painted.ms + performance.now() - began, drawing = { ms, epoch: model.epoch, times: model.times ?? null, tiles: this.told };
      if (painted.awaited && this.number !== this.done?.number) this.pending.push({ number: this.number, drawing });
      else this.shows(drawing, { ...(painted.awaited ? this.done : { ms: 0 }), at: Date.now() });
    }
    show(this, state, at);
    if (model.info && this.speaks(at)) this.words(at, state);
    this.broken = "";
    this.drawnAt = at;
  }

  /** A drawing can be seen, the painter's part of it, too. */
  shows(drawing, { ms: painter_ms, at, ...painted }) {
    this.firstAt ??= performance.now();
    if (painted.strongest !== undefined) this.made.get("flow").painted(painted);
    this.drawn = { ...drawing, painter_ms, at, count: this.drawn.count + 1 };
  }

  /** The painter is through with what was asked of it. */
  seen({ error, stack, ...done }) {
    const { number } = this.done = done;
    const own = this.pending.find((one) => one.number === number), failed = this.failing;
    this.pending = this.pending.filter((one) => one.number > number);
    if (this.tab !== "flow") return; // it was asked before the user turned away
    this.failing = error === undefined ? null : Object.assign(new Error(error), { stack });
    if (this.failing) throw this.failing;
    if (failed) this.page.dirty(this);
    if (own) this.shows(own.drawing, done);
  }

  /** @returns {boolean} whether a step of the drawing went well; where not, the others go on */
  tries(step) {
    try {
      step();
      return true;
    } catch (error) {
      this.pane.renew?.(); // what was painted is not known
      this.broke(error);
      return false;
    }
  }

  /** Drawing it failed: that is told in its place and on the console. */
  broke(error) {
    const said = `Drawing it failed: ${error.message}. Other markets are not affected.`;
    if (this.broken !== said) console.error(error);
    this.broken = said;
    this.panes.classList.add("blank");
    show(this, "error", performance.now());
  }

  /** Whether what is read rather than watched is due. */
  speaks(at) {
    return secondOf(at) !== this.spokeIn;
  }

  /** What is read rather than watched: at most once a second. */
  words(at, state) {
    this.spokeIn = secondOf(at);
    quality(this.f, this.model, at, state);
    coverages(this.element, this.f, this.model);
  }

  /** Draws all anew: the theme, the colours or the zone of time has changed. */
  renew() {
    this.spokeIn = NaN;
    this.pane.renew?.();
    this.page.dirty(this);
  }

  showCursor(cursor, draws) {
    this.pane.cursor(cursor);
    if (draws) this.page.dirty(this);
  }
}
