// Time on the chart of VPIN, the one of its tab that has an axis of it: it follows the zoom of all charts, and
// drag, wheel and fingers on it move that zoom within the look-back.
import { joined } from "./geometry.js";
import { gestures, scrolls } from "./timerows.js";
import { touches } from "./touch.js";

const LEAST_MS = 10_000; // in view

const wholeOf = ({ end_ms: end, lookback_s: back }) => [end - back * 1000, end];

/** What of the look-back is looked at: the zoom where the two meet, else all of it. */
export function timeShown(values, zoom) {
  const [start, end] = wholeOf(values);
  return zoom && zoom[0] < end && zoom[1] > start ? zoom : [start, end];
}

/** Where trades are not known: in the look-back, by the answer, and since then, by the frames; each stretch once. */
export function unknown({ ev_gap_from: from = [], ev_gap_to: to = [] }, spans) {
  return joined([...Array.from(from, (at, k) => ({ from: at, to: to[k] })), ...spans]);
}

/**
 * What a gesture makes of the range that is shown, within all that there is: another one, null where it is zoomed out to
 * all, undefined where nothing comes of it.
 */
export function next(shown, [start, end], [first, last]) {
  const was = shown[1] - shown[0], wanted = end - start, all = last - first, panned = Math.abs(wanted - was) < 1;
  if (panned ? was >= all : wanted < LEAST_MS && was <= LEAST_MS) return undefined;
  if (wanted >= all && !panned) return was < all ? null : undefined;
  const span = panned ? was : Math.max(LEAST_MS, wanted), from = (start + end - span) / 2;
  const begins = Math.max(first, Math.min(last - span, from));
  return [begins, begins + span];
}

export class EvidenceTime {
  /** @param {import("./evidence.js").EvidencePane} pane @param {HTMLElement} body that holds the chart */
  constructor(pane, body) {
    this.pane = pane;
    this.plot = { left: 0, width: 1 }; // in pixels of the chart, as it was drawn
    const active = () => !!pane.points.vpin, range = () => this.range, moved = (to, done) => this.moved(to, done);
    gestures(body, {
      active, range, moved, left: () => this.plot.left, width: () => this.plot.width, point: () => {},
      scrolls: () => scrolls(pane.stack.element), reset: () => pane.stack.resetZoom(),
    });
    touches(body, {
      active, range, moved,
      plot: () => ({ left: body.getBoundingClientRect().left + this.plot.left, width: this.plot.width }),
    });
  }

  get range() {
    const { values, stack } = this.pane;
    return values ? timeShown(values, stack.ranges.user.time) : [0, 1];
  }

  moved(range, done) {
    const { values, stack, points } = this.pane;
    const to = points.vpin ? next(this.range, range, wholeOf(values)) : undefined;
    if (to !== undefined) stack.moved("time", to, done);
  }
}
