// Coverage of the range in view: a thin bar with its gaps cut out and hatched.
import { begin, hatch } from "./canvas.js";
import { alpha, theme } from "./theme.js";

const WIDTH = 160, HEIGHT = 10; // as stack.css gives it

export function drawCover(canvas, view) {
  if (!canvas?.offsetParent) return;
  const x = begin(canvas, WIDTH, HEIGHT);
  x.fillStyle = alpha(theme.live, 0.75);
  x.beginPath();
  const X = (t) => ((t - view.start) / (view.end - view.start)) * WIDTH;
  const first = Math.max(0, Math.min(WIDTH, X(view.begins ?? view.end)));
  x.roundRect(first, 2, WIDTH - first, 6, 2);
  x.fill();
  for (const { from, to } of view.gapSpans("best")) {
    const left = Math.max(0, X(from)), right = Math.min(WIDTH, X(to));
    if (right <= 0 || left >= WIDTH) continue;
    x.clearRect(left - 1, 0, Math.max(4, right - left) + 2, HEIGHT);
    hatch(x, left, 1, Math.max(4, right - left), 8);
  }
}
