"""Each fault of the demo exchange: what the page shows while it lasts, and whether all is right after.

For every kind: the sentence and state on the page, the gap that was recorded, how long until the market
was live again, whether the book then equals the engine's (the market is stopped for the comparison),
and whether the neighbour stayed live. With --out, two pictures of the page for each.

    python -m benchmarks.demo_faults [--out DIR] [KIND …]
"""

import argparse
import os
import tempfile
import time
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Page

from app.clock import SystemClock
from app.demo.faults import KINDS, SNAPSHOT_FAULTS
from app.market import MarketId
from app.store import open_store
from app.supervisor import free_port
from tests.browser import chromium
from tests.processes import demo_exchange, running, wait_for

MARKET, NEIGHBOUR = MarketId("demo", "BTC/USDT"), MarketId("demo", "ETH/USDT")
_LEVELS = 20
_SETTLE_S = 25.0
# What stops a whole connection, or only delays, is given a length; the rest happens once.
_SECONDS = 6.0
_STALL_S = 14.0
_SILENT = ("mute", "stall", "delist")
# Nothing is lost by these: the market stays live.
_HARMLESS = ("duplicate", "delay", "no_time", "clock", "one_sided", "big_ids")


@dataclass(frozen=True)
class Outcome:
    """What became of one fault."""

    kind: str
    said: str
    gaps: str
    back_s: float
    book: bool
    neighbour: bool


class Bench:
    """The demo, the product over it, and a page that looks at both markets."""

    def __init__(self, exchange: str, base: str, store_url: str, page: Page, out: Path | None):
        self._exchange, self._base, self._page, self._out = exchange, base, page, out
        self._clock = SystemClock()
        self._store = open_store(store_url, clock=self._clock, readonly=True)

    def states(self) -> dict[str, str]:
        """The state of each market, as the API tells it."""
        markets = httpx.get(f"{self._base}/api/v1/markets").json()["markets"]
        return {m["market"]: m["state"] for m in markets}

    def live(self) -> bool:
        """Whether both markets are live."""
        states = self.states()
        return states.get(str(MARKET)) == states.get(str(NEIGHBOUR)) == "live"

    def order(self, kind: str) -> None:
        """Let it go wrong; a snapshot is only asked for after a loss."""
        seconds = _STALL_S if kind in _SILENT else _SECONDS
        order = {"kind": kind, "venue": "demo", "symbol": "BTCUSDT", "seconds": seconds}
        self._post("fault", order)
        if kind in SNAPSHOT_FAULTS:
            self._post("fault", {"kind": "drop", "venue": "demo", "symbol": "BTCUSDT"})
        if kind == "refuse":
            self._post("fault", {"kind": "disconnect", "venue": "demo", "symbol": "BTCUSDT"})

    def _post(self, what: str, body: dict[str, Any]) -> None:
        httpx.post(f"{self._exchange}/demo/{what}", json=body).raise_for_status()

    def play(self, kind: str) -> Outcome:
        """One fault from order to recovery."""
        began_ns, began = self._clock.now_ns(), time.monotonic()
        self.order(kind)
        said, hit, back, neighbour, pictured = "", 0.0, 0.0, True, False
        deadline = began + _SETTLE_S + (_STALL_S if kind in _SILENT else 0.0)
        while time.monotonic() < deadline:
            states = self.states()
            neighbour &= states[str(NEIGHBOUR)] == "live"
            if states[str(MARKET)] != "live" and not hit:
                hit = time.monotonic()
                self._page.wait_for_timeout(300)
                said = self._say()
                self._picture(kind, "during")
            if hit and states[str(MARKET)] == "live":
                back = time.monotonic()
                break
            if not hit and self._gaps(began_ns):
                hit = back = time.monotonic()  # over before it could be seen
                self._picture(kind, "during")
                break
            if not hit and kind in _HARMLESS and time.monotonic() - began > 1 and not pictured:
                said, pictured = self._say(), True
                self._picture(kind, "during")
            if pictured and not hit and time.monotonic() - began > _SECONDS:
                break
            time.sleep(0.03)
        self._page.wait_for_timeout(2500)
        self._picture(kind, "after")
        gaps = self._gaps(began_ns)
        return Outcome(kind, said, gaps, back - began if back else 0.0, self._book(), neighbour)

    def _say(self) -> str:
        status = self._page.evaluate("m => window.ofi.view(m)?.status", str(MARKET)) or {}
        return f"{status.get('state', '')}: {status.get('detail', '')}".strip(": ")

    def _gaps(self, since_ns: int) -> str:
        gaps = self._store.window(MARKET, "gap", since_ns, 2**62)
        told = {
            (bytes(g["reason"]).decode(), round((int(g["to_ns"]) - int(g["from_ns"])) / 1e9, 1))
            for g in gaps
        }
        return ", ".join(f"{reason} {length} s" for reason, length in sorted(told))

    def _book(self) -> bool:
        """Whether the best levels equal the engine's, exactly, while the market stands still."""
        self._post("speed", {"speed": 0})
        try:
            wait_for(self._equal, "equal books", 8)
        except AssertionError:
            return False
        finally:
            self._post("speed", {"speed": 1})
        return True

    def _equal(self) -> bool:
        ask = {"venue": "demo", "symbol": "BTC/USDT", "limit": _LEVELS}
        truth = httpx.get(f"{self._exchange}/demo/book", params=ask).json()
        ours = httpx.get(f"{self._base}/api/v1/book", params={"market": str(MARKET)}).json()
        return all(
            [[Decimal(v) for v in level] for level in ours[side][:_LEVELS]]
            == [[Decimal(v) for v in level] for level in truth[side][:_LEVELS]]
            for side in ("bids", "asks")
        )

    def _picture(self, kind: str, when: str) -> None:
        if self._out:
            self._page.screenshot(path=self._out / f"{kind}-{when}.png")

    def close(self) -> None:
        """Give the store back."""
        self._store.close()


def run(kinds: list[str], out: Path | None) -> list[Outcome]:
    """Play faults one after the other."""
    with tempfile.TemporaryDirectory() as folder, demo_exchange() as (environ, address):
        port, url = free_port(), f"sqlite:///{folder}"
        environ |= {"OFI_STORE__URL": url, "OFI_LOG__LEVEL": "error"}
        base = f"http://127.0.0.1:{port}"
        words = ("app.cli", "run", "--port", port, MARKET, NEIGHBOUR)
        with running(*words, environ=environ), chromium() as browser:
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.add_init_script("localStorage.setItem('ofi.tour', '1')")
            wait_for(lambda: _answers(base), "the server", 40)
            page.goto(f"{base}/?m={MARKET}&range=120")
            bench = Bench(f"http://127.0.0.1:{address['port']}", base, url, page, out)
            outcomes = []
            for kind in kinds:
                wait_for(bench.live, "live markets", 60)
                page.wait_for_timeout(3000)
                outcomes.append(bench.play(kind))
            bench.close()
            return outcomes


def _answers(base: str) -> bool:
    try:
        return httpx.get(f"{base}/readyz").status_code == 200
    except httpx.TransportError:
        return False


def main(arguments: list[str] | None = None) -> None:
    """Play and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="where pictures go; none are taken without it")
    parser.add_argument("kinds", nargs="*", metavar="KIND", default=list(KINDS))
    options = parser.parse_args(arguments)
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("GUNICORN_CMD_ARGS", "")
    outcomes = run(options.kinds, options.out)
    print(f"{'fault':14}{'live again':>11}  {'book':6}{'neighbour':11}gap; what the page said")
    for o in outcomes:
        back = f"{o.back_s:.1f} s" if o.back_s else "–"
        book, neighbour = "equal" if o.book else "WRONG", "live" if o.neighbour else "hit"
        print(f"{o.kind:14}{back:>11}  {book:6}{neighbour:11}{o.gaps or '–'}; {o.said or '–'}")


if __name__ == "__main__":
    main()
