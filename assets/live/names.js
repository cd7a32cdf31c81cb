// Accessible names of the canvases: title and present value.
import { kindWords } from "./book_menu.js";
import { number, signedSize, size } from "./format.js";

export function nameCanvases(stack) {
  const { rows } = stack.geometry, { tiles: t, info } = stack.model;
  if (!t) return;
  const { value, percentile } = stack.model.standing, kind = kindWords(stack.model);
  const where = `${stack.market}, `;
  const set = (canvas, words) => canvas.getAttribute("aria-label") !== words && canvas.setAttribute("aria-label", words);
  set(rows.book.plot, `${where}book heatmap through time; mid ${number(t.mid, info.price_decimals + 1)} ${info.quote}`);
  set(rows.book.cross, `${where}depth now; within 10 bps ${size(t.depth_bid)} bid, ${size(t.depth_ask)} ask ${info.unit}`);
  set(rows.ofi.plot, `${where}rolling ${kind}; now ${signedSize(value)} ${info.unit}`);
  set(rows.ofi.cross, `${where}distribution of rolling ${kind}; present percentile ${percentile === null ? "not available" : Math.round(percentile * 100)}`);
  set(rows.levels.plot, `${where}OFI by level through time`);
  set(rows.levels.cross, `${where}OFI by level now`);
  const parts = stack.model.decomposition;
  const made = (name, words) => `${size(parts[name])} ${words}`;
  set(rows.flow.cross, `${where}what made this OFI: ${parts ? [
    made("bids_added", "bids added"), made("asks_pulled", "asks pulled"), made("bought", "bought"),
    made("asks_added", "asks added"), made("bids_pulled", "bids pulled"), made("sold", "sold"),
  ].join(", ") : "not available"}`);
  set(rows.flow.plot, `${where}taker flow; now ${signedSize(t.flow)} ${info.unit}`);
}
