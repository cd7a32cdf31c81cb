// What Dash makes for a page that stands without it: controls, axes and the grid come when they are made.
import { h } from "./dom.js";
import { inOrder, parts } from "./parts.js";

const AGAIN_MS = 4000;
const LOOK_MS = 20, LONGEST_MS = 1500; // for the first drawing: a page may have none for long
let ready = false;
const waiting = [];
const asked = new Set(); // holders

/** Sets properties of a component of Dash; what is set before Dash is there waits for it. */
export function set(id, props) {
  if (ready) window.dash_clientside.set_props(id, props);
  else waiting.push([id, props]);
}

/** Loads Dash once the page is `drawn()`: its scripts are megabytes, and would take the first drawing its time. */
export async function bring(drawn) {
  const began = performance.now();
  while (!drawn() && performance.now() - began < LONGEST_MS) await new Promise((next) => setTimeout(next, LOOK_MS));
  const holder = document.getElementById("scripts"), all = [...holder.querySelector("template").content.children];
  await inOrder(all.filter(({ src }) => src).map(({ src }) => src), holder);
  const starts = all.find(({ src }) => !src);
  holder.append(h("script", { id: starts.id, text: starts.text }));
}

/** Waits for an element. */
export function element(id) {
  return new Promise((found) => {
    const look = () => {
      const one = document.getElementById(id);
      if (one) {
        watcher.disconnect();
        found(one);
      }
    };
    const watcher = new MutationObserver(look);
    watcher.observe(document.documentElement, { childList: true, subtree: true });
    look();
  });
}

/**
 * Puts what Dash has made into its slots, and follows its view: `view(text)` is called with every answer.
 * React hears events at its root alone: the page goes below it, but not under a press, whose click would be lost.
 */
export async function adopt(view) {
  const free = presses(), made = await element("made");
  await free();
  place(document.getElementById("react-entry-point"), document.getElementById("app"));
  for (const one of made.querySelectorAll("[data-into]")) place(document.querySelector(`[data-slot="${one.dataset.into}"]`), one);
  const answers = document.getElementById("view");
  const hear = () => {
    if (!answers.dataset.view) return;
    if (!ready) begin();
    view(answers.dataset.view);
  };
  new MutationObserver(hear).observe(answers, { attributes: true, attributeFilter: ["data-view"] });
  hear();
}

/** Follows from now on whether a button or a finger is down; @returns {() => Promise<void>} waits until none is */
function presses() {
  const over = new AbortController(), heard = { capture: true, signal: over.signal };
  let down = false;
  addEventListener("pointerdown", () => (down = true), heard);
  for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => setTimeout(() => (down = false)), heard); // a click follows at once
  return async () => {
    while (down) await new Promise((next) => setTimeout(next, LOOK_MS));
    over.abort();
  };
}

function begin() {
  ready = true;
  for (const [id, props] of waiting.splice(0)) set(id, props);
}

/** Moves an element; where the browser can, focus and scrolling stay as they are. */
function place(parent, one) {
  if (parent.moveBefore && one.isConnected) parent.moveBefore(one, null);
  else parent.append(one);
}

/** Puts axes of Dash over the charts of a stack; false while there are none to give. */
export function giveAxes(stack) {
  const to = stack.querySelector(".axes-place");
  if (!to || to.firstChild) return true;
  const free = ready && document.querySelector("#made > .axes-holder");
  if (!free) return false;
  place(to, free);
  want(free.id);
  return true;
}

/** Takes the axes of a stack that goes: another will need them, and they are React's to remove. */
export function takeAxes(stack) {
  const one = stack.querySelector(".axes-holder");
  if (one) place(document.getElementById("made"), one);
}

/** Has Dash make what belongs into a holder, and asks again while the answer does not come. */
export async function want(id) {
  if (asked.has(id)) return;
  asked.add(id);
  const holder = await element(id);
  await parts(holder.dataset.parts.split(" "));
  for (let time = 1; !holder.firstChild; time++) {
    set(id, { "data-wanted": time });
    await new Promise((next) => setTimeout(next, AGAIN_MS));
  }
}
