"""What a panel says that it waits for, module by module, in the browser that says it."""

from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser_said import SEEN, T0, plain
from tests.test_browser_modules import page as page

pytestmark = pytest.mark.browser

NAN = float("nan")


def waits(page: Page, status: dict[str, Any], begins: float | None, last: float) -> Any:
    """What stands in place of the charts of a market that starts; its OFI has no value yet."""
    script = """async ([status, begins, last]) => {
      const { waitOf } = await import('/live/said.js');
      const drawn = begins !== null;
      const series = { length: drawn ? 2 : 0, from: 0, to: drawn ? 2 : 0, last, data: { ofi: [NaN, NaN] } };
      const model = { status, series, begins, info: { window_s: 10 }, now: () => last };
      return waitOf({ model, market: 'binance:BTC/USDT', error: '' }, status.state, 0);
    }"""
    return page.evaluate(script, [status, begins, last])


def test_a_start_names_its_steps_with_their_times(page: Page) -> None:
    status = {
        "state": "starting", "detail": "3 markets start before this one; Binance limits how fast.",
        "begun_ms": T0, "linked_ms": T0 + 300, "booked_ms": None, "book_levels": None,
    }  # fmt: skip
    first = waits(page, status, None, T0)
    assert first["title"] == "Waiting for the first book"
    assert first["text"] == status["detail"]
    assert [(kind, plain(words), plain(time)) for kind, words, time in first["steps"]] == [
        ("done", "Connected to Binance", "0.3 s"),
        ("now", "Book snapshot", ""),
        ("todo", "Filling the first 10 s window", ""),
        ("todo", "Score, after 5 min of data", ""),
    ]
    status |= {"state": "live", "booked_ms": T0 + 700, "book_levels": 1000}
    then = waits(page, status, T0 + 800, T0 + 6900)
    assert then["title"] == "Waiting for the first full window"
    assert then["share"] == pytest.approx(0.75 + 0.25 * 0.61)
    assert [(kind, plain(words), plain(time)) for kind, words, time in then["steps"]] == [
        ("done", "Connected to Binance", "0.3 s"),
        ("done", "Book snapshot, 1,000 levels a side", "0.4 s"),
        ("now", "Filling the first 10 s window", "6 of 10 s"),
        ("todo", "Score, after 5 min of data", ""),
    ]


def test_a_score_that_waits_says_how_long(page: Page) -> None:
    script = """async n => {
      const { learningWords } = await import('/live/said.js');
      return learningWords({ standing: { value: 1, score: n < 300 ? null : 2, distribution: { n } } });
    }"""
    words = page.evaluate(script, 220)
    assert plain(words["title"]) == "Score in 1 min 20 s"
    assert plain(words["text"]).endswith("to mean anything. 3 min 40 s so far.")
    assert page.evaluate(script, 300) is None


@pytest.mark.parametrize(
    ("name", "windows", "title", "text"),
    [
        ("integrated", 12, "Needs 30 windows of 10 s: 12 so far",
         "Its weights come from how the levels moved."),
        ("integrated", 40, "No value now", "Needs 5 s without a gap. All 8 levels must be known."),
        ("multi", None, "No value now", "Needs 5 s without a gap. All 8 levels must be known."),
    ],
)  # fmt: skip
def test_a_series_without_a_value_says_what_it_needs(
    page: Page, name: str, windows: int | None, title: str, text: str
) -> None:
    script = """async ([name, windows, ofi]) => {
      const { learningWords } = await import('/live/said.js');
      const standing = { name, windows, value: null, score: null, distribution: { n: 0 } };
      return learningWords({ standing, info: { depth: 8, window_s: 5 }, tiles: { ofi } });
    }"""
    words = page.evaluate(script, [name, windows, 1.5])
    assert [plain(words["title"]), plain(words["text"])] == [title, text]
    # Where best quotes have none either, the window tells why.
    assert page.evaluate(script, [name, windows, None]) is None


WHOLE = {"best": 1.0, "depth": 1.0, "trades": 1.0}
ON_QUOTES = {"verdict", "impact", "prediction", "flows", "horizons", "markouts", "adverse"}


@pytest.mark.parametrize(
    ("lacks", "empty"),
    [
        (None, set()),
        ("best", ON_QUOTES),
        ("depth", {"flows"}),
        ("trades", {"vpin", "markouts", "adverse"}),
    ],
)
def test_figures_give_way_below_half_of_the_streams_they_rest_on(
    page: Page, lacks: str | None, empty: set[str]
) -> None:
    share = WHOLE | ({lacks: 0.3} if lacks else {})
    found = emptied(page, SEEN | {"covered": share, "coverage": share})
    assert {name for name, said in found.items() if said} == empty
    for name in empty:
        assert found[name]["title"] == "Not enough data"
        assert plain(found[name]["text"]).startswith("Only 30.0 % of the last 30 min were seen")


def test_a_young_market_says_in_every_panel_what_it_waits_for(page: Page) -> None:
    fit = {"r2": None, "bins": 9}
    young = {
        "covered": WHOLE, "coverage": dict.fromkeys(WHOLE, 0.05), "wait_s": 210,
        "explains": {"best": fit, "multilevel": fit}, "prediction": {"1": {"pairs": 20}},
    }  # fmt: skip
    found = emptied(page, SEEN | young)
    needs = "Needs 30 windows of 10 s: 3 min 30 s more"
    pairs = "Needs 30 pairs of now and next: 10 s more"
    assert found["verdict"] is None  # it says so in its own words
    assert {plain(found[name]["title"]) for name in ("impact", "flows")} == {needs}
    assert {plain(found[name]["title"]) for name in ("prediction", "horizons")} == {pairs}


def emptied(page: Page, values: dict[str, Any]) -> Any:
    """What stands in place of each panel of the evidence."""
    script = "async values => (await import('/live/evidence_states.js')).empties(values, null)"
    return page.evaluate(script, values)


ROWS_WAIT = [
    ("price", "Waiting for the first quotes"),
    ("queue", "Waiting for a bid and an ask"),
    ("spread", "Waiting for a bid and an ask"),
    ("bands", "Waiting for the first book"),
]


@pytest.mark.parametrize(("name", "title"), ROWS_WAIT)
def test_a_row_of_trades_without_values_says_what_it_waits_for(
    page: Page, name: str, title: str
) -> None:
    script = """async ([name, known, gap, showsNow, begins]) => {
      const { waitsFor } = await import('/live/trades_waits.js');
      const { Table } = await import('/live/rings.js');
      const names = ['bid', 'ask', 'mid', 'queue', 'spread_bps', 'band_bid', 'band_ask'];
      const times = Float64Array.from([1000, 2000]), one = () => Float64Array.from([NaN, known ? 1 : NaN]);
      const series = new Table(Object.fromEntries(names.map(n => [n, [Float64Array, 1]])), 8);
      series.merge(times, Object.fromEntries(names.map(n => [n, one()])));
      const stack = { edge: 3000, spans: () => (gap ? [{ from: 1500, to: 1800 }] : []) };
      const views = { [name]: { start: 0, end: 3000, step: 100 } };
      return waitsFor(name, { model: { series, begins }, views, showsNow, stack, state: 'live' });
    }"""
    found = page.evaluate(script, [name, False, False, True, None])
    assert found["title"] == title
    assert found["text"].endswith(".")
    assert page.evaluate(script, [name, True, False, True, None]) is None
    # A gap is drawn, not waited for; and what is past brings nothing more.
    assert page.evaluate(script, [name, False, True, True, None]) is None
    past = page.evaluate(script, [name, False, False, False, 2000])
    assert past["title"] == "No data in the time shown"
    assert past["text"].startswith("Data begin at 00:00:02")


NONE_SEEN = [[NAN] * 3] * 2
BUSY = [[5.0, NAN, NAN], [6.0, NAN, NAN]]
RECORDS = "Waiting for the first record"
PAST = "Nothing recorded in the time shown"


@pytest.mark.parametrize(
    ("change", "want"),
    [
        ({}, {"latency": RECORDS, "rate": RECORDS}),
        ({"begins": None}, {"latency": RECORDS, "rate": RECORDS, "cover": "Waiting for the first data"}),
        ({"rate": BUSY}, {"latency": "No venue time"}),
        ({"rate": BUSY, "p50": BUSY, "p99": BUSY}, {}),
        ({"rate": BUSY, "range": [90, 99]}, {"latency": RECORDS, "rate": RECORDS}),  # older records
        ({"spans": [{"from": 20, "to": 30}]}, {}),  # it is hatched
        ({"showsNow": False}, {"latency": PAST, "rate": PAST}),
        ({"showsNow": False, "begins": T0}, {"latency": PAST, "rate": PAST, "cover": PAST}),
        ({"told": False}, dict.fromkeys(("streams", "latency", "rate", "cover"), "Waiting for a collector")),
    ],
)  # fmt: skip
def test_a_panel_of_quality_says_what_it_waits_for(
    page: Page, change: dict[str, Any], want: dict[str, str]
) -> None:
    """Of a time gone by nothing is promised."""
    script = """async ([{ begins, rate, p50, p99, ...given }]) => {
      const { waits } = await import('/live/quality_waits.js');
      const series = { t: [10, 20], rate: rate.flat(), p50: p50.flat(), p99: p99.flat() };
      return waits({ ...given, begins: begins ?? NaN, series });
    }"""
    given = {
        "told": True, "showsNow": True, "range": [0, 40], "begins": 5, "spans": [],
        "rate": NONE_SEEN, "p50": NONE_SEEN, "p99": NONE_SEEN,
    }  # fmt: skip
    found = page.evaluate(script, [given | change])
    assert {name: one["title"] for name, one in found.items() if one} == want
    if change.get("begins") == T0:
        assert plain(found["rate"]["text"]) == "Data begin at 22:13:20 UTC."
