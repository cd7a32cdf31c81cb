// The menu of every panel: full screen, freeze, picture, tables, definition; and its empty state.
import { showTable } from "./as_table.js";
import { freeze } from "./controls.js";
import { fullScreen, isFull } from "./fullscreen.js";
import { savePicture } from "./picture.js";
import { saveTable, tableOf } from "./tables.js";
import { write } from "./texts.js";

let open = null; // { menu, button }

/** One set of listeners serves the panels of all stacks, also of those that come later. */
export function bindPanels(page) {
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-do=panel-menu]");
    if (button) toggle(page, button);
    else if (!event.target.closest?.(".menu")) closeMenu();
  });
  document.addEventListener("keydown", (event) => open && keys(event), true);
  document.addEventListener("fullscreenchange", () => closeMenu());
  addEventListener("resize", () => closeMenu());
  // A document opens in the theme of the page.
  for (const kind of ["pointerover", "focusin"]) document.addEventListener(kind, (event) => themed(event.target.closest?.("a[data-doc]")));
}

function themed(link) {
  if (!link) return;
  const url = new URL(link.href), light = document.documentElement.dataset.mantineColorScheme === "light";
  if ((url.searchParams.get("theme") === "light") === light) return;
  url.search = light ? "?theme=light" : "";
  link.href = url.href;
}

/** The stack that an element belongs to. */
export function stackOf(page, element) {
  const own = element.closest(".stack");
  return [...page.stacks.values()].find((stack) => stack.element === own) ?? null;
}

function toggle(page, button) {
  const again = open?.button === button;
  closeMenu();
  if (again) return;
  const panel = button.closest("[data-panel]"), stack = stackOf(page, panel);
  const menu = document.createElement("div");
  menu.className = "menu";
  const items = menu.appendChild(document.createElement("div"));
  items.role = "menu";
  items.setAttribute("aria-label", button.getAttribute("aria-label"));
  // A form is no item of a menu: it stands behind it.
  for (const one of entries(page, panel, stack)) (one.form ? menu : items).append(item(one));
  const note = told(panel);
  if (note) {
    menu.append(note);
    items.setAttribute("aria-describedby", note.id);
  }
  (document.fullscreenElement ?? document.body).append(menu);
  place(menu, button.getBoundingClientRect());
  button.setAttribute("aria-expanded", "true");
  open = { menu, button };
  menu.querySelector("[role^=menuitem]")?.focus();
}

/** What a panel's menu offers; what its figures can add comes from its stack. */
function entries(page, panel, stack) {
  const found = [
    { words: isFull(panel) ? "Leave full screen" : "Full screen", key: "F", run: () => fullScreen(panel) },
    { words: page.frozen ? "Back to live" : "Freeze", key: "Space", run: () => freeze(page) },
    { words: "Save as PNG", run: () => savePicture(panel, stack) },
  ];
  const tables = parts(panel).filter(({ name }) => stack && tableOf(stack, name));
  for (const { title, name, beside } of tables) found.push({ words: `As table${beside}`, run: () => showTable(stack, name, title) });
  for (const { name, beside } of tables) found.push({ words: `Save as CSV${beside}`, run: () => saveTable(stack, name) });
  found.push(...(stack?.pane.menu?.(panel.dataset.panel) ?? []));
  const more = page.stacks.size > 1 && !isFull(panel) ? left(panel).length : 0;
  if (more) found.push({ words: `Show this market alone, with ${more} more panel${more > 1 ? "s" : ""}`, run: () => page.shell.open(stack.market) });
  const link = panel.querySelector("a[data-doc]");
  if (link) found.push({ words: "What is this?", run: () => (themed(link), link.click()) });
  return found;
}

/** Panels beside one for which several markets leave no room; not those that the user has put away. */
function left(panel) {
  const all = panel.closest(".tabpane")?.querySelectorAll("[data-panel]:not(.off)") ?? [];
  return [...all].filter((one) => one.offsetParent === null);
}

/** What a panel's title has no room for: its lines, and what the hover of its coverage says, without a pointer. */
function told(panel) {
  const lines = [...panel.querySelectorAll(".ph p")].filter((one) => !whole(one)).map((one) => one.textContent);
  const words = [...lines, panel.querySelector(".plot-head .cov")?.title].filter(Boolean).join("\n");
  if (!words) return null;
  const note = document.createElement("p");
  note.className = "menu-note";
  note.id = "menu-note";
  note.textContent = words;
  return note;
}

/** Whether all of a line is seen. */
const whole = (line) => line.offsetParent !== null && line.scrollWidth <= line.clientWidth;

/** What a panel shows that may have a table: itself, and what stands beside it on the same axis. */
function parts(panel) {
  const name = panel.dataset.panel, title = panel.querySelector("h3").textContent, cross = panel.querySelector(".cross-head h3")?.textContent;
  const found = [{ name, title, beside: "" }];
  if (cross) found.push({ name: `${name}-cross`, title: cross, beside: `: ${cross[0].toLowerCase()}${cross.slice(1)}` });
  return found;
}

/** Leaves the menu for its button, then does what was chosen. */
function pick(run) {
  const { button } = open ?? {};
  closeMenu();
  button?.focus();
  run();
}

/** One of several values: a line of small buttons under a title. */
function choice({ group, choices, value, run }) {
  const made = document.createElement("div"), title = document.createElement("span");
  made.className = "menu-group";
  made.role = "group";
  made.setAttribute("aria-label", group);
  title.textContent = group;
  made.append(title);
  for (const [name, words] of choices) {
    const one = document.createElement("button");
    one.type = "button";
    one.role = "menuitemradio";
    one.tabIndex = -1;
    one.setAttribute("aria-checked", String(name === value));
    one.textContent = words;
    one.addEventListener("click", () => pick(() => run(name)));
    made.append(one);
  }
  return made;
}

/** A few values to type; `run` gives a sentence where they will not do. */
function form({ form: words, values, button, run }) {
  const made = document.createElement("form"), send = document.createElement("button"), wrong = document.createElement("p");
  made.className = "menu-group";
  const title = document.createElement("span");
  title.textContent = words;
  const inputs = values.map((value, k) => {
    const input = document.createElement("input");
    input.value = String(value);
    input.inputMode = "decimal";
    input.setAttribute("aria-label", `${words}, ${k ? "to" : "from"}`);
    return input;
  });
  send.textContent = button;
  wrong.role = "alert";
  made.append(title, ...inputs, send, wrong);
  made.addEventListener("submit", (event) => {
    event.preventDefault();
    wrong.textContent = run(inputs.map((input) => input.value)) ?? "";
    if (!wrong.textContent) pick(() => {});
  });
  return made;
}

function item(entry) {
  if (entry.choices) return choice(entry);
  if (entry.form) return form(entry);
  const { words, key, run } = entry, made = document.createElement("button");
  made.type = "button";
  made.role = "menuitem";
  made.tabIndex = -1;
  const [label, hint] = [document.createElement("span"), document.createElement("kbd")];
  label.textContent = words;
  hint.textContent = key ?? "";
  made.append(label, hint);
  made.addEventListener("click", () => pick(run));
  return made;
}

function place(menu, box) {
  const { offsetWidth: width, offsetHeight: height } = menu;
  const below = box.bottom + 4 + height <= innerHeight - 4 || box.top < height;
  menu.style.left = `${Math.max(4, Math.min(innerWidth - width - 4, box.right - width))}px`;
  menu.style.top = `${Math.max(4, Math.min(innerHeight - height - 4, below ? box.bottom + 4 : box.top - height - 4))}px`;
}

/** Closes the menu that is open, if it belongs to a panel in an element. */
export function closeMenu(within = document) {
  if (!open || !within.contains(open.button)) return;
  open.menu.remove();
  open.button.setAttribute("aria-expanded", "false");
  open = null;
}

function keys(event) {
  if (event.target.closest?.("form") && event.key !== "Escape") return event.stopPropagation();
  const items = [...open.menu.querySelectorAll("[role^=menuitem]")], at = items.indexOf(document.activeElement);
  const to = { ArrowDown: at + 1, ArrowRight: at + 1, ArrowUp: at - 1, ArrowLeft: at - 1, Home: 0, End: items.length - 1 }[event.key];
  if (event.key === "Tab" && open.menu.querySelector("form")) return event.stopPropagation();
  if (event.key === "Escape" || event.key === "Tab") {
    const { button } = open;
    closeMenu();
    button.focus();
  } else if (to !== undefined) {
    items[(to + items.length) % items.length]?.focus();
  } else {
    // The keys of the page mean nothing while a menu is open; Enter and Space press its item.
    if (event.key !== "Enter" && event.key !== " ") event.preventDefault();
    event.stopPropagation();
    return;
  }
  event.preventDefault();
  event.stopPropagation();
}

/** Shows in place of a panel's figures what it waits for; null shows the figures. */
export function showEmpty(holder, name, content) {
  const element = holder.querySelector(`[data-empty="${name}"]`);
  if (!element) return;
  if (element.hidden !== !content) element.hidden = !content;
  if (!content) return;
  write(element.firstElementChild, content.title);
  write(element.lastElementChild, content.text ?? "");
}
