// The tab Verification & toxicity of one market: what came with the frames, drawn when it changed.
import { drawImpact, drawPrediction } from "./evidence_charts.js";
import { nearest } from "./evidence_axes.js";
import { empties } from "./evidence_states.js";
import { TABLES } from "./evidence_tables.js";
import { EvidenceTime, unknown } from "./evidence_time.js";
import { drawAdverse, drawMarkouts, drawVpin } from "./evidence_trades.js";
import { feeField, writeCard, writeTables } from "./evidence_words.js";
import { number, percent, signed, span, stamp } from "./format.js";
import { showEmpty } from "./panels.js";
import { badgeOf, write } from "./texts.js";
import { stepTo } from "./timerows.js";
import { sends } from "./words.js";

const CHARTS = { impact: drawImpact, prediction: drawPrediction, vpin: drawVpin, markouts: drawMarkouts, adverse: drawAdverse };
const CARD_WIDTH = 226;
const KEPT_MS = 15_000, SECOND_MS = 1000;

export class EvidencePane {
  /** @param {HTMLElement} element the pane @param {import("./stack.js").Stack} stack */
  constructor(element, stack) {
    this.element = element;
    this.stack = stack;
    this.holder = element.querySelector(".evidence");
    this.card = element.querySelector(".readout");
    this.canvases = Object.fromEntries([...element.querySelectorAll("canvas[data-canvas]")].map((one) => [one.dataset.canvas, one]));
    this.values = null; // the header field `evidence` of the last frame that had it
    this.arrays = {};
    this.shown = null; // the values that were drawn
    this.points = {};
    this.awaited = null; // since when another view's answer is waited for, with the one before still shown
    this.time = NaN; // of the crosshair
    this.stepped = NaN; // the time that a key moved it to, whose card is shown
    this.zoom = null; // with which VPIN was drawn
    this.dirty = true;
    this.turned = false; // only what time shows on VPIN's chart has changed
    this.empty = {}; // by panel, what stands in place of its figures
    this.boxes = {};
    this.sizes = new ResizeObserver(() => stack.resized());
    this.sizes.observe(this.holder);
    this.timeline = new EvidenceTime(this, this.canvases.vpin.parentElement);
    feeField(stack.f["ev-fee"], () => this.renew(), (fee) => stack.page.choose({ fee }));
    this.listen();
  }

  listen() {
    for (const [name, canvas] of Object.entries(this.canvases)) {
      const move = (event) => this.point(name, canvas, event);
      canvas.addEventListener("pointermove", move);
      canvas.addEventListener("pointerdown", move);
      canvas.addEventListener("pointerleave", () => this.leave(name));
    }
  }

  close() {
    this.sizes.disconnect();
  }

  /** Measured here, so that drawing never asks for a layout. */
  resized() {
    this.boxes = Object.fromEntries(Object.entries(this.canvases).map(([name, canvas]) => [name, { width: canvas.clientWidth, height: canvas.clientHeight }]));
    this.dirty = true;
  }

  /** A frame has been taken into the model. Of another view its first snapshot may not know the answer yet. */
  take(frame) {
    if (!frame.evidence) {
      if (frame.type === "snapshot") this.awaited = performance.now();
      return;
    }
    this.awaited = null;
    this.values = frame.evidence;
    this.arrays = Object.fromEntries(Object.entries(frame.arrays).filter(([name]) => name.startsWith("ev_")).map(([name, one]) => [name, one.data]));
    this.dirty = true;
  }

  renew() {
    this.dirty = true;
    this.stack.page.dirty(this.stack);
  }

  cursor(cursor) {
    const time = cursor?.time ?? NaN;
    if (this.stepped === this.stepped && time !== this.stepped) [this.stepped, this.card.hidden] = [NaN, true];
    if (time === this.time || (time !== time && this.time !== this.time)) return;
    this.time = time;
    this.turned = true;
  }

  draw(at, state) {
    if (state !== this.state) this.dirty = true;
    if (this.awaited && at - this.awaited > KEPT_MS) [this.values, this.arrays, this.awaited, this.dirty] = [null, {}, null, true];
    this.state = state;
    const { time: zoom } = this.stack.ranges.user;
    if (zoom !== this.zoom) [this.zoom, this.turned] = [zoom, true];
    if (this.dirty) this.drawAll();
    else if (this.turned) this.charts(["vpin"]);
    this.dirty = this.turned = false;
  }

  drawAll() {
    const { values, stack } = this, empty = this.empty = empties(values, stack.model.status);
    this.shown = values;
    for (const [name, content] of Object.entries(empty)) showEmpty(this.holder, name, content);
    this.points = {};
    this.lines();
    if (!values?.explains) return;
    writeCard(stack.f, this.holder, values);
    writeTables(stack.f, this.holder, values);
    this.badges();
    this.charts(Object.keys(CHARTS));
    this.names();
  }

  /** Draws charts that have something to show. */
  charts(names) {
    const { values, arrays, stack, state, timeline } = this;
    if (!values?.explains) return;
    const given = {
      values, arrays, info: stack.model.info, spans: unknown(arrays, stack.spans("trades", state, values.end_ms)), cursor: this.time,
      shown: timeline.range, placed: (plot) => (timeline.plot = plot),
    };
    for (const name of names) {
      const box = this.boxes[name];
      if (this.empty[name] || !box?.width || !box.height) continue;
      this.points[name] = CHARTS[name](this.canvases[name], box, given);
    }
  }

  /** Coverage of the look-back and n beside each figure. */
  badges() {
    const { values: v, stack: { f, model: { status } } } = this;
    const low = (streams) => Math.min(...streams.map((name) => (v.covered ?? v.coverage)[name])) < 0.95;
    const badge = (name, ...streams) => {
      const place = f[`ev-cov-${name}`];
      if (!place) return;
      const sent = sends(status, streams[0]), share = Math.min(...streams.map((one) => v.coverage[one]));
      badgeOf(place, sent, share, low(streams));
      place.title = `${percent(share)} of the last ${span(v.lookback_s)} is known${sent && ` (${sent})`}, as of ${stamp(v.end_ms)}.`;
    };
    badge("verdict", "best");
    badge("impact", "best");
    badge("prediction", "best");
    badge("horizons", "best");
    badge("flows", "best", "depth");
    badge("vpin", "trades");
    badge("markouts", "trades", "best");
    badge("adverse", "trades", "best");
  }

  /** What is shown, also before there is anything. */
  lines() {
    const { values, stack: { f, page } } = this;
    write(f["line-impact"], `Each dot is one ${span(values?.bin_s ?? page.view.bin_s)} bin.`);
    write(f["line-vpin"], vpinLine(values ?? {}));
  }

  names() {
    const { values: v, stack: { market } } = this, fit = v.explains.best, p = v.prediction["5"];
    const set = (name, words) => this.canvases[name]?.setAttribute("aria-label", `${market}, ${this.empty[name] ? `${name}: ${this.empty[name].title}` : words}`);
    set("impact", `impact: R squared ${number(fit.r2, 2)}, t ${number(fit.t, 1)}, ${number(fit.bins)} bins`);
    set("prediction", `prediction by horizon: next 5 seconds ${p?.ic === undefined ? "not available" : `${signed(p.ic, 2)}, ${p.better_than_chance ? "better" : "no better"} than chance`}`);
    set("vpin", `VPIN through time; now ${number(v.toxicity?.vpin, 2)}`);
    set("markouts", "markout curves of buys and sells over 60 seconds");
    set("adverse", `adverse selection; effective spread ${number(Object.values(v.spread?.horizons ?? {})[0]?.effective, 4)} bps`);
  }

  point(name, canvas, event) {
    if (name === "vpin" && event.pointerType === "touch" && event.type === "pointermove") return; // it pans
    const found = this.points[name] ?? [], box = canvas.getBoundingClientRect();
    const at = { left: event.clientX - box.left, top: event.clientY - box.top };
    const near = found.some((one) => one.wide) ? across(found, at) : found[nearest(found, at)];
    this.show(near, box, at);
    if (name === "vpin" && near) this.stack.point({ time: near.time, kind: "time", price: null });
  }

  /** Moves the crosshair through the time of VPIN, the one chart here that has any. @returns {boolean} whether the key does */
  step(key, far) {
    const { points: { vpin: found }, timeline: { range: [start, end], plot }, canvases: { vpin: canvas } } = this;
    const to = found && stepTo(key, far, this.time === this.time ? this.time : end, { start, end, step: SECOND_MS });
    if (to === undefined) return false;
    const time = Math.max(start, Math.min(end, to)), box = canvas.getBoundingClientRect();
    const at = { left: plot.left + ((time - start) / (end - start)) * plot.width, top: box.height / 2 };
    this.show(across(found, at), box, at);
    this.stepped = time;
    this.stack.point({ time, kind: "time", price: null });
    return true;
  }

  /** For the menu of a panel (panels.js): where its title has no room for buttons. */
  menu(panel) {
    if (panel !== "vpin") return [];
    return [["Zoom in", 0.5], ["Zoom out", 2]].map(([words, factor]) => ({ words, run: () => this.stack.zoom(factor) }));
  }

  leave(name) {
    this.show(null);
    if (name === "vpin") this.stack.point(null);
  }

  /** The hover card, beside the pointer and inside the pane. */
  show(near, box, at) {
    this.card.hidden = !near;
    if (!near) return;
    const title = document.createElement("h4");
    title.textContent = near.title;
    this.card.replaceChildren(title, ...near.rows.map(row));
    const outer = this.holder.getBoundingClientRect();
    const left = box.left - outer.left + at.left, top = box.top - outer.top + at.top;
    const beside = left + CARD_WIDTH + 24 < outer.width ? left + 16 : left - CARD_WIDTH - 16;
    this.card.style.transform = `translate(${Math.max(0, beside)}px, ${Math.max(0, Math.min(top - 20, outer.height - this.card.offsetHeight - 4))}px)`;
  }

  /** The table of a panel, for its CSV; none where the panel says that it has no figures. */
  table(name) {
    const { values, arrays, stack, timeline } = this;
    return values?.explains && !this.empty?.[name] ? (TABLES[name]?.(values, arrays, stack.model.info, timeline.range) ?? null) : null;
  }
}

function vpinLine({ toxicity: t, inferred_share: inferred }) {
  const what = "How one-sided the last 50 equal-volume buckets were.";
  const sides = inferred > 0 ? ` Sides of ${percent(inferred, 0)} of volume bulk-classified.` : "";
  const rank = t?.p95 === null && t.buckets ? ` Bands after 200 buckets, ${number(t.buckets)} so far.` : " Above the 95th percentile: toxic.";
  return what + rank + sides;
}

/** The nearest by the horizontal alone, where a chart is read across. */
function across(points, at) {
  let found = null;
  for (const one of points) {
    if (Math.abs(one.left - at.left) <= one.wide && (!found || Math.abs(one.left - at.left) < Math.abs(found.left - at.left))) found = one;
  }
  return found;
}

function row([label, value]) {
  const line = document.createElement("div"), name = document.createElement("span"), figure = document.createElement("b");
  name.textContent = label;
  figure.textContent = value;
  line.append(name, figure);
  return line;
}
