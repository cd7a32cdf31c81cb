// Where the page's charts stand: hands the painter (painter.js) canvases, frames and what is to be painted, and hears what
// has been. The painter has a thread of its own; a browser without canvases for one has it on the page's.
import { theme } from "./theme.js";

const OWN_THREAD = "transferControlToOffscreen" in HTMLCanvasElement.prototype;

export class Easel {
  /** @param {{painted: (done: object) => void}} page told of each drawing, once it can be seen */
  constructor(page) {
    this.page = page;
    this.waiting = []; // messages until the painter is there
    this.post = (...message) => this.waiting.push(message);
    this.draws = [];
    this.worn = NaN; // version of the theme that the painter has
    if (OWN_THREAD) this.thread();
    else this.local();
  }

  thread() {
    const thread = new Worker(new URL("./painter_thread.js", import.meta.url), { type: "module" });
    let there = false;
    thread.onmessage = ({ data }) => {
      if (data.type !== "ready") return this.hear(data);
      there = true;
      this.begin((message) => {
        const given = message.type === "open" ? { ...message, sheets: handedOver(message.sheets) } : message;
        thread.postMessage(given, given.sheets ? Object.values(given.sheets) : []);
      });
    };
    thread.onerror = (event) => {
      if (there) return void reportError(new Error(`The painter failed: ${event.message}`));
      thread.terminate(); // its scripts could not be loaded: no canvas was handed over yet
      this.local();
    };
  }

  async local() {
    const { Painter } = await import("./painter.js"), painter = new Painter((message) => this.hear(message));
    this.begin((message) => painter.hear(message));
  }

  begin(post) {
    this.post = post;
    for (const message of this.waiting.splice(0)) post(...message);
  }

  /** The canvases of a stack, by row: nobody else draws on them from here on. */
  open(id, sheets) {
    this.post({ type: "open", id, sheets });
  }

  close(id) {
    this.post({ type: "close", id });
  }

  /** A frame of the server for those stacks that have charts here. */
  take(ids, buffer) {
    if (ids.length) this.post({ type: "take", ids, buffer });
  }

  /** Has the charts of a stack painted with the next `flush`. */
  draw(draw) {
    this.draws.push(draw);
  }

  flush() {
    if (!this.draws.length) return;
    if (this.worn !== theme.version) this.post({ type: "dress", tokens: { ...theme } });
    this.worn = theme.version;
    this.post({ type: "paint", draws: this.draws, ratio: window.devicePixelRatio || 1 });
    this.draws = [];
  }

  hear({ done }) {
    for (const one of done) this.page.painted(one);
  }
}

const handedOver = (sheets) => Object.fromEntries(Object.entries(sheets).map(([row, sheet]) => [row, sheet.transferControlToOffscreen()]));
