// The one script that Dash loads; the rest are its modules.
import { start } from "./live/app.js";

start();
