// How the panels of a tab are laid out: which, in what order, and as rows how high. The same text stands in the
// address (`book-ofi.5-flow.4`: a row, and its height in units of 24 px; the row without one takes the rest). Each
// tab takes those that it has, and is as it comes where none is named. Their holder has `data-rows`: what is named
// there takes the rest where nobody chose, else the first does. With `data-tiles` they stand side by side and have no height.

export const VERSION = 3;
export const UNIT_PX = 24;
export const MOST_SAVED = 40;
const LOWEST = 3, HIGHEST = 40, USUAL = 5, FREE_PX = 120;
export const MOST_MARKETS = 4; // in view
const MOST_ROWS = 40, MOST_NAME = 40;
const MARKET = /^[a-z0-9_-]+:\S{1,80}$/, TABS = ["", "flow", "evidence", "trades", "quality"];
const PART = /^([a-z]{1,16})(?:\.(\d{1,2}))?$/;

export const PRESETS = [
  { name: "Desk", layout: "", title: "All panels, as the page comes" },
  { name: "Book only", layout: "book", title: "The heatmap and the depth alone" },
  { name: "Flow", layout: "ofi-levels.8-flow.8", title: "Order flow and takers, without the book" },
];

/**
 * Reads a layout.
 * @returns {{row: string, units: number | null}[] | null} null: as the page comes
 */
export function parse(text) {
  if (typeof text !== "string" || !text) return null;
  const rows = new Map();
  for (const part of text.split("-").slice(0, MOST_ROWS)) {
    const [, row, units] = PART.exec(part) ?? [];
    if (row && !rows.has(row)) rows.set(row, { row, units: units === undefined ? null : clamp(Number(units)) });
  }
  return rows.size ? [...rows.values()] : null;
}

export const format = (rows) => rows.map(({ row, units }) => (units === null ? row : `${row}.${units}`)).join("-");

const clamp = (units) => Math.max(LOWEST, Math.min(HIGHEST, units));

/** The holders of rows within an element, one a tab. */
export const holdersOf = (element) => [...element.querySelectorAll("[data-rows]")];

/** What a layout names of one tab; of its rows one alone is without a height. */
export function namedOf(text, holder) {
  const names = panelsOf(holder).map((panel) => panel.dataset.row);
  const rows = parse(text)?.filter(({ row }) => names.includes(row)) ?? [];
  if (isTiled(holder)) return rows.map(({ row }) => ({ row, units: null }));
  const free = rows.find(({ units }) => units === null) ?? rows.find(({ row }) => row === holder.dataset.rows) ?? rows[0];
  return rows.map((one) => ({ ...one, units: one === free ? null : one.units ?? USUAL }));
}

/** What a layout names that no tab of the page has. */
export function unknownOf(text) {
  const named = (holder) => [...holder.querySelectorAll("[data-row]")].map((one) => one.dataset.row);
  const known = new Set([...document.querySelectorAll("template[id^=pane-]")].flatMap(({ content }) => named(content)));
  return parse(text)?.map(({ row }) => row).filter((row) => !known.has(row)) ?? [];
}

/** The rows of one tab as a layout has them, or as they come. */
export function rowsOf(text, holder) {
  const rows = namedOf(text, holder);
  return rows.length ? rows : usual(holder);
}

/** A layout with the rows of one tab changed; those of the first tab come first, whichever was changed before. */
export function changed(text, holder, rows) {
  const own = new Set(namedOf(text, holder).map(({ row }) => row)), others = parse(text)?.filter(({ row }) => !own.has(row)) ?? [];
  const [first] = holdersOf(holder.closest(".panes"));
  return format(holder === first ? [...rows, ...others] : [...others, ...rows]);
}

/** What a panel is called. */
export const titleOf = (panel) => panel.querySelector("h3")?.textContent || panel.dataset.metric || panel.dataset.row;

/** Whether the panels of a holder stand side by side, in no heights of their own. */
export const isTiled = (holder) => "tiles" in holder.dataset;

/** The rows of a tab as it comes: order and heights that the style sheet gives. */
function usual(rows) {
  const heights = getComputedStyle(rows).gridTemplateRows.match(/[a-z-]+\([^)]*\)|\S+/g) ?? [];
  const shown = panelsOf(rows).filter((panel) => getComputedStyle(panel).display !== "none"); // narrow stacks lack one
  const free = rows.dataset.rows || shown[0]?.dataset.row;
  const units = (row, k) => (isTiled(rows) || row === free ? null : Math.round(parseFloat(heights[k]) / UNIT_PX) || USUAL);
  return shown.map(({ dataset: { row } }, k) => ({ row, units: units(row, k) }));
}

const panelsOf = (rows) => [...rows.querySelectorAll(":scope > .panel[data-row]")];

/** Gives the rows of a tab their heights: where its window is too low they give way together. None: as they come. */
export function size(holder, rows) {
  const free = rows.find(({ units }) => units === null);
  holder.classList.toggle("laid", rows.length > 0);
  if (isTiled(holder)) return;
  for (const panel of panelsOf(holder)) {
    const one = rows.find(({ row }) => row === panel.dataset.row);
    panel.classList.toggle("free", one !== undefined && one === free);
    panel.style.flex = !one ? "" : one === free ? `1 0 ${FREE_PX}px` : `0 1 ${one.units * UNIT_PX}px`;
  }
}

/** Lays out the rows of a stack; a row that no longer exists is passed over, one not named is hidden. */
export function apply(rows, text) {
  const panels = panelsOf(rows), wanted = namedOf(text, rows);
  const key = format(wanted);
  if ((rows.dataset.layout ?? "") === key) return false;
  rows.dataset.layout = key;
  size(rows, wanted);
  for (const panel of panels) {
    const at = wanted.findIndex(({ row }) => row === panel.dataset.row);
    // Off, a row keeps its width: the time axis of the others rests on it.
    panel.classList.toggle("off", wanted.length > 0 && at < 0);
    panel.style.order = wanted.length ? String(at) : "";
  }
  // The time axis is printed below the first and the last row that are shown.
  const shown = shownOf(rows);
  for (const panel of panels) {
    panel.dataset.strip ??= String(panel.querySelector(".cv")?.classList.contains("strip"));
    const ends = wanted.length ? panel === shown[0] || panel === shown.at(-1) : panel.dataset.strip === "true";
    panel.querySelector(".cv")?.classList.toggle("strip", ends);
  }
  return true;
}

/** The panels that are shown, from top to bottom. */
export function shownOf(rows) {
  return panelsOf(rows).filter((panel) => !panel.classList.contains("off")).sort((a, b) => Number(a.style.order) - Number(b.style.order));
}

/** Changes of a layout; each gives a new list. */
export const change = {
  move: (rows, row, by) => {
    const at = rows.findIndex((one) => one.row === row), to = at + by;
    if (at < 0 || to < 0 || to >= rows.length) return rows;
    const next = [...rows];
    [next[at], next[to]] = [next[to], next[at]];
    return next;
  },
  place: (rows, row, before) => {
    const one = rows.find((other) => other.row === row), rest = rows.filter((other) => other !== one);
    const at = before === null ? rest.length : rest.findIndex((other) => other.row === before);
    if (!one || at < 0) return rows;
    return [...rest.slice(0, at), one, ...rest.slice(at)];
  },
  // The last row stays: a page without any would say nothing.
  toggle: (rows, row, tiled = false) => {
    if (!rows.some((one) => one.row === row)) return [...rows, { row, units: tiled ? null : USUAL }];
    const rest = rows.filter((one) => one.row !== row);
    if (!rest.length) return rows;
    return rest.some(({ units }) => units === null) ? rest : [{ ...rest[0], units: null }, ...rest.slice(1)];
  },
  // The lower edge of a row goes down: above the one that takes the rest it grows by itself, else the next gives way.
  stretch: (rows, row, by) => {
    const at = rows.findIndex((one) => one.row === row), free = rows.findIndex(({ units }) => units === null);
    if (at < free) return change.grow(rows, row, by);
    const one = rows[at], next = rows[at + 1], given = next ? next.units - clamp(next.units - by) : 0;
    const units = one.units === null ? null : clamp(one.units + given), moved = units === null ? given : units - one.units;
    return rows.map((other) => (other === one ? { ...one, units } : other === next ? { ...next, units: next.units - moved } : other));
  },
  grow: (rows, row, by) => rows.map((one) => (one.row === row && one.units !== null ? { ...one, units: clamp(one.units + by) } : one)),
};

/**
 * Reads a file: an object with a version, migrated to the present one.
 * @returns {{version: number, layouts: {name: string, layout: string, markets: string[], tab: string}[]}}
 * @throws {Error} with one sentence for the user
 */
export function readSaved(text) {
  const layouts = listOf(text);
  if (layouts.length > MOST_SAVED) throw new Error(`The file holds more than ${MOST_SAVED} layouts.`);
  return { version: VERSION, layouts: layouts.map(checked) };
}

/**
 * Reads what the browser kept, each layout by itself; of one name the first counts.
 * @param {string[]} texts each as a file is
 * @returns {{layouts: object[], left: string[]}} `left`: what this page cannot read or has no room for, as texts of the same form
 */
export function readKept(texts) {
  const found = new Map(), left = [];
  for (const text of texts) {
    let list = [];
    try {
      list = listOf(text);
    } catch {
      left.push(text);
    }
    for (const one of list) {
      try {
        const layout = checked(one);
        if (found.size >= MOST_SAVED || found.has(layout.name)) throw new Error("There is no room for it.");
        found.set(layout.name, layout);
      } catch {
        left.push(JSON.stringify({ version: VERSION, layouts: [one] }));
      }
    }
  }
  return { layouts: [...found.values()], left: [...new Set(left)] };
}

/** The layouts of a text, of the present version but not checked. */
function listOf(text) {
  if (text.length > 100_000) throw new Error("The file is too long to be a layout of this page.");
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error("The file is no layout of this page: it is not JSON.");
  }
  if (!value || typeof value !== "object" || !Number.isInteger(value.version)) throw new Error("The file is no layout of this page: it names no version.");
  if (value.version > VERSION) throw new Error(`The file is of version ${value.version}; this page reads up to ${VERSION}.`);
  if (value.version < 1) throw new Error(`The file is of version ${value.version}, which never was.`);
  const { layouts } = migrate(value);
  if (!Array.isArray(layouts)) throw new Error("The file is no layout of this page: it holds no list of layouts.");
  return layouts;
}

/** Version 1 kept rows as a list, and no height; version 2 no markets and no tab: they stay as they are. */
function migrate({ version, layouts }) {
  if (version === VERSION || !Array.isArray(layouts)) return { layouts };
  const joined = (one) => (Array.isArray(one?.rows) ? one.rows.join("-") : one?.rows);
  return { layouts: layouts.map((one) => ({ name: one?.name, layout: version === 1 ? joined(one) : one?.layout, markets: [], tab: "" })) };
}

function checked(one) {
  const name = typeof one?.name === "string" ? one.name.trim() : "";
  if (!name || name.length > MOST_NAME) throw new Error(`A layout has a name of 1 to ${MOST_NAME} characters.`);
  if (typeof one.layout !== "string" || (one.layout && !one.layout.split("-").every((part) => PART.test(part)))) {
    throw new Error(`The layout “${name}” cannot be read.`);
  }
  const { layout, markets, tab } = one;
  const held = Array.isArray(markets) && markets.length <= MOST_MARKETS && new Set(markets).size === markets.length;
  if (!held || !markets.every((market) => typeof market === "string" && MARKET.test(market))) {
    throw new Error(`The markets of the layout “${name}” cannot be read.`);
  }
  if (!TABS.includes(tab)) throw new Error(`The tab of the layout “${name}” is none of this page.`);
  return { name, layout, markets, tab };
}

/** What a saved layout changes of a view: rows, and the markets and the tab that it keeps. */
export function wishOf({ layout, markets, tab }) {
  return { layout, ...(markets.length ? { markets } : {}), ...(tab ? { tab } : {}) };
}

/** The name of the layout that a view has: a saved one with its markets, else one with its rows; "" for none. */
export function nameOf(view, saved) {
  const rows = (one) => one.layout === view.layout, same = (one) => one.markets.join() === view.markets.join();
  return (saved.find((one) => rows(one) && same(one)) ?? PRESETS.find(rows) ?? saved.find(rows))?.name ?? "";
}
