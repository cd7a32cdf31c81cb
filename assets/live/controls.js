// Header buttons and keys that need no server: freeze, share, search, and stepping the controls.
import { write } from "./texts.js";

const set = (id, props) => window.dash_clientside?.set_props(id, props);

export function bindControls(page) {
  const on = (id, action) => document.getElementById(id)?.addEventListener("click", action);
  on("freeze", () => freeze(page));
  on("share", share);
  on("more", toggleControls);
  document.addEventListener("keydown", (event) => key(event, page));
  document.addEventListener("click", (event) => {
    if (!event.target.closest?.("#controls, #more, [data-portal]")) closeControls();
  });
}

/** Holds the view at its present end, or follows the present again. */
export function freeze(page) {
  const end = page.frozen || !(page.edge > 0) ? null : Math.round(page.edge);
  if (!page.frozen && end === null) return;
  page.frozen = end !== null;
  page.held = end;
  set("frozen", { data: { end_ms: end } });
}

async function share() {
  const label = document.getElementById("share-label");
  const said = await navigator.clipboard?.writeText(location.href).then(() => "Address copied", () => null);
  write(label, said ?? "Copy it from the address bar");
  setTimeout(() => write(label, "Share view"), 2500);
}

function toggleControls() {
  const open = document.getElementById("controls").classList.toggle("open");
  document.getElementById("more").setAttribute("aria-expanded", String(open));
}

function closeControls() {
  document.getElementById("controls")?.classList.remove("open");
  document.getElementById("more")?.setAttribute("aria-expanded", "false");
}

/** Moves a select to its next or previous option. */
function step(name, by) {
  const steps = JSON.parse(document.getElementById("controls").dataset.steps)[name];
  const view = JSON.parse(document.getElementById("view").dataset.view || "{}");
  const present = view[{ depth: "depth", window: "window_s", range: "range_s" }[name]];
  const next = by > 0 ? steps.find((v) => v > present) : [...steps].reverse().find((v) => v < present);
  if (next !== undefined) set(name, { value: String(next) });
}

const KEYS = {
  "[": () => step("window", -1), "]": () => step("window", 1),
  "-": () => step("depth", -1), "=": () => step("depth", 1),
  ",": () => step("range", -1), ".": () => step("range", 1),
  s: share, t: () => document.getElementById("theme")?.click(),
};

function key(event, page) {
  if (event.key === "Escape") return closeControls();
  const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") {
    event.preventDefault();
    document.querySelector("#markets")?.focus();
  } else if (event.key === " ") {
    if (event.target.closest?.("button, a, [role=option]")) return;
    event.preventDefault();
    freeze(page);
  } else if (event.key === "0") {
    for (const stack of page.stacks.values()) stack.resetZoom();
  } else {
    KEYS[event.key.toLowerCase()]?.();
  }
}
