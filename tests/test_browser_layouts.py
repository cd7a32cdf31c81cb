"""Layouts in a real Chromium: presets, saved ones, files, panels moved and stretched by hand."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser import INK, Watched
from tests.browser_ways import dragged

pytestmark = pytest.mark.browser

BTC, ETH = "binance:BTC/USDT", "kraken:ETH/USD"


SHOWN = """() => [...document.querySelectorAll('.stack .rows > .panel:not(.off)')]
  .map(one => [one.getBoundingClientRect().top, one.dataset.row])
  .sort((a, b) => a[0] - b[0]).map(one => one[1]).join()"""


def test_layouts_are_made_saved_and_shared(page: Watched, url: str) -> None:
    page.open(f"{url}/?m={BTC}", BTC)
    assert page.page.evaluate(SHOWN) == "book,ofi,levels,flow"
    page.page.keyboard.press("l")
    expect(page.page.get_by_role("button", name="Down: Taker flow")).to_be_disabled()
    page.page.get_by_role("button", name="Up: Taker flow").click()
    page.until(f"() => ({SHOWN})() === 'book,ofi,flow,levels'")
    page.page.get_by_role("button", name="Show OFI by level").click()
    page.until(f"() => ({SHOWN})() === 'book,ofi,flow'")
    height = page.page.locator(".row-flow").evaluate("one => one.offsetHeight")
    page.page.get_by_role("button", name="Taller: Taker flow").click()
    page.until("before => document.querySelector('.row-flow').offsetHeight >= before + 20", height)
    page.page.get_by_label("Name of this layout").fill("Mine")
    page.page.get_by_role("button", name="Save", exact=True).click()
    expect(page.page.locator("#layout-said")).to_have_text("Saved as Mine.")
    page.page.keyboard.press("Escape")
    expect(page.page.locator("#layout-name")).to_have_text("Mine")
    link = page.address()
    assert re.search(r"layout=book-ofi\.\d+-flow\.\d+", link)
    page.page.goto(link)
    page.until(f"() => ({SHOWN})() === 'book,ofi,flow'")
    expect(page.page.locator("#layout-name")).to_have_text("Mine")
    page.until("market => window.ofi.view(market)?.drawn.count > 1", BTC)
    page.page.keyboard.press("l")
    page.page.get_by_role("button", name="Desk").click()
    page.until(f"() => ({SHOWN})() === 'book,ofi,levels,flow'")
    page.page.get_by_role("button", name="Use Mine").click()
    page.until(f"() => ({SHOWN})() === 'book,ofi,flow'")
    page.page.get_by_role("button", name="Delete Mine").click()
    expect(page.page.locator("#saved-list li")).to_have_count(0)
    assert page.complaints == []


def test_a_layout_opens_its_markets_and_its_tab(page: Watched, url: str) -> None:
    page.open(f"{url}/?m={BTC}&m={ETH}&tab=trades", BTC, ETH)
    page.page.keyboard.press("l")
    page.page.get_by_label("Name of this layout").fill("Two markets")
    page.page.keyboard.press("Enter")
    expect(page.page.locator("#layout-name")).to_have_text("Two markets")
    page.page.keyboard.press("Escape")
    page.page.locator(f".mchip[data-market='{ETH}']").click()
    page.page.locator("#tab-flow").click()
    expect(page.page.locator("#layout-name")).to_have_text("Desk")
    page.page.keyboard.press("l")
    expect(page.page.locator("#saved-list")).to_contain_text("2 markets, Trades & liquidity")
    page.page.get_by_role("button", name="Use Two markets").click()
    page.until("all => all.every(m => window.ofi.view(m)?.tab === 'trades')", [BTC, ETH])
    assert "tab=trades" in page.address()
    assert page.complaints == []


def test_every_preset_draws_its_rows_over_their_axis(page: Watched, url: str) -> None:
    page.open(f"{url}/?m={BTC}&layout=ofi-levels.8-flow.8", BTC)
    page.until(f"() => ({SHOWN})() === 'ofi,levels,flow'")
    page.until("() => document.querySelectorAll('.axes .xtick text').length > 2")
    page.page.keyboard.press("l")
    page.page.get_by_role("button", name="Book only").click()
    page.until(f"() => ({SHOWN})() === 'book'")
    page.page.keyboard.press("Escape")
    # The one time axis hangs below the one row.
    page.until(
        """() => { const row = document.querySelector('.row-book .plot').getBoundingClientRect();
          const ticks = [...document.querySelectorAll('.axes .x5tick text')];
          const away = one => Math.abs(one.getBoundingClientRect().top - row.bottom);
          return ticks.length > 2 && ticks.every(one => away(one) < 20); }"""
    )
    assert page.complaints == []


# Whether anything is painted in a row beside its charts: below the plot, and where the axis stands.
BESIDE = (
    f"row => {{ const ink = {INK};"
    + """
  const named = name => document.querySelector(`.row-${row} .${name}`);
  const [sheet, plot, cross] = ['sheet', 'plot', 'cross'].map(named);
  const [whole, box, side] = [sheet, plot, cross].map(one => one.getBoundingClientRect());
  const inked = (left, top, right, bottom) => {
    const width = Math.round(right - left), height = Math.round(bottom - top);
    if (width < 1 || height < 1) return false;
    const area = [left - whole.left, top - whole.top].map(Math.round);
    return ink(sheet, ...area, width, height).some(value => value);
  };
  return {
    below: inked(box.left, box.bottom, box.right, whole.bottom),
    axis: inked(box.right, box.top, side.left, whole.bottom),
  };
}"""
)


def test_a_row_that_moves_leaves_nothing_behind(page: Watched, url: str) -> None:
    """Its height stays, its charts take another part of it: the first and the last have the time below."""
    page.open(f"{url}/?m={BTC}&layout=ofi.5-book", BTC)
    # In one step: the sheet may give way to the painter's own.
    tall = "document.querySelector('.row-ofi .sheet').clientHeight"
    height = page.page.evaluate(tall)

    def drawn() -> None:
        count = page.view(BTC)["drawn"]["count"]
        page.until("([m, n]) => window.ofi.view(m).drawn.count > n + 2", [BTC, count])

    page.page.keyboard.press("l")
    page.page.get_by_role("button", name="Desk").click()
    page.until(f"() => ({SHOWN})() === 'book,ofi,levels,flow'")
    page.page.keyboard.press("Escape")
    drawn()
    assert page.page.evaluate(tall) == height > 0
    assert page.page.evaluate(BESIDE, "ofi") == {"below": False, "axis": False}
    page.address()
    page.page.go_back()
    page.until(f"() => ({SHOWN})() === 'ofi,book'")
    drawn()
    assert page.page.evaluate(BESIDE, "ofi") == {"below": False, "axis": True}


def test_layouts_go_through_a_file_and_a_hostile_one_changes_nothing(
    page: Watched, url: str, tmp_path: Path
) -> None:
    page.open(f"{url}/?m={BTC}&layout=book-flow.6", BTC)
    page.page.keyboard.press("l")
    page.page.get_by_label("Name of this layout").fill("<b>Two</b>")
    page.page.keyboard.press("Enter")
    with page.page.expect_download() as waiting:
        page.page.get_by_role("button", name="Export").click()
    written = json.loads(Path(waiting.value.path()).read_text())
    assert written == {
        "version": 3,
        "layouts": [
            {"name": "<b>Two</b>", "layout": "book-flow.6", "markets": [BTC], "tab": "flow"}
        ],
    }
    assert page.page.locator("#saved-list b").count() == 0
    old, evil = tmp_path / "old.json", tmp_path / "evil.json"
    old.write_text('{"version": 1, "layouts": [{"name": "Old", "rows": ["ofi", "flow"]}]}')
    evil.write_text('{"version": 2, "layouts": [{"name": "x", "layout": "<img src=x>"}]}')
    field = page.page.get_by_label("File with layouts")
    field.set_input_files(evil)
    expect(page.page.locator("#layout-said")).to_have_text("The layout “x” cannot be read.")
    expect(page.page.locator("#saved-list li")).to_have_count(1)
    field.set_input_files(old)
    expect(page.page.locator("#layout-said")).to_have_text("1 layout read from old.json.")
    page.page.get_by_role("button", name="Use Old").click()
    page.until(f"() => ({SHOWN})() === 'ofi,flow'")
    assert page.complaints == []


def test_panels_are_moved_and_stretched_by_hand(page: Watched, url: str) -> None:
    page.open(f"{url}/?m={BTC}", BTC)
    title = page.page.locator(".row-flow .plot-head h3").bounding_box()
    target = page.page.locator(".row-ofi").bounding_box()
    assert title is not None
    assert target is not None
    dragged(page, (title["x"] + 10, title["y"] + 6), (title["x"] + 10, target["y"] + 4), 6)
    page.until(f"() => ({SHOWN})() === 'book,flow,ofi,levels'")
    before = page.page.locator(".row-flow").evaluate("one => one.offsetHeight")
    edge = page.page.locator(".row-flow .edge").bounding_box()
    assert edge is not None
    dragged(page, (edge["x"] + 200, edge["y"] + 3), (edge["x"] + 200, edge["y"] + 51), 4)
    page.until("n => document.querySelector('.row-flow').offsetHeight >= n + 40", before)
    page.page.locator(".row-flow .edge").focus()
    page.page.keyboard.press("ArrowUp")
    page.until("n => document.querySelector('.row-flow').offsetHeight < n + 40", before)
    assert page.complaints == []
