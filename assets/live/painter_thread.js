// The thread of the painter: what it hears is the easel's. All that it needs is named here, for a browser asks for the
// modules of a thread level by level.
import "./bars.js";
import "./canvas.js";
import "./charts.js";
import "./depth_axis.js";
import "./discs.js";
import "./distribution.js";
import "./format.js";
import "./geometry.js";
import "./heatmap.js";
import "./levels.js";
import "./made.js";
import "./model.js";
import { Painter } from "./painter.js";
import "./profile.js";
import "./protocol.js";
import "./ramps.js";
import "./raster.js";
import "./rings.js";
import "./said.js";
import "./span.js";
import "./strip.js";
import "./theme.js";
import "./views.js";
import "./words.js";
import "./zone.js";

const FONT_MS = 100; // words are not awaited longer than that; they are painted anew once their font has come

const painter = new Painter((message) => postMessage(message));
const face = new FontFace("Inter UI", "url(../inter.woff2)", { weight: "400 650", display: "block" }); // as assets/tokens.css
fonts.add(face);
await Promise.race([face.load().catch(() => {}), new Promise((done) => setTimeout(done, FONT_MS))]);
onmessage = ({ data }) => painter.hear(data);
postMessage({ type: "ready" });
