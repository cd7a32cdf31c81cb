"""Panels arranged by hand, in the dialog and by the address: rows below one another, tiles beside."""

from itertools import pairwise

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import Watched, watched
from tests.browser_places import OUTSIDE, OVERLAPS
from tests.browser_ways import dragged, resized, turned

pytestmark = pytest.mark.browser

BTC, ETH = "binance:BTC/USDT", "kraken:ETH/USD"
# The rows of a holder that are seen, from top to bottom; a picture is there of each.
ROWS = """holder => [...document.querySelector(holder).querySelectorAll(':scope > [data-row]')]
  .filter(one => one.offsetHeight > 40 && one.querySelector('canvas').height > 10)
  .sort((a, b) => a.offsetTop - b.offsetTop).map(one => one.dataset.row).join()"""
USUAL = "price,cvd,made,queue,spread,bands"
# The tiles of a stack as they are read: from the left, line by line.
TILES = """() => [...document.querySelector('.evidence').querySelectorAll(':scope > [data-row]')]
  .filter(one => one.offsetHeight > 40)
  .sort((a, b) => a.offsetTop - b.offsetTop || a.offsetLeft - b.offsetLeft)
  .map(one => one.dataset.row).join()"""
TILED = "verdict,impact,prediction,flows,vpin,horizons,markouts,adverse"


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


def tiles(page: Watched, want: str) -> None:
    page.until(f"want => ({TILES})() === want", want)
    assert page.page.evaluate(OUTSIDE) == []
    assert page.page.evaluate(OVERLAPS) == []


def test_tiles_of_verification_are_moved_by_hand(page: Watched, url: str) -> None:
    page.open(f"{url}/?m={BTC}&tab=evidence", BTC)
    tiles(page, TILED)
    assert page.page.locator(".evidence .edge").count() == 0  # they have no height of their own
    title = page.page.locator(".panel-markouts .plot-head h3").bounding_box()
    verdict = page.page.locator(".panel-verdict").bounding_box()
    assert title
    assert verdict
    start = title["x"] + 10, title["y"] + 6
    dragged(page, start, (verdict["x"] + 30, verdict["y"] + 200), 6)
    tiles(page, "markouts,verdict,impact,prediction,flows,horizons,vpin,adverse")
    assert "layout=markouts-verdict-impact-prediction-flows-vpin-horizons-adverse" in page.address()
    title = page.page.locator(".panel-markouts .plot-head h3").bounding_box()
    last = page.page.locator(".panel-adverse").bounding_box()
    assert title
    assert last
    start = title["x"] + 10, title["y"] + 6
    # Right of the middle of the last: after it.
    dragged(page, start, (last["x"] + last["width"] - 9, last["y"] + 40), 6)
    tiles(page, "verdict,impact,prediction,flows,vpin,horizons,adverse,markouts")
    drawn = "() => document.querySelector('.panel-markouts canvas').height > 100"
    assert page.page.evaluate(drawn)
    assert page.complaints == []


def test_tiles_are_put_away_in_the_dialog_and_come_back(page: Watched, url: str) -> None:
    page.open(f"{url}/?m={BTC}&tab=evidence", BTC)
    page.page.keyboard.press("l")
    expect(page.page.locator("#rows-title")).to_have_text("Panels of Verification & toxicity")
    assert page.page.get_by_role("button", name="Taller: Impact").count() == 0
    for name in ("Markouts", "Prediction in figures", "Adverse selection"):
        page.page.get_by_role("button", name=f"Show {name}", exact=True).click()
    page.page.get_by_role("button", name="Earlier: Impact").click()
    tiles(page, "impact,verdict,prediction,flows,vpin")
    page.page.get_by_role("button", name="Show Markouts").click()
    page.page.keyboard.press("Escape")
    tiles(page, "impact,verdict,prediction,flows,vpin,markouts")
    page.page.goto(page.address())
    tiles(page, "impact,verdict,prediction,flows,vpin,markouts")
    for width in (2560, 390):
        resized(page, width, 900)
        tiles(page, "impact,verdict,prediction,flows,vpin,markouts")
    resized(page, 1024, 900)  # what is narrow goes beside what is, before what is wide
    tiles(page, "impact,prediction,verdict,flows,markouts,vpin")
    assert page.complaints == []


def test_a_table_that_two_markets_leave_no_room_for_is_there_where_it_is_named(
    page: Watched, url: str
) -> None:
    page.page.set_viewport_size({"width": 1920, "height": 1300})
    page.open(f"{url}/?m={BTC}&m={ETH}&tab=evidence", BTC, ETH)
    tiles(page, "verdict,impact,prediction,vpin,markouts,adverse")
    page.page.keyboard.press("l")
    page.page.get_by_role("button", name="Show Which flow explains most").click()
    page.page.keyboard.press("Escape")
    tiles(page, "verdict,impact,prediction,vpin,markouts,adverse,flows")
    assert page.complaints == []


@pytest.mark.parametrize("count", [1, 2])
def test_rows_of_data_quality_are_arranged_beside_its_lists(
    page: Watched, url: str, count: int
) -> None:
    page.open(f"{url}/?{'&'.join(f'm={m}' for m in (BTC, ETH)[:count])}&tab=quality", BTC)
    seen = """want => [...document.querySelectorAll('.stack .dq')].every(one =>
      [...one.querySelectorAll('.dq-left > .panel')].filter(panel => panel.offsetHeight > 40)
        .sort((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top)
        .map(panel => panel.dataset.row).join() === want)"""
    page.until(seen, "streams,latency,rate,cover")
    title = page.page.locator(".panel-cover .plot-head h3").first.bounding_box()
    target = page.page.locator(".panel-latency").first.bounding_box()
    assert title
    assert target
    dragged(page, (title["x"] + 10, title["y"] + 6), (title["x"] + 30, target["y"] + 9), 6)
    page.until(seen, "streams,cover,latency,rate")
    before = page.page.locator(".panel-rate").first.evaluate("one => one.offsetHeight")
    page.page.locator(".panel-latency .edge").first.focus()  # it takes what is left
    page.page.keyboard.press("ArrowUp")
    page.until("n => document.querySelector('.panel-rate').offsetHeight > n + 12", before)
    page.page.keyboard.press("l")
    page.page.get_by_role("button", name="Show Streams").click()
    page.page.keyboard.press("Escape")
    page.until(seen, "cover,latency,rate")
    own = page.page.locator(".panel-incidents").first
    expect(own).to_be_visible()
    assert page.page.evaluate(OUTSIDE) == []
    assert page.page.evaluate(OVERLAPS) == []
    assert page.complaints == []
