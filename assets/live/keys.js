// The keyboard: one table of keys, off while the user types or a dialog is open.

const CHOICE = "input[readonly][aria-haspopup=listbox]"; // nothing is typed there

/** Binds keys to actions: `actions` has `market`, `tab`, `step`, `list`, `crosshair`, … */
export function bindKeys(actions) {
  const table = {
    "/": actions.market,
    "[": () => actions.step("window", -1), "]": () => actions.step("window", 1),
    "-": () => actions.step("depth", -1), "=": () => actions.step("depth", 1), "+": () => actions.step("depth", 1),
    ",": () => actions.step("range", -1), ".": () => actions.step("range", 1),
    "0": actions.resetZoom,
    "?": actions.help, s: actions.share, t: actions.theme, c: actions.colours, l: actions.layout, f: actions.fullScreen,
    ArrowUp: () => actions.list(-1), ArrowDown: () => actions.list(1),
    " ": actions.freeze,
  };
  for (const key of ["ArrowLeft", "ArrowRight", "Home", "End"]) table[key] = (event) => actions.crosshair(key, event.shiftKey);
  for (let k = 1; k <= 9; k++) table[k] = () => actions.tab(k - 1);
  // A press on the charts has the keys there again: they take it for themselves, and the focus would stay behind.
  document.addEventListener("pointerdown", ({ target }) => {
    const { activeElement } = document;
    if (activeElement?.matches(CHOICE) && target.closest?.("#stacks")) activeElement.blur();
  }, true);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return actions.escape(event);
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || resting(event.target)) return;
    if (event.defaultPrevented || own(event)) return; // the charts in focus have taken it
    const action = table[event.key] ?? table[event.key.toLowerCase()];
    // An action that had nothing to do says so with false: the key keeps its usual meaning.
    if (action && action(event) !== false) event.preventDefault();
  });
}

/** Typing, and dialogs, which have keys of their own; nobody types in one that has just closed, nor in a list of choices. */
function resting(target) {
  if (document.querySelector("dialog[open]") !== null) return true;
  if (target.matches?.(CHOICE)) return target.dataset.expanded === "true";
  return target.closest?.("input, textarea, select, [contenteditable], [role=listbox]") && !target.closest("dialog");
}

/** Keys that the element in focus takes for itself. */
function own(event) {
  const { key, target } = event;
  if (key === " " || key === "Enter") return target.closest?.(`button, a, [role=option], ${CHOICE}`) !== null;
  if (/^(Arrow|Home|End)/.test(key)) return target.closest?.(`.ag-root, [role=tablist], [role=radiogroup], ${CHOICE}`) !== null || scrolls(key, target.closest?.("[role=region][tabindex]"));
  return false;
}

/** Whether an element has more than it shows, the way of a key. */
function scrolls(key, element) {
  if (!element) return false;
  const across = key === "ArrowLeft" || key === "ArrowRight";
  return across ? element.scrollWidth > element.clientWidth : element.scrollHeight > element.clientHeight;
}
