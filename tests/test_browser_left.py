"""What is left in the page of a market that has been taken out of view: nothing."""

import pytest

from tests.browser import DRAWN, Watched, eventually

pytestmark = pytest.mark.browser

BTC, ETH = "binance:BTC/USDT", "kraken:ETH/USD"
# Everything that serves a market knows the element of its stack.
HELD = "market => { window.left = new WeakRef(document.querySelector(`.stack[data-market='${market}']`)); }"

# Where the button of a menu is; a locator would hold the element.
MENU = """([market, tab]) => {
  const button = `.stack[data-market='${market}'] [data-tab=${tab}] .panel-menu`;
  const box = document.querySelector(button).getBoundingClientRect();
  return [box.x + box.width / 2, box.y + box.height / 2];
}"""


@pytest.mark.parametrize("tab", ["flow", "trades"])
def test_a_market_that_was_taken_out_of_view_is_let_go(page: Watched, url: str, tab: str) -> None:
    page.open(f"{url}/?m={BTC}&tab={tab}", BTC)
    address = page.address()
    page.page.locator(f".watch-grid .ag-row[row-id='{ETH}'] .ag-cell").first.click(
        modifiers=["Shift"]
    )
    page.page.wait_for_function(DRAWN, arg=ETH)
    page.until("before => location.href !== before", address)
    page.page.evaluate(HELD, ETH)
    # Its menu is open when it goes, and the pointer is over a panel of it.
    x, y = page.page.evaluate(MENU, [ETH, tab])
    page.page.mouse.click(x, y)
    page.until("() => document.querySelector('.menu') !== null")
    page.page.go_back()
    page.until("market => document.querySelector(`.stack[data-market='${market}']`) === null", ETH)
    assert page.page.locator(".menu").count() == 0
    page.page.mouse.move(0, 0)
    session = page.page.context.new_cdp_session(page.page)

    def gone() -> bool:
        session.send("HeapProfiler.collectGarbage")
        return bool(page.page.evaluate("() => window.left.deref() === undefined"))

    eventually(gone)
    assert page.complaints == []
