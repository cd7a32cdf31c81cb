// The tabs of the page, as components/panes.py: each draws one market's pane.
import { EvidencePane } from "./evidence.js";
import { FlowPane } from "./flow.js";
import { QualityPane } from "./quality.js";
import { TradesPane } from "./trades.js";

/**
 * A pane: `constructor(element, stack)`, `take(frame)` after the stack's model has taken it, `draw(at, state, hidden)`
 * on an animation frame (`hidden`: figures must not be shown), `resized()`, `cursor(cursor or null)`, `close()`;
 * and where it wants them `tell(at, hidden)` (elements beside the canvases, when all canvases of the page are painted),
 * `painted(done)` (what it asked of the painter can be seen), `renew()` (theme or zone changed), `step(key, far)`
 * (crosshair by the keyboard), `zoomReset()`, `midRows` (price rows it has room for), `timeline` ({range, moved(range, done)}: its time, where that is not the stack's), `table(panel)`
 * (what a panel shows, as {columns, rows}: its CSV), `menu(panel)` (entries of its menu: {words, run},
 * {group, choices, value, run} or {form, values, button, run}).
 */
export const PANES = {
  flow: FlowPane,
  evidence: EvidencePane,
  trades: TradesPane,
  quality: QualityPane,
};
