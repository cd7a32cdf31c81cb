"""Data quality on the page, and what it says of itself: restarts, sleep, absence, lost sessions."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect

from app.records import State
from tests.browser import (
    HELD,
    HIDDEN,
    SLEEP,
    LiveMarkets,
    Watched,
    eventually,
    kill_workers,
    pixels,
    watched,
)
from tests.browser_ways import changed, resized, themed, turned
from tests.grave import serious
from tests.web_server import server_process

pytestmark = pytest.mark.browser

BTC, ETH = "binance:BTC/USDT", "kraken:ETH/USD"
TOKEN = "correct-horse-battery"
READY = "() => document.querySelector('[data-f=dq-depth-state]')?.textContent === 'Live'"
SPAN = r"[\d.]+\s(?:s|min|h)(?:\s\d+\s(?:s|min))?"  # as the page writes a duration
# The score on the tile and in the sentence, frame by frame: for two seconds, ten frames and until it moved.
STORIES = """() => new Promise(done => {
  const seen = [], began = performance.now();
  const words = name => document.querySelector(`[data-f=${name}]`).textContent;
  const score = text => text.match(/[+−]?\\d+\\.\\dσ/)?.[0];
  const look = () => {
    seen.push([score(words('ofi-sub')), score(words('what-text'))]);
    const lasted = performance.now() - began, moved = seen.at(-1)[0] !== seen[0][0];
    const enough = lasted >= 2000 && moved && seen.length > 10;
    if (enough || lasted > 60000) done(seen); else requestAnimationFrame(look);
  };
  look();
})"""


def plain(text: str) -> str:
    return text.replace("\u00a0", " ").replace("\u2212", "-")


def test_the_charts_share_zoom_and_crosshair(browser: Browser, url: str) -> None:
    """Pointer, wheel, double click and arrows do on this tab what they do on the others."""
    with watched(browser) as page:
        page.page.goto(f"{url}/?m={BTC}&m={ETH}&tab=quality")
        page.until(READY)
        page.until("all => all.every(m => window.ofi.view(m)?.drawn.count > 2)", [BTC, ETH])
        overlays = [f"[data-market='{m}'] .dq > canvas.overlay" for m in (BTC, ETH)]
        before = [pixels(page.page, one) for one in overlays]
        box = page.page.locator("canvas[data-canvas=latency]").first.bounding_box()
        assert box
        middle, inside = box["x"] + (box["width"] - 66) / 2, box["y"] + box["height"] / 2
        page.page.mouse.move(middle, inside)
        card = page.page.locator(f"[data-market='{BTC}'] .dq > .readout")
        expect(card).to_contain_text("best quotes")
        assert re.search(
            r"[\d.]+ / [\d.]+ ms · [\d.]+/s|no data for|nothing recorded", plain(card.inner_text())
        )
        for one, was in zip(overlays, before, strict=True):
            eventually(lambda one=one, was=was: pixels(page.page, one) != was)
        user = "m => window.ofi.view(m).user.time"
        assert page.page.evaluate(user, ETH) is None
        page.page.mouse.wheel(0, -300)
        page.until("all => all.every(m => window.ofi.view(m).user.time)", [BTC, ETH])
        first = page.page.evaluate(user, ETH)
        assert first == page.page.evaluate(user, BTC)
        page.page.mouse.down()
        page.page.mouse.move(middle + 60, inside)
        page.page.mouse.up()
        page.until("([m, was]) => window.ofi.view(m).user.time[0] < was", [ETH, first[0]])
        page.page.mouse.dblclick(middle, inside)
        page.until("all => all.every(m => window.ofi.view(m).user.time === null)", [BTC, ETH])
        page.page.mouse.move(5, 5)
        expect(card).to_be_hidden()
        page.page.keyboard.press("ArrowLeft")
        expect(card).to_be_visible()
        said = card.locator("h4").inner_text()
        page.page.keyboard.press("Shift+ArrowLeft")
        expect(card.locator("h4")).not_to_have_text(said)
        assert page.complaints == []


def test_incidents_of_all_markets_are_listed_while_they_last(
    browser: Browser, tmp_path: Path
) -> None:
    with (
        LiveMarkets(tmp_path, count=2, minutes=1) as markets,
        server_process(tmp_path, workers=1) as (base, process),
        watched(browser) as page,
    ):
        page.page.goto(f"{base}/?m={BTC}&tab=quality")
        own = page.page.locator("[data-list=own]")
        every = page.page.locator("[data-list=everywhere]")
        expect(own).to_contain_text("None in the last hour.")
        markets.state = (State.DOWN, "It closed the connection.")
        expect(own).to_contain_text("Not answering")
        expect(every).to_contain_text("ETH/USD, Kraken: not answering")
        said = plain(own.inner_text())
        assert re.search(r"Tried 3 times; next in [\d.]+ s\. Other venues are not affected\.", said)
        # The tab tells of the state itself: nothing stands over it.
        expect(page.page.locator(".note")).to_be_hidden()
        expect(page.page.locator(".empty")).to_be_hidden()
        markets.state = None
        expect(own).to_contain_text("None in the last hour.")
        # Without a server nothing that was told last is told as if it were so now.
        page.until(READY)
        page.page.context.set_offline(True)
        kill_workers(process.pid)
        expect(page.page.locator("[data-f=dq-depth-state]")).to_have_text("Not known")
        since = re.compile(r"not known since \d\d:\d\d:\d\d UTC")
        expect(page.page.locator("[data-f=dq-clock]")).to_have_text(since)
        expect(page.page.locator("[data-f=dq-depth-since]")).to_have_text(re.compile(r"\d"))
        for cell in ("age", "latency", "rate", "recent", "gaps"):
            expect(page.page.locator(f"[data-f=dq-depth-{cell}]")).to_have_text("\u2013")
        expect(own).to_contain_text("None in the hour before")
        label = re.compile("last known best quotes")
        expect(page.page.locator("canvas[data-canvas=rate]")).to_have_attribute("aria-label", label)


def test_tile_and_sentence_tell_one_story(page: Watched, url: str) -> None:
    page.open(f"{url}/?m={BTC}", BTC)
    page.until("() => /σ/.test(document.querySelector('[data-f=what-text]').textContent)")
    seen = page.page.evaluate(STORIES)
    assert len(seen) > 10
    assert len({tile for tile, _ in seen}) > 1, "nothing moved"
    assert all(tile == sentence for tile, sentence in seen)


def test_a_gap_says_under_the_pointer_what_it_was(page: Watched, url: str) -> None:
    page.open(f"{url}/?m={BTC}&range=1800", BTC)  # a shorter one the gap leaves
    page.page.keyboard.press("Space")  # held still, so that the gap stays where it is said to be
    page.until(HELD, BTC)
    view = page.view(BTC)
    (gap,) = [g for g in view["gaps"] if g["stream"] == "depth"]
    start, end = view["ranges"]["time"]
    box = page.page.locator(".row-book .plot").bounding_box()
    assert box
    middle = (gap["from_ms"] + gap["to_ms"]) / 2
    page.page.mouse.move(box["x"] + box["width"] * (middle - start) / (end - start), box["y"] + 60)
    card = page.page.locator(".rows > .readout")
    expect(card).to_contain_text("No data for")
    words = plain(card.inner_text())
    assert "7 updates missed" in words
    assert "rebuilt from a snapshot" in words
    assert "left blank" in words


def test_a_restart_and_an_absence_of_the_network_are_told(browser: Browser, tmp_path: Path) -> None:
    with (
        LiveMarkets(tmp_path, count=1, minutes=2),
        server_process(tmp_path, workers=1) as (base, process),
        watched(browser) as page,
    ):
        page.open(f"{base}/?m={BTC}", BTC)
        page.page.context.set_offline(True)
        kill_workers(process.pid)
        expect(page.page.locator(".note")).to_contain_text("This device is offline")
        expect(page.page.locator("[data-f=spread]")).to_have_text("–")
        page.page.context.set_offline(False)
        notice = page.page.locator("#notice")
        expect(notice).to_be_visible()
        said = plain(notice.inner_text())
        assert re.fullmatch(
            r"Server restarted at \d\d:\d\d:\d\d UTC[;.] "
            rf"([Aa]way {SPAN}[:;] )?{SPAN} filled from the store, nothing lost\.",
            said,
        )
        expect(page.page.locator("#link")).to_contain_text("Connected")
        expect(notice).to_be_hidden()


def test_a_device_that_slept_reconnects_and_says_so(page: Watched, url: str) -> None:
    page.open(f"{url}/?m={BTC}", BTC)
    page.until("() => window.ofi.stats().link.roundTrip !== null")
    epoch = page.view(BTC)["epoch"]
    page.page.evaluate(SLEEP, 12 * 60_000)
    notice = page.page.locator("#notice")
    expect(notice).to_contain_text("This device slept for")
    words = plain(notice.inner_text())
    assert (
        words
        == "This device slept for 12 min; what was missed is filled from the store, nothing lost."
    )
    assert page.view(BTC)["epoch"] > epoch
    expect(page.page.locator("#link")).to_contain_text("Connected")
    assert page.complaints == []


def test_hours_in_the_background_are_told(page: Watched, url: str) -> None:
    page.open(f"{url}/?m={BTC}", BTC)
    page.page.evaluate(HIDDEN, (3 * 60 + 5) * 60_000)
    notice = page.page.locator("#notice")
    expect(notice).to_contain_text("Hidden for")
    assert plain(notice.inner_text()) == (
        "Hidden for 3 h 5 min. The view is of now; it draws the last 15 min of what happened meanwhile."
    )


def test_an_expired_session_asks_to_sign_in_and_comes_back_to_the_view(
    browser: Browser, tmp_path: Path
) -> None:
    with (
        LiveMarkets(tmp_path, count=1, minutes=2),
        server_process(tmp_path, workers=1, token=TOKEN) as (base, process),
        watched(browser) as page,
    ):
        page.page.goto(f"{base}/?m={BTC}&window=30&token={TOKEN}")
        page.until("market => window.ofi?.view(market)?.drawn.count > 1", BTC)
        page.page.context.clear_cookies()
        kill_workers(process.pid)
        note = page.page.locator(".note")
        expect(note).to_contain_text("Session expired")
        expect(note).to_contain_text("Sign in again to go on; your view is in the address.")
        expect(page.page.locator(".pill.state")).to_have_text("Session expired")
        expect(page.page.locator("[data-f=mid]")).to_have_text("–")
        page.page.get_by_role("link", name="Sign in").click()
        page.page.locator("input[type=password]").fill(TOKEN)
        page.page.keyboard.press("Enter")
        page.until("market => window.ofi?.view(market)?.drawn.count > 1", BTC)
        assert "window=30" in page.address()


# From here on tests share a page. Those that have their own come first: none is drawn beside it.


@pytest.fixture(scope="module")
def shared(browser: Browser, url: str) -> Iterator[Watched]:
    with watched(browser, 390, 844) as page:
        page.open(f"{url}/?m={BTC}&theme=light", BTC)
        yield page


@pytest.fixture
def one(shared: Watched) -> Iterator[Watched]:
    """A page of one market; a test gives it the tab, the size and the theme that it looks at."""
    shared.complaints.clear()
    yield shared
    assert shared.complaints == []


@pytest.mark.parametrize(
    ("theme", "width", "height"),
    [("light", 390, 844), ("dark", 1440, 900), ("dark", 2560, 1440)],  # as it was opened first
)
def test_the_tab_shows_what_the_api_says(
    one: Watched, url: str, theme: str, width: int, height: int
) -> None:
    page = one.page
    turned(one, "flow")
    resized(one, width, height)
    themed(one, theme)
    with changed(one):
        page.get_by_role("button", name="Feed state: open data quality").click()
        one.until(READY)
    assert "tab=quality" in one.address()

    def cell(name: str) -> str:
        return plain(page.locator(f"[data-f=dq-depth-{name}]").inner_text())

    def told() -> bool:
        """Whether gaps and coverage are the API's: a gap may begin or leave between two looks."""
        answer = httpx.get(f"{url}/api/v1/quality", params={"market": BTC}, timeout=60).json()
        depth = answer["streams"][1]
        shown = float(cell("recent").split()[0]) / 100
        same = cell("gaps") == f"{depth['gaps_15min']} / {depth['gaps_lookback']}"
        return same and shown == pytest.approx(depth["coverage_15min"], abs=0.01)

    eventually(told)
    assert cell("sends") == "batches of 100 ms"
    assert cell("longest") == "25 s"
    # A row for each reason, with the gaps of each stream.
    reasons = plain(page.locator("[data-list=reasons]").inner_text())
    assert "an update was missing" in reasons
    assert "all gaps and rejected books since " in reasons
    cut = "one => one.scrollWidth - one.clientWidth"
    assert page.locator(".panel-reasons .dq-scroll").evaluate(cut) == 0
    assert len(set(pixels(page, "canvas[data-canvas=cover]").split(","))) > 2
    for canvas in page.locator(".dq canvas.chart").all():
        assert BTC in (canvas.get_attribute("aria-label") or "")
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide == 0
    assert serious(page) == []


# The longest that the cells of each stream may say; they say what they said again then.
WORST = """() => {
  const words = {
    state: 'Resyncing', since: '59\u00a0min', age: '59\u00a0min ago', sends: 'batches of 100\u00a0ms',
    latency: '12,345 / 12,345\u00a0ms', rate: '1,234', recent: '99.98\u00a0%', lookback: '99.98\u00a0%',
    gaps: '123 / 123', longest: '29\u00a0min 59\u00a0s',
  };
  const cells = ['best', 'depth', 'trades'].flatMap(stream => Object.entries(words).map(
    ([name, said]) => [document.querySelector(`[data-f=dq-${stream}-${name}]`), said]));
  const before = cells.map(([cell]) => cell.textContent);
  cells.forEach(([cell, said]) => { cell.textContent = said; });
  const scroll = document.querySelector('.panel-streams .dq-scroll');
  const beyond = scroll.scrollWidth - scroll.clientWidth;
  cells.forEach(([cell], k) => { cell.textContent = before[k]; });
  return beyond;
}"""


@pytest.mark.parametrize("width", [1200, 1340, 1366, 1420, 1440, 1500, 1536, 1920])
def test_no_stream_is_cut(one: Watched, width: int) -> None:
    resized(one, width, 900)
    turned(one, "quality")
    one.until(READY)
    assert one.page.evaluate(WORST) == 0
