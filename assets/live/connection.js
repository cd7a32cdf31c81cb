// The socket to /live: reconnects without limit with jittered back-off, and notices a dead link.

const FIRST_WAIT_MS = 300;
const LONGEST_WAIT_MS = 15000;
const PING_MS = 2500;
const SILENT_MS = 6000; // two pings unanswered: what is shown is not of now
const DEAD_MS = 12000; // nothing at all heard for so long: the link is gone
const OPENING_MS = 10000; // so long a socket may take until the server has taken it in
const POLICY = 1008; // the server sent the page away for what it did

export class Connection {
  /**
   * @param {{text: (message: object) => void, frame: (buffer: ArrayBuffer) => void,
   *          change: (link: object) => void, open: () => void}} on
   */
  constructor(on) {
    this.on = on;
    this.link = { state: "connecting", attempt: 0, nextAt: 0, roundTrip: null, since: performance.now(), said: "" };
    this.heardAt = this.openedAt = this.begunAt = 0;
    this.socket = null;
    this.greeted = false; // whether the server took this socket in
    this.told = ""; // why it did not
    this.lately = 0; // the code of the last close
    this.timer = 0;
    this.lostAt = null; // Date.now() when the link was lost, until somebody has told of it
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
      if (socket !== this.socket) return;
      this.heardAt = this.openedAt = performance.now();
      opened = true;
      this.on.open(); // not after the hello: that would cost a round trip
      this.heartbeat();
    };
    socket.onmessage = (event) => socket === this.socket && this.hear(event.data);
    socket.onclose = (event) => {
      if (socket !== this.socket) return;
      this.lost(event);
      if (!opened && navigator.onLine) this.probe();
    };
    this.socket = socket;
    this.greeted = false;
    this.told = "";
    this.begunAt = performance.now();
    if (this.link.state !== "connecting") this.set({ state: "connecting" });
  }

  hear(data) {
    this.heardAt = performance.now();
    if (this.link.silent) this.set({ silent: false });
    if (typeof data !== "string") {
      this.served();
      return this.on.frame(data);
    }
    const message = JSON.parse(data);
    if (message.type === "pong") return this.set({ roundTrip: performance.now() - message.t });
    if (message.type === "hello") {
      this.greeted = true;
      this.set({ state: "open", silent: false, roundTrip: null, expired: false, said: "" });
    } else if (message.type === "error") {
      if (!this.greeted) this.told = message.message;
    } else this.served();
    this.on.text(message);
  }

  /** The server does what is asked of it: the next loss begins with a short wait again. */
  served() {
    // Who was sent away and does the same again would go round: its connection must last before.
    const lasting = performance.now() - this.openedAt > LONGEST_WAIT_MS;
    if (this.link.attempt && this.greeted && (this.lately !== POLICY || lasting)) this.set({ attempt: 0 });
  }

  send(message) {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  heartbeat() {
    if (!this.socket) return;
    // Neither a handshake that nobody answers nor a server that takes nobody in would end by itself for minutes.
    if (!this.greeted && performance.now() - this.begunAt >= OPENING_MS) return this.giveUp();
    if (this.socket.readyState !== WebSocket.OPEN) return;
    const silence = performance.now() - this.heardAt;
    if (this.link.state === "open" && silence > SILENT_MS && !this.link.silent) this.set({ silent: true, since: this.heardAt, nextAt: 0 });
    if (silence > DEAD_MS) return this.giveUp();
    this.send({ type: "ping", t: performance.now() });
  }

  /** The socket is good for nothing: another takes its place after a wait. */
  giveUp() {
    this.socket.close();
    this.lost({ code: 1006, reason: "" });
  }

  lost(event) {
    this.socket = null;
    this.lostAt ??= Date.now() - (this.link.silent ? performance.now() - this.heardAt : 0);
    this.lately = event.code;
    const attempt = this.link.attempt + 1;
    const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(attempt - 1, 10));
    const wait = longest * (0.5 + Math.random() / 2);
    const since = this.link.state === "open" ? performance.now() : this.link.since;
    this.set({
      state: "waiting", silent: false, attempt, since, nextAt: performance.now() + wait, roundTrip: null,
      said: this.told || (event.code === POLICY ? event.reason : ""), refused: event.code === POLICY || event.code === 4401 || event.code === 4403,
    });
    this.timer = setTimeout(() => this.open(), wait);
  }

  /** The page is back or the network is: do not sit out a long wait. */
  hurry() {
    if (this.socket) this.heartbeat(); // one that still connects is left to it
    else this.open();
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
