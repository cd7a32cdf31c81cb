// What the user wants and the server has not yet answered: shown at once, and not undone by older answers.
import { set } from "./dash.js";

const HELD_MS = 5000;
const NAMES = { markets: "m", window_s: "window", range_s: "range", lookback_s: "lookback", end_ms: "end", zone: "tz", rate_hz: "rate", bin_s: "bin" };

export class Wishes {
  constructor() {
    this.held = new Map(); // field of the view → {value, until}
  }

  /** Notes a change of fields of the view. */
  note(change) {
    const until = performance.now() + HELD_MS;
    for (const [field, value] of Object.entries(change)) this.held.set(field, { value, until });
  }

  /** Tells the server all that is not answered: a wish that follows another closely would replace it. */
  tell() {
    const data = {};
    for (const [field, { value }] of this.held) {
      if (field === "options") Object.assign(data, value);
      else data[NAMES[field] ?? field] = value;
    }
    set("wish", { data });
  }

  /** Waits until the address says all that is shown, for as long as wishes are held. */
  async answered() {
    const until = performance.now() + HELD_MS;
    while (this.held.size && performance.now() < until) await new Promise((next) => setTimeout(next, 20));
  }

  /** A view as the server says it, with what is wished beyond it. */
  over(view) {
    const now = performance.now(), shown = { ...view };
    for (const [field, { value, until }] of this.held) {
      if (same(field, view[field], value) || now > until) this.held.delete(field);
      else shown[field] = field === "options" ? { ...view.options, ...value } : value;
    }
    return shown;
  }
}

function same(field, said, value) {
  if (field === "options") return Object.entries(value).every(([name, one]) => String(said[name]) === String(one));
  return JSON.stringify(said) === JSON.stringify(value);
}
