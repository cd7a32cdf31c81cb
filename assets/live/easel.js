// Where the page's charts stand: hands the painter (painter.js) canvases, frames and what is to be painted, and hears what
// has been. The painter has a thread of its own; a browser without canvases for one has it on the page's.
import { theme } from "./theme.js";

const START_MS = 5000; // a thread that has not come by then does not come
const MOST_OUT = 2; // paintings asked for and not answered: more would only be late
const MOST_FRAMES = 64; // that wait for a painting: none is asked for while nobody looks

export class Easel {
  /** @param {{painted: (done: object) => void, lost: (id: number) => void}} page told of each painting, and of charts that need a snapshot */
  constructor(page) {
    this.page = page;
    this.waiting = []; // messages until the painter is there
    this.post = (message) => this.waiting.push(message);
    this.frames = []; // what goes with the next `flush`
    this.draws = new Map(); // by the id of the stack
    this.out = 0;
    this.worn = NaN; // version of the theme that the painter has
    if ("transferControlToOffscreen" in HTMLCanvasElement.prototype) this.thread();
    else this.local();
  }

  /** Begins the painter's thread; without one that comes, no canvas is handed over, and the page paints. */
  thread() {
    let thread = null, state = "awaited";
    const give = () => {
      if (state !== "awaited") return;
      state = "given up";
      thread?.terminate();
      this.local();
    };
    try {
      thread = new Worker(new URL("./painter_thread.js", import.meta.url), { type: "module" });
    } catch {
      return give();
    }
    setTimeout(give, START_MS);
    thread.onerror = (event) => (state === "there" ? reportError(new Error(`The painter failed: ${event.message}`)) : give());
    thread.onmessage = ({ data }) => {
      if (state === "there") return this.hear(data);
      if (state !== "awaited") return;
      state = "there";
      this.begin((message) => {
        const given = message.type === "open" ? { ...message, sheets: handedOver(message.sheets) } : message;
        thread.postMessage(given, given.sheets ? Object.values(given.sheets) : []);
      });
    };
  }

  async local() {
    try {
      const { Painter } = await import("./painter.js"), painter = new Painter((message) => this.hear(message));
      this.begin((message) => painter.hear(message));
    } catch (error) {
      this.begin(() => {});
      reportError(error);
    }
  }

  begin(post) {
    this.post = post;
    for (const message of this.waiting.splice(0)) post(message);
  }

  /** The canvases of a stack, by row: nobody else draws on them from here on. */
  open(id, sheets) {
    this.post({ type: "open", id, sheets });
  }

  close(id) {
    this.draws.delete(id);
    this.post({ type: "close", id });
  }

  /** A frame of the server for those stacks that have charts here; it is handed over with what is drawn from it. */
  take(ids, buffer) {
    if (ids.length) this.frames.push({ ids, buffer });
    if (this.frames.length >= MOST_FRAMES) this.send([]);
  }

  /** Has the charts of a stack painted with the next `flush`, in place of what was not handed over yet. */
  draw(draw) {
    const held = this.draws.get(draw.id);
    this.draws.set(draw.id, held?.rows && !draw.rows ? { ...draw, rows: held.rows } : draw);
  }

  /** Hands over what waits; a painter that is behind gets it with its next answer. */
  flush() {
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

  hear({ type, done, ids }) {
    if (type === "lost") return ids.forEach((id) => this.page.lost(id));
    this.out--;
    for (const one of done) this.page.painted(one);
    this.flush();
  }
}

const handedOver = (sheets) => Object.fromEntries(Object.entries(sheets).map(([row, sheet]) => [row, sheet.transferControlToOffscreen()]));
