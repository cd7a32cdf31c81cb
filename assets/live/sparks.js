// The last half hour of a market's OFI score, 40 × 24 pixels beside its name in the watch list.
// Not on a canvas: the browser hands over each of those with every frame of the page.

const POINTS = 60;
const WIDTH = 40, HEIGHT = 24, REACH = 4; // the line spans ±4σ; beyond it is clipped
const EMPTY = `<svg width="${WIDTH}" height="${HEIGHT}" aria-hidden="true"><path d="M0 ${HEIGHT / 2 + 0.5}H${WIDTH}"/><path/><circle r="1.8"/></svg>`;

export class Sparks {
  constructor() {
    this.step = 30000;
    this.lines = new Map(); // market → Map of step → score
  }

  /** Takes a `sparks` message in; what is known already is newer. */
  take(message) {
    this.step = message.step_ms;
    for (const [market, [first, scores]] of Object.entries(message.markets)) {
      const line = new Map(scores.flatMap((score, k) => (score === null ? [] : [[first + k, score]])));
      for (const [step, score] of this.lines.get(market) ?? []) line.set(step, score);
      this.lines.set(market, line);
    }
  }

  /** The present score of a market. */
  note(row) {
    if (row.score === null || row.time_ms === null) return;
    const step = Math.floor(row.time_ms / this.step);
    let line = this.lines.get(row.market);
    if (!line) this.lines.set(row.market, (line = new Map()));
    line.set(step, row.score);
    for (const old of line.keys()) if (old <= step - POINTS) line.delete(old);
  }

  /** Forgets the markets that are not among these. */
  keep(markets) {
    for (const market of this.lines.keys()) if (!markets.has(market)) this.lines.delete(market);
  }

  /** Draws a line up to now into an element; the pen is lifted where a step is unknown. */
  draw(holder, market, now) {
    if (!holder.firstChild) holder.innerHTML = EMPTY;
    const [, path, dot] = holder.firstChild.children, last = Math.floor(now / this.step), line = this.lines.get(market);
    const X = (step) => 1 + ((step - last + POINTS - 1) / (POINTS - 1)) * (WIDTH - 5);
    const Y = (score) => HEIGHT / 2 - (Math.max(-REACH, Math.min(REACH, score)) / REACH) * (HEIGHT / 2 - 3);
    let drawn = "", drawing = false, end = null;
    for (let step = last - POINTS + 1; step <= last; step++) {
      const score = line?.get(step);
      if (score !== undefined) {
        drawn += `${drawing ? "L" : "M"}${X(step).toFixed(1)} ${Y(score).toFixed(1)}`;
        end = [X(step), Y(score), score];
      }
      drawing = score !== undefined;
    }
    path.setAttribute("d", drawn);
    dot.setAttribute("visibility", end ? "visible" : "hidden");
    if (!end) return;
    dot.setAttribute("cx", Math.min(WIDTH - 2, end[0]).toFixed(1));
    dot.setAttribute("cy", end[1].toFixed(1));
    dot.setAttribute("class", Math.abs(end[2]) < 2 ? "" : end[2] > 0 ? "bought" : "sold");
  }
}
