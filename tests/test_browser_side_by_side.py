"""One, two and four markets at three widths: every part of the page has its own place."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from components.panes import PANES
from tests.browser import LiveMarkets, Watched, eventually, watched
from tests.browser_panels import SAYS, menu
from tests.browser_places import (
    BESIDE,
    CUT,
    ELSEWHERE,
    HEADER,
    OUTSIDE,
    OVERLAPS,
    TOUCHING,
    UNDER,
    UNITLESS,
    UNSAID,
    UNSEEN,
)
from tests.browser_ways import resized, turned
from tests.web_server import running_server
from tests.web_walk import MARKETS as MADE

pytestmark = pytest.mark.browser

MARKETS = [str(market.id) for market, _ in MADE[:4]]
TABS = tuple(PANES)
UNCUT = "one => one.scrollWidth <= one.clientWidth"
WIDTHS = (2560, 1920, 1440, 1300, 1200, 1024, 900, 768, 600, 390, 360)
SIZES = ((390, 844), (1440, 900), (2560, 1440))
# What the page of so many markets is opened with: each size and, with the test of units, each tab.
OPENED = {1: (SIZES[0], "flow"), 2: (SIZES[1], "trades"), 4: (SIZES[2], "evidence")}


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with (
        LiveMarkets(tmp_path_factory.mktemp("hot"), count=4, minutes=6) as markets,
        running_server(Path(markets.store.directory), workers=1) as base,
    ):
        yield base


def shown(page: Watched, base: str, count: int, more: str = "") -> None:
    """Open so many markets, with more in the address; slowly drawn, for places alone are looked at."""
    markets = MARKETS[:count]
    page.open(f"{base}/?rate=2&{'&'.join(f'm={m}' for m in markets)}{more}", *markets)


@pytest.mark.parametrize(("count", "widths"), [(1, (1440, 1024, 768)), (2, (768,))])
def test_the_cost_of_an_order_and_the_tape_are_read_whole(
    browser: Browser, four: str, count: int, widths: tuple[int, ...]
) -> None:
    with watched(browser, widths[0], 900) as page:
        markets = MARKETS[:count]
        # No gap is in view, so that no badge warns of it.
        page.open(f"{four}/?{'&'.join(f'm={m}' for m in markets)}&tab=trades&range=60", *markets)
        page.until("() => document.querySelector('.tape tbody tr')")
        expect(page.page.locator("[data-f=line-tape]").first).to_contain_text("Sides")
        for width in widths:
            resized(page, width, 900)
            assert page.page.evaluate(BESIDE) == [], width
            if width == 1440:
                for line in page.page.locator(".tside .ph p").all():
                    assert line.evaluate(UNCUT), line.inner_text()
            assert page.page.evaluate(TOUCHING) == [], width
            assert page.page.locator(".panel-queue .leg > span").first.evaluate(UNCUT), width


def test_charts_of_quality_and_of_verification_say_their_units_beside_their_axes(
    browser: Browser, four: str
) -> None:
    with watched(browser, 390, 844) as page:
        page.page.add_init_script(SAYS)
        page.page.goto(f"{four}/?m={MARKETS[0]}&tab=quality")
        page.until("() => [...said].some(words => /^[0-9]+\\u00a0\\/s$/.test(words))")
        page.until("() => [...said].some(words => /^[0-9]+\\u00a0ms$/.test(words))")
        page.until("() => said.has('p50') && said.has('p99')")
        page.page.locator(".bottom [data-tab=evidence]").click()
        page.until(
            "() => said.has('OFI in the same 10\u00a0s, BTC') && said.has('move of mid, ticks')"
        )


def test_how_a_stream_comes_is_read_without_a_pointer(browser: Browser, four: str) -> None:
    with watched(browser, 1440, 900) as page:
        shown(page, four, 2)
        badge = page.page.locator(".row-ofi .cov").first
        expect(badge).to_have_attribute("title", re.compile("^Best quotes: "))
        page.page.locator(".row-ofi .panel-menu").first.focus()
        page.page.keyboard.press("Enter")
        note = page.page.locator(".menu-note")
        expect(note).to_be_visible()
        said = note.inner_text()
        assert re.search(
            r"Best quotes: event by event\. Known in 15.min: [\d.]+.%(, recorded since .+)?\.", said
        ), said
        assert "\n" in said, "its gaps are listed"
        described = page.page.get_by_role("menu").get_attribute("aria-describedby")
        assert described == note.get_attribute("id")


def has_room(page: Watched, count: int) -> None:
    """The header, of so many markets, in a page 1440 wide and in narrower ones."""
    expect(page.page.locator(".top .ctl")).to_have_count(4)
    for width in (1440, 1366, 1300, 1299, 1200, 1199, 1024, 1023, 900, 768):
        resized(page, width, 800)
        assert page.page.evaluate("document.documentElement.scrollWidth") == width
        assert page.page.evaluate(HEADER) == [], width
        chips = page.page.locator(".mchip").filter(visible=True)
        assert chips.count() == (count if count > 1 else 0), width


@pytest.mark.parametrize("count", [1, 2, 4])
def test_the_header_has_room_for_a_long_zone(browser: Browser, four: str, count: int) -> None:
    """One that only an address can name: the browser lists it by another name."""
    with watched(browser, 1440, 800) as page:
        shown(page, four, count, "&tz=America/Argentina/Buenos_Aires")
        has_room(page, count)


def test_panels_that_two_markets_leave_no_room_for_are_one_step_away(
    browser: Browser, four: str
) -> None:
    with watched(browser, 1440, 900) as page:
        shown(page, four, 2, "&tab=evidence")
        reasons = page.page.locator("[data-panel=reasons]").first
        for tab, panel, more, lost in (
            ("evidence", "verdict", "2 more panels", "flows"),
            ("quality", "streams", "2 more panels", "reasons"),
        ):
            page.page.locator(f"#tabs [data-tab={tab}]").click()
            expect(page.page.locator(f"[data-panel={lost}]").first).to_be_hidden()
            menu(page, panel)
            item = page.page.get_by_role("menuitem", name=f"Show this market alone, with {more}")
            expect(item).to_be_visible()
            page.page.keyboard.press("Escape")
        menu(page, "streams")
        item.click()
        page.until("() => document.querySelectorAll('.stack').length === 1")
        expect(reasons).to_be_visible()
        menu(page, "streams")
        expect(item).to_have_count(0)
        page.page.keyboard.press("Escape")
        page.page.go_back()
        page.until("() => document.querySelectorAll('.stack').length === 2")
        assert page.complaints == []


# From here on tests share a page. Those that have their own come first: none is drawn beside it.


@dataclass
class Side:
    """A page of so many markets side by side."""

    page: Watched
    count: int

    def look(self, script: str) -> object:
        return self.page.page.evaluate(script)


@pytest.fixture(scope="module", params=sorted(OPENED))
def opened(request: pytest.FixtureRequest, browser: Browser, four: str) -> Iterator[Side]:
    (width, height), tab = OPENED[request.param]
    with watched(browser, width, height) as page:
        shown(page, four, request.param, f"&tab={tab}")
        yield Side(page, request.param)


@pytest.fixture
def side(opened: Side) -> Iterator[Side]:
    """The page of one, two or four markets, in turn; a test takes it to the tab and the sizes it looks at."""
    opened.page.complaints.clear()
    yield opened
    assert opened.page.complaints == []


def test_nothing_overlaps_overflows_or_is_cut_off(side: Side) -> None:
    size, tab = OPENED[side.count]
    # As it was opened first.
    for width, height in sorted(SIZES, key=lambda one: one != size):
        resized(side.page, width, height)
        for name in sorted(TABS, key=lambda one: one != tab):
            turned(side.page, name)
            case = f"{name}, {width} wide"
            assert side.look("document.documentElement.scrollWidth - innerWidth") == 0, case
            assert side.look(OUTSIDE) == [], case
            assert side.look(OVERLAPS) == [], case
            assert side.look(CUT) == [], case
            if (side.count, width) == (1, 1440) and name in ("trades", "quality"):
                assert side.look(ELSEWHERE) == [], case
            eventually(lambda: side.look(UNSAID) == [])


def test_the_header_has_room_for_every_control(side: Side) -> None:
    turned(side.page, "flow")
    has_room(side.page, side.count)


@pytest.mark.parametrize("opened", [1, 2], indirect=True)
@pytest.mark.parametrize("tab", TABS)
def test_a_market_takes_the_height_that_its_tab_needs(side: Side, tab: str) -> None:
    page = side.page.page
    resized(side.page, 1024, 800)
    turned(side.page, tab)
    for width in (1024, 768):
        resized(side.page, width, 800)
        assert side.look(UNDER) == [], width
    for name in TABS:
        box = page.locator(f"#tab-{name}").bounding_box()
        strip = page.locator("#tabs").bounding_box()
        assert box
        assert strip
        assert box["x"] + box["width"] <= strip["x"] + strip["width"] + 1, name


@pytest.mark.parametrize("opened", [1, 4], indirect=True)
def test_a_bar_shows_as_many_figures_as_it_has_room_for(side: Side) -> None:
    turned(side.page, "flow")
    for width in (2400, 1920, 1700, 1366, 1280, 1200, 1024, 900, 780):
        resized(side.page, width, 1000)
        assert side.look(CUT) == [], width
        assert side.look(UNSEEN) == [], width
    resized(side.page, 2400, 1000)
    least = 750 if side.count == 1 else 440
    unseen = side.page.page.evaluate(
        """([unseen, least]) => {
          const look = eval(unseen), [one, ...others] = document.querySelectorAll('.stack'), found = [];
          for (const other of others) other.style.display = 'none';
          for (let width = least; width < 1500; width += 7) {
            one.style.width = `${width}px`;
            found.push(...look().map((name) => `${width} ${name}`));
          }
          one.style.width = '';
          for (const other of others) other.style.display = '';
          return found;
        }""",
        [UNSEEN, least],
    )
    assert unseen == []


@pytest.mark.parametrize("tab", ["flow", "trades"])
def test_every_chart_says_what_its_values_are_in(side: Side, tab: str) -> None:
    page = side.page.page
    turned(side.page, tab)
    unit = page.locator(".tabpane:not([hidden]) :is(.corner, [data-f=unit-cvd])").first
    expect(unit).not_to_be_empty()
    for width in WIDTHS:
        resized(side.page, width, 1000)
        assert side.look(UNITLESS) == [], width
        assert side.look(CUT) == [], width
    # On a phone too the head says what is known.
    share = page.locator(".tabpane:not([hidden]) .cov").first
    expect(share).to_contain_text("coverage")
    assert share.is_visible()
