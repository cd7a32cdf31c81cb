// Ranges of the axes of one stack: they follow the present, until the user takes hold of one.

const SHRINK_AFTER_MS = 30000;

/** How far an axis goes from zero: it grows at once, and shrinks after a while. */
export class Reach {
  constructor() {
    this.reach = 0;
    this.heldAt = 0;
  }

  fit(largest, now) {
    if (largest > this.reach) {
      this.reach = largest * 1.08;
      this.heldAt = now;
    } else if (largest > this.reach * 0.7) {
      this.heldAt = now;
    } else if (now - this.heldAt > SHRINK_AFTER_MS) {
      this.reach = largest * 1.08;
      this.heldAt = now;
    }
    return this.reach || 1;
  }

  reset() {
    this.reach = 0;
  }
}

export class Ranges {
  constructor() {
    this.user = { time: null, price: null };
    this.ofi = new Reach();
    this.flow = new Reach();
    this.size = new Reach(); // of what rests in a price row
    this.edge = NaN;
  }

  get free() {
    return this.user.time !== null || this.user.price !== null;
  }

  begin() {
    this.ofi.reset();
    this.flow.reset();
    this.size.reset();
  }

  /** Time range: the last `range_s` up to `edge`, or what the user chose. */
  time(model, edge) {
    return this.user.time ?? [edge - model.info.range_s * 1000, edge];
  }

  /** Price range: the rows that the server sends, or what the user chose. */
  price(model) {
    if (this.user.price) return this.user.price;
    const { group, tick } = model.info, c = model.columns;
    if (c.length) {
      const base = c.data.base[c.to - 1];
      return [(base * group - 0.5) * tick, ((base + model.rowCount) * group - 0.5) * tick];
    }
    const mid = model.tiles?.mid ?? 1;
    return [mid * 0.999, mid * 1.001];
  }

  /** A range of time zoomed about the present edge, or the middle of what the user chose; null below a least length. */
  zoomed([start, end], factor, least) {
    const pinned = this.user.time === null ? end : (start + end) / 2;
    const next = [pinned - (pinned - start) * factor, pinned + (end - pinned) * factor];
    return next[1] - next[0] >= least ? next : null;
  }
}

/** The largest absolute value of a field between two times. */
export function largest(table, name, start, end) {
  const values = table.data[name], to = Math.min(table.to, table.search(end) + 1);
  let most = 0;
  for (let k = table.search(start); k < to; k++) {
    const a = Math.abs(values[k]);
    if (a > most) most = a;
  }
  return most;
}
