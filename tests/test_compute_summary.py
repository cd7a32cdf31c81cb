"""The watch list's figures against a slow reading of docs/metrics.md."""

import numpy as np
import pytest

from app.compute.rows import Rows
from app.compute.summary import SummaryBuilder
from app.compute.view import lookback
from app.compute.windows import Intervals
from app.records import NO_SCORE, ROW, ROW_NS
from tests.batch import sums_of

S = 1_000_000_000
T0 = 1_700_000_000 * S


def make_rows(end_ns, ofi, market=0, bid=100, ask=102):
    record = np.zeros(len(end_ns), ROW)
    record["end_ns"], record["ofi_best"] = end_ns, ofi
    record["bid"], record["ask"], record["bid_size"], record["ask_size"] = bid, ask, 30, 10
    record["band_bid"], record["band_ask"] = -1, 7
    return Rows(np.full(len(end_ns), market, np.int32), record)


def play(seconds, seed=1, begin=T0):
    """Rows at random tenths of each second; the summary at each whole second."""
    rng = np.random.default_rng(seed)
    builder = SummaryBuilder(markets=2)
    builder.begin(0, begin)
    rows, summaries = [], []
    for k in range(seconds):
        tenths = np.flatnonzero(rng.random(10) < 0.6)
        end = T0 + k * S + (tenths + 1) * ROW_NS
        ofi = rng.integers(-50, 51, len(end))
        rows += list(zip(end.tolist(), ofi.tolist(), strict=True))
        builder.add(make_rows(end, ofi))
        summaries.append(builder.tick(T0 + (k + 1) * S, np.array([True, False]))[0].copy())
    return rows, summaries


def rolling(rows, at):
    return sum(ofi for end, ofi in rows if at - 10 * S < end <= at)


def test_rolling_sum_and_score_equal_the_definitions():
    rows, summaries = play(400)
    values = [rolling(rows, T0 + (k + 1) * S) for k in range(400)]
    assert [int(s["ofi"]) for s in summaries] == values
    for k in (310, 350, 399):
        past = values[9:k]  # the first full window ends after ten seconds
        score = (values[k] - np.mean(past)) / np.std(past, ddof=1)
        assert summaries[k]["score"] == pytest.approx(score, rel=1e-5)
        rank = (sum(v < values[k] for v in past) + 0.5 * sum(v == values[k] for v in past)) / len(
            past
        )
        assert summaries[k]["percentile"] == pytest.approx(rank, rel=1e-5)


def test_the_look_back_is_that_of_a_page():
    """Half an hour and the present: 1,800 values, whatever was before."""
    rows, summaries = play(2100)
    record = make_rows(*np.array(rows).T).record
    record["start_ns"] = record["end_ns"] - ROW_NS
    none = Intervals(np.zeros(0, np.int64), np.zeros(0, np.int64))
    for k in (1899, 2000, 2099):
        past = lookback(sums_of(record, 1), none, T0 + (k + 1) * S, 10 * S, 1800)
        assert len(past.values) == 1800
        want = past.of(float(summaries[k]["ofi"]))
        assert summaries[k]["score"] == np.float32(want.z)
        assert summaries[k]["percentile"] == np.float32(want.percentile)


def test_no_score_before_five_minutes_nor_while_the_window_is_not_whole():
    _, summaries = play(330)
    scored = [k for k, s in enumerate(summaries) if s["score"] != np.float32(NO_SCORE)]
    assert scored[0] == 309  # 300 past values, the first of them after ten seconds
    builder = SummaryBuilder(markets=1)
    builder.begin(0, T0)
    builder.begin(0, T0 + 95 * S)  # a gap ended here
    assert builder.tick(T0 + 100 * S, np.array([True]))[0]["score"] == np.float32(NO_SCORE)


def test_a_market_that_is_not_live_is_blank():
    builder = SummaryBuilder(markets=1)
    builder.begin(0, T0)
    builder.add(make_rows([T0 + S], [5]))
    blank = builder.tick(T0 + S, np.array([False]))[0]
    assert blank["queue_imbalance"] == -2
    live = builder.tick(T0 + S, np.array([True]))[0]
    assert live["queue_imbalance"] == 0.5
    assert (live["bid"], live["ask"], live["band_bid"], live["band_ask"]) == (100, 102, -1, 7)


def test_markets_beyond_the_first_block_grow_it():
    builder = SummaryBuilder(markets=1)
    builder.begin(9, T0)
    builder.add(make_rows([T0 + S], [5], market=9))
    record = builder.tick(T0 + S, np.ones(builder.markets, np.bool_))
    assert record[9]["ofi"] == 5
