// How the rows of the tab Book & flow are drawn: choices of their menus, kept in the address, and their words.
import { linesOf } from "./bars.js";
import { number, percent, size, span } from "./format.js";
import { DECADES, manual } from "./ramps.js";
import { write } from "./texts.js";

const GROUPS = [
  ["auto", "auto"], ["1t", "1 tick"], ...[2, 5, 10, 20, 50, 100].map((n) => [`${n}t`, `${n} ticks`]),
  ...[1, 2, 5, 10].map((n) => [`${n}bp`, `${n} bps`]),
];
const HEATS = [["log", `log, ${DECADES} decades`], ["linear", "linear"]];
const CLIPS = [["95", "95 %"], ["98", "98 %"], ["99", "99 %"], ["99.5", "99.5 %"], ["100", "100 %"]];
const RAMPS = [["tide", "tide"], ["viridis", "viridis"], ["cividis", "cividis"], ["greys", "greys"]];

/** Entries of the menu (panels.js): of a market of which nothing has come, those that need nothing of it. */
export function bookMenu(pane) {
  const { options, model: { info } } = pane, choose = (name) => (value) => pane.stack.page.choose({ [name]: value });
  const [low, high] = manual(options.sizes) ?? [0, Number(pane.strongest.toPrecision(3))];
  return [
    ...(info ? [{ words: "Zoom in on prices", run: () => zoomPrices(pane, 0.5) }, { words: "Zoom out of prices", run: () => zoomPrices(pane, 2) }] : []),
    { group: "Price rows", choices: GROUPS, value: options.group, run: choose("group") },
    { group: "Colour of sizes", choices: HEATS, value: options.heat, run: choose("heat") },
    { group: "Strongest colour from", choices: CLIPS, value: options.sizes === "auto" ? options.clip : "", run: (clip) => pane.stack.page.choose({ clip, sizes: "auto" }) },
    ...(info && high === high ? [sizesForm(pane, [low, high])] : []), // drawn first: only then is a strongest colour known
    { group: "Ramp", choices: RAMPS, value: options.ramp, run: choose("ramp") },
  ];
}

/** The sizes that take the weakest and the strongest colour, to type. */
function sizesForm({ model: { info }, stack }, sizes) {
  return {
    form: `Colour from size, to size (${info.unit})`, values: sizes.map(typed), button: "Set",
    run: (texts) => {
      const range = texts.map((text) => text.trim().replaceAll(",", "")).join("~");
      if (!/^\d{1,12}(\.\d{1,8})?~\d{1,12}(\.\d{1,8})?$/.test(range) || !manual(range)) return "Two sizes, the smaller first, for example 0.1 and 20.";
      stack.page.choose({ sizes: range });
      return "";
    },
  };
}

/** Shows fewer prices, or more, about the middle of those in view. */
function zoomPrices({ model, ranges, stack }, factor) {
  const [low, high] = ranges.price(model), middle = (low + high) / 2, half = Math.max(model.info.tick, (factor * (high - low)) / 2);
  stack.moved("price", [middle - half, middle + half], true);
}

/** A size as it may be typed: `0.0000001`, never `1e-7`. */
const typed = (v) => v.toFixed(8).replace(/\.?0+$/, "");

/** `Group 0.20 · log, 99.5 %` */
export function bookWords({ options, model: { info } }) {
  if (!options || !info.group) return "";
  const range = manual(options.sizes);
  const scale = range ? `${size(range[0])} to ${size(range[1])}` : percent(options.clip / 100, options.clip.includes(".") ? 1 : 0);
  return `Group ${number(info.group * info.tick, info.price_decimals)} \u00b7 ${options.heat}, ${scale}`;
}

const MAINS = [["best", "best quotes"], ["multi", "multilevel"], ["integrated", "integrated"]];
const LINES = [["integrated", "integrated"], ["multi", "multilevel"], ["best", "best quotes"], ["both", "both"], ["none", "none"]];

/** Which OFI is drawn as bars, with its score and distribution, and which as a line over them. */
export function ofiMenu({ options, stack }) {
  return [
    { group: "Bars, score and distribution", choices: MAINS, value: options.main, run: (main) => stack.page.choose({ main }) },
    { group: "Line over the bars", choices: LINES, value: options.line, run: (line) => stack.page.choose({ line }) },
  ];
}

const levelWords = (info) => (info.depth === 1 ? "level 1" : `${info.depth} levels`);

/** `OFI`, `multilevel OFI`, `integrated OFI`: what the bars are. */
export function kindWords({ standing }) {
  return { multi: "multilevel OFI", integrated: "integrated OFI" }[standing.name] ?? "OFI";
}

/** Title, line and legend of the OFI panel. */
export function ofiWords({ options, model, f }) {
  const { info, standing } = model, window = span(info.window_s), levels = levelWords(info), kind = kindWords(model);
  const what = {
    multi: `Sum of ${levels}. Above zero: buying pressure.`,
    integrated: `${capital(levels)} weighted by what moves together. Above zero: buying.`,
  }[standing.name] ?? "Net size joining bids and leaving asks. Above zero: buying pressure.";
  write(f["title-ofi"], `${capital(kind)}, ${window}`);
  write(f["line-ofi"], what);
  const names = { ofi: "best quotes", multi: `multilevel, ${levels}`, integrated: `integrated, ${levels}` };
  const lines = linesOf(options?.line, standing.name), both = lines.length > 1;
  write(f["legend-ofi"], both ? `integrated, dashed multilevel, ${levels}` : lines.length ? names[lines[0]] : "");
}

const capital = (words) => words[0].toUpperCase() + words.slice(1);
