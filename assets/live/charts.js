// The charts of one market's tab Book & flow, and which of them are due. They are painted on the page's thread or on the
// painter's (easel.js), and know of the page only what they are told.
import { drawFlow, drawOfi, flowBars } from "./bars.js";
import { begin, faces, text } from "./canvas.js";
import { drawDistribution } from "./distribution.js";
import { Heatmap } from "./heatmap.js";
import { Levels } from "./levels.js";
import { drawMade } from "./made.js";
import { drawProfile } from "./profile.js";
import { Strip } from "./strip.js";
import { theme } from "./theme.js";
import { viewsFrom } from "./views.js";

// Price and OFI follow every update, the profile this often, and the other rows once time has moved a pixel.
const NOW_MS = 240, PAST_MS = 480;
const STRIP_PX = 18;

export class Charts {
  /**
   * @param {Object<string, HTMLCanvasElement | OffscreenCanvas>} sheets the canvas of each row
   * @param {Object<string, object>} rows where each row's charts are on it, `plain` of geometry.js
   * @param {import("./model.js").Model} model
   * @param {object} [chosen] by the charts that these take over from
   */
  constructor(sheets, rows, model, chosen) {
    this.sheets = sheets;
    this.model = model;
    this.heatmap = new Heatmap();
    this.levels = new Levels();
    if (chosen) [this.heatmap.scale, this.heatmap.discs.choice, this.levels.scale] = [chosen.sizes, chosen.discs, chosen.strengths];
    this.ofiStrip = new Strip();
    this.paintedAt = {}; // by what of it is painted less often than price and OFI
    this.barMs = NaN; // what a bar of the taker flow that is painted spans
    this.levelsChanged = Infinity; // since when rows have changed that the levels do not show yet
    this.look = "";
    this.lay(rows);
  }

  /** Takes over where the charts are by now. */
  lay(rows) {
    this.rows = {};
    for (const [kind, row] of Object.entries(rows)) {
      const areas = Object.entries(row.areas).map(([name, area]) => [name, { ...area, canvas: this.sheets[kind] }]);
      this.rows[kind] = { ...row, areas: Object.fromEntries(areas) };
    }
  }

  /** What stands for a while, as plain data: with choices of their own, charts that take over would show another picture. */
  get chosen() {
    const { heatmap, levels } = this;
    return { sizes: heatmap.scale, discs: heatmap.discs.choice, strengths: levels.scale };
  }

  /** Size that takes the strongest colour of the heatmap. */
  get strongest() {
    return this.heatmap.span[1];
  }

  /**
   * Paints what is due at `now`, ms.
   * @param {object} draw what flow.js asks for: `look` tells what every pixel depends on, beside the model and the fonts;
   *   `hidden` that nothing may be shown; `zone` is its name, `options` are those of the address, `depth` the size axis
   *   (depth_axis.js), `missing_ms` since when the present is not known; the rest is told in views.js
   */
  paint(draw, now) {
    const { model, rows } = this;
    if (draw.hidden) return;
    const views = viewsFrom(draw, rows), look = [draw.look, model.epoch, faces().status].join(), anew = look !== this.look;
    this.look = look;
    const due = (name, every_ms) => {
      if (!anew && now - (this.paintedAt[name] ?? -Infinity) < every_ms) return false;
      this.paintedAt[name] = now;
      return true;
    };
    if (this.flowHigh !== views.flow.high) delete this.paintedAt.past; // its axis is drawn at once
    if (this.depthMost !== draw.depth?.most) delete this.paintedAt.now;
    [this.flowHigh, this.depthMost] = [views.flow.high, draw.depth?.most];
    this.paintPresent(draw, views, now);
    if (anew) for (const row of Object.values(rows)) if (row.strip && row.height) writeZone(row, draw.zone);
    const { start, end, width } = views.book;
    if (due("past", Math.min(PAST_MS, Math.max(NOW_MS, (end - start) / width)))) this.paintPast(views);
    // A row has no height while another has the whole screen.
    if (rows.book.height && rows.book.crossWidth && due("now", NOW_MS)) drawProfile(rows.book.areas.cross, model, views.book, draw.depth);
  }

  /** Price and OFI. */
  paintPresent({ options, missing_ms }, views, now) {
    const { model, rows } = this;
    this.levelsChanged = Math.min(this.levelsChanged, model.changed);
    const change = { key: `${this.look}/${model.gapsSeen}/${Math.round(missing_ms)}`, changed: model.changed, now };
    model.changed = Infinity;
    if (rows.book.height) this.heatmap.draw(rows.book.areas.plot, model, views.book, options, change);
    if (!rows.ofi.height) return;
    drawOfi(rows.ofi.areas.plot, model, views.ofi, options?.line, this.ofiStrip, change);
    // Its line and percentile are those of the tiles, so it is drawn as often.
    if (rows.ofi.crossWidth) drawDistribution(rows.ofi.areas.cross, model, views.ofi);
  }

  /** Levels and taker flow; what is beside them goes with them: a canvas is handed over as a whole, however little of it was drawn. */
  paintPast(views) {
    const { model, rows: { levels, flow } } = this;
    if (levels.height) {
      this.levels.draw(levels.areas.plot, model, views.levels, this.levelsChanged);
      this.levelsChanged = Infinity;
      if (levels.crossWidth) this.levels.drawNow(levels.areas.cross, model, views.levels);
    }
    if (!flow.height) return;
    const bars = flowBars(model, views.flow);
    this.barMs = bars.ms;
    drawFlow(flow.areas.plot, model, views.flow, bars);
    if (flow.crossWidth) drawMade(flow.areas.cross, model, views.flow);
  }
}

/** The zone of time below the first axis of values, where the time axis ends. */
function writeZone({ areas, width, crossLeft, crossWidth, left }, zone) {
  const room = crossWidth > 0 ? crossLeft - left - width : areas.corner.wide - width;
  const x = begin(areas.corner, room, STRIP_PX);
  text(x, zone, 7, STRIP_PX - 6, theme.text3);
}
