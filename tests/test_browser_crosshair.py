"""The crosshair while time moves on: under a pointer that rests, and at a time that the keyboard chose."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser import Watched

pytestmark = pytest.mark.browser

BTC, ETH = "binance:BTC/USDT", "kraken:ETH/USD"
LATER = "([market, edge]) => window.ofi.view(market).edge >= edge"
CARD = """() => {
  const [card] = [...document.querySelectorAll('.readout')].filter(one => !one.hidden);
  return card?.innerText ?? '';
}"""
# What the card and the market tell at one moment: second of the day, and ms since the epoch.
TOLD = f"""market => {{
  const [, h, m, s] = /(\\d\\d):(\\d\\d):(\\d\\d(?:\\.\\d)?)/.exec(({CARD})()) ?? [];
  return s && {{ second: (Number(h) * 60 + Number(m)) * 60 + Number(s), edge: window.ofi.view(market).edge }};
}}"""
# Both have moved on by the same, as nearly as whole seconds and a drawing that is late can say it.
WITH_TIME = f"""([market, first, least_s]) => {{
  const {{ second, edge }} = ({TOLD})(market) ?? {{}}, passed = (edge - first.edge) / 1000;
  return passed >= least_s && Math.abs(((second - first.second + 86400) % 86400) - passed) < 2.5;
}}"""
# Where the line of the crosshair is in the overlay of a market, from its left: the column with most in it.
LINE = """market => {
  const pane = document.querySelector(`.stack[data-market="${market}"] .tabpane:not([hidden])`);
  const canvas = pane.querySelector('canvas.overlay'), { width, height } = canvas;
  if (!canvas.checkVisibility({ visibilityProperty: true })) return null;
  const { data } = canvas.getContext('2d').getImageData(0, 0, width, height), count = new Uint32Array(width);
  for (let at = 3; at < data.length; at += 4) count[((at - 3) / 4) % width] += data[at] > 60;
  const most = Math.max(...count);
  return most > 100 ? count.indexOf(most) : null;
}"""


def test_what_lies_over_the_charts_is_there_when_something_is_on_it(
    page: Watched, url: str
) -> None:
    page.open(f"{url}/?m={BTC}&range=60", BTC)  # no gap, which would carry a label, is in view
    over = page.page.locator(".tabpane[data-tab=flow] canvas.overlay")
    expect(over).to_be_hidden()
    box = page.page.locator(".row-ofi .plot").bounding_box()
    assert box is not None
    page.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 30)
    page.until(f"market => ({LINE})(market) !== null", BTC)
    page.page.mouse.move(5, 5)
    expect(over).to_be_hidden()


def second_of_day(card: str) -> float:
    """The time that a card tells."""
    found = re.search(r"(\d\d):(\d\d):(\d\d(?:\.\d)?)", card)
    assert found, card
    hours, minutes, seconds = found.groups()
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def pass_time(page: Watched, seconds: float) -> None:
    page.until(LATER, [BTC, page.view(BTC)["edge"] + seconds * 1000])


@pytest.mark.parametrize(
    ("tab", "plot"),
    [
        ("flow", ".row-ofi .plot"),
        ("trades", ".trows"),
        ("quality", "canvas[data-canvas=latency]"),
    ],
)
def test_the_crosshair_stays_under_a_pointer_that_rests(
    page: Watched, url: str, tab: str, plot: str
) -> None:
    page.open(f"{url}/?m={BTC}&m={ETH}&range=60&tab={tab}", BTC, ETH)
    box = page.page.locator(f".stack[data-market='{BTC}'] {plot}").bounding_box()
    own = page.page.locator(f".stack[data-market='{BTC}'] .tabpane[data-tab={tab}] canvas.overlay")
    over = own.bounding_box()
    assert box is not None
    assert over is not None
    x = box["x"] + box["width"] * 0.5
    page.page.mouse.move(x, box["y"] + 30)
    page.until(f"market => ({LINE})(market) !== null", BTC)
    first = page.page.wait_for_function(TOLD, arg=BTC).json_value()
    pass_time(page, 4)
    under = x - over["x"]
    for market in (BTC, ETH):
        # A market beside it is told a moment later; 4 s are 15 px and more.
        page.until(f"([market, x]) => Math.abs(({LINE})(market) - x) <= 5", [market, under])
    page.until(WITH_TIME, [BTC, first, 4])


@pytest.mark.parametrize("tab", ["flow", "trades"])
def test_a_crosshair_of_the_keyboard_stays_at_its_time_until_that_has_left(
    page: Watched, url: str, tab: str
) -> None:
    page.open(f"{url}/?m={BTC}&range=60&tab={tab}", BTC)
    page.page.keyboard.press("End")
    page.page.keyboard.press("Shift+ArrowLeft")
    page.until(f"market => ({LINE})(market) !== null && ({CARD})() !== ''", BTC)
    first, line = page.page.evaluate(CARD), page.page.evaluate(LINE, BTC)
    pass_time(page, 3)
    page.until(f"([market, x]) => ({LINE})(market) < x - 20", [BTC, line])
    page.until(f"old => ({CARD})() !== old", first)  # it is older by now
    assert second_of_day(page.page.evaluate(CARD)) == second_of_day(first)
    page.page.keyboard.press("Home")
    page.until(f"() => ({CARD})() === ''")


def test_a_crosshair_goes_with_the_market_that_the_pointer_was_in(page: Watched, url: str) -> None:
    page.open(f"{url}/?m={BTC}&m={ETH}&range=60", BTC, ETH)
    box = page.page.locator(f".stack[data-market='{ETH}'] .row-ofi .plot").bounding_box()
    assert box is not None
    page.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 30)
    page.until(f"market => ({LINE})(market) !== null", BTC)
    page.page.evaluate("document.querySelectorAll('.mchip')[1].click()")
    page.until("() => document.querySelectorAll('.stack').length === 1")
    page.until(f"market => ({LINE})(market) === null", BTC)
    assert page.complaints == []


def test_levels_and_cross_sections_tell_what_lies_under_the_pointer(
    page: Watched, url: str
) -> None:
    page.open(f"{url}/?m={BTC}&m={ETH}&range=300", BTC, ETH)
    for place, words in (
        (".row-levels .plot", r"Level \d+, OFI/depth"),
        (".row-book .cross", r"now.*(Bids|Asks|Resting size)"),
        (".row-ofi .cross", r"Count\s+\d+ of "),
        (".row-levels .cross", r"Level \d+\s+now"),
    ):
        box = page.page.locator(place).first.bounding_box()
        assert box is not None
        page.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.4)
        page.until(f"words => new RegExp(words, 's').test(({CARD})())", words)
    # What is of the present has no time that the other market could show.
    page.until(f"market => ({LINE})(market) === null", ETH)
    assert page.complaints == []
