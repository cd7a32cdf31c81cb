// Arranging the rows by hand: drag a panel by its title to move it, its lower edge to make it taller.
// The edge is a separator: with the focus on it, the arrows do the same.
import { h } from "./dom.js";
import { change, format, parse, shownOf, usual } from "./layout.js";

const UNIT_PX = 24, STARTS_PX = 6;

/** @param {{view: object, wish: (change: object) => void}} shell */
export function bindArrange(shell) {
  document.addEventListener("pointerdown", (event) => {
    if (event.button || matchMedia("(max-width: 767px)").matches) return;
    const title = event.target.closest?.(".rows > .panel .plot-head h3");
    if (title) new Move(shell, title.closest(".panel"), event);
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

const rowsOf = (shell, holder) => parse(shell.view.layout) ?? usual(holder);

/** Moves the lower edge of a panel by units of 24 px: it grows, or the next one shrinks where it takes what is left. */
function alter(shell, panel, units) {
  const rows = rowsOf(shell, panel.parentElement), at = rows.findIndex(({ row }) => row === panel.dataset.row);
  const next = rows[at].units === null ? change.grow(rows, rows[at + 1]?.row, -units) : change.grow(rows, rows[at].row, units);
  shell.wish({ layout: format(next) });
}

/** Gives every panel of a stack but the last its edge. */
export function edges(holder) {
  const shown = shownOf(holder);
  for (const panel of holder.querySelectorAll(":scope > .panel[data-row]")) {
    let edge = panel.querySelector(":scope > .edge");
    if (!edge) {
      edge = h("div", { class: "edge", role: "separator", "aria-orientation": "horizontal", tabIndex: 0 });
      panel.append(edge);
    }
    edge.hidden = panel === shown.at(-1) || panel.classList.contains("off");
    edge.setAttribute("aria-label", `Lower edge of ${panel.dataset.row}`);
    edge.setAttribute("aria-valuenow", String(Math.round(panel.offsetHeight / UNIT_PX)));
  }
}

class Stretch {
  constructor(shell, panel, edge, event) {
    event.preventDefault();
    edge.setPointerCapture(event.pointerId);
    const holder = panel.parentElement, from = event.clientY, given = holder.style.gridTemplateRows;
    const rows = rowsOf(shell, holder), at = rows.findIndex(({ row }) => row === panel.dataset.row);
    const [row, sign] = rows[at].units === null ? [rows[at + 1]?.row, -1] : [rows[at].row, 1];
    let next = rows;
    const move = (moved) => {
      next = change.grow(rows, row, sign * Math.round((moved.clientY - from) / UNIT_PX));
      const free = next.find(({ units }) => units === null);
      holder.style.gridTemplateRows = next.map((one) => (one === free ? "minmax(120px, 1fr)" : `${one.units * UNIT_PX}px`)).join(" ");
    };
    const done = (ended) => {
      edge.removeEventListener("pointermove", move);
      holder.style.gridTemplateRows = given;
      if (ended.type === "pointerup" && format(next) !== format(rows)) shell.wish({ layout: format(next) });
    };
    edge.addEventListener("pointermove", move);
    for (const kind of ["pointerup", "pointercancel"]) edge.addEventListener(kind, done, { once: true });
  }
}

class Move {
  constructor(shell, panel, event) {
    const holder = panel.parentElement, from = event.clientY;
    let before, moving = false;
    const line = h("div", { class: "drop-line" });
    const move = (moved) => {
      if (!moving && Math.abs(moved.clientY - from) < STARTS_PX) return;
      if (!moving) holder.append(line);
      moving = true;
      panel.classList.add("moving");
      const others = shownOf(holder).filter((one) => one !== panel), outer = holder.getBoundingClientRect();
      before = others.find((one) => moved.clientY < one.getBoundingClientRect().top + one.offsetHeight / 2) ?? null;
      const end = before ? before.getBoundingClientRect().top : others.at(-1)?.getBoundingClientRect().bottom ?? outer.bottom;
      line.style.top = `${end - outer.top - 3}px`;
    };
    const done = (ended) => {
      removeEventListener("pointermove", move);
      line.remove();
      panel.classList.remove("moving");
      if (!moving || ended.type !== "pointerup") return;
      const rows = rowsOf(shell, holder), placed = change.place(rows, panel.dataset.row, before?.dataset.row ?? null);
      if (format(placed) !== format(rows)) shell.wish({ layout: format(placed) });
    };
    event.preventDefault();
    addEventListener("pointermove", move);
    for (const kind of ["pointerup", "pointercancel"]) addEventListener(kind, done, { once: true });
  }
}
