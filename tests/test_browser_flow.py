"""Panels, their menus, and moving through time, in a real Chromium over a store that lives."""

import re

import numpy as np
import pytest
from playwright.sync_api import Browser, expect

from tests.browser import HELD, PRESSED, Watched, eventually, pixels, watched
from tests.browser_panels import changed, menu

pytestmark = pytest.mark.browser

BTC, ETH = "binance:BTC/USDT", "kraken:ETH/USD"
# What is looked at has come: the view ends in the past, and reaches back to the left edge.
ARRIVED = """market => {
  const { info, user } = window.ofi.view(market);
  return info.end_ms !== null && info.end_ms - info.range_s * 1000 <= user.time[0] + 1000;
}"""
USER = "market => window.ofi.view(market).user.time"


def drag(page: Watched, selector: str, by: float) -> None:
    """Drag a chart sideways, as a hand would."""
    box = page.page.locator(selector).first.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.5
    mouse = page.page.mouse
    mouse.move(x, y)
    mouse.down()
    for k in range(1, 6):
        mouse.move(x + by * k / 5, y)
    mouse.up()


@pytest.mark.parametrize(("tab", "plot"), [("flow", ".row-book .plot"), ("trades", ".trows")])
def test_dragging_beyond_the_range_brings_stored_history_and_the_way_back(
    page: Watched, url: str, tab: str, plot: str
) -> None:
    page.open(f"{url}/?m={BTC}&range=120&tab={tab}", BTC)
    edge = page.view(BTC)["edge"]
    for _ in range(2):
        drag(page, plot, 500)
    page.until(ARRIVED, BTC)
    view = page.view(BTC)
    start, end = view["user"]["time"]
    assert end < edge
    assert view["state"] == "frozen"
    assert f"end={view['info']['end_ms']}" in page.address()
    # What came is drawn where the hand has put it, and it stays.
    page.until(
        "([market, n]) => window.ofi.view(market).drawn.count > n", [BTC, view["drawn"]["count"]]
    )
    assert page.view(BTC)["user"]["time"] == [start, end]
    page.page.locator(".stack .to-live:visible").first.click()
    page.until("market => window.ofi.view(market).info.end_ms === null", BTC)
    page.until("([market, edge]) => window.ofi.view(market).edge > edge", [BTC, edge])
    assert page.view(BTC)["user"]["time"] is None
    assert "end=" not in page.address()


def test_a_sideways_wheel_and_keys_pan_and_a_double_click_resets(page: Watched, url: str) -> None:
    page.open(f"{url}/?m={BTC}&range=120", BTC)
    box = page.page.locator(".row-book .plot").bounding_box()
    assert box is not None
    page.page.mouse.move(box["x"] + 200, box["y"] + 100)
    page.page.mouse.wheel(-300, 0)
    page.until(f"market => ({USER})(market) !== null", BTC)
    first = page.view(BTC)["user"]["time"]
    assert first[1] - first[0] == pytest.approx(120_000, abs=50)
    page.page.locator(".stack .rows").focus()
    page.page.keyboard.press("PageUp")
    page.until(f"([market, t]) => ({USER})(market)[0] < t", [BTC, first[0] - 30_000])
    page.until("market => window.ofi.view(market).info.end_ms !== null", BTC)
    page.page.mouse.dblclick(box["x"] + 200, box["y"] + 100)
    page.until(f"market => ({USER})(market) === null", BTC)
    page.until("market => window.ofi.view(market).info.end_ms === null", BTC)


@pytest.mark.parametrize("tab", ["flow", "trades"])
def test_one_zoom_and_one_crosshair_for_all_markets_that_updates_leave_alone(
    page: Watched, url: str, tab: str
) -> None:
    page.open(f"{url}/?m={BTC}&m={ETH}&range=300&tab={tab}", BTC, ETH)
    plot = ".row-book .plot" if tab == "flow" else ".trows"
    box = page.page.locator(plot).first.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] * 0.4, box["y"] + 60
    page.page.mouse.move(x, y)
    page.page.keyboard.down("Control")
    page.page.mouse.wheel(0, -240)
    page.page.keyboard.up("Control")
    for market in (BTC, ETH):
        page.until(f"market => ({USER})(market) !== null", market)
    page.until(f"([a, b]) => String(({USER})(a)) === String(({USER})(b))", [BTC, ETH])
    # Beside each other, plots are narrow: a hand moves them all the same, prices too where there are some.
    before, mouse = page.view(BTC)["user"], page.page.mouse
    mouse.down()
    mouse.move(x - 10, y + 10, steps=3)
    mouse.move(x - 20, y + 20, steps=3)
    mouse.up()
    page.until(f"([market, t]) => ({USER})(market)[0] > t + 1000", [BTC, before["time"][0]])
    page.until(f"([a, b]) => String(({USER})(a)) === String(({USER})(b))", [BTC, ETH])
    assert (page.view(BTC)["user"]["price"] != before["price"]) == (tab == "flow")
    assert page.view(ETH)["user"]["price"] is None
    zoom, seq = page.view(BTC)["user"]["time"], page.view(BTC)["seq"]
    assert zoom[1] - zoom[0] < 300_000
    page.until("([market, seq]) => window.ofi.view(market).seq > seq + 8", [BTC, seq])
    assert page.view(BTC)["user"]["time"] == zoom
    assert page.view(ETH)["user"]["time"] == zoom
    page.page.mouse.move(0, 0)
    other = f".stack[data-market='{ETH}'] .tabpane[data-tab={tab}] canvas.overlay"
    page.until("() => [...document.querySelectorAll('.readout')].every(one => one.hidden)")
    before = pixels(page.page, other)
    page.page.mouse.move(x + 30, y)
    page.until("() => [...document.querySelectorAll('.readout')].some(one => !one.hidden)")
    eventually(lambda: pixels(page.page, other) != before)
    shown = page.page.locator(".readout:visible")
    assert shown.count() == 1
    assert re.search(r"\d\d:\d\d:\d\d", shown.inner_text())


def test_the_heatmap_is_drawn_as_its_menu_says_and_the_address_keeps_it(
    browser: Browser, page: Watched, url: str
) -> None:
    page.open(f"{url}/?m={BTC}&range=120", BTC)
    page.page.keyboard.press("Space")  # held still, so that only the choice changes pixels
    page.until(HELD, BTC)
    book = ".row-book .plot"
    before = pixels(page.page, book)
    for item in ("viridis", "linear", "95 %"):
        menu(page, "book")
        page.page.get_by_role("menuitemradio", name=item).click()
        before = changed(page, book, before)
    page.until("() => /ramp=viridis/.test(location.search) && /clip=95/.test(location.search)")
    menu(page, "book")
    page.page.get_by_role("menuitemradio", name="1 bps", exact=True).click()
    page.until("market => window.ofi.view(market).info.group > 100", BTC)
    view = page.view(BTC)
    assert view["info"]["group"] == pytest.approx(view["tiles"]["mid"] * 1e-4 / 0.01, rel=0.3)
    menu(page, "book")
    page.page.get_by_role("menuitemradio", name="5 ticks").click()
    page.until("market => window.ofi.view(market).info.group === 5", BTC)
    menu(page, "book")
    inputs = page.page.locator(".menu input")
    inputs.nth(0).fill("20")
    inputs.nth(1).fill("3")
    page.page.get_by_role("button", name="Set").click()
    expect(page.page.locator(".menu [role=alert]")).to_contain_text("the smaller first")
    inputs.nth(0).fill("0.5")
    page.page.get_by_role("button", name="Set").click()
    page.until("() => /sizes=0.5~3/.test(decodeURIComponent(location.search))")
    expect(page.page.locator(".how")).to_have_text(
        re.compile(r"Group 0\.05 · linear, 0\.500 to 3\.00")
    )
    # A link opens what the sender saw.
    with watched(browser) as other:
        other.open(page.address(), BTC)
        other.until("market => window.ofi.view(market).info.group === 5", BTC)
        assert other.page.locator(".how").inner_text().startswith("Group 0.05")
    # Prices are zoomed without a pointer, too.
    low, high = page.view(BTC)["ranges"]["price"]
    menu(page, "book")
    page.page.get_by_role("menuitem", name="Zoom in on prices").click()
    page.until("m => window.ofi.view(m).user.price", BTC)
    assert np.diff(page.view(BTC)["user"]["price"])[0] == pytest.approx((high - low) / 2)


def test_the_line_over_the_bars_is_the_one_that_was_chosen(page: Watched, url: str) -> None:
    page.open(f"{url}/?m={BTC}&range=120&depth=5", BTC)
    page.page.keyboard.press("Space")  # held still, so that only the choice changes pixels
    page.until("market => window.ofi.view(market).info.end_ms !== null", BTC)
    legend = page.page.locator("[data-f=legend-ofi]")
    expect(legend).to_have_text("integrated, 5 levels")
    for item, words in (("multilevel", "multilevel, 5 levels"), ("none", "")):
        before = pixels(page.page, ".row-ofi .plot")
        menu(page, "ofi")
        lines = page.page.get_by_role("group", name="Line over the bars")
        lines.get_by_role("menuitemradio", name=item).click()
        changed(page, ".row-ofi .plot", before)
        expect(legend).to_have_text(words)
    page.until("() => /line=none/.test(location.search)")


@pytest.mark.parametrize(("item", "main"), [("multilevel", "multi"), ("integrated", "integrated")])
def test_the_series_of_the_ofi_panel_has_its_own_score_and_distribution(
    page: Watched, url: str, item: str, main: str
) -> None:
    page.open(f"{url}/?m={BTC}&range=300&depth=5&line=best", BTC)
    page.page.keyboard.press("Space")  # held still, so that all figures are of one moment
    page.until("market => window.ofi.view(market).info.end_ms !== null", BTC)
    before = {kind: pixels(page.page, f".row-ofi .{kind}") for kind in ("plot", "cross")}
    expect(page.page.locator("[data-f=legend-ofi]")).to_have_text("")
    menu(page, "ofi")
    group = page.page.get_by_role("group", name="Bars, score and distribution")
    group.get_by_role("menuitemradio", name=item).click()
    page.until("([m, name]) => window.ofi.view(m).standing.name === name", [BTC, main])
    for kind, shown in before.items():
        changed(page, f".row-ofi .{kind}", shown)
    expect(page.page.get_by_role("heading", name=f"{item.capitalize()} OFI, 10")).to_be_visible()
    expect(page.page.locator("[data-f=legend-ofi]")).to_have_text("best quotes")
    assert f"main={main}" in page.address()
    view = page.view(BTC)
    standing, tiles = view["standing"], view["tiles"]
    assert standing["distribution"] != view["distribution"]
    assert 0 <= standing["percentile"] <= 1
    assert standing["score"] != tiles["score"]
    chip = page.page.locator(".chip-ofi").inner_text().replace("\u2212", "-").replace(",", "")
    assert float(chip) == pytest.approx(standing["value"], rel=0.05, abs=0.06)
    rank = round(standing["percentile"] * 100)
    label = page.page.locator(".row-ofi .cross").get_attribute("aria-label")
    assert label is not None
    assert label.endswith(f"{item} OFI; present percentile {rank}")
    assert page.complaints == []


def test_a_panel_takes_the_whole_screen_and_gives_it_back(page: Watched, url: str) -> None:
    page.open(f"{url}/?m={BTC}&range=120", BTC)
    small = page.page.locator(".row-ofi .plot").bounding_box()
    menu(page, "ofi")
    page.page.get_by_role("menuitem", name="Full screen").click()
    page.until("() => document.fullscreenElement?.classList.contains('solo')")
    page.until(
        """() => document.querySelector('.row-ofi .plot').getBoundingClientRect().height
          > innerHeight * 0.7"""
    )
    assert not page.page.locator(".row-book").is_visible()
    page.until(
        """() => [...document.querySelectorAll('.axes .xtick text, .axes .x5tick text')]
          .filter(tick => tick.textContent && tick.checkVisibility()).length > 2"""
    )
    # Its menu is at hand there too.
    menu(page, "ofi")
    page.page.get_by_role("menuitem", name="Leave full screen").click()
    page.until("() => !document.fullscreenElement && !document.querySelector('.solo')")
    expect(page.page.locator(".row-book .plot")).to_be_visible()
    assert small is not None
    eventually(
        lambda: page.page.locator(".row-ofi .plot").bounding_box()["height"] == small["height"]  # type: ignore[index]
    )


# Shown in full screen: as wide as the window, and drawn as sharp as elsewhere.
WHOLE = """name => {
  const one = document.querySelector(`canvas[data-canvas=${name}]`), { clientWidth, clientHeight } = one;
  return document.fullscreenElement && clientWidth > innerWidth * 0.9 && clientHeight > innerHeight * 0.7
    && one.width === clientWidth && one.height === clientHeight;
}"""


@pytest.mark.parametrize(
    ("tab", "panel", "axis"),
    [("trades", "cvd", 76), ("evidence", "vpin", 0), ("quality", "latency", 76)],
)
def test_in_full_screen_a_panel_is_used_as_elsewhere(
    page: Watched, url: str, tab: str, panel: str, axis: int
) -> None:
    """What lies over charts is there, and time moves as far as the hand does."""
    page.open(f"{url}/?m={BTC}&range=120", BTC)
    page.page.locator(f"#tabs [data-tab={tab}]").click()
    menu(page, panel)
    page.page.get_by_role("menuitem", name="Full screen").click()
    page.until(WHOLE, panel)
    box = page.page.locator(f"canvas[data-canvas={panel}]").bounding_box()
    assert box is not None
    page.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.page.locator(f".tabpane[data-tab={tab}] .readout")).to_be_visible()
    if axis:
        page.until("m => window.ofi.view(m).info.range_s === 120", BTC)
        page.page.evaluate(PRESSED, BTC)
        page.page.mouse.down()
        page.page.mouse.move(box["x"] + box["width"] / 2 + (box["width"] - axis) / 4, box["y"] + 90)
        page.page.mouse.up()
        page.until("m => window.ofi.view(m).user.time", BTC)
        back = page.page.evaluate("m => pressed - window.ofi.view(m).user.time[1]", BTC)
        assert back / 1000 == pytest.approx(30, abs=3)
    # Another tab has no panel of its own to show so.
    page.page.keyboard.press("1")
    page.until("() => !document.fullscreenElement && !document.querySelector('.solo')")
    expect(page.page.locator(".row-book .plot")).to_be_visible()
    assert page.complaints == []


def test_the_menu_is_worked_by_the_keyboard_and_leads_to_the_definition(
    page: Watched, url: str
) -> None:
    page.open(f"{url}/?m={BTC}&range=120&theme=light", BTC)
    button = page.page.locator("[data-panel=levels] button.panel-menu")
    button.focus()
    page.page.keyboard.press("Enter")
    expect(page.page.get_by_role("menuitem").first).to_be_focused()
    page.page.keyboard.press("End")
    expect(page.page.get_by_role("menuitem", name="What is this?")).to_be_focused()
    with page.page.expect_popup() as opened:
        page.page.keyboard.press("Enter")
    opened.value.wait_for_load_state()
    assert opened.value.url.endswith("/docs/metrics?theme=light#depth-normalised-ofi")
    expect(opened.value.locator("h3:target")).to_have_text("Depth-normalised OFI")
    opened.value.close()
    button.focus()
    page.page.keyboard.press("Enter")
    page.page.keyboard.press("Escape")
    expect(page.page.get_by_role("menu")).to_have_count(0)
    expect(button).to_be_focused()


def test_the_cost_of_an_order_follows_what_is_typed(page: Watched, url: str) -> None:
    page.open(f"{url}/?m={BTC}&range=120&tab=trades", BTC)
    cost = page.page.locator(".cost")
    expect(cost.locator(".order").first).to_contain_text("bps")
    box = cost.get_by_role("textbox", name="Notional of the order, USDT")
    box.fill("2.5M")
    box.press("Enter")
    page.until("() => /notional=2500000/.test(location.search)")
    expect(box).to_have_value("2,500,000")
    expect(cost.locator(".order").first).to_contain_text("bps")
    box.fill("lots")
    box.press("Enter")
    expect(cost.get_by_role("status")).to_contain_text("“lots” is no whole amount")
    expect(box).to_have_attribute("aria-invalid", "true")
    box.fill("900,000,000,000")
    box.press("Enter")
    more = "More than the visible book: 900.0 G USDT exceeds the"
    expect(cost.locator(".order").first).to_contain_text(more)
