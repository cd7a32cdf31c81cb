"""The sentences of states and incidents, module by module, in the browser that says them."""

from typing import Any

import pytest
from playwright.sync_api import Page

from tests.test_browser_modules import page

__all__ = ["page"]
pytestmark = pytest.mark.browser

T0 = 1_700_000_000_000  # 22:13:20 UTC


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
            {"state": "stale", "attempts": 2},
            "No update for 1 min",
            "Figures withheld, signals muted. Tried 2 times.",
        ),
        (
            {"state": "throttled"},
            "Throttled until 22:14:32 UTC",
            "Figures wait until then; other venues are not affected.",
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
