// The zone of every time on the page: UTC, the browser's own, or one named in the address.

const QUARTER_MS = 900_000;
let zone = "UTC", fixed = true;
let offsets = new Map(), labels = new Map(); // quarter of an hour → offset, offset → name
let formatter = null, namer = null;

/** Sets the zone: `utc`, `local` or a name; false where the browser does not know the name. */
export function setZone(wished) {
  const name = wished === "utc" ? "UTC" : wished === "local" ? Intl.DateTimeFormat().resolvedOptions().timeZone : wished;
  try {
    formatter = new Intl.DateTimeFormat("en-GB", {
      timeZone: name, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric",
    });
    namer = new Intl.DateTimeFormat("en-GB", { timeZone: name, timeZoneName: "short" });
  } catch {
    if (wished !== "utc") setZone("utc");
    return false;
  }
  zone = name;
  fixed = name === "UTC";
  offsets = new Map();
  labels = new Map();
  return true;
}

/** The zone's name at a time, now unless told: `UTC`, `CET`, `CEST`, `GMT+5:30`. */
export function zoneName(ms = Date.now()) {
  if (fixed) return "UTC";
  const at = Number.isFinite(ms) ? ms : Date.now(), offset = offsetAt(at);
  let label = labels.get(offset);
  if (label === undefined) {
    label = namer.formatToParts(at).find((one) => one.type === "timeZoneName")?.value ?? zone;
    labels.set(offset, label);
  }
  return label;
}

/** The names between two times: `CET`, or `CEST/CET` where the clocks change between them. */
export function zoneNames(from, to) {
  return [...new Set([from, to].map((ms) => zoneName(ms)))].join("/");
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

/** The head of a column of such times, from the first to the last; of the present where there are none. */
export const timeHead = (from, to = from) => `time, ${zoneNames(from, to)}`;

/** The choices of the control: every zone that the browser knows, or those that are given. */
export function zones(names = Intl.supportedValuesOf?.("timeZone") ?? []) {
  return [{ value: "utc", label: "UTC" }, { value: "local", label: "Local time" }, ...names.filter((one) => one !== "UTC").map((one) => ({ value: one, label: one }))];
}
