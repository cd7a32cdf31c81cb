// Marks in the picture of a panel: masks over a colour, which a canvas knows nothing of.

export const shown = (element) => element.checkVisibility?.({ visibilityProperty: true, opacityProperty: true }) ?? true;

/** The marks that an element holds, themselves elements or before the words of one, each with its picture. */
export async function marksOf(body) {
  const found = [];
  for (const element of body.querySelectorAll("*")) {
    if (!shown(element)) continue;
    for (const pseudo of [null, "::before"]) {
      const style = getComputedStyle(element, pseudo), url = /^url\("(.*)"\)$/.exec(style.maskImage)?.[1];
      if (!url || (pseudo && style.content === "none")) continue;
      found.push({ element, style, pseudo, image: Object.assign(new Image(), { src: url }) });
    }
  }
  await Promise.all(found.map(({ image }) => image.decode()));
  return found;
}

/** Puts a mark into a picture. */
export function stamped(x, { element, style, pseudo, image }, ratio) {
  const { left, top, width, height } = pseudo ? before(element, style) : element.getBoundingClientRect();
  if (!(width > 0 && height > 0)) return;
  const made = new OffscreenCanvas(Math.ceil(width * ratio), Math.ceil(height * ratio));
  const y = made.getContext("2d"), side = Math.min(made.width, made.height);
  y.drawImage(image, (made.width - side) / 2, (made.height - side) / 2, side, side);
  y.globalCompositeOperation = "source-in";
  y.fillStyle = style.backgroundColor;
  y.fillRect(0, 0, made.width, made.height);
  x.drawImage(made, left, top, width, height);
}

/** Where a mark before the words of an element is: it has no box of its own to ask for. */
function before(element, style) {
  const range = document.createRange(), [width, height] = [parseFloat(style.width), parseFloat(style.height)];
  range.selectNodeContents(element);
  const box = range.getBoundingClientRect();
  return { left: box.left - (parseFloat(style.marginRight) || 0) - width, top: (box.top + box.bottom - height) / 2, width, height };
}
