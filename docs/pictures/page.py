"""Takes the pictures of the page from the living demo: `python docs/pictures/page.py OUT [--minutes 12]`.

Every tab in both themes and at three widths, every panel by itself, and every state: those of the feed by
a fault on command, those of the page by what happens to a browser. The demo runs first for `--minutes`, so
that scores, fits and markouts have something to say. Pictures are named `tab-flow-dark-laptop.png`,
`panel-flow-book-light.png`, `state-stale-dark.png`.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import httpx
from playwright.sync_api import Browser, Page

from app.cli import DEMO_MARKETS
from app.supervisor import free_port
from components.panes import PANES
from tests.browser import DRAWN, chromium
from tests.processes import demo_exchange, running, wait_for

THEMES = ("dark", "light")
WIDTHS = {"phone": (390, 844), "laptop": (1440, 900), "wide": (2560, 1440)}
MAIN, OTHER = DEMO_MARKETS[0], DEMO_MARKETS[1]
_SYMBOL = "BTCUSDT"
_STATE = "([m, s]) => document.querySelector(`.stack[data-market='${m}']`)?.dataset.state === s"
# state of the feed → what is ordered of the exchange, one after the other
_FEED_STATES: dict[str, list[dict[str, Any]]] = {
    "resyncing": [{"kind": "slow_snapshot", "seconds": 8}, {"kind": "drop"}],
    "throttled": [{"kind": "429", "seconds": 12, "count": 9}, {"kind": "drop"}],
    "stale": [{"kind": "stall", "seconds": 25}],
    "down": [{"kind": "refuse", "seconds": 15}, {"kind": "disconnect"}],
}


class Studio:
    """The demo, a browser, and where pictures go."""

    def __init__(self, browser: Browser, base: str, exchange: str, out: Path):
        self._browser, self._base, self._exchange, self._out = browser, base, exchange, out

    @contextmanager
    def page(self, width: str = "laptop", **query: Any) -> Iterator[Page]:
        """A page on the demo's first market, or on four where it is wide, when it has drawn."""
        size = WIDTHS[width]
        touch = {"has_touch": True, "is_mobile": True} if width == "phone" else {}
        context = self._browser.new_context(
            viewport={"width": size[0], "height": size[1]}, device_scale_factor=1, **touch
        )
        page = context.new_page()
        # What a first visit is shown has a picture of its own.
        page.add_init_script("localStorage.setItem('ofi.tour', '1')")
        markets = DEMO_MARKETS[:4] if width == "wide" else (MAIN,)
        words = [f"m={market}" for market in markets]
        words += [f"{name}={value}" for name, value in ({"range": 600} | query).items()]
        page.goto(f"{self._base}/?{'&'.join(words)}")
        try:
            yield page
        finally:
            context.close()

    def drawn(self, page: Page) -> None:
        """Wait for a drawing with everything that comes once in a while."""
        page.wait_for_function(DRAWN, arg=MAIN)
        page.wait_for_timeout(4000)

    def keep(self, page: Page, name: str) -> None:
        """Take the whole window."""
        page.mouse.move(0, 0)
        page.screenshot(path=self._out / f"{name}.png")
        print(name, flush=True)

    def tabs(self) -> None:
        """Every tab, theme and width; on the laptop every panel too."""
        for tab in PANES:
            for theme in THEMES:
                for width in WIDTHS:
                    with self.page(width, tab=tab, theme=theme) as page:
                        self.drawn(page)
                        self.keep(page, f"tab-{tab}-{theme}-{width}")
                        if width == "laptop":
                            self.panels(page, tab, theme)

    def panels(self, page: Page, tab: str, theme: str) -> None:
        """Every panel that is shown."""
        for panel in page.query_selector_all(f".tabpane[data-tab={tab}] .panel[data-panel]"):
            if panel.is_visible():
                name = panel.get_attribute("data-panel")
                panel.screenshot(path=self._out / f"panel-{tab}-{name}-{theme}.png")

    def order(self, fault: dict[str, Any]) -> None:
        """Let something go wrong at the exchange."""
        body = {"venue": "demo", "symbol": _SYMBOL, **fault}
        httpx.post(f"{self._exchange}/demo/fault", json=body).raise_for_status()

    def live(self) -> bool:
        """Whether the market is live."""
        markets = httpx.get(f"{self._base}/api/v1/markets").json()["markets"]
        return any(m["market"] == MAIN and m["state"] == "live" for m in markets)

    def feed_states(self) -> None:
        """What a fault of the venue looks like while it lasts, and the gap that it leaves."""
        for state, orders in _FEED_STATES.items():
            for theme in THEMES:
                wait_for(self.live, "a live market", 90)
                with self.page(theme=theme, range=120) as page:
                    self.drawn(page)
                    for order in orders:
                        self.order(order)
                    page.wait_for_function(_STATE, arg=[MAIN, state], timeout=60_000)
                    page.wait_for_timeout(1500)
                    self.keep(page, f"state-{state}-{theme}")
        wait_for(self.live, "a live market", 90)
        for theme in THEMES:
            with self.page(theme=theme, range=300) as page:
                self.drawn(page)
                self.keep(page, f"state-gap-{theme}")

    def page_states(self) -> None:
        """What happens to a page."""
        plays: dict[str, Callable[[Page], object]] = {
            "frozen": lambda page: page.keyboard.press("Space"),
            "reconnecting": lambda page: page.context.set_offline(True),
            "help": lambda page: page.keyboard.press("?"),
        }
        for theme in THEMES:
            for name, play in plays.items():
                with self.page(theme=theme) as page:
                    self.drawn(page)
                    play(page)
                    page.wait_for_timeout(2500)
                    self.keep(page, f"state-{name}-{theme}")
            context = self._browser.new_context(viewport={"width": 1440, "height": 900})
            page = context.new_page()
            page.goto(f"{self._base}/?m={MAIN}&theme={theme}")
            self.drawn(page)
            self.keep(page, f"state-first-visit-{theme}")
            context.close()


def beginning(studio: Studio) -> None:
    """The first seconds of a market, and the minutes before it has a score."""
    for theme in THEMES:
        with studio.page(theme=theme, range=60) as page:
            page.wait_for_selector(".stack[data-state]")
            page.wait_for_timeout(1500)
            studio.keep(page, f"state-starting-{theme}")
    for theme in THEMES:
        with studio.page(theme=theme, range=60) as page:
            studio.drawn(page)
            studio.keep(page, f"state-learning-{theme}")


def shoot(out: Path, minutes: float) -> None:
    """Everything, into a directory."""
    out.mkdir(parents=True, exist_ok=True)
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder, demo_exchange() as (environ, address):
        environ |= {"OFI_LOG__LEVEL": "error", "OFI_STORE__URL": f"sqlite:///{folder}"}
        words = ("app.cli", "run", "--port", port, *DEMO_MARKETS)
        with running(*words, environ=environ), chromium() as browser:
            wait_for(lambda: _answers(base), "the server", 60)
            studio = Studio(browser, base, f"http://127.0.0.1:{address['port']}", out)
            beginning(studio)
            waiting = browser.new_page()
            waiting.wait_for_timeout(minutes * 60_000)
            waiting.close()
            studio.tabs()
            studio.page_states()
            studio.feed_states()


def _answers(base: str) -> bool:
    try:
        return httpx.get(f"{base}/healthz").status_code == 200
    except httpx.TransportError:
        return False


def main() -> None:
    """Read the command line and take them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="directory for the pictures")
    parser.add_argument("--minutes", type=float, default=12.0, help="how long the demo runs before")
    options = parser.parse_args()
    os.environ.setdefault("GUNICORN_CMD_ARGS", "")
    shoot(options.out, min(options.minutes, 60.0))


if __name__ == "__main__":
    main()
