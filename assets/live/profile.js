// The book now, on the price axis of the heatmap: size per price row, and its running sum from mid.
import { begin, crisp, haloText, line } from "./canvas.js";
import { rowsInView } from "./depth_axis.js";
import { size as sizeText } from "./format.js";
import { alpha, theme } from "./theme.js";

const LABELS = 4; // walls that carry their size

/** Draws it into the cross-section of `view`; `depth` is its axis (depth_axis.js), null where there is nothing to show. */
export function drawProfile(canvas, model, view, depth) {
  const { crossWidth: width, height, Y } = view, { profile: p } = model;
  const x = begin(canvas, width, height);
  line(x, 0.5, 0, 0.5, height, theme.axis);
  line(x, 0, crisp(height) - 1, width, crisp(height) - 1, theme.axis);
  if (!depth || !p) return;
  const { group, tick } = model.info, { most, plot } = depth, { first, end, largest, sum } = rowsInView(model, view);
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
  drawSums(x, p, first, end, edge, sum, plot);
  drawLabels(x, walls, most, plot, height);
}

function drawSums(x, p, first, end, edge, sum, plot) {
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

function drawLabels(x, walls, most, plot, height) {
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
