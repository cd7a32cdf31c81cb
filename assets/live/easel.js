// Where the charts of each market are painted: here at first, for a thread that has to be started or fed would have them
// come later, and on the painter's thread (painter.js) once they have been seen for a while. There, what painting takes
// holds up nothing. A browser without canvases for a thread has all of it painted here.
import { Charts } from "./charts.js";
import { paintOne } from "./painter.js";
import { theme } from "./theme.js";

const MOVE_MS = 2000; // so long after they were opened charts go to the painter
const MOST_OUT = 2; // paintings asked of it and not answered: more would only be late
const MOST_FRAMES = 64; // that wait for a painting: none is asked for while nobody looks
const MOST_KEPT = 1200; // frames from which the painter can make a model

export class Easel {
  /** @param {{painted: (done: object) => void, lost: (id: number) => void}} page told of each painting, and of charts that need a snapshot */
  constructor(page) {
    this.page = page;
    this.held = new Map(); // id of the stack → {charts: what paints here, null once moved; sheets, rows, kept, openedAt, fresh}
    this.thread = null;
    this.state = "transferControlToOffscreen" in HTMLCanvasElement.prototype ? "none" : "given up"; // of the thread; "awaited", "there"
    this.frames = []; // what goes to it with the next painting
    this.draws = new Map(); // by the id of the stack
    [this.out, this.timer] = [0, 0];
    this.worn = NaN; // version of the theme that it has
  }

  /** How many stacks are painted on the painter's thread. */
  get moved() {
    return [...this.held.values()].filter(({ charts }) => !charts).length;
  }

  /** Charts of a stack: the canvas of each row, where its charts are (geometry.js), and the model to paint from. */
  open(id, sheets, rows, model) {
    const charts = new Charts(sheets, model);
    charts.lay(rows);
    this.held.set(id, { charts, sheets, rows, kept: [], openedAt: performance.now(), fresh: null });
  }

  close(id) {
    const one = this.held.get(id);
    this.held.delete(id);
    this.draws.delete(id);
    if (one.fresh || !one.charts) this.post({ type: "close", id });
  }

  /** A frame of the server for stacks; the painter gets it with what is drawn from it. */
  take(ids, buffer, snapshot) {
    const away = ids.filter((id) => {
      const one = this.held.get(id);
      if (!one || this.state === "given up") return false;
      if (one.fresh || !one.charts) return true;
      if (snapshot) one.kept = [buffer];
      else if (one.kept.length) one.kept.push(buffer);
      if (one.kept.length > MOST_KEPT) one.kept = []; // it waits for the next snapshot
      return false;
    });
    if (away.length) this.frames.push({ ids: away, buffer });
    if (this.frames.length >= MOST_FRAMES) this.send([]);
  }

  /** Has the charts of a stack painted with the next `flush`. @param {object} draw what charts.js paints from */
  draw(draw) {
    const before = this.draws.get(draw.id);
    this.draws.set(draw.id, before?.rows && !draw.rows ? { ...draw, rows: before.rows } : draw);
  }

  /**
   * Paints what is painted here, and has the painter begin once the present frame is done: beside it, it would take the
   * page its processor.
   */
  flush() {
    for (const draw of [...this.draws.values()]) {
      const one = this.held.get(draw.id);
      if (draw.rows) one.rows = draw.rows;
      if (!one.charts) continue;
      if (!one.fresh) this.draws.delete(draw.id);
      const done = paintOne(one.charts, draw);
      if (done) this.page.painted(done);
    }
    if (this.draws.size) this.timer ||= setTimeout(() => this.handOver());
  }

  /** A painter that is behind gets what waits with its next answer. */
  handOver() {
    clearTimeout(this.timer);
    this.timer = 0;
    if (!this.draws.size || this.out >= MOST_OUT) return;
    if (this.worn !== theme.version) this.post({ type: "dress", tokens: { ...theme } });
    this.worn = theme.version;
    this.out++;
    const draws = [...this.draws.values()];
    this.draws.clear();
    this.send(draws);
  }

  send(draws) {
    const { frames } = this;
    this.frames = [];
    this.post({ type: "paint", frames, draws, ratio: window.devicePixelRatio || 1 });
  }

  post(message, handed = []) {
    this.thread.postMessage(message, handed);
  }

  hear({ type, done, ids }) {
    if (type === "lost") return ids.forEach((id) => this.page.lost(id));
    this.out--;
    for (const one of done) {
      const held = this.held.get(one.id);
      if (held?.fresh) this.arrived(held, one);
      else if (held) this.page.painted(one);
    }
    this.handOver();
  }

  /** Moves what has been here for a while; call now and then. */
  tick() {
    const due = [...this.held].filter(([, one]) => one.charts && !one.fresh && one.kept.length && performance.now() - one.openedAt >= MOVE_MS);
    if (!due.length || document.hidden) return;
    if (this.state === "none") this.start();
    if (this.state === "there") for (const [id, one] of due) this.move(id, one);
  }

  start() {
    this.state = "awaited";
    const give = () => {
      this.state = "given up";
      for (const one of this.held.values()) one.kept = [];
    };
    try {
      this.thread = new Worker(new URL("./painter_thread.js", import.meta.url), { type: "module" });
    } catch {
      return give();
    }
    this.thread.onerror = (event) => (this.state === "there" ? reportError(new Error(`The painter failed: ${event.message}`)) : give());
    this.thread.onmessage = ({ data }) => {
      if (this.state === "there") return this.hear(data);
      this.state = "there";
      this.tick();
    };
  }

  /** Gives the painter canvases of its own behind those that are seen, and all frames since the last snapshot. */
  move(id, one) {
    one.fresh = Object.fromEntries(Object.entries(one.sheets).map(([row, sheet]) => [row, sheet.cloneNode()]));
    for (const [row, sheet] of Object.entries(one.sheets)) {
      one.fresh[row].style.visibility = "hidden"; // shown through, they would colour what is seen twice
      sheet.after(one.fresh[row]);
    }
    const sheets = Object.fromEntries(Object.entries(one.fresh).map(([row, sheet]) => [row, sheet.transferControlToOffscreen()]));
    this.post({ type: "open", id, sheets, rows: one.rows }, Object.values(sheets));
    this.frames.push(...one.kept.map((buffer) => ({ ids: [id], buffer })));
    one.kept = [];
  }

  /** The painter has painted for the first time what is still painted here, too: from now on it alone does. */
  arrived(one, { error }) {
    const [gone, stays] = error === undefined ? [one.sheets, one.fresh] : [one.fresh, one.sheets];
    [one.sheets, one.fresh] = [stays, null];
    if (error === undefined) one.charts = null;
    for (const sheet of Object.values(gone)) sheet.remove();
    for (const sheet of Object.values(stays)) sheet.style.visibility = "";
  }
}
