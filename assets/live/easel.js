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
const MOST_LOOKS = 10; // a painter that answers nothing for so many of the page's own frames, a second apart, answers no more
const MOST_LOST = 3; // snapshots asked for in a row

export class Easel {
  /**
   * @param {{painted: (done: object) => void, lost: (id: number) => void, all: (anew: boolean) => void}} page told of each
   *   painting and of charts that need a snapshot, asked to draw all anew
   */
  constructor(page) {
    this.page = page;
    this.held = new Map(); // by the id of the stack (open)
    this.thread = null;
    this.state = "transferControlToOffscreen" in HTMLCanvasElement.prototype ? "none" : "given up"; // of the thread; "awaited", "there"
    this.frames = []; // what goes to it with the next painting
    this.draws = new Map(); // by the id of the stack
    [this.out, this.timer] = [0, 0];
    this.worn = NaN; // version of the theme that it has
    [this.looks, this.look] = [0, 0]; // frames of the page since it last answered, and the one awaited
  }

  /** How many stacks are painted on the painter's thread. */
  get moved() {
    return [...this.held.values()].filter(({ charts }) => !charts).length;
  }

  /** Charts of a stack: the canvas of each row, where its charts are (geometry.js), and the model to paint from. */
  open(id, sheets, rows, model) {
    this.held.set(id, {
      sheets, rows, model, openedAt: performance.now(),
      charts: new Charts(sheets, rows, model), // what paints here; null once moved
      number: 0, // of what was painted here last
      kept: [], // frames since the last snapshot, while it is painted here
      fresh: null, // the painter's canvases while they are still empty
      lost: 0, // snapshots asked for since the painter painted
      stays: false, // the painter could not paint it
    });
  }

  close(id) {
    const one = this.held.get(id);
    this.held.delete(id);
    this.draws.delete(id);
    if (isThere(one)) this.post({ type: "close", id });
  }

  /** A frame of the server for stacks; the painter gets it with what is drawn from it. */
  take(ids, buffer, snapshot) {
    const away = ids.filter((id) => {
      const one = this.held.get(id);
      if (!one || this.state === "given up") return false;
      if (isThere(one)) return true;
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
      one.number = draw.number;
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
    if (!this.out++) this.looks = 0;
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
    this.looks = 0;
    if (type === "lost") return ids.forEach((id) => this.ask(id));
    this.out--;
    for (const one of done) {
      const held = this.held.get(one.id);
      if (!held) continue;
      held.lost = 0;
      if (held.fresh) this.arrived(held, one);
      else if (!held.charts) this.page.painted(one);
    }
    this.handOver();
  }

  /** Asks for a snapshot, from which the painter can begin. */
  ask(id) {
    const one = this.held.get(id);
    if (one && one.lost++ < MOST_LOST) this.page.lost(id);
  }

  /** Moves what has been here for a while, one at a time; call now and then. */
  tick() {
    const now = performance.now();
    if (document.hidden || this.state === "given up") return;
    if (this.looks >= MOST_LOOKS) return this.giveUp(new Error("The painter does not answer any more."));
    if (this.out) this.wait();
    const [id, one] = [...this.held].find(([, one]) => !isThere(one) && !one.stays && now - one.openedAt >= MOVE_MS) ?? [];
    if (!one) return;
    if (!one.kept.length) this.ask(id);
    else if (this.state === "none") this.start();
    else if (this.state === "there") this.move(id, one);
  }

  /**
   * Counts a frame of the page for which the painter was silent. It answers after a frame of its own: where the page has
   * none either (a machine that stood still, a window out of sight, a graphics process that is behind), it is not at fault.
   */
  wait() {
    this.look ||= requestAnimationFrame(() => {
      this.look = 0;
      if (this.out) this.looks++;
    });
  }

  start() {
    this.state = "awaited";
    try {
      this.thread = new Worker(new URL("./painter_thread.js", import.meta.url), { type: "module" });
    } catch {
      return this.giveUp();
    }
    this.thread.onerror = ({ message }) => this.giveUp(this.state === "there" ? new Error(`The painter failed: ${message}`) : null);
    this.thread.onmessage = ({ data }) => {
      if (this.state === "there") return this.hear(data);
      this.state = "there";
      this.tick();
    };
  }

  /** Paints all here again, on new canvases where the painter has the old ones. */
  giveUp(error = null) {
    this.state = "given up";
    this.thread?.terminate();
    this.draws.clear();
    [this.frames, this.out] = [[], 0];
    for (const one of this.held.values()) {
      one.kept = [];
      for (const sheet of Object.values(one.fresh ?? {})) sheet.remove();
      one.fresh = null;
      if (one.charts) continue;
      for (const [row, sheet] of Object.entries(one.sheets)) sheet.replaceWith((one.sheets[row] = sheet.cloneNode()));
      one.charts = new Charts(one.sheets, one.rows, one.model);
    }
    if (error) reportError(error);
    this.page.all(true);
  }

  /** Gives the painter canvases of its own behind those that are seen, what was chosen for them, and all frames since the last snapshot. */
  move(id, one) {
    one.fresh = Object.fromEntries(Object.entries(one.sheets).map(([row, sheet]) => [row, sheet.cloneNode()]));
    for (const [row, sheet] of Object.entries(one.sheets)) {
      one.fresh[row].style.visibility = "hidden"; // shown through, they would colour what is seen twice
      sheet.after(one.fresh[row]);
    }
    const sheets = Object.fromEntries(Object.entries(one.fresh).map(([row, sheet]) => [row, sheet.transferControlToOffscreen()]));
    const { rows, model: { epoch }, charts: { chosen } } = one;
    this.post({ type: "open", id, sheets, rows, epoch, chosen }, Object.values(sheets));
    this.frames.push(...one.kept.map((buffer) => ({ ids: [id], buffer })));
    one.kept = [];
  }

  /** The painter has painted what is still painted here, too: once it shows the same, it alone does from now on. */
  arrived(one, { id, number, hidden, error }) {
    const failed = error !== undefined;
    if (!failed && (hidden || number !== one.number || Object.values(one.rows).some(({ solo }) => solo))) return;
    const [gone, stays] = failed ? [one.fresh, one.sheets] : [one.sheets, one.fresh];
    [one.sheets, one.fresh] = [stays, null];
    for (const sheet of Object.values(gone)) sheet.remove();
    for (const sheet of Object.values(stays)) sheet.style.visibility = "";
    if (!failed) return void (one.charts = null);
    one.stays = true;
    this.draws.delete(id);
    this.post({ type: "close", id });
  }
}

/** Whether the painter has canvases of a stack. */
const isThere = ({ charts, fresh }) => !charts || fresh !== null;
