// The book now, on the price axis of the heatmap: size per price row, and its running sum from mid.
import { begin, crisp, haloText, line } from "./canvas.js";
import { size as sizeText } from "./format.js";
import { alpha, theme } from "./theme.js";

const LABELS = 4; // walls that carry their size

export class Profile {
  constructor() {
    this.most = 0; // right end of the size axis, kept steady
    this.shrunk = 0;
  }

  /** Right end of the axis for the rows in view: grows at once, shrinks after 30 s. */
  reach(largest, now) {
    if (largest > this.most || now - this.shrunk > 30000) {
      this.most = largest * 1.05;
      this.shrunk = now;
    }
    if (largest > this.most * 0.6) this.shrunk = now;
    return this.most;
  }

  draw(canvas, model, view, now) {
    const { crossWidth: width, height, Y, low, high } = view;
    const x = begin(canvas, width, height);
    line(x, 0.5, 0, 0.5, height, theme.axis);
    line(x, 0, crisp(height) - 1, width, crisp(height) - 1, theme.axis);
    const p = model.profile;
    if (!p || !view.showsNow) return null;
    const { group, tick } = model.info, rows = p.bid.length;
    const first = Math.max(0, Math.floor(low / tick / group) - p.base - 1);
    const end = Math.min(rows, Math.ceil(high / tick / group) - p.base + 1);
    let largest = 0, sum = 0;
    for (let r = first; r < end; r++) {
      largest = Math.max(largest, p.bid[r] || 0, p.ask[r] || 0);
      sum = Math.max(sum, p.cumBid[r] || 0, p.cumAsk[r] || 0);
    }
    if (!(largest > 0)) return null;
    const most = this.reach(largest, now), plot = width - 44;
    const edge = (r) => Y(((p.base + r) * group - 0.5) * tick);
    const walls = [];
    for (const [sizes, fill] of [[p.bid, theme["buy-fill"]], [p.ask, theme["sell-fill"]]]) {
      for (let r = first; r < end; r++) {
        const v = sizes[r];
        if (!(v > 0)) continue;
        const top = edge(r + 1), bottom = edge(r), thin = bottom - top > 3 ? 0.8 : 0;
        x.fillStyle = alpha(fill, 0.55 + 0.4 * (v / largest));
        x.fillRect(1, top + thin / 2, Math.max(1, (v / most) * plot), Math.max(0.7, bottom - top - thin));
        walls.push([v, (top + bottom) / 2]);
      }
    }
    this.sums(x, p, first, end, edge, sum, plot);
    this.labels(x, walls, most, plot, height);
    return { most, plot };
  }

  sums(x, p, first, end, edge, sum, plot) {
    if (!(sum > 0)) return;
    for (const sums of [p.cumBid, p.cumAsk]) {
      let pen = false;
      x.beginPath();
      for (let r = first; r < end; r++) {
        const v = sums[r];
        if (!(v >= 0)) {
          pen = false;
          continue;
        }
        const left = 1 + (v / sum) * plot, top = (edge(r) + edge(r + 1)) / 2;
        if (pen) x.lineTo(left, top);
        else x.moveTo(left, top);
        pen = true;
      }
      x.strokeStyle = theme.text2;
      x.stroke(); // one pixel wide: any wider takes the browser twice as long
    }
  }

  labels(x, walls, most, plot, height) {
    const used = [];
    x.save();
    x.font = `500 11px ${theme.font}`; // once for all: it takes longer than to write
    walls.sort((a, b) => b[0] - a[0]);
    for (const [v, top] of walls) {
      if (used.length === LABELS) break;
      if (top < 8 || top > height - 8) continue;
      const words = sizeText(v);
      // A wall of several rows carries its size once.
      if (used.some((other) => Math.abs(other.top - top) < (other.words === words ? 48 : 16))) continue;
      used.push({ words, top });
      haloText(x, words, 1 + (v / most) * plot + 4, top, theme.text);
    }
    x.restore();
  }
}
