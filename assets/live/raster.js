// An off-screen picture of one pixel per cell, kept as a ring in time: a new column is written once,
// zoom and pan only change how the picture is laid on the canvas.
import { theme } from "./theme.js";

/** Colours of a column: writes `rows` packed pixels, bottom row first, into `out`. */
export class Raster {
  constructor() {
    this.canvas = document.createElement("canvas");
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

  /** Writes column `index`; `paint(pixels, top)` fills pixels, row r at `top - r`. */
  put(index, paint) {
    if (index > this.last) {
      const skipped = Math.min(this.columns, index - this.last - 1);
      for (let k = 1; k <= skipped; k++) this.context.clearRect(this.slot(index - k), 0, 1, this.rows);
    }
    this.pixels.fill(0);
    paint(this.pixels, this.low + this.rows - 1);
    this.context.putImageData(this.image, this.slot(index), 0);
    if (!(index <= this.last)) this.last = index;
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
