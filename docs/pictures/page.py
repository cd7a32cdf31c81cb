"""Takes the pictures of the page from the living demo: `python docs/pictures/page.py OUT [--minutes 12]`.

Every tab, every panel by itself, and every state, in both themes and at three widths: states of the feed by
a fault on command, those of the page by what happens to a browser; a venue without trades is made up, the
demo has none. The demo runs first for `--minutes`, so that scores, fits and markouts have something to say;
the pictures take about twenty minutes more. They are named `tab-flow-dark-laptop.png`,
`panel-flow-book-light-phone.png`, `state-stale-dark-wide.png`; `index.html` shows them all, those of
`--target`, a folder of drawn pictures, beside what they are the target of.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import httpx
from playwright.sync_api import Browser, Page

from app.cli import DEMO_MARKETS
from app.supervisor import free_port
from components.panes import PANES
from docs.pictures.sheet import write_sheet
from tests.browser import DRAWN, HIDDEN, SLEEP, LiveMarkets, chromium, kill_workers
from tests.processes import demo_exchange, running, wait_for
from tests.web_server import running_server

THEMES = ("dark", "light")
WIDTHS = {"phone": (390, 844), "laptop": (1440, 900), "wide": (2560, 1440)}
MAIN, OTHER = DEMO_MARKETS[0], DEMO_MARKETS[1]
WAIT_MS = 90_000
REST_MS = 3000  # until everything has been drawn that is due once in a while
TURN_MS = 1200  # until a change is drawn, words included
THEME = """theme => {
  if (document.documentElement.dataset.mantineColorScheme !== theme) document.getElementById('theme').click();
}"""
WORKED_OUT = """() => ![...document.querySelectorAll('.panel-empty:not([hidden]) h4')]
  .some(one => one.textContent === 'Being worked out')"""
_SYMBOL = "BTCUSDT"
_STATE = "([m, s]) => document.querySelector(`.stack[data-market='${m}']`)?.dataset.state === s"
# state of the feed → what is ordered of the exchange, one after the other
_FEED_STATES: dict[str, list[dict[str, Any]]] = {
    "resyncing": [{"kind": "slow_snapshot", "seconds": 25}, {"kind": "drop"}],
    "throttled": [{"kind": "429", "seconds": 40, "count": 2}, {"kind": "drop"}],
    "stale": [{"kind": "stall", "seconds": 45}],
    "down": [{"kind": "refuse", "seconds": 45, "count": 9}, {"kind": "disconnect"}],
}


def lose_network(page: Page) -> None:
    """Nothing comes any more, and nobody says so."""
    page.context.set_offline(True)
    page.wait_for_function(_STATE, arg=[MAIN, "lost"])


class Studio:
    """The demo, a browser, and where pictures go."""

    def __init__(self, browser: Browser, base: str, exchange: str, out: Path):
        self._browser, self._base, self._exchange, self._out = browser, base, exchange, out

    @contextmanager
    def page(
        self,
        width: str = "laptop",
        markets: Sequence[str] = (),
        base: str = "",
        first_visit: bool = False,
        **query: Any,
    ) -> Iterator[Page]:
        """A page on the demo's first market, or on four where it is wide."""
        size = WIDTHS[width]
        touch = {"has_touch": True, "is_mobile": True} if width == "phone" else {}
        context = self._browser.new_context(
            viewport={"width": size[0], "height": size[1]}, device_scale_factor=1, **touch
        )
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        if not first_visit:
            page.add_init_script("localStorage.setItem('ofi.tour', '1')")
        shown = markets or (DEMO_MARKETS[:4] if width == "wide" else (MAIN,))
        words = [f"m={market}" for market in shown]
        words += [f"{name}={value}" for name, value in ({"range": 600} | query).items()]
        page.goto(f"{base or self._base}/?{'&'.join(words)}")
        try:
            yield page
        finally:
            context.close()

    def drawn(self, page: Page, market: str = MAIN) -> None:
        """Wait for a drawing with everything that comes once in a while."""
        page.wait_for_function(DRAWN, arg=market)
        page.wait_for_function(WORKED_OUT)
        page.wait_for_timeout(REST_MS)

    def keep_all(self, page: Page, name: str) -> None:
        """Take what may pass at every width, in both themes."""
        for width, (wide, high) in WIDTHS.items():
            page.set_viewport_size({"width": wide, "height": high})
            self.keep(page, f"{name}-{{theme}}-{width}")

    def keep(self, page: Page, name: str) -> None:
        """Take the whole window in one theme and then in the other."""
        for theme in THEMES:
            page.evaluate(THEME, theme)
            page.wait_for_function(
                "theme => document.documentElement.dataset.mantineColorScheme === theme", arg=theme
            )
            page.wait_for_timeout(TURN_MS)
            page.screenshot(path=self._out / f"{name.format(theme=theme)}.png")
        print(name, flush=True)

    def tabs(self) -> None:
        """Every tab and its panels, theme and width; on the laptop two markets side by side, too."""
        for tab in PANES:
            for width in WIDTHS:
                with self.page(width, tab=tab) as page:
                    self.drawn(page)
                    self.keep(page, f"tab-{tab}-{{theme}}-{width}")
                    self.panels(page, tab, width)
            with self.page(markets=DEMO_MARKETS[:2], tab=tab) as page:
                self.drawn(page)
                self.keep(page, f"tab-{tab}-{{theme}}-two")

    def panels(self, page: Page, tab: str, width: str) -> None:
        """Every panel of the first market that is shown."""
        stack = page.locator(".stack").first
        for theme in THEMES:
            page.evaluate(THEME, theme)
            page.wait_for_timeout(TURN_MS)
            for panel in stack.locator(f".tabpane[data-tab={tab}] .panel[data-panel]").all():
                if panel.is_visible():
                    name = panel.get_attribute("data-panel")
                    panel.screenshot(path=self._out / f"panel-{tab}-{name}-{theme}-{width}.png")

    def order(self, fault: dict[str, Any]) -> None:
        """Let something go wrong at the exchange."""
        body = {"venue": "demo", "symbol": _SYMBOL, **fault}
        httpx.post(f"{self._exchange}/demo/fault", json=body, timeout=30).raise_for_status()

    def live(self) -> bool:
        """Whether the market is live."""
        markets = httpx.get(f"{self._base}/api/v1/markets", timeout=30).json()["markets"]
        return any(m["market"] == MAIN and m["state"] == "live" for m in markets)

    def feed_states(self) -> None:
        """What a fault of the venue looks like while it lasts, and the gap that it leaves."""
        for state, orders in _FEED_STATES.items():
            wait_for(self.live, "a live market", 240)
            with self.page(range=120) as page:
                self.drawn(page)
                for order in orders:
                    self.order(order)
                page.wait_for_function(_STATE, arg=[MAIN, state])
                self.keep_all(page, f"state-{state}")
        wait_for(self.live, "a live market", 240)
        with self.page(range=300) as page:
            self.drawn(page)
            self.keep_all(page, "state-gap")

    def page_states(self, supervisor: int) -> None:
        """What happens to a page."""
        plays: dict[str, Callable[[Page], object]] = {
            "frozen": lambda page: page.keyboard.press("Space"),
            "reconnecting": lose_network,
            "restarted": lambda page: kill_workers(supervisor),
            "hidden": lambda page: page.evaluate(HIDDEN, 3 * 3600_000),
            "slept": lambda page: page.evaluate(SLEEP, 12 * 60_000),
        }
        for name, play in plays.items():
            with self.page() as page:
                self.drawn(page)
                play(page)
                if name == "restarted":
                    page.locator("#notice").wait_for(timeout=90_000)
                self.keep_all(page, f"state-{name}")

    def opened(self) -> None:
        """What a page opens; anew at each width, for some of it closes when the window changes."""
        plays: dict[str, Callable[[Page], object]] = {
            "help": lambda page: page.keyboard.press("?"),
            "picker": lambda page: (page.keyboard.press("/"), page.keyboard.type("btc")),
            "layouts": lambda page: page.keyboard.press("l"),
            "menu": lambda page: page.locator("[data-panel=book] .panel-menu").first.click(),
        }
        for width in WIDTHS:
            for name, play in plays.items():
                with self.page(width) as page:
                    self.drawn(page)
                    play(page)
                    page.wait_for_timeout(TURN_MS)
                    self.keep(page, f"state-{name}-{{theme}}-{width}")
            with self.page(width, first_visit=True) as page:
                self.drawn(page)
                self.keep(page, f"state-first-visit-{{theme}}-{width}")
        for name, button in {"drawer": "#bottom-markets", "sheet": "#more"}.items():
            with self.page("phone") as page:
                self.drawn(page)
                page.locator(button).tap()
                self.keep(page, f"state-{name}-{{theme}}-phone")

    def without_trades(self) -> None:
        """A venue that sends none; the demo's all do, so this one is made up."""
        with (
            tempfile.TemporaryDirectory() as folder,
            LiveMarkets(Path(folder), count=1, minutes=12, outage=False, prints=False) as made,
            running_server(Path(folder), workers=1) as base,
        ):
            market = made.names[0]
            for tab in ("flow", "trades", "evidence"):
                with self.page(markets=(market,), base=base, tab=tab) as page:
                    self.drawn(page, market)
                    self.keep_all(page, f"state-no-trades-{tab}")


def beginning(studio: Studio) -> None:
    """The first seconds of a market, and the minutes before it has a score; a market that nobody collects."""
    with studio.page(range=60) as page:
        page.wait_for_selector(".stack[data-state]")
        page.wait_for_timeout(TURN_MS)
        studio.keep_all(page, "state-starting")
    with studio.page(markets=("nowhere:ABC/USD",)) as page:
        page.wait_for_selector(".empty .steps li")
        studio.keep(page, "state-asked-{theme}-laptop")
        page.wait_for_selector(".stack[data-state=error]")
        studio.keep_all(page, "state-refused")
    with studio.page(range=60) as page:
        studio.drawn(page)
        studio.keep_all(page, "state-learning")


def shoot(out: Path, minutes: float, target: Path | None) -> None:
    """Everything, into a directory."""
    out.mkdir(parents=True, exist_ok=True)
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder, demo_exchange() as (environ, address):
        environ |= {"OFI_LOG__LEVEL": "error", "OFI_STORE__URL": f"sqlite:///{folder}"}
        words = ("app.cli", "run", "--port", port, *DEMO_MARKETS)
        with running(*words, environ=environ) as process, chromium() as browser:
            wait_for(lambda: _answers(base), "the server", 60)
            studio = Studio(browser, base, f"http://127.0.0.1:{address['port']}", out)
            beginning(studio)
            waiting = browser.new_page()
            waiting.wait_for_timeout(minutes * 60_000)
            waiting.close()
            studio.tabs()
            studio.opened()
            studio.page_states(process.pid)
            studio.feed_states()
            studio.without_trades()
    write_sheet(out, target)


def _answers(base: str) -> bool:
    try:
        return httpx.get(f"{base}/healthz").status_code == 200
    except httpx.TransportError:
        return False


def main() -> None:
    """Read the command line and take them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="directory for the pictures")
    parser.add_argument("--minutes", type=float, default=10.0, help="how long the demo runs before")
    parser.add_argument("--target", type=Path, help="folder of drawn pictures, shown beside ours")
    options = parser.parse_args()
    os.environ.setdefault("GUNICORN_CMD_ARGS", "")
    shoot(options.out, min(options.minutes, 60.0), options.target)


if __name__ == "__main__":
    main()
