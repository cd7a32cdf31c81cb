// The crosshair of a pane: under a pointer that rests it stays while time moves on; one of the keyboard stays at its time.

const TOLD_MS = 250; // how often what lies under it is told anew while it rests

export class Crosshair {
  /**
   * @param {import("./stack.js").Stack} stack
   * @param {{locate: (left: number, top: number) => object | null, leftOf: (time: number) => number, plot: () => {left: number, width: number}}} pane
   */
  constructor(stack, pane) {
    this.stack = stack;
    this.pane = pane;
    this.cursor = null; // with the place of its card, unless it belongs to another market
    this.moved = false; // since it was told
    this.toldAt = -Infinity;
  }

  /** Looks anew what lies under it, before it is painted. */
  follow() {
    const { cursor, pane } = this;
    if (cursor?.left === undefined) return;
    this.cursor = cursor.keyed ? { ...cursor, left: pane.leftOf(cursor.time) } : pane.locate(cursor.left, cursor.top);
    this.moved = true;
  }

  /** Tells the card and the other markets where it is by now; what is being drawn anyway shows it. */
  tell(at) {
    if (!this.moved || at - this.toldAt < TOLD_MS) return;
    this.moved = false;
    this.toldAt = at;
    this.stack.page.cursor(this.stack, this.cursor, false);
  }

  /** Whether it has a card: one of the keyboard has left the plot with its line. */
  get carded() {
    const { cursor } = this;
    if (cursor?.left === undefined) return false;
    const { left, width } = this.pane.plot();
    // The axis is less than a pixel ahead of its end (flow.js).
    return !cursor.keyed || (cursor.left > left - 1 && cursor.left < left + width + 1);
  }
}
