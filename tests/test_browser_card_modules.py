"""What the card tells at the pointer: over the plots at a time, beside them of the present."""

from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser_rig import call
from tests.test_browser_modules import page as page

pytestmark = pytest.mark.browser

ROW = {"left": 10, "top": 100, "width": 400, "height": 100, "crossLeft": 500, "crossWidth": 100}
VIEW = {"start": 0, "end": 4000, "low": 0, "high": 10}
NAN = float("nan")
INFO = {"group": 5, "tick": 0.1, "price_decimals": 1, "unit": "BTC"}
MODEL = {
    "info": INFO,
    "levelCount": 10,
    "nowLevels": [0.5, -2],
    "profile": {
        "base": 200, "bid": [4, 0, 0], "ask": [0, 0, 3], "cumBid": [4, NAN, NAN], "cumAsk": [NAN, 0, 3],
    },
    "standing": {"distribution": {"lo": -10, "hi": 10, "sd": 1}, "hist": [1, 0, 6, 3]},
}  # fmt: skip


@pytest.mark.parametrize(
    ("left", "top", "want"),
    [
        (110, 150, {"time": 1000, "value": 5}),
        (550, 125, {"beside": True, "value": 7.5}),
        (450, 150, None),  # over the figures of the axis
        (610, 150, None),
        (110, 90, None),
    ],
)
def test_what_lies_under_the_pointer_is_found(
    page: Page, left: int, top: int, want: dict[str, Any] | None
) -> None:
    rows, views = {"rows": {"levels": ROW}}, {"levels": VIEW}
    found = call(page, "overlay", "locate", rows, views, left, top)
    kept = {"kind": "levels", "price": None, "left": left, "top": top}
    assert found == (want and kept | want)


@pytest.mark.parametrize(
    ("kind", "value", "want"),
    [
        ("book", 100.2, [["100.0 to 100.4", "now", "head"], ["Bids", "4.00 BTC", "up"],
                         ["Bids from mid to here", "4.00 BTC"]]),
        ("book", 101.2, [["101.0 to 101.4", "now", "head"], ["Asks", "3.00 BTC", "dn"],
                         ["Asks from mid to here", "3.00 BTC"]]),
        ("book", 105, [["105.0 to 105.4", "now", "head"], ["Resting size", "beyond the visible book"]]),
        ("ofi", 2, [["0 to +5.00 BTC", "", "head"], ["Count", "6 of 10"], ["Share", "60.0 %"]]),
        ("ofi", 12, None),
        ("levels", 10, [["Level 1", "now", "head"], ["OFI", "+0.500 BTC", "up"]]),
        ("levels", 8.5, [["Level 2", "now", "head"], ["OFI", "−2.00 BTC", "dn"]]),
        ("levels", 0, None),
        ("flow", 0, None),
    ],
)  # fmt: skip
def test_a_cross_section_tells_what_lies_under_the_pointer(
    page: Page, kind: str, value: float, want: Any
) -> None:
    found = call(
        page, "beside", "besideRows", MODEL, {"kind": kind, "value": value}, {"showsNow": True}
    )
    plain = found and [[cell.replace("\u00a0", " ") for cell in row] for row in found]
    assert plain == want


@pytest.mark.parametrize("kind", ["book", "levels"])
def test_what_is_not_of_the_present_is_not_told(page: Page, kind: str) -> None:
    cursor = {"kind": kind, "value": 9.5}
    assert call(page, "beside", "besideRows", MODEL, cursor, {"showsNow": False}) is None


LEVEL = """async value => {
  const { Table } = await import('/live/rings.js');
  const { cardRows } = await import('/live/overlay.js');
  const one = [Float64Array, 1], names = ['bid', 'ask', 'mid', 'ofi', 'multi', 'integrated', 'flow'];
  const fields = Object.fromEntries(names.map(name => [name, one]));
  const series = new Table({ ...fields, levels: [Float32Array, 2] });
  series.merge(Float64Array.of(1000), {
    ...Object.fromEntries(names.map(name => [name, [1]])), levels: Float32Array.of(NaN, -0.42) });
  const info = { step_ms: 1000, depth: 2, unit: 'BTC', price_decimals: 1 };
  const standing = { name: 'ofi', distribution: null, score: null };
  const model = { info, series, gaps: [], levelCount: 2, standing };
  return cardRows(model, { time: 1000, kind: 'levels', value, price: null }, NaN)[1];
}"""
# Bars of a view, and the sums of those at times; steps of a second, of which one is not known.
BARS = """async ([width, times]) => {
  const { Table } = await import('/live/rings.js'), { barsOf, flowBars,
    summed } = await import('/live/bars.js');
  const series = new Table({ flow: [Float64Array, 1] }), known = [1, 2, 4, NaN, 16, 32, 64, 128];
  series.merge(Float64Array.from(known, (_, k) => 1000 * (k + 1)), { flow: Float64Array.from(known) });
  const view = { start: 0, end: 8000, step: 1000, width }, { ms } = barsOf(view, 6),
    { found } = flowBars({ series }, view);
  const sums = times.map(at => summed(series, 'flow', at, ms)).map(v => (v === v ? v : null));
  return [ms, sums, found.map(({ at, sum }) => [at, sum === sum ? sum : null])];
}"""


@pytest.mark.parametrize(
    ("width", "ms", "sums", "drawn"),
    [
        (48, 1000, [1, None, 16], [1, 2, 4, None, 16, 32, 64, 128]),
        (20, 3000, [7, 48, 48], [7, 48, 192]),  # 2.4 steps are as wide as a bar: it has three
        (3, 16000, [247, 247, 247], [247]),
    ],
)
def test_a_bar_spans_whole_steps_and_the_card_has_its_sum(
    page: Page, width: int, ms: int, sums: list[int], drawn: list[int]
) -> None:
    found = page.evaluate(BARS, [width, [1000, 4000, 5000]])
    assert found == [ms, sums, [[k * ms, value] for k, value in enumerate(drawn)]]


@pytest.mark.parametrize(
    ("value", "want"),
    [
        (0.4, ["Level 2, OFI/depth", "−0.420", "dn"]),
        (1.6, ["Level 1, OFI/depth", "unknown", ""]),
    ],
)
def test_over_the_levels_the_card_tells_the_level(
    page: Page, value: float, want: list[str]
) -> None:
    assert page.evaluate(LEVEL, value) == want
