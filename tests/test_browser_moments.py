"""Which moment the page shows: the crosshair by keys, freezing, and a zoom that the present leaves behind."""

from itertools import pairwise

import pytest

from tests.browser import Watched

pytestmark = pytest.mark.browser

BTC = "binance:BTC/USDT"
CARD = """() => [...document.querySelectorAll('.readout')].filter(one => !one.hidden)
  .map(one => /(\\d\\d):(\\d\\d):(\\d\\d)/.exec(one.innerText)?.slice(1))[0] ?? null"""


def press(page: Watched, key: str) -> int:
    """Press a key that moves the crosshair: the time of day that the card tells then, s."""
    before = page.page.evaluate(CARD)
    page.page.keyboard.press(key)
    page.until(
        f"before => {{ const at = ({CARD})(); return at && String(at) !== String(before); }}",
        before,
    )
    hours, minutes, seconds = map(int, page.page.evaluate(CARD))
    return hours * 3600 + minutes * 60 + seconds


@pytest.mark.parametrize("focused", [True, False])
@pytest.mark.parametrize(("tab", "charts"), [("flow", ".rows"), ("trades", ".trows")])
def test_one_press_of_an_arrow_is_one_step(
    page: Watched, url: str, tab: str, charts: str, focused: bool
) -> None:
    page.open(f"{url}/?m={BTC}&range=120&tab={tab}", BTC)
    page.page.keyboard.press("Space")  # held still, so that only keys move the crosshair
    page.until("market => window.ofi.view(market).info.end_ms !== null", BTC)
    if focused:
        page.page.locator(f"{charts}:visible").first.focus()
    last = press(page, "End")
    keys = ["ArrowLeft", "ArrowLeft", "Shift+ArrowLeft", "ArrowRight", "Shift+ArrowRight"]
    passed = [press(page, key) for key in keys]
    day = 86_400
    found = [(at - before + day // 2) % day - day // 2 for before, at in pairwise([last, *passed])]
    assert found == [-1, -1, -10, 1, 10]
