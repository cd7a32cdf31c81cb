// A panel as a PNG: what its canvases show, with axes and words, under a line that says of what and when.
import { stamp } from "./format.js";
import { offsetAt } from "./zone.js";
import { fileName, save } from "./files.js";
import { alpha, theme } from "./theme.js";

const HEAD = 44, MARGIN = 12;

/** Composes and downloads the picture of a panel. */
export async function savePicture(panel, stack) {
  const canvas = compose(panel, stack);
  const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
  save(blob, fileName(stack?.market ?? "page", panel.dataset.panel, timeOf(stack), "png"));
}

function timeOf(stack) {
  const t = stack?.model.tiles?.t;
  return t > 0 ? t : Date.now();
}

/** The picture of a panel as a canvas. */
export function compose(panel, stack) {
  const body = panel.querySelector(".cv, .panel-body") ?? panel, box = body.getBoundingClientRect();
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
  for (const one of [...body.querySelectorAll("canvas"), ...(rows?.querySelectorAll(":scope > canvas.overlay") ?? [])]) layer(x, one);
  for (const line of rows?.querySelectorAll(".axes .xgrid") ?? []) grid(x, line.getBoundingClientRect());
  for (const line of rows?.querySelectorAll(":scope > .mid-line:not([hidden])") ?? []) dotted(x, line.getBoundingClientRect());
  const chips = rows ? [...rows.querySelectorAll(".chip, .sigma:not([hidden])")] : [];
  for (const chip of chips) filled(x, chip);
  for (const one of [body, ...(rows?.querySelectorAll(".axes .main-svg") ?? []), ...chips]) words(x, one, box);
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
  x.fillText([`${day} ${stamp(at)}`, said].filter(Boolean).join(" \u00b7 "), MARGIN, 35);
}

const shown = (element) => element.checkVisibility?.({ visibilityProperty: true, opacityProperty: true }) ?? true;

function layer(x, canvas) {
  const box = canvas.getBoundingClientRect();
  if (canvas.width && canvas.height && shown(canvas)) x.drawImage(canvas, box.left, box.top, box.width, box.height);
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
  if (style.maskImage !== "none" || /^rgba\(.*, 0\)$/.test(style.backgroundColor) || !shown(element)) return;
  const box = element.getBoundingClientRect();
  x.fillStyle = style.backgroundColor;
  x.beginPath();
  x.roundRect(box.left, box.top, box.width, box.height, parseFloat(style.borderRadius) || 0);
  x.fill();
}

/** Writes every visible word of an element where the page has it. */
function words(x, element, within) {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT), range = document.createRange();
  x.textBaseline = "middle";
  x.textAlign = "left";
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const owner = node.parentElement;
    if (!node.data.trim() || !shown(owner)) continue;
    const style = getComputedStyle(owner);
    x.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
    x.fillStyle = owner instanceof SVGElement ? style.fill : style.color;
    for (const { 0: word, index } of node.data.matchAll(/\S+/g)) {
      range.setStart(node, index);
      range.setEnd(node, index + word.length);
      const box = range.getBoundingClientRect();
      if (box.right < within.left || box.left > within.right || box.bottom < within.top || box.top > within.bottom) continue;
      x.fillText(word, box.left, (box.top + box.bottom) / 2);
    }
  }
}
