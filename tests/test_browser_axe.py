"""axe-core on the living page: no serious violation, in either theme, at three widths."""

import pytest
from playwright.sync_api import Browser

from tests.browser import watched
from tests.grave import serious

pytestmark = pytest.mark.browser

BTC, ETH = "binance:BTC/USDT", "kraken:ETH/USD"


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("width", [390, 1440])
def test_no_serious_violation(browser: Browser, url: str, theme: str, width: int) -> None:
    with watched(browser, width, 900) as one:
        page = one.open(f"{url}/?m={BTC}&m={ETH}&theme={theme}", BTC, ETH)
        assert serious(page) == []


DIALOGS = {"/": "#picker", "l": "#layouts", "?": "#keys"}


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_dialogs_and_the_tour_have_none_either(browser: Browser, url: str, theme: str) -> None:
    with watched(browser, 1440, 900, first_visit=True) as one:
        page = one.open(f"{url}/?m={BTC}&theme={theme}", BTC)
        page.locator(".tour").wait_for()
        assert serious(page) == []
        page.keyboard.press("Escape")
        for key, dialog in DIALOGS.items():
            page.keyboard.press(key)
            page.locator(f"{dialog}[open]").wait_for()
            assert serious(page) == [], dialog
            page.keyboard.press("Escape")
            page.locator(f"{dialog}[open]").wait_for(state="detached")


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_trades_and_open_menus_have_no_serious_violation(
    browser: Browser, url: str, theme: str
) -> None:
    grave = []
    with watched(browser) as one:
        page = one.open(f"{url}/?m={BTC}&theme={theme}&tab=trades", BTC)
        one.until("() => document.querySelectorAll('.tape tbody tr').length > 3")
        grave += serious(page)
        page.get_by_role("tab", name="Book & flow").click()
        page.locator("[data-panel=book] .panel-menu").click()
        grave += serious(page)
        page.get_by_role("menuitem", name="As table", exact=True).click()
        page.locator("#astable[open] tbody tr").first.wait_for()
        grave += serious(page)
        page.keyboard.press("Escape")
        page.goto(f"{url}/docs/metrics?theme={theme}")
        grave += serious(page)
    assert grave == []
