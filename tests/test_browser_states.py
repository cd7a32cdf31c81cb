"""What the page shows of a market that is not well, and of a page that is not seen."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from app.records import State
from tests.browser import ONE_THREAD, LiveMarkets, Watched, eventually, watched
from tests.browser_panels import SAYS, words_of
from tests.web_server import running_server
from tests.web_walk import walks

pytestmark = pytest.mark.browser

BTC, ETH = "binance:BTC/USDT", "kraken:ETH/USD"
WELL = re.compile("Learning|Live")
BOXES = """() => [...document.querySelectorAll('.mkt, .tile, .read, .panel, .foot, .axes')].map(one => {
  const box = one.getBoundingClientRect();
  return [box.left, box.top, box.width, box.height].map(Math.round).join();
})"""


# What the button of another attempt says from now on, and whether it can be pressed then.
TRIES = """() => {
  const button = document.querySelector('.empty [data-act=try]'), seen = (window.tries = []);
  const watch = new MutationObserver(() => seen.push([button.textContent, button.disabled]));
  watch.observe(button, { attributes: true, characterData: true, childList: true, subtree: true });
}"""


def plain(text: str) -> str:
    return text.replace("\u00a0", " ").replace("\u2212", "-")


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LiveMarkets, str]]:
    """A market of its own that may be broken, and its server."""
    with (
        LiveMarkets(tmp_path_factory.mktemp("hot"), count=1, minutes=2) as markets,
        running_server(Path(markets.store.directory), workers=1) as base,
    ):
        yield markets, base


def test_a_hidden_page_takes_data_in_and_draws_when_it_returns(page: Watched, url: str) -> None:
    page.page.add_init_script(ONE_THREAD)  # or answers of the painter may be on their way
    page.open(f"{url}/?m={BTC}", BTC)
    page.page.evaluate(
        """() => { Object.defineProperty(document, 'hidden', { configurable: true, get: () => window.away });
                   window.away = true; document.dispatchEvent(new Event('visibilitychange')); }"""
    )
    page.page.evaluate("() => new Promise(requestAnimationFrame)")
    gone = page.view(BTC)
    page.until("([market, seq]) => window.ofi.view(market).seq > seq + 10", [BTC, gone["seq"]])
    assert page.view(BTC)["drawn"]["count"] <= gone["drawn"]["count"] + 1
    page.page.evaluate(
        "() => { window.away = false; document.dispatchEvent(new Event('visibilitychange')); }"
    )
    page.until(
        "([market, n]) => window.ofi.view(market).drawn.count > n + 1",
        [BTC, gone["drawn"]["count"]],
    )


@pytest.mark.parametrize("reported", [False, True])
def test_a_market_without_rows_says_so_on_every_tab(
    browser: Browser, tmp_path: Path, reported: bool
) -> None:
    """Stored, but nothing of it: no figure, no complaint, and no claim that all was well."""
    bare = walks(2)[1]
    market = str(bare.market.id)
    with (
        LiveMarkets(tmp_path, count=1, minutes=1) as living,
        running_server(tmp_path, workers=1) as base,
        watched(browser) as page,
    ):
        living.store.put_market(bare.market)

        def report() -> None:
            now = living.clock.now_ns()
            said = bare.status(now, now, State.STARTING, "Connecting.")
            living.store.append(bare.market.id, {"status": said})

        if reported:
            report()
        page.page.goto(f"{base}/?m={market}&m={BTC}")
        page.until("m => window.ofi?.view(m)?.drawn.count > 1", market)
        stack = page.page.locator(f".stack[data-market='{market}']")
        expect(stack.locator(".empty:visible, .note:visible").first).to_be_visible()
        page.page.get_by_role("tab", name="Verification & toxicity").click()
        for name in ("verdict", "impact", "flows", "horizons", "vpin"):
            expect(stack.locator(f"[data-empty={name}] h4")).to_have_text("No data yet")
        expect(stack.locator("[data-empty=verdict]")).to_contain_text("A verdict needs 30 windows")
        if not reported:  # a collector that fell silent again has the charts hidden
            stack.get_by_role("button", name="Menu: Does OFI work here?").click()
            expect(page.page.get_by_role("menuitem", name="Save as CSV")).to_have_count(0)
            page.page.keyboard.press("Escape")
        page.page.get_by_role("tab", name="Trades & liquidity").click()
        expect(stack.locator("[data-cost]")).to_contain_text("waiting for the book")
        if reported:
            report()  # one that fell silent meanwhile has the time since hatched
        page.page.get_by_role("tab", name="Data quality").click()
        untold = "No collector has reported on this market yet."
        clock = stack.locator("[data-f=dq-clock]")
        if reported:
            expect(stack.locator("[data-f=dq-best-state]")).not_to_be_empty()
            expect(clock).not_to_have_text(untold)
            waits = ("latency", "rate", "cover"), "Waiting for the first"
        else:
            expect(clock).to_have_text(untold)
            expect(stack.locator("[data-list=own]")).to_have_text(untold)
            expect(
                stack.locator("[data-list=reasons] tbody, [data-list=reasons] .nothing")
            ).to_have_text(untold)
            expect(stack.locator("[data-f=dq-best-state]")).to_have_text("Starting")
            expect(stack.locator("[data-f=dq-depth-recent]")).to_have_text("\u2013")
            waits = ("streams", "latency", "rate", "cover"), "Waiting for a collector"
        for name in waits[0]:
            expect(stack.locator(f"[data-empty={name}] h4")).to_contain_text(waits[1])
        seen = page.view(BTC)["drawn"]["count"]
        page.until("([m, n]) => window.ofi.view(m).drawn.count > n + 2", [BTC, seen])
        assert page.complaints == []


def test_a_market_that_cannot_be_drawn_says_so_and_takes_no_other_with_it(
    page: Watched, url: str
) -> None:
    # The broken one is drawn first.
    page.open(f"{url}/?m={ETH}&m={BTC}", ETH, BTC)
    page.until("() => window.ofi.stats().moved === 2")
    (painter,) = page.page.workers
    painter.evaluate(
        """async () => {
          const { Charts } = await import('./charts.js'), { paint } = Charts.prototype;
          Charts.prototype.paint = function (...given) {
            if (self.broken && this.model.info.quote === 'USD') throw new Error('no ink');
            return paint.apply(this, given);
          };
          self.broken = true;
        }"""
    )
    lost = page.page.locator(f".stack[data-market='{ETH}']")
    expect(lost.locator(".empty")).to_contain_text(
        "Drawing it failed: no ink. Other markets are not affected."
    )
    expect(lost.locator(".pill.state")).to_have_text("Not shown")
    seen = page.view(BTC)["drawn"]["count"]
    page.until("([m, n]) => window.ofi.view(m).drawn.count > n + 4", [BTC, seen])
    expect(page.page.locator(f".stack[data-market='{BTC}'] .empty")).to_be_hidden()
    assert len(page.complaints) == 1
    assert "no ink" in page.complaints.pop()
    painter.evaluate("self.broken = false")
    expect(lost.locator(".empty")).to_be_hidden()
    expect(lost.locator(".pill.state")).to_have_text(WELL)


def test_a_venue_without_trades_says_so_where_they_would_be(
    browser: Browser, tmp_path: Path
) -> None:
    with (
        LiveMarkets(tmp_path, count=1, minutes=8, outage=False, prints=False),
        running_server(tmp_path, workers=1) as base,
        watched(browser) as page,
    ):
        page.page.add_init_script(SAYS)
        page.open(f"{base}/?m={BTC}", BTC)
        page.until("() => window.said.has('No trades on this venue')")
        assert any("This venue sends no public trades here." in one for one in words_of(page))
        # What needs no trades is there, what does is not and says why.
        expect(page.page.locator("[data-f=ofi]")).not_to_have_text("\u2013")
        for name in ("taker", "vpin"):
            expect(page.page.locator(f"[data-f={name}-sub]")).to_have_text("no trades")
        expect(page.page.locator(".row-flow .cov")).to_have_text("")
        page.page.get_by_role("tab", name="Trades & liquidity").click()
        empty = page.page.locator("[data-empty=cvd]")
        expect(empty).to_contain_text("No trades on this venue")
        expect(page.page.locator("[data-empty=price]")).to_be_hidden()
        page.page.get_by_role("tab", name="Verification & toxicity").click()
        expect(page.page.locator("[data-empty=vpin]")).to_contain_text("No trades on this venue")
        expect(page.page.locator("[data-f=ev-verdict]")).to_contain_text("OFI explained")
        assert page.complaints == []


def test_rows_of_trades_say_where_nothing_is_to_be_drawn(
    browser: Browser, broken: tuple[LiveMarkets, str]
) -> None:
    _, base = broken
    with watched(browser) as page:
        page.page.goto(f"{base}/?m={BTC}&tab=trades")
        page.until("m => window.ofi.view(m)?.drawn.count > 2", BTC)
        empty = page.page.locator(".trows [data-empty=queue]")
        expect(empty).to_be_hidden()
        edge = page.view(BTC)["edge"]
        # Of the range, but of a time before the market was followed.
        zoom = [int(edge) - 13 * 60_000, int(edge) - 10 * 60_000]
        page.page.goto("about:blank")
        page.page.goto(f"{base}/?m={BTC}&tab=trades#zoom={zoom[0]}~{zoom[1]}")
        for name in ("price", "queue", "spread", "bands"):
            expect(page.page.locator(f".trows [data-empty={name}]")).to_contain_text("No data in")
        page.page.keyboard.press("0")
        expect(empty).to_be_hidden()
        assert page.complaints == []


# From here on tests share a page. Those that have their own come first: none is drawn beside it.


@pytest.fixture(scope="module")
def shared(browser: Browser, broken: tuple[LiveMarkets, str]) -> Iterator[Watched]:
    with watched(browser) as page:
        page.open(f"{broken[1]}/?m={BTC}", BTC)
        yield page


@pytest.fixture
def page_of_broken(broken: tuple[LiveMarkets, str], shared: Watched) -> Iterator[Watched]:
    """A page of the market that may be broken, which is well in the end."""
    shared.complaints.clear()
    yield shared
    broken[0].state = None
    expect(shared.page.locator(".pill.state")).to_have_text(WELL)


@pytest.mark.parametrize(
    ("state", "detail", "pill", "words", "then"),
    [
        (State.STALE, "", "Stale", "No update for", "Figures withheld, signals muted."),
        (
            State.RESYNCING,
            "3 updates were missing.",
            "Resyncing",
            "The book is being fetched anew",
            "3 updates were missing.",
        ),
        (
            State.THROTTLED,
            "",
            "Throttled",
            "Binance limits requests",
            "Figures wait until the limit is lifted. Other venues are not affected.",
        ),
        (
            State.DOWN,
            "It closed the connection.",
            "Down",
            "Binance is not answering",
            "It closed the connection. No answer since",
        ),
    ],
)
def test_each_state_of_a_feed_shows_its_words(
    broken: tuple[LiveMarkets, str],
    page_of_broken: Watched,
    state: State,
    detail: str,
    pill: str,
    words: str,
    then: str,
) -> None:
    markets, page = broken[0], page_of_broken
    expect(page.page.locator(".pill.state")).to_have_text(WELL)
    before = page.page.evaluate(BOXES)
    markets.state = (state, detail)
    expect(page.page.locator(".pill.state")).to_contain_text(pill)
    said = page.page.locator(".note:visible, .empty:visible")
    expect(said).to_contain_text(words)
    assert then in plain(said.inner_text())
    # Its figures are blank, not frozen; the boxes they stand in stay where they are.
    expect(page.page.locator("[data-f=spread-sub]")).to_have_text("withheld")
    for name in ("mid", "spread", "ofi", "queue"):
        expect(page.page.locator(f"[data-f={name}]").first).to_have_text("–")
    assert page.page.evaluate(BOXES) == before
    # So on every tab: what stands there is no picture of now.
    grey, hidden = state in (State.STALE, State.DOWN), state is State.DOWN
    charts = {"evidence": ".evidence", "trades": ".trades", "flow": ".row-ofi .cv"}
    for tab, holder in charts.items():
        page.page.locator(f"#tabs [data-tab={tab}]").click()
        chart = page.page.locator(f"{holder} canvas").first
        expect(chart).to_have_css("filter", "grayscale(0.9)" if grey else "none")
        one = chart if tab == "flow" else page.page.locator(holder)
        expect(one).to_have_css("visibility", "hidden" if hidden else "visible")
    if state is State.DOWN:
        assert re.search(r"3 attempts since; the next is in [\d.]+ s\.", plain(said.inner_text()))
        page.page.evaluate(TRIES)
        page.page.get_by_role("button", name="Try now").click()
        # For five seconds, which a busy machine may spend between two looks.
        page.until("() => tries.some(([words, off]) => words.startsWith('Trying') && off)")
        eventually(lambda: markets.store.hurried(markets.filled_ns))
        page.page.get_by_role("button", name="Show last hour").click()
        expect(page.page.locator(".note")).to_contain_text(words)
        page.until("() => new URLSearchParams(location.search).get('range') === '3600'")
    markets.state = None
    expect(page.page.locator(".pill.state")).to_have_text(WELL)
    expect(page.page.locator(".note")).to_be_hidden()
    assert page.complaints == []
