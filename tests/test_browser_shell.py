"""Around the charts, in a real Chromium: watch list, picker, tabs, layouts, keys, zone, tour, widths."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import INK, Watched, watched
from tests.browser_ways import dragged

pytestmark = pytest.mark.browser

BTC, ETH = "binance:BTC/USDT", "kraken:ETH/USD"
ROW = ".watch-grid .ag-center-cols-container .ag-row[row-id='{}']"
SHOWN = """() => [...document.querySelectorAll('.stack .rows > .panel:not(.off)')]
  .map(one => [one.getBoundingClientRect().top, one.dataset.row])
  .sort((a, b) => a[0] - b[0]).map(one => one[1]).join()"""
ORDER = """() => [...document.querySelectorAll('.watch-grid [row-index]')]
  .map(one => [Number(one.getAttribute('row-index')), one.getAttribute('row-id')])
  .sort((a, b) => a[0] - b[0]).map(one => one[1]).join()"""
SORTED = """([name, way]) => {
  const head = document.querySelector(`.watch-grid [role=columnheader][col-id=${name}]`);
  const rows = [...document.querySelectorAll('.watch-grid [row-index]')]
    .sort((a, b) => a.ariaRowIndex - b.ariaRowIndex);
  const values = rows.map(one => Number(one.querySelector(`[col-id=${name}]`).textContent.replace('−', '-')));
  const [first, second] = way === 'ascending' ? values : values.toReversed();
  return head.ariaSort === way && first <= second;
}"""


def test_the_watch_list_moves_sorts_filters_and_opens(page: Watched, url: str) -> None:
    page.open(f"{url}/?m={BTC}", BTC)
    row = page.page.locator(ROW.format(BTC))
    expect(row).to_contain_text("Binance spot")
    expect(row).to_have_class(re.compile("in-view"))
    page.until(
        "first => document.querySelector('.wl-two.right').textContent !== first",
        page.page.locator(".wl-two.right").first.text_content(),
    )
    expect(page.page.locator("#watch-count")).to_have_text("2")
    page.page.get_by_role("columnheader", name="Price / bps").click()
    page.until(f"() => ({ORDER})() === '{BTC},{ETH}'")
    page.page.get_by_role("columnheader", name="Price / bps").click()
    page.until(f"() => ({ORDER})() === '{ETH},{BTC}'")
    # What the list has no room for takes the place of the price, also at the next visit.
    figure = page.page.get_by_role("combobox", name="Figure of the watch list")
    figure.focus()
    page.page.keyboard.press("ArrowDown")
    page.page.keyboard.press("ArrowDown")
    expect(page.page.get_by_role("columnheader", name="Price / bps")).to_be_hidden()
    expect(row.locator("[col-id=queue]")).to_have_text(re.compile(r"^[+−]?\d\.\d\d$"))
    for way in ("descending", "ascending"):
        page.page.get_by_role("columnheader", name="Queue").click()
        page.until(SORTED, ["queue", way])
    page.page.reload()
    expect(row.locator("[col-id=queue]")).to_be_visible()
    expect(figure).to_have_value("queue")
    page.page.get_by_label("Filter the watch list").fill("kraken")
    expect(page.page.locator("#watch-count")).to_have_text("1 of 2")
    expect(row).to_be_hidden()
    page.page.locator(ROW.format(ETH)).click(modifiers=["Shift"])
    page.until("() => document.querySelectorAll('.stack').length === 2")
    page.page.get_by_label("Filter the watch list").fill("")
    row.click()
    page.until("() => document.querySelectorAll('.stack').length === 1")
    assert f"m={BTC}&" in page.address()
    assert page.complaints == []


def test_the_watch_list_is_walked_by_the_arrows(page: Watched, url: str) -> None:
    page.open(f"{url}/?m={BTC}", BTC)
    expect(page.page.locator(ROW.format(ETH))).to_be_visible()
    page.page.keyboard.press("ArrowDown")
    page.page.keyboard.press("Enter")
    page.until("market => document.querySelector('.stack')?.dataset.market === market", ETH)


def test_a_wide_page_shows_every_column(browser: Browser, url: str) -> None:
    with watched(browser, 2560, 1440) as page:
        page.open(f"{url}/?m={BTC}", BTC)
        row = page.page.locator(ROW.format(BTC))
        expect(row.locator("[col-id=state]")).to_have_text("Live")
        headers = page.page.locator(".watch-grid [role=columnheader]").all_text_contents()
        assert [text.replace("\u00a0", " ").strip() for text in headers] == [
            "Market", "Price", "Spread, bps", "OFI σ", "30 min", "Queue", "10 bps, $", "VPIN pct", "R²",
            "Feed",
        ]  # fmt: skip
        assert page.complaints == []


def test_a_market_that_nobody_stores_is_asked_for(page: Watched, url: str) -> None:
    page.open(f"{url}/?m={BTC}", BTC)
    page.page.keyboard.press("/")
    page.page.keyboard.type("bybit:ADA/USDT")
    expect(page.page.get_by_role("option", name="ADA/USDT Bybit spot")).to_be_visible()
    page.page.keyboard.press("Enter")
    page.until("() => document.querySelector('.stack')?.dataset.market === 'bybit:ADA/USDT'")
    expect(page.page.locator(".empty")).to_contain_text("Waiting for the collector")
    expect(page.page.locator(".empty .steps .now")).to_contain_text("Asked the collector")


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


def test_times_follow_the_zone_everywhere(page: Watched, url: str) -> None:
    page.open(f"{url}/?m={BTC}&tz=Asia/Kolkata", BTC)
    expect(page.page.locator("[data-f=q-updated]")).to_contain_text("GMT+5:30")
    page.page.locator(".rows").focus()
    page.page.keyboard.press("ArrowLeft")
    expect(page.page.locator(".readout")).to_contain_text("GMT+5:30")
    page.page.get_by_role("textbox", name="Zone").click()
    page.page.get_by_role("textbox", name="Zone").fill("Tokyo")
    page.page.get_by_role("option", name="Asia/Tokyo").click()
    page.until("() => location.search.includes('tz=Asia/Tokyo')")
    expect(page.page.locator("[data-f=q-updated]")).to_contain_text("GMT+9")
    page.page.goto(f"{url}/?m={BTC}&tz=Mars/Olympus")
    expect(page.page.locator("#told")).to_contain_text("does not know the zone Mars/Olympus")


KEYS = [
    ("t", "theme=light"),
    ("c", "colours=green-red"),
    ("]", "window=30"),
    ("-", "depth=5"),
    (".", "range=1800"),
]


def test_keys_change_the_view_and_rest_while_the_user_types(page: Watched, url: str) -> None:
    page.open(f"{url}/?m={BTC}", BTC)
    for key, part in KEYS:
        page.page.keyboard.press(key)
        page.until("part => location.search.includes(part)", part)
    colour = "getComputedStyle(document.documentElement).getPropertyValue('--buy').trim()"
    assert page.page.evaluate(colour) == "#0b8049"
    page.page.keyboard.press("Space")
    page.until("() => /end=\\d+/.test(location.search)")
    before = page.address()
    page.page.get_by_label("Filter the watch list").focus()
    for key, _ in KEYS:
        page.page.keyboard.press(key)
    assert page.page.get_by_label("Filter the watch list").input_value() == "tc]-."
    assert page.address() == before
    page.page.locator(".rows").focus()
    page.page.keyboard.press("?")
    expect(page.page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.page.keyboard.press("t")
    page.page.keyboard.press("Escape")
    expect(page.page.get_by_role("dialog", name="Keys")).to_be_hidden()
    assert page.address() == before
    page.page.keyboard.press("Home")
    expect(page.page.locator(".readout")).to_be_visible()
    # Who has chosen from a list types nothing there: keys go on, but for those of the list itself.
    window = page.page.locator("#window")
    window.click()
    page.page.get_by_role("option", name="30\u00a0s", exact=True).click()
    page.until("() => location.search.includes('window=30')")
    expect(window).to_be_focused()
    page.page.keyboard.press("]")
    page.until("() => location.search.includes('window=60')")
    page.page.keyboard.press("ArrowDown")
    expect(window).to_have_attribute("data-expanded", "true")
    page.page.keyboard.press("t")
    page.page.keyboard.press("Escape")
    assert "theme=light" in page.address()
    expect(window).not_to_have_attribute("data-expanded", "true")
    # A press on the charts has all keys there.
    plot = page.page.locator(".row-book .plot").bounding_box()
    assert plot
    page.page.mouse.click(plot["x"] + 200, plot["y"] + 60)
    page.page.keyboard.press("Space")
    page.until("() => !/end=\\d+/.test(location.search)")
    assert page.complaints == []


def test_arrows_scroll_a_list_that_has_more_than_it_shows(page: Watched, url: str) -> None:
    page.open(f"{url}/?m={BTC}&tab=quality", BTC)
    page.page.locator(".watch-grid .ag-row").first.wait_for()
    region = page.page.get_by_role("region", name=re.compile("^Streams of"))
    low = "height => { document.querySelector('.panel-streams').style.height = height; }"
    page.page.evaluate(low, "80px")
    region.focus()
    page.page.keyboard.press("ArrowDown")
    page.until("() => document.querySelector('.panel-streams .dq-scroll').scrollTop > 0")
    expect(region).to_be_focused()
    page.page.evaluate(low, "")
    page.until(
        """() => {
          const { scrollHeight, clientHeight } = document.querySelector('.panel-streams .dq-scroll');
          return scrollHeight <= clientHeight;
        }"""
    )
    page.page.keyboard.press("ArrowDown")  # nothing to scroll: on to the watch list
    page.until("() => document.activeElement.closest('.ag-root') !== null")
    assert page.complaints == []


def test_a_first_visit_is_led_through_the_page_once(browser: Browser, url: str) -> None:
    with watched(browser, first_visit=True) as page:
        page.open(f"{url}/?m={BTC}", BTC)
        card = page.page.get_by_role("dialog", name="What is happening")
        expect(card).to_contain_text("who is pushing the price now")
        for title in (
            "The book",
            "Order flow imbalance",
            "Best price or deeper?",
            "Does it work here?",
        ):
            page.page.get_by_role("button", name="Next").click()
            expect(page.page.locator("#tour-title")).to_have_text(title)
            box = page.page.locator(".tour").bounding_box()
            assert box is not None
            assert box["y"] >= 0
            assert box["y"] + box["height"] <= 900
            expect(page.page.locator(".tour .mut")).to_contain_text(" of 5")
        page.page.keyboard.press("Escape")
        expect(page.page.locator(".tour")).to_have_count(0)
        page.page.reload()
        page.until("market => window.ofi?.view(market)?.drawn.count > 20", BTC)
        expect(page.page.locator(".tour")).to_have_count(0)
        page.page.keyboard.press("?")
        page.page.get_by_role("button", name="Show the tour").click()
        expect(page.page.locator("#tour-title")).to_have_text("What is happening")
        # Where a tile has no room, the sentence that says the same stands for it.
        page.page.keyboard.press("Escape")
        page.page.set_viewport_size({"width": 800, "height": 900})
        expect(page.page.locator(".tile-explained")).to_be_hidden()
        page.page.keyboard.press("?")
        page.page.get_by_role("button", name="Show the tour").click()
        expect(page.page.locator(".tour .mut")).to_contain_text(" of 5")
        # With the tab it leaves what it speaks of.
        page.page.get_by_role("button", name="Next").click()
        expect(page.page.locator("#tour-title")).to_have_text("The book")
        page.page.keyboard.press("3")
        expect(page.page.locator(".tour, .tour-ring")).to_have_count(0)
        assert page.complaints == []


@pytest.mark.parametrize(("width", "opener"), [(390, "#bottom-markets"), (1000, "#drawer")])
def test_the_watch_list_is_a_drawer_where_there_is_no_room(
    browser: Browser, url: str, width: int, opener: str
) -> None:
    with watched(browser, width, 844) as page:
        page.open(f"{url}/?m={BTC}", BTC)
        expect(page.page.locator("#side")).to_be_hidden()
        page.page.locator(opener).click()
        expect(page.page.locator("#side")).to_be_visible()
        page.page.keyboard.press("Escape")
        expect(page.page.locator("#side")).to_be_hidden()
        expect(page.page.locator(opener)).to_be_focused()
        page.page.locator(opener).click()
        page.page.locator(ROW.format(ETH)).click()
        page.until("market => document.querySelector('.stack')?.dataset.market === market", ETH)
        expect(page.page.locator("#side")).to_be_hidden()
        assert page.complaints == []
