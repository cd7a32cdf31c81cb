"""The rows of Trades & liquidity, arranged by hand, in the dialog and by the address."""

from itertools import pairwise

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import Watched, watched
from tests.browser_ways import dragged, turned

pytestmark = pytest.mark.browser

BTC, ETH = "binance:BTC/USDT", "kraken:ETH/USD"
# The rows of a holder that are seen, from top to bottom; a picture is there of each.
ROWS = """holder => [...document.querySelector(holder).querySelectorAll(':scope > [data-row]')]
  .filter(one => one.offsetHeight > 40 && one.querySelector('canvas').height > 10)
  .sort((a, b) => a.offsetTop - b.offsetTop).map(one => one.dataset.row).join()"""
USUAL = "price,cvd,made,queue,spread,bands"


def rows(page: Watched, want: str, holder: str = ".trows") -> None:
    page.until(f"([holder, want]) => ({ROWS})(holder) === want", [holder, want])


def test_rows_of_trades_are_moved_and_stretched_by_hand(page: Watched, url: str) -> None:
    page.page.set_viewport_size({"width": 1440, "height": 1100})
    page.open(f"{url}/?m={BTC}&tab=trades", BTC)
    rows(page, USUAL)
    title = page.page.locator(".panel-spread .plot-head h3").bounding_box()
    target = page.page.locator(".panel-cvd").bounding_box()
    assert title
    assert target
    dragged(page, (title["x"] + 10, title["y"] + 6), (title["x"] + 70, target["y"] + 4), 6)
    rows(page, "price,spread,cvd,made,queue,bands")
    assert page.view(BTC)["user"]["time"] is None  # a title is no handle on time
    before = page.page.locator(".panel-cvd").evaluate("one => one.offsetHeight")
    edge = page.page.locator(".panel-cvd .edge").bounding_box()
    assert edge
    dragged(page, (edge["x"] + 200, edge["y"] + 3), (edge["x"] + 260, edge["y"] + 51), 4)
    page.until("n => document.querySelector('.panel-cvd').offsetHeight >= n + 40", before)
    page.page.locator(".panel-cvd .edge").focus()
    page.page.keyboard.press("ArrowUp")
    page.until("n => document.querySelector('.panel-cvd').offsetHeight < n + 40", before)
    assert page.view(BTC)["user"]["time"] is None
    assert page.complaints == []


@pytest.mark.parametrize(("tab", "holder"), [("trades", ".trows"), ("flow", ".rows")])
def test_rows_give_way_together_in_a_low_window(
    page: Watched, url: str, tab: str, holder: str
) -> None:
    page.page.set_viewport_size({"width": 1366, "height": 768})
    layout = "book-ofi.8-levels.8-flow.4-price-cvd.8-made.6-queue.5-spread.4-bands.6"
    page.open(f"{url}/?m={BTC}&tab={tab}&layout={layout}", BTC)
    rows(page, USUAL if tab == "trades" else "book,ofi,levels,flow", holder)
    bottoms = page.page.evaluate(
        """holder => [...document.querySelectorAll(`${holder} > .panel, .foot`)]
          .map(one => one.getBoundingClientRect()).map(box => [box.top, box.bottom])""",
        holder,
    )
    *panels, foot = bottoms
    assert all(one[1] <= after[0] for one, after in pairwise([*panels, foot]))
    assert all(bottom - top >= 72 for top, bottom in panels)


def test_each_tab_keeps_its_rows(page: Watched, url: str) -> None:
    page.open(f"{url}/?m={BTC}&tab=trades", BTC)
    page.page.keyboard.press("l")
    expect(page.page.locator("#rows-title")).to_have_text("Panels of Trades & liquidity")
    page.page.get_by_role("button", name="Show Spread").click()
    page.page.get_by_role("button", name="Up: CVD and taker flow").click()
    rows(page, "cvd,price,made,queue,bands")
    page.page.keyboard.press("Escape")
    turned(page, "flow")
    rows(page, "book,ofi,levels,flow", ".rows")
    page.page.keyboard.press("l")
    expect(page.page.locator("#rows-title")).to_have_text("Panels of Book & flow")
    page.page.get_by_role("button", name="Show OFI by level").click()
    rows(page, "book,ofi,flow", ".rows")
    page.page.keyboard.press("Escape")
    turned(page, "trades")
    rows(page, "cvd,price,made,queue,bands")
    link = page.address()
    page.page.goto(link)
    rows(page, "cvd,price,made,queue,bands")
    turned(page, "flow")
    rows(page, "book,ofi,flow", ".rows")
    page.page.keyboard.press("l")
    page.page.get_by_role("button", name="Desk").click()
    rows(page, "book,ofi,levels,flow", ".rows")
    page.page.keyboard.press("Escape")
    turned(page, "trades")
    rows(page, USUAL)
    assert page.complaints == []


def test_a_row_that_a_narrow_stack_lacks_is_there_where_it_is_named(
    browser: Browser, url: str
) -> None:
    with watched(browser, 1920, 1080) as page:
        page.open(f"{url}/?m={BTC}&m={ETH}&tab=trades", BTC, ETH)
        rows(page, "price,cvd,made,queue,bands")
        page.page.locator(".panel-queue .edge").first.focus()
        page.page.keyboard.press("ArrowDown")
        rows(page, "price,cvd,made,queue,bands")
        page.page.keyboard.press("l")
        page.page.get_by_role("button", name="Show Spread").click()
        rows(page, "price,cvd,made,queue,bands,spread")
        assert page.complaints == []
