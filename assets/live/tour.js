// The guided tour: five steps on the live page, one sentence each; Escape ends it.
import { h, keep, kept } from "./dom.js";

const SEEN = "ofi.tour";
const STEPS = [
  [".read", "What is happening", "These two sentences say who is pushing the price now, buyers or sellers, and how far to trust that; everything below is their evidence."],
  [".row-book", "The book", "Time runs to the right, price upward: bright bands are large orders that wait, the line is the price, discs are trades, bought filled and sold as rings."],
  [".row-ofi", "Order flow imbalance", "Orders joining on the buying side count up, on the selling side down: bars above zero mean that buyers press, beyond 2σ is unusual for this market."],
  [".row-levels", "Best price or deeper?", "The same pressure for each price level of the book, best level on top: blue and up in its line adds buying, orange and down selling, so you see whether all levels agree."],
  [".tile-explained, .read [data-f=trust-text]", "Does it work here?", "This is how much of the price's own moves the imbalance explained lately; it describes them, and promises nothing about the next one."],
];
const GAP = 10;
const LOOK_MS = 250, PAUSE_MS = 1500; // how often it looks for a drawing, and how long that stands before it begins

export class Tour {
  constructor() {
    this.at = -1;
    this.asked = false;
    addEventListener("resize", () => this.moved());
    addEventListener("scroll", () => this.moved(), { capture: true, passive: true }); // of whatever holds the charts
  }

  /** On a first visit, once there is something to see: `ready()` says whether there is. */
  first(ready) {
    if (this.asked) return;
    this.asked = true;
    if (!kept(SEEN)) this.wait(ready);
  }

  wait(ready) {
    if (this.at >= 0 || kept(SEEN)) return; // called for meanwhile
    const free = () => ready() && !document.querySelector("dialog[open]"); // a dialog lies over all, and takes its keys
    if (!free()) return void setTimeout(() => this.wait(ready), LOOK_MS);
    setTimeout(() => (free() ? this.at < 0 && this.start() : this.wait(ready)), PAUSE_MS);
  }

  /** What the tour speaks of may stand elsewhere now; where it is out of view for good, as in another tab, the tour ends. */
  moved() {
    if (this.at >= 0) this.place();
  }

  start() {
    this.end();
    this.steps = STEPS.filter(([selector]) => find(selector));
    if (!this.steps.length) return;
    this.back = document.activeElement;
    this.ring = h("div", { class: "tour-ring", "aria-hidden": "true" });
    this.title = h("h2", { id: "tour-title" });
    this.text = h("p", { id: "tour-text" });
    this.count = h("span", { class: "mut" });
    this.next = h("button", { type: "button", class: "btn solid", onclick: () => this.go(this.at + 1) });
    this.card = h("div", { class: "tour", role: "dialog", "aria-labelledby": "tour-title", "aria-describedby": "tour-text" },
      this.title, this.text,
      h("div", { class: "row" }, this.count, h("span", { class: "grow" }),
        h("button", { type: "button", class: "btn ghost", title: "End the tour (Esc)", onclick: () => this.end() }, "End"), this.next));
    document.body.append(this.ring, this.card);
    this.go(0);
  }

  go(at) {
    const { steps } = this, target = steps[at] && find(steps[at][0]);
    if (!steps[at]) return this.end();
    if (!target) return this.go(at + 1);
    this.at = at;
    const [, title, text] = steps[at];
    this.title.textContent = title;
    this.text.textContent = text;
    this.count.textContent = `${at + 1} of ${steps.length}`;
    this.next.textContent = at + 1 < steps.length ? "Next" : "Done";
    target.scrollIntoView({ block: "center" });
    this.place();
    this.next.focus();
  }

  /** The card stands below what it speaks of, above it where there is no room, else inside. */
  place() {
    const target = find(this.steps[this.at][0]);
    if (!target) return this.end();
    const box = target.getBoundingClientRect(), { offsetWidth: width, offsetHeight: height } = this.card;
    Object.assign(this.ring.style, { left: `${box.left - 4}px`, top: `${box.top - 4}px`, width: `${box.width + 8}px`, height: `${box.height + 8}px` });
    const below = box.bottom + GAP, above = box.top - GAP - height;
    const top = below + height < innerHeight - 8 ? below : above > 8 ? above : Math.max(8, Math.min(innerHeight - height - 8, box.top + 40));
    this.card.style.left = `${Math.max(8, Math.min(innerWidth - width - 8, box.left + 12))}px`;
    this.card.style.top = `${top}px`;
  }

  /** @returns {boolean} whether there was a tour to end */
  end() {
    if (this.at < 0) return false;
    this.at = -1;
    this.ring.remove();
    this.card.remove();
    keep(SEEN, "1");
    if (this.back?.isConnected) this.back.focus();
    return true;
  }
}

const find = (selector) => [...document.querySelectorAll(`.stack ${selector}`)].find((one) => one.offsetParent && one.offsetHeight);
