"""Verification from rows: integrated OFI at once as step by step, bins by hand, no look ahead."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.compute import evidence, impact, integrated
from app.compute.evidence import Question
from app.compute.view import Gaps, Scale
from app.compute.windows import Intervals, sums_of
from app.records import NO_BID, ROW_NS, empty
from tests.test_compute_markouts import S, none

UNIT = Scale(Decimal(1), Decimal(1))


def rows_of(seconds, seed=1, beta=2.0):
    """Rows of a random market whose mid moves with the OFI of its row, and nothing after it."""
    rng = np.random.default_rng(seed)
    n = seconds * 10
    rows = empty("row", n)
    rows["end_ns"] = np.arange(1, n + 1) * ROW_NS + 1_000_000 * S
    rows["start_ns"] = rows["end_ns"] - ROW_NS
    flow = rng.integers(-9, 10, n)
    rows["ofi_best"] = flow
    rows["ofi"] = flow[:, None] * np.arange(20, 0, -1) + rng.integers(-5, 6, (n, 20))
    rows["bid_size_sum"] = rows["ask_size_sum"] = rng.integers(50, 90, (n, 20))
    rows["states_depth"] = rows["states_best"] = 1
    rows["levels"] = 20
    mid = 100_000 + np.cumsum(np.rint(beta * flow / 2 + rng.standard_normal(n)).astype(np.int64))
    rows["bid"], rows["ask"] = mid - 1, mid + 1
    rows["bought"], rows["sold"] = np.maximum(flow, 0), np.maximum(-flow, 0)
    return rows


def whole():
    return Gaps(none(), none(), none())


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(2, 40), st.integers(3, 12))
def test_weights_at_once_are_those_step_by_step(seed, levels, n, lookback):
    rng = np.random.default_rng(seed)
    ofi = rng.standard_normal((n, levels)) + rng.standard_normal((n, 1)) * 3
    complete = rng.random(n) < 0.8
    step = integrated.trailing(ofi, complete, lookback, 3)
    once = integrated.trailing_at_once(ofi, complete, lookback, 3)
    np.testing.assert_array_equal(np.isnan(once[0]), np.isnan(step[0]))
    np.testing.assert_allclose(np.abs(once[0]), np.abs(step[0]), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(once[1], step[1], rtol=1e-6, atol=1e-9)


def test_bins_are_calendar_bins_and_their_moves():
    rows = rows_of(700)
    end = int(rows["end_ns"][-1])
    series = evidence.bin_series(sums_of(rows, 1), whole(), end, Question(10, 600, 3), UNIT)
    assert len(series.move) == 60
    assert (series.end_ns % (10 * S) == 0).all()
    last = slice(-100, None)
    assert series.flow["best"][-1] == rows["ofi_best"][last].sum()
    assert series.flow["multilevel"][-1] == rows["ofi"][last, :3].sum()
    assert series.flow["trade_imbalance"][-1] == rows["ofi_best"][last].sum()
    twice = rows["bid"] + rows["ask"]
    assert series.move[-1] == (twice[-1] - twice[-101]) / 2


def test_an_exact_relation_is_found_again():
    rows = rows_of(1300, beta=2.0)
    end = int(rows["end_ns"][-1])
    series = evidence.bin_series(sums_of(rows, 1), whole(), end, Question(10, 600, 10), UNIT)
    found = {name: evidence.explains(series, name) for name in evidence.FLOWS}
    assert found["best"].fit.beta == pytest.approx(1.0, abs=0.1)
    assert found["best"].held_out > 0.8 > 0.1 > found["best"].shuffled
    assert found["integrated"].bins == 60
    assert found["integrated"].fit.r2 > 0.8
    x, y = series.pairs("best")
    textbook = impact.fit(x, y)
    assert found["best"].fit == textbook
    at, low, high = evidence.line(x, y)
    middle = textbook.intercept + textbook.beta * at
    np.testing.assert_allclose((low + high) / 2, middle, rtol=1e-9)


def test_a_gap_takes_its_bins_and_nothing_else():
    rows = rows_of(700)
    end = int(rows["end_ns"][-1])
    gap = Intervals(np.array([end - 105 * S]), np.array([end - 101 * S]))
    q = Question(10, 600, 3)
    series = evidence.bin_series(sums_of(rows, 1), Gaps(gap, gap, none()), end, q, UNIT)
    full = evidence.bin_series(sums_of(rows, 1), whole(), end, q, UNIT)
    lost = np.flatnonzero(np.isnan(series.flow["best"]))
    assert lost.tolist() == [60 - 11]
    kept = np.isfinite(series.flow["best"])
    np.testing.assert_array_equal(series.flow["best"][kept], full.flow["best"][kept])


def test_too_little_history_gives_no_figure():
    rows = rows_of(250)
    end = int(rows["end_ns"][-1])
    series = evidence.bin_series(sums_of(rows, 1), whole(), end, Question(10, 600, 3), UNIT)
    found = evidence.explains(series, "best")
    assert (found.bins, found.fit, found.held_out) == (24, None, None)


def test_the_future_of_a_random_walk_is_not_predicted():
    """Moves follow the flow of their own row only: nothing tells the next ones."""
    rows = rows_of(2400, seed=5)
    q = Question(10, 1800, 10)
    found = evidence.forecasts(sums_of(rows, 1), whole(), int(rows["end_ns"][-1]), q)
    assert [one.horizon_s for one in found] == [1, 5, 10, 30, 60]
    assert [one.pairs for one in found] == [1801 - h for h in (1, 5, 10, 30, 60)]
    assert not any(one.found.better_than_chance for one in found)


def test_a_flow_that_leads_is_found_to_predict():
    rows = rows_of(1300, seed=2)
    later = np.cumsum(np.roll(rows["ofi_best"], 10))  # the flow of a second moves the next second
    rows["bid"], rows["ask"] = 100_000 + later - 1, 100_000 + later + 1
    q = Question(1, 600, 10)
    found = evidence.forecasts(sums_of(rows, 1), whole(), int(rows["end_ns"][-1]), q)[0]
    assert found.found.ic > 0.8
    assert found.found.better_than_chance
    assert found.found.out_of_sample.ic > 0.8
    assert found.expected_bps > 0


def test_half_a_spread_in_bps():
    rows = rows_of(700)
    rows["bid"], rows["ask"] = 99_999, 100_001
    q = Question(10, 600, 3)
    end = int(rows["end_ns"][-1])
    assert evidence.half_spread_bps(sums_of(rows, 1), whole(), end, q) == pytest.approx(0.1)
    rows["bid"] = NO_BID
    assert evidence.half_spread_bps(sums_of(rows, 1), whole(), end, q) is None
