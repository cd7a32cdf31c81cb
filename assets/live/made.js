// What made the OFI of the window: two bars, what pushed up and what pushed down, in three parts each.
import { begin, paragraph, text, textWidth } from "./canvas.js";
import { signedSize, size } from "./format.js";
import { alpha, theme } from "./theme.js";
import { short } from "./words.js";

const GAP = 6;
const STRENGTHS = [1, 0.62, 0.36];
const UP = [["bids_added", "bids added"], ["asks_pulled", "asks pulled"], ["bought", "bought"]];
const DOWN = [["asks_added", "asks added"], ["bids_pulled", "bids pulled"], ["sold", "sold"]];

export function drawMade(canvas, model, view) {
  const { crossWidth: width, crossHeight: height } = view;
  const x = begin(canvas, width, height);
  if (!view.showsNow) return;
  const parts = model.decomposition;
  if (!parts) {
    const full = (model.tiles?.ofi ?? null) !== null || model.gaps.length > 0;
    const why = model.status?.has_trades === false ? "This venue sends no public trades." : full ? "The window touches a gap." : "Waits for a full window.";
    paragraph(x, why, 0, height / 2, width, theme.text2);
    return;
  }
  const sum = (side) => side.reduce((total, [name]) => total + parts[name], 0);
  const up = sum(UP), down = sum(DOWN), most = Math.max(up, down);
  const unit = short(model.info);
  half(x, parts, UP, up, most, { words: "Pushes up", sign: 1, top: 0, width, height: height / 2, unit });
  half(x, parts, DOWN, down, most, { words: "Pushes down", sign: -1, top: height / 2, width, height: height / 2, unit });
}

function half(x, parts, side, total, most, { words, sign, top, width, height, unit }) {
  const fill = theme[sign > 0 ? "buy-fill" : "sell-fill"], middle = top + height / 2, off = Math.min(12, height / 2 - 6);
  const value = `${signedSize(sign * total)}\u00a0${unit}`, room = width - textWidth(x, value) - GAP;
  text(x, textWidth(x, words) <= room ? words : sign > 0 ? "Up" : "Down", 0, middle - off, theme.text2);
  text(x, value, width, middle - off, theme[sign > 0 ? "buy" : "sell"], "right");
  let left = 0;
  side.forEach(([name], k) => {
    const wide = most > 0 ? (parts[name] / most) * width : 0;
    x.fillStyle = alpha(fill, STRENGTHS[k]);
    x.fillRect(left, middle - 4, Math.max(0, wide - 1), 7);
    left += wide;
  });
  // Parts as fine as their sum: more digits would say nothing here.
  const finest = total >= 1000 ? 0 : total >= 10 ? 1 : total >= 1 ? 2 : 8;
  caption(x, side.map(([name, said]) => `${said} ${size(parts[name], finest)}`), width, middle + off);
}

/** The parts in words: shorter where they would not all fit, then as many as do. */
function caption(x, words, width, middle) {
  const room = (list) => list.reduce((sum, one) => sum + textWidth(x, one) + GAP, -GAP);
  const said = room(words) <= width ? words : words.map((one) => one.replace(/^(bids|asks) /, ""));
  let left = 0;
  for (const one of said) {
    const wide = textWidth(x, one);
    if (left + wide > width) return;
    text(x, one, left, middle, theme.text3);
    left += wide + GAP;
  }
}
