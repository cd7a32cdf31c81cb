// An off-screen picture of one pixel per cell, kept as a ring in time: a new column is written once,
// zoom and pan only change how the picture is laid on the canvas.
import { theme } from "./theme.js";

export class Raster {
  constructor() {
    this.canvas = globalThis.OffscreenCanvas ? new OffscreenCanvas(1, 1) : document.createElement("canvas");
    this.context = this.canvas.getContext("2d");
    this.key = "";
    this.last = NaN; // absolute index of the newest column
  }

  /**
   * Makes the picture fit; true when it was emptied and every column must be put again.
   * `low` is the absolute index of the lowest row, `rows` and `columns` the size of the picture.
   */
  shape(key, low, rows, columns) {
    const wanted = `${key}/${theme.version}/${low}/${rows}/${columns}`;
    if (wanted === this.key) return false;
    this.key = wanted;
    this.low = low;
    this.rows = rows;
    this.columns = columns;
    this.last = NaN;
    this.canvas.width = columns;
    this.canvas.height = rows;
    this.image = this.context.createImageData(1, rows);
    this.pixels = new Uint32Array(this.image.data.buffer);
    return true;
  }

  slot(index) {
    return ((index % this.columns) + this.columns) % this.columns;
  }

  /** Whether rows from `base` on lie inside the picture. */
  holds(base, count) {
    return base >= this.low && base + count <= this.low + this.rows;
  }

  /**
   * Writes the rows of a table from `from` on, each the column of its time, the number of `step_ms` that have passed.
   * `paint(k, pixels, first, stride)` fills the pixels of row k: the highest of the picture at `first`, the one below it
   * `stride` further.
   */
  put(table, from, step, paint) {
    const { time, to } = table, index = (k) => Math.round(time[k] / step);
    if (from === table.from && from < to) this.all(from, to, index, paint);
    else for (let k = from; k < to; k++) this.column(index(k), (pixels) => paint(k, pixels, 0, 1));
  }

  /** Writes the whole picture at once: one by one, each column would take longer than its pixels do. */
  all(from, to, index, paint) {
    const image = this.context.createImageData(this.columns, this.rows), pixels = new Uint32Array(image.data.buffer);
    this.last = index(to - 1);
    for (let k = from; k < to; k++) if (index(k) > this.last - this.columns) paint(k, pixels, this.slot(index(k)), this.columns);
    this.context.putImageData(image, 0, 0);
  }

  /** Writes one column. */
  column(index, paint) {
    if (index > this.last) {
      const skipped = Math.min(this.columns, index - this.last - 1);
      for (let k = 1; k <= skipped; k++) this.context.clearRect(this.slot(index - k), 0, 1, this.rows);
    }
    this.pixels.fill(0);
    paint(this.pixels);
    this.context.putImageData(this.image, this.slot(index), 0);
    if (index > this.last) this.last = index;
  }

  /**
   * Lays the columns `first..end-1` on a canvas, `X(index)` being the left edge of a column.
   * The rows fill `top..top+height` from the highest to the lowest row of the picture.
   */
  draw(x, first, end, X, top, height) {
    const from = Math.max(first, this.last - this.columns + 1), to = Math.min(end, this.last + 1);
    if (!(to > from)) return;
    const left = X(from), right = X(to);
    x.imageSmoothingEnabled = (right - left) / (to - from) < 0.75 || height / this.rows < 0.75;
    x.imageSmoothingQuality = "low";
    for (let at = from; at < to; ) {
      const slot = this.slot(at);
      const count = Math.min(to - at, this.columns - slot);
      const a = X(at), b = X(at + count);
      x.drawImage(this.canvas, slot, 0, count, this.rows, a, top, b - a, height);
      at += count;
    }
  }
}
