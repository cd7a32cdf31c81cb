// Verification in words and tables: made from the same figures as the charts, never from a second calculation.
import { slope } from "./evidence_charts.js";
import { keep, kept } from "./dom.js";
import { NONE, bps, number, percent, signed, span } from "./format.js";
import { write } from "./texts.js";
import { stretch } from "./words.js";

const FEE_KEY = "ofi-fee-bps", FEE = 2, MAX_FEE = 999.99, OWN = "own";
const known = (v) => v !== null && v !== undefined;
const share = (v, decimals = 0) => (known(v) ? percent(Math.max(v, 0), decimals).replace(/^\u2212/, "") : NONE);

let typed = null; // for a browser that keeps nothing
let addressed = null; // what the address says

/** The fee of a taker, bps: as the address says, else as the user typed it, which the browser keeps. */
export function feeBps() {
  const fee = Number.parseFloat(addressed ?? typed ?? kept(FEE_KEY) ?? "");
  return isFee(fee) ? fee : FEE;
}

const isFee = (fee) => fee >= 0 && fee <= MAX_FEE;

/** Takes the option of the address, where "own" leaves it to the browser; @returns {boolean} whether that is another fee. */
export function takeFee(option) {
  const before = feeBps();
  addressed = option === OWN ? null : option;
  showFee(document.activeElement);
  return feeBps() !== before;
}

/** Every field shows the fee that is reckoned with; not the one that is being typed into. */
function showFee(typing) {
  for (const input of document.querySelectorAll(".fee input")) {
    if (input === typing) continue;
    input.value = String(feeBps());
    input.removeAttribute("aria-invalid");
  }
}

/** The option that says to others what is kept here; null where nothing is. */
export function feeOption() {
  return (typed ?? kept(FEE_KEY)) === null ? null : optionOf(feeBps());
}

const optionOf = (fee) => String(Math.round(fee * 100) / 100);

/** Puts the field for the fee into its place; React leaves an element without children alone. `chosen` hears what is to be in the address. */
export function feeField(holder, changed, chosen) {
  if (!holder || holder.firstChild) return;
  const input = document.createElement("input");
  Object.assign(input, { type: "number", min: "0", max: String(MAX_FEE), step: "0.1", value: String(feeBps()), title: "Fee of a taker, bps: kept in this browser, and in the address" });
  input.setAttribute("aria-label", "Fee of a taker, bps");
  input.addEventListener("input", () => {
    const good = isFee(Number.parseFloat(input.value));
    input.setAttribute("aria-invalid", String(!good));
    if (!good) return;
    typed = keep(FEE_KEY, input.value) ? null : input.value;
    addressed = null;
    showFee(input);
    changed();
  });
  input.addEventListener("change", () => {
    showFee(null); // what is no fee gives way to the one that is
    chosen(optionOf(feeBps()));
  });
  holder.append(" and fee ", input, "bps.");
}

/** The verdict: what was explained, and the sobering half. */
export function verdict(values) {
  const fit = values.explains.best;
  if (fit.r2 === null) return ["OFI cannot be judged yet.", ""];
  const said = `In ${stretch(fit.bins * values.bin_s, values.lookback_s)} OFI explained ${share(fit.r2)} of ${span(values.bin_s)} price moves.`;
  return [said, sober(values.prediction["5"])];
}

function sober(p) {
  if (!p || p.ic === undefined) return "Whether it predicts cannot be said yet.";
  if (!p.better_than_chance) return "It predicted the next 5\u00a0s no better than chance.";
  const against = p.ic < 0 ? " the other way" : "";
  return `It predicted the next 5\u00a0s${against} better than chance: correlation ${signed(p.ic, 2)}.`;
}

/** The four facts: words, figure, and whether the figure is no more than chance. */
export function facts(values) {
  const fit = values.explains.best;
  const held = known(fit.held_out) ? (fit.held_out > 0 ? share(fit.held_out) : "nothing") : NONE;
  const bin = span(values.bin_s);
  return {
    now: fit.r2 === null
      ? [wait(values), NONE, true]
      : [`Same ${bin}. Held-out half ${held}, shuffled ${share(fit.shuffled, 1)}, n = ${number(fit.bins)}.`, share(fit.r2), false],
    1: predicts(values.prediction["1"]),
    5: predicts(values.prediction["5"]),
    cost: cost(values),
  };
}

export function wait(values) {
  const left = values.wait_s > 0 ? `: ${span60(values.wait_s)} more` : "";
  return values.wait_s > 0 ? `Needs 30 windows of ${span(values.bin_s)}${left}.` : "Mid or flow did not move.";
}

/** A duration in s as 3 min 20 s. */
export function span60(seconds) {
  const rest = seconds % 60, minutes = Math.floor(seconds / 60);
  if (!minutes) return `${seconds}\u00a0s`;
  return `${minutes}\u00a0min${rest ? ` ${rest}\u00a0s` : ""}`;
}

function predicts(p) {
  if (!p || p.ic === undefined) return [`Needs 30 pairs; ${number(p?.pairs ?? 0)} so far.`, NONE, true];
  const right = known(p.hit_rate)
    ? `Right ${number(p.hit_rate * 100, 1)}\u00a0% of the time (${number(p.hit_low * 100, 1)} to ${number(p.hit_high * 100, 1)})`
    : "Too few to say how often it was right";
  return [`${right}, n = ${number(Math.floor(p.n_eff))}${p.better_than_chance ? "." : ": chance."}`, signed(p.ic, 2), !p.better_than_chance];
}

/** The horizon that pays most among those better than chance; else the shortest. */
export function bestHorizon(prediction) {
  const good = Object.keys(prediction).filter((h) => prediction[h].better_than_chance);
  good.sort((a, b) => prediction[b].expected_bps - prediction[a].expected_bps);
  return good[0] ?? "1";
}

/** What a trade on the best horizon would bring, and whether that pays half the spread and the fee; null where it is not known. */
export function costOf(values) {
  const h = bestHorizon(values.prediction), p = values.prediction[h], half = values.half_spread_bps, fee = feeBps();
  if (!p || !known(p.expected_bps) || !known(half)) return null;
  return { h, expected: p.expected_bps, half, most: p.break_even_fee_bps, fee, pays: p.better_than_chance && p.break_even_fee_bps > fee };
}

function cost(values) {
  const found = costOf(values);
  if (!found) return ["Expected move not known yet; half-spread", NONE, true];
  const { h, expected, half, pays } = found;
  return [`Next ${h}\u00a0s: ${bps(expected)} bps expected; half-spread ${bps(half)}`, pays ? "Yes" : "No", !pays];
}

/** Writes the card: sentence, facts. */
export function writeCard(f, element, values) {
  const [said, sobering] = verdict(values);
  write(f["ev-verdict"], said);
  write(f["ev-sober"], sobering);
  for (const [name, [words, figure, chance]] of Object.entries(facts(values))) {
    write(f[`ev-fact-${name}`], words);
    write(f[`ev-figure-${name}`], figure);
    f[`ev-figure-${name}`]?.classList.toggle("chance", chance);
  }
}

/** Writes the two tables. */
export function writeTables(f, element, values) {
  const { explains, prediction } = values;
  write(f["ev-flows-head"], `Explains ${span(values.bin_s)} moves`);
  write(f["ev-multilevel-title"], values.levels === 1 ? "Level 1 of depth" : `Sum of ${values.levels} levels`);
  for (const [name, fit] of Object.entries(explains)) {
    write(f[`ev-${name}-beta`], slope(fit.beta));
    write(f[`ev-${name}-t`], number(fit.t, 1));
    write(f[`ev-${name}-r2`], number(fit.r2, 2));
    write(f[`ev-${name}-held_out`], number(fit.held_out, 2));
    element.querySelector(`[data-flow="${name}"]`)?.classList.toggle("on", name === values.best_flow);
  }
  for (const [h, p] of Object.entries(prediction)) {
    const there = p.ic !== undefined;
    write(f[`ev-${h}-ic`], there ? signed(p.ic, 2) : NONE);
    write(f[`ev-${h}-interval`], there ? `${signed(p.ic_low, 2)} to ${signed(p.ic_high, 2)}` : NONE);
    write(f[`ev-${h}-right`], there && known(p.hit_rate) ? `${number(p.hit_rate * 100, 1)}\u00a0%` : NONE);
    write(f[`ev-${h}-n`], there ? number(Math.floor(p.n_eff)) : number(p.pairs));
    write(f[`ev-${h}-held`], p.out_of_sample ? signed(p.out_of_sample.ic, 2) : NONE);
    const row = element.querySelector(`[data-horizon="${h}"]`);
    row?.classList.toggle("chance", there && !p.better_than_chance);
    row?.classList.toggle("on", there && p.better_than_chance);
  }
}
