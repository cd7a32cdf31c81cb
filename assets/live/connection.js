// The socket to /live: reconnects without limit with jittered back-off, and notices a dead link.

const FIRST_WAIT_MS = 300;
const LONGEST_WAIT_MS = 15000;
const PING_MS = 2500;
const SILENT_MS = 6000; // two pings unanswered: what is shown is not of now
const DEAD_MS = 12000; // nothing at all heard for so long: the link is gone

export class Connection {
  /**
   * @param {{text: (message: object) => void, frame: (buffer: ArrayBuffer) => void,
   *          change: (link: object) => void, open: () => void}} on
   */
  constructor(on) {
    this.on = on;
    this.link = { state: "connecting", attempt: 0, nextAt: 0, roundTrip: null, since: performance.now() };
    this.heardAt = 0;
    this.socket = null;
    this.timer = 0;
    this.beat = setInterval(() => this.heartbeat(), PING_MS);
    addEventListener("online", () => this.hurry());
    document.addEventListener("visibilitychange", () => document.hidden || this.hurry());
    this.open();
  }

  open() {
    clearTimeout(this.timer);
    const base = document.querySelector("base")?.href ?? location.href;
    const url = new URL("live", new URL(".", base));
    url.protocol = url.protocol.replace("http", "ws");
    url.search = "";
    url.hash = "";
    const socket = new WebSocket(url);
    let opened = false;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this.heardAt = performance.now();
      opened = true;
      this.set({ state: "open", silent: false, attempt: 0, roundTrip: null, expired: false });
      this.on.open();
      this.heartbeat();
    };
    socket.onmessage = (event) => this.hear(event.data);
    socket.onclose = (event) => {
      if (socket !== this.socket) return;
      this.lost(event);
      if (!opened && navigator.onLine) this.probe();
    };
    this.socket = socket;
  }

  hear(data) {
    this.heardAt = performance.now();
    if (this.link.silent) this.set({ silent: false });
    if (typeof data !== "string") return this.on.frame(data);
    const message = JSON.parse(data);
    if (message.type === "pong") this.set({ roundTrip: performance.now() - message.t });
    else this.on.text(message);
  }

  send(message) {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  heartbeat() {
    if (this.link.state !== "open") return;
    const silence = performance.now() - this.heardAt;
    if (silence > SILENT_MS && !this.link.silent) this.set({ silent: true, since: this.heardAt, nextAt: 0 });
    if (silence > DEAD_MS) {
      this.socket.close();
      this.lost({ code: 1006, reason: "" });
      return;
    }
    this.send({ type: "ping", t: performance.now() });
  }

  lost(event) {
    this.socket = null;
    const attempt = this.link.attempt + 1;
    const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(attempt - 1, 10));
    const wait = longest * (0.5 + Math.random() / 2);
    const since = this.link.state === "open" ? performance.now() : this.link.since;
    this.set({
      state: "waiting", silent: false, attempt, since, nextAt: performance.now() + wait, roundTrip: null,
      reason: event.reason || "", refused: event.code === 1008 || event.code === 4401 || event.code === 4403,
    });
    this.timer = setTimeout(() => this.open(), wait);
  }

  /** The page is back or the network is: do not sit out a long wait. */
  hurry() {
    if (this.link.state === "waiting") this.open();
    else this.heartbeat();
  }

  /** The device has slept: what the socket says of itself is not to be trusted. */
  wake() {
    const socket = this.socket;
    this.socket = null;
    socket?.close();
    clearTimeout(this.timer);
    this.set({ state: "connecting", since: -Infinity, roundTrip: null });
    this.open();
  }

  /** A handshake refused looks like a server that is gone; an answer of 401 tells that it is the session. */
  async probe() {
    const address = new URL("api/v1/book", document.querySelector("base")?.href ?? location.href);
    const status = await fetch(address, { cache: "no-store", credentials: "same-origin" }).then((answer) => answer.status, () => 0);
    if (this.link.state !== "open") this.set({ expired: status === 401 });
  }

  set(change) {
    this.link = { ...this.link, ...change };
    this.on.change(this.link);
  }
}
