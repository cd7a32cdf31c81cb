// The book through time: resting size by price, best quotes and mid, trades as bubbles.
import { begin, crisp, curve, line } from "./canvas.js";
import { Discs } from "./discs.js";
import { manual, placing, rampOf } from "./ramps.js";
import { Raster } from "./raster.js";
import { RowSpan } from "./span.js";
import { Strip } from "./strip.js";
import { theme } from "./theme.js";

const LOOK = { ramp: "tide", heat: "log", clip: "99.5", sizes: "auto" };
const CHOICE_MS = 10000; // for which sizes keep their colours

export class Heatmap {
  constructor() {
    this.raster = new Raster();
    this.rows = new RowSpan();
    this.done = 0; // version of the table that the raster shows
    this.scale = null; // {top, epoch, clip, at}: time of the newest column when it was chosen
    this.discs = new Discs();
    this.look = LOOK; // how sizes become colours: options of the address
    this.strip = new Strip();
  }

  /** Takes the options of the page; the picture is coloured anew when they differ. */
  dress(options) {
    const { ramp, heat, clip, sizes } = options ?? LOOK, key = [ramp, heat, clip, sizes].join();
    if (key === this.lookKey) return;
    this.look = { ramp, heat, clip, sizes };
    this.lookKey = key;
  }

  /** Brings the raster up to date with the columns of a model, which have changed from the time `changed` on. */
  update(model, changed) {
    const table = model.columns;
    if (!table.length) return;
    const step = model.info.step_ms;
    const rescaled = this.rescale(model);
    const [low, high] = this.rows.fit(model);
    const columns = Math.ceil((model.info.range_s * 1000) / step) + 16;
    const fresh = this.raster.shape(`${model.epoch}/${this.lookKey ?? ""}`, low, high - low, columns);
    if (!fresh && !rescaled && this.done === table.version) return;
    this.colours = { lut: rampOf(this.look.ramp), place: placing(this.look, this.scale.top) };
    let from = table.from;
    if (!fresh && !rescaled) from = table.search(Math.min(changed, (this.raster.last - 1) * step));
    this.raster.put(table, from, step, this.column(model));
    this.done = table.version;
  }

  /** Colours the rows of column k of a model (raster.js). */
  column(model) {
    const { size, base } = model.columns.data, rows = model.rowCount, { lut, place } = this.colours;
    const { low, rows: tall } = this.raster, top = low + tall - 1;
    return (k, pixels, first, stride) => {
      for (let r = 0; r < rows; r++) {
        const v = size[k * rows + r], at = top - (base[k] + r);
        if (v === v && at >= 0 && at < tall) {
          const c = place(v);
          pixels[first + at * stride] = lut[c > 255 ? 255 : c > 0 ? c | 0 : 0];
        }
      }
    };
  }

  /** Follows the clipping percentile of the sizes, in steps that the eye does not notice. */
  rescale(model) {
    const { clip } = this.look, { epoch, columns: { last: at } } = model;
    const same = this.scale?.epoch === epoch && this.scale.clip === clip;
    if (same && at - this.scale.at < CHOICE_MS) return false;
    const { size } = model.columns.data, rows = model.rowCount;
    const start = model.columns.from * rows, end = model.columns.to * rows;
    const sample = [];
    const stride = Math.max(1, Math.floor((end - start) / 4000)) | 1;
    for (let k = start; k < end; k += stride) if (size[k] > 0) sample.push(size[k]);
    sample.sort((a, b) => a - b);
    const top = sample.length ? sample[Math.floor(((sample.length - 1) * clip) / 100)] : 1;
    const changed = !same || Math.abs(top / this.scale.top - 1) > 0.2;
    this.scale = { top: changed ? top : this.scale.top, epoch, clip, at };
    return changed;
  }

  /** Sizes that take the weakest and the strongest colour. */
  get span() {
    return manual(this.look.sizes) ?? [0, this.scale?.top ?? NaN];
  }

  /** Draws into the plot of `view` (geometry.js) what is `due` of it (strip.js); its key has all that is not seen here. */
  draw(canvas, model, view, options, due) {
    this.dress(options);
    const { width, height, X, Y, start, end } = view;
    if (model.columns.length) this.update(model, due.changed);
    this.choose(model, view);
    const picture = [due.key, height, this.raster.key, this.scale?.top, this.lookKey, this.apart, this.discs.settled(view)].join();
    const part = this.strip.plan({ ...due, key: picture }, view);
    if (!part) return;
    const x = begin(canvas, width, height, part), since = Math.max(start, part.since);
    if (model.columns.length) {
      const r = this.raster, { group, tick, step_ms: step } = model.info;
      // Row r covers the ticks r·group … r·group + group − 1, each half a tick to either side.
      const edge = (row) => Y((row * group - 0.5) * tick);
      const top = edge(r.low + r.rows), bottom = edge(r.low);
      r.draw(x, Math.floor(since / step), Math.ceil(end / step) + 1, (index) => X((index - 1) * step), top, bottom - top);
    }
    this.lines(x, model, view, since);
    this.discs.draw(x, view, part.left);
    view.hatches(x, "depth", 0, height);
    line(x, 0, crisp(height) - 1, width, crisp(height) - 1, theme.axis);
  }

  /** What of the whole plot decides how each part of it looks. */
  choose(model, view) {
    // A spread narrower than the line of the mid lies below it.
    this.apart = widest(model.series, ...model.series.through(view.start, view.end)) * Math.abs(view.Y(1) - view.Y(0)) > 1.4;
    this.discs.find(model, view);
  }

  lines(x, model, view, start) {
    const s = model.series, [from, to] = s.through(start, view.end);
    const stroke = (name, style) => curve(x, s, name, from, to, view, style);
    x.lineJoin = "bevel";
    stroke("mid", { colour: theme.halo, width: 3.5 });
    if (this.apart) {
      stroke("ask", { colour: theme.sell });
      stroke("bid", { colour: theme.buy });
    }
    stroke("mid", { colour: theme.mid, width: 1.4 });
    if (s.data.micro) stroke("micro", { colour: theme.text2, dash: [5, 3] });
    x.lineJoin = "round";
  }
}

/** The widest spread between two rows of the series. */
function widest(table, from, to) {
  const { bid, ask } = table.data;
  let most = 0;
  for (let k = from; k < to; k++) if (ask[k] - bid[k] > most) most = ask[k] - bid[k];
  return most;
}
