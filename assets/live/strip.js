// How much of a plot over time is painted anew: all of it, or only its newest pixels. What painting costs are strokes
// through thousands of rows, and from one update to the next nearly all of them stay.

import { widthOf } from "./geometry.js";

export const REACH_PX = 20; // how far a mark reaches from its time: a bubble with its halo
export const WIDE_STEP_PX = 2; // rows so far apart are few
const WHOLE_MS = 10000; // all is painted anew so often, whatever was missed

/** All of a plot; a part is what lies right of `left`, after what is there has moved by `shift` device pixels. */
export const WHOLE = { left: 0, shift: 0, since: -Infinity };

export class Strip {
  constructor() {
    this.key = null;
  }

  /**
   * What is to be painted: all, a part with the time `since` which rows matter to it, or null for nothing.
   * @param {{key: string, changed: number, now: number}} due `key` is what every pixel depends on, beside time and rows;
   *   `changed` the earliest time whose rows have changed since the last plan, Infinity for none
   */
  plan({ key, changed, now }, view) {
    const { X, start, end, step, width } = view;
    const ratio = devicePixelRatio || 1, full = `${key}/${width}/${Math.round(end - start)}/${ratio}`;
    const moved = (this.origin - X(0)) * ratio, shift = Math.round(moved);
    const same = full === this.key && Math.abs(moved - shift) < 0.01 && now - this.wholeAt < WHOLE_MS;
    this.key = full;
    this.origin = X(0);
    if (same && shift === 0 && changed === Infinity) return null;
    // A row's mark begins at the row before it.
    const first = Math.min(X(changed - 2 * step), width - shift / ratio) - REACH_PX, left = Math.floor(first * ratio) / ratio;
    if (!same || widthOf(view, step) > WIDE_STEP_PX || shift < 0 || left < width / 2) {
      this.wholeAt = now;
      return WHOLE;
    }
    return { left, shift, since: start + ((left - REACH_PX) / width) * (end - start) };
  }
}
