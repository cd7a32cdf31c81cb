"""One, two and four markets at three widths: every part of the page has its own place."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from components.panes import PANES
from tests.browser import LiveMarkets, Watched, watched
from tests.browser_panels import SAYS
from tests.web_market import MARKETS as MADE
from tests.web_server import running_server

pytestmark = pytest.mark.browser

MARKETS = [str(market.id) for market, _ in MADE[:4]]
TABS = tuple(PANES)
# Parts of a market beyond its own left or right edge.
OUTSIDE = """() => [...document.querySelectorAll('.stack')].flatMap(stack => {
  const own = stack.getBoundingClientRect();
  return [...stack.querySelectorAll('.panel, .mkt, .read, .foot')].filter(part => {
    const box = part.getBoundingClientRect();
    return box.width && (box.left < own.left - 1 || box.right > own.right + 1);
  }).map(part => part.className);
})"""
# Pairs of panels, tiles and bars of the page that share more than a pixel of the screen.
OVERLAPS = """() => {
  const seen = [...document.querySelectorAll(
    'header, #side, #tabs, .stack, .mkt .id, .tile, .read, .tabpane:not([hidden]) .panel, .foot, .bottom')]
    .map(one => [one, one.getBoundingClientRect()]).filter(([, box]) => box.width > 1 && box.height > 1);
  const name = one => one.dataset.panel || one.id || one.className || one.tagName;
  const found = [];
  seen.forEach(([a, p], k) => seen.slice(k + 1).forEach(([b, q]) => {
    if (a.contains(b) || b.contains(a)) return;
    if (getComputedStyle(a).position === 'fixed' || getComputedStyle(b).position === 'fixed') return;
    const wide = Math.min(p.right, q.right) - Math.max(p.left, q.left);
    const tall = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
    // What a scrolled list has cut off is not on the screen.
    if (wide > 1 && tall > 1 && !a.closest('#stacks') === !b.closest('#stacks'))
      found.push(`${name(a)} over ${name(b)}: ${Math.round(wide)} x ${Math.round(tall)}`);
  }));
  return found;
}"""
# Words that are cut off at the edge of their box though nothing says that they go on.
CUT = """() => [...document.querySelectorAll(
    '.tile .v, .tile .s, .tile dt, .mkt .px, .ph h3, .ph .of, .corner, .cov, .foot .q:not(.q-gaps)')]
  .filter(one => {
    const within = one.closest('.tile, .plot-head, .cross-head, .cv, .foot, .mkt').getBoundingClientRect();
    const range = document.createRange();
    range.selectNodeContents(one);
    const words = range.getBoundingClientRect();
    return one.offsetParent && words.width && words.right > within.right + 1;
  }).map(one => `${one.className || one.tagName}: ${one.textContent}`)"""

# Figures that are shown on a line of the bar that is cut off: who moves by the keyboard gets there.
UNSEEN = """() => [...document.querySelectorAll('.tile')].filter(tile => {
  const box = tile.getBoundingClientRect(), bar = tile.closest('.mkt').getBoundingClientRect();
  return box.height && box.bottom > bar.bottom + 1;
}).map(tile => tile.className)"""

# Heads of charts of market data that do not say what their values are in; `Distribution` has the axis of
# its row, and what made the OFI says it beside each sum.
UNITLESS = """() => [...document.querySelectorAll('.rows > .panel, .trows > .panel')].flatMap(panel => {
  const seen = one => one.offsetParent && one.getBoundingClientRect().width > 1 && one.textContent;
  const heads = [...panel.querySelectorAll('.plot-head, .cross-head')].filter(one => one.offsetParent);
  const spared = ['Distribution', 'What made this OFI'];
  return heads.filter(head => !spared.includes(head.querySelector('h3').textContent))
    .filter(head => ![...head.querySelectorAll('.of')].some(seen))
    .filter(head => head.matches('.cross-head') || ![...panel.querySelectorAll('.corner')].some(seen))
    .map(head => head.querySelector('h3').textContent);
})"""
# Controls of the header that lie over one another, beyond its edges, or are less than a pointer needs.
HEADER = """() => {
  const seen = [...document.querySelectorAll('.top :is(button, .pill, .ctl)')]
    .filter(one => one.offsetParent).filter(one => !one.closest('.ctl') || one.matches('.ctl'))
    .map(one => [one, one.getBoundingClientRect()]);
  const name = one => one.id || one.dataset.market || one.className;
  const out = seen.filter(([one, box]) => {
    const least = one.matches('.pill') ? 22 : one.matches('.mchip') ? 28 : 30;
    return box.left < 0 || box.right > innerWidth || box.height < least || box.width < least;
  }).map(([one, box]) => `${name(one)}: ${[box.left, box.right, box.height].map(Math.round)}`);
  seen.forEach(([a, p], k) => seen.slice(k + 1).forEach(([b, q]) => {
    if (Math.min(p.right, q.right) - Math.max(p.left, q.left) > 0
      && Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top) > 0) out.push(`${name(a)} over ${name(b)}`);
  }));
  return out;
}"""
# Markets whose last line lies over their panels, or whose panels go beyond them.
UNDER = """() => [...document.querySelectorAll('.stack')].flatMap(stack => {
  const foot = stack.querySelector('.foot').getBoundingClientRect();
  const end = stack.getBoundingClientRect().bottom;
  return [...stack.querySelectorAll('.tabpane:not([hidden]) .panel')].filter(panel => {
    const { height, bottom } = panel.getBoundingClientRect();
    return height > 1 && bottom > foot.top + 1;
  }).map(panel => panel.dataset.panel).concat(foot.bottom > end + 1 ? ['foot'] : []);
})"""
# Words of the heads beside the charts of trades that lie under the button of the menu.
BESIDE = """() => [...document.querySelectorAll('.tside .ph')].flatMap(head => {
  const menu = head.querySelector('.panel-menu').getBoundingClientRect();
  return [...head.querySelectorAll('h3, p, .cov')]
    .filter(one => one.offsetParent && one.getBoundingClientRect().right > menu.left)
    .map(one => one.textContent);
})"""
# Rows of the tape whose time and price touch.
TOUCHING = """() => [...document.querySelectorAll('.tape tbody tr')].filter(row => {
  if (!row.offsetHeight) return false;
  const [time, price] = [...row.cells].map(cell => {
    const range = document.createRange();
    range.selectNodeContents(cell);
    return range.getBoundingClientRect();
  });
  return price.left < time.right + 4;
}).map(row => row.textContent)"""
WIDTHS = (2560, 1920, 1440, 1300, 1200, 1024, 900, 768, 600, 390, 360)


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with (
        LiveMarkets(tmp_path_factory.mktemp("hot"), count=4, minutes=6) as markets,
        running_server(Path(markets.store.directory), workers=1) as base,
    ):
        yield base


def shown(page: Watched, base: str, count: int, more: str = "") -> list[str]:
    """Open so many markets, with more in the address; slowly drawn, for places alone are looked at."""
    markets = MARKETS[:count]
    page.open(f"{base}/?rate=2&{'&'.join(f'm={m}' for m in markets)}{more}", *markets)
    return markets


def resized(page: Watched, width: int, height: int) -> None:
    """Give the window a size."""
    page.page.set_viewport_size({"width": width, "height": height})
    page.until("width => innerWidth === width", width)


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1440, 900), (2560, 1440)])
@pytest.mark.parametrize("count", [1, 2, 4])
def test_nothing_overlaps_overflows_or_is_cut_off(
    browser: Browser, four: str, width: int, height: int, count: int
) -> None:
    with watched(browser, width, height) as page:
        markets = shown(page, four, count)
        for tab in TABS:
            page.page.locator(f"#tab-{tab}, .bottom [data-tab={tab}]").locator(
                "visible=true"
            ).first.click()
            page.until(
                "([all, tab]) => all.every(m => window.ofi.view(m).tab === tab)", [markets, tab]
            )
            page.until("all => all.every(m => window.ofi.view(m).drawn.count > 2)", markets)
            wide = page.page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wide == 0, tab
            assert page.page.evaluate(OUTSIDE) == [], tab
            assert page.page.evaluate(OVERLAPS) == [], tab
            assert page.page.evaluate(CUT) == [], tab
        assert page.complaints == []


@pytest.mark.parametrize("zone", ["utc", "America/Argentina/Buenos_Aires"])
@pytest.mark.parametrize("count", [1, 2, 4])
def test_the_header_has_room_for_every_control(
    browser: Browser, four: str, count: int, zone: str
) -> None:
    with watched(browser, 1440, 800) as page:
        shown(page, four, count, f"&tz={zone}")
        expect(page.page.locator(".top .ctl")).to_have_count(4)
        for width in (1440, 1366, 1300, 1299, 1200, 1199, 1024, 1023, 900, 768):
            resized(page, width, 800)
            assert page.page.evaluate("document.documentElement.scrollWidth") == width
            assert page.page.evaluate(HEADER) == [], width
            chips = page.page.locator(".mchip").filter(visible=True)
            assert chips.count() == (count if count > 1 else 0), width


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("tab", TABS)
def test_a_market_takes_the_height_that_its_tab_needs(
    browser: Browser, four: str, tab: str, count: int
) -> None:
    with watched(browser, 1024, 800) as page:
        shown(page, four, count, f"&tab={tab}")
        for width in (1024, 768):
            resized(page, width, 800)
            assert page.page.evaluate(UNDER) == [], width
        for name in TABS:
            box = page.page.locator(f"#tab-{name}").bounding_box()
            strip = page.page.locator("#tabs").bounding_box()
            assert box
            assert strip
            assert box["x"] + box["width"] <= strip["x"] + strip["width"] + 1, name


@pytest.mark.parametrize(("width", "count"), [(1440, 1), (1024, 1), (768, 2), (768, 1)])
def test_the_cost_of_an_order_and_the_tape_are_read_whole(
    browser: Browser, four: str, width: int, count: int
) -> None:
    with watched(browser, width, 900) as page:
        markets = MARKETS[:count]
        # No gap is in view, so that no badge warns of it.
        page.open(f"{four}/?{'&'.join(f'm={m}' for m in markets)}&tab=trades&range=60", *markets)
        page.until("() => document.querySelector('.tape tbody tr')")
        expect(page.page.locator("[data-f=line-tape]").first).to_contain_text("Sides")
        assert page.page.evaluate(BESIDE) == []
        if width == 1440:
            for line in page.page.locator(".tside .ph p").all():
                assert line.evaluate("one => one.scrollWidth <= one.clientWidth"), line.inner_text()
        assert page.page.evaluate(TOUCHING) == []
        key = page.page.locator(".panel-queue .leg > span").first
        assert key.evaluate("one => one.scrollWidth <= one.clientWidth")


@pytest.mark.parametrize("count", [1, 4])
def test_a_bar_shows_as_many_figures_as_it_has_room_for(
    browser: Browser, four: str, count: int
) -> None:
    with watched(browser, 3000, 1000) as page:
        shown(page, four, count)
        for width in (2400, 1920, 1700, 1366, 1280, 1200, 1024, 900, 780):
            resized(page, width, 1000)
            assert page.page.evaluate(CUT) == [], width
            assert page.page.evaluate(UNSEEN) == [], width
        resized(page, 2400, 1000)
        least = 750 if count == 1 else 440
        unseen = page.page.evaluate(
            """([unseen, least]) => {
              const look = eval(unseen), [one, ...others] = document.querySelectorAll('.stack'), found = [];
              for (const other of others) other.style.display = 'none';
              for (let width = least; width < 1500; width += 7) {
                one.style.width = `${width}px`;
                found.push(...look().map((name) => `${width} ${name}`));
              }
              return found;
            }""",
            [UNSEEN, least],
        )
        assert unseen == []


@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.parametrize("tab", ["flow", "trades"])
def test_every_chart_says_what_its_values_are_in(
    browser: Browser, four: str, count: int, tab: str
) -> None:
    with watched(browser, 2560, 1440) as page:
        shown(page, four, count, f"&tab={tab}")
        unit = page.page.locator(".tabpane:not([hidden]) :is(.corner, [data-f=unit-cvd])").first
        expect(unit).not_to_be_empty()
        for width in WIDTHS:
            resized(page, width, 1000)
            assert page.page.evaluate(UNITLESS) == [], width
            assert page.page.evaluate(CUT) == [], width
        # On a phone too the head says what is known.
        share = page.page.locator(".tabpane:not([hidden]) .cov").first
        expect(share).to_contain_text("coverage")
        assert share.is_visible()


def test_charts_of_quality_and_of_verification_say_their_units_beside_their_axes(
    browser: Browser, four: str
) -> None:
    with watched(browser, 390, 844) as page:
        page.page.add_init_script(SAYS)
        page.page.goto(f"{four}/?m={MARKETS[0]}&tab=quality")
        page.until("() => [...said].some(words => /^[0-9]+\\u00a0\\/s$/.test(words))")
        page.until("() => [...said].some(words => /^[0-9]+\\u00a0ms$/.test(words))")
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
        assert re.match(
            r"Best quotes: event by event\. Known in 15.min: [\d.]+.%(, recorded since .+)?\.", said
        ), said
        assert "\n" in said, "its gaps are listed"
        described = page.page.get_by_role("menu").get_attribute("aria-describedby")
        assert described == note.get_attribute("id")
