"""What the page hands its painter, and what it does where that is late, fails or never comes."""

from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser_rig import rigged
from tests.test_browser_modules import page as page

pytestmark = pytest.mark.browser

# An easel whose thread is run by hand: `told` is what it was told. `open(id)` gives it a stack, `move()` has
# what is open moved, `arrive(id)` answers for the first time; in a `second` the page has a frame of its own.
RIG = """async (stand) => {
  const { Easel } = await import('/live/easel.js'), { Charts } = await import('/live/charts.js');
  const told = [], seen = [], lost = [], errors = [], made = [], frames = [];
  let thread = null, ahead = 0;
  const now = stand(performance, 'now', () => now.call(performance) + ahead);
  stand(window, 'requestAnimationFrame', (work) => frames.push(work));
  stand(window, 'reportError', (error) => errors.push(error.message));
  stand(window, 'Worker', class {
    constructor() { thread = this; }
    postMessage({ type, ...message }) { told.push({ type, ...message }); }
    terminate() { this.ended = true; }
  });
  stand(Charts.prototype, 'paint', (draw) => {
    if (draw.fails) throw new Error('no ink');
    made.push(draw.look);
  });
  const all = (anew) => seen.push({ anew });
  const easel = new Easel({ painted: (one) => seen.push(one), lost: (id) => lost.push(id), all });
  const html = document.implementation.createHTMLDocument(), holder = html.body;
  const open = (id) => {
    const sheet = holder.appendChild(html.createElement('canvas'));
    easel.open(id, { book: sheet }, {}, { info: {} });
    easel.take([id], `snapshot ${id}`, true);
  };
  const answer = (...done) => thread.onmessage({ data: { type: 'painted', done } });
  const pass = (ms) => { ahead += ms; easel.tick(); };
  const second = () => { pass(1000); frames.splice(0).forEach((work) => work()); };
  const move = () => {
    pass(3000);
    thread.onmessage({ data: { type: 'ready' } });
    for (let k = 0; k < 3; k++) easel.tick();
  };
  const draw = (id, number, more) => easel.draw({ id, number, look: `${id}/${number}`, ...more });
  const paint = () => { easel.flush(); easel.handOver(); };
  const arrive = (id) => {
    draw(id, 1); paint();
    answer({ id, number: 1 });
    told.length = seen.length = made.length = 0;
  };
  const paints = () => told.filter(({ type }) => type === 'paint');
  const ids = () => [...holder.children].map((one) => one.style.visibility);
  return {
    tools: { easel, open, answer, pass, second, move, draw, paint, arrive, paints, ids,
      thread: () => thread },
    told: { told, seen, lost, errors, made },
  };
}"""


def run(page: Page, act: str) -> dict[str, Any]:
    return rigged(page, RIG, act)


def test_charts_are_painted_here_at_once_until_the_painter_has_painted_them(page: Page) -> None:
    found = run(
        page,
        """() => {
          const said = [];
          open(1); draw(1, 1); paint(); easel.take([1], 'update 1', false);
          said.push([made.length, told.length, easel.moved]);
          move(); draw(1, 2); paint();
          said.push([made.length, told.map(({ type }) => type), ids(), easel.moved]);
          answer({ id: 1, number: 2 });
          said.push([ids(), easel.moved]);
          easel.take([1], 'update 2', false); draw(1, 3); paint();
          return [...said, [made.length, seen.map(({ number }) => number)]];
        }""",
    )
    here, moving, there, after = found["said"]
    assert here == [1, 0, 0]
    assert moving == [2, ["open", "dress", "paint"], ["", "hidden"], 0]
    assert there == [[""], 1]
    assert after == [2, [1, 2]]
    # The painter has had all that came since the snapshot, and what came later with the next painting.
    first, second = (one["frames"] for one in found["told"] if one["type"] == "paint")
    assert [one["buffer"] for one in first] == ["snapshot 1", "update 1"]
    assert [one["buffer"] for one in second] == ["update 2"]


def test_what_the_painter_cannot_paint_stays_here(page: Page) -> None:
    found = run(
        page,
        """() => {
          open(1); move(); draw(1, 1); paint(); draw(1, 2); paint();
          answer({ id: 1, number: 1, error: 'no ink' });
          answer({ id: 1, number: 2, error: 'no ink' });
          pass(3000); draw(1, 3); paint();
          return [ids(), easel.moved, made.length, seen.map(({ error }) => error ?? '')];
        }""",
    )
    assert found["said"] == [[""], 0, 3, [""] * 3]
    assert [one["type"] for one in found["told"]] == ["open", "dress", "paint", "paint", "close"]


def test_charts_are_seen_from_the_painter_once_it_shows_what_is_seen_here(page: Page) -> None:
    """Not an older painting, nor one of which nothing may be shown, nor of one row alone."""
    found = run(
        page,
        """() => {
          const said = [], look = () => said.push(easel.moved);
          open(1); move(); draw(1, 1); paint(); draw(1, 2); paint();
          answer({ id: 1, number: 1 }); look();
          answer({ id: 1, number: 2, hidden: true }); look();
          draw(1, 3, { rows: { book: { solo: true, areas: {} } } }); paint();
          answer({ id: 1, number: 3 }); look();
          draw(1, 4, { rows: {} }); paint();
          answer({ id: 1, number: 4 }); look();
          return said;
        }""",
    )
    assert found["said"] == [0, 0, 0, 1]
    assert [one["number"] for one in found["seen"]] == [1, 2, 3, 4]


def test_a_painter_that_answers_no_more_gives_all_back(page: Page) -> None:
    found = run(
        page,
        """() => {
          open(1); open(2); move(); arrive(1);
          draw(1, 2); draw(2, 2); paint();
          for (let k = 0; k < 10; k++) second();
          const before = [easel.moved, made.length];
          second();
          draw(1, 3); draw(2, 3); paint(); easel.take([1], 'later', false);
          return [before, easel.moved, ids(), made, thread().ended, easel.frames.length];
        }""",
    )
    assert found["said"] == [
        [1, 1], 0, ["", ""], ["2/2", "1/3", "2/3"], True, 0,
    ]  # fmt: skip
    assert {"anew": True} in found["seen"]
    assert found["errors"] == ["The painter does not answer any more."]


def test_a_painter_is_not_at_fault_where_the_page_has_no_frames_either(page: Page) -> None:
    """Nor where it answers now and then, however late, or has nothing to answer."""
    found = run(
        page,
        """() => {
          open(1); move(); arrive(1);
          for (let k = 0; k < 20; k++) second();
          draw(1, 2); paint();
          for (let k = 0; k < 20; k++) pass(60000); // the machine stands still, or shows another window
          for (let k = 2; k < 9; k++) {
            for (let n = 0; n < 8; n++) second();
            answer({ id: 1, number: k }); draw(1, k + 1); paint();
          }
          return easel.moved;
        }""",
    )
    assert found["said"] == 1
    assert found["errors"] == []


def test_a_snapshot_is_asked_for_where_none_is_kept_but_not_for_ever(page: Page) -> None:
    found = run(
        page,
        """() => {
          open(1); easel.held.get(1).kept = [];
          for (let k = 0; k < 9; k++) pass(3000);
          const asked = lost.length;
          easel.take([1], 'snapshot', true); move();
          return [asked, told.map(({ type }) => type)];
        }""",
    )
    assert found["said"] == [3, ["open"]]


def test_an_error_here_is_told_as_one_of_the_painters(page: Page) -> None:
    act = "() => { open(1); open(2); draw(1, 1, { fails: true }); draw(2, 1); paint(); }"
    first, second = run(page, act)["seen"]
    assert first["error"] == "no ink"
    assert "no ink" in first["stack"]
    assert "error" not in second


def test_a_painter_that_is_behind_is_asked_for_the_newest_alone(page: Page) -> None:
    found = run(
        page,
        """() => {
          open(1); open(2); move(); arrive(1); arrive(2);
          for (let k = 1; k <= 6; k++) {
            draw(1, k, k === 3 ? { rows: {} } : {});
            if (k !== 5) draw(2, 10 + k);
            paint();
          }
          const out = paints().length;
          answer({ id: 1, number: 1 });
          return [out, paints().length];
        }""",
    )
    assert found["said"] == [2, 3]
    last = [one for one in found["told"] if one["type"] == "paint"][-1]
    # What was told of the rows on the way is not lost with the drawing that told it.
    assert last["draws"] == [
        {"id": 1, "number": 6, "look": "1/6", "rows": {}}, {"id": 2, "number": 16, "look": "2/16"},
    ]  # fmt: skip


def test_the_painter_begins_once_the_frame_is_done(page: Page) -> None:
    """What is asked for on the way goes with it, and later flushes bring nothing twice."""
    found = run(
        page,
        """async () => {
          open(1); open(2); move(); arrive(1); arrive(2);
          draw(1, 2); easel.flush(); easel.flush();
          const within = paints().length;
          draw(2, 2);
          while (!paints().length) await new Promise((done) => setTimeout(done));
          await new Promise((done) => setTimeout(done));
          return [within, paints().length];
        }""",
    )
    assert found["said"] == [0, 1]
    assert [one["id"] for one in found["told"][-1]["draws"]] == [1, 2]


def test_nothing_is_painted_of_a_market_that_went(page: Page) -> None:
    found = run(
        page,
        """() => {
          open(1); open(2); open(3); move(); arrive(1); arrive(2);
          draw(1, 2); draw(2, 2); easel.close(1); paint();
          open(4); easel.close(4);
          return told.map(({ type }) => type);
        }""",
    )
    assert found["said"] == ["close", "paint"]
    assert [one["id"] for one in found["told"][-1]["draws"]] == [2]


def test_frames_do_not_pile_up_while_nobody_looks(page: Page) -> None:
    found = run(
        page,
        """() => {
          open(1); open(2);
          for (let k = 0; k < 2000; k++) easel.take([2], k, false);
          move(); arrive(1);
          for (let k = 0; k < 200; k++) easel.take([1], k, false);
          const sent = paints().map(({ frames, draws }) => [frames.length, draws.length]);
          return [easel.held.get(2).kept.length, easel.frames.length, sent];
        }""",
    )
    assert found["said"] == [0, 8, [[64, 0]] * 3]


def test_charts_that_missed_a_frame_are_told_of(page: Page) -> None:
    act = "() => { open(3); move(); thread().onmessage({ data: { type: 'lost', ids: [3, 4] } }); }"
    assert run(page, act)["lost"] == [3]


def test_a_painter_that_does_not_come_is_not_awaited(page: Page) -> None:
    found = run(
        page,
        """() => {
          open(1); move();
          const other = new easel.constructor({ painted: () => {}, lost: () => {}, all: () => {} });
          other.open(7, {}, {}, { info: {} }); other.take([7], 'snapshot', true);
          other.held.get(7).openedAt = -1e9; other.tick();
          thread().onerror({ message: 'not found' });
          other.take([7], 'update', false); other.tick();
          return [other.state, other.held.get(7).kept.length, other.frames.length];
        }""",
    )
    assert found["said"] == ["given up", 0, 0]
    assert found["errors"] == []


def test_an_error_of_its_thread_is_told(page: Page) -> None:
    act = "() => { open(1); move(); thread().onerror({ message: 'no ink' }); }"
    assert run(page, act)["errors"] == ["The painter failed: no ink"]
