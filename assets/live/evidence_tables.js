// The panels of the evidence as tables, for their CSV files: the figures that are shown.
import { iso, timeHead } from "./zone.js";

const FIT = ["bins", "intercept", "beta", "stderr", "t", "r2", "held_out", "shuffled"];

const flows = (values, _, info) => ({
  columns: ["flow", ...FIT.map((one) => (one === "beta" ? `beta, ticks per ${info.unit}` : one)), "bin, s"],
  rows: Object.entries(values.explains).map(([name, fit]) => [name, ...FIT.map((one) => fit[one]), values.bin_s]),
});

function prediction(values) {
  const names = ["pairs", "ic", "ic_low", "ic_high", "n_eff", "hit_rate", "hit_low", "hit_high", "zero_share", "expected_bps", "break_even_fee_bps"];
  return {
    columns: ["horizon, s", ...names, "shuffled_low", "shuffled_high", "held_out_ic", "better_than_chance"],
    rows: Object.entries(values.prediction).map(([h, p]) => [
      h, ...names.map((one) => p[one]), p.chance?.ic_low, p.chance?.ic_high, p.out_of_sample?.ic, String(p.better_than_chance ?? ""),
    ]),
  };
}

function markouts(values, arrays) {
  const { horizons_s: hs, groups } = values.markout, names = Object.keys(groups);
  const at = (name, g, k) => arrays[name][g * hs.length + k];
  return {
    columns: ["after, s", ...names.flatMap((name) => [`${name}, bps`, `${name} low`, `${name} high`])],
    rows: hs.map((h, k) => [h, ...names.flatMap((_, g) => ["ev_mark", "ev_mark_low", "ev_mark_high"].map((one) => at(one, g, k)))]),
  };
}

/** By panel; see `table(name)` in panes.js. */
export const TABLES = {
  verdict: flows,
  flows,
  horizons: prediction,
  prediction,
  impact: (values, arrays, info) => ({
    chronological: true,
    columns: [`OFI, ${info.unit}`, "move of mid, ticks"],
    rows: Array.from(arrays.ev_x, (x, k) => [x, arrays.ev_y[k]]),
  }),
  vpin: (_, arrays) => ({ columns: [timeHead(arrays.ev_vpin_t[0], arrays.ev_vpin_t.at(-1)), "VPIN"], rows: Array.from(arrays.ev_vpin_t, (t, k) => [iso(t), arrays.ev_vpin[k]]) }),
  markouts,
  adverse: (values) => ({
    columns: ["horizon, s", "trades", "effective, bps", "price impact, bps", "kept by makers, bps", "share negative"],
    rows: Object.values(values.spread.horizons).map((p) => [p.horizon_s, p.trades, p.effective, p.adverse, p.realised, p.negative_share]),
  }),
};
