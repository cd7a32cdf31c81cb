// Incidents in words: what and where, since when, what happens next. Newest first.
import { duration, number, stamp } from "./format.js";
import { limited, others, venue } from "./words.js";

const CAUSES = {
  start: "it started", reconnect: "the connection was lost", sequence: "an update was missing", checksum: "the book did not match the venue's checksum",
  crossed: "a crossed book was sent", empty: "an empty book was sent", unsorted: "a book out of order was sent", "non-finite": "a price or size that is no number was sent",
  snapshot: "the snapshot could not be used", "ring full": "more came than could be taken in", "collector restarted": "the collector restarted",
  "machine slept": "the collector's machine slept", "grid changed": "price or size increments changed", throttled: "the venue limited requests",
  handler: "a message could not be read", store: "the store refused data", collector: "the collector does not report", audit: "the book differed from the venue's",
  stale: "no update came", down: "the venue did not answer", resyncing: "the book was fetched anew",
};
const STREAMS = { best: "best quotes", depth: "depth", trades: "trades" };

/** Why, as part of a sentence. */
export const cause = (reason) => CAUSES[reason] ?? reason;

const capital = (words) => words && words[0].toUpperCase() + words.slice(1);

/** What happened, in a few words: the title of an open or resolved incident. */
function what(one, now) {
  const since = duration((one.to_ms ?? now) - one.from_ms);
  if (one.reason === "collector" || one.reason === "collector restarted") return one.to_ms === null ? `no collector for ${since}` : `no collector for ${since}`;
  if (one.reason === "machine slept") return `the collector's machine slept, ${since}`;
  if (one.to_ms !== null) {
    const times = one.times > 1 ? `, ${number(one.times)} times in ${since}` : ` for ${since}`;
    if (one.state === "down") return `down${times}`;
    if (one.state === "throttled") return `throttled${times}`;
    if (one.state === "stale") return `no update${times}`;
    return one.times > 1 ? `data lost${times}` : `no data for ${since}`;
  }
  if (one.state === "down") return "not answering";
  if (one.state === "throttled") return one.next_try_ms ? `throttled until ${stamp(one.next_try_ms)}` : "throttled";
  if (one.state === "stale") return `no update for ${since}`;
  return "book fetched anew";
}

function which(one) {
  if (!one.streams.length || one.streams.length === 3) return "";
  return capital(`${one.streams.map((name) => STREAMS[name]).join(" and ")}. `);
}

/** What is known of it and what comes next, in one or two sentences. */
function next(one, now) {
  const missed = one.missed ? `${number(one.missed)} updates missed` : "";
  if (one.to_ms !== null) {
    const why = capital(cause(one.reason)) || "";
    return `${which(one)}${[why, missed].filter(Boolean).join("; ")}${why || missed ? ". " : ""}Resolved at ${stamp(one.to_ms)}.`;
  }
  const tried = one.attempts ? `Tried ${one.attempts === 1 ? "once" : `${number(one.attempts)} times`}` : "";
  const wait = one.next_try_ms && one.next_try_ms > now ? `next in ${duration(one.next_try_ms - now)}` : "";
  if (one.state === "throttled") return limited(one.next_try_ms);
  if (one.reason === "collector") return one.detail;
  if (one.state === "stale") return `${which(one)}Figures withheld, signals muted.${tried ? ` ${tried}.` : ""}`;
  const plan = [tried, wait].filter(Boolean).join("; ");
  return `${which(one)}${plan ? `${capital(plan)}. ` : ""}${others(one.detail)}`;
}

/** The parts of an entry, for a list: `market` names it where a list holds several. */
export function entry(one, now) {
  const name = one.market ? `${one.market.slice(one.market.indexOf(":") + 1)}, ${venue(one.market)}: ` : "";
  const title = what(one, now);
  return {
    kind: one.to_ms === null ? one.state : "resolved",
    title: name + (name ? title : capital(title)),
    text: next(one, now),
    at: stamp(one.from_ms),
  };
}

/** Writes the entries into a list, in place: a node is made only where there was none. */
export function fillList(list, entries, nothing) {
  const wanted = entries.length ? entries : [{ kind: "none", title: nothing, text: "", at: "" }];
  while (list.children.length > wanted.length) list.lastElementChild.remove();
  while (list.children.length < wanted.length) list.append(made());
  wanted.forEach((one, k) => {
    const item = list.children[k];
    if (item.dataset.kind !== one.kind) item.dataset.kind = one.kind;
    const [, title, at, text] = item.children;
    set(title, one.title);
    set(at, one.at);
    set(text, one.text);
  });
}

function set(element, words) {
  if (element.textContent !== words) element.textContent = words;
}

function made() {
  const item = document.createElement("li");
  const names = ["mark", "what", "at", "next"];
  for (const name of names) {
    const part = document.createElement("span");
    part.className = name;
    if (name === "mark") part.setAttribute("aria-hidden", "true");
    item.append(part);
  }
  return item;
}
