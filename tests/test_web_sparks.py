"""The half hour of scores beside each market of the watch list."""

from app.clock import NS_PER_S
from app.market import MarketId
from app.records import NO_SCORE, empty
from app.web.sparks import POINTS, STEP_NS, Sparks, line_of

BTC, ETH = MarketId.parse("binance:BTC/USDT"), MarketId.parse("kraken:ETH/USD")
STEP_MS = STEP_NS // 1_000_000


def test_the_last_score_of_each_step_counts() -> None:
    records = empty("summary", 5)
    records["time_ns"] = [t * NS_PER_S for t in (3000, 3029, 3030, 3061, 3095)]
    records["score"] = [1.0, 2.0, 3.0, NO_SCORE, 4.125]
    assert line_of(records) == {100: 2.0, 101: 3.0, 103: 4.12}
    assert line_of(records[3:4]) == {}


def test_history_and_present_make_one_line() -> None:
    sparks = Sparks()
    row = {"market": str(BTC), "score": 1.234, "time_ms": 103 * STEP_MS + 5}
    sparks.note([row])
    assert not sparks.any
    assert sparks.missing([ETH, BTC], 1) == [BTC]
    sparks.add({BTC: {100: 0.5, 103: 9.0}, ETH: {}})
    assert sparks.missing([ETH, BTC], 5) == []
    sparks.note([row, row | {"market": str(ETH), "score": None}])
    message = sparks.message()
    assert message["markets"] == {str(BTC): [100, [0.5, None, None, 1.23]]}
    assert message["step_ms"] == STEP_MS
    for step in range(104, 101 + POINTS):
        sparks.note([row | {"time_ms": step * STEP_MS}])
    first, scores = sparks.message([BTC])["markets"][str(BTC)]
    assert (first, len(scores)) == (103, POINTS - 2)


def test_what_was_not_told_is_read_from_the_store() -> None:
    """While nobody looks, nothing is told; the score that comes then is not all that there is."""
    sparks = Sparks()
    rows = [{"market": str(one), "score": None, "time_ms": 100 * STEP_MS} for one in (BTC, ETH)]
    sparks.note(rows)
    sparks.add({BTC: {}, ETH: {99: 0.5}})
    sparks.note([row | {"time_ms": 101 * STEP_MS} for row in rows])
    assert sparks.missing([BTC, ETH], 5) == []
    later = [row | {"time_ms": 140 * STEP_MS, "score": 1.0} for row in rows]
    sparks.note(later)
    assert sparks.missing([BTC, ETH], 5) == [BTC, ETH]
    sparks.add({BTC: {139: 2.0}, ETH: {}})
    sparks.note(later)
    assert sparks.missing([BTC, ETH], 5) == []
    assert sparks.message()["markets"] == {str(BTC): [139, [2.0, 1.0]], str(ETH): [140, [1.0]]}
