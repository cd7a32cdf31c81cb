// Scripts that Dash would ask for only when a component needs them, and only once: an answer that fails then
// leaves React drawing the same fault for ever. So they are here before the component is made.
import { h } from "./dom.js";

const FIRST_WAIT_MS = 500, LONGEST_WAIT_MS = 15000;
const found = new Map(); // path → promise of its having run

/** Runs scripts of Dash's component suites, each once; tries until it has. */
export function parts(paths) {
  for (const path of paths) if (!found.has(path)) found.set(path, run(path));
  return Promise.all(paths.map((path) => found.get(path)));
}

/** Runs scripts one after the other, in a place where they stay: scripts of Dash look for others beside them. */
export async function inOrder(sources, place) {
  for (const src of sources) fetch(src).catch(() => {}); // they come side by side, if into the browser's cache alone
  for (const src of sources) await until(src, place);
}

function run(path) {
  return until(new URL(`_dash-component-suites/${path}`, document.baseURI).href);
}

async function until(src, place) {
  for (let wait = FIRST_WAIT_MS; !(await tried(src, place)); wait = Math.min(LONGEST_WAIT_MS, 2 * wait)) {
    await new Promise((next) => setTimeout(next, wait));
  }
}

function tried(src, place = null) {
  return new Promise((done) => {
    const end = (event) => {
      if (!place || event.type === "error") event.target.remove();
      done(event.type === "load");
    };
    (place ?? document.head).append(h("script", { src, async: !place, onload: end, onerror: end })); // Dash looks past async ones
  });
}
