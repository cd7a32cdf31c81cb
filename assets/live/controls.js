// Header buttons that need no server: freeze, share, tabs, and stepping the controls.
import { feeOption } from "./evidence_words.js";
import { present } from "./states.js";
import { write } from "./texts.js";

const SECOND_MS = 1000;

export function bindControls(page) {
  const on = (id, action) => document.getElementById(id)?.addEventListener("click", action);
  on("freeze", () => freeze(page));
  on("share", () => share(page));
  on("more", () => toggleMenu());
  on("theme", () => page.want({ theme: page.view.theme === "light" ? "dark" : "light" }));
  bindSelects(page);
  bindTabs(page);
  bindBins(page);
  document.addEventListener("click", (event) => {
    if (!event.target.closest?.("#controls, #more, [data-portal]")) toggleMenu(false);
  });
}

const FIELDS = { depth: "depth", window: "window_s", range: "range_s", lookback: "lookback_s", zone: "zone" };

/** An option of a select of Dash was chosen: it is shown before Dash has asked the server. */
function bindSelects(page) {
  document.addEventListener("click", (event) => {
    const option = event.target.closest?.("[data-combobox-option]"), list = option?.closest("[role=listbox]");
    const field = list && FIELDS[document.querySelector(`[aria-controls="${CSS.escape(list.id)}"]`)?.id], value = option?.getAttribute("value");
    if (field && value && value !== String(page.view[field])) page.foresee({ [field]: field === "zone" ? value : Number(value) });
  }, { capture: true });
}

function bindTabs(page) {
  const list = document.getElementById("tabs");
  list.addEventListener("click", (event) => turn(page, event.target.closest("[role=tab]")));
  list.addEventListener("keydown", (event) => {
    const all = [...list.querySelectorAll("[role=tab]")], at = all.indexOf(document.activeElement);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    const next = all.at(to % all.length);
    next.focus();
    turn(page, next);
  });
}

function bindBins(page) {
  document.getElementById("bins")?.addEventListener("click", (event) => {
    const bin = Number(event.target.closest("[data-bin]")?.dataset.bin);
    if (!bin || !page.view || page.view.bin_s === bin) return;
    page.want({ bin_s: bin });
  });
}

/** Marks the length of the bins that is shown. */
export function showBins(bin) {
  for (const one of document.querySelectorAll("#bins [data-bin]")) one.setAttribute("aria-pressed", String(Number(one.dataset.bin) === bin));
}

/** Turns to a tab at once; the address follows. */
export function turn(page, button) {
  if (!button || !page.view || page.tab === button.dataset.tab) return;
  page.want({ tab: button.dataset.tab });
}

/** Holds the view at the newest second that it has, or follows the present again. */
export function freeze(page) {
  const end = page.frozen ? null : newest(page);
  if (Number.isNaN(end)) return;
  page.travel.settled();
  page.want({ end_ms: end });
}

/** The newest whole second of which all stacks have figures: the step in progress ends in the future. */
function newest(page) {
  const at = performance.now();
  const reached = [...page.stacks.values()].flatMap(({ element, model }) => [
    model.now(at), ...(present(element.dataset.state) ? [model.tiles?.t] : []), // of a market that is down the last may be hours old
  ]);
  return Math.floor(Math.min(page.edge, ...reached.filter((t) => t > 0)) / SECOND_MS) * SECOND_MS;
}

export async function share(page) {
  const label = document.getElementById("share-label"), fee = feeOption();
  if (fee !== null && page.view.options.fee === "own") page.choose({ fee }); // whoever opens it has another
  // The address follows what is shown; what it does not say yet must not be missing from the copy.
  await page.wishes.answered();
  page.travel.tell();
  const said = await navigator.clipboard?.writeText(location.href).then(() => "Address copied", () => null);
  write(label, said ?? "Copy it from the address bar");
  setTimeout(() => write(label, "Share view"), 2500);
}

/** Opens or closes the controls that a narrow page folds away; tells whether anything changed. */
export function toggleMenu(shown) {
  const controls = document.getElementById("controls"), before = controls.classList.contains("open");
  const open = controls.classList.toggle("open", shown);
  document.getElementById("more").setAttribute("aria-expanded", String(open));
  return open !== before;
}

/** Moves a select to its next or previous option. */
export function step(page, name, by) {
  const steps = JSON.parse(document.getElementById("controls").dataset.steps)[name], present = page.view[FIELDS[name]];
  const next = by > 0 ? steps.find((v) => v > present) : [...steps].reverse().find((v) => v < present);
  if (next !== undefined) page.want({ [FIELDS[name]]: next });
}
