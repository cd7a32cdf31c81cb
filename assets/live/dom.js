// Elements that the scripts make: never from markup, so that no name of a market becomes any.

/** An element with properties, attributes (names with a dash, `role`) and children. */
export function h(tag, props = {}, ...children) {
  const one = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null) continue;
    if (name === "class") one.className = value;
    else if (name.startsWith("on")) one.addEventListener(name.slice(2), value);
    else if (name in one && !name.includes("-")) one[name] = value;
    else one.setAttribute(name, value);
  }
  one.append(...children.filter((child) => child !== null && child !== undefined));
  return one;
}

/** A mark of icons.css. */
export function mark(name, size = 16) {
  const one = h("span", { class: `i i-${name}`, "aria-hidden": "true" });
  one.style.setProperty("--i", `${size}px`);
  return one;
}

/** Opens a dialog; a click beside it or Escape closes it, and the focus goes back. */
export function open(id) {
  const dialog = document.getElementById(id);
  if (!dialog || dialog.open) return dialog;
  dialog.showModal();
  return dialog;
}

/** Binds the closing of every dialog of the page. */
export function bindDialogs() {
  for (const dialog of document.querySelectorAll("dialog")) {
    dialog.addEventListener("click", (event) => {
      const beside = event.target === dialog && event.detail > 0 && !inside(dialog, event);
      if (beside || event.target.closest?.("[data-close]")) dialog.close();
    });
  }
}

function inside(dialog, event) {
  const box = dialog.getBoundingClientRect();
  return event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
}

/** What the browser keeps under a name; a browser that keeps nothing gives null. */
export function kept(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

/** Keeps a text; false where the browser does not. */
export function keep(name, text) {
  try {
    localStorage.setItem(name, text);
    return true;
  } catch {
    return false;
  }
}
