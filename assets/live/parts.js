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

async function run(path) {
  const src = new URL(`_dash-component-suites/${path}`, document.baseURI).href;
  for (let wait = FIRST_WAIT_MS; !(await tried(src)); wait = Math.min(LONGEST_WAIT_MS, 2 * wait)) {
    await new Promise((next) => setTimeout(next, wait));
  }
}

function tried(src) {
  return new Promise((done) => {
    const end = (event) => {
      event.target.remove();
      done(event.type === "load");
    };
    document.head.append(h("script", { src, onload: end, onerror: end }));
  });
}
