// The size axis beside the heatmap: how far it reaches for the price rows in view.

const ROOM_PX = 44; // for the sizes of walls, which stand right of their bars

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

/** Its right end, from `reach` (ranges.js), and the pixels up to there; null where there is no size to show. */
export function sizeAxis(model, view, reach, now) {
  const { largest } = model.profile && view.showsNow ? rowsInView(model, view) : { largest: 0 };
  return largest > 0 ? { most: reach.fit(largest, now), plot: view.crossWidth - ROOM_PX } : null;
}
