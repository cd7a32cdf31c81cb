"""The page when its server or its store is not there, and comes back."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, expect

from app.clock import SystemClock
from app.store import open_store
from tests.browser import LiveMarkets, chromium, eventually, watched
from tests.web_server import running_server, server_process

pytestmark = pytest.mark.browser

BTC = "binance:BTC/USDT"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as one:
        yield one


def test_the_page_goes_on_after_its_worker_was_killed(browser: Browser, tmp_path: Path) -> None:
    with (
        LiveMarkets(tmp_path, count=1, minutes=2),
        server_process(tmp_path, workers=1) as (base, process),
        watched(browser) as page,
    ):
        page.open(f"{base}/?m={BTC}", BTC)
        page.until("() => window.ofi.stats().server !== null")
        before, steps = page.page.evaluate("window.ofi.stats().server"), page.view(BTC)["steps"]
        (worker,) = psutil.Process(process.pid).children()
        os.kill(worker.pid, signal.SIGKILL)
        page.until("server => window.ofi.stats().server !== server", before)
        page.until("() => window.ofi.stats().link.state === 'open'")
        at = page.view(BTC)["edge"]
        page.until("([market, edge]) => window.ofi.view(market).edge > edge", [BTC, at])
        # The view moves on by whole steps, so that it may hold a few fewer.
        assert page.view(BTC)["steps"] >= steps - 5
        expect(page.page.locator("#link")).to_contain_text("Connected")


def test_without_its_server_the_page_says_so_and_keeps_the_picture(
    browser: Browser, tmp_path: Path
) -> None:
    with LiveMarkets(tmp_path, count=1, minutes=2), watched(browser) as page:
        with running_server(tmp_path, workers=1) as base:
            page.open(f"{base}/?m={BTC}", BTC)
        expect(page.page.locator("#link")).to_contain_text("Reconnecting")
        expect(page.page.locator(".pill.state")).to_have_text("Not connected")
        expect(page.page.locator(".note")).to_contain_text("The page lost its server")
        assert page.view(BTC)["steps"] > 0


def test_an_empty_store_says_what_it_waits_for_and_shows_the_first_market(
    browser: Browser, tmp_path: Path
) -> None:
    open_store(f"sqlite:///{tmp_path.resolve()}", clock=SystemClock()).close()
    with running_server(tmp_path, workers=1) as base, watched(browser) as page:
        page.page.goto(base)
        expect(page.page.locator(".empty-page")).to_contain_text("Waiting for the first market")
        expect(page.page.locator(".empty-page")).to_contain_text("ofi run")
        with LiveMarkets(tmp_path, count=1, minutes=1):
            page.until("market => window.ofi.view(market)?.drawn.count > 2", BTC)
        assert f"m={BTC}" in page.address()


def test_a_market_that_is_not_stored_is_named_and_comes_when_it_is(
    browser: Browser, tmp_path: Path
) -> None:
    with (
        LiveMarkets(tmp_path, count=1, minutes=1),
        running_server(tmp_path, workers=1) as base,
        watched(browser) as page,
    ):
        page.page.goto(f"{base}/?m=nowhere:ABC/USD&m={BTC}")
        page.until("market => window.ofi?.view(market)?.drawn.count > 1", BTC)
        lost = page.page.locator(".stack").first
        expect(lost.locator(".empty")).to_contain_text("This market cannot be shown")
        eventually(lambda: "nowhere:ABC/USD" in lost.locator(".empty").inner_text())
