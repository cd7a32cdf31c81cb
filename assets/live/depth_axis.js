// The size axis beside the heatmap: how far it reaches for the price rows in view.

const ROOM_PX = 44; // for the sizes of walls, which stand right of their bars
const HOLD_MS = 30000;

/** Price rows of the profile in view, `first … end − 1`; the largest size and running sum among them. */
export function rowsInView({ profile: p, info: { group, tick } }, { low, high }) {
  const first = Math.max(0, Math.floor(low / tick / group) - p.base - 1);
  const end = Math.min(p.bid.length, Math.ceil(high / tick / group) - p.base + 1);
  let largest = 0, sum = 0;
  for (let r = first; r < end; r++) {
    largest = Math.max(largest, p.bid[r] || 0, p.ask[r] || 0);
    sum = Math.max(sum, p.cumBid[r] || 0, p.cumAsk[r] || 0);
  }
  return { first, end, largest, sum };
}

export class DepthAxis {
  constructor() {
    this.most = 0; // its right end, kept steady
    this.shrunk = 0;
  }

  /** Its right end and the pixels up to there; null where there is no size to show. It grows at once, and shrinks after a while. */
  fit(model, view, now) {
    const { largest } = model.profile && view.showsNow ? rowsInView(model, view) : { largest: 0 };
    if (!(largest > 0)) return null;
    if (largest > this.most || now - this.shrunk > HOLD_MS) {
      this.most = largest * 1.05;
      this.shrunk = now;
    }
    if (largest > this.most * 0.6) this.shrunk = now;
    return { most: this.most, plot: view.crossWidth - ROOM_PX };
  }
}
