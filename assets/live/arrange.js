// Arranging panels by hand: drag one by its title to move it, the lower edge of a row to make it taller.
// The edge is a separator: with the focus on it, the arrows do the same.
import { h } from "./dom.js";
import { UNIT_PX, change, changed, format, isTiled, namedOf, rowsOf, shownOf, size, titleOf } from "./layout.js";

const STARTS_PX = 6;

/** @param {{view: object, wish: (change: object) => void}} shell */
export function bindArrange(shell) {
  document.addEventListener("pointerdown", (event) => {
    if (event.button || matchMedia("(max-width: 767px)").matches) return;
    const title = event.target.closest?.("[data-rows] > .panel .plot-head h3");
    if (title && !title.closest(".solo")) new Move(shell, title.closest(".panel"), event);
    const edge = event.target.closest?.(".edge");
    if (edge) new Stretch(shell, edge.closest(".panel"), edge, event);
  });
  document.addEventListener("keydown", (event) => {
    const edge = event.target.closest?.(".edge"), by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!edge || !by) return;
    event.preventDefault();
    event.stopPropagation();
    alter(shell, edge.closest(".panel"), by);
  }, true);
}

/** Lays out the rows of one tab anew. */
const lay = (shell, holder, rows) => shell.wish({ layout: changed(shell.view.layout, holder, rows) });

/** Moves the lower edge of a panel by units of 24 px. */
function alter(shell, panel, units) {
  lay(shell, panel.parentElement, change.stretch(rowsOf(shell.view.layout, panel.parentElement), panel.dataset.row, units));
}

/** Gives every row of a stack but the last its edge. */
export function edges(holder) {
  if (isTiled(holder)) return;
  const shown = shownOf(holder);
  for (const panel of holder.querySelectorAll(":scope > .panel[data-row]")) {
    let edge = panel.querySelector(":scope > .edge");
    if (!edge) {
      edge = h("div", { class: "edge", role: "separator", "aria-orientation": "horizontal", tabIndex: 0 });
      panel.append(edge);
    }
    edge.hidden = panel === shown.at(-1) || panel.classList.contains("off");
    edge.setAttribute("aria-label", `Lower edge of ${titleOf(panel)}`);
    edge.setAttribute("aria-valuenow", String(Math.round(panel.offsetHeight / UNIT_PX)));
  }
}

class Stretch {
  constructor(shell, panel, edge, event) {
    event.preventDefault();
    edge.setPointerCapture(event.pointerId);
    const holder = panel.parentElement, from = event.clientY;
    const rows = rowsOf(shell.view.layout, holder);
    let next = rows;
    const move = (moved) => {
      next = change.stretch(rows, panel.dataset.row, Math.round((moved.clientY - from) / UNIT_PX));
      size(holder, next);
    };
    const done = (ended) => {
      edge.removeEventListener("pointermove", move);
      size(holder, namedOf(shell.view.layout, holder));
      if (ended.type === "pointerup" && format(next) !== format(rows)) lay(shell, holder, next);
    };
    edge.addEventListener("pointermove", move);
    for (const kind of ["pointerup", "pointercancel"]) edge.addEventListener(kind, done, { once: true });
  }
}

class Move {
  constructor(shell, panel, event) {
    const holder = panel.parentElement, { clientX, clientY, pointerId } = event, end = new AbortController(), { signal } = end;
    let before, moving = false;
    const line = h("div", { class: "drop-line" });
    const move = (moved) => {
      if (moved.pointerId !== pointerId || (!moving && Math.hypot(moved.clientX - clientX, moved.clientY - clientY) < STARTS_PX)) return;
      if (!moving) holder.append(line);
      moving = true;
      panel.classList.add("moving");
      const others = shownOf(holder).filter((one) => one !== panel && one.offsetHeight > 0);
      before = (isTiled(holder) ? besides : above)(others, moved, line);
    };
    const done = (ended) => {
      if (ended.pointerId !== pointerId) return;
      end.abort();
      line.remove();
      panel.classList.remove("moving");
      if (!moving || ended.type !== "pointerup") return;
      const rows = rowsOf(shell.view.layout, holder), placed = change.place(rows, panel.dataset.row, before?.dataset.row ?? null);
      if (format(placed) !== format(rows)) lay(shell, holder, placed);
    };
    event.preventDefault();
    addEventListener("pointermove", move, { signal });
    for (const kind of ["pointerup", "pointercancel"]) addEventListener(kind, done, { signal });
  }
}

/** Which row a pointer is above, null below all of them; shows it by a line. */
function above(rows, { clientY }, line) {
  const before = rows.find((one) => clientY < one.getBoundingClientRect().top + one.offsetHeight / 2) ?? null;
  const outer = line.offsetParent.getBoundingClientRect();
  const end = before ? before.getBoundingClientRect().top : rows.at(-1)?.getBoundingClientRect().bottom ?? outer.bottom;
  line.style.top = `${end - outer.top - 3}px`;
  return before;
}

/** Which tile a pointer is before, null after the last; shows it by a line beside the one that the pointer is on or nearest to. */
function besides(tiles, { clientX, clientY }, line) {
  const away = (low, high, at) => Math.max(low - at, 0, at - high);
  const far = ({ left, right, top, bottom }) => Math.hypot(away(left, right, clientX), away(top, bottom, clientY));
  const boxes = tiles.map((one) => one.getBoundingClientRect()), fars = boxes.map(far);
  const at = fars.indexOf(Math.min(...fars));
  if (at < 0) return null;
  const { left, right, top, width, height } = boxes[at], after = clientX > left + width / 2;
  const outer = line.offsetParent.getBoundingClientRect(), { scrollTop } = line.offsetParent;
  Object.assign(line.style, {
    left: `${(after ? right + 3 : left - 5) - outer.left}px`, right: "auto", width: "2px", top: `${top - outer.top + scrollTop}px`, height: `${height}px`,
  });
  return tiles[at + after] ?? null;
}
