// The axes between two drawings of plotly, each of which takes milliseconds: what belongs to the time axis moves with
// the charts, and labels give way to the chips and at the ends of time.

const GRID = ".gridlayer > .x, .gridlayer > .x5", TICKS = ".xtick, .x5tick";
const LEFT_PX = 20, RIGHT_PX = 26; // half a label; on the right the zone stands in the corner
const CHIP_PX = 14;

export class Glide {
  constructor() {
    this.shift = 0;
    this.moving = null; // elements that move with time; looked up when needed
  }

  /** Puts all back where plotly has drawn it, and looks its elements up anew: it is about to draw. */
  rest() {
    this.move(0);
    this.moving = null;
  }

  /**
   * @param {HTMLElement} figure as plotly has drawn it
   * @param {number} shift pixels that time has moved on since
   * @param {{left: number, width: number}} plot where time is drawn
   * @param {Object<string, number>} chips by the class of a tick, the height of the chip on its axis; NaN for none
   */
  place(figure, shift, { left, width }, chips) {
    this.moving ??= [...figure.querySelectorAll(GRID), ...new Set([...figure.querySelectorAll(TICKS)].map((tick) => tick.parentNode))];
    this.move(shift);
    for (const label of figure.querySelectorAll(".xtick text, .x5tick text")) {
      const at = placeOf(label).x - shift - left;
      hide(label, at < LEFT_PX || at > width - RIGHT_PX);
    }
    for (const [tick, height] of Object.entries(chips)) {
      for (const label of figure.querySelectorAll(`.${tick} text`)) hide(label, Math.abs(placeOf(label).y - height) <= CHIP_PX);
    }
  }

  move(shift) {
    if (shift === this.shift) return;
    this.shift = shift;
    for (const one of this.moving ?? []) one.setAttribute("transform", `translate(${-shift},0)`);
  }
}

/** Where plotly has put a label: in an attribute, which is read without a layout. */
function placeOf(label) {
  const [x, y] = label.getAttribute("transform")?.match(/-?[\d.]+(e-?\d+)?/g) ?? [];
  return { x: Number(x), y: Number(y) };
}

function hide(label, hidden) {
  if (label.ofiHidden === hidden) return; // plotly uses elements again
  label.ofiHidden = hidden;
  label.style.visibility = hidden ? "hidden" : "";
}
