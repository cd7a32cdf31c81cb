"""Live verification equals the batch functions on the same look-back, however it is fed."""

from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.compute import impact, markouts, prediction, spread
from app.compute.follow import BIN_NS, Weighing
from app.compute.integrated import normalise, trailing
from app.compute.live_impact import FLOWS, Verified
from app.compute.live_law import LiveLaw
from app.compute.live_markout import LiveMarkout
from app.compute.live_prediction import Forecasts, LivePrediction
from app.compute.view import Gaps
from app.compute.windows import Intervals
from app.records import NO_MID, TRADE
from tests.batch import spread_parts, sums_of
from tests.test_compute_follow import LEVEL, T0, gaps_of, random_rows

S = 10**9


def rows_with_trades(seed, seconds):
    rows = random_rows(seed, seconds)
    rng = np.random.default_rng(seed + 1)
    rows["bought"], rows["sold"] = rng.integers(0, 20, (2, len(rows)))
    return rows


def in_bins(rows, values, bins):
    """Sums of rows in the 10 s bins from T0."""
    out = np.zeros((bins, *values.shape[1:]), np.int64)
    np.add.at(out, -(-(rows["end_ns"] - T0) // BIN_NS) - 1, values)
    return out


def batch_fits(rows, gaps, bins, lookback):
    """`impact.fit` of each flow over the last `lookback` whole bins, from the definitions."""
    rows = rows[rows["end_ns"] <= T0 + bins * BIN_NS]
    ends = T0 + np.arange(1, bins + 1) * BIN_NS
    at = np.searchsorted(rows["end_ns"], np.r_[T0, ends], side="right") - 1
    move = np.diff(np.where(at >= 0, (rows["bid"] + rows["ask"])[np.maximum(at, 0)], 0)) / 2
    whole = ~gaps.touch(ends - BIN_NS, ends)
    # A quote at the first edge of a bin must be of before the gap, or none.
    known = whole & ~gaps.touch(ends - BIN_NS - 1, ends - BIN_NS)
    ofi = in_bins(rows, rows["ofi"][:, :LEVEL], bins)
    sizes = (rows["bid_size_sum"] + rows["ask_size_sum"])[:, :LEVEL].sum(axis=1)
    normal = normalise(ofi, in_bins(rows, sizes, bins), in_bins(rows, rows["states_depth"], bins))
    flows = {
        "best": in_bins(rows, rows["ofi_best"], bins),
        "multilevel": ofi.sum(axis=1),
        "integrated": trailing(normal, whole)[0],
        "trade_imbalance": in_bins(rows, rows["bought"] - rows["sold"], bins),
    }
    recent = np.arange(bins) >= bins - lookback
    ok = {name: known & recent & np.isfinite(x) for name, x in flows.items()}
    return {name: impact.fit(x[ok[name]], move[ok[name]]) for name, x in flows.items()}


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_fits_of_all_flows_equal_the_batch(seed):
    rows = rows_with_trades(seed, 1400)
    lost = gaps_of(rows, (600, 612), (900, 901))
    sums, gaps = sums_of(rows, 1), Gaps(lost, lost, lost)
    live, weighing = Verified(LEVEL, lookback_bins=90), Weighing(LEVEL)
    rng = np.random.default_rng(seed)
    for second in [*np.sort(rng.integers(1, 1390, 60)).tolist(), 1390]:
        upto = T0 + int(second) * S
        weighing.follow(sums, lost, T0, upto)
        live.follow(sums, gaps, weighing, upto)
    for name, want in batch_fits(rows, lost, 139, 90).items():
        got = live.fit(name)
        assert got.bins == want.bins > 30
        assert astuple(got) == pytest.approx(astuple(want), rel=1e-9, abs=1e-12), name
        x, y = live.pairs(name)
        assert np.corrcoef(x, y)[0, 1] ** 2 == pytest.approx(want.r2, rel=1e-9)


def test_a_gap_told_afterwards_is_taken_out_of_the_fits():
    rows = rows_with_trades(5, 800)
    before, after = gaps_of(rows), gaps_of(rows, (500, 502))
    sums, live, weighing = sums_of(rows, 1), Verified(LEVEL), Weighing(LEVEL)
    for lost in (before, after):
        weighing.follow(sums, lost, T0, T0 + 790 * S)
        live.follow(sums, Gaps(lost, lost, lost), weighing, T0 + 790 * S)
        live.changed(T0 + 500 * S)
        weighing.changed(T0 + 500 * S)
    for name, want in batch_fits(rows, after, 79, 180).items():
        assert live.fit(name).bins == want.bins
        assert live.fit(name).beta == pytest.approx(want.beta, rel=1e-9)
    assert set(FLOWS) == set(batch_fits(rows, after, 79, 180))


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 30))
def test_the_depth_law_equals_the_batch_for_any_chunking(seed, steps):
    """Moves of flow over depth, depth by the minute; windows of 20 bins of a second."""
    rng = np.random.default_rng(seed)
    rows = random_rows(seed, 400)
    depth = 20 + 15 * np.sin(np.arange(len(rows)) / 150) + rng.integers(0, 3, len(rows))
    rows["states_best"] = rng.integers(1, 4, len(rows))
    rows["queue_sum"] = np.rint(2 * depth).astype(int) * rows["states_best"]
    rows["ofi_best"] = rng.integers(-90, 91, len(rows))
    move = np.rint(np.cumsum(rows["ofi_best"] / depth)).astype(int)
    rows["bid"], rows["ask"] = 10_000 + move, 10_001 + move
    lost, sums, live = gaps_of(rows, (200, 201)), sums_of(rows, 1), LiveLaw(300, S)
    for upto in [*np.sort(rng.integers(10, 395, steps)).tolist(), 395]:
        live.follow(sums, lost, T0 + int(upto) * S)
    last = (T0 + 395 * S) // (20 * S) * 20 * S
    ends = last - np.arange(299, -1, -1) * S
    inside = [(rows["end_ns"] > end - S) & (rows["end_ns"] <= end) for end in ends.tolist()]
    at = np.searchsorted(rows["end_ns"], np.r_[ends[0] - S, ends], side="right") - 1
    y = np.diff((rows["bid"] + rows["ask"])[at]) / 2
    x, queue, states = (
        np.array([rows[name][where].sum() for where in inside])
        for name in ("ofi_best", "queue_sum", "states_best")
    )
    ok = ~lost.touch(ends - S - 1, ends)
    points = impact.law_points(ends[ok], x[ok], y[ok], queue[ok], states[ok], S, 20 * S)
    want = impact.depth_law(points.beta / 0.1, points.depth * 0.1)
    assert want.windows == 15
    assert want.exponent == pytest.approx(1.0, abs=0.3)
    assert astuple(live.law(0.1)) == pytest.approx(astuple(want), rel=1e-9)
    live.changed(T0 + 300 * S)
    live.follow(sums, lost, T0 + 395 * S)
    assert astuple(live.law(0.1)) == pytest.approx(astuple(want), rel=1e-9)
    assert LiveLaw(90, S).law(1.0) is None


def seconds_of_flow(seed, n, heavy=False):
    """Signal, twice mid and wholeness of n seconds, with holes."""
    rng = np.random.default_rng(seed)
    flow = rng.standard_t(1.5, n) * 40 if heavy else rng.normal(0, 40, n)
    signal = np.round(np.convolve(flow, np.ones(5), "same"))
    signal[rng.random(n) < 0.1] = 0
    mid = np.round(20_000 + np.cumsum(np.round(rng.normal(0, 1, n) + np.clip(flow, -99, 99) / 60)))
    whole = rng.random(n) > 0.003
    signal[rng.random(n) < 0.02] = np.nan
    mid[rng.random(n) < 0.01] = np.nan
    return signal, mid, whole


def batch_prediction(signal, mid, whole, horizon, window, lookback):
    """`prediction.predict` on the pairs of the last `lookback` seconds whose outcome is known."""
    n = len(signal)
    lost = np.cumsum(~whole)
    x, y = [], []
    for t in range(max(n - horizon - lookback, 0), n - horizon):
        if lost[t + horizon] == lost[t]:
            x.append(signal[t])
            y.append(np.log(mid[t + horizon] / mid[t]))
    grid = np.arange(len(x), dtype=np.int64) * S
    return prediction.predict(grid, np.array(x), np.array(y), float(horizon), float(window))


def same_prediction(got, want):
    assert (got is None) == (want is None)
    if want is None:
        return
    for name, value in vars(want).items():
        mine = getattr(got, name)
        if name == "chance" and value is not None:
            assert mine.shifts == value.shifts
            numbers = [(mine.ic_low, value.ic_low), (mine.ic_high, value.ic_high)]
            for a, b in [*numbers, (mine.hit_mean, value.hit_mean)]:
                assert a == pytest.approx(b, rel=1e-9, abs=1e-12)
            assert mine.ic_p == pytest.approx(value.ic_p, abs=2 / value.shifts)  # ties by rounding
        elif value is None:
            assert mine is None
        else:
            assert mine == pytest.approx(value, rel=1e-9, abs=1e-12), name


@settings(max_examples=12, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([(1, 5), (5, 10), (30, 10)]),
    st.integers(1, 120),
    st.booleans(),
)
def test_predictions_equal_the_batch_for_any_chunking(seed, form, parts, heavy):
    horizon, window = form
    signal, mid, whole = seconds_of_flow(seed, 700, heavy)
    live = LivePrediction(horizon, window, lookback_s=300)
    cuts = np.sort(np.random.default_rng(seed).integers(0, 700, parts))
    for k, piece in enumerate(np.split(np.arange(700), cuts)):
        live.extend(signal[piece], mid[piece], whole[piece])
        if k % 20 == 19 and k < parts:
            end = int(cuts[k])
            upto = (signal[:end], mid[:end], whole[:end])
            same_prediction(live.result(), batch_prediction(*upto, horizon, window, 300))
    same_prediction(live.result(), batch_prediction(signal, mid, whole, horizon, window, 300))


def test_predictions_hold_second_by_second_over_many_look_backs():
    signal, mid, whole = seconds_of_flow(8, 2000, heavy=True)
    live = LivePrediction(5, 10, lookback_s=250)
    for t in range(2000):
        live.extend(signal[t : t + 1], mid[t : t + 1], whole[t : t + 1])
        if t % 199 == 198:
            upto = (signal[: t + 1], mid[: t + 1], whole[: t + 1])
            same_prediction(live.result(), batch_prediction(*upto, 5, 10, 250))


def test_forecasts_follow_rows_and_forget_what_was_lost():
    rows = random_rows(4, 900)
    before, after = gaps_of(rows), gaps_of(rows, (700, 705))
    sums = sums_of(rows, 1)
    live, again = Forecasts(10, lookback_s=400), Forecasts(10, lookback_s=400)
    for second in range(100, 880, 7):
        live.follow(sums, before, T0 + second * S)
    live.changed(T0 + 700 * S)
    live.follow(sums, after, T0 + 880 * S)
    again.follow(sums, after, T0 + 880 * S)
    for h in prediction.HORIZONS_S:
        same_prediction(live.results()[h], again.results()[h])
        assert live.results()[h].pairs < 400
    # Shifted by one step past t the signal would hold the outcome: it must not look like that.
    assert abs(live.results()[1].ic) < 0.3
    x, y = live.pairs(1)[:-1, 0], live.pairs(1)[1:, 1]
    assert abs(np.corrcoef(x, y)[0, 1]) < 0.3


def trades_of(rows, seed, n):
    """TRADE records that met the mid of the last row before them, some with none known."""
    rng = np.random.default_rng(seed)
    trades = np.zeros(n, TRADE)
    first, last = int(rows["end_ns"][0]) + 20 * S, int(rows["end_ns"][-1])
    trades["time_ns"] = np.sort(rng.integers(first, last, n))
    at = np.searchsorted(rows["end_ns"], trades["time_ns"], side="right") - 1
    trades["twice_mid"] = (rows["bid"] + rows["ask"])[at]
    trades["side"] = rng.choice([-1, 0, 1], n, p=[0.48, 0.04, 0.48])
    trades["price"] = trades["twice_mid"] // 2 + 3 * trades["side"]
    trades["size"] = rng.integers(1, 50, n)
    trades["twice_mid"][rng.random(n) < 0.05] = NO_MID
    return trades


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 40))
def test_spread_and_markout_equal_the_batch_for_any_chunking(seed, parts):
    rows = random_rows(seed, 300)
    trades, sums = trades_of(rows, seed, 1500), sums_of(rows, 1)
    none = Intervals(*np.zeros((2, 0), np.int64))
    gaps, live = Gaps(none, none, none), LiveMarkout(10 * S, lookback_ns=150 * S)
    end = T0 + 299 * S
    cuts = np.sort(np.random.default_rng(seed).integers(T0 + S, end, parts)).tolist()
    for upto in [*cuts, end]:
        live.follow(sums, gaps, trades, upto)
    mid_ns, mid = rows["end_ns"], (rows["bid"] + rows["ask"]) / 2
    kept = trades[(trades["time_ns"] > end - 210 * S) & (trades["time_ns"] <= end - 60 * S)]
    kept = kept[kept["twice_mid"] != NO_MID]
    t, price, size, side = (kept[name] for name in ("time_ns", "price", "size", "side"))
    for h in spread.HORIZONS_S:
        want, got = spread_parts(t, price, size, side, mid_ns, mid, h, 0, end), live.spread(h)
        assert got.trades == want.trades > 100
        assert astuple(got) == pytest.approx(astuple(want), rel=1e-9, abs=1e-12)
    curves = live.curves()
    for group, sign in ((0, 1), (2, -1)):
        mine = side == sign
        assert curves.trades[group] == mine.sum()
        for k, h in enumerate(markouts.CURVE_S[1:], start=1):
            now, later = (
                mid[np.searchsorted(mid_ns, t[mine] + s * S, "right") - 1] for s in (0, h)
            )
            want = np.average((later - now) / now * 1e4, weights=size[mine])
            assert curves.mean[group, k] == pytest.approx(want, rel=1e-9, abs=1e-12)


def test_no_figure_reaches_across_a_gap():
    rows = random_rows(6, 300)
    sums, trades = sums_of(rows, 1), trades_of(rows, 6, 500)
    trades["twice_mid"], trades["side"], trades["price"] = 20_000, 1, 10_001
    lost = gaps_of(rows, (100, 110))
    gaps = Gaps(lost, lost, Intervals(*np.zeros((2, 0), np.int64)))
    live, whole = LiveMarkout(10 * S), LiveMarkout(10 * S)
    for end in range(7, 300, 7):
        live.follow(sums, gaps, trades, T0 + end * S)
    live.follow(sums, gaps, trades, T0 + 299 * S)
    whole.follow(sums, gaps, trades, T0 + 299 * S)
    assert live.spreads() == whole.spreads()
    at = (trades["time_ns"] - T0) / S
    for h in spread.HORIZONS_S:
        reaches = ((at > 100 - h) & (at < 110)) | (at > 239)
        assert live.spread(h).trades == pytest.approx(500 - reaches.sum(), abs=1)
    live.changed(T0 + 290 * S)
    live.follow(sums, gaps, trades, T0 + 299 * S)
    assert live.spreads() == whole.spreads()


def test_memory_does_not_grow_with_time():
    rows = random_rows(6, 30)
    none = Intervals(*np.zeros((2, 0), np.int64))
    sums, gaps = sums_of(rows, 1), Gaps(none, none, none)
    live, trades = LiveMarkout(S, lookback_ns=10 * S), np.zeros(1, TRADE)
    trades["price"] = trades["size"] = trades["side"] = trades["twice_mid"] = 1
    for k in range(3000):
        trades["time_ns"] = T0 + k * S
        live.follow(sums, gaps, trades, T0 + k * S)
    assert len(live._done._time) <= 512
    assert len(live._waiting._time) <= 512
    assert live.spread(1).trades == 10
