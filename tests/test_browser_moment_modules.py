"""When the page asks for history and what it tells of a loss: its modules, over a page made up."""

from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser_rig import rigged
from tests.test_browser_modules import page as page
from tests.test_browser_shell_modules import call

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


TOLD = """async ([lost_s, figure_s, frozen, gap]) => {
  const { Notices } = await import('/live/notices.js');
  const now = Date.now(), said = [];
  // An open gap has no end, and no rows come while it is.
  const to_ms = gap?.[1] === null ? null : now - gap?.[1] * 1000;
  const gaps = gap ? [{ stream: 'depth', from_ms: now - gap[0] * 1000, to_ms }] : [];
  const last = to_ms === null ? gap[2] ?? NaN : now;
  const model = { tiles: { t: now - figure_s * 1000 }, series: { last }, gaps };
  const stack = { model }, page = { frozen, stacks: new Map([[1, stack]]), connection: { lostAt: null } };
  const notices = new Notices(page);
  notices.say = words => said.push(words.replaceAll('\u00a0', ' '));
  notices.greeted({ started_ms: now - 9e6, time_ms: now - 8e6 });
  if (lost_s !== null) page.connection.lostAt = now - lost_s * 1000;
  notices.greeted({ started_ms: now - 9e6, time_ms: now });
  notices.filled(stack);
  return [said, page.connection.lostAt];
}"""
BACK, FORTY = "Connection back after 20 s", "Connection back after 40 s"
LOSSES = [
    ([20, 21, False, None], f"{BACK}; what was missed is filled from the store, nothing lost."),
    # The market was down for an hour: that is nothing that the connection lost.
    ([20, 3600, False, (3600, 0)], f"{BACK}; 20 s missing."),
    ([20, 3600, False, (3600, None)], f"{BACK}; 20 s still missing."),
    ([40, 41, False, (25, None, 0)], f"{FORTY}; 15 s filled from the store, 25 s still missing."),
    ([20, 7200, True, None], f"{BACK}; the view is still frozen."),
    ([1, 7200, False, None], None),
    ([None, 7200, False, None], None),
]  # fmt: skip


@pytest.mark.parametrize(("case", "want"), LOSSES)
def test_what_was_missed_is_counted_from_the_loss(
    page: Page, case: list[Any], want: str | None
) -> None:
    assert page.evaluate(TOLD, case) == [[want] if want else [], None]


MENDED = """async ([losses, waits]) => {
  const { Notices } = await import('/live/notices.js'), now = Date.now(), said = [];
  const stacks = losses.map(lost => ({ model: { tiles: { t: now - 60000 }, series: { last: now },
    gaps: lost ? [{ stream: 'depth', from_ms: now - lost * 1000, to_ms: now }] : [] } }));
  const page = { frozen: false, connection: { lostAt: null }, stacks: new Map(stacks.entries()) };
  const notices = new Notices(page), own = performance.now;
  notices.say = words => said.push(words.replaceAll('\u00a0', ' '));
  notices.greeted({ started_ms: now - 9e6, time_ms: now - 8e6 });
  page.connection.lostAt = now - 30000;
  notices.greeted({ started_ms: now - 1000, time_ms: now });
  for (const stack of waits ? stacks.slice(1) : stacks) {
    notices.filled(stack);
    said.push('');
  }
  notices.tick();
  said.push('');
  performance.now = () => own.call(performance) + 5500;
  try { notices.tick(); } finally { performance.now = own; }
  return said.map(one => one.split('; ').at(-1));
}"""
LOST = "away 30 s: 20 s filled from the store, 10 s missing."


@pytest.mark.parametrize(("waits", "want"), [(False, ["", LOST, "", ""]), (True, ["", "", LOST])])
def test_a_loss_is_told_for_all_markets_and_one_that_does_not_come_is_not_waited_for(
    page: Page, waits: bool, want: list[str]
) -> None:
    assert page.evaluate(MENDED, [[0, 10], waits]) == want


SET = """async ([wall_ms, server_ms]) => {
  const { Notices } = await import('/live/notices.js'), now = Date.now(), said = [], date = Date.now;
  const stack = { model: { tiles: { t: now }, series: { last: now }, gaps: [] } }, woken = [];
  const connection = { lostAt: null, wake: () => woken.push(true) };
  const page = { frozen: false, stacks: new Map([[1, stack]]), connection };
  const notices = new Notices(page);
  notices.say = words => said.push(words.replaceAll('\u00a0', ' ').split(';')[0]);
  notices.greeted({ started_ms: now - 9e6, time_ms: now });
  Date.now = () => date.call(Date) + wall_ms;
  try {
    notices.tick();
    notices.greeted({ started_ms: now - 9e6, time_ms: now + server_ms });
  } finally { Date.now = date; }
  notices.filled(stack);
  return [said, woken.length, notices.slept];
}"""


def test_a_clock_that_was_set_is_no_sleep(page: Page) -> None:
    """Of a sleep the server's clock tells the same."""
    assert page.evaluate(SET, [60_000, 60_000]) == [["This device slept for 1 min"], 1, 0]
    assert page.evaluate(SET, [60_000, 100]) == [[], 1, 0]
    assert page.evaluate(SET, [100, 100])[:2] == [[], 0]


# A page whose clocks and long tasks are moved by hand: what it said, and how often its connection was woken.
LOOKS = """async (stand) => {
  const { Notices } = await import('/live/notices.js');
  const words = [], now = { wall: Date.now(), own: performance.now(), tasks: [], hidden: false };
  const woken = [], connection = { lostAt: null, wake: () => woken.push(true) };
  const stack = { model: { tiles: { t: now.wall }, series: { last: now.wall }, gaps: [] },
    ranges: { user: { time: null } } };
  const view = { tab: 'flow', range_s: 900, lookback_s: 7200 };
  const page = { frozen: false, view, stacks: new Map([[1, stack]]), connection };
  stand(Date, 'now', () => now.wall);
  stand(performance, 'now', () => now.own);
  stand(window, 'PerformanceObserver', Object.assign(function () {
    return { observe() {}, takeRecords: () => now.tasks.splice(0) };
  }, { supportedEntryTypes: ['longtask'] }));
  Object.defineProperty(document, 'hidden', { configurable: true, get: () => now.hidden });
  const notices = new Notices(page);
  notices.say = said => words.push(said.replaceAll('\u00a0', ' '));
  const passes = (wall, own = wall) => { now.wall += wall; now.own += own; };
  const look = (wall = 1000, own = wall) => { passes(wall, own); notices.tick(); };
  const hide = hidden => { now.hidden = hidden; notices.turned(); };
  const greet = () => {
    notices.greeted({ started_ms: 0, time_ms: now.wall });
    Object.assign(stack.model.series, { last: now.wall });
    notices.filled(stack);
  };
  greet(); look(); look();
  return { tools: { now, page, stack, passes, look, hide, greet }, told: { words, woken } };
}"""
SLEPT = "This device slept for 10 min; what was missed is filled from the store, nothing lost."


@pytest.mark.parametrize(
    ("act", "said"),
    [
        ("look(600_000, 0); greet()", [SLEPT]),  # the page's own clock stands still
        ("look(601_000); greet()", [SLEPT]),  # it runs on, and the look comes late
        ("look(20_000); greet()", []),  # of a machine that is far too busy
        ("now.tasks.push({ duration: 599_000 }); look(601_000); greet()", []),  # of a page that is
        (
            "hide(true); look(61_000); look(61_000); passes(40_000); hide(false); look(); greet()",
            [],
        ),
        ("hide(true); passes(61_000); hide(false); look(); look(); greet()", []),
    ],
)
def test_sleep_is_told_by_clocks_that_stand_and_by_those_that_run_on(
    page: Page, act: str, said: list[str]
) -> None:
    found = rigged(page, LOOKS, f"() => {{ {act} }}")
    assert (found["words"], len(found["woken"])) == (said, len(said))


NOW = "The view is of now; it draws"


@pytest.mark.parametrize(
    ("act", "said"),
    [
        ("", f"{NOW} what happened meanwhile."),
        ("page.view.range_s = 300", f"{NOW} the last 5 min of what happened meanwhile."),
        (
            "Object.assign(page.view, { range_s: 300, tab: 'evidence' })",
            f"{NOW} what happened meanwhile.",
        ),
        ("page.frozen = true", "The view is still frozen."),
        (
            "stack.ranges.user.time = [1, 2]",
            "The view is still zoomed; the time in view is the same.",
        ),
        ("page.connection.lostAt = 1", None),  # told when it is back
    ],
)
def test_after_an_absence_the_page_says_what_is_drawn_of_it(
    page: Page, act: str, said: str | None
) -> None:
    found = rigged(page, LOOKS, f"() => {{ {act}; hide(true); passes(720_000); hide(false); }}")
    assert found["words"] == ([f"Hidden for 12 min. {said}"] if said else [])


# A connection over sockets that do what the test says, by a clock that it moves; a heartbeat each 2.5 s.
LINKS = """async (stand) => {
  const { Connection } = await import('/live/connection.js');
  const now = { own: 1000 }, sockets = [], timers = [], states = [];
  stand(performance, 'now', () => now.own);
  stand(window, 'setInterval', () => 0);
  stand(window, 'setTimeout', run => timers.push(run));
  class Socket {
    static OPEN = 1;
    constructor() { this.readyState = 0; sockets.push(this); }
    send() {}
    close() { this.closed = true; }
    opened() { this.readyState = 1; this.onopen(); }
    says(message) { this.onmessage({ data: JSON.stringify(message) }); }
  }
  stand(window, 'WebSocket', Socket);
  const change = ({ state }) => states.push(state);
  const connection = new Connection({ text() {}, frame() {}, open() {}, change });
  const pass = s => { for (let k = 0; k < s / 2.5; k++) { now.own += 2500; connection.heartbeat(); } };
  return { tools: { connection, sockets, timers, pass, now }, told: { states } };
}"""


@pytest.mark.parametrize("opened", [False, True])
def test_a_socket_that_is_not_taken_in_is_given_up_and_another_tried(
    page: Page, opened: bool
) -> None:
    """Whatever listens there: without an answer a browser waits for minutes, and with one for ever."""
    found = rigged(
        page,
        LINKS,
        f"""() => {{
          const first = sockets[0];
          if ({str(opened).lower()}) first.opened();
          const answer = () => {str(opened).lower()} && first.says({{ type: 'pong', t: now.own }});
          for (let k = 0; k < 3; k++) {{ pass(2.5); answer(); }}
          const waits = first.closed ?? false;
          pass(2.5);
          const before = [connection.link.state, first.closed];
          timers.pop()();
          const tried = connection.link.state;
          sockets[1].opened();
          sockets[1].says({{ type: 'hello' }});
          pass(5);
          return [waits, ...before, tried, connection.link.state, sockets.length, sockets[1].closed ?? false];
        }}""",
    )
    assert found["said"] == [False, "waiting", True, "connecting", "open", 2, False]


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
