// Moving through time: one zoom for all markets, and stored history where the page looks beyond its range.
import { fragment, readFragment } from "./fragment.js";

const ASK_MS = 120, ASK_MOVING_MS = 400; // how long a gesture must rest before the server is asked
const SLACK_STEPS = 2;
const PRESENT = "evidence"; // the tab of what is known now, however little of its look-back is looked at

export class Travel {
  constructor(page) {
    this.page = page;
    this.away = false; // the view was held by moving away from the present, not by the user's freezing it
    this.staying = false; // the view goes live under a zoom that the user has moved to the present
    this.timer = 0;
    const { time, prices, dropped } = readFragment(location.hash);
    this.came = time; // the zoom that the address came with, until a market shows it
    this.prices = prices; // the same of prices, by market
    this.dropped = dropped; // sentences on what was wrong with it
    this.unasked = false; // history was not asked for, since the tab needs none
    this.left = null; // the zoom that the present has left behind, for which the server was asked
    this.home = new Set(); // stacks that have just come back to the present
    addEventListener("hashchange", ({ oldURL, newURL }) => plain(oldURL) === plain(newURL) && this.follow());
  }

  /** The fragment alone of the address was changed: what it says of the same view is looked at. */
  follow() {
    const { time, prices, dropped } = readFragment(location.hash), { stacks, notices } = this.page;
    for (const stack of stacks.values()) stack.ranges.user.price = prices.get(stack.market) ?? null;
    dropped.forEach((sentence) => notices.say(sentence));
    this.moved(time, true);
  }

  /** The time axis of one market was moved: those of all follow. */
  moved(range, done) {
    for (const stack of this.page.stacks.values()) {
      stack.ranges.user.time = range;
      stack.zoomed();
    }
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.timer = 0;
      this.ask();
    }, done ? ASK_MS : ASK_MOVING_MS);
  }

  /** Looked at once a second: a zoom that stays while the present moves on becomes one of stored history. */
  tick() {
    this.arrive();
    this.tell();
    const { view } = this.page, stack = this.first, range = stack?.ranges.user.time;
    if (!range || stack.tab === PRESENT || this.timer || stack.pane.axes?.busy) return; // a gesture asks by itself
    if (this.unasked) return void this.ask();
    if (range === this.left || view?.end_ms !== null || !(stack.edge > 0)) return;
    if (range[0] < stack.edge - view.range_s * 1000 - slackOf(stack) && this.ask()) this.left = range;
  }

  /** Has the address say what is looked at; in its place, for a zoom is no step to go back to. */
  tell() {
    if (!this.first || this.timer || this.first.pane.axes?.busy) return;
    const zoomed = [...this.page.stacks.values()].filter(({ ranges }) => ranges.user.price).map(({ market, ranges }) => [market, ranges.user.price]);
    const { pathname, search, hash } = location, said = fragment(this.first.ranges.user.time, new Map(zoomed));
    if (said !== hash && (said || readFragment(hash).ours)) history.replaceState(history.state, "", pathname + search + said);
  }

  /** What is looked at when other markets come into view: the same, or at first what the address came with. */
  get zoom() {
    const [one] = this.page.stacks.values();
    return one ? one.ranges.user.time : this.came;
  }

  /** The address came with these markets: prices of others are told and forgotten, or they would act when one is opened. */
  pricesOf(markets) {
    const others = [...this.prices.keys()].filter((market) => !markets.includes(market));
    for (const market of others) this.prices.delete(market);
    if (others.length) this.dropped.push(`price names ${others.join(", ")}, not in view; it is left out.`);
  }

  /** The prices of a market that the address came with: for its first stack. */
  priceOf(market) {
    const price = this.prices.get(market) ?? null;
    this.prices.delete(market);
    return price;
  }

  /** The first stack that shows anything: time is the same for all. */
  get first() {
    return [...this.page.stacks.values()].find((one) => one.model.info);
  }

  /** Pans so that a time beyond the edges comes into view. */
  reach(stack, time) {
    const [start, end] = stack.ranges.time(stack.model, stack.edge), span = end - start;
    if (time < start) this.moved([time - span / 4, time + (span * 3) / 4], true);
    else if (time > end && stack.ranges.user.time) this.moved([time - (span * 3) / 4, time + span / 4], true);
  }

  /**
   * Asks for stored history, or for a longer range, where what is looked at is not in the view.
   * @returns {boolean} whether it had to
   */
  ask() {
    const { page } = this, stack = this.first, range = stack?.ranges.user.time;
    if (!range || !page.view) return false;
    this.unasked = stack.tab === PRESENT;
    if (this.unasked) return false;
    const [start, end] = range, span = end - start, range_s = this.lengthFor(span), length = range_s * 1000;
    const last = page.view.end_ms ?? stack.edge, slack = slackOf(stack), longer = range_s === page.view.range_s ? {} : { range_s };
    if (span > length * 1.02) return false;
    if (start >= last - length - slack && (end <= last + slack || page.view.end_ms === null)) {
      if (longer.range_s) page.want(longer);
      return longer.range_s !== undefined;
    }
    // What is looked at lies in the middle of what is asked for: the next pan may find it there already.
    const middle = Math.ceil((end + (length - span) / 2) / 1000) * 1000;
    const to = middle >= this.now(stack) - 1000 ? null : middle;
    if (to === page.view.end_ms && !longer.range_s) return false;
    this.away = to !== null;
    this.staying = to === null;
    page.want({ end_ms: to, ...longer });
    return true;
  }

  /** The range of the view, or the next longer one that holds so many milliseconds. */
  lengthFor(span) {
    const { range_s } = this.page.view;
    if (span <= range_s * 1020) return range_s;
    const steps = JSON.parse(document.getElementById("controls").dataset.steps).range;
    return steps.find((seconds) => seconds * 1000 >= span) ?? steps.at(-1);
  }

  now(stack) {
    const now = stack.model.now(performance.now());
    return now === now ? now : Date.now();
  }

  /** Holds the view at a time, or follows the present for null; the address says so. */
  hold(end) {
    this.page.want({ end_ms: end });
  }

  /** The view has changed: a zoom stays where the new one holds it. */
  changed(stack, before, after) {
    if (before.range_s === after.range_s && before.end_ms === after.end_ms) return;
    const home = after.end_ms === null && before.end_ms !== null && !this.staying;
    const last = after.end_ms ?? this.now(stack), slack = after.range_s * 50;
    const range = stack.ranges.user.time;
    const held = range && range[0] >= last - after.range_s * 1000 - slack && range[1] <= last + slack;
    if (home || !held) stack.ranges.user.time = null;
    if (home && stack.ranges.user.price) this.home.add(stack);
    stack.zoomed();
  }

  /** A zoom of prices that the present price has left would show an empty book. */
  arrive() {
    for (const stack of this.home) {
      const there = this.page.stacks.has(stack.id);
      if (there && (stack.awaiting || stack.state === "frozen")) continue;
      this.home.delete(stack);
      const [low, high] = stack.ranges.user.price ?? [], mid = stack.model.tiles?.mid;
      if (mid >= low && mid <= high) continue;
      stack.ranges.user.price = null;
      stack.zoomed();
    }
  }

  /** The user has frozen the view or let it go: where it is held is no longer for panning to undo. */
  settled() {
    this.away = this.staying = false;
  }

  /** Undoes zoom and pan; returns to the present where only panning had left it. */
  reset(from) {
    clearTimeout(this.timer);
    this.timer = 0;
    from.ranges.user.price = null; // prices are each market's own
    for (const stack of this.page.stacks.values()) {
      stack.ranges.user.time = null;
      stack.zoomed();
    }
    if (this.away && this.page.frozen) {
      this.settled();
      this.hold(null);
    }
  }
}

const plain = (url) => url.split("#")[0];

const slackOf = (stack) => SLACK_STEPS * stack.model.info.step_ms;
