// When the stacks of a page are drawn, and what else is written then: a frame costs the browser more than what is in it.
import { giveAxes } from "./dash.js";

const SECOND_MS = 1000;
const TOGETHER_MS = 24; // a frame waits so long for the rows of the other markets
const ERRAND_MS = 300, AFTER_MS = 250;

export class Drawing {
  /** @param {{stacks: Map, view: object, frozen: boolean}} page */
  constructor(page) {
    this.page = page;
    this.due = new Set(); // stacks
    this.frame = 0;
    this.holding = 0; // the timer of a frame that waits for more rows
    this.errands = new Map(); // what is written with the next frame, by name
    this.after = new Map(); // what is done when all that was asked for is drawn, by name
    this.afterTimer = 0;
  }

  /** Draws a stack with the next frame. */
  add(stack) {
    this.due.add(stack);
    this.ask();
  }

  /** A stack goes. */
  drop(stack) {
    this.due.delete(stack);
  }

  /** Draws a stack that has a new row: with those of the other markets, for a frame costs about the same for all. */
  fed(stack, at) {
    this.due.add(stack);
    const period = SECOND_MS / this.page.view.rate_hz;
    const awaited = [...this.page.stacks.values()].some((one) => !this.due.has(one) && at - one.received > period / 2 && at - one.received < 3 * period);
    if (!awaited) this.ask();
    else if (!this.frame) this.holding ||= setTimeout(() => this.ask(), TOGETHER_MS);
  }

  /** Asks for a frame; what else is to be written is written before, for the grid takes a task more to do it. */
  ask() {
    clearTimeout(this.holding);
    this.holding = 0;
    if (this.frame || document.hidden) return;
    if (this.errands.size) {
      try {
        for (const name of this.errands.keys()) this.run(name);
      } finally {
        this.holding = setTimeout(() => this.ask());
      }
      return;
    }
    this.frame = requestAnimationFrame(() => this.paint());
  }

  /** Does what is in no hurry with the next frame, which costs more than it; alone when none comes soon. */
  along(name, work) {
    this.errands.set(name, work);
    setTimeout(() => this.errands.get(name) === work && this.run(name), ERRAND_MS);
  }

  run(name) {
    const work = this.errands.get(name);
    this.errands.delete(name);
    work();
  }

  /** Does what takes the page longer than to draw what was asked for, after it; soon in any case. */
  afterwards(name, work) {
    this.after.set(name, work);
    this.afterTimer ||= setTimeout(() => this.settle(), AFTER_MS);
  }

  settle() {
    this.afterTimer = 0;
    const works = [...this.after.values()];
    this.after.clear();
    for (const work of works) work();
  }

  paint() {
    this.frame = 0;
    const at = performance.now(), due = [...this.due];
    this.due.clear();
    // A canvas that is painted after words were written waits for a layout: the words of all come last.
    const painted = due.filter((stack) => stack.tries(() => stack.paint(at, this.page.frozen)));
    for (const stack of painted) {
      stack.tries(() => {
        stack.tell(at);
        if (stack.firstAt && stack.tab === "flow") giveAxes(stack.element);
      });
    }
    if (this.afterTimer && ![...this.page.stacks.values()].some((stack) => stack.awaiting)) {
      clearTimeout(this.afterTimer);
      this.afterTimer = setTimeout(() => this.settle());
    }
  }
}
