"""What charts write and what their files hold, module by module, in the browser that draws them."""

from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.test_browser_modules import page as page

pytestmark = pytest.mark.browser


def test_files_of_quality_have_what_is_drawn_of_the_times_in_view(page: Page) -> None:
    script = """async () => {
      const { QualityPane } = await import('/live/quality.js');
      const { iso } = await import('/live/zone.js');
      const gaps = { best: [], depth: [{ from: 800, to: 1500 }, { from: 1700, to: 1800 }] };
      const pane = Object.create(QualityPane.prototype), reasons = { sequence: 1234 };
      const around = (...values) => [0, 0, 0, ...values, 0, 0, 0];
      Object.assign(pane, {
        lists: { reasons: document.createElement('table') },
        series: {
          t: [500, 1000, 9000], p50: around(1, 2, 3), p99: around(10, 20, 30), rate: around(4, 5, 6),
        },
        quality: { streams: ['best', 'depth'].map(stream => ({ stream, state: 'live', reasons })) },
        stack: {
          model: { begins: 900 }, ranges: { time: () => [600, 2000] }, spans: stream => gaps[stream],
        },
      });
      pane.reasons({ ...pane.quality, gaps: { sequence: 56789 } }, '30 min');
      const instants = new Map([900, 1000, 1500, 1700, 1800, 2000].map(ms => [iso(ms), ms]));
      const tables = ['latency', 'rate', 'cover', 'reasons'].map(name => pane.table(name));
      const plain = row => row.map(one => instants.get(one) ?? one);
      return tables.map(({ columns, rows }) => [columns, rows.map(plain)]);
    }"""
    latency, rate, cover, reasons = page.evaluate(script)
    assert latency[0][1:] == [
        "best quotes p50, ms", "best quotes p99, ms", "depth p50, ms", "depth p99, ms", "trades p50, ms",
        "trades p99, ms",
    ]  # fmt: skip
    assert latency[1] == [[1000, 1, 10, 2, 20, 3, 30]]
    assert rate[0][1:] == [f"{name}, updates/s" for name in ("best quotes", "depth", "trades")]
    assert rate[1] == [[1000, 4, 5, 6]]
    assert cover[0] == ["stream", "from, UTC", "to, UTC", "data"]
    assert cover[1] == [
        ["best quotes", 900, 2000, "known"],
        ["depth", 900, 1500, "none"],
        ["depth", 1500, 1700, "known"],
        ["depth", 1700, 1800, "none"],
        ["depth", 1800, 2000, "known"],
    ]
    assert reasons[1] == [["an update was missing", 1234, 1234, 56789, 0]]


def test_a_gap_of_any_stream_is_hatched_in_latency_and_updates(page: Page) -> None:
    """Those that meet once: hatches over hatches are a third kind."""
    script = """async () => {
      const { QualityPane } = await import('/live/quality.js');
      const gaps = { best: [], depth: [[10, 30]], trades: [[20, 40], [60, 70]] }, marked = [];
      const html = document.implementation.createHTMLDocument(), holder = html.createElement('div');
      const pane = Object.create(QualityPane.prototype), canvases = {};
      for (const name of ['latency', 'rate', 'cover']) {
        const canvas = canvases[name] = new OffscreenCanvas(1, 1), x = canvas.getContext('2d');
        Object.assign(canvas, { clientWidth: 166, clientHeight: 100, getAttribute: () => '',
          setAttribute() {} });
        const { fillRect } = x;
        x.fillRect = (left, top, wide, tall) => {
          if (tall > 50 && wide > 1) marked.push([name, Math.round(left), Math.round(left + wide)]);
          fillRect.call(x, left, top, wide, tall);
        };
      }
      const spans = stream => gaps[stream].map(([from, to]) => ({ from, to }));
      const streams = ['best', 'depth', 'trades'].map(stream => ({ stream, state: 'live' }));
      Object.assign(pane, {
        canvases, element: holder, series: { t: [], p50: [], p99: [], rate: [] }, quality: { streams },
        stack: { model: { begins: 0 }, ranges: { time: () => [0, 100], user: {} }, spans, page: {} },
      });
      pane.charts('live');
      return marked;
    }"""
    found = page.evaluate(script)
    assert [one for one in found if one[0] != "cover"] == [
        ["latency", 10, 40], ["latency", 60, 70], ["rate", 10, 40], ["rate", 60, 70],
    ]  # fmt: skip


@pytest.mark.parametrize("width", [281, 400])
def test_markouts_name_the_side_of_each_line_in_words(page: Page, width: int) -> None:
    script = """async width => {
      const { drawMarkouts } = await import('/live/evidence_trades.js'),
        { theme } = await import('/live/theme.js');
      for (const name of ['buy', 'sell']) theme[name] = theme[`${name}-fill`] = '#112233';
      const canvas = new OffscreenCanvas(1, 1), x = canvas.getContext('2d'), found = [];
      x.fillText = (words, left, top) => found.push([words, left + x.measureText(words).width, top]);
      const names = ['buys', 'buys_high', 'sells', 'sells_low'],
        groups = Object.fromEntries(names.map(n => [n, 50]));
      const mean = Float64Array.of(0, 1, 0, 1.05, 0, -1, 0, -1.05), arrays = { ev_mark: mean,
        ev_mark_low: mean, ev_mark_high: mean };
      drawMarkouts(canvas, { width, height: 150 }, { values: { markout: { horizons_s: [1, 60],
        groups } }, arrays });
      return found.filter(([words]) => /^(buys|sells)/.test(words));
    }"""
    lines = page.evaluate(script, width)
    assert sorted(words.split(",")[0] for words, *_ in lines) == ["buys", "buys", "sells", "sells"]
    assert all(right <= width for _, right, _ in lines)
    tops = sorted(top for *_, top in lines)
    assert all(low - high >= 12 for high, low in pairwise(tops))


# Every line that is written on a chart of a size, with where it begins, how wide it is and how low it lies.
WRITTEN = """async ([chart, width, height, model]) => {
  const { drawFlow } = await import('/live/bars.js'), { drawMade } = await import('/live/made.js');
  const found = [], canvas = new OffscreenCanvas(1, 1), x = canvas.getContext('2d');
  const cross = { crossWidth: width, crossHeight: height, showsNow: true };
  const view = { width, height, ...cross, X: v => v, Y: v => v };
  x.fillText = (words, left, top) => found.push([words, left, x.measureText(words).width, top]);
  if (chart === 'flow') drawFlow(canvas, model, view, { found: [], each: 3 });
  else drawMade(canvas, model, view);
  return found;
}"""


SILENT = {"status": {"has_trades": False}, "gaps": []}


def test_files_have_what_is_drawn(page: Page) -> None:
    """VPIN from the bucket on that stands at the left edge, with its quantiles; the OFI beside its parts."""
    script = """async () => {
      const { TABLES } = await import('/live/evidence_tables.js'), { iso } = await import('/live/zone.js');
      const { TRADES_TABLES } = await import('/live/trades_words.js'),
        { Table } = await import('/live/rings.js');
      const times = Float64Array.of(1000, 2000, 3000, 4000), toxicity = { p25: 0.1, p75: 0.3, p95: 0.5 };
      const arrays = { ev_vpin_t: times, ev_vpin: Float64Array.of(0.2, 0.4, 0.6, 0.8) };
      const vpin = TABLES.vpin({ toxicity }, arrays, {}, [2500, 3500]);
      const series = new Table({ parts: [Float64Array, 6], matched: [Float64Array, 1],
        ofi: [Float64Array, 1] }, 4);
      series.merge(Float64Array.of(1000), { parts: Float64Array.of(1, 2, 3, 4, 5, 6), matched: [0.5],
        ofi: [-9] });
      const info = { unit: 'BTC', window_s: 10 }, views = { price: { start: 0, end: 2000 } };
      const made = TRADES_TABLES.made({ model: { info, series }, views });
      return [vpin.columns, vpin.rows.map(([at, ...row]) => [at === iso(2000) || at === iso(3000), ...row]),
        made.columns.slice(1), [...made.rows].map(row => row.slice(1))];
    }"""
    columns, vpin, parts, made = page.evaluate(script)
    assert columns[1:] == ["VPIN", "25th percentile", "75th percentile", "95th percentile"]
    assert vpin == [[True, 0.4, 0.1, 0.3, 0.5], [True, 0.6, 0.1, 0.3, 0.5]]
    assert parts[:2] == ["OFI over 10 s, BTC", "bids added over 10 s, BTC"]
    assert made == [[-9, 1, 2, 3, 4, 5, 6, 0.5]]


@pytest.mark.parametrize(
    ("chart", "width", "model", "said"),
    [
        ("flow", 290, SILENT, "CVD, VPIN and markouts stay empty; OFI does not."),
        ("flow", 900, SILENT, "CVD, VPIN and markouts stay empty; OFI does not."),
        ("made", 122, SILENT, "This venue sends no public trades."),
        ("made", 122, {"gaps": [1]}, "The window touches a gap."),
        ("made", 122, {"gaps": []}, "Waits for a full window."),
    ],
)
def test_words_on_a_narrow_chart_are_read_whole(
    page: Page, chart: str, width: int, model: dict[str, Any], said: str
) -> None:
    lines = page.evaluate(WRITTEN, [chart, width, 96, model])
    assert said in " ".join(words for words, *_ in lines)
    assert all(left >= 0 and left + wide <= width for _, left, wide, _ in lines)
    tops = [top for *_, top in lines]
    assert all(6 <= top <= 90 for top in tops)
    assert len(set(tops)) == len(tops)
    if width > 500:
        assert len(lines) == 2
