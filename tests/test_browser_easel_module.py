"""What the page hands its painter, and what it does where the painter is late, fails or never comes."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import INK, ONE_THREAD, Watched, eventually, watched
from tests.test_browser_modules import page as page

pytestmark = pytest.mark.browser

LIVE = Path(__file__).parents[1] / "assets" / "live"
BTC, ETH = "binance:BTC/USDT", "kraken:ETH/USD"

# An easel whose thread is run by hand: `told` is what it was told. `open(id)` gives it a stack, `move()` has
# what is open moved, `arrive(id)` answers for the first time.
RIG = """async (act) => {
  const { Easel } = await import('/live/easel.js'), { Charts } = await import('/live/charts.js');
  const told = [], seen = [], lost = [], errors = [], made = [];
  const real = [window.Worker, window.reportError, performance.now, Charts.prototype.paint];
  let thread = null, ahead = 0;
  performance.now = () => real[2].call(performance) + ahead;
  window.reportError = (error) => errors.push(error.message);
  window.Worker = class {
    constructor() { thread = this; }
    postMessage({ type, ...message }) { told.push({ type, ...message }); }
    terminate() { this.ended = true; }
  };
  Charts.prototype.paint = function (draw) {
    if (draw.fails) throw new Error('no ink');
    made.push(draw.look);
  };
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
  try {
    const tools = { pass, open, answer, move, draw, paint, arrive, paints, ids, thread: () => thread };
    const said = await new Function('r', `with (r) { return (${act})(); }`)(
      { easel, told, seen, lost, errors, made, ...tools });
    return JSON.parse(JSON.stringify({ said, told, seen, lost, errors, made }));
  } finally {
    [window.Worker, window.reportError, performance.now, Charts.prototype.paint] = real;
  }
}"""


def run(page: Page, act: str) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate(RIG, act)
    return found


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
          pass(4000);
          const before = [easel.moved, made.length];
          pass(2000);
          draw(1, 3); draw(2, 3); paint(); easel.take([1], 'later', false);
          return [before, easel.moved, ids(), made, thread().ended, easel.frames.length];
        }""",
    )
    assert found["said"] == [
        [1, 1], 0, ["", ""], ["2/2", "1/3", "2/3"], True, 0,
    ]  # fmt: skip
    assert {"anew": True} in found["seen"]
    assert found["errors"] == ["The painter does not answer any more."]


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


PAINTER = """async (act) => {
  const { Painter } = await import('/live/painter.js'), { Charts } = await import('/live/charts.js');
  const { paint } = Charts.prototype, said = [], errors = [], report = window.reportError;
  window.reportError = (error) => errors.push(error.message);
  const painter = new Painter((message) => said.push(message));
  const frame = (header) => {
    const text = new TextEncoder().encode(JSON.stringify(header)), buffer = new ArrayBuffer(4 + text.length);
    new DataView(buffer).setUint32(0, text.length, true);
    new Uint8Array(buffer, 4).set(text);
    return buffer;
  };
  const all = (count) => new Promise((done) => {
    const look = () => (said.length >= count ? done() : setTimeout(look, 5));
    look();
  });
  try {
    await new Function('r', `with (r) { return (${act})(); }`)({ painter, Charts, frame, all, said });
    return JSON.parse(JSON.stringify({ said, errors }));
  } finally {
    Charts.prototype.paint = paint;
    window.reportError = report;
  }
}"""


def test_one_market_that_cannot_be_painted_or_fed_takes_no_other_with_it(page: Page) -> None:
    found = page.evaluate(
        PAINTER,
        """async () => {
          for (const id of [1, 2, 3]) painter.hear({ type: 'open', id, sheets: {}, rows: {} });
          // Of the third nothing has come; the first is broken, the second has missed a frame.
          for (const id of [1, 2]) Object.assign(painter.charts.get(id).model, { info: {}, seq: 4 });
          Charts.prototype.paint = function () {
            if (this === painter.charts.get(1)) throw new Error('no ink');
          };
          const late = frame({ type: 'update', seq: 6 });
          const frames = [{ ids: [1], buffer: new ArrayBuffer(2) }, { ids: [2, 3], buffer: late }];
          const draws = [1, 2, 3].map((id) => ({ id, number: 10 + id }));
          painter.hear({ type: 'paint', frames, draws, ratio: 1 });
          await all(2);
        }""",
    )
    lost, painted = found["said"]
    assert lost == {"type": "lost", "ids": [1, 2]}
    assert len(found["errors"]) == 1
    assert [(one["id"], one["number"], one.get("error")) for one in painted["done"]] == [
        (1, 11, "no ink"), (2, 12, None),
    ]  # fmt: skip
    assert "no ink" in painted["done"][0]["stack"]


def test_the_thread_names_all_that_it_needs() -> None:
    """A browser would ask for what is not named here only once it has read what needs it."""

    def imports(name: str) -> set[str]:
        text = (LIVE / name).read_text()
        told = re.compile(r'^import (?:[^"]* from )?"\./([a-z_]+\.js)";$', re.MULTILINE)
        return set(told.findall(text))

    named, needed, look = imports("painter_thread.js"), set(), ["painter.js"]
    while look:
        one = look.pop()
        if one not in needed:
            needed.add(one)
            look += imports(one)
    assert named == needed


MOVED = "n => window.ofi.stats().moved === n"


def test_the_page_paints_where_the_painter_cannot_be_loaded(browser: Browser, url: str) -> None:
    with watched(browser) as page:
        asked: list[str] = []
        page.page.route("**/painter_thread.js", lambda route: (asked.append("it"), route.abort()))
        page.open(f"{url}/?m={BTC}&range=300", BTC)
        eventually(lambda: asked)
        seen = page.view(BTC)["drawn"]["count"]
        page.until("([m, n]) => window.ofi.view(m).drawn.count > n + 3", [BTC, seen])
        assert inked(page) > 0.2
        assert page.page.evaluate("window.ofi.stats().moved") == 0
        page.complaints.clear()  # that it could not be loaded


def inked(page: Watched) -> float:
    """How much of the heatmap is painted."""
    share: float = page.page.evaluate(
        f"""() => {{
          const sheet = document.querySelector('.row-book .sheet');
          const data = ({INK})(sheet, 0, 0, sheet.width, sheet.height);
          return data.filter((value, at) => at % 4 === 3 && value).length / (data.length / 4);
        }}"""
    )
    return share


@pytest.mark.parametrize("script", ["", ONE_THREAD])
def test_charts_follow_the_theme_on_either_thread(browser: Browser, url: str, script: str) -> None:
    with watched(browser) as page:
        page.page.add_init_script(script)
        page.open(f"{url}/?m={BTC}&range=300&layout=levels", BTC)
        if not script:
            page.until(MOVED, 1)
        lightness = f"""() => {{
          const sheet = document.querySelector('.row-levels .sheet');
          const data = ({INK})(sheet, 0, 0, sheet.width, sheet.height);
          let sum = 0, count = 0;
          for (let k = 0; k < data.length; k += 4) if (data[k + 3]) (sum += data[k + 1]), count++;
          return sum / count;
        }}"""
        dark = page.page.evaluate(lightness)
        page.page.get_by_role("button", name="Light theme").click()
        page.until(f"least => ({lightness})() > least", dark + 60)


def test_what_the_painter_could_not_do_is_of_its_tab_alone(browser: Browser, url: str) -> None:
    with watched(browser) as page:
        page.open(f"{url}/?m={BTC}", BTC)
        page.until(MOVED, 1)
        (painter,) = page.page.workers
        painter.evaluate(
            """async () => {
              const { Charts } = await import('./charts.js'), { paint } = Charts.prototype;
              Charts.prototype.paint = function (...given) {
                if (self.broken) throw new Error('no ink');
                return paint.apply(this, given);
              };
              self.broken = true;
            }"""
        )
        told = page.page.locator(".stack .empty")
        expect(told).to_contain_text("Drawing it failed: no ink.")
        for tab in ("evidence", "trades"):
            page.page.locator(f"#tabs [data-tab={tab}]").click()
            expect(told).to_be_hidden()
        before = page.view(BTC)["drawn"]["count"]
        page.until("([m, n]) => window.ofi.view(m).drawn.count > n + 3", [BTC, before])
        painter.evaluate("self.broken = false")
        page.page.locator("#tabs [data-tab=flow]").click()
        page.until("m => window.ofi.view(m).drawn.painter_ms > 0", BTC)
        expect(told).to_be_hidden()
        (complaint,) = page.complaints
        assert "no ink" in complaint
        page.complaints.clear()
