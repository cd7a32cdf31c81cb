"""From the venue's message to the drawn pixel: stamped at a loopback venue, read after the draw.

Four markets, one browser, the whole `ofi run` between them. Each best-quote message carries a price of
its own; a message counts as shown at the first draw of its market that shows it or a later one, so
those that were overtaken within a row are not left out. The compositor's share after the draw (a frame
at most) is not seen from inside the page.

    python -m benchmarks.message_to_pixel [--seconds 30] [--rate 10]
"""

import argparse
import asyncio
import os
import tempfile
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
import orjson
from playwright.sync_api import Page

from app.supervisor import free_port
from tests.browser import chromium, open_when_up
from tests.processes import running
from tests.venues.binance_protocol import settings_for
from tests.venues.scripted import ScriptedVenue, symbols

MARKETS = 4
_PRICES = 101  # distinct prices of a market before they repeat: longer than any latency here
_WATCH = """() => {
  const seen = new Map(), log = window.draws = [];
  const look = () => {
    for (const element of document.querySelectorAll(".stack[data-market]")) {
      const market = element.dataset.market, view = window.ofi.view(market);
      if (view?.drawn?.count && view.drawn.count !== seen.get(market)) {
        seen.set(market, view.drawn.count);
        const { tiles, at, ms, painter_ms, times } = view.drawn;
        log.push([market, tiles?.bid ?? null, at, ms + painter_ms, times]);
      }
    }
    requestAnimationFrame(look);
  };
  look();
}"""


@dataclass(eq=False)
class Stamped(ScriptedVenue):
    """A venue whose best quotes carry stamps; `sent[market]` lists (price in ticks, time in ms)."""

    rate: float = 10.0
    sent: dict[str, list[tuple[int, float]]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        super().__init__(MARKETS)

    async def trade_on(self, stop: threading.Event) -> None:
        """Depth at 10 Hz and stamped quotes at the rate, until told to stop."""
        await asyncio.gather(*(self._market(k, s, stop) for k, s in enumerate(self.books)))

    async def _market(self, k: int, symbol: str, stop: threading.Event) -> None:
        rng, number, due = np.random.default_rng(k), 0, time.monotonic()
        while not stop.is_set():
            due += rng.exponential(1 / self.rate)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            number += 1
            if number % max(1, round(self.rate / 10)) == 0:
                await self.step(symbol)
            ticks = 10_000 + number * 7 % _PRICES
            quote = {"u": self.books[symbol].last_id, "s": symbol, "b": f"{ticks / 100:.8f}",
                     "B": "1.00000000", "a": f"{(ticks + 1) / 100:.8f}", "A": "1.00000000"}  # fmt: skip
            self.sent[symbol].append((ticks, time.time_ns() / 1e6))
            await self.publish(f"{symbol.lower()}@bookTicker", orjson.dumps(quote).decode())


def _serve(venue: Stamped, stop: threading.Event, ready: threading.Event) -> None:
    async def serve() -> None:
        await venue.start()
        ready.set()
        await venue.trade_on(stop)
        await venue.stop()

    asyncio.run(serve())


def measure(seconds: float, rate: float) -> tuple[list[list[object]], Stamped]:
    """Draws as the page logged them, and the venue with its stamps."""
    stop, ready = threading.Event(), threading.Event()
    venue = Stamped(rate=rate)
    thread = threading.Thread(target=_serve, args=(venue, stop, ready))
    thread.start()
    ready.wait(10)
    markets = [f"lo:{symbol.base}/USDT" for symbol in symbols(MARKETS)]
    port = free_port()
    try:
        with tempfile.TemporaryDirectory() as folder:
            environ = {
                "OFI_VENUES": orjson.dumps({"lo": settings_for(venue.port)}).decode(),
                "OFI_STORE__URL": f"sqlite:///{folder}",
                "OFI_LOG__LEVEL": "error",
            }
            with running("app.cli", "run", "--port", port, *markets, environ=environ):
                return _browse(port, markets, seconds), venue
    finally:
        stop.set()
        thread.join(10)


def _browse(port: int, markets: list[str], seconds: float) -> list[list[object]]:
    with chromium() as browser:
        page: Page = browser.new_page(viewport={"width": 2560, "height": 1440})
        url = f"http://127.0.0.1:{port}/?range=300&" + "&".join(f"m={m}" for m in markets)
        open_when_up(page, url)
        ready = "(n) => [...document.querySelectorAll('.stack[data-market]')].filter("
        ready += "(e) => window.ofi?.view(e.dataset.market)?.tiles?.mid).length === n"
        page.wait_for_function(ready, arg=len(markets), timeout=60_000)
        page.wait_for_timeout(3000)
        page.evaluate(_WATCH)
        page.wait_for_timeout(seconds * 1000)
        draws: list[list[object]] = page.evaluate("() => window.draws")
        return draws


def latencies(draws: list[list[object]], venue: Stamped) -> dict[str, np.ndarray]:
    """Milliseconds from send to draw of every message, and the parts of each draw."""
    total: list[float] = []
    parts: dict[str, list[float]] = defaultdict(list)
    for symbol, sent in venue.sent.items():
        market = f"lo:{venue.symbols[symbol].base}/USDT"
        ticks, when = (np.array(column) for column in zip(*sent, strict=True))
        shown, at = [], []
        for _, bid, drawn_ms, paint_ms, times in (d for d in draws if d[0] == market and d[1]):
            match = np.flatnonzero((ticks == round(bid * 100)) & (when <= drawn_ms + 1))
            if not len(match):
                continue
            shown.append(match[-1])
            at.append(drawn_ms)
            parts["receive to row's end"].append(times["row_ms"] - times["received_ms"])
            parts["row's end to read from the store"].append(times["read_ms"] - times["row_ms"])
            parts["read to sent"].append(times["sent_ms"] - times["read_ms"])
            parts["sent to drawn"].append(drawn_ms - times["sent_ms"])
            parts["drawing itself"].append(paint_ms)
        last = np.maximum.accumulate(np.array(shown))
        counted = range(int(last[0]) + 1, int(last[-1]) + 1)
        total.extend(at[int(np.searchsorted(last, k))] - when[k] for k in counted)
    return {"message to pixel": np.array(total)} | {k: np.array(v) for k, v in parts.items()}


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--rate", type=float, default=10.0, help="messages a second and market")
    options = parser.parse_args(arguments)
    os.environ.setdefault("GUNICORN_CMD_ARGS", "")
    draws, venue = measure(min(options.seconds, 600.0), min(options.rate, 200.0))
    result = latencies(draws, venue)
    count = len(result["message to pixel"])
    print(
        f"{count} messages of {MARKETS} markets at {options.rate:g}/s each, {len(draws)} draws; ms"
    )
    print(f"{'':36}{'median':>8}{'p99':>8}")
    for name, values in result.items():
        print(f"{name:36}{np.median(values):8.1f}{np.percentile(values, 99):8.1f}")


if __name__ == "__main__":
    main()
