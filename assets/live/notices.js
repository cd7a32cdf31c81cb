// What happened to the page itself, told once it is mended: a restart, hours hidden, a device that slept.
import { duration, span, stamp } from "./format.js";
import { write } from "./texts.js";

const SHOWN_MS = 8000;
const HIDDEN_MS = 600_000; // an absence worth a word
const SLEPT_MS = 5000; // wall time may run so far ahead of the page's own before it counts as sleep
const LOOKS_MS = 1000; // how often the page looks after itself
const LATE_MS = 30_000; // so much too late no look of a page that is seen and idle comes, but after a sleep
const BRIEF_MS = 1500;
const LITTLE_MS = 500; // of a loss, too little to be told
const ALL_MS = 5000; // so long it waits for the markets that have not come back

export class Notices {
  constructor(page) {
    this.page = page;
    this.drift = Date.now() - performance.now();
    this.lookedAt = NaN;
    this.unseen = false; // since the last look
    this.worked = 0; // ms of long tasks since then, where the browser tells of them
    this.tasks = longTasks((entries) => this.work(entries));
    this.hello = null;
    this.stays = false; // what is told now gives way to nothing
    this.pending = null; // said when the snapshots after it have come
    document.addEventListener("visibilitychange", () => this.turned());
  }

  /** The server said who it is: another one, or the same after a while, has something to tell. */
  greeted(hello) {
    const before = this.hello, own = performance.now();
    this.hello = { ...hello, own };
    // Only of a sleep does the server know too: where it does not, the clock of this device was set.
    if (before && this.stood && hello.time_ms - before.time_ms - (own - before.own) < (this.slept ?? 0) / 2) this.slept = 0;
    const { connection } = this.page, away = Math.max(this.slept ?? 0, Date.now() - (connection.lostAt ?? Date.now()));
    connection.lostAt = null;
    if (!before) return;
    // The newest figure may be far older than the loss: of a frozen view, or of a market that was down.
    const newest = Math.max(0, ...[...this.page.stacks.values()].map((stack) => stack.model.tiles?.t ?? 0));
    const last = Math.max(newest, hello.time_ms - away);
    const restarted = hello.started_ms > before.time_ms;
    if (!restarted && !this.slept && away < BRIEF_MS) return;
    this.pending = { restarted, at: hello.started_ms, last, away, slept: this.slept, since: own, filled: new Set(), missing: 0, open: false };
    this.slept = 0;
  }

  /** A snapshot has come: what was missed is there, or is known to be missing. */
  filled(stack) {
    if (!this.pending) return;
    const { last, filled, missing, open } = this.pending;
    // The server's present: a market that is still gone has its newest row, if any, from before.
    const now = this.hello.time_ms + performance.now() - this.hello.own;
    const gaps = stack.model.gaps.filter((gap) => gap.stream === "depth");
    const own = gaps.reduce((sum, gap) => sum + Math.max(0, Math.min(gap.to_ms ?? now, now) - Math.max(gap.from_ms, last)), 0);
    filled.add(stack);
    this.pending.missing = Math.max(missing, own);
    this.pending.open = open || gaps.some((gap) => gap.to_ms === null);
    if ([...this.page.stacks.values()].every((one) => filled.has(one))) this.tell();
  }

  /** Tells of the largest loss among the markets that have come back. */
  tell() {
    const { restarted, at, away, slept, missing, open } = this.pending;
    this.pending = null;
    const what = slept ? `This device slept for ${duration(slept)}` : restarted ? `Server restarted at ${stamp(at)}` : `Connection back after ${duration(away)}`;
    if (this.page.frozen) return this.say(`${what}; the view is still frozen.`);
    const told = slept || !restarted, whole = away - missing; // told: how long it was away
    if (missing <= LITTLE_MS) return this.say(`${what}; ${told ? "what was missed is" : duration(away)} filled from the store, nothing lost.`);
    const filled = whole > LITTLE_MS ? `${told ? "" : `away ${duration(away)}: `}${duration(whole)} filled from the store, ` : "";
    this.say(`${what}; ${filled}${duration(missing)} ${open ? "still missing" : "missing"}.`);
  }

  /**
   * Looked at once a second: wall time that ran ahead of the page's own is sleep of this device. Where the page's own runs on
   * meanwhile, it is a look that comes far too late.
   */
  tick() {
    const { pending } = this, own = performance.now();
    if (pending?.filled.size && own - pending.since > ALL_MS) this.tell();
    const drift = Date.now() - own, ahead = drift - this.drift, late = this.late(own), stood = ahead >= SLEPT_MS;
    this.drift = drift;
    if (!stood && late < LATE_MS) return;
    [this.slept, this.stood] = [stood ? ahead : late, stood];
    this.page.connection.wake();
  }

  /** How much too late a look comes, ms, but for what the page worked; not while it was hidden, where browsers hold timers up. */
  late(own) {
    this.work(this.tasks?.takeRecords() ?? []);
    const late = this.unseen ? 0 : own - this.lookedAt - LOOKS_MS - this.worked;
    [this.lookedAt, this.unseen, this.worked] = [own, document.hidden, 0];
    return late || 0;
  }

  work(entries) {
    this.worked += entries.reduce((sum, { duration }) => sum + duration, 0);
  }

  turned() {
    if (document.hidden) {
      [this.hiddenAt, this.unseen] = [Date.now(), true];
      return;
    }
    const away = this.hiddenAt === undefined ? 0 : Date.now() - this.hiddenAt;
    this.hiddenAt = undefined;
    this.tick();
    // Of a lost connection is told once it is back.
    const { connection, view } = this.page;
    if (away < HIDDEN_MS || this.slept || this.pending || connection.lostAt !== null || !view) return;
    this.say(`Hidden for ${duration(away)}. ${this.drawn(away)}`);
  }

  /** What is drawn of the time that the page was hidden. */
  drawn(away) {
    const { frozen, view, stacks } = this.page;
    if (frozen) return "The view is still frozen.";
    const zoomed = [...stacks.values()].some(({ ranges }) => ranges.user.time);
    if (zoomed) return "The view is still zoomed; the time in view is the same.";
    const range_s = view.tab === "evidence" ? view.lookback_s : view.range_s;
    const meanwhile = away > range_s * 1000 ? `it draws the last ${span(range_s)} of` : "it draws";
    return `The view is of now; ${meanwhile} what happened meanwhile.`;
  }

  say(words) {
    if (this.stays) return;
    this.show(words);
    this.timer = setTimeout(() => this.fade(), SHOWN_MS);
  }

  /** The server speaks otherwise than these scripts understand: that is told until the page is loaded anew. */
  outdated() {
    if (this.stays) return;
    this.show("The server has a new version; reload the page.");
    this.stays = true;
    const reload = document.createElement("button");
    Object.assign(reload, { type: "button", className: "btn", textContent: "Reload" });
    reload.addEventListener("click", () => location.reload());
    this.element.append(reload);
  }

  show(words) {
    this.element ??= made();
    write(this.element.querySelector("p"), words);
    this.element.hidden = false;
    clearTimeout(this.timer);
  }

  /** It stays while the pointer is on it. */
  fade() {
    if (this.element.matches(":hover")) this.timer = setTimeout(() => this.fade(), 1000);
    else this.element.hidden = true;
  }
}

/** Hears of tasks that keep the page busy for long; null in a browser that does not tell of them. */
function longTasks(hear) {
  if (!globalThis.PerformanceObserver?.supportedEntryTypes?.includes("longtask")) return null;
  const tasks = new PerformanceObserver((list) => hear(list.getEntries()));
  tasks.observe({ type: "longtask" });
  return tasks;
}

function made() {
  const element = document.createElement("div");
  element.id = "notice";
  element.className = "notice";
  element.setAttribute("role", "status");
  const mark = document.createElement("span");
  mark.className = "mark";
  mark.setAttribute("aria-hidden", "true");
  element.append(mark, document.createElement("p"));
  (document.querySelector("main") ?? document.body).append(element);
  return element;
}
