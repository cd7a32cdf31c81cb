// The tab Data quality of one market: streams now and through time, gaps by reason, incidents.
import { secondOf } from "./drawing.js";
import { NONE, about, duration, number, percent, span, stamp } from "./format.js";
import { joined } from "./geometry.js";
import { cause, entry, fillList } from "./incidents.js";
import { showEmpty } from "./panels.js";
import { NAMES, STREAMS, drawCoverage, drawLatency, drawRate } from "./quality_charts.js";
import { TABLES } from "./quality_tables.js";
import { QualityTime } from "./quality_time.js";
import { waits } from "./quality_waits.js";
import { write } from "./texts.js";

const CHARTS_MS = 1000;
const STATES = { live: "Live", starting: "Starting", resyncing: "Resyncing", stale: "Stale", throttled: "Throttled", down: "Down", unknown: "Not known", none: "none on this venue" };
const CELLS = ["since", "age", "sends", "latency", "rate", "recent", "lookback", "gaps", "longest"];
const UNTOLD = "No collector has reported on this market yet.";
const NEVER_MS = 1e9;
const UNHEARD = ["lost", "expired"]; // nothing comes from the server: what it said last need not be so any more

/** How often the book was held against the venue's own, and what came of it. A market that is live and audited says more only while a
    difference is disputed. */
export function audited(q) {
  const unheard = q.audits_unanswered ? `, ${number(q.audits_unanswered)} unanswered` : "";
  if (!q.audits) return `no audits${unheard}`;
  const disputed = q.state === "live" && q.detail ? ", disputed" : "";
  return `${number(q.audits)} audits, ${q.audit_differences ? number(q.audit_differences) : "none"} differed${disputed}${unheard}`;
}

export class QualityPane {
  /** @param {HTMLElement} element the pane @param {import("./stack.js").Stack} stack */
  constructor(element, stack) {
    this.element = element;
    this.stack = stack;
    this.canvases = Object.fromEntries([...element.querySelectorAll("canvas.chart")].map((one) => [one.dataset.canvas, one]));
    this.lists = Object.fromEntries([...element.querySelectorAll("[data-list]")].map((one) => [one.dataset.list, one]));
    this.series = { t: [], p50: [], p99: [], rate: [] };
    this.heard = null;
    this.renew();
    this.time = new QualityTime(this, NAMES);
    this.sizes = new ResizeObserver(() => this.resized());
    for (const canvas of Object.values(this.canvases)) this.sizes.observe(canvas);
  }

  close() {
    this.sizes.disconnect();
  }

  renew() {
    this.drawnAt = -NEVER_MS;
    this.spokeIn = NaN; // the second
  }

  resized() {
    this.drawnAt = -NEVER_MS;
    this.time.resized();
    this.stack.page.dirty(this.stack);
  }

  cursor(cursor) {
    this.time.cursor(cursor);
  }

  step(key, far) {
    return this.time.step(key, far);
  }

  tell(at) {
    this.time.crosshair.tell(at);
  }

  get crosshair() {
    return this.time.crosshair;
  }

  /** States are what this tab shows: none is drawn over it. */
  get tellsStates() {
    return !!this.quality;
  }

  /** A frame has been taken into the model; once a second it has what this pane shows. */
  take(frame) {
    if (!frame.quality) return;
    this.quality = frame.quality;
    this.everywhere = frame.everywhere;
    const data = (name) => frame.arrays[name]?.data ?? [];
    this.series = { t: data("q_t"), p50: data("q_p50"), p99: data("q_p99"), rate: data("q_rate") };
    this.renew();
  }

  /** Data quality is shown in every state: it is what tells of the others. */
  draw(at, state) {
    const { model } = this.stack;
    if (!this.quality || !model.info) return;
    this.time.crosshair.follow();
    if (secondOf(at) !== this.spokeIn) {
      this.spokeIn = secondOf(at);
      const now = model.now(at);
      this.words(now, UNHEARD.includes(state) ? now - (at - model.statusAt) : null);
    }
    const { time: zoom } = this.stack.ranges.user;
    if (at - this.drawnAt >= CHARTS_MS || zoom !== this.zoom) {
      this.drawnAt = at;
      this.zoom = zoom;
      this.charts(state);
    }
    this.time.drawOverlay();
  }

  charts(state) {
    const { model } = this.stack, [start, end] = this.stack.ranges.time(model, this.stack.edge);
    const spans = (stream) => this.stack.spans(stream, state, this.stack.edge);
    const { page: { frozen }, ranges } = this.stack, all = joined(this.present.flatMap((one) => spans(one.stream)));
    const waiting = waits({
      told: this.told, showsNow: !frozen && !ranges.user.time, range: [start, end], begins: model.begins ?? NaN, series: this.series, spans: all,
    });
    for (const [name, content] of Object.entries(waiting)) showEmpty(this.element, name, content);
    drawLatency(this.canvases.latency, this.series, start, end, all);
    drawRate(this.canvases.rate, this.series, start, end, all);
    const rows = this.present.map((one) => ({ name: one.stream, words: one.stream }));
    const begins = model.begins ?? end;
    drawCoverage(this.canvases.cover, rows, start, end, spans, begins);
    this.name();
  }

  get present() {
    return (this.quality?.streams ?? []).filter((one) => one.state !== "none");
  }

  /** Whether a collector has reported at all: before, nothing is known, not even that nothing was lost. */
  get told() {
    return this.quality.streams.length > 0;
  }

  /** `heard` is when the server told anything last, where it tells nothing any more; null while it does. */
  words(now, heard) {
    const { quality: q, told } = this, f = this.stack.f, back = span(q.lookback_s ?? 1800), known = heard === null;
    this.heard = heard;
    write(f["dq-lookback-head"], `coverage ${back}`);
    for (const one of told ? q.streams : STREAMS.map((stream) => ({ stream, state: q.state }))) {
      this.row(f, known || one.state === "none" ? one : { stream: one.stream, state: "unknown", since_ms: heard }, now);
    }
    const shares = known ? this.present.map((one) => one.coverage_15min) : [];
    write(f["dq-cover"], shares.length ? `${percent(Math.min(...shares))} of 15\u00a0min` : "");
    write(f["dq-clock"], !known ? `not known since ${stamp(heard)}` : !told ? UNTOLD : q.clock_off ? `${clockWords(q.clock_offset_ms)}; latencies count from the fastest message of 10\u00a0min` : "venue clock agrees with ours");
    write(f["dq-audit"], told ? audited(q) : "");
    this.reasons(q, back);
    const own = q.incidents.map((one) => entry(one, now)), every = (this.everywhere ?? []).map((one) => entry(one, now));
    const none = known ? "None in the last hour." : `None in the hour before ${stamp(heard)}.`;
    fillList(this.lists.own, own, told ? none : UNTOLD);
    fillList(this.lists.everywhere, every, none);
    write(f["dq-own"], counted(q.incidents, q.left_out));
    write(f["dq-everywhere"], counted(this.everywhere ?? [], 0));
  }

  row(f, one, now) {
    const set = (name, words) => write(f[`dq-${one.stream}-${name}`], words);
    const element = f[`dq-${one.stream}-state`];
    if (element) element.dataset.state = one.state;
    set("state", STATES[one.state] ?? one.state);
    if (one.state === "none") return;
    for (const name of ["recent", "lookback"]) {
      const [share, gaps] = name === "recent" ? [one.coverage_15min, one.gaps_15min] : [one.coverage_lookback, one.gaps_lookback];
      // Without a gap, what is not covered came before the market was followed.
      f[`dq-${one.stream}-${name}`]?.classList.toggle("low", share < 0.95 && gaps > 0);
    }
    if (one.coverage_15min === undefined) {
      CELLS.forEach((name) => set(name, name === "since" && one.since_ms ? about(now - one.since_ms) : NONE));
      return;
    }
    set("since", one.since_ms ? about(now - one.since_ms) : NONE);
    set("age", one.received_ms ? `${about(now - one.received_ms)} ago` : NONE);
    set("sends", sends(one));
    set("latency", one.latency_p50_ms === null ? (one.updates_per_s ? "no venue time" : NONE) : `${ms(one.latency_p50_ms)} / ${ms(one.latency_p99_ms)}\u00a0ms`);
    set("rate", one.updates_per_s === null ? NONE : number(one.updates_per_s, one.updates_per_s < 10 ? 1 : 0));
    set("recent", percent(one.coverage_15min));
    set("lookback", percent(one.coverage_lookback));
    set("gaps", `${number(one.gaps_15min)} / ${number(one.gaps_lookback)}`);
    set("longest", one.gaps_lookback ? duration(one.longest_gap_lookback_ms) : NONE);
  }

  /** Gaps by stream over the look-back, and both kinds since the collector started. */
  reasons(q, back) {
    const { gaps = {}, rejected = {} } = q;
    const found = new Set([...Object.keys(gaps), ...Object.keys(rejected), ...q.streams.flatMap((one) => Object.keys(one.reasons ?? {}))]);
    const begun = q.begun_ms ? ` since ${stamp(q.begun_ms, "minutes")}` : "";
    const streams = this.present.map((one) => one.stream);
    const about = `Gaps of ${back} by stream; all gaps and rejected books${begun}.`;
    const body = [...found].map((reason) => [
      cause(reason), ...this.present.map((one) => one.reasons?.[reason] ?? 0), gaps[reason] ?? 0, rejected[reason] ?? 0,
    ]);
    const head = ["Reason", ...streams, "all", "rejected"];
    this.counted = { head: ["Reason", ...streams, `all${begun}`, `rejected${begun}`], body };
    const key = JSON.stringify([about, this.counted, this.told]);
    if (this.lists.reasons.ofi === key) return;
    this.lists.reasons.ofi = key;
    this.lists.reasons.replaceChildren(caption(about), part("thead", head, "th"), ...(body.length ? body.map(([reason, ...counts]) => line([reason, ...counts.map((one) => number(one))])) : [nothing(head.length, this.told ? "No gap and no rejected book." : UNTOLD)]));
  }

  name() {
    for (const [name, canvas] of Object.entries(this.canvases)) {
      const figures = this.present.map((one) => {
        const value = name === "latency" ? `${ms(one.latency_p50_ms)} ms` : name === "rate" ? `${number(one.updates_per_s, 1)} a second` : percent(one.coverage_15min);
        return `${NAMES[one.stream]} ${value}`;
      });
      const words = `${this.stack.market}, ${name === "rate" ? "updates a second" : name === "cover" ? "coverage" : "latency"} through time; ${figures.length ? `${this.heard === null ? "now" : "last known"} ${figures.join(", ")}` : "nothing reported yet"}`;
      if (canvas.getAttribute("aria-label") !== words) canvas.setAttribute("aria-label", words);
    }
  }

  /** What a panel shows, as a table. */
  table(name) {
    return this.quality ? (TABLES[name]?.(this) ?? null) : null;
  }
}

const ms = (v) => number(v, v < 10 ? 1 : 0);

function sends(one) {
  if (one.fidelity === "batched" || one.fidelity === "sampled") {
    const period = one.period_ms ? ` ${duration(one.period_ms)}` : "";
    return one.fidelity === "batched" ? `batches${one.period_ms ? ` of ${number(one.period_ms)}\u00a0ms` : ""}` : `polls${period}`;
  }
  return "every event";
}

function clockWords(offset) {
  return `the venue's clock is ${duration(Math.abs(offset))} ${offset > 0 ? "ahead" : "behind"}`;
}

function counted(list, left) {
  const open = list.filter((one) => one.to_ms === null).length;
  const more = left ? `, ${number(left)} more not listed` : "";
  return list.length ? `${open ? `${open} open` : "none open"}, ${list.length - open} resolved${more}` : "";
}

function caption(words) {
  const made = document.createElement("caption");
  made.textContent = words;
  return made;
}

function part(kind, cells, tag) {
  const made = document.createElement(kind);
  made.append(line(cells, tag));
  return made;
}

function line(cells, tag = "td") {
  const row = document.createElement("tr");
  cells.forEach((words, k) => {
    const cell = document.createElement(k === 0 ? "th" : tag);
    cell.scope = tag === "th" ? "col" : k === 0 ? "row" : "";
    if (!cell.scope) cell.removeAttribute("scope");
    cell.textContent = words;
    row.append(cell);
  });
  return row;
}

function nothing(width, words) {
  const row = document.createElement("tr"), cell = document.createElement("td");
  cell.colSpan = width;
  cell.className = "nothing";
  cell.textContent = words;
  row.append(cell);
  return row;
}
