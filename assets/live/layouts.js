// The dialog "Layout and colours": panels, presets, saved layouts and their files, colours.
import { h, keep, kept, mark, open } from "./dom.js";
import { MOST_SAVED, PRESETS, VERSION, change, changed, format, isTiled, nameOf, namedOf, parse, readKept, readSaved, rowsOf, titleOf, unknownOf, wishOf } from "./layout.js";
import { write } from "./texts.js";
import { describe } from "./words.js";

const SAVED = "ofi.layouts", ASIDE = `${SAVED}.unreadable`;
const COLOURS = [["blue-orange", "Blue and orange"], ["green-red", "Green and red, unsafe for colour-blind eyes"]];

export class Layouts {
  /** @param {{view: object, rows: HTMLElement | null, wish: (change: object) => void}} page */
  constructor(page) {
    this.page = page;
    this.said = document.getElementById("layout-said");
    this.saved = { version: VERSION, layouts: [] };
    this.aside = []; // what the browser keeps and this page cannot read
    this.read();
    addEventListener("storage", ({ key }) => {
      if (key !== SAVED) return; // another tab of the browser has saved
      this.read();
      if (this.page.view) this.show();
    });
    document.getElementById("layout").addEventListener("click", () => this.open());
    this.buildSave();
    document.getElementById("presets").append(
      ...PRESETS.map(({ name, layout, title }) => h("button", { type: "button", class: "btn", title, "data-layout": layout, onclick: () => this.preset(layout) }, name)),
    );
    document.getElementById("colour-row").append(
      ...COLOURS.map(([value, words]) => h("button", { type: "button", class: "btn", role: "radio", "aria-checked": "false", "data-colours": value, onclick: () => page.wish({ colours: value }) }, words)),
    );
  }

  buildSave() {
    this.name = h("input", { type: "text", maxLength: 40, placeholder: "Name of this layout", "aria-label": "Name of this layout", onkeydown: (event) => event.key === "Enter" && this.save() });
    this.file = h("input", { type: "file", accept: ".json,application/json", class: "unseen", tabIndex: -1, "aria-label": "File with layouts", onchange: () => this.import() });
    document.getElementById("save-row").append(
      this.name,
      h("button", { type: "button", class: "btn", onclick: () => this.save() }, "Save"),
      h("button", { type: "button", class: "btn", title: "Write all saved layouts to a file", onclick: () => this.export() }, "Export"),
      h("button", { type: "button", class: "btn", title: "Read layouts from a file", onclick: () => this.file.click() }, "Import"),
      this.file,
    );
  }

  open() {
    const { length } = this.aside;
    write(this.said, length ? `${length === 1 ? "A layout is" : `${length} layouts are`} kept here that this page cannot read or has no room for.` : "");
    this.fill();
    open("layouts");
  }

  /** The rows as they stand now. */
  get rows() {
    return this.page.rows ? rowsOf(this.page.view.layout, this.page.rows) : [];
  }

  set(layout) {
    this.page.wish({ layout });
  }

  /** The rows of the tab as a preset has them; the first brings back all of them on every tab. */
  preset(layout) {
    const { rows, view } = this.page;
    this.set(layout && rows ? changed(view.layout, rows, parse(layout)) : layout);
  }

  alter(rows) {
    this.set(changed(this.page.view.layout, this.page.rows, rows));
  }

  /** The view has changed: shows its layout and colours. */
  show() {
    const { colours, layout } = this.page.view;
    if (layout !== this.layout) this.tellUnknown(layout);
    this.layout = layout;
    write(document.getElementById("layout-name"), nameOf(this.page.view, this.saved.layouts) || "Own");
    for (const one of document.querySelectorAll("[role=radio][data-colours]")) one.setAttribute("aria-checked", String(one.dataset.colours === colours));
    if (document.getElementById("layouts").open) this.fill();
  }

  tellUnknown(layout) {
    const rows = unknownOf(layout);
    if (rows.length) this.page.notices.say(`The layout names ${rows.join(", ")}, which no tab has; it is left out.`);
  }

  fill() {
    const rows = this.rows, shown = new Set(rows.map(({ row }) => row));
    const all = this.page.rows ? [...this.page.rows.querySelectorAll(":scope > .panel[data-row]")].map((one) => one.dataset.row) : [];
    const tab = this.page.rows?.closest(".tabpane").dataset.tab ?? "flow", focused = document.activeElement?.dataset?.id;
    write(document.getElementById("rows-title"), `Panels of ${document.getElementById(`tab-${tab}`).textContent}`);
    document.getElementById("rows-list").replaceChildren(
      ...rows.filter(({ row }) => all.includes(row)).map((one, k) => this.line(one, k, rows.length)),
      ...all.filter((row) => !shown.has(row)).map((row) => this.line({ row, units: undefined })),
    );
    for (const one of document.querySelectorAll("#presets [data-layout]")) {
      one.hidden = tab !== "flow" && one.dataset.layout !== "";
      const { layout } = this.page.view, own = one.dataset.layout && this.page.rows ? format(namedOf(layout, this.page.rows)) : layout;
      one.setAttribute("aria-pressed", String(one.dataset.layout === own));
    }
    document.getElementById("saved-list").replaceChildren(...this.saved.layouts.map((one) => this.savedLine(one)));
    if (focused) document.querySelector(`[data-id="${CSS.escape(focused)}"]`)?.focus();
  }

  line({ row, units }, at, count) {
    const name = titleOf(this.page.rows.querySelector(`[data-row="${row}"]`)), shown = units !== undefined;
    const tiled = isTiled(this.page.rows), rows = shown && !tiled, [up, down] = tiled ? ["Earlier", "Later"] : ["Up", "Down"];
    const button = (words, icon, act, off) =>
      h("button", { type: "button", class: "btn ghost icon small", title: `${words}: ${name}`, "aria-label": `${words}: ${name}`, "data-id": `${row}-${words}`, disabled: off, onclick: act }, mark(icon, 14));
    return h("li", { class: shown ? "" : "off" }, h("span", {}, name), h("span", { class: "grow" }),
      rows ? button("Lower", "minus", () => this.alter(change.grow(this.rows, row, -1)), units === null) : null,
      rows ? button("Taller", "plus", () => this.alter(change.grow(this.rows, row, 1)), units === null) : null,
      shown ? button(up, "up", () => this.alter(change.move(this.rows, row, -1)), at === 0) : null,
      shown ? button(down, "down", () => this.alter(change.move(this.rows, row, 1)), at === count - 1) : null,
      h("button", { type: "button", class: "btn small", "aria-pressed": String(shown), "data-id": `${row}-show`, "aria-label": `Show ${name}`, onclick: () => this.alter(change.toggle(this.rows, row, tiled)) }, shown ? "shown" : "hidden"));
  }

  savedLine(one) {
    const { name, markets, tab } = one, names = markets.map((market) => Object.values(describe(market)).join(" "));
    const title = tab && document.querySelector(`#tabs [data-tab="${tab}"]`)?.textContent;
    const held = [markets.length > 1 ? `${markets.length} markets` : names[0], title].filter(Boolean).join(", ");
    return h("li", {}, h("button", { type: "button", class: "btn ghost small", "data-id": `use-${name}`, title: [`Use ${name}`, ...names].join("\n"), "aria-label": `Use ${name}`, onclick: () => this.page.wish(wishOf(one)) }, name),
      h("span", { class: "mut" }, held), h("span", { class: "grow" }),
      h("button", { type: "button", class: "btn ghost icon small", title: `Delete ${name}`, "aria-label": `Delete ${name}`, onclick: () => this.remove(name) }, mark("cross", 12)));
  }

  save() {
    const name = this.name.value.trim();
    if (!name) return write(this.said, "A layout needs a name.");
    this.read(); // another tab may have saved since
    const others = this.saved.layouts.filter((one) => one.name !== name);
    const { layout, markets, tab } = this.page.view;
    if (this.store([...others, { name, layout, markets, tab }], `Saved as ${name}.`)) this.name.value = "";
  }

  remove(name) {
    this.read();
    this.store(this.saved.layouts.filter((one) => one.name !== name), `${name} was deleted.`);
  }

  /** @returns {boolean} false where they are more than what is read again */
  store(layouts, words) {
    if (layouts.length > MOST_SAVED) {
      write(this.said, `This would make ${layouts.length} layouts; the page keeps ${MOST_SAVED}. Delete some first.`);
      return false;
    }
    this.saved = { version: VERSION, layouts };
    write(this.said, keep(SAVED, JSON.stringify(this.saved)) ? words : "This browser keeps nothing: the layout lasts as long as the page.");
    this.show();
    this.fill();
    return true;
  }

  /** Reads what the browser keeps. What cannot be read is set aside, and tried again by a later page. */
  read() {
    const text = kept(SAVED);
    if (text === null) return; // it keeps nothing: what was saved lasts as long as the page
    const set = setAside(kept(ASIDE)), { layouts, left } = readKept([text, ...set]);
    [this.saved, this.aside] = [{ version: VERSION, layouts }, left];
    if (left.join() === set.join()) return;
    if (keep(ASIDE, JSON.stringify(left))) keep(SAVED, JSON.stringify(this.saved));
  }

  export() {
    const url = URL.createObjectURL(new Blob([JSON.stringify(this.saved, null, 1)], { type: "application/json" }));
    h("a", { href: url, download: "order-flow-layouts.json" }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
    const count = this.saved.layouts.length;
    write(this.said, `${count} ${count === 1 ? "layout" : "layouts"} written to a file.`);
  }

  async import() {
    const [file] = this.file.files;
    this.file.value = "";
    if (!file) return;
    try {
      if (file.size > 100_000) throw new Error("The file is too long to be a layout of this page.");
      const { layouts } = readSaved(await file.text());
      this.read();
      const names = new Set(layouts.map((one) => one.name));
      const all = [...this.saved.layouts.filter((one) => !names.has(one.name)), ...layouts];
      this.store(all, `${layouts.length} ${layouts.length === 1 ? "layout" : "layouts"} read from ${file.name}.`);
    } catch (error) {
      write(this.said, error.message);
    }
  }
}

/** The texts that were set aside, or the one that an older page did. */
function setAside(text) {
  try {
    const texts = JSON.parse(text ?? "[]");
    if (Array.isArray(texts)) return texts.filter((one) => typeof one === "string");
  } catch {
    // a text by itself, not JSON
  }
  return [text];
}
