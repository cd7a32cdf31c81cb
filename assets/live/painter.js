// Paints the charts of all markets of a page, on a thread of its own where the browser has one for it (easel.js): strokes
// through thousands of rows hold up no click there, and no other market's words.
import { Charts } from "./charts.js";
import { decode } from "./protocol.js";
import { theme } from "./theme.js";

export class Painter {
  /** @param {(message: {type: "painted", done: object[]}) => void} answer */
  constructor(answer) {
    this.answer = answer;
    this.charts = new Map(); // by the id of the stack
  }

  /** @param {{type: string}} message of easel.js, in the order in which they were sent */
  hear({ type, ...message }) {
    this[type](message);
  }

  open({ id, sheets }) {
    this.charts.set(id, new Charts(sheets));
  }

  close({ id }) {
    this.charts.delete(id);
  }

  dress({ tokens }) {
    Object.assign(theme, tokens);
  }

  /** A frame of the server, for those who show it. */
  take({ ids, buffer }) {
    const frame = decode(buffer);
    for (const id of ids) this.charts.get(id)?.model.take(frame, 0); // ages are the page's business
  }

  /** Paints, and says so once it can be seen. */
  paint({ draws, ratio }) {
    if (!globalThis.document) globalThis.devicePixelRatio = ratio;
    const done = draws.map((draw) => this.one(draw));
    afterFrame(() => this.answer({ type: "painted", done }));
  }

  /** @returns {{id: number, number: number, ms: number, at: number, strongest: number, error?: string}} how one went */
  one({ id, number, rows, ...draw }) {
    const began = performance.now(), charts = this.charts.get(id), told = { id, number };
    try {
      if (rows) charts?.lay(rows);
      charts?.paint(draw, began);
    } catch (error) {
      told.error = error.message;
    }
    return { ...told, ms: performance.now() - began, at: Date.now(), strongest: charts?.strongest ?? NaN };
  }
}

/** The browser hands canvases over after the next frame's callbacks. */
function afterFrame(work) {
  requestAnimationFrame(() => setTimeout(work));
}
