// What stands around the charts: watch list, market picker, layouts, zone, colours, drawer, keys, tour.
import { bindArrange, edges } from "./arrange.js";
import { freeze, share, step, toggleMenu, turn } from "./controls.js";
import { set } from "./dash.js";
import { bindDialogs, h, open } from "./dom.js";
import { Foresight } from "./foresight.js";
import { stackOf } from "./panels.js";
import { fullScreen } from "./fullscreen.js";
import { bindKeys } from "./keys.js";
import { MOST_MARKETS, apply, holdersOf } from "./layout.js";
import { Layouts } from "./layouts.js";
import { Picker } from "./picker.js";
import { write } from "./texts.js";
import { Tour } from "./tour.js";
import { WatchList } from "./watch.js";
import { describe } from "./words.js";
import { setZone, zones } from "./zone.js";

export class Shell {
  /** @param {object} page the Page of app.js */
  constructor(page) {
    this.page = page;
    this.view = page.view;
    this.zone = "";
    bindDialogs();
    this.foresight = new Foresight(page);
    this.watch = new WatchList(this);
    this.picker = new Picker(this, this.watch);
    this.layouts = new Layouts(this);
    this.tour = new Tour();
    this.bindDrawer();
    this.bindButtons();
    bindArrange(this);
    this.keys();
  }

  /** Dash's controls are in their places. */
  adopted() {
    // Hundreds of names are much to carry for Dash: they come when the control is used.
    const zone = document.getElementById("zone");
    zone.addEventListener("focus", () => set("zone", { data: zones() }), { once: true });
  }

  /** The view in the address has changed. */
  show(view) {
    this.view = view;
    if (!this.under?.isConnected) this.under = null; // a panel of a market that has left
    document.documentElement.dataset.colours = view.colours;
    if (view.zone !== this.zone) {
      this.zone = view.zone;
      const known = setZone(view.zone);
      if (!["utc", "local"].includes(view.zone)) set("zone", { data: [...zones([]), { value: view.zone, label: view.zone }] });
      write(document.getElementById("told"), known ? "" : `This browser does not know the zone ${view.zone}; times are UTC.`);
      this.page.all(true);
    }
    this.picker.show(view.markets);
    this.page.drawing.afterwards("mark", () => this.watch.mark());
    this.layouts.show();
    for (const stack of this.page.stacks.values()) this.arrange(stack);
    for (const one of document.querySelectorAll(".bottom [data-tab]")) one.toggleAttribute("aria-current", one.dataset.tab === view.tab);
    this.tour.first(() => this.drawn);
    this.tour.moved();
  }

  /** Lays out the rows of a stack as the view says. */
  arrange(stack) {
    if (!this.view) return;
    const holders = holdersOf(stack.element);
    if (holders.filter((rows) => apply(rows, this.view.layout)).length) stack.resized();
    holders.filter((rows) => rows.offsetParent).forEach(edges); // of the tab in view
  }

  /** Whether the charts have been drawn, or there are none to draw. */
  get painted() {
    const stacks = [...this.page.stacks.values()];
    return this.view !== null && (stacks.length ? stacks.some((stack) => stack.firstAt || stack.error || stack.awaited) : !this.view.markets.length);
  }

  /** Whether a market is drawn on the tab that the tour speaks of. */
  get drawn() {
    const shown = (stack) => stack.firstAt && !stack.panes.classList.contains("blank") && stack.empty.hidden;
    return this.view.tab === "flow" && [...this.page.stacks.values()].some(shown);
  }

  /** The panels of the tab that can be arranged: the first stack's, all stacks have the same; null without a market. */
  get rows() {
    return document.querySelector(".stack .tabpane:not([hidden]) [data-rows]");
  }

  wish(change) {
    this.page.want(change);
  }

  /** Shows a market alone, or beside those in view; one that is there already gives way again. */
  open(market, add) {
    const now = this.view.markets;
    this.closeDrawer();
    if (!add) return now.length === 1 && now[0] === market ? undefined : this.wish({ markets: [market] });
    if (now.includes(market)) return this.drop(market);
    if (now.length >= MOST_MARKETS) this.page.notices.say(`${MOST_MARKETS} markets fit: ${called(market)} is shown in place of ${called(now[MOST_MARKETS - 1])}.`);
    this.wish({ markets: [...now.slice(0, MOST_MARKETS - 1), market] });
  }

  drop(market) {
    const rest = this.view.markets.filter((one) => one !== market);
    if (rest.length) this.wish({ markets: rest });
  }

  /** Messages of /live that are not about a view. */
  hear(message) {
    if (message.type === "watch") this.page.drawing.along("watch", () => this.watch.take(message));
    if (message.type === "sparks") this.watch.takeSparks(message);
  }

  bindButtons() {
    fillKeys(document.getElementById("keys-body"));
    document.getElementById("help").addEventListener("click", () => open("keys"));
    document.getElementById("tour-again").addEventListener("click", () => {
      document.getElementById("keys").close();
      this.tour.start();
    });
    document.querySelector(".bottom").addEventListener("click", (event) => {
      const tab = event.target.closest("button[data-tab]")?.dataset.tab;
      if (!tab) return;
      this.closeDrawer();
      turn(this.page, document.getElementById(`tab-${tab}`));
      document.getElementById("stacks").scrollTo({ top: 0 });
    });
  }

  bindDrawer() {
    this.side = document.getElementById("side");
    for (const id of ["drawer", "bottom-markets"]) document.getElementById(id).addEventListener("click", () => this.toggleDrawer());
    document.getElementById("watch-close").addEventListener("click", () => this.closeDrawer(true));
    document.addEventListener("click", (event) => {
      if (!event.target.closest("#side, #drawer, #bottom-markets, .ag-popup, dialog")) this.closeDrawer();
    });
  }

  toggleDrawer() {
    this.setDrawer(!this.side.classList.contains("open"));
  }

  closeDrawer(back = false) {
    if (!this.side.classList.contains("open")) return false;
    this.setDrawer(false);
    if (back) [...document.querySelectorAll("#drawer, #bottom-markets")].find((one) => one.offsetParent)?.focus();
    return true;
  }

  setDrawer(shown) {
    this.side.classList.toggle("open", shown);
    for (const id of ["drawer", "bottom-markets"]) document.getElementById(id).setAttribute("aria-expanded", String(shown));
    if (shown) document.getElementById("watch-filter")?.focus();
  }

  keys() {
    const { page } = this;
    const click = (id) => () => document.getElementById(id).click();
    bindKeys({
      market: () => this.picker.open(),
      step: (name, by) => step(page, name, by),
      tab: (k) => turn(page, document.querySelectorAll("#tabs [role=tab]")[k]),
      list: (by) => this.watch.step(by),
      crosshair: (key, far) => this.crosshair(key, far),
      resetZoom: () => page.stacks.forEach((stack) => stack.resetZoom()),
      freeze: () => freeze(page),
      help: () => void open("keys"),
      layout: () => void this.layouts.open(),
      share: () => void share(page),
      theme: click("theme"),
      colours: () => this.wish({ colours: this.view.colours === "green-red" ? "blue-orange" : "green-red" }),
      fullScreen: () => this.fullScreen(),
      escape: () => this.tour.end() || toggleMenu(false) || this.closeDrawer(true),
    });
    document.addEventListener("pointerover", (event) => (this.under = event.target.closest?.("[data-panel]") ?? this.under));
  }

  /** Moves the crosshair of the stack in focus, else of the first. */
  crosshair(key, far) {
    const stack = stackOf(this.page, document.activeElement) ?? this.page.stacks.values().next().value;
    return stack?.pane.step?.(key, far) ?? false;
  }

  fullScreen() {
    const focused = document.activeElement?.closest("[data-panel]");
    const panel = document.querySelector(".soloed") ?? focused ?? (this.under?.isConnected && this.under.offsetParent ? this.under : document.querySelector(".tabpane:not([hidden]) [data-panel]:not(.off)"));
    if (panel) fullScreen(panel);
  }
}

/** A market in a sentence. */
function called(market) {
  const { name, place } = describe(market);
  return `${name}, ${place}`;
}

function fillKeys(body) {
  for (const [title, pairs] of JSON.parse(body.dataset.keys)) {
    const line = ([keys, words]) => h("div", {}, h("dt", {}, ...keys.split(" ").filter((key) => key !== "\u2013").map((key) => h("kbd", {}, key))), h("dd", {}, words));
    body.append(h("section", {}, h("h3", {}, title), h("dl", {}, ...pairs.map(line))));
  }
}
