"""axe-core on the living page: no serious violation, in either theme, at three widths."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from tests.browser import LiveMarkets, chromium, watched
from tests.web_server import running_server

pytestmark = pytest.mark.browser

BTC, ETH = "binance:BTC/USDT", "kraken:ETH/USD"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as one:
        yield one


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with (
        LiveMarkets(tmp_path_factory.mktemp("hot")) as markets,
        running_server(Path(markets.store.directory), workers=1) as base,
    ):
        yield base


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("width", [390, 1440])
def test_no_serious_violation(browser: Browser, url: str, theme: str, width: int) -> None:
    with watched(browser, width, 900) as one:
        page = one.open(f"{url}/?m={BTC}&m={ETH}&theme={theme}", BTC, ETH)
        found = Axe().run(page).response["violations"]
    grave = [
        f"{v['id']}: {v['help']}: {v['nodes'][0]['html'][:160]}"
        for v in found
        if v["impact"] in ("serious", "critical")
    ]
    assert grave == []


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_trades_and_open_menus_have_no_serious_violation(
    browser: Browser, url: str, theme: str
) -> None:
    grave = []
    with watched(browser) as one:
        page = one.open(f"{url}/?m={BTC}&theme={theme}&tab=trades", BTC)
        one.until("() => document.querySelectorAll('.tape tbody tr').length > 3")
        grave += Axe().run(page).response["violations"]
        page.get_by_role("tab", name="Book & flow").click()
        page.locator("[data-panel=book] .panel-menu").click()
        grave += Axe().run(page).response["violations"]
        page.goto(f"{url}/docs/metrics?theme={theme}")
        grave += Axe().run(page).response["violations"]
    assert [
        f"{v['id']}: {v['help']}: {v['nodes'][0]['html'][:160]}"
        for v in grave
        if v["impact"] in ("serious", "critical")
    ] == []
