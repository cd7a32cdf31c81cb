"""The sentences of states and incidents, module by module, in the browser that says them."""

from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Page

from app.feeds.words import down
from tests.test_browser_modules import page

__all__ = ["page"]
pytestmark = pytest.mark.browser

T0 = 1_700_000_000_000  # 22:13:20 UTC
NAN = float("nan")


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


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


FIT = {"r2": 0.58, "bins": 60}
SEEN = {
    "explains": {"best": FIT, "multilevel": FIT}, "lookback_s": 1800, "bin_s": 10, "wait_s": 0,
    "prediction": {"1": {"pairs": 900, "ic": 0.2}}, "toxicity": {"buckets": 60}, "trades": 500,
    "markout": {"groups": {"buys": 200, "sells": 200}}, "spread": {"horizons": {"1": {"effective": 1.0}}},
}  # fmt: skip
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


INCIDENT = {
    "from_ms": T0, "to_ms": None, "state": "down", "streams": ["best", "depth", "trades"], "times": 1,
    "missed": None, "attempts": 6, "next_try_ms": T0 + 72_000, "reason": "", "detail": "",
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "title", "text"),
    [
        (
            {"market": "kraken:LINK/USD"},
            "LINK/USD, Kraken: not answering",
            "Tried 6 times; next in 12 s. Other venues are not affected.",
        ),
        (
            {"detail": "Kraken is not answering. Other markets are not affected."},
            "Not answering",
            "Tried 6 times; next in 12 s. Other markets are not affected.",
        ),
        (
            {"state": "stale", "attempts": 2},
            "No update for 1 min",
            "Figures withheld, signals muted. Tried 2 times.",
        ),
        (
            {"state": "throttled"},
            "Throttled until 22:14:32 UTC",
            "Figures wait until then. Other venues are not affected.",
        ),
        (
            {"state": "throttled", "next_try_ms": None},
            "Throttled",
            "Figures wait until the limit is lifted. Other venues are not affected.",
        ),
        (
            {"state": "resyncing", "to_ms": T0 + 25_000, "reason": "sequence", "missed": 182,
             "streams": ["depth"]},
            "No data for 25 s",
            "Depth. An update was missing; 182 updates missed. Resolved at 22:13:45 UTC.",
        ),
        (
            {"state": "resyncing", "to_ms": T0 + 90_000, "reason": "crossed", "times": 4},
            "Data lost, 4 times in 1 min 30 s",
            "A crossed book was sent. Resolved at 22:14:50 UTC.",
        ),
        (
            {"to_ms": T0 + 38_000, "reason": "collector restarted"},
            "No collector for 38 s",
            "The collector restarted. Resolved at 22:13:58 UTC.",
        ),
        (
            {"state": "resyncing", "to_ms": T0 + 720_000, "reason": "machine slept"},
            "The collector's machine slept, 12 min",
            "The collector's machine slept. Resolved at 22:25:20 UTC.",
        ),
    ],
)  # fmt: skip
def test_an_incident_says_what_where_and_what_comes_next(
    page: Page, change: dict[str, Any], title: str, text: str
) -> None:
    script = """async ([one, now]) => {
      const { entry } = await import('/live/incidents.js');
      return entry(one, now);
    }"""
    said = page.evaluate(script, [INCIDENT | change, T0 + 60_000])
    assert plain(said["title"]) == title
    assert plain(said["text"]) == text
    assert said["at"] == "22:13:20 UTC"
    assert said["kind"] == ("resolved" if change.get("to_ms") else change.get("state", "down"))


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({}, "no audits"),
        ({"audits_unanswered": 2}, "no audits, 2 unanswered"),
        ({"audits": 1200}, "1,200 audits, none differed"),
        ({"audits": 9, "audit_differences": 3}, "9 audits, 3 differed"),
        (
            {"audits": 9, "audit_differences": 3, "detail": "It is."},
            "9 audits, 3 differed, disputed",
        ),
        ({"audits": 9, "state": "stale", "detail": "It is."}, "9 audits, none differed"),
    ],
)
def test_audits_say_how_many_differed_and_whether_one_does(
    page: Page, told: dict[str, Any], words: str
) -> None:
    script = "async q => (await import('/live/quality.js')).audited(q)"
    assert plain(page.evaluate(script, {"state": "live", **told})) == words


@pytest.mark.parametrize(("explained", "how"), [(0.42, "part"), (0.04, "little")])
def test_what_was_fitted_is_not_said_to_forecast_or_not_to(
    page: Page, explained: float, how: str
) -> None:
    """A page that does not show verification is not told whether the flow predicts."""
    script = """async explained => {
      const { trust } = await import('/live/words.js');
      const status = { state: 'live' }, info = { lookback_s: 1800 };
      return trust({ status, coverage: { best: 1 }, info, tiles: { explained } }, 'live', 0);
    }"""
    verdict, sentence = page.evaluate(script, explained)
    assert verdict == f"Explains {how} of the price."
    assert plain(sentence) == f"OFI explains {explained * 100:.0f} % of 10 s moves (R², 30 min)."


LIVE = {"state": "live", "fidelity_best": "event", "fidelity_depth": "event"}
TILES = {"t": T0, "bid": 99, "ask": 101, "mid": 100, "ofi": 5, "score": 3.4, "percentile": 0.995}
LIMITED = {"state": "throttled", "fidelity_best": "event", "fidelity_depth": "event"}
BLANK = dict.fromkeys(TILES) | {"t": T0}
STRONG = "OFI is +3.4σ over 10 s"


def strip(page: Page, state: str, status: dict[str, Any], tiles: dict[str, Any], n: int) -> Any:
    """The four parts of the reading strip."""
    script = """async ([state, status, tiles, n]) => {
      const { leaning, trust, what } = await import('/live/words.js');
      const info = { window_s: 10, lookback_s: 1800, range_s: 900 };
      const model = { status, tiles, info, distribution: { n }, coverage: { best: 1 } };
      return [...what(model, state, leaning(tiles.score, 0)), ...trust(model, state, 0)];
    }"""
    return [plain(one) for one in page.evaluate(script, [state, status, tiles, n])]


@pytest.mark.parametrize(
    ("tiles", "n", "verdict", "sentence"),
    [
        ({}, 1800, "Buyers lead.", f"{STRONG}, above 99 % of the last 30 min."),
        # A market that is young has no half hour behind it.
        ({}, 310, "Buyers lead.", f"{STRONG}, above 99 % of 5 min of data."),
        ({"ofi": -5}, 1800, "Sellers are unusually weak.",
         "OFI is below zero, yet +3.4σ over 10 s, above 99 % of the last 30 min."),
        ({"ofi": 5, "score": -3.4, "percentile": 0.005}, 1800, "Buyers are unusually weak.",
         "OFI is above zero, yet −3.4σ over 10 s, below 99 % of the last 30 min."),
        ({"ofi": 0}, 1800, "Sellers are unusually weak.",
         "OFI is zero, yet +3.4σ over 10 s, above 99 % of the last 30 min."),
        ({"score": None}, 100, "Score in 3 min 20 s.",
         "A score needs 5 min of data to mean anything; the value itself is shown."),
        ({"score": None}, 310, "No score.",
         "OFI did not vary in 5 min of data; the value itself is shown."),
        ({"mid": None, "ask": None}, 1800, "One side of the book is empty.",
         f"No asks: mid and spread are blank. {STRONG}."),
        ({"mid": None, "bid": None, "score": None}, 100, "One side of the book is empty.",
         "No bids: mid and spread are blank."),
        ({"mid": None, "bid": None, "ask": None}, 1800, "No present reading.",
         "Neither a bid nor an ask is known."),
    ],
)  # fmt: skip
def test_the_reading_says_what_is_so_in_its_state(
    page: Page, tiles: dict[str, Any], n: int, verdict: str, sentence: str
) -> None:
    assert strip(page, "live", LIVE, TILES | tiles, n)[:2] == [verdict, sentence]


@pytest.mark.parametrize(
    ("state", "status", "tiles", "verdict", "sentence"),
    [
        ("throttled", LIMITED, BLANK, "Figures withheld.", "The venue limits requests."),
        ("throttled", LIMITED | {"next_try_ms": T0}, BLANK, "Figures withheld.",
         "The venue limits requests until 22:13:20 UTC."),
        # Polls that go on are shown, also where they find one side of the book alone.
        ("throttled", LIMITED | {"fidelity_best": "sampled"}, TILES | {"mid": None, "ask": None},
         "Sampled.", "The book is polled: changes between polls cancel unseen."),
        ("error", LIVE, TILES, "Figures withheld.", "This market cannot be shown."),
        ("live", LIVE, TILES, "Every change counts.", "Quotes come event by event."),
    ],
)  # fmt: skip
def test_what_is_withheld_is_not_praised(
    page: Page,
    state: str,
    status: dict[str, Any],
    tiles: dict[str, Any],
    verdict: str,
    sentence: str,
) -> None:
    what, _, *trusted = strip(page, state, status, tiles, 1800)
    assert trusted == [verdict, sentence]
    assert (what == "No present reading.") == (verdict == "Figures withheld.")


@pytest.mark.parametrize(
    ("bins", "span"), [(180, "the last 30 min"), (172, "the last 30 min"), (31, "5 min of data")]
)
def test_the_verdict_names_the_time_that_it_rests_on(page: Page, bins: int, span: str) -> None:
    script = "async values => (await import('/live/evidence_words.js')).verdict(values)"
    fit = SEEN | {"explains": {"best": FIT | {"bins": bins}}, "prediction": {}}
    assert (
        plain(page.evaluate(script, fit)[0]) == f"In {span} OFI explained 58 % of 10 s price moves."
    )


@pytest.mark.parametrize(("alone", "others"), [(True, "markets"), (False, "venues")])
def test_a_market_that_is_down_says_of_others_what_its_feed_says(
    page: Page, alone: bool, others: str
) -> None:
    script = """async detail => {
      const { waitOf } = await import('/live/said.js');
      const model = { status: { state: 'down', detail }, series: null, now: () => NaN };
      return waitOf({ model, market: 'kraken:LINK/USD', error: '', link: {} }, 'down', 0).text;
    }"""
    said = page.evaluate(script, down("Kraken", T0 * 1_000_000, alone))
    assert said == f"Other {others} are not affected."


def test_the_badge_tells_of_gaps_in_words(page: Page) -> None:
    script = """async gap => {
      const { coverages } = await import('/live/texts.js');
      const panel = { dataset: { panel: 'book', stream: 'depth' } };
      const element = { querySelectorAll: () => [panel] }, badge = document.createElement('span');
      const info = { range_s: 900 };
      const model = { status: { state: 'live' }, coverage: { depth: 0.9 }, gaps: [gap], info };
      coverages(element, { 'coverage-book': badge }, model);
      return badge.title;
    }"""
    gap = {"stream": "depth", "from_ms": T0, "to_ms": T0 + 25_000, "reason": "sequence"}
    said = plain(page.evaluate(script, gap))
    assert said.endswith("22:13:20 UTC, 25 s: an update was missing")


def test_figures_of_several_streams_are_covered_as_the_least_of_them(page: Page) -> None:
    script = """async coverage => {
      const { coverages } = await import('/live/texts.js');
      const panels = [['made', 'best trades'], ['flow', 'trades', 'best trades'], ['cvd', 'trades']];
      const found = panels.map(([panel, stream, beside]) => ({ dataset: { panel, stream, beside } }));
      const html = document.implementation.createHTMLDocument();
      const badges = Object.fromEntries(panels.map(([name]) => [`coverage-${name}`,
        html.createElement('span')]));
      const status = { fidelity_best: 'sampled', fidelity_depth: 'sampled', period_ms: 2000,
        has_trades: true };
      const gaps = [{ stream: 'best', from_ms: 1000, to_ms: 26000, reason: 'sequence' }];
      const model = { status, coverage, covered: coverage, begins: 1, gaps, info: { range_s: 900 } };
      coverages({ querySelectorAll: () => found }, badges, model);
      return Object.values(badges).map(one => [one.textContent, one.className, one.title]);
    }"""
    made, flow, cvd = page.evaluate(script, {"best": 0.92, "depth": 1, "trades": 0.99})
    assert [plain(made[0]), made[1]] == ["2.0 s polls \u00b7 coverage 92.0 %", "low"]
    assert [plain(flow[0]), flow[1]] == ["every trade \u00b7 coverage 92.0 %", "low"]
    assert [plain(cvd[0]), cvd[1]] == ["every trade \u00b7 coverage 99.0 %", ""]
    best = [
        "Best quotes: polled every 2.0 s. Known in 15 min: 92.0 %.",
        "00:00:01 UTC, 25 s: an update was missing",
    ]
    trades = "Trades: one by one. Known in 15 min: 99.0 %."
    assert plain(made[2]).splitlines() == [*best, trades]
    assert plain(flow[2]).splitlines() == [trades, *best]
    assert plain(cvd[2]) == trades


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
