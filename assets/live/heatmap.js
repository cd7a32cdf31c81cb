// The book through time: resting size by price, best quotes and mid, trades as bubbles.
import { begin, crisp, line, trace } from "./canvas.js";
import { manual, placing, rampOf } from "./ramps.js";
import { Raster } from "./raster.js";
import { alpha, theme } from "./theme.js";

const LOOK = { ramp: "tide", heat: "log", clip: "99.5", sizes: "auto" };
const MOST_BUBBLES = 64;
const LARGEST_BUBBLE_PX = 14;

export class Heatmap {
  constructor() {
    this.raster = new Raster();
    this.done = 0; // version of the table that the raster shows
    this.scale = null; // {top, epoch, at}
    this.largest = 0;
    this.seen = { version: -1 };
    this.look = LOOK; // how sizes become colours: options of the address
  }

  /** Takes the options of the page; the picture is coloured anew when they differ. */
  dress(options) {
    const { ramp, heat, clip, sizes } = options ?? LOOK, key = [ramp, heat, clip, sizes].join();
    if (key === this.lookKey) return;
    if (clip !== this.look.clip) this.scale = null;
    this.look = { ramp, heat, clip, sizes };
    this.lookKey = key;
  }

  /** Brings the raster up to date with the columns of a model. */
  update(model) {
    const table = model.columns;
    if (!table.length) return;
    const step = model.info.step_ms;
    const rescaled = this.rescale(model);
    const [low, high] = this.rowSpan(model);
    const columns = Math.ceil((model.info.range_s * 1000) / step) + 16;
    const fresh = this.raster.shape(`${model.epoch}/${this.lookKey ?? ""}`, low, high - low, columns);
    if (!fresh && !rescaled && this.done === table.version) return;
    this.colours = { lut: rampOf(this.look.ramp), place: placing(this.look, this.scale.top) };
    let from = table.from;
    if (!fresh && !rescaled) from = table.search((this.raster.last - 1) * step);
    for (let k = from; k < table.to; k++) this.column(model, k);
    this.done = table.version;
  }

  column(model, k) {
    const table = model.columns, rows = model.rowCount, sizes = table.data.size, start = k * rows;
    const base = table.data.base[k], { lut, place } = this.colours;
    this.raster.put(Math.round(table.time[k] / model.info.step_ms), (pixels, top) => {
      for (let r = 0; r < rows; r++) {
        const v = sizes[start + r], at = top - (base + r);
        if (v === v && at >= 0 && at < pixels.length) {
          const c = place(v);
          pixels[at] = lut[c > 255 ? 255 : c > 0 ? c | 0 : 0];
        }
      }
    });
  }

  /** Rows that the picture must span, with room for the price to move before it is built anew. */
  rowSpan(model) {
    const { base } = model.columns.data, rows = model.rowCount;
    const same = this.spanOf === model.epoch;
    let low = same ? this.low : Infinity, high = same ? this.high : -Infinity;
    const from = same ? Math.max(model.columns.from, model.columns.to - 8) : model.columns.from;
    let grew = !same;
    for (let k = from; k < model.columns.to; k++) {
      if (base[k] < low) [low, grew] = [base[k], true];
      if (base[k] + rows > high) [high, grew] = [base[k] + rows, true];
    }
    if (grew) {
      const room = Math.ceil(rows / 3);
      this.low = low - room;
      this.high = high + room;
      this.spanOf = model.epoch;
    }
    return [this.low, this.high];
  }

  /** Follows the clipping percentile of the sizes, in steps that the eye does not notice. */
  rescale(model) {
    const now = performance.now();
    const same = this.scale?.epoch === model.epoch;
    if (same && now - this.scale.at < 10000) return false;
    const { size } = model.columns.data, rows = model.rowCount;
    const start = model.columns.from * rows, end = model.columns.to * rows;
    const sample = [];
    const stride = Math.max(1, Math.floor((end - start) / 4000)) | 1;
    for (let k = start; k < end; k += stride) if (size[k] > 0) sample.push(size[k]);
    sample.sort((a, b) => a - b);
    const top = sample.length ? sample[Math.floor(((sample.length - 1) * this.look.clip) / 100)] : 1;
    const changed = !same || Math.abs(top / this.scale.top - 1) > 0.2;
    this.scale = { top: changed ? top : this.scale.top, epoch: model.epoch, at: now };
    return changed;
  }

  /** Sizes that take the weakest and the strongest colour. */
  get span() {
    return manual(this.look.sizes) ?? [0, this.scale?.top ?? NaN];
  }

  /** Draws into the plot of `view` (see geometry.js). */
  draw(canvas, model, view, options) {
    this.dress(options);
    const { width, height, X, Y, start, end } = view;
    const x = begin(canvas, width, height);
    const step = model.info.step_ms;
    const { group, tick } = model.info;
    if (model.columns.length) {
      this.update(model);
      const r = this.raster;
      // Row r covers the ticks r·group … r·group + group − 1, each half a tick to either side.
      const edge = (row) => Y((row * group - 0.5) * tick);
      const top = edge(r.low + r.rows), bottom = edge(r.low);
      const first = Math.floor(start / step), last = Math.ceil(end / step) + 1;
      r.draw(x, first, last, (index) => X((index - 1) * step), top, bottom - top);
    }
    this.lines(x, model, view);
    this.bubbles(x, model, view);
    const mid = model.tiles?.mid;
    if (view.showsNow && mid) line(x, 0, crisp(Y(mid)), width, crisp(Y(mid)), alpha(theme.mid, 0.28), [2, 4]);
    view.hatches(x, "depth", 0, height);
    line(x, 0, crisp(height) - 1, width, crisp(height) - 1, theme.axis);
  }

  lines(x, model, { X, Y, start, end }) {
    const s = model.series;
    const from = Math.max(s.from, s.search(start) - 1), to = Math.min(s.to, s.search(end) + 1);
    const stroke = (name, colour, width) => {
      trace(x, s, name, from, to, X, Y);
      x.strokeStyle = colour;
      x.lineWidth = width;
      x.stroke();
    };
    x.lineJoin = "bevel";
    stroke("mid", theme.halo, 3.5);
    // A spread narrower than the line of the mid lies below it.
    if (widest(s, from, to) * Math.abs(Y(1) - Y(0)) > 1.4) {
      stroke("ask", theme.sell, 1);
      stroke("bid", theme.buy, 1);
    }
    stroke("mid", theme.mid, 1.4);
    if (s.data.micro) {
      x.setLineDash([5, 3]);
      stroke("micro", theme.text2, 1);
      x.setLineDash([]);
    }
    x.lineJoin = "round";
  }

  bubbles(x, model, { X, Y, start, end, width }) {
    const trades = model.trades;
    const key = `${model.epoch}/${trades.version}/${Math.round(start)}/${Math.round(end)}`;
    if (this.seen.key !== key) {
      const most = Math.min(MOST_BUBBLES, Math.max(12, Math.round(width / 13)));
      this.seen = { key, found: trades.largest(start, end, most) };
    }
    const found = this.seen.found;
    if (!found.length) return;
    const largest = found[0].size, most = width < 500 ? LARGEST_BUBBLE_PX - 3 : LARGEST_BUBBLE_PX;
    for (const one of found) {
      const radius = Math.max(2.2, Math.sqrt(one.size / largest) * most);
      const left = X(one.time), top = Y(one.price);
      disc(x, left, top, radius + 1);
      x.strokeStyle = theme.halo;
      x.lineWidth = 1.5;
      x.stroke();
      disc(x, left, top, one.bought ? radius : radius - 0.8);
      x.fillStyle = alpha(theme[one.bought ? "buy-fill" : "sell-fill"], one.bought ? 0.82 : 0.3);
      x.fill();
      x.strokeStyle = theme[one.bought ? "buy" : "sell"];
      x.lineWidth = one.bought ? 1 : 1.8;
      x.stroke();
    }
  }
}

function disc(x, left, top, radius) {
  x.beginPath();
  x.arc(left, top, radius, 0, 6.2832);
}

/** The widest spread between two rows of the series. */
function widest(table, from, to) {
  const { bid, ask } = table.data;
  let most = 0;
  for (let k = from; k < to; k++) if (ask[k] - bid[k] > most) most = ask[k] - bid[k];
  return most;
}
