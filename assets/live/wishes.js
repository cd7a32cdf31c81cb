// What the user wants and the server has not yet answered: shown at once, and not undone by older answers.
import { set } from "./dash.js";

const HELD_MS = 5000; // how long a choice is held of which Dash itself tells the server
const NAMES = { markets: "m", window_s: "window", range_s: "range", lookback_s: "lookback", end_ms: "end", zone: "tz", rate_hz: "rate", bin_s: "bin" };

export class Wishes {
  constructor() {
    this.held = new Map(); // field of the view → {value, n: number of the telling, until}
    this.told = 0;
  }

  /** Notes what is told next, and is held until the server has heard it, however long that takes. */
  note(change) {
    for (const [field, value] of Object.entries(change)) this.held.set(field, { value, n: this.told + 1, until: Infinity });
  }

  /** Notes a choice that Dash's own control tells. */
  foresee(change) {
    const until = performance.now() + HELD_MS;
    for (const [field, value] of Object.entries(change)) this.held.set(field, { value, n: Infinity, until });
  }

  /** Tells the server all that is not answered: a wish that follows another closely replaces it. */
  tell() {
    const data = { n: ++this.told };
    for (const [field, { value }] of this.held) {
      if (field === "options") Object.assign(data, value);
      else data[NAMES[field] ?? field] = value;
    }
    set("wish", { data });
  }

  /** Tells what was noted since the last telling. */
  tellNew() {
    if ([...this.held.values()].some(({ n }) => n > this.told && n < Infinity)) this.tell();
  }

  /** Tells it again where it may have been lost: with the server, or behind the choice of a control. */
  insist() {
    if ([...this.held.values()].some(({ n }) => n <= this.told)) this.tell();
  }

  /** Waits until the address says all that is shown, for as long as a person would. */
  async answered() {
    const until = performance.now() + HELD_MS;
    while (this.held.size && performance.now() < until) await new Promise((next) => setTimeout(next, 20));
  }

  /** A view as the server says it, with what is wished beyond it. */
  over({ heard, ...view }) {
    const now = performance.now(), shown = { ...view };
    for (const [field, { value, n, until }] of this.held) {
      // What was heard and is not granted was refused.
      if (same(field, view[field], value) || n <= (heard ?? 0) || now > until) this.held.delete(field);
      else shown[field] = field === "options" ? { ...view.options, ...value } : value;
    }
    return shown;
  }
}

function same(field, said, value) {
  if (field === "options") return Object.entries(value).every(([name, one]) => String(said[name]) === String(one));
  return JSON.stringify(said) === JSON.stringify(value);
}
