"""When the page asks for history, and what an address says of a zoom: its modules, over a page made up."""

from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser_rig import call
from tests.test_browser_modules import page as page

pytestmark = pytest.mark.browser

LEFT = """async ([granted, busy, tab]) => {
  const { Travel } = await import('/live/travel.js');
  const stack = {
    edge: 1e12, model: { info: { step_ms: 1000 }, now: () => stack.edge }, zoomed() {},
    ranges: { user: { time: [1e12 - 90000, 1e12 - 30000] } }, pane: {}, tab,
  };
  const view = { range_s: 120, end_ms: null }, asked = [];
  const page = { view, stacks: new Map([[1, stack]]), want(change) {
    asked.push([(stack.edge - 1e12) / 1000, (change.end_ms - 1e12) / 1000]);
    if (granted) Object.assign(view, change);
  } };
  const travel = new Travel(page), pass = () => {
    for (let k = 0; k < 600; k++) {
      if (busy) travel.timer = 1;
      travel.tick();
      stack.edge += 1000;
    }
  };
  pass();
  const first = asked.length;
  Object.assign(view, { end_ms: null });
  stack.ranges.user.time = [stack.edge - 110000, stack.edge - 100000];
  pass();
  return { asked, first, away: travel.away };
}"""


@pytest.mark.parametrize("granted", [True, False])
def test_history_is_asked_for_once_a_zoom(page: Page, granted: bool) -> None:
    """When its left edge leaves the range (2 steps later), in the middle of what comes; also if refused."""
    found = page.evaluate(LEFT, [granted, False, "flow"])
    assert found == {"asked": [[33, 0], [613, 555]], "first": 1, "away": True}


def test_a_gesture_asks_by_itself(page: Page) -> None:
    assert page.evaluate(LEFT, [True, True, "trades"])["asked"] == []


def test_a_tab_without_times_goes_on_with_the_present(page: Page) -> None:
    assert page.evaluate(LEFT, [True, False, "evidence"])["asked"] == []


ASKED = """async ([end_s, span_s]) => {
  const { Travel } = await import('/live/travel.js'), now = 1e12, end = now + end_s * 1000;
  document.getElementById = () => ({ dataset: { steps: '{"range": [120, 900, 1800, 3600]}' } });
  const stack = {
    edge: now, model: { info: { step_ms: 1000 }, now: () => now }, pane: {}, tab: 'flow',
    ranges: { user: { time: [end - span_s * 1000, end] } },
  };
  const wants = [], view = { range_s: 900, end_ms: null };
  const page = { view, stacks: new Map([[1, stack]]), want: (one) => wants.push(one) };
  const asked = new Travel(page).ask();
  return [asked, wants.map((one) => ({ ...one, ...('end_ms' in one ? { end_ms: one.end_ms - now } : {}) }))];
}"""


LOOKED_AT = [
    ([0, 600], [False, []]),
    ([0, 1200], [True, [{"range_s": 1800}]]),
    # Both at once: a longer range that ends now would not hold it, and what it does not hold is let go.
    ([-4200, 1200], [True, [{"range_s": 1800, "end_ms": -3_900_000}]]),
    ([-4200, 600], [True, [{"end_ms": -4_050_000}]]),
    ([0, 7200], [False, []]),
]  # fmt: skip


@pytest.mark.parametrize(("zoom", "want"), LOOKED_AT)
def test_what_is_asked_for_holds_what_is_looked_at(page: Page, zoom: list[int], want: Any) -> None:
    assert page.evaluate(ASKED, zoom) == want


# What is shown, what a gesture asks for, and what comes of it, within the minute that there is.
GESTURES = [
    ([0, 60e3], [5e3, 65e3], None),  # there is nothing to pan to
    ([20e3, 50e3], [10e3, 40e3], [10e3, 40e3]),
    ([20e3, 50e3], [-90e3, -60e3], [0, 30e3]),
    ([20e3, 25e3], [58e3, 63e3], [55e3, 60e3]),  # a short one of another tab
    ([0, 60e3], [10e3, 40e3], [10e3, 40e3]),
    ([10e3, 40e3], [20e3, 26e3], [18e3, 28e3]),  # no closer than ten seconds
    ([18e3, 28e3], [20e3, 27e3], None),
    ([10e3, 40e3], [-20e3, 70e3], "all"),
    ([0, 60e3], [-20e3, 70e3], None),
    ([-90e3, 90e3], [-80e3, 100e3], None),  # a longer zoom of another tab is kept
]


@pytest.mark.parametrize(("shown", "wanted", "want"), GESTURES)
def test_a_gesture_moves_the_zoom_within_the_look_back(
    page: Page, shown: list[float], wanted: list[float], want: Any
) -> None:
    script = """async ([shown, wanted]) => {
      const { next } = await import('/live/evidence_time.js'), to = next(shown, wanted, [0, 60000]);
      return to === null ? 'all' : to ?? null;
    }"""
    assert page.evaluate(script, [shown, wanted]) == want


UNKNOWN = """async ([from, to, spans]) => {
  const { unknown } = await import('/live/evidence_time.js');
  const told = from && { ev_gap_from: from, ev_gap_to: to };
  return unknown(told ?? {}, spans.map(([from, to]) => ({ from, to }))).map(({ from, to }) => [from, to]);
}"""


@pytest.mark.parametrize(
    ("case", "want"),
    [
        ([[10, 50], [20, 60], [[50, 60], [90, 99]]], [[10, 20], [50, 60], [90, 99]]),
        ([[10], [20], [[15, 30], [5, 12]]], [[5, 30]]),  # hatches over hatches are a third kind
        ([[10], [40], [[20, 30]]], [[10, 40]]),
        ([None, None, [[20, 30]]], [[20, 30]]),  # nothing is stored
    ],
)
def test_gaps_that_answer_and_frames_tell_are_drawn_once(
    page: Page, case: list[Any], want: list[list[int]]
) -> None:
    assert page.evaluate(UNKNOWN, case) == want


DAY_MS = 86_400_000


@pytest.mark.parametrize(
    ("hash_", "zoom"),
    [
        ("#zoom=5000~9000", [5000, 9000]),
        ("#zoom=5000%7E9000", [5000, 9000]),
        ("#zoom=5000~5999", None),  # nothing to see
        ("#zoom=9000~5000", None),
        (f"#zoom=0~{DAY_MS}", None),
        ("#zoom=-5000~9000", None),
        ("#zoom=1e3~1e4", None),
        ("#zoom=5000~99999999999999", None),
        ("#zoom=5000~9000&x", [5000, 9000]),
        ("#zoom=5000~9000&zoom=6000~9000", None),
        ("#zoom=", None),
        ("", None),
    ],
)
def test_only_a_zoom_that_can_be_one_is_read(
    page: Page, hash_: str, zoom: list[int] | None
) -> None:
    script = """async hash => {
      const { readFragment } = await import('/live/fragment.js');
      const { time, dropped } = readFragment(hash);
      return [time, dropped.length];
    }"""
    assert page.evaluate(script, hash_) == [zoom, int("zoom=" in hash_ and zoom is None)]


@pytest.mark.parametrize(
    ("zoom", "said"),
    [
        ([5000.4, 9000.5], "#zoom=5000~9001"),
        (None, ""),
        ([-1e13, 1.7e13], ""),  # zoomed out beyond all reason
        ([5000, 5400], ""),
    ],
)
def test_the_address_says_only_what_is_read_again(
    page: Page, zoom: list[float] | None, said: str
) -> None:
    assert call(page, "fragment", "fragment", zoom) == said


READ = """async hash => {
  const { readFragment } = await import('/live/fragment.js');
  const { prices, dropped } = readFragment(hash);
  return [Object.fromEntries(prices), dropped.map(one => one.split(' ')[0])];
}"""


LONG = "x" * 99


@pytest.mark.parametrize(
    ("hash_", "prices", "wrong"),
    [
        ("#price=binance:BTC/USDT~67000.5~67100", {"binance:BTC/USDT": [67000.5, 67100]}, []),
        ("#price=binance%3ABTC%2FUSDT%7E1%7E2", {"binance:BTC/USDT": [1, 2]}, []),
        ("#zoom=5000~9000&price=a:B/C:D-1~1~2&price=b:X/Y~-1~0.5",
         {"a:B/C:D-1": [1, 2], "b:X/Y": [-1, 0.5]}, []),
        ("#price=a:B/C~2~1", {}, ["price"]),
        ("#price=a:B/C~1e3~2e3", {}, ["price"]),
        ("#price=a:B/C~1~9999999999999", {}, ["price"]),
        ("#price=a:B/C~1", {}, ["price"]),
        ("#price=<b>~1~2", {}, ["price"]),
        ("#price=%ff~1~2", {}, ["price"]),
        (f"#price=a:{LONG}~1~2", {}, ["price"]),
        ("#zoom=x&price=x", {}, ["zoom", "price"]),
        ("#" + "&".join(f"price=a:B{k}/C~1~2" for k in range(5)),
         {f"a:B{k}/C": [1, 2] for k in range(4)}, ["price"]),
        ("#else", {}, []),
    ],
)  # fmt: skip
def test_only_prices_that_can_be_some_are_read_and_others_are_told(
    page: Page, hash_: str, prices: dict[str, list[float]], wrong: list[str]
) -> None:
    assert page.evaluate(READ, hash_) == [prices, wrong]


@pytest.mark.parametrize(
    ("market", "low", "high"),
    [
        ("binance:BTC/USDT", 67012.123456, 67112.987),
        ("gate:SHIB/USDT:USDT", 0.0000012345, 0.0000012355),
        ("deribit:ÖL/USD", -3.5, 1e9),
    ],
)
def test_a_zoom_of_prices_is_read_as_it_is_written(
    page: Page, market: str, low: float, high: float
) -> None:
    script = """async ([market, range]) => {
      const { fragment, readFragment } = await import('/live/fragment.js');
      const said = fragment([5000, 9000], new Map([[market, range]]));
      const { time, prices, dropped } = readFragment(new URL(said, location.href).hash);
      return [said, time, prices.get(market), dropped];
    }"""
    said, time, found, dropped = page.evaluate(script, [market, [low, high]])
    assert said.startswith("#zoom=5000~9000&price=")
    assert time == [5000, 9000]
    assert found == pytest.approx([low, high], abs=(high - low) / 1000)
    assert dropped == []


def test_a_zoom_that_no_address_would_be_believed_is_left_out(page: Page) -> None:
    script = """async () => {
      const { fragment } = await import('/live/fragment.js');
      return fragment(null, new Map([['a:B/C', [-1e15, 1e15]]]));
    }"""
    assert page.evaluate(script) == ""
