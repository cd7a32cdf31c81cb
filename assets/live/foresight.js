// A market that the pointer or the focus rests on is likely to be opened: the server makes its view ready meanwhile.
import { groupTicks } from "./ramps.js";

const REST_MS = 40, AGAIN_MS = 500, KEPT_MS = 5000; // less than the server keeps what nobody asks for

const marketOf = (target) => {
  const one = target instanceof Element ? target.closest("[role=row][row-id], [role=option][data-market]") : null;
  return one?.getAttribute("row-id") ?? one?.dataset.market ?? "";
};

export class Foresight {
  /** @param {object} page the Page of app.js */
  constructor(page) {
    this.page = page;
    this.market = "";
    this.timer = 0;
    this.asked = "";
    this.askedAt = -Infinity;
    for (const type of ["pointerover", "focusin"]) document.addEventListener(type, ({ target }) => this.rest(marketOf(target)));
    document.addEventListener("pointerdown", ({ target }) => this.ask(marketOf(target)));
  }

  /** The pointer or the focus is on a market, or on none (""). */
  rest(market) {
    if (market === this.market) return;
    this.market = market;
    clearTimeout(this.timer);
    if (market) this.timer = setTimeout(() => this.ask(market), REST_MS);
  }

  /** Asks for what the market in view shows; beside others it would get another size. */
  ask(market) {
    const [stack, ...more] = this.page.stacks.values(), since = performance.now() - this.askedAt, early = AGAIN_MS - since;
    if (market === this.asked && since < KEPT_MS) return;
    if (!market || !stack?.asked || more.length || stack.market === market || stack.asked.end_ms !== null) return;
    clearTimeout(this.timer);
    if (early > 0) {
      this.timer = setTimeout(() => market === this.market && this.ask(market), early);
      return;
    }
    this.asked = market;
    this.askedAt = performance.now();
    const group = stack.tab === "flow" ? groupTicks(this.page.view.options.group, NaN, NaN, 0) : 0;
    this.page.connection.send({ ...stack.asked, id: undefined, type: "prepare", market, group });
  }
}
