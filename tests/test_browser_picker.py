"""What the market picker offers, for which words, and what Enter opens."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from app.market import Listing, MarketId
from tests.browser import LiveMarkets, watched
from tests.web_server import running_server

pytestmark = pytest.mark.browser

BTC = "binance:BTC/USDT"
OFFERED = {
    "binance": [Listing(MarketId.parse(BTC), "BTC", "USDT", "spot")],
    "kraken": [
        Listing(MarketId.parse(f"kraken:{pair}"), *pair.split("/"), "spot")
        for pair in ("KAITO/USD", "SOL/EUR")
    ],
}
OFFERS = "[role=group][aria-label^='Offered'] [role=option]"


@pytest.fixture(scope="module")
def offering(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server over one living market, where two venues offer three."""
    with (
        LiveMarkets(tmp_path_factory.mktemp("hot"), count=1, minutes=1) as living,
        running_server(Path(living.store.directory), workers=1) as base,
    ):
        for venue, listings in OFFERED.items():
            living.store.offer(venue, listings, 600.0)
        yield base


@pytest.fixture
def picker(browser: Browser, offering: str) -> Iterator[Page]:
    """A page on which the picker is open."""
    with watched(browser) as page:
        page.open(f"{offering}/?m={BTC}", BTC)
        page.page.locator(".watch-grid .ag-row").first.wait_for()
        page.page.keyboard.press("/")
        yield page.page


def test_enter_opens_what_is_offered_for_the_words_that_stand_there(picker: Page) -> None:
    """And waits for that: what was offered for former words is another market."""
    picker.keyboard.type("kr")
    expect(picker.locator(OFFERS)).to_have_count(2)
    held: list[Route] = []
    picker.route("**/api/v1/catalogue*", lambda route: held.append(route))
    picker.keyboard.type("aken sol/eur")
    expect(picker.locator("#picker [role=option]")).to_have_count(0)
    expect(picker.locator("#picker .picker-list .hint")).to_have_text(
        "The venues' markets are being searched."
    )
    with picker.expect_request("**/api/v1/catalogue*"):
        picker.keyboard.press("Enter")
    assert picker.evaluate("() => document.querySelector('.stack').dataset.market") == BTC
    expect(picker.locator("#picker")).to_be_visible()
    for one in held:
        one.continue_()
    expect(picker.locator(".stack")).to_have_attribute("data-market", "kraken:SOL/EUR")
    expect(picker.locator("#picker")).to_be_hidden()


def test_without_an_answer_nothing_of_a_former_one_is_offered(picker: Page) -> None:
    picker.keyboard.type("kr")
    expect(picker.locator(OFFERS)).to_have_count(2)
    picker.route("**/api/v1/catalogue*", lambda route: route.abort())
    picker.keyboard.type("aken kai")
    expect(picker.locator("#picker [role=status]")).to_contain_text("cannot be searched just now")
    expect(picker.locator("#picker [role=option]")).to_have_count(0)
    picker.keyboard.press("Enter")
    expect(picker.locator("#picker")).to_be_visible()
    expect(picker.locator(".stack")).to_have_attribute("data-market", BTC)


def test_a_stored_market_that_the_catalogue_finds_stands_in_the_watch_list(picker: Page) -> None:
    picker.keyboard.type("btcusdt")
    expect(picker.locator("#picker [role=option]")).to_have_count(1)
    group = picker.get_by_role("group", name="Watch list")
    expect(group.get_by_role("option")).to_have_attribute("data-market", BTC)
    told, mid = group.locator(".num").first, picker.locator("[data-f=mid]").first
    decimals = len(mid.inner_text().partition(".")[2])
    expect(told).to_have_text(re.compile(rf"^[\d,]+\.\d{{{decimals}}}$"))
    expect(picker.locator(OFFERS)).to_have_count(0)
