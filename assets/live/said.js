// The sentences of each state: what is so, since when, what happens next. Present tense, no adjectives.
import { duration, number, span, stamp } from "./format.js";
import { SCORE_AFTER_S, limited, others, scoreIn, venue } from "./words.js";

const TRYING_MS = 5000; // the server takes no second wish before
const WEIGHED = 30; // docs/metrics.md, Integrated OFI: windows that its weights need

/** Whether values are shown while their score has to wait. */
export function learning({ tiles: t, distribution: d }) {
  return !!t && t.ofi !== null && t.score === null && scoreIn(d) > 0;
}

/** What stands in the OFI row while its score, or its value, has to wait; null when neither does. */
export function learningWords({ standing: { value, score, distribution, name, windows }, info, tiles }) {
  if (value === null) return name !== "ofi" && (tiles?.ofi ?? null) !== null ? valueWords(name, windows, info) : null;
  const left = scoreIn(distribution);
  if (score !== null || left <= 0) return null;
  const got = SCORE_AFTER_S - left;
  return {
    title: `Score in ${duration(left * 1000)}`,
    text: `A score needs ${span(SCORE_AFTER_S)} of data to mean anything. ${duration(got * 1000)} so far.`,
    share: got / SCORE_AFTER_S,
  };
}

/** Why a series of several levels has no value while best quotes have one. */
function valueWords(name, windows, { depth, window_s }) {
  if (name === "integrated" && windows < WEIGHED) {
    return { title: `Needs ${WEIGHED} windows of 10\u00a0s: ${number(windows)} so far`, text: "Its weights come from how the levels moved.", share: windows / WEIGHED };
  }
  return { title: "No value now", text: `Needs ${span(window_s)} without a gap. All ${depth} levels must be known.` };
}

/** What stands where trades would be on a venue that sends none. */
export const NO_TRADES = {
  title: "No trades on this venue",
  text: "This venue sends no public trades here. CVD, VPIN and markouts stay empty; OFI does not.",
};

/** The note over what goes on being shown; null where there is none. */
export function noteOf(stack, state, at) {
  const { model, market, link } = stack;
  const s = model.status, drawn = model.series?.length > 0;
  const seen = state === "lost" ? model.tiles?.t : s?.received_ms;
  const last = drawn && seen ? `Last book ${stamp(seen)}. ` : "";
  if (state === "expired") return { title: "Session expired", text: "Sign in again to go on; your view is in the address.", acts: { "sign-in": "Sign in" } };
  if (state === "lost" && drawn) return lost(link, last, at);
  if (state === "stale") {
    const tried = s.attempts ? ` Reconnecting, attempt ${number(s.attempts)}.` : "";
    return { title: `No update for ${duration(model.age(at))}`, text: `${last}Figures withheld, signals muted.${tried}` };
  }
  if (state === "resyncing" && drawn) {
    return { title: "The book is being fetched anew", text: s.detail || `${last}The loss is hatched.`, acts: waiting(s, model.now(at)) ? tries(stack, at) : {} };
  }
  if (state === "throttled") {
    const until = s.next_try_ms ? ` until ${stamp(s.next_try_ms)}` : "";
    return { title: `${venue(market)} limits requests${until}`, text: throttled(s) };
  }
  if (state === "down" && stack.recorded) return { title: downTitle(s, market), text: downText(s, at, model), acts: tries(stack, at) };
  return null;
}

function lost(link, last, at) {
  const wait = Math.max(0, link.nextAt - at);
  const next = link.state === "waiting" && wait > 50 ? `The next attempt is in ${duration(wait)}.` : "Trying now.";
  const title = navigator.onLine ? "The page lost its server" : "This device is offline";
  return { title, text: `${link.said ? `${link.said} ` : ""}${last}${next} What was missed is filled in afterwards.` };
}

function throttled(s) {
  if (s.fidelity_depth !== "sampled") return limited(s.next_try_ms);
  const every = s.period_ms ? `Polling every ${duration(s.period_ms)}. ` : "";
  return `${every}OFI is sampled: changes between polls are unseen.`;
}

/** What stands in place of the charts; null where they are shown. */
export function waitOf(stack, state, at) {
  const { model, market, error, broken, link } = stack;
  const s = model.status, drawn = model.series?.length > 0;
  if (state === "error") return { title: "This market cannot be shown", text: error || broken };
  if (state === "down") {
    const hour = drawn ? { recorded: "Show last hour" } : {};
    return { title: downTitle(s, market), text: downText(s, at, model), acts: { ...tries(stack, at), ...hour } };
  }
  if (state === "lost") return { title: navigator.onLine ? "The page has no connection to its server" : "This device is offline", text: `${link.said ? `${link.said} ` : ""}It keeps trying; nothing needs to be reloaded.` };
  if (!model.info && stack.awaited) return awaited(stack.awaited, market, at);
  if (!model.info) {
    return { title: "Waiting for the server", text: "The view has been asked for.", steps: [["now", "First snapshot of the market", ""]] };
  }
  if (state === "frozen" && !drawn) return { title: "Nothing is stored of this time", text: "Back to live (Space) returns to the present." };
  const share = firstWindow(model);
  if (share >= 1 && (drawn || state !== "starting")) return null;
  return starting(s, market, model, drawn, share);
}

/** A market that no collector has stored: the steps of a start, of which the first goes on. */
function awaited({ message, progress, since }, market, at) {
  const offered = progress > 0;
  return {
    title: offered ? "Waiting for the collector to take it up" : "Waiting for the collector",
    text: message,
    share: progress,
    steps: [
      [offered ? "done" : "now", offered ? `Found at ${venue(market)}` : "Asked the collector", offered ? "" : duration(at - since)],
      [offered ? "now" : "todo", "Taken up by the collector", offered ? duration(at - since) : ""],
      ["todo", `Connected to ${venue(market)}`, ""],
      ["todo", "Book snapshot", ""],
    ],
  };
}

/** Named steps with their times: what is done, what goes on, what comes. */
function starting(s, market, model, drawn, share) {
  const window = model.info.window_s, booked = !!s?.booked_ms, linked = !!s?.linked_ms || booked;
  const took = (from, to) => (from && to && to >= from ? duration(to - from) : "");
  const deep = s?.book_levels ? `, ${number(s.book_levels)} levels a side` : "";
  const got = Math.floor(share * window);
  return {
    title: booked || drawn ? "Waiting for the first full window" : "Waiting for the first book",
    text: booked || drawn ? "" : s?.detail ?? "",
    // Three quarters of a start are taken up, connected and first book; the rest fills the window.
    share: booked ? 0.75 + 0.25 * share : Math.max(s?.progress ?? 0, 0.25 * share),
    steps: [
      [linked ? "done" : "now", `${linked ? "Connected" : "Connecting"} to ${venue(market)}`, took(s?.begun_ms, s?.linked_ms)],
      [booked ? "done" : linked ? "now" : "todo", `Book snapshot${deep}`, took(s?.linked_ms, s?.booked_ms)],
      [booked ? "now" : "todo", `Filling the first ${span(window)} window`, booked ? `${got} of ${span(window)}` : ""],
      ["todo", `Score, after ${span(SCORE_AFTER_S)} of data`, ""],
    ],
  };
}

function firstWindow(model) {
  const s = model.series;
  if (!s?.length) return 0;
  const { ofi } = s.data;
  for (let k = s.to - 1; k >= s.from; k--) if (ofi[k] === ofi[k]) return 1;
  if (!model.begins) return 0;
  return Math.max(0, Math.min(0.99, (s.last - model.begins) / 1000 / model.info.window_s));
}

const waiting = (s, now) => !!s?.next_try_ms && s.next_try_ms - now > 1000;

/** "Try now", and for some seconds after it what became of it. */
function tries(stack, at) {
  const recent = stack.triedAt !== undefined && at - stack.triedAt < TRYING_MS;
  return { try: recent ? stack.tried ?? "Trying\u2026" : "Try now" };
}

const silent = (s) => /collector/.test(s?.detail ?? "");

function downTitle(s, market) {
  return silent(s) ? "The collector does not report" : `${venue(market)} is not answering`;
}

function downText(s, at, model) {
  const now = model.now(at);
  // Of the feed's own words only what the structured figures do not say better.
  const cause = (s?.detail ?? "").split(/(?<=\.)\s+/).filter((one) => one && !/is not answering\.$|^The next attempt|^Other (markets|venues)/.test(one)).join(" ");
  const since = s?.since_ms ? `No answer since ${stamp(s.since_ms)}. ` : "";
  if (silent(s)) return `${cause} Nothing of this page is lost: it goes on when the collector does.`;
  const tried = s?.attempts ? `${number(s.attempts)} ${s.attempts === 1 ? "attempt" : "attempts"} since` : "";
  const wait = s?.next_try_ms && now === now && s.next_try_ms > now ? `the next is in ${duration(s.next_try_ms - now)}` : "";
  const plan = [tried, wait].filter(Boolean).join("; ");
  return `${cause ? `${cause} ` : ""}${since}${plan ? `${plan[0].toUpperCase()}${plan.slice(1)}. ` : ""}${others(s?.detail)}`;
}
