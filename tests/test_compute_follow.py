"""Estimates that follow a market equal the batch functions on the same rows, however they are fed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.compute import impact
from app.compute.follow import BIN_NS, Explained, Weighing
from app.compute.integrated import LOOKBACK_WINDOWS, normalise, trailing
from app.compute.windows import BEGINNING, merged, rolling_depth
from app.records import LEVELS, ROW, ROW_NS
from tests.batch import sums_of

T0 = 1_700_000_000 * 10**9  # a whole multiple of 10 s, not of a minute
LEVEL = 10


def random_rows(seed, seconds, moving=0.3):
    """Rows with flow that moves the price; about one interval in ten is silent."""
    rng = np.random.default_rng(seed)
    number = np.flatnonzero(rng.random(seconds * 10) < 0.9) + 1
    rows = np.zeros(len(number), ROW)
    rows["end_ns"] = T0 + number * ROW_NS
    rows["start_ns"] = rows["end_ns"] - ROW_NS
    rows["states_best"], rows["states_depth"], rows["levels"] = 1, 1, LEVELS
    rows["ofi_best"] = rng.integers(-50, 51, len(rows))
    rows["ofi"] = rows["ofi_best"][:, None] + rng.integers(-40, 41, (len(rows), LEVELS))
    rows["bid_size_sum"] = rng.integers(1, 90, (len(rows), LEVELS))
    rows["ask_size_sum"] = rng.integers(1, 90, (len(rows), LEVELS))
    step = np.where(rng.random(len(rows)) < moving, np.sign(rows["ofi_best"]), 0)
    rows["bid"] = 10_000 + np.cumsum(step)
    rows["ask"] = rows["bid"] + rng.integers(1, 4, len(rows))
    rows["bid_size"] = rng.integers(1, 30, len(rows))
    rows["ask_size"] = rng.integers(1, 30, len(rows))
    return rows


def gaps_of(rows, *stretches):
    """Intervals of stretches in seconds after T0, and the time before the first row."""
    pairs = [(T0 + a * 10**9, T0 + b * 10**9) for a, b in stretches]
    both = np.array([(BEGINNING, int(rows["start_ns"][0])), *pairs], np.int64)
    return merged(both[:, 0], both[:, 1])


def cut(values, seed, parts):
    rng = np.random.default_rng(seed)
    return np.split(values, np.sort(rng.integers(0, len(values), parts)))


@pytest.fixture(scope="module")
def rows():
    return random_rows(3, 2700)


def batch_fit(rows, gaps, upto_ns):
    """`impact.fit` on the bins of the look-back that are whole, from the definitions."""
    ends = np.arange(upto_ns // BIN_NS - LOOKBACK_WINDOWS + 1, upto_ns // BIN_NS + 1) * BIN_NS
    x, y = [], []
    for end in ends.tolist():
        before = rows[rows["end_ns"] <= end - BIN_NS][-1:]
        inside = rows[(rows["end_ns"] > end - BIN_NS) & (rows["end_ns"] <= end)]
        lost = gaps.overlap_ns(end - BIN_NS, end) or gaps.overlap_ns(end - BIN_NS - 1, end)
        if lost or not len(before):
            continue
        after = inside[-1:] if len(inside) else before
        x.append(int(inside["ofi_best"].sum()))
        y.append((after["bid"] + after["ask"] - before["bid"] - before["ask"])[0] / 2)
    return impact.fit(np.array(x), np.array(y)), len(x)


@pytest.mark.parametrize("seed", [1, 2])
def test_moves_explained_equal_the_batch_fit(rows, seed):
    sums, gaps, live = sums_of(rows, 1), gaps_of(rows, (1500, 1503)), Explained()
    rng = np.random.default_rng(seed)
    for end in np.cumsum(rng.integers(0, 40, 120)).tolist():
        upto = T0 + min(end, 2690) * 10**9
        live.follow(sums, gaps, upto)
    want, bins = batch_fit(rows, gaps, upto)
    got = live.fit()
    assert got.bins == want.bins == bins
    assert 100 < bins < LOOKBACK_WINDOWS
    assert got.r2 == pytest.approx(want.r2, rel=1e-9)
    assert got.beta == pytest.approx(want.beta, rel=1e-9)
    assert 0.05 < got.r2 < 0.95


def test_moves_explained_need_five_minutes(rows):
    sums, gaps, live = sums_of(rows, 1), gaps_of(rows), Explained()
    live.follow(sums, gaps, T0 + 299 * 10**9)
    assert live.fit() is None
    live.follow(sums, gaps, T0 + 320 * 10**9)
    assert live.fit() is not None


def batch_integrated(rows, gaps):
    """`integrated.trailing` on consecutive windows of 10 s from T0; normalised OFI beside it."""
    number = -(-(rows["end_ns"] - T0) // BIN_NS) - 1
    n = int(number[-1]) + 1
    ofi, size, states = np.zeros((n, LEVEL), int), np.zeros(n, int), np.zeros(n, int)
    np.add.at(ofi, number, rows["ofi"][:, :LEVEL])
    both = rows["bid_size_sum"] + rows["ask_size_sum"]
    np.add.at(size, number, both[:, :LEVEL].sum(axis=1))
    np.add.at(states, number, rows["states_depth"])
    ends = T0 + np.arange(1, n + 1) * BIN_NS
    whole = ~gaps.touch(ends - BIN_NS, ends)
    return ends, normalise(ofi, size, states), *trailing(normalise(ofi, size, states), whole)


def fed(rows, gaps, since_ns, seed):
    sums, live = sums_of(rows, 1), Weighing(LEVEL)
    rng = np.random.default_rng(seed)
    for end in [*np.sort(rng.integers(since_ns + 1, rows["end_ns"][-1], 150)).tolist()]:
        live.follow(sums, gaps, since_ns, end)
    live.follow(sums, gaps, since_ns, int(rows["end_ns"][-1]))
    return sums, live


def same_as_batch(rows, gaps, live, since_ns):
    ends, ofi, integrated, explained = batch_integrated(rows, gaps)
    weights, share = live.at(ends)
    # The batch gives no value to a window with a gap; weights hold there all the same.
    mine = (ends > since_ns) & np.isfinite(integrated)
    np.testing.assert_allclose((ofi * weights).sum(axis=1)[mine], integrated[mine], rtol=1e-9)
    np.testing.assert_allclose(share[mine], explained[mine], rtol=1e-9)
    return mine.sum()


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_weights_equal_the_batch_for_any_chunking(seed):
    rows = random_rows(9, 2700)
    gaps = gaps_of(rows, (900, 913), (2000, 2001))
    for since in (T0, T0 + 1855 * 10**9):
        _, live = fed(rows, gaps, since, seed)
        assert same_as_batch(rows, gaps, live, since) > 60
    assert np.isnan(fed(rows, gaps, T0, seed)[1].at(np.array([T0 + 290 * 10**9]))[0]).all()


def test_what_is_told_afterwards_is_done_again(rows):
    before, after = gaps_of(rows), gaps_of(rows, (2100, 2141))
    sums, live = fed(rows, before, T0, 1)
    fits = Explained()
    end = int(rows["end_ns"][-1])
    fits.follow(sums, before, end - 30 * 10**9)
    for part in (live, fits):
        part.changed(T0 + 2100 * 10**9)
    live.follow(sums, after, T0, end)
    fits.follow(sums, after, end)
    assert same_as_batch(rows, after, live, T0) > 200
    want, _ = batch_fit(rows, after, end)
    assert fits.fit().bins == want.bins
    assert fits.fit().r2 == pytest.approx(want.r2, rel=1e-9)


def test_nothing_leaks_from_the_future(rows):
    """Weights at a time are those of windows that ended before it: a later change leaves them be."""
    gaps, t = gaps_of(rows), np.array([T0 + 2000 * 10**9, T0 + 2000 * 10**9 + 1])
    changed = rows.copy()
    later = changed["end_ns"] > T0 + 1990 * 10**9
    changed["ofi"][later] *= -7
    weights = [fed(r, gaps, T0, 1)[1].at(t)[0] for r in (rows, changed)]
    np.testing.assert_array_equal(weights[0][0], weights[1][0])
    assert (
        weights[0][1] != weights[1][1]
    ).any()  # the window that ended at t counts right after it


def test_memory_is_bounded_by_what_the_rows_reach(rows):
    sums, live = sums_of(rows, 1), Weighing(LEVEL)
    gaps = gaps_of(rows)
    for second in range(1000, 2700, 10):
        live.follow(sums, gaps, T0 + (second - 300) * 10**9, T0 + second * 10**9)
    whole = len(live._weights)
    late = sums_of(rows[rows["end_ns"] > T0 + 2400 * 10**9], 1)
    live.follow(late, gaps, T0 + 2600 * 10**9, T0 + 2700 * 10**9)
    assert len(live._weights) <= 31 < whole


def test_a_look_back_before_the_first_row_is_not_done_again(rows):
    """A view may reach further back than the history: what was found stays."""
    sums, gaps, live = sums_of(rows, 1), gaps_of(rows), Weighing(LEVEL)
    live.follow(sums, gaps, T0 - 7200 * 10**9, T0 + 2600 * 10**9)
    kept, solver = live._weights[100], live._live
    live.follow(sums, gaps, T0 - 7190 * 10**9, T0 + 2620 * 10**9)
    assert live._live is solver
    assert live._weights[100] is kept
    assert same_as_batch(rows[rows["end_ns"] <= T0 + 2600 * 10**9], gaps, live, T0) > 200


def test_integrated_flow_is_the_dimensionless_one_times_the_mean_size(rows):
    gaps = gaps_of(rows)
    sums, live = fed(rows, gaps, T0, 1)
    at = np.array([T0 + 2500 * 10**9])
    depth = rolling_depth(sums, gaps, at, BIN_NS, LEVEL)
    weights, _ = live.at(at)
    size = depth.ofi[0, 0] / depth.normalised[0, 0]
    dimensionless = (depth.normalised * weights).sum()
    assert (depth.ofi * weights).sum() == pytest.approx(dimensionless * size, rel=1e-12)
