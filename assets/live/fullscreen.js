// One panel over the whole screen. A row of a linked stack takes its stack's charts with it, because its
// axes are drawn above all rows: the others give way.

const FILLED = "filled"; // where the browser has no full screen to give

const target = (panel) => panel.closest(".rows") ?? panel;

/** Whether a panel has the screen. */
export function isFull(panel) {
  const one = target(panel);
  return (document.fullscreenElement === one || one.classList.contains(FILLED)) && (one === panel || panel.classList.contains("soloed"));
}

/** Gives a panel the screen, or takes it back. */
export async function fullScreen(panel) {
  if (isFull(panel)) return leave();
  const one = target(panel);
  solo(one, panel);
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

function solo(one, panel) {
  if (one === panel) return;
  one.classList.add("solo");
  for (const other of one.querySelectorAll("[data-row]")) other.classList.toggle("soloed", other === panel);
}

function leave() {
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
