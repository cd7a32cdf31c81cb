// When the stacks of a page are drawn, and what else is done before or after: a frame of the browser costs more than what
// is drawn in it, so that as much as possible shares one.

// A frame waits so long for the rows of the other markets; longer where a silent one comes with the server's next look.
const TOGETHER_MS = 24, SILENT_MS = 40, SILENT_HZ = 5;
const ERRAND_MS = 600, AFTER_MS = 250;

/**
 * Of what is read rather than watched: it is written with the first drawing of each second, that of all markets in one
 * frame, for new words around the charts have the page laid out anew.
 */
export const secondOf = (at) => Math.floor(at / 1000);

export class Drawing {
  /** @param {{stacks: Map, frozen: boolean, view: {rate_hz: number} | null, easel: import("./easel.js").Easel}} page */
  constructor(page) {
    this.page = page;
    this.due = new Set(); // stacks
    this.frame = 0;
    this.holding = 0; // the timer of a frame that is not asked for yet
    this.errands = new Map(); // by name
    this.after = new Map(); // by name
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

  /** Draws a stack that has a new row: with those whose rows came with its last one, if they come soon. */
  fed(stack) {
    this.due.add(stack);
    const together = this.page.view?.rate_hz <= SILENT_HZ ? SILENT_MS : TOGETHER_MS;
    const awaited = [...this.page.stacks.values()].some((one) => !this.due.has(one) && Math.abs(one.received - stack.before) <= together);
    if (!awaited) this.ask();
    else if (!this.frame) this.holding ||= setTimeout(() => this.ask(), together);
  }

  ask() {
    clearTimeout(this.holding);
    this.holding = 0;
    if (this.frame || document.hidden) return;
    this.frame = requestAnimationFrame(() => this.paint());
  }

  /** An errand: what writes something elsewhere, in no hurry, goes into the next frame; alone when none comes soon. */
  along(name, work) {
    this.errands.set(name, work);
    setTimeout(() => this.errands.get(name) === work && this.run(name), ERRAND_MS);
  }

  run(name) {
    const work = this.errands.get(name);
    this.errands.delete(name);
    attempt(work);
  }

  /** The cells of the watch list, too, which React would write later, for a frame of their own. */
  runAll() {
    if (!this.errands.size) return;
    const flush = window.ReactDOM?.flushSync ?? ((work) => work());
    flush(() => [...this.errands.keys()].forEach((name) => this.run(name)));
  }

  /** What takes the page longer than to draw what was asked for is done after that; soon in any case. */
  afterwards(name, work) {
    this.after.set(name, work);
    this.afterTimer ||= setTimeout(() => this.settle(), AFTER_MS);
  }

  /** Does now what waits for a drawing. */
  settle() {
    clearTimeout(this.afterTimer);
    this.afterTimer = 0;
    const works = [...this.after.values()];
    this.after.clear();
    works.forEach(attempt);
  }

  paint() {
    this.frame = 0;
    const at = performance.now(), due = [...this.due];
    this.due.clear();
    // A canvas that is painted after words were written waits for a layout: the words of all come last.
    const painted = due.filter((stack) => stack.tries(() => stack.paint(at, this.page.frozen)));
    attempt(() => this.page.easel.flush());
    this.runAll();
    for (const stack of painted) if (!stack.failing) stack.tries(() => stack.tell(at));
    if (!this.afterTimer || [...this.page.stacks.values()].some((stack) => stack.awaiting)) return;
    clearTimeout(this.afterTimer);
    this.afterTimer = setTimeout(() => this.settle());
  }
}

/** What fails is told on the console, and holds up nothing else. */
function attempt(work) {
  try {
    work();
  } catch (error) {
    reportError(error);
  }
}
