// The page: finds the stacks that Dash renders, subscribes to what they show, draws on frames.
import { Connection } from "./connection.js";
import { bindControls, freeze, showBins } from "./controls.js";
import { adopt, bring } from "./dash.js";
import { h } from "./dom.js";
import { Drawing } from "./drawing.js";
import { Easel } from "./easel.js";
import { takeFee } from "./evidence_words.js";
import { expose } from "./exposed.js";
import { bindFullScreen, leave } from "./fullscreen.js";
import { Notices } from "./notices.js";
import { bindPanels } from "./panels.js";
import { showLink } from "./pill.js";
import { PROTOCOL, decode, keyOf } from "./protocol.js";
import { Shell } from "./shell.js";
import { Stack } from "./stack.js";
import { putStacks } from "./stacks.js";
import { readTheme, watchTheme } from "./theme.js";
import { Travel } from "./travel.js";
import { Wishes } from "./wishes.js";

const SECOND_MS = 1000;
const UNREADABLE = "The page cannot read what the server sends of it. Reload the page.";
const TOLD_OF_LINK = ["state", "silent", "expired", "since"]; // what the stacks tell of the link

const sameLink = (a, b) => TOLD_OF_LINK.every((name) => a[name] === b[name]);

class Page {
  constructor() {
    this.stacks = new Map(); // id of the view → stack
    this.keys = new Map(); // key of the server → set of stacks
    this.nextId = 1;
    this.view = null;
    this.drawing = new Drawing(this);
    this.easel = new Easel(this);
    this.travel = new Travel(this);
    this.wishes = new Wishes();
    this.bytes = 0;
    this.frames = 0;
    this.link = null;
    this.seconds = 0; // how often the page has looked after itself
    this.server = null;
    this.notices = new Notices(this);
    this.connection = new Connection({
      open: () => this.subscribeAll(),
      text: (message) => this.hear(message),
      frame: (buffer) => this.receive(buffer),
      change: (link) => this.linked(link),
    });
    setInterval(() => this.second(), SECOND_MS);
    document.addEventListener("visibilitychange", () => document.hidden || this.all());
    addEventListener("popstate", () => this.drawing.settle()); // else a wish would undo the going back
    watchTheme(() => this.all(true));
  }

  /** Makes stacks of what is new in view, and lets those go that are not. */
  look(holder) {
    const { zoom } = this.travel;
    putStacks(holder, this.view.markets);
    const found = new Set(holder.querySelectorAll(".stack[data-market]"));
    for (const [id, stack] of this.stacks) {
      if (found.has(stack.element)) continue;
      stack.close();
      this.stacks.delete(id);
      this.drawing.drop(stack);
      this.unkey(stack);
      this.connection.send({ type: "drop", id });
      if (stack.pane.crosshair?.cursor?.left !== undefined) this.cursor(null, null); // the pointer was in it
    }
    const known = new Set([...this.stacks.values()].map((stack) => stack.element));
    for (const element of found) {
      if (known.has(element)) continue;
      const stack = new Stack(element, this.nextId++, this, this.tab);
      Object.assign(stack.ranges.user, { time: zoom, price: this.travel.priceOf(stack.market) });
      this.travel.came = null;
      stack.zoomed();
      stack.link = this.connection.link;
      this.stacks.set(stack.id, stack);
    }
  }

  /** The view that the server says, but for what the user has wished since. */
  changeView(text) {
    const said = JSON.parse(text), { travel } = this;
    if (said.heard !== null) travel.dropped = []; // the user has gone on since
    else travel.pricesOf(said.markets);
    const view = this.wishes.over({ ...said, dropped: [...said.dropped, ...travel.dropped] });
    // Mostly what is shown already: made anew, a list would lose the click that is on its way.
    if (JSON.stringify(view) !== JSON.stringify(this.view)) this.show(view);
    this.wishes.insist();
  }

  /** Changes fields of the view: at once here; address and controls follow. */
  want(change) {
    this.wishes.note(change);
    this.drawing.afterwards("wishes", () => this.wishes.tellNew());
    this.show({ ...this.view, ...change });
  }

  /** Shows a choice that Dash's own control tells the server. */
  foresee(change) {
    this.wishes.foresee(change);
    this.show({ ...this.view, ...change });
  }

  show(view) {
    this.view = view;
    document.documentElement.dataset.mantineColorScheme = view.theme;
    this.look(document.getElementById("stacks"));
    this.turnTo(view.tab);
    showBins(view.bin_s);
    if (takeFee(view.options.fee)) for (const stack of this.stacks.values()) stack.renew();
    this.frozen = view.end_ms !== null;
    this.held = view.end_ms;
    document.getElementById("freeze").setAttribute("aria-pressed", String(this.frozen));
    document.documentElement.classList.toggle("frozen", this.frozen);
    const dropped = document.getElementById("dropped"), said = view.dropped.join("\n");
    if (dropped.innerText !== said) dropped.replaceChildren(...view.dropped.map((sentence) => h("p", {}, sentence)));
    for (const stack of this.stacks.values()) stack.zoomed();
    this.shell.show(view);
    for (const stack of this.stacks.values()) this.subscribe(stack);
  }

  get tab() {
    return this.view?.tab ?? "flow";
  }

  /** Shows a tab of every market. */
  turnTo(tab) {
    for (const one of document.querySelectorAll("#tabs [role=tab]")) {
      const chosen = one.dataset.tab === tab;
      one.setAttribute("aria-selected", String(chosen));
      one.tabIndex = chosen ? 0 : -1;
    }
    if (document.documentElement.dataset.tab !== tab) leave();
    document.documentElement.dataset.tab = tab;
    for (const stack of this.stacks.values()) stack.turnTo(tab);
  }

  /** Follows the present again where the view was frozen. */
  release() {
    if (this.frozen) freeze(this);
  }

  /** Chooses how panels are drawn: at once here, and in the address. */
  choose(options) {
    const held = this.wishes.held.get("options")?.value;
    this.wishes.note({ options: { ...held, ...options } });
    this.drawing.afterwards("wishes", () => this.wishes.tellNew());
    this.show({ ...this.view, options: { ...this.view.options, ...options } });
    for (const stack of this.stacks.values()) stack.renew();
  }

  subscribeAll() {
    this.connection.send({ type: "watch", on: true });
    this.wishes.insist(); // a request of Dash may have been lost with the connection
    this.keys.clear();
    for (const stack of this.stacks.values()) {
      stack.asking = "";
      stack.unanswered = 0;
      stack.model.seq = null;
      this.subscribe(stack);
    }
  }

  /** Asks for what a stack shows; nothing is sent when that was asked already. */
  subscribe(stack) {
    if (!this.view) return;
    const { depth, window_s, range_s, lookback_s, end_ms, tab, rate_hz, bin_s, options } = this.view;
    const message = { type: "view", id: stack.id, market: stack.market, depth, window_s, range_s, lookback_s, end_ms, group: stack.group(options.group, tab), mid_rows: stack.midRows, tab, rate_hz, bin_s };
    if (tab === "flow") message.main = options.main;
    if (tab === "trades") message.notional = Number(options.notional);
    const text = JSON.stringify(message);
    if (stack.asking === text || !this.connection.send(message)) return;
    const before = stack.asked;
    stack.asking = text;
    stack.awaiting = true;
    stack.unanswered++;
    stack.asked = message;
    if (before) this.travel.changed(stack, before, message);
  }

  /** A stack was laid out anew: it may have room for more or fewer price rows. */
  asked(stack) {
    if (this.stacks.has(stack.id)) this.subscribe(stack);
  }

  hear(message) {
    if (message.type === "view") {
      const stack = this.stacks.get(message.id);
      if (!stack) return;
      stack.unanswered--;
      this.unkey(stack);
      stack.key = message.key;
      if (!this.keys.has(message.key)) this.keys.set(message.key, new Set());
      this.keys.get(message.key).add(stack);
    } else if (message.type === "error") {
      const stack = this.stacks.get(message.id);
      if (stack) stack.fail(message.message);
    } else if (message.type === "starting") {
      this.stacks.get(message.id)?.starts(message);
    } else if (message.type === "retry") {
      this.stacks.get(message.id)?.retried(message);
    } else if (message.type === "hello") {
      this.server = message.server;
      if (message.protocol === PROTOCOL) this.notices.greeted(message);
      else this.notices.outdated();
    } else {
      this.shell?.hear(message);
    }
  }

  /** Frames of no key are for a stack any more. */
  unkey(stack) {
    for (const [key, set] of this.keys) {
      set.delete(stack);
      if (!set.size) this.keys.delete(key);
    }
  }

  receive(buffer) {
    const at = performance.now();
    this.bytes += buffer.byteLength;
    this.frames++;
    let frame;
    try {
      frame = decode(buffer);
    } catch (error) {
      const key = keyOf(buffer);
      return this.unread(key === null ? this.stacks.values() : this.keys.get(key) ?? [], error);
    }
    const stacks = [...(this.keys.get(frame.key) ?? [])];
    this.easel.take(stacks.filter((stack) => stack.made.has("flow")).map(({ id }) => id), buffer, frame.type === "snapshot");
    for (const stack of stacks) {
      [stack.before, stack.received] = [stack.received, at];
      try {
        if (!stack.take(frame, at)) this.resync(stack);
        else if (frame.type === "snapshot") this.notices.filled(stack);
      } catch (error) {
        this.unread([stack], error);
      }
    }
  }

  /** What was shown last must not go on looking present. */
  unread(stacks, error) {
    for (const stack of stacks) {
      if (stack.error === UNREADABLE) continue;
      console.error(error);
      stack.fail(UNREADABLE);
    }
  }

  resync(stack) {
    if (performance.now() - (stack.resyncAt ?? -1e9) < 1000) return;
    stack.resyncAt = performance.now();
    this.connection.send({ type: "resync", id: stack.id });
  }

  linked(link) {
    const told = this.link;
    this.link = link;
    for (const stack of this.stacks?.values() ?? []) {
      const same = sameLink(stack.link, link);
      stack.link = link;
      if (!same) this.dirty(stack);
    }
    if (told && sameLink(told, link)) return this.tellLink();
    showLink(link);
    this.shell?.watch.linked(link);
  }

  /** Writes with the next frame what the link is by then. */
  tellLink() {
    this.drawing.along("link", () => showLink(this.connection.link));
  }

  /** The painter is through with what a stack asked of it. */
  painted(done) {
    const stack = this.stacks.get(done.id);
    stack?.tries(() => stack.seen(done));
  }

  /** The painter has missed a frame of a stack. */
  lost(id) {
    const stack = this.stacks.get(id);
    if (stack) this.resync(stack);
  }

  /** Draws a stack with the next frame. */
  dirty(stack) {
    this.drawing.add(stack);
  }

  all(relayout = false) {
    for (const stack of this.stacks.values()) {
      if (relayout) stack.renew();
      else this.dirty(stack);
    }
  }

  second() {
    this.seconds++;
    this.notices.tick();
    this.tellLink();
    this.shell?.watch.linked(this.link);
    this.travel.tick();
    this.easel.tick();
    if (document.hidden) return;
    // Ages and outages move on without news; with news all is drawn anyway.
    for (const stack of this.stacks.values()) if (performance.now() - stack.drawnAt >= SECOND_MS / 2) this.dirty(stack);
  }

  /** One crosshair time over all stacks; the card stays with the one under the pointer. `draws`: nothing does so anyway. */
  cursor(from, cursor, draws = true) {
    const linked = cursor && !cursor.beside ? { time: cursor.time, kind: "time", price: null } : null;
    for (const stack of this.stacks.values()) stack.showCursor(stack === from ? cursor : linked, draws);
  }

  /** The end of what is in view, for freezing: the earliest, so that every stack has it. */
  get edge() {
    const edges = [...this.stacks.values()].map((stack) => stack.edge).filter((edge) => edge === edge);
    return edges.length ? Math.min(...edges) : NaN;
  }
}

/** Called when the HTML has been read and its styles are there, from which the theme is taken: as any deferred script is. */
export async function start() {
  readTheme();
  const page = new Page();
  expose(page);
  const font = document.fonts.load('400 11px "Inter UI"').catch(() => []);
  await Promise.race([font, new Promise((r) => setTimeout(r, 100))]);
  page.shell = new Shell(page);
  bindControls(page);
  bindPanels(page);
  bindFullScreen();
  page.changeView(document.getElementById("app").dataset.first);
  bring(() => page.shell.painted);
  await adopt((text) => page.changeView(text));
  page.shell.adopted();
}
