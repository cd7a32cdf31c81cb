"""axe-core on the living page: no serious violation, in either theme, at three widths."""

import pytest
from playwright.sync_api import Browser

from tests.browser import watched
from tests.browser_ways import resized, themed, turned
from tests.grave import serious

pytestmark = pytest.mark.browser

BTC, ETH = "binance:BTC/USDT", "kraken:ETH/USD"


# As the page is opened first.
CASES = (("light", 390), ("light", 1440), ("dark", 1440), ("dark", 390))


def test_no_serious_violation(browser: Browser, url: str) -> None:
    with watched(browser, 390, 900) as one:
        one.open(f"{url}/?m={BTC}&m={ETH}&theme=light", BTC, ETH)
        for theme, width in CASES:
            resized(one, width, 900)
            themed(one, theme)
            assert serious(one.page) == [], (theme, width)


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


def test_trades_and_open_menus_have_no_serious_violation(browser: Browser, url: str) -> None:
    grave: dict[str, list[str]] = {}
    with watched(browser) as one:
        page = one.open(f"{url}/?m={BTC}&tab=trades", BTC)
        for theme in ("dark", "light"):
            themed(one, theme)
            turned(one, "trades")
            one.until("() => document.querySelectorAll('.tape tbody tr').length > 3")
            grave[f"trades, {theme}"] = serious(page)
            page.get_by_role("tab", name="Book & flow").click()
            page.locator("[data-panel=book] .panel-menu").click()
            grave[f"menu, {theme}"] = serious(page)
            page.get_by_role("menuitem", name="As table", exact=True).click()
            page.locator("#astable[open] tbody tr").first.wait_for()
            grave[f"table, {theme}"] = serious(page)
            page.keyboard.press("Escape")
            page.locator("#astable[open]").wait_for(state="detached")
        for theme in ("dark", "light"):
            page.goto(f"{url}/docs/metrics?theme={theme}")
            grave[f"document, {theme}"] = serious(page)
    assert not any(grave.values()), grave
