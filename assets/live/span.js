// The price rows that the picture of the book spans: those of the columns that are there, with room for the price to
// move on. To draw it for other rows takes long: the span changes rarely.

const MOST_ROWS = 4096; // of a picture that every browser can hold
const NEWEST = 8; // columns that may have come since the last look
const ROOM = 1 / 2; // of what a column has, where the price goes
const SLACK = 1.5; // a span that is wider than needed by more than this shrinks
const SHRINK_MS = 30000; // how often that is looked at

export class RowSpan {
  constructor() {
    this.epoch = NaN;
    this.low = this.high = 0;
    this.cut = false; // not all that is there can be shown
    this.looked = NaN; // newest time when the whole was looked at
  }

  /** @returns {[number, number]} the lowest row and the one above the highest, by absolute index */
  fit(model) {
    const { columns: table, rowCount: rows, epoch } = model;
    const fresh = this.epoch !== epoch, due = fresh || table.last - this.looked >= SHRINK_MS;
    const [low, high] = basesOf(table, Math.max(table.from, table.to - (this.cut ? 1 : NEWEST)));
    const below = fresh || low < this.low, above = fresh || high + rows > this.high;
    if (below || above) this.take(model, below, above);
    else if (due) this.shrink(model);
    if (due) this.looked = table.last;
    this.epoch = epoch;
    return [this.low, this.high];
  }

  /** Spans what is there, with room below and above where that is wanted. */
  take({ columns: table, rowCount: rows }, below, above) {
    const [lowest, highest] = basesOf(table, table.from), room = Math.ceil(rows * ROOM);
    this.low = lowest - (below ? room : 0);
    this.high = highest + rows + (above ? room : 0);
    this.cut = this.high - this.low > MOST_ROWS;
    if (!this.cut) return;
    // What lies around the newest is shown.
    const middle = table.data.base[table.to - 1] + rows / 2 - MOST_ROWS / 2;
    this.low = Math.max(this.low, Math.min(this.high - MOST_ROWS, Math.floor(middle)));
    this.high = this.low + MOST_ROWS;
  }

  shrink(model) {
    const { columns: table, rowCount: rows } = model, [lowest, highest] = basesOf(table, table.from);
    if (this.high - this.low > SLACK * (highest - lowest + rows * (1 + 2 * ROOM))) this.take(model, true, true);
  }
}

/** The lowest and the highest base of the columns from an index on. */
function basesOf({ data: { base }, to }, from) {
  let low = Infinity, high = -Infinity;
  for (let k = from; k < to; k++) {
    if (base[k] < low) low = base[k];
    if (base[k] > high) high = base[k];
  }
  return [low, high];
}
