"""The sentences of states and incidents, module by module, in the browser that says them."""

from typing import Any

import pytest
from playwright.sync_api import Page

from app.feeds.words import down
from tests.browser_said import FIT, SEEN, T0, plain
from tests.test_browser_modules import page as page

pytestmark = pytest.mark.browser

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
