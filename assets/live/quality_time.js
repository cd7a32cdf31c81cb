// Time on the charts of the tab Data quality: the crosshair and its card, drag, wheel, fingers and keys.
import { begin, chip, crisp, line } from "./canvas.js";
import { Crosshair } from "./crosshair.js";
import { clock, duration, number, stamp } from "./format.js";
import { scale } from "./geometry.js";
import { showCardAt } from "./overlay.js";
import { AXIS, RECORD_MS, STREAMS, STRIP, TOP } from "./quality_charts.js";
import { theme } from "./theme.js";
import { gestures, measureRows, scrolls, stepTo } from "./timerows.js";
import { touches } from "./touch.js";

const STEP_MS = 1000; // of the crosshair by the keyboard

export class QualityTime {
  /** @param {import("./quality.js").QualityPane} pane @param {Record<string, string>} names of the streams */
  constructor(pane, names) {
    this.pane = pane;
    this.stack = pane.stack;
    this.names = names;
    this.holder = pane.element.querySelector(".dq");
    this.overlay = pane.element.querySelector("canvas.overlay");
    this.card = pane.element.querySelector(".readout");
    this.crosshair = new Crosshair(this.stack, {
      locate: (left, top) => this.locate(left, top),
      leftOf: (time) => this.leftOf(time),
      plot: () => ({ left: this.rows[0]?.left ?? 0, width: this.width }),
    });
    this.resized();
    for (const canvas of Object.values(pane.canvases)) this.listen(canvas.parentElement);
    this.holder.addEventListener("keydown", (event) => event.target === this.holder && this.step(event.key, event.shiftKey) && event.preventDefault());
  }

  listen(body) {
    const active = () => this.ready, range = () => this.range, moved = (to, done) => this.stack.moved("time", to, done);
    gestures(body, {
      active, range, moved, width: () => this.width, scrolls: () => scrolls(this.stack.element),
      reset: () => this.stack.resetZoom(), point: (event) => this.point(event),
    });
    touches(body, { active, range, moved, plot: () => ({ left: body.getBoundingClientRect().left, width: this.width }) });
  }

  get shown() {
    return this.crosshair.cursor;
  }

  get ready() {
    return Boolean(this.pane.quality && this.stack.model.info);
  }

  get range() {
    return this.stack.ranges.time(this.stack.model, this.stack.edge);
  }

  /** The charts that are shown; all have one width. */
  get rows() {
    return Object.values(this.geometry.rows).filter((row) => row.height > 0);
  }

  get width() {
    return Math.max(1, (this.rows[0]?.width ?? 1) - AXIS);
  }

  resized() {
    this.geometry = measureRows(this.holder);
    this.over = "";
  }

  point(event) {
    if (!event || !this.ready) return this.stack.point(null);
    if (event.pointerType === "touch" && event.type === "pointermove") return;
    const box = this.holder.getBoundingClientRect();
    this.stack.point(this.locate(event.clientX - box.left, event.clientY - box.top));
  }

  /** Finds the time under the pointer. */
  locate(left, top) {
    const row = this.rows.find((one) => top >= one.top && top <= one.top + one.height && left >= one.left && left <= one.left + this.width);
    if (!row) return null;
    const [start, end] = this.range;
    return { time: start + ((left - row.left) / this.width) * (end - start), kind: "time", price: null, left, top };
  }

  leftOf(time) {
    return (this.rows[0]?.left ?? 0) + scale(...this.range, this.width, false)(time);
  }

  /** @returns {boolean} whether the key moves the crosshair */
  step(key, far) {
    const [row] = this.rows;
    if (!this.ready || !row) return false;
    const [start, end] = this.range, to = stepTo(key, far, this.shown?.time ?? end, { start, end, step: STEP_MS });
    if (to === undefined) return false;
    this.stack.page.travel.reach(this.stack, to);
    const time = Math.max(start, Math.min(end, to));
    this.stack.point({ time, kind: "time", price: null, keyed: true, left: this.leftOf(time), top: row.top + 8 });
    return true;
  }

  cursor(cursor) {
    this.crosshair.cursor = cursor;
    const rows = this.ready && this.crosshair.carded ? this.cardRows(cursor.time) : null, [first] = this.rows;
    showCardAt(this.card, rows, cursor, { ...this.geometry, right: first ? first.left + this.width : 0 });
  }

  /** What each stream was at a time: the record before it, or the gap that it lies in. */
  cardRows(time) {
    const { series, present } = this.pane, now = this.stack.model.now(performance.now());
    let k = series.t.length - 1;
    while (k >= 0 && series.t[k] > time) k--;
    const fresh = k >= 0 && time - series.t[k] <= RECORD_MS;
    return [
      [stamp(time), now === now ? `${duration(Math.max(0, now - time))} ago` : "", "head"],
      ...present.map(({ stream }) => [this.names[stream], this.gapWords(stream, time, now) ?? (fresh ? this.words(k * STREAMS.length + STREAMS.indexOf(stream)) : "nothing recorded")]),
    ];
  }

  gapWords(stream, time, now) {
    const gap = this.stack.model.gaps.find((one) => one.stream === stream && one.from_ms < time && time < (one.to_ms ?? Infinity));
    return gap ? `no data for ${duration((gap.to_ms ?? now) - gap.from_ms)}` : null;
  }

  words(at) {
    const { p50, p99, rate } = this.pane.series, ms = (v) => number(v, v < 10 ? 1 : 0);
    const late = p50[at] === p50[at] ? `${ms(p50[at])} / ${ms(p99[at])}\u00a0ms` : "", often = rate[at] === rate[at] ? `${number(rate[at], rate[at] < 10 ? 1 : 0)}/s` : "";
    return [late, often].filter(Boolean).join(" \u00b7 ") || "nothing recorded";
  }

  drawOverlay() {
    const { width, height } = this.geometry, cursor = this.shown, [start, end] = this.range, X = scale(start, end, this.width, false);
    const at = cursor ? X(cursor.time) : NaN, key = [width, height, at, cursor?.time, theme.version].join();
    if (key === this.over) return;
    this.over = key;
    const x = begin(this.overlay, width, height);
    if (!(at >= 0 && at <= this.width + 1)) return;
    for (const row of this.rows) {
      const left = crisp(row.left + at), foot = row.top + row.height - STRIP;
      line(x, left, row.top + TOP, left, foot, theme.text2, [3, 3]);
      chip(x, clock(cursor.time), Math.max(row.left + 28, Math.min(row.left + this.width - 28, left)), foot + 10, theme.raised, theme.text, { align: "center", border: theme.text3 });
    }
  }
}
