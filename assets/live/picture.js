// A panel as a PNG: what its canvases show, with axes and words, under a line that says of what, when and in which state.
import { stamp } from "./format.js";
import { offsetAt } from "./zone.js";
import { fileName, save } from "./files.js";
import { marksOf, shown, stamped } from "./picture_marks.js";
import { alpha, theme } from "./theme.js";

const HEAD = 44, MARGIN = 12, SIDES = ["Top", "Right", "Bottom", "Left"];

/** Composes and downloads the picture of a panel. */
export async function savePicture(panel, stack) {
  const canvas = await compose(panel, stack);
  const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
  save(blob, fileName(stack?.market ?? "page", panel.dataset.panel, timeOf(stack), "png"));
}

function timeOf(stack) {
  const t = stack?.model.tiles?.t;
  return t > 0 ? t : Date.now();
}

/** The picture of a panel as a canvas; of a list that is scrolled, all that it holds. */
export async function compose(panel, stack) {
  const body = panel.querySelector(".cv, .panel-body") ?? panel, marks = await marksOf(body);
  const lists = [...body.querySelectorAll("*")].filter(scrolls), places = lists.map((one) => one.scrollTop);
  for (const one of lists) one.scrollTop = 0;
  try {
    return draw(panel, stack, body, wholeOf(body, lists), marks);
  } finally {
    lists.forEach((one, k) => (one.scrollTop = places[k]));
  }
}

const scrolls = (one) => one.scrollHeight > one.clientHeight && getComputedStyle(one).overflowY === "auto";

/** The box of a body as if it had room for its lists. */
function wholeOf(body, lists) {
  const box = body.getBoundingClientRect(), more = Math.max(0, ...lists.map((one) => one.scrollHeight - one.clientHeight));
  return new DOMRect(box.left, box.top, box.width, box.height + more);
}

function draw(panel, stack, body, box, marks) {
  const ratio = Math.max(2, window.devicePixelRatio || 1), canvas = document.createElement("canvas");
  canvas.width = Math.round((box.width + 2 * MARGIN) * ratio);
  canvas.height = Math.round((box.height + HEAD + MARGIN) * ratio);
  const x = canvas.getContext("2d");
  x.scale(ratio, ratio);
  x.fillStyle = theme.panel;
  x.fillRect(0, 0, canvas.width, canvas.height);
  head(x, panel, stack);
  x.translate(MARGIN - box.left, HEAD - box.top);
  x.beginPath();
  x.rect(box.left - 1, box.top - 1, box.width + 2, box.height + 2);
  x.clip();
  const rows = panel.closest(".rows");
  boxes(x, body);
  for (const one of marks) stamped(x, one, ratio);
  for (const one of [...body.querySelectorAll("canvas"), ...(rows?.querySelectorAll(":scope > canvas.overlay") ?? [])]) layer(x, one);
  for (const line of rows?.querySelectorAll(".axes .xgrid") ?? []) grid(x, line.getBoundingClientRect());
  for (const line of rows?.querySelectorAll(":scope > .mid-line:not([hidden])") ?? []) dotted(x, line.getBoundingClientRect());
  const chips = rows ? [...rows.querySelectorAll(".chip, .sigma:not([hidden])")] : [];
  for (const chip of chips) filled(x, chip);
  for (const one of [body, ...(rows?.querySelectorAll(".axes .main-svg") ?? []), ...chips]) words(x, one, box);
  for (const input of body.querySelectorAll("input")) typed(x, input);
  return canvas;
}

function head(x, panel, stack) {
  const titles = [...panel.querySelectorAll(".ph :is(h3, .of)")].map((one) => one.textContent).filter(Boolean);
  x.textBaseline = "alphabetic";
  x.font = `600 13px ${theme.font}`;
  x.fillStyle = theme.text;
  x.fillText([stack?.market, titles.join(", ")].filter(Boolean).join(" \u00b7 "), MARGIN, 19);
  x.font = `11px ${theme.font}`;
  x.fillStyle = theme.text3;
  const at = timeOf(stack), day = new Date(at + offsetAt(at)).toISOString().slice(0, 10);
  const said = panel.querySelector(".plot-head p")?.textContent ?? "";
  const state = stack && stack.element.dataset.state !== "live" ? stack.f.state.textContent : "";
  x.fillText([`${day} ${stamp(at)}`, state, said].filter(Boolean).join(" \u00b7 "), MARGIN, 35);
}

function layer(x, canvas) {
  const box = canvas.getBoundingClientRect();
  if (!canvas.width || !canvas.height || !shown(canvas)) return;
  x.filter = getComputedStyle(canvas).filter; // grey where the market is not live
  x.drawImage(canvas, box.left, box.top, box.width, box.height);
  x.filter = "none";
}

function grid(x, box) {
  x.fillStyle = theme.grid;
  x.fillRect(Math.round(box.left + box.width / 2), box.top, 1, box.height);
}

function dotted(x, box) {
  x.fillStyle = alpha(theme.mid, 0.28);
  for (let left = 0; left < box.width; left += 6) x.fillRect(box.left + left, box.top, 2, 1);
}

/** Surfaces of elements: bars, badges and rows of tables that are not drawn on a canvas. */
function boxes(x, body) {
  for (const element of body.querySelectorAll("*")) if (element.tagName !== "CANVAS" && shown(element)) filled(x, element);
}

function filled(x, element) {
  const style = getComputedStyle(element);
  if (style.maskImage !== "none" || !shown(element)) return;
  const box = element.getBoundingClientRect();
  if (!clear(style.backgroundColor)) {
    x.fillStyle = style.backgroundColor;
    x.beginPath();
    x.roundRect(box.left, box.top, box.width, box.height, parseFloat(style.borderRadius) || 0);
    x.fill();
  }
  bordered(x, box, style);
}

const clear = (colour) => /^rgba\(.*, 0\)$/.test(colour);

/** A border all around as a line, which may be a ring; others side by side. */
function bordered(x, box, style) {
  const of = (side) => (clear(style[`border${side}Color`]) ? 0 : parseFloat(style[`border${side}Width`])); // 0 where there is none
  const wide = SIDES.map(of), [top, right, bottom, left] = wide;
  if (!Math.max(...wide)) return;
  if (wide.every((one) => one === top)) {
    const radius = Math.min(parseFloat(style.borderRadius) || 0, box.width / 2);
    x.strokeStyle = style.borderTopColor;
    x.lineWidth = top;
    x.beginPath();
    x.roundRect(box.left + top / 2, box.top + top / 2, box.width - top, box.height - top, Math.max(0, radius - top / 2));
    x.stroke();
    return;
  }
  const { width, height } = box;
  const bars = [[0, 0, width, top], [width - right, 0, right, height], [0, height - bottom, width, bottom], [0, 0, left, height]];
  bars.forEach(([at, down, across, tall], k) => {
    x.fillStyle = style[`border${SIDES[k]}Color`];
    x.fillRect(box.left + at, box.top + down, across, tall);
  });
}

/** What stands in a field. */
function typed(x, input) {
  if (!shown(input)) return;
  const style = getComputedStyle(input), box = input.getBoundingClientRect(), right = style.textAlign === "right";
  const inner = (side) => parseFloat(style[`padding${side}`]) + parseFloat(style[`border${side}Width`]);
  pen(x, style, style.color);
  x.textAlign = right ? "right" : "left";
  x.fillText(input.value, right ? box.right - inner("Right") : box.left + inner("Left"), (box.top + box.bottom) / 2);
  x.textAlign = "left";
}

function pen(x, style, colour) {
  x.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
  x.fillStyle = colour;
}

/** Writes every visible word of an element where the page has it; one with a hyphen may stand on two lines. */
function words(x, element, within) {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT), range = document.createRange();
  x.textBaseline = "middle";
  x.textAlign = "left";
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const owner = node.parentElement;
    if (!node.data.trim() || !shown(owner)) continue;
    const style = getComputedStyle(owner);
    pen(x, style, owner instanceof SVGElement ? style.fill : style.color);
    for (const { 0: word, index } of node.data.matchAll(/[^\s-]+-*|-+/g)) {
      range.setStart(node, index);
      range.setEnd(node, index + word.length);
      const box = range.getBoundingClientRect();
      if (box.right < within.left || box.left > within.right || box.bottom < within.top || box.top > within.bottom) continue;
      x.fillText(word, box.left, (box.top + box.bottom) / 2);
    }
  }
}
