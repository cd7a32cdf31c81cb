// The pill that tells of the connection.
import { duration, number } from "./format.js";
import { write } from "./texts.js";

/** Shows a link as connection.js has it; how long something lasts moves on with every call. */
export function showLink(link) {
  const pill = document.getElementById("link");
  if (!pill) return;
  const [word, ms] = [pill.querySelector("[data-f=link-word]"), pill.querySelector("[data-f=link-ms]")];
  // One that was lost stays so while another is tried.
  const state = link.silent || (link.state === "connecting" && link.attempt) ? "waiting" : link.state;
  for (const one of [pill, document.documentElement]) if (one.dataset.link !== state) one.dataset.link = state;
  if (pill.title !== link.said) pill.title = link.said; // why the server refused, also where no market is in view
  if (link.silent) {
    write(word, "No answer");
    write(ms, `for ${duration(performance.now() - link.since)}`);
  } else if (link.state === "open") {
    write(word, "Connected");
    write(ms, link.roundTrip === null ? "" : link.roundTrip >= 999.5 ? duration(link.roundTrip) : `${number(link.roundTrip, link.roundTrip < 10 ? 1 : 0)}\u00a0ms`);
  } else if (link.state === "waiting") {
    write(word, link.refused ? "Refused" : "Reconnecting");
    write(ms, `in ${duration(Math.max(0, link.nextAt - performance.now()))}`);
  } else {
    write(word, "Connecting");
    write(ms, "");
  }
}
