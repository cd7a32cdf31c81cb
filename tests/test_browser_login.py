"""Logging in with a real browser: cookies, redirects and the content policy as Chromium sees them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import LiveMarkets, watched
from tests.web_server import running_server

pytestmark = pytest.mark.browser
BTC = "binance:BTC/USDT"
TOKEN = "correct-horse-battery"


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with (
        LiveMarkets(tmp_path_factory.mktemp("hot")) as markets,
        running_server(Path(markets.store.directory), workers=2, token=TOKEN) as base,
    ):
        yield base


def test_a_link_leads_through_the_login_to_what_it_shows(browser: Browser, locked: str) -> None:
    with watched(browser) as one:
        page = one.page
        page.goto(f"{locked}/?m={BTC}&range=300")
        expect(page.get_by_label("Token")).to_be_focused()
        page.get_by_label("Token").fill("a guess")
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("alert")).to_have_text("That is not the token.")
        # Chromium reports the 401 of the wrong token by itself.
        one.complaints.clear()
        page.get_by_label("Token").fill(TOKEN)
        page.get_by_role("button", name="Log in").click()
        one.until("market => window.ofi?.view(market)?.steps > 0", BTC)
        assert "range=300" in page.url
        assert TOKEN not in page.content()
        cookies = page.context.cookies()
        assert [(c["httpOnly"], c["sameSite"]) for c in cookies] == [(True, "Strict")]


def test_a_token_in_the_address_opens_the_page_and_leaves_the_address(
    browser: Browser, locked: str
) -> None:
    with watched(browser) as one:
        one.page.goto(f"{locked}/?m={BTC}&token={TOKEN}")
        one.until("market => window.ofi?.view(market)?.steps > 0", BTC)
        assert TOKEN not in one.page.url


def test_pages_of_other_sites_are_kept_out(browser: Browser, locked: str) -> None:
    host = locked.replace("127.0.0.1", "localhost")
    with watched(browser) as one:
        one.page.goto(f"{locked}/?m={BTC}&token={TOKEN}")
        # Another origin of the same machine: neither frames nor sockets of ours for it.
        one.page.goto(f"{host}/login")
        outcome = one.page.evaluate(
            """url => new Promise(done => {
                 const socket = new WebSocket(url);
                 socket.onopen = () => done("open");
                 socket.onerror = () => done("refused");
               }).catch(() => "refused")""",
            locked.replace("http", "ws", 1) + "/live",
        )
        assert outcome == "refused"
        one.complaints.clear()
