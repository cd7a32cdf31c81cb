// OFI by level: through time as a raster, now as bars on the same level axis.
import { begin, crisp, haloText, line, text, textWidth } from "./canvas.js";
import { signedSize } from "./format.js";
import { Raster } from "./raster.js";
import { theme } from "./theme.js";

const CLIP = 0.98, ROOM_STEP_PX = 8;
const THIRDS = 3; // pixels of a level in the raster: buying fills the upper two, selling the lower two
const CHOICE_MS = 10000; // for which strengths keep their colours

export class Levels {
  constructor() {
    this.raster = new Raster();
    this.scale = null; // {top, epoch, at}: time of the newest row when it was chosen
    this.done = -1;
  }

  /** Follows the strength that takes the full colour, symmetric about zero. */
  rescale(model) {
    const { epoch, series: { last: at } } = model, same = this.scale?.epoch === epoch;
    if (same && at - this.scale.at < CHOICE_MS) return false;
    const { levels } = model.series.data, m = model.levelCount;
    const start = model.series.from * m, end = model.series.to * m;
    const stride = Math.max(1, Math.floor((end - start) / 3000)) | 1;
    const sample = [];
    for (let k = start; k < end; k += stride) if (levels[k] === levels[k]) sample.push(Math.abs(levels[k]));
    sample.sort((a, b) => a - b);
    const top = sample.length ? sample[Math.floor((sample.length - 1) * CLIP)] || 1 : 1;
    const changed = !same || Math.abs(top / this.scale.top - 1) > 0.2;
    this.scale = { top: changed ? top : this.scale.top, epoch, at };
    return changed;
  }

  /** Brings the raster up to date with the series of a model, which has changed from the time `changed` on. */
  update(model, changed) {
    const table = model.series, m = model.levelCount, step = model.info.step_ms;
    const rescaled = this.rescale(model);
    const columns = Math.ceil((model.info.range_s * 1000) / step) + 16;
    const fresh = this.raster.shape(`${model.epoch}`, 0, THIRDS * m, columns);
    if (!fresh && !rescaled && this.done === table.version) return;
    const from = fresh || rescaled ? table.from : table.search(Math.min(changed, (this.raster.last - 1) * step));
    const { levels } = table.data, lut = theme.diverging, none = lut[127], gain = 127.5 / this.scale.top;
    this.raster.put(table, from, step, (k, pixels, first, stride) => {
      for (let r = 0; r < m; r++) {
        const v = levels[k * m + r];
        if (v !== v) continue;
        const colour = lut[Math.max(0, Math.min(255, 127.5 + v * gain)) | 0], at = first + THIRDS * r * stride;
        pixels[at] = v < 0 ? none : colour;
        pixels[at + stride] = colour;
        pixels[at + 2 * stride] = v > 0 ? none : colour;
      }
    });
    this.done = table.version;
  }

  draw(canvas, model, view, changed) {
    const { width, height, X, start, end } = view;
    const x = begin(canvas, width, height);
    if (model.series.length) {
      this.update(model, changed);
      const step = model.info.step_ms, m = model.levelCount;
      this.raster.draw(x, Math.floor(start / step), Math.ceil(end / step) + 1, (index) => X((index - 1) * step), 0, height);
      // Thin lines of the panel keep the levels apart.
      if (height / m > 5) {
        x.fillStyle = theme.panel;
        for (let r = 1; r < m; r++) x.fillRect(0, (r / m) * height - 0.3, width, 0.6);
      }
    }
    view.hatches(x, "depth", 0, height);
  }

  drawNow(canvas, model, view) {
    const { crossWidth: width, height } = view;
    const x = begin(canvas, width, height);
    const centre = Math.round(width / 2), m = model.levelCount, values = model.nowLevels;
    line(x, 0.5, 0, 0.5, height, theme.axis);
    line(x, crisp(centre), 0, crisp(centre), height, theme.axis);
    if (!values || !view.showsNow) return;
    let largest = 0;
    for (const v of values) if (Math.abs(v) > largest) largest = Math.abs(v);
    if (!(largest > 0)) return;
    // One number of decimals for all levels, from the largest.
    const digits = largest >= 100 ? 0 : largest >= 10 ? 1 : Math.min(8, 1 - Math.floor(Math.log10(largest)));
    const tall = height / m, every = Math.ceil(13 / tall), words = Array.from(values, (v) => signedSize(v, digits));
    // In steps, so that the bars do not breathe with their figures.
    const widest = Math.max(...words.filter((_, r) => r % every === 0).map((one) => textWidth(x, one)));
    const half = Math.max(6, centre - 6 - ROOM_STEP_PX * Math.ceil(widest / ROOM_STEP_PX));
    const put = every > 1 ? haloText : text; // a figure beside each bar lies on nothing else
    const taken = new Set(); // sides whose lower corner carries a figure
    for (let r = 0; r < Math.min(m, values.length); r++) {
      const v = values[r];
      if (v !== v) continue;
      const long = (v / largest) * half, top = r * tall;
      x.fillStyle = theme[v > 0 ? "buy-fill" : "sell-fill"];
      x.fillRect(Math.min(centre, centre + long), top + 1, Math.max(1, Math.abs(long)), Math.max(1.5, tall - 2));
      if (r % every === 0) {
        const at = Math.max(7, Math.min(height - 7, top + tall / 2));
        if (at > height - 20) taken.add(v > 0);
        put(x, words[r], centre + long + (v > 0 ? 4 : -4), at, theme.text2, v > 0 ? "left" : "right");
      }
    }
    if (width > 200) {
      if (!taken.has(false)) haloText(x, "selling", 6, height - 7, theme.text3);
      if (!taken.has(true)) haloText(x, "buying", width - 2, height - 7, theme.text3, "right");
    }
  }
}
