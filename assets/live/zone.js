// The zone of every time on the page: UTC, the browser's own, or one named in the address.

const QUARTER_MS = 900_000;
let zone = "UTC", label = "UTC", fixed = true;
let offsets = new Map();
let formatter = null;

/** Sets the zone: `utc`, `local` or a name; false where the browser does not know the name. */
export function setZone(wished) {
  const name = wished === "utc" ? "UTC" : wished === "local" ? Intl.DateTimeFormat().resolvedOptions().timeZone : wished;
  try {
    formatter = new Intl.DateTimeFormat("en-GB", {
      timeZone: name, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric",
    });
  } catch {
    if (wished !== "utc") setZone("utc");
    return false;
  }
  zone = name;
  fixed = name === "UTC";
  offsets = new Map();
  label = fixed ? "UTC" : short(Date.now());
  return true;
}

/** The present zone for axes and sentences: `UTC`, `CET`, `GMT+5:30`. */
export const zoneName = () => label;

function short(ms) {
  const parts = new Intl.DateTimeFormat("en-GB", { timeZone: zone, timeZoneName: "short" }).formatToParts(ms);
  return parts.find((one) => one.type === "timeZoneName")?.value ?? zone;
}

/** Milliseconds by which the zone's clocks are ahead of UTC at a time; changes fall on quarters of an hour. */
export function offsetAt(ms) {
  if (fixed || !Number.isFinite(ms)) return 0;
  const quarter = Math.floor(ms / QUARTER_MS);
  let offset = offsets.get(quarter);
  if (offset === undefined) {
    if (offsets.size > 500) offsets.clear();
    const p = Object.fromEntries(formatter.formatToParts(quarter * QUARTER_MS).map(({ type, value }) => [type, Number(value)]));
    offset = Date.UTC(p.year, p.month - 1, p.day, p.hour, p.minute) - quarter * QUARTER_MS;
    offsets.set(quarter, offset);
  }
  return offset;
}

/** A time in the zone as ISO 8601 with its offset: `2026-11-25T22:40:00.000+01:00`, or `Z` for UTC. */
export function iso(ms) {
  const offset = offsetAt(ms), text = new Date(ms + offset).toISOString();
  if (fixed) return text;
  const minutes = Math.abs(Math.round(offset / 60000)), two = (v) => String(v).padStart(2, "0");
  return `${text.slice(0, -1)}${offset < 0 ? "-" : "+"}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}

/** The head of a column of such times. */
export const timeHead = () => `time, ${label}`;

/** The choices of the control: every zone that the browser knows, or those that are given. */
export function zones(names = Intl.supportedValuesOf?.("timeZone") ?? []) {
  return [{ value: "utc", label: "UTC" }, { value: "local", label: "Local time" }, ...names.filter((one) => one !== "UTC").map((one) => ({ value: one, label: one }))];
}
