// Growable tables of one view, ordered by time and trimmed from the front: memory stays bounded by
// the time range of the view.

/** Columns of numbers keyed by an ascending time; `fields` maps a name to its width per row. */
export class Table {
  constructor(fields, capacity = 256) {
    this.fields = fields;
    this.capacity = capacity;
    this.from = 0;
    this.to = 0;
    this.version = 0; // grows with every change: a cheap test for caches
    this.time = new Float64Array(capacity);
    this.data = {};
    for (const [name, [Kind, width]] of Object.entries(fields)) this.data[name] = new Kind(capacity * width);
  }

  get length() {
    return this.to - this.from;
  }

  get last() {
    return this.to > this.from ? this.time[this.to - 1] : NaN;
  }

  /** Index of the first row with time ≥ t. */
  search(t) {
    let low = this.from, high = this.to;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.time[middle] < t) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Rows `from … to − 1` that a line between two times goes through: one more on either side. */
  through(start, end) {
    return [Math.max(this.from, this.search(start) - 1), Math.min(this.to, this.search(end) + 1)];
  }

  /**
   * Adds rows or replaces those of the same time; times that fall between known rows are put there.
   * @param {Float64Array} times ascending
   * @param {Object<string, ArrayLike<number>>} arrays row-major, one per field
   * @returns {number} index of the first row that changed
   */
  merge(times, arrays) {
    let first = Infinity;
    this.reserve(times.length);
    for (let k = 0; k < times.length; k++) {
      const t = times[k];
      let at = t > this.last || this.length === 0 ? this.to : this.search(t);
      if (at === this.to) this.to++;
      else if (this.time[at] !== t) this.insert(at);
      this.time[at] = t;
      for (const [name, [, width]] of Object.entries(this.fields)) {
        const source = arrays[name];
        const target = this.data[name];
        if (width === 1) target[at] = source[k];
        else target.set(source.subarray(k * width, (k + 1) * width), at * width);
      }
      if (at < first) first = at;
    }
    this.version++;
    return first;
  }

  insert(at) {
    this.time.copyWithin(at + 1, at, this.to);
    for (const [name, [, width]] of Object.entries(this.fields))
      this.data[name].copyWithin((at + 1) * width, at * width, this.to * width);
    this.to++;
  }

  /** Forgets rows before t. */
  trim(t) {
    const at = this.search(t);
    if (at > this.from) {
      this.from = at;
      this.version++;
    }
  }

  /** Makes room behind the last row: moves to the front, and grows when that is not enough. */
  reserve(count) {
    if (this.to + count <= this.capacity) return;
    const length = this.length;
    let capacity = this.capacity;
    while (length + count > capacity * 0.75) capacity *= 2;
    const move = (old, Kind, width) => {
      const kept = old.subarray(this.from * width, this.to * width);
      if (capacity === this.capacity) {
        old.copyWithin(0, this.from * width, this.to * width);
        return old;
      }
      const fresh = new Kind(capacity * width);
      fresh.set(kept);
      return fresh;
    };
    this.time = move(this.time, Float64Array, 1);
    for (const [name, [Kind, width]] of Object.entries(this.fields))
      this.data[name] = move(this.data[name], Kind, width);
    this.capacity = capacity;
    this.from = 0;
    this.to = length;
  }
}

const NET_MS = 2000; // prints of one side are netted over so long, to one bubble
const SWEEP_MS = 60000; // how often all bubbles are looked at
const MOST_BUBBLES = 16384; // the longest range has 14,400

/** When the bubble of a trade begins. */
export const netted = (time) => Math.floor(time / NET_MS) * NET_MS;

/** Trades of a view as bubbles: size, size-weighted price and time, per side and 2 s. */
export class Bubbles {
  constructor() {
    this.map = new Map();
    this.version = 0;
    this.swept = -Infinity;
  }

  add(times, prices, sizes) {
    for (let k = 0; k < times.length; k++) {
      const bought = sizes[k] > 0;
      const size = Math.abs(sizes[k]);
      if (!(size > 0)) continue;
      const key = Math.floor(times[k] / NET_MS) * 2 + (bought ? 1 : 0);
      let one = this.map.get(key);
      if (!one) this.map.set(key, (one = { bought, size: 0, priceSize: 0, timeSize: 0, origin: times[k] }));
      one.size += size;
      one.priceSize += prices[k] * size;
      one.timeSize += (times[k] - one.origin) * size;
    }
    if (times.length) this.version++;
  }

  /** Forgets bubbles before t. Insertion follows time but for late prints and those dated ahead, behind which others wait. */
  trim(t) {
    const oldest = Math.floor(t / NET_MS) * 2, whole = t - this.swept >= SWEEP_MS;
    if (whole) this.swept = t;
    for (const key of this.map.keys()) {
      if (key < oldest || this.map.size > MOST_BUBBLES) this.map.delete(key);
      else if (!whole) break;
    }
  }

  /** The largest bubbles between two times. */
  largest(start, end, count) {
    const found = [];
    for (const [name, one] of this.map) {
      const time = one.origin + one.timeSize / one.size;
      if (time >= start && time <= end) found.push({ name, time, price: one.priceSize / one.size, size: one.size, bought: one.bought });
    }
    return found.sort((a, b) => b.size - a.size).slice(0, count);
  }
}
