"""The painter: what it takes in and answers, what its thread needs, and the page that has one or none."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser import HELD, INK, ONE_THREAD, Watched, eventually, pixels, watched
from tests.browser_rig import rigged
from tests.test_browser_modules import page as page

pytestmark = pytest.mark.browser

LIVE = Path(__file__).parents[1] / "assets" / "live"
BTC = "binance:BTC/USDT"
MOVED = "n => window.ofi.stats().moved === n"
# A painter whose charts paint nothing, but for the first, which cannot; `all(n)` waits for n answers.
RIG = """async (stand) => {
  const { Painter } = await import('/live/painter.js'), { Charts } = await import('/live/charts.js');
  const answers = [], errors = [], painter = new Painter((message) => answers.push(message));
  stand(window, 'reportError', (error) => errors.push(error.message));
  stand(Charts.prototype, 'paint', function () {
    if (this === painter.charts.get(1)) throw new Error('no ink');
  });
  const frame = (header) => {
    const text = new TextEncoder().encode(JSON.stringify(header)), buffer = new ArrayBuffer(4 + text.length);
    new DataView(buffer).setUint32(0, text.length, true);
    new Uint8Array(buffer, 4).set(text);
    return buffer;
  };
  const all = (count) => new Promise((done) => {
    const look = () => (answers.length >= count ? done() : setTimeout(look, 5));
    look();
  });
  return { tools: { painter, frame, all }, told: { answers, errors } };
}"""


def test_one_market_that_cannot_be_painted_or_fed_takes_no_other_with_it(page: Page) -> None:
    found = rigged(
        page,
        RIG,
        """async () => {
          for (const id of [1, 2, 3]) painter.hear({ type: 'open', id, sheets: {}, rows: {} });
          // Of the third nothing has come; the first is broken, the second has missed a frame.
          for (const id of [1, 2]) Object.assign(painter.charts.get(id).model, { info: {}, seq: 4 });
          const late = frame({ type: 'update', seq: 6 });
          const frames = [{ ids: [1], buffer: new ArrayBuffer(2) }, { ids: [2, 3], buffer: late }];
          const draws = [1, 2, 3].map((id) => ({ id, number: 10 + id }));
          painter.hear({ type: 'paint', frames, draws, ratio: 1 });
          await all(2);
        }""",
    )
    lost, painted = found["answers"]
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


FONTS = """() => document.fonts.status === 'loaded'
  && [...document.fonts].some(({ family, status }) => family.includes('Inter UI') && status === 'loaded')"""
# What is chosen for a while is chosen otherwise here than the painter would.
OTHERWISE = """async () => {
  const { Heatmap } = await import('/assets/live/heatmap.js');
  const { Levels } = await import('/assets/live/levels.js');
  for (const { prototype } of [Heatmap, Levels]) {
    const { rescale } = prototype;
    prototype.rescale = function (...given) {
      const changed = rescale.apply(this, given);
      if (changed) this.scale.top *= 4;
      return changed;
    };
  }
  const { Discs } = await import('/assets/live/discs.js'), { find } = Discs.prototype;
  Discs.prototype.find = function (...given) {
    find.apply(this, given);
    this.choice.least = this.found[4].size;
    this.found = this.found.slice(0, 5);
  };
}"""


def test_a_picture_stays_as_it_is_when_it_moves(browser: Browser, url: str) -> None:
    """What was chosen for a while, such as the size of the strongest colour, goes to the painter with it."""
    with watched(browser) as page:
        held: list[Route] = []
        page.page.route("**/painter_thread.js", lambda route: held.append(route))
        page.open(f"{url}/?m={BTC}&range=300", BTC)
        page.page.evaluate(OTHERWISE)
        page.until(FONTS)
        page.page.get_by_role("button", name="Freeze").click()
        page.until(HELD, BTC)
        charts = [f".row-{row} .plot" for row in ("book", "levels", "ofi", "flow")]
        seen = [pixels(page.page, one) for one in charts]
        eventually(lambda: held)
        held[0].continue_()
        page.until(MOVED, 1)
        # On a busy machine the thread has painted without its font: all is painted anew once that is there.
        (painter,) = page.page.workers
        painter.evaluate("() => Promise.all([...self.fonts].map(face => face.loaded))")
        count = page.view(BTC)["drawn"]["count"]
        page.until(
            "([m, n]) => window.ofi.view(m).drawn.count > n + 2", [BTC, count]
        )  # two are under way
        assert painter.evaluate("self.fonts.size === 1 && self.fonts.status === 'loaded'")
        assert [pixels(page.page, one) for one in charts] == seen


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
