// The panels of the evidence as tables, for their CSV files: the figures that are shown.
import { costOf, feeBps } from "./evidence_words.js";
import { iso, timeHead } from "./zone.js";

const FIT = ["bins", "intercept", "beta", "stderr", "t", "r2", "held_out", "shuffled"];

const flows = (values, _, info) => ({
  columns: ["flow", ...FIT.map((one) => (one === "beta" ? `beta, ticks per ${info.unit}` : one)), "bin, s"],
  rows: Object.entries(values.explains).map(([name, fit]) => [name, ...FIT.map((one) => fit[one]), values.bin_s]),
});

const word = (flag) => (flag === undefined ? "" : flag ? "yes" : "no");

/** The four facts, with the fee that was typed. */
function verdict(values) {
  const { best: fit } = values.explains, cost = costOf(values);
  const now = [["R2", fit.r2, "1"], ["held out", fit.held_out, "1"], ["shuffled", fit.shuffled, "1"], ["n", fit.bins, "bins"]];
  const next = (p = {}) => [
    ["IC", p.ic, "1"], ["right", p.hit_rate, "1"], ["right, low", p.hit_low, "1"], ["right, high", p.hit_high, "1"],
    ["n", p.n_eff ?? p.pairs, "pairs"], ["better than chance", word(p.better_than_chance), ""],
  ];
  const paid = [
    ["ahead", cost?.h, "s"], ["expected move", cost?.expected, "bps"], ["half-spread", values.half_spread_bps, "bps"],
    ["break-even fee", cost?.most, "bps"], ["fee of a taker", feeBps(), "bps"], ["pays", word(cost?.pays), ""],
  ];
  const { 1: soon, 5: later } = values.prediction;
  const facts = { "explains now": now, "predicts 1 s": next(soon), "predicts 5 s": next(later), "pays its cost": paid };
  return {
    columns: ["fact", "figure", "value", "unit"],
    rows: Object.entries(facts).flatMap(([fact, figures]) => figures.map((one) => [fact, ...one])),
  };
}

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

/** VPIN within the times that are shown, from the bucket on whose figure stands at their beginning; with the quantiles of 24 h. */
function vpin({ toxicity: q }, { ev_vpin_t: times, ev_vpin: values }, __, [start, end]) {
  const first = Math.max(0, times.findLastIndex((t) => t <= start));
  const shown = Array.from(times, (t, k) => [t, values[k]]).slice(first).filter(([t]) => t <= end);
  return {
    columns: [timeHead(shown[0]?.[0], shown.at(-1)?.[0]), "VPIN", "25th percentile", "75th percentile", "95th percentile"],
    rows: shown.map(([t, v]) => [iso(t), v, q.p25, q.p75, q.p95]),
  };
}

/** By panel, of the values, the arrays, what is known of the market and the times that are shown; see tables.js. */
export const TABLES = {
  verdict,
  flows,
  horizons: prediction,
  prediction,
  impact: (values, arrays, info) => ({
    chronological: true,
    columns: [`OFI, ${info.unit}`, "move of mid, ticks"],
    rows: Array.from(arrays.ev_x, (x, k) => [x, arrays.ev_y[k]]),
  }),
  vpin,
  markouts,
  adverse: (values) => ({
    columns: ["horizon, s", "trades", "effective, bps", "price impact, bps", "kept by makers, bps", "share negative"],
    rows: Object.values(values.spread.horizons).map((p) => [p.horizon_s, p.trades, p.effective, p.adverse, p.realised, p.negative_share]),
  }),
};
