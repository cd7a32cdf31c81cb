// The plotly figure over the canvases: ticks, grid, zoom and pan. Ranges belong to the stack; plotly
// is told when they change, and tells back what the user does.
import { Glide } from "./glide.js";
import { theme } from "./theme.js";

const TIME = ["xaxis", "xaxis5"];
const VALUE = { book: "yaxis", ofi: "yaxis2", levels: "yaxis3", flow: "yaxis4" };
const CROSS = { book: "xaxis2", ofi: "xaxis3", levels: "xaxis4", flow: "xaxis6" };
const GESTURE_MS = 400;
const SLIVER = 1 / 2000;

export class Axes {
  /**
   * @param {HTMLElement} stack the element of the market; Dash puts the graph into it later, and anew
   * @param {(axis: "time" | "price", range: number[], done: boolean) => void} moved
   */
  constructor(stack, moved, reset) {
    this.stack = stack;
    this.moved = moved;
    this.reset = reset;
    this.figure = null;
    this.told = {};
    this.gesture = 0;
    this.drawing = false;
    this.failed = ""; // why it could not be drawn last
    this.settled = false; // the figure has the ranges of this stack
    this.glide = null; // of the figure
  }

  /** Finds the figure once plotly has drawn it; Dash loads plotly after the page. */
  ready() {
    if (this.figure && this.stack.contains(this.figure)) return true;
    const figure = this.stack.querySelector(".axes .js-plotly-plot");
    if (!figure?._fullLayout || !figure.on || !window.Plotly) return false;
    this.figure = figure;
    this.told = {};
    this.settled = false;
    this.glide = new Glide(figure);
    // Dash would render anew with every tick of the axis, to mirror ranges that nobody there reads.
    // A figure that lay over another market still tells that one.
    quiet(figure);
    figure.on("plotly_relayouting", (event) => this.hear(event, false));
    figure.on("plotly_relayout", (event) => this.hear(event, true));
    figure.on("plotly_doubleclick", () => this.reset());
    return true;
  }

  /** Lets the figure go, which outlives the market. */
  close() {
    quiet(this.figure);
    this.figure = this.glide = null;
  }

  hear(event, done) {
    // A hand that is quicker than the first ranges moved those that the figure was made with.
    if (!this.settled) return void (this.told = {});
    if (!done && !this.gesture) this.glide.rest();
    this.gesture = done ? 0 : performance.now();
    const range = (key) => {
      const low = event[`${key}.range[0]`], high = event[`${key}.range[1]`];
      return low === undefined || high === undefined ? null : [Number(low), Number(high)];
    };
    const time = range("xaxis") ?? range("xaxis5"), price = range("yaxis");
    // Plotly has moved by itself: what it was told last no longer holds.
    if (time) for (const name of TIME) this.told[`${name}.range`] = undefined;
    if (price) this.told["yaxis.range"] = undefined;
    if (time) this.moved("time", time, done);
    if (price) this.moved("price", price, done);
  }

  /** Whether the user is zooming or panning right now: plotly must be left alone. */
  get busy() {
    return this.gesture > 0 && performance.now() - this.gesture < GESTURE_MS;
  }

  /** Whether plotly is there and can be told. */
  get free() {
    return !this.drawing && !this.busy && this.ready();
  }

  /** Tells plotly what changed since the last time; nothing when nothing did. `then` is called when it has drawn. */
  tell(wanted, then) {
    if (!this.free) return;
    const change = {};
    let changed = false;
    for (const [key, value] of Object.entries(wanted)) {
      const text = JSON.stringify(value);
      if (this.told[key] === text) continue;
      this.told[key] = text;
      change[key] = value;
      changed = true;
    }
    if (!changed) return then();
    this.drawing = true;
    this.glide.rest();
    const { figure } = this;
    const done = () => {
      this.drawing = false;
      this.settled = figure === this.figure;
      if (this.settled) then();
    };
    new Promise((drawn) => drawn(window.Plotly.relayout(figure, change))).then(done).catch((error) => this.fail(figure, error));
  }

  /** Plotly could not draw: nothing is known of what it shows, and it is told all with the next drawing. */
  fail(figure, error) {
    this.drawing = this.settled = false;
    this.told = {};
    if (figure !== this.figure) return; // it was let go meanwhile
    if (this.failed !== error.message) reportError(error);
    this.failed = error.message;
  }
}

function quiet(figure) {
  for (const name of ["plotly_relayout", "plotly_relayouting", "plotly_doubleclick"]) figure?.removeAllListeners?.(name);
}

/** Layout keys for positions: one domain per row, from measured pixels. */
export function layoutFor(geometry) {
  const { width, height, rows } = geometry;
  const wanted = { width, height };
  const across = (v) => Math.max(0, Math.min(1, v / width));
  const upward = (v) => Math.max(0, Math.min(1, 1 - v / height));
  for (const [kind, row] of Object.entries(rows)) {
    // Plotly takes an empty domain for the whole height: a row that is not shown keeps a sliver.
    const low = Math.min(1 - SLIVER, upward(row.top + row.height));
    wanted[`${VALUE[kind]}.domain`] = [low, row.height > 0 ? upward(row.top) : low + SLIVER];
    wanted[`${VALUE[kind]}.visible`] = row.height > 0;
    const shown = row.crossWidth > 0;
    wanted[`${CROSS[kind]}.visible`] = shown;
    if (shown) wanted[`${CROSS[kind]}.domain`] = [across(row.crossLeft), across(row.crossLeft + row.crossWidth)];
  }
  const plot = rows.book;
  // A time axis hangs below the first row that is shown and one below the last; one alone has one.
  const shown = Object.entries(rows).filter(([, row]) => row.height > 0).sort(([, a], [, b]) => a.top - b.top);
  if (shown.length) {
    const [first, last] = [shown[0][0], shown.at(-1)[0]];
    wanted["xaxis.anchor"] = axisId(VALUE[first]);
    wanted["xaxis5.anchor"] = axisId(VALUE[last]);
    wanted["xaxis.showticklabels"] = wanted["xaxis.showgrid"] = first !== last;
  }
  for (const name of TIME) wanted[`${name}.domain`] = [across(plot.left), across(plot.left + plot.width)];
  // The cross-section of the flow row has no axis of its own.
  wanted[`${CROSS.flow}.visible`] = false;
  wanted.dragmode = matchMedia("(pointer: coarse)").matches ? false : "pan";
  return wanted;
}

const axisId = (name) => name.replace("axis", "");

/** Layout keys for colours. */
export function coloursFor() {
  const wanted = {};
  for (const name of TIME) {
    wanted[`${name}.gridcolor`] = theme.grid;
    wanted[`${name}.tickcolor`] = theme.axis;
  }
  for (const name of [...TIME, ...Object.values(VALUE), ...Object.values(CROSS)]) wanted[`${name}.tickfont.color`] = theme.text3;
  for (const name of Object.values(VALUE)) {
    wanted[`${name}.ticks`] = "outside";
    wanted[`${name}.ticklen`] = 4;
  }
  for (const name of [...Object.values(VALUE), ...Object.values(CROSS)]) wanted[`${name}.tickcolor`] = theme.axis;
  return wanted;
}

/** Layout keys for the ranges and ticks of one axis. */
export function ticksFor(name, range, values, words) {
  return { [`${name}.range`]: range, [`${name}.tickvals`]: values, [`${name}.ticktext`]: words };
}

export const AXIS = { time: TIME, value: VALUE, cross: CROSS };
