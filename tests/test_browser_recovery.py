"""The page when its server or its store is not there, and comes back."""

import os
import re
import signal
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, Route, expect

from app.clock import SystemClock
from app.market import Listing, MarketId
from app.store import open_store
from tests.browser import SLEEP, WAIT_MS, LiveMarkets, Watched, eventually, watched
from tests.web_market import fill
from tests.web_server import running_server, server_process
from tests.web_walk import walks

pytestmark = pytest.mark.browser

BTC = "binance:BTC/USDT"

# What sockets the page makes; `hurry` has the network come back while the next one still connects.
# Sends more than it may, and gives what the page says when it begins to wait: that is over in a moment.
FLOOD = """([attempt, most_ms]) => new Promise((done) => {
  const pill = document.getElementById("link"), told = () => [window.ofi.stats().link, pill.textContent];
  const watch = new MutationObserver(() => {
    const [link, words] = told();
    if (link.attempt >= attempt && link.state === "waiting" && !words.startsWith("Connected")) end();
  });
  const end = () => {
    clearTimeout(late);
    watch.disconnect();
    done(told());
  };
  const late = setTimeout(end, most_ms);
  watch.observe(pill, { characterData: true, childList: true, subtree: true });
  for (let k = 0; k < 400; k++) window.sockets.at(-1).send("{}");
})"""
# Closes a socket right after an answer to its ping; gives what the pill said until the next one opens.
ANSWERED_AND_CLOSED = """(most_ms) => new Promise((done, fail) => {
  const late = setTimeout(() => fail(new Error(`no other link: ${shown}`)), most_ms);
  const pill = document.getElementById("link"), shown = [], socket = window.sockets.at(-1);
  const note = () => shown.push([window.ofi.stats().link.state, pill.textContent]);
  const watch = new MutationObserver(note);
  watch.observe(pill, { characterData: true, childList: true, subtree: true });
  socket.dispatchEvent(new MessageEvent("message", { data: '{"type": "pong", "t": 0}' }));
  socket.dispatchEvent(new CloseEvent("close", { code: 1008, reason: "Too many messages." }));
  const look = () => {
    if (window.ofi.stats().link.state !== "open") return setTimeout(look, 20);
    clearTimeout(late);
    watch.disconnect();
    socket.close();
    done(shown);
  };
  note();
  look();
})"""
SOCKETS = """window.sockets = []; window.hurry = false;
window.WebSocket = class extends WebSocket {
  constructor(...given) {
    super(...given);
    window.sockets.push(this);
    if (!window.hurry) return;
    window.hurry = false;
    queueMicrotask(() => dispatchEvent(new Event('online')));
  }
};"""


# The next socket is never answered; those after it are real again.
HANGING = """() => {
  const Real = WebSocket;
  window.WebSocket = class {
    static OPEN = 1;
    constructor() {
      window.hung = Object.assign(this, { readyState: 0, close() {} });
      window.WebSocket = Real;
    }
  };
}"""


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


def test_parts_of_dash_that_do_not_come_at_first_are_asked_for_again(
    browser: Browser, tmp_path: Path
) -> None:
    """Left to Dash, one answer lost would have the page draw its own fault for ever."""
    with (
        LiveMarkets(tmp_path, count=1, minutes=2),
        running_server(tmp_path, workers=1) as base,
        watched(browser) as page,
    ):
        lost: list[str] = []

        def lose(route: Route) -> None:
            again = lost.count(route.request.url)
            lost.append(route.request.url)
            if again < 1:
                route.fulfill(status=503)
            elif again < 2:
                route.abort()
            else:
                route.fallback()

        page.page.route(
            re.compile(r"async-\w+\.js|plotly\.min\.js|/react-dom@|dash_mantine_components"), lose
        )
        refused: list[str] = []

        def refuse(route: Route) -> None:
            output = (route.request.post_data_json or {}).get("output", "")
            if "axes" in output and output not in refused:
                refused.append(output)
                route.fulfill(status=503)
            else:
                route.fallback()

        page.page.route("**/_dash-update-component*", refuse)
        page.open(f"{base}/?m={BTC}", BTC)
        expect(page.page.locator(".watch-grid .ag-row")).to_have_count(1)
        assert {lost.count(url) for url in lost} == {3}
        assert refused


def test_a_press_while_dash_takes_the_page_in_is_a_click(browser: Browser, url: str) -> None:
    """It comes after the first drawing, when the page is used already."""
    with watched(browser) as page:
        held: list[Route] = []
        pressed: list[bool] = []

        def hold(route: Route) -> None:
            if pressed:
                route.continue_()
            else:
                held.append(route)

        page.page.route("**/*dash_renderer*", hold)
        page.page.goto(f"{url}/?m={BTC}", wait_until="commit")
        page.until("market => window.ofi?.view(market)?.drawn.count > 0", BTC)
        tab = page.page.get_by_role("tab", name="Verification & toxicity")
        box = tab.bounding_box()
        assert box is not None
        page.page.mouse.move(box["x"] + 20, box["y"] + 10)
        page.page.mouse.down()
        eventually(lambda: held)
        pressed.append(True)
        for route in held:
            route.continue_()
        page.until("() => document.getElementById('made')")
        page.page.evaluate("() => new Promise(requestAnimationFrame)")
        page.page.mouse.up()
        expect(tab).to_have_attribute("aria-selected", "true")
        page.until("() => document.querySelector('#react-entry-point #app')")
        assert page.complaints == []


def test_without_its_server_the_page_says_so_and_keeps_the_picture(
    browser: Browser, tmp_path: Path
) -> None:
    with LiveMarkets(tmp_path, count=1, minutes=2), watched(browser) as page:
        with running_server(tmp_path, workers=1) as base:
            page.open(f"{base}/?m={BTC}", BTC)
        expect(page.page.locator("#link")).to_contain_text("Reconnecting")
        expect(page.page.locator(".pill.state")).to_have_text("Not connected")
        expect(page.page.locator(".note")).to_contain_text("The page lost its server")
        for figure in ("q-latency", "q-updates"):  # of the present, which is not known
            expect(page.page.locator(f"[data-f={figure}]")).to_have_text("–")
        assert page.view(BTC)["steps"] > 0


def test_a_network_that_falls_silent_is_noticed_before_it_closes(page: Watched, url: str) -> None:
    page.open(f"{url}/?m={BTC}", BTC)
    page.page.context.set_offline(True)  # nothing comes any more, and nobody says so
    expect(page.page.locator("#link")).to_contain_text("No answer")
    expect(page.page.locator(".pill.state")).to_have_text("Not connected")
    expect(page.page.locator(".note")).to_contain_text("This device is offline")
    expect(page.page.locator("[data-f=spread]")).to_have_text("–")
    muted = "() => getComputedStyle(document.querySelector('.watch-grid')).opacity < 1"
    page.until(muted)
    said, old = (
        page.page.locator("#watch-note"),
        re.compile(r"Not connected\. Figures of \S+ UTC\."),
    )
    expect(said).to_have_text(old)
    page.page.context.set_offline(False)
    expect(page.page.locator("#link")).to_contain_text("Connected")
    page.until(f"() => !({muted})()")
    expect(page.page.locator(".note")).to_be_hidden()
    expect(page.page.locator("[data-f=spread]")).not_to_have_text("–")
    expect(said).to_be_empty()
    # After a sleep the handshake hangs: what is shown is as old.
    page.page.evaluate(HANGING)
    page.page.evaluate(SLEEP, 12 * 60_000)
    expect(page.page.locator("#link")).to_have_text("Connecting")
    expect(page.page.locator(".pill.state")).to_have_text("Not connected")
    expect(said).to_have_text(old)
    assert page.page.evaluate(muted)
    page.page.evaluate("() => { hung.onopen(); hung.onclose({ code: 1006, reason: '' }); }")
    expect(page.page.locator("#link")).to_contain_text("Connected")
    page.until(f"() => !({muted})()")
    expect(said).to_be_empty()


def test_a_page_that_finds_the_server_full_is_told_so_waits_longer_and_comes_in(
    browser: Browser, tmp_path: Path
) -> None:
    full = "This server shows as many pages as it may; try again later."
    with (
        LiveMarkets(tmp_path, count=1, minutes=2),
        running_server(tmp_path, workers=1, OFI_WEB__MAX_CLIENTS="1") as base,
        watched(browser) as late,
    ):
        with watched(browser) as early:
            early.open(f"{base}/?m={BTC}", BTC)
            late.page.add_init_script(SOCKETS)
            late.page.goto(f"{base}/?m={BTC}")
            expect(late.page.locator(".empty")).to_contain_text(full)
            expect(late.page.locator(".pill.state")).to_have_text("Not connected")
            expect(late.page.locator("#link")).to_have_attribute("title", full)
            late.until("() => window.ofi.stats().link.attempt >= 4")
            # A socket an attempt: none is made beside.
            assert late.page.evaluate(
                "window.sockets.length <= window.ofi.stats().link.attempt + 1"
            )
            expect(late.page.locator("#link")).to_contain_text("Reconnecting")
        late.until("market => window.ofi.view(market)?.steps > 0", BTC)
        expect(late.page.locator(".empty")).to_be_hidden()
        expect(late.page.locator("#link")).to_have_attribute("title", "")
        assert late.page.evaluate("window.ofi.stats().link.attempt") == 0
        assert late.complaints == []


def test_who_is_sent_away_again_and_again_waits_longer_each_time(page: Watched, url: str) -> None:
    page.page.add_init_script(SOCKETS)
    page.open(f"{url}/?m={BTC}", BTC)
    for attempt in (1, 2, 3):
        page.until(
            "() => window.ofi.stats().link.state === 'open' && window.sockets.at(-1).readyState === 1"
        )
        link, words = page.page.evaluate(FLOOD, [attempt, WAIT_MS])
        assert words.startswith("Refused"), link
        assert link["attempt"] >= attempt
        assert link["said"] in ("Too many messages.", "The page does not read what it asks for.")


def test_the_pill_tells_of_the_link_that_is_and_not_of_one_before(page: Watched, url: str) -> None:
    """Round trips are written with the next frame: by then the link may be lost."""
    page.page.add_init_script(SOCKETS)
    page.open(f"{url}/?m={BTC}", BTC)
    for _ in range(4):  # the last wait is longer than anything that is held for a frame
        page.until("() => window.ofi.stats().link.state === 'open'")
        shown = page.page.evaluate(ANSWERED_AND_CLOSED, WAIT_MS)
        waiting = [words for state, words in shown if state == "waiting"]
        assert waiting
        assert all(words.startswith("Refused") for words in waiting), shown


def test_a_page_in_a_hurry_leaves_the_socket_that_connects_to_it(page: Watched, url: str) -> None:
    page.page.add_init_script(SOCKETS)
    page.open(f"{url}/?m={BTC}", BTC)
    page.until("() => window.ofi.stats().link.state === 'open'")
    page.page.evaluate("() => { window.hurry = true; window.sockets[0].close(); }")
    page.until("() => !window.hurry && window.ofi.stats().link.state === 'open'")
    page.until("() => window.ofi.stats().link.attempt === 0")
    assert page.page.evaluate("window.sockets.length") == 2
    assert page.complaints == []


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


def test_a_market_that_is_not_stored_starts_or_is_refused_with_a_sentence(
    browser: Browser, tmp_path: Path
) -> None:
    """What a collector would do is done to the store: it offers, refuses, and takes up."""
    other = walks(2)[1]
    eth = other.market.id
    with (
        LiveMarkets(tmp_path, count=1, minutes=1) as living,
        running_server(tmp_path, workers=1) as base,
        watched(browser) as page,
    ):
        page.page.goto(f"{base}/?m=nowhere:ABC/USD&m={BTC}")
        page.until("market => window.ofi?.view(market)?.drawn.count > 1", BTC)
        lost = page.page.locator(".stack[data-market='nowhere:ABC/USD']")
        expect(lost.locator(".empty")).to_contain_text("Waiting for the collector")
        expect(lost.locator(".pill.state")).to_have_text("Starting")
        eventually(lambda: MarketId.parse("nowhere:ABC/USD") in living.store.requested())
        sentence = "nowhere is no venue that can be collected; near it is kraken."
        living.store.answer(MarketId.parse("nowhere:ABC/USD"), sentence)
        expect(lost.locator(".empty")).to_contain_text("This market cannot be shown")
        expect(lost.locator(".empty")).to_contain_text(sentence)
        # The picker finds what venues offer beside what is stored.
        living.store.offer("kraken", [Listing(eth, "ETH", "USD", "spot")], 600.0)
        page.page.keyboard.press("/")
        page.page.keyboard.type("eth")
        option = page.page.get_by_role("option", name="ETH/USD Kraken spot")
        expect(option).to_be_visible()
        expect(page.page.locator("#picker [role=option]")).to_have_count(1)
        page.page.keyboard.press("Enter")
        started = page.page.locator(f".stack[data-market='{eth}']")
        expect(started.locator(".empty .steps .done")).to_have_text(re.compile("Found at Kraken"))
        expect(started.locator(".empty .steps .now")).to_contain_text("Taken up by the collector")
        expect(started.locator(".empty .prog")).to_be_visible()
        assert f"m={eth}" in page.address()
        fill(living.store, other, 1, living.clock.now_ns())
        page.until("market => window.ofi.view(market)?.drawn.count > 0", str(eth))
        expect(started.locator(".empty")).to_be_hidden()
        assert page.complaints == []
