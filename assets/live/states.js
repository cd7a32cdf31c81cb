// What state a stack is in, and the pill, note and waiting frame that show it; the sentences are in said.js.
import { duration } from "./format.js";
import { learning, noteOf, waitOf } from "./said.js";
import { write } from "./texts.js";

const PILLS = {
  live: "Live", starting: "Starting", resyncing: "Resyncing", stale: "Stale", throttled: "Throttled",
  down: "Down", lost: "Not connected", expired: "Session expired", error: "Not shown", frozen: "Frozen",
};
const LOST_AFTER_MS = 1500; // a reconnect this quick is nobody's business

/** Whether the way to the server is broken: it is silent, or has been gone for longer than a quick reconnect takes. */
export const cutOff = (link, at) => Boolean(link.silent) || (link.state !== "open" && at - link.since > LOST_AFTER_MS);

/** The state to show: the feed's, unless the way to the server itself is broken. */
export function stateOf(model, link, error, frozen, at) {
  if (error) return "error";
  if (link.state !== "open" && link.expired) return "expired";
  if (cutOff(link, at)) return "lost";
  if (frozen) return "frozen";
  return model.status?.state ?? "starting";
}

/** Whether present figures may be shown as present. */
export const present = (state) => ["live", "throttled", "starting", "frozen"].includes(state);

/** From when on nothing is known, ms of the market's clock; NaN when the present is known. */
export function missingSince(model, state) {
  const s = model.status;
  if (state === "lost" || state === "expired") return model.series?.last ?? NaN;
  if (!s || !["stale", "resyncing", "down"].includes(state)) return NaN;
  return s.received_ms ?? NaN;
}

/** Fills the pill, the note over the book and what stands in its place. */
export function show(stack, state, at) {
  const { f, model } = stack;
  const learns = state === "live" && learning(model);
  if (stack.element.dataset.state !== state) stack.element.dataset.state = state;
  if (stack.element.dataset.learning !== String(learns)) stack.element.dataset.learning = learns;
  const since = model.age(at);
  const long = state === "stale" && since === since ? ` ${duration(since)}` : "";
  const word = learns ? "Learning" : PILLS[state] + long;
  write(f.state, word);
  write(f["q-state"], state === "live" ? "Feed live" : PILLS[state]);
  // A tab that tells of states itself needs no note over it, once it has something to show.
  const quiet = stack.pane.tellsStates && model.info && state !== "error" && state !== "expired";
  const note = quiet ? null : noteOf(stack, state, at), wait = quiet || note ? null : waitOf(stack, state, at);
  fill(stack.note, note, f, "note");
  fill(stack.empty, wait, f, "empty");
  if (wait) steps(f["empty-steps"], wait.steps ?? []);
  const bar = f["empty-bar"]?.parentElement;
  if (bar) {
    const none = !wait || wait.share === undefined;
    if (bar.hidden !== none) bar.hidden = none;
    // What has been reached stays reached, whichever step tells of it.
    stack.reached = bar.hidden ? 0 : Math.max(stack.reached ?? 0, Math.min(1, wait.share));
    if (!bar.hidden) f["empty-bar"].style.width = `${Math.round(stack.reached * 100)}%`;
  }
}

function fill(element, content, f, prefix) {
  if (element.hidden !== !content) element.hidden = !content;
  if (!content) return;
  write(f[`${prefix}-title`], content.title);
  write(f[`${prefix}-text`], content.text);
  for (const button of element.querySelectorAll("[data-act]")) {
    const words = content.acts?.[button.dataset.act];
    if (button.hidden !== !words) button.hidden = !words;
    if (!words) continue;
    write(button, words);
    button.setAttribute("aria-label", words);
    if (button.dataset.act === "try") button.disabled = words !== "Try now";
    if (button.dataset.act === "sign-in") button.href = `login?next=${encodeURIComponent(location.pathname + location.search)}`;
  }
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
