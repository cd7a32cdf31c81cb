"""Around the charts, in a real Chromium: watch list, picker, tabs, keys, zone, tour, widths."""

import re

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import Watched, watched

pytestmark = pytest.mark.browser

BTC, ETH = "binance:BTC/USDT", "kraken:ETH/USD"
ROW = ".watch-grid .ag-center-cols-container .ag-row[row-id='{}']"
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
