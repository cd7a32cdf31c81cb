// Fingers on charts: one pans through time, two zoom about what lies between them; upright the page scrolls.

export const HANDLES = "button, a, input, h3, .edge"; // what a pointer takes hold of by itself
const SLACK_PX = 8; // a finger that moves less is a tap
const LEAST_MS = 2000; // in view

/**
 * `on` hears `{active(), range: () => [start, end], plot: () => {left, width} in pixels of the window,
 * moved(range, done)}`. The holder has `touch-action: pan-y`: what the browser takes for scrolling ends here.
 */
export function touches(holder, on) {
  const fingers = new Map(); // pointer → x of the window
  let from = null; // where the present gesture began: {range, xs, moved}
  const begin = () => (from = fingers.size ? { range: on.range(), xs: [...fingers.values()], moved: fingers.size > 1 } : null);

  holder.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "touch" || !on.active() || event.target.closest(HANDLES)) return;
    if (fingers.size > 1) return;
    fingers.set(event.pointerId, event.clientX);
    begin();
  });
  holder.addEventListener("pointermove", (event) => {
    if (!fingers.has(event.pointerId) || !from) return;
    fingers.set(event.pointerId, event.clientX);
    const xs = [...fingers.values()];
    if (!from.moved && Math.abs(xs[0] - from.xs[0]) < SLACK_PX) return;
    from.moved = true;
    on.moved(rangeOf(from, xs, on.plot()), false);
  });
  const lift = (event) => {
    if (!fingers.has(event.pointerId)) return;
    if (from?.moved) on.moved(rangeOf(from, [...fingers.values()], on.plot()), true);
    fingers.delete(event.pointerId);
    begin(); // the other finger goes on from here
  };
  for (const kind of ["pointerup", "pointercancel"]) holder.addEventListener(kind, lift);
}

/** The range in which the times under the fingers are under them again. */
export function rangeOf({ range: [start, end], xs: before }, xs, { left, width }) {
  const at = (x) => start + ((x - left) / Math.max(1, width)) * (end - start);
  if (before.length < 2 || xs.length < 2) {
    const by = at(xs[0]) - at(before[0]);
    return [start - by, end - by];
  }
  const apart = Math.max(20, Math.abs(before[1] - before[0])), now = Math.max(20, Math.abs(xs[1] - xs[0]));
  const span = Math.max(LEAST_MS, (end - start) * (apart / now)), middle = (xs[0] + xs[1]) / 2;
  const first = at((before[0] + before[1]) / 2) - ((middle - left) / Math.max(1, width)) * span;
  return [first, first + span];
}
