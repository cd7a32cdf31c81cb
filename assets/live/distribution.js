// The distribution of rolling OFI on the OFI axis, the present value marked with its percentile.
import { begin, crisp, haloText, line } from "./canvas.js";
import { number, ordinal, signedSize } from "./format.js";
import { alpha, theme } from "./theme.js";

export function drawDistribution(canvas, model, view) {
  const { crossWidth: width, height, Y } = view;
  const x = begin(canvas, width, height);
  line(x, 0.5, 0, 0.5, height, theme.axis);
  const { distribution: d, hist: counts, value: now, percentile: rank } = model.standing;
  if (!d || !counts || !counts.length || !(d.hi > d.lo)) return;
  let largest = 0;
  for (const c of counts) if (c > largest) largest = c;
  const plot = width - 10, wide = (d.hi - d.lo) / counts.length;
  for (let k = 0; k < counts.length; k++) {
    if (!counts[k]) continue;
    const low = d.lo + k * wide, middle = low + wide / 2;
    const score = d.sd > 0 ? Math.abs((middle - d.mean) / d.sd) : 0;
    const top = Y(low + wide), bottom = Y(low);
    x.fillStyle = score >= 3 ? theme[middle > 0 ? "buy-fill" : "sell-fill"] : alpha(theme.quiet, score >= 2 ? 0.75 : 0.45);
    x.fillRect(1, top + 0.5, Math.max(1.5, (counts[k] / largest) * plot), Math.max(1, bottom - top - 1));
  }
  line(x, 0, crisp(Y(0)), width, crisp(Y(0)), theme.axis);
  if (now === null || now === undefined || !view.showsNow) return;
  const at = Math.max(1, Math.min(height - 1, Y(now)));
  x.fillStyle = theme.text;
  x.fillRect(0, at - 0.75, width, 1.5);
  const below = at < height / 2;
  if (rank !== null) haloText(x, `now: ${ordinal(rank)} pct`, width - 2, at + (below ? 10 : -9), theme.text, "right", "600 11px");
  if (height <= 70) return;
  const [near, far] = below ? [8, height - 8] : [height - 8, 8]; // the corners by where now is
  if (d.median !== null) haloText(x, `median ${signedSize(d.median)}`, width - 2, far, theme.text3, "right");
  // The scale of the bars, which have no axis: how many values are in the longest.
  if (Math.abs(at - near) > 12) haloText(x, `longest: ${number(largest)} values`, width - 2, near, theme.text3, "right");
}
