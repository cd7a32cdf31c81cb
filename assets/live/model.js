// What a view knows: the rings filled from frames, and the scalars of the last ones.
import { Bubbles, Table, netted } from "./rings.js";

// Series that only views of some tabs have, or only some markets; docs/live.md.
const FURTHER = [
  "micro", "bought", "sold", "cvd", "parts", "matched", "queue", "depth_imbalance", "spread_ticks", "spread_bps", "band_bid", "band_ask",
];

function further(arrays) {
  const width = (shape) => shape.slice(1).reduce((a, b) => a * b, 1);
  return Object.fromEntries(FURTHER.filter((name) => arrays[name]).map((name) => [name, [Float64Array, width(arrays[name].shape)]]));
}

// Share of the range by which a trade has left it when nothing of its disc is in view any more, on the narrowest plot, too.
const LEAVING = 1 / 16;

export class Model {
  /** @param {number} epoch that of the model which it goes on from */
  constructor(epoch = 0) {
    this.key = null;
    this.seq = null;
    this.info = null; // scalars of the last snapshot
    this.epoch = epoch; // grows with every snapshot: caches start anew
    this.status = null;
    this.statusAt = 0;
  }

  /**
   * Takes a frame in.
   * @returns {boolean} false when a frame was missed and a snapshot must be asked for
   */
  take(frame, at) {
    if (frame.type === "snapshot") this.begin(frame);
    else if (!this.info || frame.seq <= this.seq) return this.info !== null;
    else if (frame.seq !== this.seq + 1) return false;
    this.seq = frame.seq;
    this.merge(frame.arrays);
    this.scalars(frame, at);
    this.trim();
    return true;
  }

  begin(frame) {
    const { arrays, status, tiles, decomposition, distribution, times, coverage, covered, begins_ms, quality, everywhere, main, ...info } = frame;
    const steps = arrays.t.data.length;
    this.info = info;
    this.epoch++;
    this.levelCount = arrays.levels ? arrays.levels.shape[1] : info.depth;
    this.rowCount = info.rows;
    const f8 = [Float64Array, 1];
    this.series = new Table(
      { bid: f8, ask: f8, mid: f8, ofi: f8, multi: f8, integrated: f8, flow: f8, levels: [Float32Array, this.levelCount], ...further(arrays) },
      Math.max(256, Math.ceil(steps * 1.4)),
    );
    const columns = arrays.col_t?.data.length ?? 0;
    this.columns = new Table(
      { base: [Int32Array, 1], size: [Float32Array, this.rowCount] },
      Math.max(64, Math.ceil(columns * 1.4)),
    );
    this.further = Object.keys(further(arrays));
    this.trades = new Bubbles();
    this.gaps = [];
    this.profile = null;
    this.nowLevels = null;
    this.hist = null;
    this.main = this.mainHist = null;
    this.changed = -Infinity; // the earliest time that rows or trades have changed from since they were painted
    this.gapsSeen = 0; // grows with every change of the gaps
  }

  merge(arrays) {
    const data = (name) => arrays[name]?.data;
    this.changed = Math.min(this.changed, ...["t", "col_t"].map((name) => data(name)?.[0] ?? Infinity));
    for (const time of data("tr_t") ?? []) this.changed = Math.min(this.changed, netted(time));
    if (data("t")?.length) {
      this.series.merge(data("t"), {
        bid: data("bid"), ask: data("ask"), mid: data("mid"), ofi: data("ofi"), multi: data("multi"),
        integrated: data("integrated"), flow: data("flow"), levels: data("levels"), ...Object.fromEntries(this.further.map((name) => [name, data(name)])),
      });
    }
    if (data("col_t")?.length) this.columns.merge(data("col_t"), { base: data("col_base"), size: data("col") });
    if (data("tr_t")?.length) this.trades.add(data("tr_t"), data("tr_p"), data("tr_q"));
    if (arrays.prof_base) {
      this.profile = {
        base: data("prof_base")[0], bid: data("prof_bid"), ask: data("prof_ask"),
        cumBid: data("cum_bid"), cumAsk: data("cum_ask"),
      };
    }
    if (arrays.now_levels) this.nowLevels = data("now_levels");
    if (arrays.hist) this.hist = data("hist");
    if (arrays.main_hist) this.mainHist = data("main_hist");
  }

  scalars(frame, at) {
    if (frame.status) {
      this.status = frame.status;
      this.statusAt = at;
    }
    if (frame.tiles) this.tiles = frame.tiles;
    if (frame.decomposition !== undefined) this.decomposition = frame.decomposition;
    if (frame.distribution !== undefined) this.distribution = frame.distribution;
    if (frame.main) this.main = frame.main;
    if (frame.times) this.times = frame.times;
    if (frame.coverage) this.coverage = frame.coverage;
    if (frame.covered) this.covered = frame.covered;
    if (frame.begins_ms !== undefined) this.begins = frame.begins_ms;
    if (!frame.gaps) return;
    this.gaps = frame.gaps;
    this.gapsSeen++;
  }

  trim() {
    const oldest = (this.series.length ? this.series.last : this.info.end_ms) - this.info.range_s * 1000 - 4 * this.info.step_ms;
    this.series.trim(oldest);
    this.columns.trim(oldest);
    this.trades.trim(oldest - this.info.range_s * 1000 * LEAVING);
    this.gaps = this.gaps.filter((gap) => gap.to_ms === null || gap.to_ms > oldest);
  }

  /** What the OFI panel shows before all: a series, its present value and standing, what it is scored against. */
  get standing() {
    const { main: m, tiles: t } = this;
    if (m) return { ...m, name: m.series, hist: this.mainHist };
    return { name: "ofi", value: t?.ofi ?? null, score: t?.score ?? null, percentile: t?.percentile ?? null, distribution: this.distribution, hist: this.hist };
  }

  /** The present of the market's own clock, ms; NaN where nothing tells it. */
  now(at) {
    const s = this.status;
    if (s && s.received_ms !== null && s.age_ms !== null) return s.received_ms + s.age_ms + (at - this.statusAt);
    return NaN;
  }

  /** How long nothing has arrived from the venue, ms; NaN where not known. */
  age(at) {
    const s = this.status;
    return s && s.age_ms !== null ? s.age_ms + (at - this.statusAt) : NaN;
  }
}
