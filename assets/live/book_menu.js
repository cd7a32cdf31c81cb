// How the rows of the tab Book & flow are drawn: choices of their menus, kept in the address, and their words.
import { number, percent, size } from "./format.js";
import { manual } from "./ramps.js";

const GROUPS = [
  ["auto", "auto"], ["1t", "1 tick"], ...[2, 5, 10, 20, 50, 100].map((n) => [`${n}t`, `${n} ticks`]),
  ...[1, 2, 5, 10].map((n) => [`${n}bp`, `${n} bps`]),
];
const HEATS = [["log", "log"], ["linear", "linear"]];
const CLIPS = [["95", "95 %"], ["98", "98 %"], ["99", "99 %"], ["99.5", "99.5 %"], ["100", "100 %"]];
const RAMPS = [["tide", "tide"], ["viridis", "viridis"], ["cividis", "cividis"], ["greys", "greys"]];

/** Entries of the menu (panels.js). */
export function bookMenu(pane) {
  const { options, model } = pane, choose = (name) => (value) => pane.stack.page.choose({ [name]: value });
  const [low, high] = manual(options.sizes) ?? [0, Number(pane.heatmap.span[1].toPrecision(3))];
  return [
    { group: "Price rows", choices: GROUPS, value: options.group, run: choose("group") },
    { group: "Colour of sizes", choices: HEATS, value: options.heat, run: choose("heat") },
    { group: "Strongest colour from", choices: CLIPS, value: options.sizes === "auto" ? options.clip : "", run: (clip) => pane.stack.page.choose({ clip, sizes: "auto" }) },
    {
      form: `Colour from size, to size (${model.info.unit})`, values: [low, high], button: "Set",
      run: (texts) => {
        const range = texts.map((text) => text.trim().replaceAll(",", "")).join("~");
        if (!/^\d{1,12}(\.\d{1,8})?~\d{1,12}(\.\d{1,8})?$/.test(range) || !manual(range)) return "Two sizes, the smaller first, for example 0.1 and 20.";
        pane.stack.page.choose({ sizes: range });
        return "";
      },
    },
    { group: "Ramp", choices: RAMPS, value: options.ramp, run: choose("ramp") },
  ];
}

/** `Group 0.20 · log, 99.5 %` */
export function bookWords({ options, model: { info } }) {
  if (!options || !info.group) return "";
  const range = manual(options.sizes);
  const scale = range ? `${size(range[0])} to ${size(range[1])}` : percent(options.clip / 100, options.clip.includes(".") ? 1 : 0);
  return `Group ${number(info.group * info.tick, info.price_decimals)} \u00b7 ${options.heat}, ${scale}`;
}

const LINES = [["integrated", "integrated"], ["multi", "multilevel"], ["both", "both"], ["none", "none"]];

/** Which OFI is drawn as a line over the bars of the best quotes. */
export function ofiMenu({ options, stack }) {
  return [{ group: "Line over the bars", choices: LINES, value: options.line, run: (line) => stack.page.choose({ line }) }];
}

/** The names of those lines. */
export function ofiLegend({ options, model: { info } }) {
  const levels = info.depth === 1 ? "level 1" : `${info.depth} levels`;
  return { multi: `multilevel, ${levels}`, both: `integrated, dashed multilevel, ${levels}`, none: "" }[options?.line] ?? `integrated, ${levels}`;
}
