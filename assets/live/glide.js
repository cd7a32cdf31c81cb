// The axes between two drawings of plotly, each of which takes milliseconds: what belongs to the time axis moves with
// the charts, and labels give way to the chips, and lines and labels at the ends of time.

const GRID = ".gridlayer > .x, .gridlayer > .x5", TICKS = ".xtick, .x5tick", TIMES = ".xtick text, .x5tick text";
const LINES = "path.xgrid, path.x5grid, path.xtick, path.x5tick";
const LEFT_PX = 20, RIGHT_PX = 26; // half a label; on the right the zone stands in the corner
const CHIP_PX = 14;

export class Glide {
  /** @param {HTMLElement} figure as plotly draws it */
  constructor(figure) {
    this.figure = figure;
    this.shift = 0;
    this.parts = null; // elements of the figure and where plotly has put them; looked up when needed
  }

  /** Puts all back where plotly draws it, whoever had the figure before, and looks its elements up anew. */
  rest() {
    for (const one of movingIn(this.figure)) one.removeAttribute("transform");
    this.shift = 0;
    this.parts = null;
  }

  /**
   * @param {number} shift pixels that time has moved on since
   * @param {{left: number, width: number}} plot where time is drawn
   * @param {Object<string, number>} chips by the class of a tick, the height of the chip on its axis; NaN for none
   */
  place(shift, { left, width }, chips) {
    const { figure } = this;
    this.parts ??= {
      moving: movingIn(figure),
      lines: placesIn(figure, LINES),
      times: placesIn(figure, TIMES),
      beside: Object.fromEntries(Object.keys(chips).map((tick) => [tick, placesIn(figure, `.${tick} text`)])),
    };
    const { moving, lines, times, beside } = this.parts;
    if (shift !== this.shift) for (const one of moving) one.setAttribute("transform", `translate(${-shift},0)`);
    this.shift = shift;
    for (const { mark, x } of lines) hide(mark, x - shift < left);
    for (const { mark, x } of times) {
      const at = x - shift - left;
      hide(mark, at < LEFT_PX || at > width - RIGHT_PX);
    }
    for (const [tick, height] of Object.entries(chips)) {
      for (const { mark, y } of beside[tick]) hide(mark, Math.abs(y - height) <= CHIP_PX);
    }
  }
}

function movingIn(figure) {
  return [...figure.querySelectorAll(GRID), ...new Set([...figure.querySelectorAll(TICKS)].map((tick) => tick.parentNode))];
}

/** Labels or lines with where plotly has put them: in an attribute, which is read without a layout. */
function placesIn(figure, selector) {
  return [...figure.querySelectorAll(selector)].map((mark) => {
    const [x, y] = (mark.getAttribute("transform")?.match(/-?[\d.]+(e-?\d+)?/g) ?? []).map(Number);
    return { mark, x, y };
  });
}

function hide(mark, hidden) {
  if (mark.ofiHidden === hidden) return; // plotly uses elements again
  mark.ofiHidden = hidden;
  mark.style.visibility = hidden ? "hidden" : "";
}
