"""The markets in view as chips in the header: their order by keys and by hand."""

import pytest
from playwright.sync_api import Browser

from tests.browser import Watched, watched
from tests.browser_fingers import slide

pytestmark = pytest.mark.browser

BTC, ETH = "binance:BTC/USDT", "kraken:ETH/USD"


def test_markets_in_view_are_put_in_another_order(page: Watched, url: str) -> None:
    order = "() => [...document.querySelectorAll('.stack')].map(one => one.dataset.market).join()"
    page.open(f"{url}/?m={BTC}&m={ETH}", BTC, ETH)
    page.page.locator(f".mchip[data-market='{BTC}']").focus()
    page.page.keyboard.press("Alt+ArrowRight")
    assert page.page.evaluate(order) == f"{ETH},{BTC}"
    assert page.page.evaluate("document.activeElement.dataset.market") == BTC
    assert f"m={ETH}&m={BTC}" in page.address()
    first = page.page.locator(f".mchip[data-market='{ETH}']").bounding_box()
    last = page.page.locator(f".mchip[data-market='{BTC}']").bounding_box()
    assert first
    assert last
    page.page.mouse.move(first["x"] + 20, first["y"] + 10)
    page.page.mouse.down()
    page.page.mouse.move(last["x"] + last["width"] - 4, first["y"] + 10, steps=4)
    page.page.mouse.up()
    assert page.page.evaluate(order) == f"{BTC},{ETH}"
    assert f"m={BTC}&m={ETH}" in page.address()
    assert page.complaints == []


def test_a_drag_of_a_market_outlives_other_changes_and_can_be_given_up(
    page: Watched, url: str
) -> None:
    chips = "() => [...document.querySelectorAll('.mchip')].map(one => one.dataset.market).join()"
    page.open(f"{url}/?m={BTC}&m={ETH}", BTC, ETH)

    def take() -> None:
        first = page.page.locator(".mchip").first.bounding_box()
        last = page.page.locator(".mchip").last.bounding_box()
        assert first
        assert last
        page.page.mouse.move(first["x"] + 20, first["y"] + 10)
        page.page.mouse.down()
        page.page.mouse.move(last["x"] + last["width"] - 4, first["y"] + 10, steps=4)

    take()
    page.page.keyboard.press("]")
    page.until("() => window.ofi.stats().wishes === 0 && location.search.includes('window=')")
    page.page.mouse.move(900, 300)
    assert page.page.evaluate(chips) == f"{ETH},{BTC}"
    page.page.mouse.up()
    page.until("market => document.querySelector('.stack').dataset.market === market", ETH)
    assert f"m={ETH}&m={BTC}" in page.address()

    take()
    assert page.page.evaluate(chips) == f"{BTC},{ETH}"
    page.page.evaluate("dispatchEvent(new PointerEvent('pointercancel', { pointerId: 1 }))")
    assert page.page.evaluate(chips) == f"{ETH},{BTC}"
    page.page.mouse.up()
    assert f"m={ETH}&m={BTC}" in page.address()

    page.until("() => document.querySelectorAll('.mchip').length === 2")
    take()
    page.page.locator(".mchip").first.evaluate("one => one.click()")
    page.until("() => !document.querySelector('.mchip')")
    page.page.mouse.move(900, 300)
    page.page.mouse.up()
    assert page.page.evaluate(chips) == ""
    assert page.complaints == []


def test_a_finger_puts_markets_in_another_order(browser: Browser, url: str) -> None:
    with watched(browser, 1024, 768, has_touch=True) as page:
        page.open(f"{url}/?m={BTC}&m={ETH}", BTC, ETH)
        page.page.locator(f".mchip[data-market='{BTC}']").tap()
        page.until("() => !document.querySelector('.mchip')")  # a tap removes one, as a click does
        page.open(f"{url}/?m={BTC}&m={ETH}", BTC, ETH)
        first = page.page.locator(".mchip").first.bounding_box()
        last = page.page.locator(".mchip").last.bounding_box()
        assert first
        assert last
        start = first["x"] + 20, first["y"] + 10
        slide(page, (start, (last["x"] + last["width"] - 4, start[1])))
        page.until("market => document.querySelector('.stack').dataset.market === market", ETH)
        assert f"m={ETH}&m={BTC}" in page.address()
        assert page.complaints == []
