// Numbers and times as the page writes them; times in the zone of zone.js.
import { offsetAt, zoneName } from "./zone.js";

const MINUS = "\u2212";
const NBSP = "\u00a0";
const MOST_DECIMALS = 12;
export const NONE = "\u2013"; // not available, never 0

const isNone = (v) => v === null || v === undefined || Number.isNaN(v);
const cache = new Map();

function grouped(size, decimals) {
  const digits = Math.max(0, Math.min(MOST_DECIMALS, decimals));
  let one = cache.get(digits);
  if (!one) {
    one = new Intl.NumberFormat("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
    cache.set(digits, one);
  }
  return one.format(size);
}

/** A number with thousands commas and a true minus sign. */
export function number(v, decimals = 0) {
  if (isNone(v)) return NONE;
  const text = grouped(Math.abs(v), decimals);
  return v < 0 && /[1-9]/.test(text) ? MINUS + text : text;
}

/** The same with a plus sign where it is above zero. */
export function signed(v, decimals = 0) {
  if (isNone(v)) return NONE;
  const text = number(v, decimals);
  return v > 0 && /[1-9]/.test(text) ? "+" + text : text;
}

const SHORT_FROM = 1e4;
const UNITS = [[1e3, "k"], [1e6, "M"], [1e9, "G"], [1e12, "T"]];

/** A size: three to four significant digits, short from ten thousand on. */
export function size(v, most = 8) {
  if (isNone(v)) return NONE;
  const a = Math.abs(v), decimals = Math.min(most, digitsFor(a)), rounded = Number(a.toFixed(decimals));
  if (rounded < SHORT_FROM) return number(v, Math.min(decimals, digitsFor(rounded || a)));
  // What is rounded up to a thousand of a unit is one of the next.
  const [one, unit] = UNITS.find(([one]) => Number((a / one).toFixed(1)) < 1000) ?? UNITS.at(-1);
  return number(v / one, 1) + NBSP + unit;
}

function digitsFor(a) {
  if (a >= 1000 || a === 0) return 0;
  if (a >= 10) return 1;
  if (a >= 1) return 2;
  return Math.min(MOST_DECIMALS, 2 - Math.floor(Math.log10(a)));
}

/** A size with its sign. */
export function signedSize(v, most) {
  const text = size(v, most);
  return v > 0 && /[1-9]/.test(text) ? "+" + text : text;
}

/** A size as the label of a tick: round values need no tenths behind k or M. */
export const tickSize = (v, most) => size(v, most).replace(`.0${NBSP}`, NBSP);
export const signedTick = (v, most) => signedSize(v, most).replace(`.0${NBSP}`, NBSP);

/** Basis points: two significant digits, never below 0.001. */
export function bps(v) {
  if (isNone(v)) return NONE;
  const a = Math.abs(v);
  if (a < 0.001 && a > 0) return (v < 0 ? MINUS : "") + "0.001";
  if (a >= 100) return number(v, 0);
  if (a >= 10) return number(v, 0);
  return number(v, a === 0 ? 0 : Math.min(3, Math.max(0, 1 - Math.floor(Math.log10(a)))));
}

/** A share as per cent. */
export function percent(share, decimals = 1) {
  if (isNone(share)) return NONE;
  // 99.96 % must not read as 100.0 % while something is missing.
  const value = share < 1 ? Math.min(share * 100, 100 - 10 ** -decimals) : 100;
  return share >= 1 ? `100${NBSP}%` : `${number(value, decimals)}${NBSP}%`;
}

/** A rank of 0..1 as an ordinal: 99th. */
export function ordinal(rank) {
  if (isNone(rank)) return NONE;
  const n = Math.round(rank * 100);
  const tail = n % 10;
  const teen = n % 100 >= 11 && n % 100 <= 13;
  const end = teen ? "th" : tail === 1 ? "st" : tail === 2 ? "nd" : tail === 3 ? "rd" : "th";
  return `${n}${end}`;
}

/** A duration: 0.1 s, 25 s, 2 min 6 s, 3 h 5 min. */
export function duration(ms) {
  if (isNone(ms)) return NONE;
  const s = Math.max(0, ms) / 1000;
  if (s < 9.95) return `${number(s, 1)}${NBSP}s`;
  if (s < 59.5) return `${number(s)}${NBSP}s`;
  const whole = Math.round(s);
  if (whole < 3600) {
    const rest = whole % 60;
    return `${Math.floor(whole / 60)}${NBSP}min` + (rest ? ` ${rest}${NBSP}s` : "");
  }
  const minutes = Math.floor((whole % 3600) / 60);
  return `${Math.floor(whole / 3600)}${NBSP}h` + (minutes ? ` ${minutes}${NBSP}min` : "");
}

/** A duration to the minute, and from one hour on to the hour: where a second more or less does not matter. */
export function about(ms) {
  if (isNone(ms) || ms < 59500) return duration(ms);
  const whole = Math.round(ms / 1000), unit = whole < 3600 ? 60 : 3600;
  return duration(Math.floor(whole / unit) * unit * 1000);
}

/** A round duration in seconds, as controls write it: 10 s, 5 min. */
export function span(seconds) {
  if (seconds >= 3600 && seconds % 3600 === 0) return `${seconds / 3600}${NBSP}h`;
  if (seconds >= 60 && seconds % 60 === 0) return `${seconds / 60}${NBSP}min`;
  return `${seconds}${NBSP}s`;
}

const two = (v) => String(v).padStart(2, "0");

/** Time of day in the page's zone: 14:31, 14:31:07 or 14:31:07.3. */
export function clock(ms, parts = "seconds") {
  if (isNone(ms)) return NONE;
  const d = new Date(ms + offsetAt(ms));
  const minutes = `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}`;
  if (parts === "minutes") return minutes;
  const seconds = `${minutes}:${two(d.getUTCSeconds())}`;
  return parts === "tenths" ? `${seconds}.${Math.floor(d.getUTCMilliseconds() / 100)}` : seconds;
}

/** The same with the zone behind it: 14:31:07 UTC. */
export function stamp(ms, parts) {
  return isNone(ms) ? NONE : `${clock(ms, parts)} ${zoneName(ms)}`;
}

/** Round values at 1, 2 or 5 × 10ⁿ between two bounds, about `count` of them. */
export function ticks(low, high, count) {
  return multiples(low, high, tickStep(low, high, count));
}

const MOST_TICKS = 1000;

/** The multiples of a step between two bounds. */
export function multiples(low, high, step) {
  // Beyond so many steps from zero a number cannot tell one from the next.
  if (!(step > 0) || !(Math.max(Math.abs(low), Math.abs(high)) / step < Number.MAX_SAFE_INTEGER)) return [];
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9 && found.length < MOST_TICKS; k++) found.push(k * step);
  return found;
}

/** The distance of those values. */
export function tickStep(low, high, count) {
  const raw = (high - low) / Math.max(1, count);
  if (!(raw > 0) || !Number.isFinite(raw)) return 0;
  const power = 10 ** Math.floor(Math.log10(raw));
  return ([1, 2, 5, 10].find((k) => k * power >= raw * 0.999) ?? 10) * power;
}

/** Decimals that values at multiples of a step need. */
export function decimalsOf(step) {
  if (!(step > 0)) return 0;
  let decimals = 0;
  // Relative to the step: a coin may cost less than a millionth.
  const whole = (scaled) => Math.abs(scaled - Math.round(scaled)) <= 1e-6 * scaled;
  while (decimals < MOST_DECIMALS && !whole(step * 10 ** decimals)) decimals++;
  return decimals;
}

const TIME_STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 180, 300, 600, 900, 1800, 3600, 7200, 14400];

/** Round times between two, at least `gap` pixels apart. */
export function timeTicks(start, end, width, gap = 68) {
  const least = ((end - start) / 1000) * (gap / Math.max(1, width));
  const step = (TIME_STEPS_S.find((s) => s >= least) ?? 86400) * 1000;
  const found = [];
  // Whole hours of the zone, which may lie half an hour beside those of UTC.
  const ahead = offsetAt(start);
  for (let t = Math.ceil((start + ahead) / step) * step - ahead; t <= end && found.length < 400; t += step) found.push(t);
  return { step, found };
}
