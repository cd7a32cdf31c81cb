"""The picture of the book by itself: it spans the prices of the columns that are there, however far."""

from typing import Any
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Page

from tests.test_browser_modules import page as page

pytestmark = pytest.mark.browser

ROWS, KEPT = 100, 60
MOST_ROWS = 4096

# Draws columns whose lowest rows are `bases`, one a second, of which the newest `kept` stay. The newest
# is looked for in the picture, where every row of a column has a colour.
DRAWN = """async ([bases, rows, kept]) => {
  const { Heatmap } = await import('/live/heatmap.js');
  const { Table } = await import('/live/rings.js');
  const columns = new Table({ base: [Int32Array, 1], size: [Float32Array, rows] }, 64);
  const model = { columns, rowCount: rows, epoch: 1, info: { step_ms: 1000, range_s: kept } };
  const map = new Heatmap(), { raster } = map;
  map.dress({ ramp: 'viridis', heat: 'log', clip: '99.5', sizes: '1~9' });
  let missing = 0, made = 0, most = 0, before = '';
  for (const [k, base] of bases.entries()) {
    const time = 1e6 + k * 1000;
    columns.merge(Float64Array.of(time), { base: Int32Array.of(base), size: new Float32Array(rows).fill(5) });
    columns.trim(time - kept * 1000);
    map.update(model, time);
    const { data } = raster.context.getImageData(raster.slot(raster.last), 0, 1, raster.rows);
    const coloured = data.filter((value, at) => at % 4 === 3 && value > 0).length;
    missing += coloured !== rows;
    made += raster.key !== before;
    before = raster.key;
    most = Math.max(most, raster.rows);
  }
  return { missing, made, most, rows: raster.rows };
}"""


@pytest.fixture
def listing(page: Page) -> Page:
    """A page of HTML, for a canvas is an element of that: the list of the modules."""
    page.goto(urljoin(page.url, "/live/"))
    return page


def drawn(page: Page, bases: list[int], kept: int = KEPT) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate(DRAWN, [bases, ROWS, kept])
    return found


@pytest.mark.parametrize("sign", [1, -1])
def test_a_price_that_drifts_for_long_stays_in_a_small_picture(listing: Page, sign: int) -> None:
    """One way for 400 screens, moved by the server in steps of 40 rows; drawn anew at most with every one."""
    found = drawn(listing, [sign * 40 * (k // 5) for k in range(5000)])
    assert found["missing"] == 0
    assert found["most"] <= KEPT * 8 + 3 * ROWS
    assert found["made"] <= 1000


@pytest.mark.parametrize("sign", [1, -1])
def test_what_is_too_tall_for_a_picture_is_cut_around_the_newest(listing: Page, sign: int) -> None:
    found = drawn(listing, [sign * 50 * k for k in range(400)], kept=300)
    assert found["missing"] == 0
    assert found["most"] == found["rows"] == MOST_ROWS


def test_a_picture_is_drawn_anew_only_when_the_price_leaves_it(listing: Page) -> None:
    swings = [30 * (k % 2) for k in range(500)]
    assert drawn(listing, swings)["made"] == 1


def test_a_picture_shrinks_once_the_prices_far_away_have_left_the_range(listing: Page) -> None:
    found = drawn(listing, [0] * 10 + [3000] * 10 + [0] * 200)
    assert found["missing"] == 0
    assert found["most"] > 3000
    assert found["rows"] <= 3 * ROWS


def test_a_leap_beyond_the_tallest_picture_and_back_is_followed(listing: Page) -> None:
    found = drawn(listing, [0] * 20 + [9000] * 20 + [0] * 20)
    assert found["missing"] == 0
    assert found["made"] <= 6


# Nine rows of OFI by level, of which those from the fourth on come again as others.
CORRECTED = """async () => {
  const { Levels } = await import('/live/levels.js');
  const { Table } = await import('/live/rings.js');
  const { theme } = await import('/live/theme.js');
  theme.diverging = Uint32Array.from({ length: 256 }, (_, strength) => 0xff000000 + strength);
  const series = new Table({ levels: [Float32Array, 2] }, 64), time = (k) => 1e6 + k * 1000;
  const model = { series, levelCount: 2, epoch: 1, info: { step_ms: 1000, range_s: 60 } };
  const merge = (first, value) => {
    const times = Float64Array.from({ length: 9 - first }, (_, k) => time(first + k));
    series.merge(times, { levels: new Float32Array(2 * times.length).fill(value) });
  };
  const levels = new Levels(), { raster } = levels;
  const seen = () => Array.from({ length: 9 }, (_, k) => {
    const { data } = raster.context.getImageData(raster.slot((1e6 + k * 1000) / 1000), 0, 1, 3);
    return [0, 4, 8].map((at) => data[at]);
  });
  merge(0, 1);
  levels.update(model, -Infinity, 0);
  const before = seen();
  merge(3, -1);
  levels.update(model, time(3), 1);
  return { before, after: seen() };
}"""


def test_levels_follow_rows_that_were_corrected_long_after(listing: Page) -> None:
    found = listing.evaluate(CORRECTED)
    bought, sold = found["before"][0], found["after"][-1]
    # The sign is told by where in its line a level is filled, too: the upper part or the lower.
    assert (bought, sold) == ([255, 255, 127], [127, 0, 0])
    assert found["before"] == [bought] * 9
    assert found["after"] == [bought] * 3 + [sold] * 6


@pytest.mark.parametrize(("strongest", "shown"), [(1.234e-7, "0.00000012"), (31250.4, "31300")])
def test_the_sizes_that_a_menu_offers_are_taken_as_they_stand(
    page: Page, strongest: float, shown: str
) -> None:
    script = """async strongest => {
      const { bookMenu } = await import('/live/book_menu.js'), chosen = [];
      const pane = {
        options: { sizes: 'auto' }, model: { info: { unit: 'BTC' } }, strongest,
        stack: { page: { choose: one => chosen.push(one.sizes) } },
      };
      const { values, run } = bookMenu(pane).find(one => one.form);
      return [values, run(values), ...chosen];
    }"""
    assert page.evaluate(script, strongest) == [["0", shown], "", f"0~{shown}"]


@pytest.mark.parametrize(
    ("sizes", "sized"),
    [
        ("auto", {0: 0, 1: 0, 10: 0.5, 100: 1}),  # two decades below the strongest
        ("4~400", {1: 0, 4: 0, 40: 0.5, 400: 1}),
        ("0~1000", {5: 0, 10: 0, 100: 0.5, 1000: 1}),
    ],
)
def test_each_tenfold_of_a_size_is_the_same_step_of_colour(
    page: Page, sizes: str, sized: dict[float, float]
) -> None:
    script = """async ([sizes, values]) => {
      const { placing } = await import('/live/ramps.js');
      return values.map(placing({ heat: 'log', sizes }, 100));
    }"""
    found = page.evaluate(script, [sizes, list(sized)])
    assert found == pytest.approx([255 * share for share in sized.values()])


def test_bars_of_the_distribution_are_as_long_as_they_count(listing: Page) -> None:
    script = """async () => {
      const { drawDistribution } = await import('/live/distribution.js');
      const canvas = document.createElement('canvas'), x = canvas.getContext('2d'), bars = [], said = [];
      x.fillRect = (left, top, wide) => left === 1 && bars.push(wide);
      x.fillText = words => said.push(words);
      const { theme } = await import('/live/theme.js');
      Object.assign(theme, { quiet: '#888888', text: '#ffffff', text3: '#aaaaaa', axis: '#444444' });
      const distribution = { lo: -3, hi: 3, mean: 0, sd: 9, median: 0 };
      const standing = { distribution, hist: [100, 1200, 600], value: -1, percentile: 0.1 };
      const view = { crossWidth: 210, height: 90, Y: v => 45 - 15 * v, showsNow: true };
      drawDistribution(canvas, { standing }, view);
      return { bars, said };
    }"""
    found = listing.evaluate(script)
    assert found["bars"] == pytest.approx([200 / 12, 200, 100])
    assert "longest: 1,200 values" in found["said"]
