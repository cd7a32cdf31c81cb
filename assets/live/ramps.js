// Colour ramps of the heatmap, and how a size becomes a colour.
import { packed, theme } from "./theme.js";

// Nine stops each, from nothing to most, as matplotlib has them; in light they run the other way, so that
// nothing is light on light.
const STOPS = {
  viridis: ["#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30", "#fde725"],
  cividis: ["#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369", "#fee838"],
  greys: ["#0b0d10", "#23262b", "#3c4047", "#575c64", "#737982", "#9097a0", "#aeb5bd", "#ccd2d8", "#f2f5f8"],
};
export const DECADES = 2; // of the logarithmic scale
const made = new Map();

/** 256 packed colours of a ramp in the present theme. */
export function rampOf(name) {
  if (!STOPS[name]) return theme.heat;
  const { light } = theme, key = `${name}/${light}`;
  if (!made.has(key)) made.set(key, packed(light ? [...STOPS[name]].reverse() : STOPS[name]));
  return made.get(key);
}

/**
 * A function from a size to a place on the ramp, 0..255; `top` takes the strongest colour. On the logarithmic scale a size
 * takes the weakest from DECADES below that on, or from where the user has it begin.
 */
export function placing({ heat, sizes }, top) {
  const [low, high] = manual(sizes) ?? [0, top];
  if (heat === "linear") {
    const gain = 255 / (high - low || 1);
    return (v) => (v - low) * gain;
  }
  const least = low > 0 ? low : high / 10 ** DECADES, gain = 255 / Math.log(high / least);
  return (v) => (v > least ? gain * Math.log(v / least) : 0);
}

/** The range that the user chose: `0.1~20`, lowest and highest size; null follows the percentile. */
export function manual(sizes) {
  if (!sizes || sizes === "auto") return null;
  const [low, high] = sizes.split("~").map(Number);
  return high > low ? [low, high] : null;
}

const BPS = 1e-4, DRIFT = 0.25;

/**
 * The price rows that an option asks for, in ticks; 0 lets the server choose. Rows in basis points stay as
 * wide as they are until the price has moved far: otherwise each move would draw the whole book anew.
 */
export function groupTicks(option, mid, tick, before) {
  const count = parseInt(option, 10);
  if (!(count > 0)) return 0;
  if (option.endsWith("t")) return count;
  if (!(mid > 0 && tick > 0)) return before;
  const wanted = (mid * count * BPS) / tick;
  if (before > 0 && Math.abs(before / wanted - 1) < DRIFT) return before;
  return Math.max(1, Math.round(wanted));
}
