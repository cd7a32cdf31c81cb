"""Micro-price, VPIN, moves explained and the decomposition on the page: the numbers of the server."""

import re

import httpx
import pytest
from playwright.sync_api import Browser, expect

from app.clock import NS_PER_MS, NS_PER_S
from tests.browser import Watched, pixels, watched

pytestmark = pytest.mark.browser

BTC = "binance:BTC/USDT"
PARTS = ("bids_added", "asks_pulled", "bought", "asks_added", "bids_pulled", "sold")
# What the page says and what it says it of, in one go: between two calls it moves on.
SHOWN = """market => {
  const view = window.ofi.view(market), words = (name) =>
    document.querySelector(`[data-f="${name}"]`).textContent;
  const names = ["weighted", "weighted-label", "weighted-sub", "vpin", "vpin-sub", "explained",
    "explained-sub", "cross-flow", "legend-ofi", "trust-verdict", "trust-text"];
  return { tiles: view.tiles, parts: view.decomposition, told: view.told,
    words: Object.fromEntries(names.map((name) => [name, words(name)])) };
}"""


@pytest.fixture(scope="module")
def url(whole_url: str) -> str:
    return whole_url


def plain(text: str) -> str:
    return text.replace("\u00a0", " ").replace("\u2212", "-")


def number(text: str) -> float:
    return float(re.sub(r"[^\d.\-]", "", plain(text)))


def test_the_tiles_show_what_the_server_sent(browser: Browser, url: str) -> None:
    with watched(browser) as page:
        page.open(f"{url}/?m={BTC}&range=300", BTC)
        page.until("""market => {
          const tiles = window.ofi.view(market).told;
          return tiles && tiles.explained !== null && tiles.vpin !== null;
        }""", BTC)  # fmt: skip
        shown = page.page.evaluate(SHOWN, BTC)
        # A frame may have come since.
        tiles, words = shown["told"], shown["words"]
        assert number(words["weighted"]) == pytest.approx(tiles["micro_price"], abs=0.0005 + 1e-9)
        assert words["weighted-label"] == "Micro-price"
        assert number(words["vpin"]) == pytest.approx(tiles["vpin"], abs=0.005 + 1e-9)
        assert number(words["explained"]) == pytest.approx(100 * tiles["explained"], abs=0.5 + 1e-9)
        assert words["vpin-sub"] == "no percentile yet"
        assert plain(words["explained-sub"]).endswith(f"n = {tiles['explained_n']}")
        assert words["legend-ofi"] == "integrated, 10 levels"
        # A fit of the same bins says nothing of a forecast, neither that it is one nor that it is none.
        assert words["trust-verdict"] in (
            "Explains little of the price.",
            "Explains part of the price.",
        )
        assert not re.search("predict|forecast", words["trust-text"], re.IGNORECASE)
        assert plain(words["cross-flow"]).endswith(("matched", "no trades"))
        assert len(set(pixels(page.page, ".row-flow .cross").split(","))) > 2
        assert "bids added" in page.page.locator(".row-flow .cross").get_attribute("aria-label")
        assert page.complaints == []


def test_the_decomposition_on_the_page_equals_the_api(browser: Browser, url: str) -> None:
    with watched(browser) as page:
        page.open(f"{url}/?m={BTC}&window=10", BTC)
        page.until("market => window.ofi.view(market).decomposition !== null", BTC)
        shown = page.page.evaluate(SHOWN, BTC)
        end = round(shown["tiles"]["t"] * NS_PER_MS)
        query = {"market": BTC, "start": str(end - 10 * NS_PER_S), "end": str(end), "levels": "0"}
        value = httpx.get(f"{url}/api/v1/features", params=query, timeout=60).json()
        rows = [dict(zip(value["columns"], row, strict=True)) for row in value["rows"]]
        names = ("limit_bid", "cancel_ask", "market_buy", "limit_ask", "cancel_bid", "market_sell")
        for part, name in zip(PARTS, names, strict=True):
            total = sum(row[name] for row in rows)
            assert shown["parts"][part] == pytest.approx(total, abs=1e-9), part
        up, down = (sum(shown["parts"][p] for p in side) for side in (PARTS[:3], PARTS[3:]))
        assert up - down == pytest.approx(shown["tiles"]["ofi"], abs=1e-9)


def test_a_tile_leads_to_the_definition_of_its_figure(page: Watched, url: str) -> None:
    page.open(f"{url}/?m={BTC}", BTC)
    tiles = page.page.locator(".mkt")
    expect(tiles.get_by_role("link")).to_have_count(8)  # of nine: there is no room for one
    for name in (
        "Spread",
        "OFI, 10 s",
        "Queue imbalance",
        "Depth, 10 bps",
        "VPIN",
    ):
        expect(tiles.get_by_role("link", name=name, exact=True)).to_be_visible()
    micro = tiles.get_by_role("link", name="Micro-price")
    expect(micro).to_be_visible()
    # By keyboard from its name; by pointer from anywhere in the tile.
    tiles.get_by_role("link", name="Spread").focus()
    page.page.keyboard.press("Tab")
    expect(micro).to_be_focused()
    with page.page.context.expect_page() as opened:
        page.page.keyboard.press("Enter")
    expect(opened.value).to_have_url(re.compile(r"/docs/metrics[^#]*#micro-price$"))
    expect(opened.value.locator("#micro-price")).to_be_in_viewport()
    opened.value.close()
    with page.page.context.expect_page() as opened:
        page.page.locator(".tile-queue .v").click(force=True)  # the link lies over it
    expect(opened.value).to_have_url(re.compile("#queue-imbalance$"))
    opened.value.close()
    assert page.complaints == []
