"""A real Chromium for the browser tests, and a made-up market that lives while they run."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from app.clock import NS_PER_S, SystemClock
from app.records import QUALITY_NS, ROW_NS, State
from app.store import SqliteStore, open_store
from tests.processes import wait_for
from tests.web_market import advance, fill, gap_records
from tests.web_walk import Walk, walks

CHROMIUM = "/usr/bin/chromium"
ARGS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--no-first-run", "--disable-sync", "--disable-quic",
)  # fmt: skip
WAIT_MS = 60_000  # a machine with other work is many times slower
# To the next attempt of a market that is down, from whatever is told last: a page that is late tells of less.
RETRY_S = 45
DRAWN = """market => {
  const v = window.ofi?.view(market);
  return v && v.axes && v.drawn.count > 1 && v.steps > 0;
}"""

# Wall time runs ahead, of device and server, while the page's own stands still: what sleep looks like.
SLEEP = """ms => {
  const now = Date.now, { parse } = JSON;
  Date.now = () => now.call(Date) + ms;
  JSON.parse = (...given) => {
    const message = parse(...given);
    if (message?.type === 'hello') message.time_ms += ms;
    return message;
  };
}"""
# Both run on while nobody looks, and so do the frames: the next has come before the page is seen again. All
# between two heartbeats, or the page would take the leap for a silence of its link.
HIDDEN = """async ms => {
  const { send } = WebSocket.prototype;
  await new Promise(done => {
    WebSocket.prototype.send = function (text) {
      send.call(this, text);
      if (text.includes('"ping"')) done((WebSocket.prototype.send = send));
    };
  });
  Object.defineProperty(document, 'hidden', { configurable: true, get: () => window.away });
  window.away = true;
  document.dispatchEvent(new Event('visibilitychange'));
  const [wall, own] = [Date.now, performance.now.bind(performance)];
  Date.now = () => wall.call(Date) + ms;
  performance.now = () => own() + ms;
  const { frames } = window.ofi.stats();
  while (window.ofi.stats().frames === frames) await new Promise(done => setTimeout(done, 10));
  window.away = false;
  document.dispatchEvent(new Event('visibilitychange'));
}"""


@contextmanager
def chromium(folder: Path | None = None) -> Iterator[Browser]:
    """Debian's Chromium, headless; with a folder, pages may have the profile in it."""
    with sync_playwright() as play, ExitStack() as ends:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=list(ARGS))
        ends.callback(browser.close)
        if folder is not None:
            ends.enter_context(profile(browser, play, folder))
        yield browser


@contextmanager
def profile(browser: Browser, play: Playwright, folder: Path) -> Iterator[None]:
    """Let pages of `browser` that want nothing special be opened in a second one with a profile on disk.

    There Chromium keeps the compiled scripts, and a page opens in half the time. One page at a time has
    it, so that none sees what another keeps.
    """
    options: dict[str, Any] = {"executable_path": CHROMIUM, "args": list(ARGS)}
    context = play.chromium.launch_persistent_context(folder, device_scale_factor=1, **options)
    _PROFILES[browser] = context
    try:
        yield
    finally:
        del _PROFILES[browser]
        context.close()


_PROFILES: dict[Browser, BrowserContext] = {}
# Nothing is kept from the page before: once in each tab and origin, before anything else runs there.
_FRESH = """try {
  if (!sessionStorage.getItem('test.fresh')) localStorage.clear();
  sessionStorage.setItem('test.fresh', '1');
} catch {}"""


def _new_page(browser: Browser, viewport: dict[str, int], **options: Any) -> Page:
    context = _PROFILES.get(browser)
    if options or context is None or len(context.pages) > 1:  # it begins with a blank one
        return browser.new_page(viewport=viewport, **{"device_scale_factor": 1} | options)
    context.clear_cookies()
    context.set_offline(False)
    page = context.new_page()
    page.set_viewport_size(viewport)
    page.add_init_script(_FRESH)
    return page


class Watched:
    """A page that remembers what it complained of."""

    def __init__(self, browser: Browser, width: int = 1440, height: int = 900, **options: Any):
        first_visit = options.pop("first_visit", False)
        self.page: Page = _new_page(browser, {"width": width, "height": height}, **options)
        self.page.set_default_timeout(WAIT_MS)
        if not first_visit:
            self.page.add_init_script("try { localStorage.setItem('ofi.tour', '1') } catch {}")
        self.complaints: list[str] = []
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.complaints.append(error.stack or str(error)))

    def close(self) -> None:
        """End it, with the pages that it opened."""
        context = self.page.context
        for page in context.pages[1:] if context in _PROFILES.values() else [self.page]:
            page.close()

    def _note(self, message: Any) -> None:
        # The tests themselves read canvases back, which Chromium advises against.
        if message.type in ("error", "warning") and "willReadFrequently" not in message.text:
            self.complaints.append(f"{message.type}: {message.text}")

    def open(self, url: str, *markets: str) -> Page:
        """Go to an address and wait until every named market is drawn under its axes."""
        self.page.goto(url)
        for market in markets:
            self.until(DRAWN, market)
        return self.page

    def view(self, market: str) -> dict[str, Any]:
        """What the page's scripts know of a market."""
        value: dict[str, Any] = self.page.evaluate("market => window.ofi.view(market)", market)
        return value

    def address(self) -> str:
        """The address, once it says all that is shown."""
        self.until("() => window.ofi.stats().wishes === 0")
        found: str = self.page.evaluate("location.href")
        return found

    def until(self, script: str, argument: Any = None) -> None:
        """Wait for a condition in the page; the failure says what the page complained of."""
        try:
            self.page.wait_for_function(script, arg=argument)
        except PlaywrightTimeout:
            stats = self.page.evaluate("() => window.ofi?.stats() ?? null")
            told = f"page: {self.complaints}, at {self.page.url}, {stats}"
            raise AssertionError(f"never came true: {script}; {told}") from None


@contextmanager
def watched(
    browser: Browser, width: int = 1440, height: int = 900, **options: Any
) -> Iterator[Watched]:
    """A page that is closed at the end."""
    one = Watched(browser, width, height, **options)
    try:
        yield one
    finally:
        one.close()


class LiveMarkets:
    """Made-up markets in a store, kept alive by a thread; `state` may be set to break a feed."""

    def __init__(
        self,
        folder: Path,
        count: int = 2,
        minutes: float = 8.0,
        outage: bool = True,
        prints: bool = True,
    ):
        self.clock = SystemClock()
        self.store: SqliteStore = open_store(f"sqlite:///{folder.resolve()}", clock=self.clock)
        self.walks = walks(count)
        self.names = [str(walk.market.id) for walk in self.walks]
        self.state: tuple[State, str] | None = None
        self._end = threading.Event()
        now_ns = self.clock.now_ns()
        self.filled_ns = now_ns - now_ns % QUALITY_NS  # so that a past which was made serves again
        for walk in self.walks:
            walk.prints = prints
            fill(self.store, walk, minutes, self.filled_ns, outage=outage)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        last = since = self.filled_ns
        out = False
        while not self._end.wait(0.05):
            now = self.clock.now_ns()
            now -= now % ROW_NS
            if now == last:
                continue
            if self.state is not None:
                out = True
                self._say(now, since)
                continue
            # A busy machine that held this thread up is no outage: what it missed is made up for.
            if out and now - last > 2 * NS_PER_S:
                self._gap(last, now)
                last = now - ROW_NS
            out = False
            since = now
            for walk in self.walks:
                advance(self.store, walk, last, now, self.filled_ns)
            last = now

    def _say(self, now: int, since: int) -> None:
        state, detail = self.state or (State.LIVE, "")
        for walk in self.walks:
            status = walk.status(now, since, state, detail)
            if state is State.DOWN:
                status["attempts"], status["next_try_ns"] = 3, now + RETRY_S * NS_PER_S
            self.store.append(walk.market.id, {"status": status})

    def _gap(self, from_ns: int, to_ns: int) -> None:
        from tests.web_market import Outage

        for walk in self.walks:
            self.store.append(walk.market.id, {"gap": gap_records(Outage(from_ns, to_ns))})

    def __enter__(self) -> "LiveMarkets":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join(10)
        with suppress(Exception):
            self.store.close()


def kill_workers(parent: int) -> None:
    """Kill the web workers under a process: their gunicorn makes new ones."""

    def serves(process: psutil.Process) -> bool:
        return "gunicorn" in " ".join(process.cmdline())

    for process in psutil.Process(parent).children(recursive=True):
        above = process.parent()
        if serves(process) and above is not None and serves(above):
            process.kill()


def open_when_up(page: Page, url: str, seconds: float = 60) -> None:
    """Go to a page whose server may still be starting."""

    def opened() -> bool:
        try:
            page.goto(url)
        except PlaywrightError:
            return False
        return True

    wait_for(opened, "the page", seconds)


def eventually(found: Callable[[], Any], seconds: float = WAIT_MS / 1000) -> Any:
    """The first true value of a function, asked again until a deadline."""
    return wait_for(found, f"{found} never gave a true value", seconds)


# Pixels of a canvas. Those of charts are the painter's to draw on, and are read from a copy.
INK = """(canvas, ...area) => {
  const x = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d');
  x.drawImage(canvas, 0, 0);
  return x.getImageData(...area).data;
}"""
# The server has sent a market's view as it was at the frozen time, and it can be seen, its charts, too.
HELD = """market => {
  const view = window.ofi.view(market), frozen = new URLSearchParams(location.search).get('end');
  return frozen && view.state === 'frozen' && view.info.end_ms === Number(frozen)
    && Math.abs(view.edge - view.info.end_ms) <= view.info.step_ms && view.drawn.epoch === view.epoch;
}"""
# Has `pressed` be the edge of a market when the next button or finger comes down: it runs on meanwhile.
PRESSED = """market => addEventListener('pointerdown', () => (window.pressed = window.ofi.view(market).edge),
  { capture: true, once: true })"""
# Charts are painted on the page's own thread, where a test may watch it done: as in a browser that lends
# no canvases to another.
ONE_THREAD = "delete HTMLCanvasElement.prototype.transferControlToOffscreen;"


def pixels(page: Page, selector: str) -> str:
    """A fingerprint of what a canvas, or a chart on one, shows: its colours on a coarse grid."""
    value: str = page.evaluate(
        f"""selector => {{
          const ink = {INK};"""
        """
          const chart = document.querySelector(selector);
          const canvas = chart.tagName === 'CANVAS' ? chart : chart.parentElement.querySelector('.sheet');
          const [box, whole] = [chart, canvas].map(one => one.getBoundingClientRect());
          const ratio = canvas.width / whole.width;
          const area = [box.left - whole.left, box.top - whole.top, box.width, box.height];
          const [left, top, width, height] = area.map(v => Math.round(v * ratio));
          const data = ink(canvas, left, top, width, height);
          const seen = [];
          for (let y = 4; y < height; y += 7) for (let x = 4; x < width; x += 11) {
            const at = (y * width + x) * 4;
            seen.push(data[at] >> 4, data[at + 1] >> 4, data[at + 2] >> 4);
          }
          return seen.join(',');
        }""",
        selector,
    )
    return value


__all__ = [
    "INK", "ONE_THREAD", "PRESSED", "LiveMarkets", "Walk", "Watched", "chromium", "eventually", "pixels",
    "watched",
]  # fmt: skip
