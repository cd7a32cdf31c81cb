"""Fingers and wheels over the charts: the page scrolls, and the time axis pans and zooms."""

import pytest
from playwright.sync_api import Browser

from tests.browser import PRESSED, Watched, watched
from tests.browser_fingers import slide

pytestmark = pytest.mark.browser

BTC, ETH = "binance:BTC/USDT", "kraken:ETH/USD"


def chart(page: Watched, selector: str) -> tuple[float, float, float]:
    """Left, middle height and width of a chart."""
    box = page.page.locator(selector).first.bounding_box()
    assert box is not None
    return box["x"], box["y"] + box["height"] / 2, box["width"]


def test_a_finger_scrolls_the_page_over_the_charts(browser: Browser, url: str) -> None:
    with watched(browser, 390, 844, has_touch=True, is_mobile=True) as page:
        page.open(f"{url}/?m={BTC}", BTC)
        left, middle, _ = chart(page, ".row-book .plot")
        slide(page, ((left + 100, middle + 60), (left + 100, middle - 180)), steps=12)
        page.until("() => document.querySelector('.stacks').scrollTop > 100")
        assert page.view(BTC)["user"] == {"time": None, "price": None}
        page.page.get_by_role("button", name="Zoom in on time").tap()
        page.until("market => window.ofi.view(market).user.time !== null", BTC)


@pytest.mark.parametrize(
    ("tab", "where"), [("flow", ".row-book .plot"), ("trades", "canvas[data-canvas=price]")]
)
def test_a_finger_pans_and_two_zoom_on_the_time_axis(
    browser: Browser, url: str, tab: str, where: str
) -> None:
    with watched(browser, 390, 844, has_touch=True, is_mobile=True) as page:
        page.open(f"{url}/?m={BTC}&tab={tab}&range=300", BTC)
        left, middle, wide = chart(page, where)
        plot = wide if tab == "flow" else wide - 76
        # The edge as the finger takes hold: later it is that of the history which the pan asks for.
        page.page.evaluate(PRESSED, BTC)
        slide(page, ((left + 60, middle), (left + 160, middle + 4)))
        # What was under the finger has moved with it: a third of the plot is a third of the range.
        moved = 100 / plot * 300_000
        page.until(
            """([market, by]) => {
              const { user } = window.ofi.view(market);
              return user.time && user.time[1] < window.pressed - by;
            }""",
            [BTC, 0.85 * moved],
        )
        start, end = page.view(BTC)["user"]["time"]
        present = page.page.evaluate("pressed")
        assert end - start == pytest.approx(300_000, rel=0.02)
        assert present - end == pytest.approx(moved, rel=0.15)
        assert page.page.evaluate("document.querySelector('.stacks').scrollTop") == 0
        apart = (
            ((left + 120, middle), (left + 60, middle)),
            ((left + 180, middle), (left + 240, middle)),
        )
        slide(page, *apart)
        page.until(
            "([m, span]) => { const [a, b] = window.ofi.view(m).user.time; return b - a < span * 0.36; }",
            [BTC, end - start],
        )
        closer = page.view(BTC)["user"]["time"]
        assert closer[1] - closer[0] == pytest.approx((end - start) / 3, rel=0.1)
        # The middle between the fingers stays where it is.
        at = start + 150 / plot * (end - start)
        assert (at - closer[0]) / (closer[1] - closer[0]) == pytest.approx(150 / plot, abs=0.06)
        page.page.locator(".stack .to-live:visible").first.tap()
        page.until("market => window.ofi.view(market).user.time === null", BTC)
        assert page.complaints == []


def test_the_wheel_scrolls_where_the_stacks_do(browser: Browser, url: str) -> None:
    with watched(browser, 1000, 700) as page:
        page.open(f"{url}/?m={BTC}&m={ETH}", BTC, ETH)
        box = page.page.locator(".row-book .plot").first.bounding_box()
        assert box is not None
        page.page.mouse.move(box["x"] + 100, box["y"] + 60)
        page.page.mouse.wheel(0, 300)
        page.until("() => document.querySelector('.stacks').scrollTop > 100")
        assert page.view(BTC)["user"]["time"] is None
