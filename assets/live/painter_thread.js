// The thread of the painter: what it hears is the easel's.
import { Painter } from "./painter.js";

const FONT_MS = 100; // words are not awaited longer than that; they are painted anew once their font has come

const painter = new Painter((message) => postMessage(message));
const face = new FontFace("Inter UI", "url(../inter.woff2)", { weight: "400 650", display: "block" }); // as assets/tokens.css
fonts.add(face);
await Promise.race([face.load().catch(() => {}), new Promise((done) => setTimeout(done, FONT_MS))]);
onmessage = ({ data }) => painter.hear(data);
postMessage({ type: "ready" });
