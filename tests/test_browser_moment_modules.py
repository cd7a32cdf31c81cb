"""What the page tells of a loss, a sleep and an absence: its modules, over a page made up."""

from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser_rig import rigged
from tests.test_browser_modules import page as page

pytestmark = pytest.mark.browser

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
