// The last half hour of a market's OFI score, 40 × 24 pixels beside its name in the watch list.
import { theme } from "./theme.js";

const POINTS = 60;
const WIDTH = 40, HEIGHT = 24, REACH = 4; // the line spans ±4σ; beyond it is clipped

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

  /** Draws a line up to now; the pen is lifted where a step is unknown. */
  draw(canvas, market, now) {
    const ratio = devicePixelRatio || 1;
    if (canvas.width !== WIDTH * ratio) {
      [canvas.width, canvas.height] = [WIDTH * ratio, HEIGHT * ratio];
    }
    const x = canvas.getContext("2d");
    x.setTransform(ratio, 0, 0, ratio, 0, 0);
    x.clearRect(0, 0, WIDTH, HEIGHT);
    const line = this.lines.get(market);
    const last = Math.floor(now / this.step);
    const X = (step) => 1 + ((step - last + POINTS - 1) / (POINTS - 1)) * (WIDTH - 5);
    const Y = (score) => HEIGHT / 2 - (Math.max(-REACH, Math.min(REACH, score)) / REACH) * (HEIGHT / 2 - 3);
    x.strokeStyle = theme.axis;
    x.lineWidth = 1;
    x.beginPath();
    x.moveTo(0, HEIGHT / 2 + 0.5);
    x.lineTo(WIDTH, HEIGHT / 2 + 0.5);
    x.stroke();
    if (!line?.size) return;
    x.strokeStyle = theme.text2;
    x.beginPath();
    let drawing = false, end = null;
    for (let step = last - POINTS + 1; step <= last; step++) {
      const score = line.get(step);
      if (score === undefined) {
        drawing = false;
        continue;
      }
      if (drawing) x.lineTo(X(step), Y(score));
      else x.moveTo(X(step), Y(score));
      drawing = true;
      end = [X(step), Y(score), score];
    }
    x.stroke();
    if (!end) return;
    x.fillStyle = Math.abs(end[2]) < 2 ? theme.text : end[2] > 0 ? theme.buy : theme.sell;
    x.beginPath();
    x.arc(Math.min(WIDTH - 2, end[0]), end[1], 1.8, 0, 7);
    x.fill();
  }
}
