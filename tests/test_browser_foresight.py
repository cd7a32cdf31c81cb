"""The page has made ready what the user is about to open."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, WebSocket

from tests.browser import Watched, watched

pytestmark = pytest.mark.browser

BTC, ETH = "binance:BTC/USDT", "kraken:ETH/USD"
ROW = ".watch-grid .ag-center-cols-container .ag-row[row-id='{}']"


class Wired:
    """A page on one market, and what it says to the server."""

    def __init__(self, page: Watched, url: str, more: str = ""):
        self.page, self.said = page, list[dict[str, Any]]()
        with page.page.expect_websocket(lambda one: "/live" in one.url) as opened:
            page.open(f"{url}/?m={BTC}{more}", BTC)
        self.socket: WebSocket = opened.value
        self.socket.on("framesent", lambda text: self.said.append(json.loads(text)))
        page.page.locator(ROW.format(ETH)).wait_for()

    def point(self, market: str) -> None:
        """Rest with the pointer on a row of the watch list."""
        self.page.page.locator(ROW.format(market)).hover()

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The messages of a type, but for what names it and its view."""
        return [
            {name: value for name, value in one.items() if name not in ("type", "id")}
            for one in self.said
            if one["type"] == kind
        ]


@pytest.fixture
def wired(browser: Browser, url: str) -> Iterator[Wired]:
    with watched(browser) as page:
        yield Wired(page, url)
        assert page.complaints == []


def _prepares(text: str) -> bool:
    return json.loads(text)["type"] == "prepare"


def test_a_row_that_is_pointed_at_is_prepared_as_it_is_opened(wired: Wired) -> None:
    wired.point(BTC)  # in view already
    with wired.socket.expect_event("framesent", _prepares):
        wired.point(ETH)
    wired.page.page.locator(ROW.format(ETH)).click()
    wired.page.until("m => window.ofi.view(m)?.drawn.tiles", ETH)
    assert [one["market"] for one in wired.of("prepare")] == [ETH]
    assert wired.of("view") == wired.of("prepare")


def test_what_the_picker_marks_is_prepared_too(wired: Wired) -> None:
    keyboard = wired.page.page.keyboard
    keyboard.press("/")
    wired.page.until("() => document.querySelectorAll('#picker-list [role=option]').length > 1")
    with wired.socket.expect_event("framesent", _prepares):
        keyboard.press("ArrowDown")
    keyboard.press("Enter")
    wired.page.until("m => window.ofi.view(m)?.drawn.tiles", ETH)
    assert wired.of("view") == wired.of("prepare")


def test_beside_other_markets_nothing_is_prepared(browser: Browser, url: str) -> None:
    """It would be opened alone, and in another size."""
    with watched(browser) as page:
        one = Wired(page, url, f"&m={ETH}")
        page.page.clock.install()
        one.point(ETH)
        page.page.clock.run_for(1000)
        assert one.of("prepare") == []
