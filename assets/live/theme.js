// The tokens of assets/tokens.css for canvases, read anew when the theme changes.

const NAMES = [
  "bg", "panel", "raised", "active", "line", "line2", "grid", "axis", "text", "text2", "text3", "ink", "primary",
  "buy", "sell", "buy-fill", "sell-fill", "live", "warn", "down", "hatch", "gapbg", "mid", "halo", "zero", "band", "quiet",
];

/** Present colours by token, and lookup tables: `heat` and `diverging` as packed ABGR of 256 steps. */
export const theme = { version: 0 };

export function readTheme() {
  const style = getComputedStyle(document.documentElement);
  const token = (name) => style.getPropertyValue(`--${name}`).trim();
  for (const name of NAMES) theme[name] = token(name);
  theme.font = token("font");
  theme.light = document.documentElement.dataset.mantineColorScheme === "light";
  theme.heat = packed(token("ramp").split(/\s+/));
  const half = (name) => mix(theme[name], theme.zero, 0.55);
  theme.diverging = packed([theme["sell-fill"], half("sell-fill"), theme.zero, half("buy-fill"), theme["buy-fill"]]);
  theme.version++;
}

/** Calls back after every change of the theme. */
export function watchTheme(changed) {
  new MutationObserver(() => {
    readTheme();
    changed();
  }).observe(document.documentElement, { attributes: true, attributeFilter: ["data-mantine-color-scheme", "data-colours"] });
}

function rgb(hex) {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

function mix(a, b, share) {
  const from = rgb(a), to = rgb(b);
  return "#" + from.map((v, k) => Math.round(v + (to[k] - v) * share).toString(16).padStart(2, "0")).join("");
}

const mixed = new Map();

/** A colour with an opacity, in steps of 1/64 so that few are ever made. */
export function alpha(hex, opacity) {
  const step = Math.round(opacity * 64);
  const key = hex + step;
  let colour = mixed.get(key);
  if (!colour) mixed.set(key, (colour = `rgba(${rgb(hex).join(",")},${step / 64})`));
  return colour;
}

export function packed(stops) {
  const colours = stops.map(rgb);
  const table = new Uint32Array(256);
  for (let k = 0; k < 256; k++) {
    const place = (k / 255) * (colours.length - 1);
    const left = Math.min(colours.length - 2, Math.floor(place));
    const [r, g, b] = [0, 1, 2].map((c) => Math.round(colours[left][c] + (colours[left + 1][c] - colours[left][c]) * (place - left)));
    table[k] = ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
  }
  return table;
}
