// Trades on a plot of prices: the largest of what is in view, as discs by size and side.
import { REACH_PX } from "./strip.js";
import { alpha, theme } from "./theme.js";

const MOST = 64, LARGEST_PX = 14, NARROW_PX = 500;
const CHOICE_MS = 10000; // of the time axis

export class Discs {
  constructor() {
    this.key = "";
    this.found = [];
    this.choice = { frame: "", at: NaN, least: NaN }; // what it was made for, at which end of the axis; the least size that is shown
    this.seen = new Map(); // name → time, of those found when last asked whether they have settled
    this.changes = 0;
  }

  /**
   * Chooses those of the range in view: the largest, and for a while whatever is as large as the least of them. Chosen
   * anew with every trade the small ones would come and go.
   */
  find({ epoch, trades }, { start, end, width }) {
    const key = `${epoch}/${trades.version}/${Math.round(start)}/${Math.round(end)}`;
    if (this.key === key) return;
    this.key = key;
    const span = end - start, leaving = (LARGEST_PX / width) * span; // half of such a disc is in view still
    const most = Math.min(MOST, Math.max(12, Math.round(width / 13))), found = trades.largest(start - leaving, end, 2 * most);
    const frame = `${epoch}/${most}/${Math.round(span)}`;
    if (frame !== this.choice.frame || !(Math.abs(end - this.choice.at) < CHOICE_MS)) {
      this.choice = { frame, at: end, least: found[most - 1]?.size ?? 0 };
    }
    this.found = found.filter(({ size }) => size >= this.choice.least);
  }

  /**
   * What tells whether those that stand still are the same: the largest is the measure of all, and a disc may give way to
   * larger ones. Those that time brings in on the right, or takes out on the left, change nothing of the others.
   */
  settled({ X, width }) {
    const now = new Map(this.found.map(({ name, time }) => [name, time]));
    const came = [...now].some(([name, time]) => !this.seen.has(name) && X(time) < width - REACH_PX);
    const went = [...this.seen].some(([name, time]) => !now.has(name) && X(time) > -LARGEST_PX);
    if (came || went) this.changes++;
    this.seen = now;
    return `${this.found[0]?.size}/${this.changes}`;
  }

  /** Draws those that reach beyond `from`, px. */
  draw(x, { X, Y, width }, from = 0) {
    const largest = this.found[0]?.size, most = width < NARROW_PX ? LARGEST_PX - 3 : LARGEST_PX;
    for (const one of this.found) {
      const radius = Math.max(2.2, Math.sqrt(one.size / largest) * most);
      const left = X(one.time), top = Y(one.price);
      if (left + radius + 2 < from) continue;
      disc(x, left, top, radius + 1);
      x.strokeStyle = theme.halo;
      x.lineWidth = 1.5;
      x.stroke();
      disc(x, left, top, one.bought ? radius : radius - 0.8);
      x.fillStyle = alpha(theme[one.bought ? "buy-fill" : "sell-fill"], one.bought ? 0.82 : 0.3);
      x.fill();
      x.strokeStyle = theme[one.bought ? "buy" : "sell"];
      x.lineWidth = one.bought ? 1 : 1.8;
      x.stroke();
    }
  }
}

function disc(x, left, top, radius) {
  x.beginPath();
  x.arc(left, top, radius, 0, 6.2832);
}
