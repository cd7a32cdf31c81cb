// One panel over the whole screen. It takes the panes of its market with it, for axes, crosshair, hover and the words of a
// state are drawn over all panels: the others give way.

const FILLED = "filled"; // where the browser has no full screen to give

/** Whether a panel has the screen. */
export function isFull(panel) {
  return panel.classList.contains("soloed");
}

/** Gives a panel the screen, or takes it back. */
export async function fullScreen(panel) {
  if (isFull(panel)) return leave();
  const one = panel.closest(".panes");
  one.classList.add("solo");
  for (const other of one.querySelectorAll(".panel")) other.classList.toggle("soloed", other === panel);
  if (one.requestFullscreen && document.fullscreenEnabled) {
    try {
      await one.requestFullscreen();
      return;
    } catch {
      // Refused by the browser's policy or the embedding page: the window has to do.
    }
  }
  one.classList.add(FILLED);
}

/** Takes the screen back from the panel that has it, if one has. */
export function leave() {
  if (document.fullscreenElement) document.exitFullscreen();
  else restore();
}

function restore() {
  for (const one of document.querySelectorAll(`.solo, .${FILLED}`)) one.classList.remove("solo", FILLED);
  for (const panel of document.querySelectorAll(".soloed")) panel.classList.remove("soloed");
}

/** Listens for the end of a full screen, by whatever way; call once. */
export function bindFullScreen() {
  document.addEventListener("fullscreenchange", () => document.fullscreenElement || restore());
  document.addEventListener("keydown", (event) => event.key === "Escape" && document.querySelector(`.${FILLED}`) && restore());
}
