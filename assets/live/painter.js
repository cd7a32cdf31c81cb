// Paints charts of the page's markets on a thread of its own (easel.js): strokes through thousands of rows hold up no click
// there, and no words.
import { Charts } from "./charts.js";
import { Model } from "./model.js";
import { decode } from "./protocol.js";
import { theme } from "./theme.js";

export class Painter {
  /** @param {(message: {type: "painted", done: object[]} | {type: "lost", ids: number[]}) => void} answer one `painted` for each `paint` that has draws */
  constructor(answer) {
    this.answer = answer;
    this.charts = new Map(); // by the id of the stack
  }

  /** @param {{type: string}} message of easel.js, in the order in which they were sent */
  hear({ type, ...message }) {
    this[type](message);
  }

  open({ id, sheets, rows, epoch, chosen }) {
    this.charts.set(id, new Charts(sheets, rows, new Model(epoch - 1), chosen)); // the snapshot follows
  }

  close({ id }) {
    this.charts.delete(id);
  }

  dress({ tokens }) {
    Object.assign(theme, tokens);
  }

  /** Takes frames of the server in, paints, and says so when the browser has been handed what was painted. */
  paint({ frames, draws, ratio }) {
    globalThis.devicePixelRatio = ratio; // a thread has none of its own
    const lost = frames.flatMap(({ ids, buffer }) => this.take(ids, buffer));
    if (lost.length) this.answer({ type: "lost", ids: lost });
    if (!draws.length) return;
    const done = draws.map((draw) => paintOne(this.charts.get(draw.id), draw)).filter(Boolean);
    afterFrame(() => this.answer({ type: "painted", done }));
  }

  /** @returns {number[]} those whose charts are not up to date after that, and need a snapshot */
  take(ids, buffer) {
    return ids.filter((id) => {
      const { model } = this.charts.get(id) ?? {};
      try {
        return model && !model.take(decode(buffer), 0) && model.info; // ages are the page's business
      } catch (error) {
        reportError(error);
        return true;
      }
    });
  }
}

/** @returns {{id: number, number: number, hidden: boolean, ms: number, at: number, strongest: number, barMs: number, error?: string, stack?: string} | null} how it went; null: there is nothing to paint yet */
export function paintOne(charts, { id, number, rows, ...draw }) {
  const began = performance.now();
  const told = (more) => ({ id, number, hidden: draw.hidden, ms: performance.now() - began, at: Date.now(), ...more });
  try {
    if (rows) charts?.lay(rows);
    if (!charts?.model.info) return null;
    charts.paint(draw, began);
    return told({ strongest: charts.strongest, barMs: charts.barMs });
  } catch ({ message, stack }) {
    return told({ strongest: NaN, barMs: NaN, error: message, stack });
  }
}

/** The browser is handed canvases after the callbacks of the next frame. */
function afterFrame(work) {
  requestAnimationFrame(() => setTimeout(work));
}
