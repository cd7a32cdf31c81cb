"""What the page hands its painter, and what it does where the painter is late, fails or never comes."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import INK, ONE_THREAD, Watched, watched
from tests.test_browser_modules import page as page

pytestmark = pytest.mark.browser

LIVE = Path(__file__).parents[1] / "assets" / "live"
BTC, ETH = "binance:BTC/USDT", "kraken:ETH/USD"

# An easel whose thread is run by hand; `sent` is what it was told, as [type, ids of draws, frames].
RIG = """async (act) => {
  const { Easel } = await import('/live/easel.js');
  const told = [], seen = [], lost = [], real = [window.Worker, window.reportError], errors = [];
  let thread = null;
  window.reportError = (error) => errors.push(error.message);
  window.Worker = class {
    constructor() { thread = this; }
    postMessage({ type, ...message }) { told.push({ type, ...message }); }
    terminate() { this.ended = true; }
  };
  const easel = new Easel({ painted: (one) => seen.push(one), lost: (id) => lost.push(id) });
  const ready = () => thread.onmessage({ data: { type: 'ready' } });
  const answer = (...done) => thread.onmessage({ data: { type: 'painted', done } });
  const paints = () => told.filter(({ type }) => type === 'paint');
  try {
    const said = await new Function('r', `with (r) { return (${act})(); }`)(
      { easel, told, seen, lost, errors, ready, answer, paints, thread: () => thread });
    return JSON.parse(JSON.stringify({ said, told, seen, lost, errors }));
  } finally {
    [window.Worker, window.reportError] = real;
  }
}"""


def run(page: Page, act: str) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate(RIG, act)
    return found


def test_what_was_asked_for_before_the_painter_came_is_not_lost(page: Page) -> None:
    found = run(
        page,
        """() => {
          easel.open(1, {}); easel.take([1], 'frame'); easel.draw({ id: 1, number: 1 });
          easel.flush();
          const before = told.length;
          ready();
          return before;
        }""",
    )
    assert found["said"] == 0
    assert [one["type"] for one in found["told"]] == ["open", "dress", "paint"]
    paint = found["told"][-1]
    assert paint["frames"] == [{"ids": [1], "buffer": "frame"}]
    assert paint["draws"] == [{"id": 1, "number": 1}]


def test_a_painter_that_is_behind_is_asked_for_the_newest_alone(page: Page) -> None:
    found = run(
        page,
        """() => {
          ready();
          for (let k = 1; k <= 6; k++) {
            easel.draw({ id: 1, number: k, ...(k === 3 ? { rows: 'anew' } : {}) });
            if (k !== 5) easel.draw({ id: 2, number: 10 + k });
            easel.flush();
          }
          const out = paints().length;
          answer({ id: 1, number: 1 });
          return [out, paints().length];
        }""",
    )
    assert found["said"] == [2, 3]
    last = [one for one in found["told"] if one["type"] == "paint"][-1]
    # What was told of the rows on the way is not lost with the drawing that told it.
    assert last["draws"] == [{"id": 1, "number": 6, "rows": "anew"}, {"id": 2, "number": 16}]


def test_nothing_is_painted_of_a_market_that_went(page: Page) -> None:
    found = run(
        page,
        """() => {
          ready();
          easel.draw({ id: 1, number: 1 }); easel.draw({ id: 2, number: 2 });
          easel.close(1); easel.flush();
        }""",
    )
    assert found["told"][-1]["draws"] == [{"id": 2, "number": 2}]


def test_frames_do_not_pile_up_while_nobody_looks(page: Page) -> None:
    found = run(
        page,
        """() => {
          ready();
          for (let k = 0; k < 200; k++) easel.take([1], k);
          return [easel.frames.length, paints().map(({ frames, draws }) => [frames.length, draws.length])];
        }""",
    )
    assert found["said"] == [8, [[64, 0]] * 3]


def test_charts_that_missed_a_frame_are_told_of(page: Page) -> None:
    act = "() => { ready(); thread().onmessage({ data: { type: 'lost', ids: [3, 4] } }); }"
    assert run(page, act)["lost"] == [3, 4]


def test_a_painter_that_does_not_come_is_not_awaited(page: Page) -> None:
    """An error before it came, twice: the page paints, once."""
    found = run(
        page,
        """async () => {
          easel.open(7, {}); easel.draw({ id: 7, number: 1 }); easel.flush();
          thread().onerror({ message: 'not found' }); thread().onerror({ message: 'not found' });
          ready();
          while (easel.waiting.length) await new Promise((done) => setTimeout(done, 5));
          while (easel.out) await new Promise((done) => setTimeout(done, 5));
          return thread().ended;
        }""",
    )
    assert found["said"] is True
    assert found["told"] == []
    assert found["errors"] == []


def test_an_error_of_its_thread_is_told(page: Page) -> None:
    act = "() => { ready(); thread().onerror({ message: 'no ink' }); }"
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
          for (const id of [1, 2, 3]) painter.hear({ type: 'open', id, sheets: {} });
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


def test_the_page_paints_where_the_painter_cannot_be_loaded(browser: Browser, url: str) -> None:
    with watched(browser) as page:
        page.page.route("**/painter_thread.js", lambda route: route.abort())
        page.open(f"{url}/?m={BTC}&range=300", BTC)
        assert page.page.workers == []
        assert inked(page) > 0.2
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
        assert len(page.page.workers) == (0 if script else 1)
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
