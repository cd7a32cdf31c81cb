// Drawing primitives shared by all charts.
import { widthOf } from "./geometry.js";
import { WHOLE, WIDE_STEP_PX } from "./strip.js";
import { theme } from "./theme.js";

/**
 * Sizes a canvas to its box and clears it, or `part` of it (strip.js); coordinates are CSS pixels. An area of a canvas that
 * charts share (geometry.js) is drawn on as if it were one.
 * @param {HTMLCanvasElement | {canvas: HTMLCanvasElement, stamp: number, left: number, top: number, wide: number, tall: number}} on
 *   `stamp` is another one where areas have moved
 */
export function begin(on, width, height, part = WHOLE) {
  const shared = "canvas" in on, { canvas, left, top, wide, tall } = shared ? on : { canvas: on, left: 0, top: 0, wide: width, tall: height };
  const ratio = devicePixelRatio || 1, [w, h, l, t] = [wide, tall, left, top].map((v) => Math.round(v * ratio));
  const x = canvas.getContext("2d");
  x.restore(); // the clip of what was drawn before
  const sized = canvas.width !== w || canvas.height !== h, fresh = sized || canvas.ofiStamp !== on.stamp;
  canvas.ofiStamp = on.stamp;
  if (sized) {
    canvas.width = w; // which empties it, and has the browser make its memory anew
    canvas.height = h;
  } else if (fresh && x.reset) x.reset(); // of the clips, too, that an error may have left
  else if (fresh) canvas.width = w;
  const font = `11px ${theme.font}`, known = `${font}/${faces().status}`;
  if (fresh || canvas.ofiFont !== known) x.font = font;
  canvas.ofiFont = known;
  x.textBaseline = "middle";
  x.lineJoin = "round";
  x.lineWidth = 1;
  x.setTransform(ratio, 0, 0, ratio, l, t);
  if (shared || part !== WHOLE) x.save();
  const area = [l, t, Math.round(width * ratio), Math.round(height * ratio)];
  if (shared) clipTo(x, 0, area[2] / ratio, area[3] / ratio);
  if (part.shift) shiftLeft(x, part.shift, area);
  if (part !== WHOLE) clipTo(x, part.left, width - part.left, height);
  if (!fresh) x.clearRect(part.left, 0, width + 1, height + 1);
  return x;
}

function shiftLeft(x, pixels, [left, top, width, height]) {
  const transform = x.getTransform();
  x.resetTransform();
  x.globalCompositeOperation = "copy";
  x.drawImage(x.canvas, left, top, width, height, left - pixels, top, width, height);
  x.globalCompositeOperation = "source-over";
  x.setTransform(transform);
}

function clipTo(x, left, width, height) {
  x.beginPath();
  x.rect(left, 0, width, height);
  x.clip();
}

export const crisp = (v) => Math.round(v) + 0.5;

/** A line of one pixel; one that is upright or level lies between whole pixels (crisp), and is filled as a bar: a stroke takes longer. */
export function line(x, x0, y0, x1, y1, colour, dash) {
  if (!dash && (x0 === x1 || y0 === y1)) {
    x.fillStyle = colour;
    if (y0 === y1) x.fillRect(Math.min(x0, x1), y0 - 0.5, Math.abs(x1 - x0), 1);
    else x.fillRect(x0 - 0.5, Math.min(y0, y1), 1, Math.abs(y1 - y0));
    return;
  }
  x.strokeStyle = colour;
  x.lineWidth = 1;
  if (dash) x.setLineDash(dash);
  x.beginPath();
  x.moveTo(x0, y0);
  x.lineTo(x1, y1);
  x.stroke();
  if (dash) x.setLineDash([]);
}

export function text(x, words, left, top, colour, align = "left") {
  x.fillStyle = colour;
  x.textAlign = align;
  x.fillText(words, left, top);
}

/** The fonts of this thread. */
export const faces = () => globalThis.document?.fonts ?? globalThis.fonts;

const MOST_WIDTHS = 1000;
const widths = new Map(); // pixels of words in the usual font; the same few are asked for with every update
let fonts = ""; // before its font has come a text is another one

/** How wide words in the font of `begin` are. */
export function textWidth(x, words) {
  if (fonts !== faces().status || widths.size > MOST_WIDTHS) widths.clear();
  fonts = faces().status;
  let wide = widths.get(words);
  if (wide === undefined) widths.set(words, (wide = x.measureText(words).width));
  return wide;
}

/** Words in lines of no more than `room` pixels in the font of `begin`, broken at their spaces; a word that is wider has its own. */
function fitted(x, words, room) {
  const found = [];
  for (const word of words.split(" ")) {
    const longer = found.length ? `${found.at(-1)} ${word}` : word;
    if (found.length && textWidth(x, longer) <= room) found[found.length - 1] = longer;
    else found.push(word);
  }
  return found;
}

const LINE_PX = 15;

/** Words in the lines that they need, below one another about `middle`; @returns {number} the top of the first */
export function paragraph(x, words, left, middle, room, colour) {
  const lines = fitted(x, words, room), first = middle - ((lines.length - 1) * LINE_PX) / 2;
  lines.forEach((one, k) => text(x, one, left, first + k * LINE_PX, colour));
  return first;
}

/** Words that stay readable over anything. */
export function haloText(x, words, left, top, colour, align = "left", font = "") {
  x.save();
  if (font) x.font = `${font} ${theme.font}`;
  x.textAlign = align;
  x.lineWidth = 3;
  x.strokeStyle = theme.halo;
  x.strokeText(words, left, top);
  x.fillStyle = colour;
  x.fillText(words, left, top);
  x.restore();
}

/** A value on an axis; clears the ticks that it would touch. */
export function chip(x, words, left, middle, fill, colour, { align = "left", border = "", clear = 0 } = {}) {
  x.save();
  x.font = `600 11px ${theme.font}`;
  const width = x.measureText(words).width + 10;
  const at = align === "left" ? left : align === "right" ? left - width : left - width / 2;
  if (clear) {
    x.fillStyle = theme.panel;
    x.fillRect(at - 1, middle - 8 - clear, Math.max(width, 62), 16 + 2 * clear);
  }
  x.fillStyle = fill;
  x.beginPath();
  x.roundRect(at, middle - 8, width, 16, 3);
  x.fill();
  if (border) {
    x.strokeStyle = border;
    x.lineWidth = 1;
    x.beginPath();
    x.roundRect(at + 0.5, middle - 7.5, width - 1, 15, 3);
    x.stroke();
  }
  text(x, words, at + 5, middle + 0.5, colour);
  x.restore();
  return width;
}

const HATCH_PX = 6;

/** Where to begin a hatch whose gap may begin far to the left: its lines stay with the gap as it moves. */
export const hatchedFrom = (left) => (left > -8 ? left : -8 - ((-8 - left) % HATCH_PX));

/** Missing data: 45° lines at 6 px between solid edges; only what the canvas can show is drawn. */
export function hatch(x, left, top, width, height) {
  if (!(width > 0)) return;
  const reach = x.canvas.width; // a gap may be many screens wide
  const first = HATCH_PX * Math.max(0, Math.floor((-reach - left) / HATCH_PX)) - height, last = Math.min(width + height, reach - left);
  x.save();
  x.beginPath();
  x.rect(left, top, width, height);
  x.clip();
  x.fillStyle = theme.gapbg;
  x.fillRect(left, top, width, height);
  x.strokeStyle = theme.hatch;
  x.lineWidth = 1;
  x.beginPath();
  for (let k = first; k < last; k += HATCH_PX) {
    x.moveTo(left + k, top + height);
    x.lineTo(left + k + height, top);
  }
  x.stroke();
  x.restore();
  line(x, crisp(left), top, crisp(left), top + height, theme.hatch);
  line(x, crisp(left + width) - 1, top, crisp(left + width) - 1, top + height, theme.hatch);
}

/**
 * A line through `(time, value)` rows of a table that lifts the pen where a value is missing. Of the rows within
 * one pixel's width only the first, the extremes and the last are drawn: nothing else of them shows. With `dash`,
 * pixels drawn and left out, the line is broken; the breaks stay with their times.
 */
function trace(x, table, name, from, to, X, Y, dash = null) {
  const time = table.time, values = table.data[name], origin = Math.floor(X(0));
  const breaks = (at) => dash !== null && (at - origin) % (dash[0] + dash[1]) >= dash[0];
  let pixel = NaN, first = 0, low = 0, high = 0, left = 0, last = 0, many = false; // of the pixel at hand; NaN: the pen is up
  const leave = () => {
    if (!many) return;
    if (breaks(pixel)) return x.moveTo(left, last);
    if (low < Math.min(first, last)) x.lineTo(left, low);
    if (high > Math.max(first, last)) x.lineTo(left, high);
    x.lineTo(left, last);
  };
  x.beginPath();
  for (let k = from; k < to; k++) {
    const v = values[k];
    if (v !== v) {
      leave();
      [pixel, many] = [NaN, false];
      continue;
    }
    const to = X(time[k]), top = Y(v), at = Math.floor(to);
    if (at === pixel) {
      low = Math.min(low, top);
      high = Math.max(high, top);
      [left, last, many] = [to, top, true];
      continue;
    }
    leave();
    if (pixel !== pixel || breaks(at)) x.moveTo(to, top);
    else x.lineTo(to, top);
    [pixel, first, low, high, last, many] = [at, top, top, top, top, false];
  }
  leave();
}

/** Strokes a field of a table over the rows `from … to − 1`. */
export function curve(x, table, name, from, to, view, { colour, width = 1, dash = null }) {
  const wide = widthOf(view, view.step) > WIDE_STEP_PX;
  x.strokeStyle = colour;
  x.lineWidth = width;
  if (dash && wide) x.setLineDash(dash);
  trace(x, table, name, from, to, view.X, view.Y, wide ? null : dash);
  x.stroke();
  if (dash && wide) x.setLineDash([]);
}
