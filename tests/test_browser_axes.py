"""Axes between two drawings of plotly: labels stand at their times, and give way to what lies over them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import LiveMarkets, Watched, watched
from tests.web_server import running_server

pytestmark = pytest.mark.browser

# How many pixels each label of the time axes that can be seen stands beside its time, and from the ends.
LABELS = """market => {
  const stack = [...document.querySelectorAll('.stack')].find(one => one.dataset.market === market);
  const plot = stack.querySelector('.row-book .plot').getBoundingClientRect();
  const [start, end] = window.ofi.view(market).ranges.time, day = 86400000;
  const seen = [...stack.querySelectorAll('.axes .xtick text, .axes .x5tick text')]
    .filter(one => one.textContent && getComputedStyle(one).visibility === 'visible');
  return seen.map(one => {
    const box = one.getBoundingClientRect(), x = (box.left + box.right) / 2;
    const [h, m, s] = one.textContent.split(':').map(Number);
    const after = ((h * 60 + m) * 60 + (s || 0)) * 1000 - (start % day);
    const time = after - day * Math.round(after / day); // at midnight a day is over between the two
    return { words: one.textContent, off: x - plot.left - (time / (end - start)) * plot.width,
      left: x - plot.left, right: plot.right - x };
  });
}"""
SHIFT = """market => {
  const stack = [...document.querySelectorAll('.stack')].find(one => one.dataset.market === market);
  const moved = stack.querySelector('.axes .gridlayer > .x')?.getAttribute('transform');
  return Number(/-?[\\d.]+/.exec(moved ?? '0')[0]);
}"""
# Labels of a value axis that can be seen under the chip on it.
UNDER_CHIPS = """() => [['ytick', 'chip-book'], ['y2tick', 'chip-ofi']].flatMap(([tick, chip]) => {
  const over = document.querySelector(`.${chip}:not([hidden])`)?.getBoundingClientRect();
  return over ? [...document.querySelectorAll(`.axes .${tick} text`)]
    .filter(one => one.textContent && getComputedStyle(one).visibility === 'visible')
    .filter(one => {
      const box = one.getBoundingClientRect();
      return Math.abs((box.top + box.bottom - over.top - over.bottom) / 2) < 11;
    }).map(one => one.textContent) : [];
})"""
DRAWN_AGAIN = "([m, n]) => window.ofi.view(m).drawn.count > n"


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[str]]]:
    with (
        LiveMarkets(tmp_path_factory.mktemp("hot"), count=2, minutes=6) as markets,
        running_server(Path(markets.store.directory), workers=1) as base,
    ):
        yield base, markets.names


def labels_stand_right(page: Watched, market: str) -> None:
    """Look at the labels between two frames."""
    page.until("m => window.ofi.view(m).axes", market)
    found = page.page.evaluate(LABELS, market)
    assert len(found) > 2
    for label in found:
        # The axis moves by two pixels where they pass quickly, and is up to so many ahead.
        assert abs(label["off"]) < 2.6, found
        assert label["left"] > 18, found
        assert label["right"] > 24, found


def shifted(page: Watched, market: str) -> None:
    """Wait until the axes have been moved since plotly drew them."""
    page.until(f"m => ({SHIFT})(m) < -3", market)


@contextmanager
def moving(browser: Browser, base: str, market: str, **options: Any) -> Iterator[Watched]:
    """A market whose axes have moved; the page has nothing to complain of in the end."""
    with watched(browser, 1440, 900, **options) as page:
        page.open(f"{base}/?range=60&rate=10&m={market}", market)
        shifted(page, market)
        yield page
        assert page.complaints == []


@pytest.mark.parametrize("ratio", [1.0, 1.25, 2.0])
def test_labels_stand_at_their_times_while_the_axes_move(
    browser: Browser, two: tuple[str, list[str]], ratio: float
) -> None:
    base, (market, _) = two
    with moving(browser, base, market, device_scale_factor=ratio) as page:
        for _ in range(4):
            shifted(page, market)
            labels_stand_right(page, market)
            count = page.view(market)["drawn"]["count"]
            page.until(DRAWN_AGAIN, [market, count + 5])
            assert page.page.evaluate(UNDER_CHIPS) == []


def test_a_market_that_takes_over_the_axes_of_another_has_them_in_their_place(
    browser: Browser, two: tuple[str, list[str]]
) -> None:
    base, (one, other) = two
    with moving(browser, base, one) as page:
        page.page.locator("#freeze").click()
        page.until("m => window.ofi.view(m).state === 'frozen'", one)
        for market in (other, one) * 4:  # the axes go round
            page.page.locator(f".ag-row[row-id='{market}'] .ag-cell").first.click()
            page.until(
                "m => window.ofi.view(m)?.axes && window.ofi.view(m).drawn.count > 0", market
            )
            labels_stand_right(page, market)


def test_a_gesture_begins_from_where_the_axes_are(
    browser: Browser, two: tuple[str, list[str]]
) -> None:
    base, (market, _) = two
    with moving(browser, base, market) as page:
        box = page.page.locator(".row-book .plot").bounding_box()
        assert box is not None
        mouse, left, top = page.page.mouse, box["x"] + box["width"] / 2, box["y"] + 60
        mouse.move(left, top)
        mouse.down()
        count = page.view(market)["drawn"]["count"]
        page.until(DRAWN_AGAIN, [market, count + 12])  # held for more than a second
        assert abs(page.page.evaluate(SHIFT, market)) < 2
        mouse.move(left + 30, top, steps=3)
        mouse.move(left + 60, top, steps=3)
        assert page.page.evaluate(SHIFT, market) == 0
        mouse.up()
        page.until("m => window.ofi.view(m).user.time", market)
        labels_stand_right(page, market)


def test_a_market_without_data_takes_presses_and_wheels(
    browser: Browser, two: tuple[str, list[str]]
) -> None:
    base, _ = two
    with watched(browser, 1440, 900) as page:
        page.page.goto(f"{base}/?m=binance:NOPE/USDT")
        page.until("() => document.querySelector('.stack .rows')")
        page.page.evaluate(
            """() => {
              const rows = document.querySelector('.stack .rows');
              rows.dispatchEvent(new PointerEvent('pointerdown', { bubbles: true }));
              rows.dispatchEvent(new PointerEvent('pointerup', { bubbles: true }));
              rows.dispatchEvent(new WheelEvent('wheel', { bubbles: true, deltaY: 10 }));
            }"""
        )
        page.page.locator(".row-book .panel-menu").focus()
        page.page.keyboard.press("Enter")
        menu = page.page.get_by_role("menu")
        expect(menu.get_by_role("menuitemradio", name="viridis")).to_be_visible()
        expect(menu.get_by_role("menuitem", name="Zoom in on prices")).to_have_count(0)
        expect(page.page.locator(".menu form")).to_have_count(0)
        page.page.keyboard.press("Escape")
        for tab, chart in (("quality", "latency"), ("trades", "price"), ("evidence", "vpin")):
            page.page.locator(f"#tabs [data-tab={tab}]").click()
            page.page.wait_for_selector(f".panel-{chart} .panel-body", state="attached")
            page.page.evaluate(
                """selector => {
                  const body = document.querySelector(selector);
                  const tell = (Kind, name, more) =>
                    body.dispatchEvent(new Kind(name, { bubbles: true, pointerId: 1, ...more }));
                  tell(WheelEvent, 'wheel', { deltaY: 10 });
                  tell(PointerEvent, 'pointerdown', { clientX: 300 });
                  tell(PointerEvent, 'pointermove', { clientX: 350 });
                  tell(PointerEvent, 'pointerup', { clientX: 350 });
                }""",
                f".panel-{chart} .panel-body",
            )
        assert page.complaints == []


# Plotly fails, once at once and once later, and is asked to draw.
FAILS = """() => {
  const { relayout } = window.Plotly, fails = [
    () => { throw new Error('failed at once'); }, () => Promise.reject(new Error('failed later')),
  ];
  window.Plotly.relayout = (...given) => (fails.shift() ?? relayout)(...given);
  window.left = () => fails.length;
}"""


def test_axes_that_could_not_be_drawn_are_drawn_again(
    browser: Browser, two: tuple[str, list[str]]
) -> None:
    base, (market, _) = two
    with watched(browser, 1440, 900) as page:
        page.open(f"{base}/?range=60&rate=10&m={market}", market)
        page.page.evaluate(FAILS)
        page.page.set_viewport_size({"width": 1300, "height": 860})
        page.until("() => window.left() === 0")
        labels_stand_right(page, market)
        shifted(page, market)
        labels_stand_right(page, market)
        # Both are told, and nothing else.
        assert [said.splitlines()[0] for said in page.complaints] == [
            "Error: failed at once",
            "Error: failed later",
        ]
