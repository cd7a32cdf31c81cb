// What a stack says when data are late, partial or absent.
import { clock, duration, span } from "./format.js";
import { write } from "./texts.js";
import { venue } from "./words.js";

const PILLS = {
  live: "Live", starting: "Starting", resyncing: "Resyncing", stale: "Stale", throttled: "Throttled",
  down: "Down", lost: "Not connected", error: "Not shown", frozen: "Frozen",
};
const LOST_AFTER_MS = 1500; // a reconnect this quick is nobody's business

/** The state to show: the feed's, unless the way to the server itself is broken. */
export function stateOf(model, link, error, frozen, at) {
  if (error) return "error";
  if (link.state !== "open" && at - link.since > LOST_AFTER_MS) return "lost";
  if (frozen) return "frozen";
  return model.status?.state ?? "starting";
}

/** Whether present figures may be shown as present. */
export const present = (state) => ["live", "throttled", "starting", "frozen"].includes(state);

/** From when on nothing is known, ms of the market's clock; NaN when the present is known. */
export function missingSince(model, state) {
  const s = model.status;
  if (state === "lost") return model.series?.last ?? NaN;
  if (!s || !["stale", "resyncing", "down"].includes(state)) return NaN;
  return s.received_ms ?? NaN;
}

/** Fills the pill, the note over the book and what stands in its place. */
export function show(stack, state, at) {
  const { f, model, market } = stack;
  stack.element.dataset.state = state;
  const since = model.age(at);
  const long = ["stale", "lost"].includes(state) && since === since ? ` ${duration(since)}` : "";
  write(f.state, PILLS[state] + (state === "stale" ? long : ""));
  const note = noteOf(stack, state, at), empty = note ? null : emptyOf(stack, state, at);
  fill(stack.note, note, f, "note");
  fill(stack.empty, empty, f, "empty");
  if (empty) steps(f["empty-steps"], empty.steps ?? []);
  const bar = f["empty-bar"]?.parentElement;
  if (bar) {
    bar.hidden = !empty || empty.share === undefined;
    if (!bar.hidden) f["empty-bar"].style.width = `${Math.round(Math.min(1, empty.share) * 100)}%`;
  }
  return market;
}

function fill(element, content, f, prefix) {
  element.hidden = !content;
  if (!content) return;
  write(f[`${prefix}-title`], content.title);
  write(f[`${prefix}-text`], content.text);
  const button = element.querySelector("button");
  if (button) button.hidden = !content.recorded;
}

function noteOf(stack, state, at) {
  const { model, market, link } = stack;
  const s = model.status, drawn = model.series?.length > 0;
  const seen = state === "lost" ? model.tiles?.t : s?.received_ms;
  const last = drawn && seen ? `Last book ${clock(seen)} UTC. ` : "";
  if (state === "lost" && drawn) {
    const wait = Math.max(0, link.nextAt - at);
    const next = link.state === "waiting" ? `The next attempt is in ${duration(wait)}.` : "Trying now.";
    return { title: "The page lost its server", text: `${last}${next} What was missed is filled in afterwards.` };
  }
  if (state === "stale") {
    return { title: `No update for ${duration(model.age(at))}`, text: `${last}Figures withheld.${s.detail ? ` ${s.detail}` : ""}` };
  }
  if (state === "resyncing" && drawn) {
    return { title: "The book is being fetched anew", text: s.detail || `${last}The loss is hatched.` };
  }
  if (state === "throttled") {
    const until = s.next_try_ms ? ` until ${clock(s.next_try_ms)} UTC` : "";
    return { title: `${venue(market)} limits requests${until}`, text: s.detail || "OFI is sampled until then: changes between polls are unseen." };
  }
  if (state === "down" && stack.recorded) return { title: `${venue(market)} is not answering`, text: downText(s, at, model) };
  return null;
}

function emptyOf(stack, state, at) {
  const { model, market, error } = stack;
  const s = model.status, drawn = model.series?.length > 0;
  if (state === "error") return { title: "This market cannot be shown", text: error };
  if (state === "down") {
    return { title: `${venue(market)} is not answering`, text: downText(s, at, model), recorded: drawn };
  }
  if (state === "lost") return { title: "The page has no connection to its server", text: "It keeps trying; nothing needs to be reloaded." };
  if (!model.info) {
    return { title: "Waiting for the server", text: "The view has been asked for.", steps: [["now", "First snapshot of the market", ""]] };
  }
  if (state !== "starting" && firstWindow(model) >= 1) return null;
  if (state !== "starting" && !drawn) return { title: "Waiting for the first book", text: s?.detail || "" };
  const share = firstWindow(model), window = model.info.window_s;
  if (share >= 1 && drawn) return null;
  const got = Math.floor(share * window);
  return {
    title: "Waiting for the first full window",
    text: s?.detail ?? "",
    share,
    steps: [
      [s ? "done" : "now", `Feed of ${venue(market)}`, s && s.updates_per_s ? `${Math.round(s.updates_per_s)}/s` : ""],
      [drawn ? "done" : "now", "First book", ""],
      [drawn ? "now" : "todo", `Filling the first ${span(window)} window`, drawn ? `${got} of ${span(window)}` : ""],
      ["todo", "Score, after 5\u00a0min of data", ""],
    ],
  };
}

function firstWindow(model) {
  const s = model.series;
  if (!s?.length) return 0;
  const { ofi } = s.data;
  for (let k = s.to - 1; k >= s.from; k--) if (ofi[k] === ofi[k]) return 1;
  return Math.min(0.99, (s.last - s.time[s.from]) / 1000 / model.info.window_s);
}

function downText(s, at, model) {
  const now = model.now(at);
  const since = s?.since_ms ? `Since ${clock(s.since_ms)} UTC. ` : "";
  const tries = s?.attempts ? `${s.attempts} ${s.attempts === 1 ? "attempt" : "attempts"} since` : "";
  const wait = s?.next_try_ms && now === now && s.next_try_ms > now ? `the next is in ${duration(s.next_try_ms - now)}` : "";
  const plan = tries || wait ? `${[tries, wait].filter(Boolean).join("; ")}. ` : "";
  const capital = plan && plan[0].toUpperCase() + plan.slice(1);
  return `${s?.detail ? `${s.detail} ` : ""}${since}${capital}Other markets are not affected.`;
}

function steps(list, wanted) {
  const key = JSON.stringify(wanted);
  if (list.ofi === key) return;
  list.ofi = key;
  list.replaceChildren(
    ...wanted.map(([kind, words, time]) => {
      const item = document.createElement("li");
      item.className = kind;
      const [name, value] = [document.createElement("span"), document.createElement("span")];
      name.textContent = words;
      value.textContent = time;
      item.append(name, value);
      return item;
    }),
  );
}
