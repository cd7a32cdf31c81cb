"""Prediction: alignment without leaks, Newey–West, Wilson, chance, and the interval's coverage."""

import numpy as np
import pytest

from app.compute import prediction
from tests import reference

S = 10**9


def world(n, seed, follow=0):
    """One event a second at k + ½; the mid moves with the flow of the event, `follow` seconds later."""
    rng = np.random.default_rng(seed)
    e = rng.integers(-100, 101, n)
    time_ns = np.arange(n) * S + S // 2
    move = np.zeros(n)
    move[follow:] = e[: n - follow]
    mid = 1e6 + np.cumsum(move) / 100
    return time_ns, e, mid


def related(n, seed, follow, shift_ns=0, horizon=1, window=1):
    time_ns, e, mid = world(n, seed, follow)
    grid = np.arange(10, n - 10) * S
    x = prediction.signal(time_ns, e, grid + shift_ns, window * S)
    y = prediction.outcome(time_ns, mid, grid, horizon * S)
    return prediction.predict(grid, x, y, horizon, window)


def test_signal_and_outcome_meet_at_t():
    time_ns, e = np.array([1, 2, 3]) * S, np.array([1, 10, 100])
    grid = np.array([2, 3]) * S
    assert prediction.signal(time_ns, e, grid, 1 * S).tolist() == [10, 100]
    assert prediction.signal(time_ns, e, grid, 2 * S).tolist() == [11, 110]
    mid = np.array([100.0, 110.0, 121.0])
    out = prediction.outcome(time_ns, mid, grid, 1 * S)
    assert out == pytest.approx([np.log(121 / 110), 0.0])


def test_nothing_leaks_from_the_future():
    """Flow that moves the price at once foretells nothing; one step past t it would foretell all."""
    honest = related(4000, seed=2, follow=0)
    assert not honest.better_than_chance
    assert abs(honest.ic) < 0.05
    leaking = related(4000, seed=2, follow=0, shift_ns=1 * S)
    assert leaking.better_than_chance
    assert leaking.ic > 0.95


def test_what_does_foretell_is_found():
    found = related(4000, seed=3, follow=1)
    assert found.ic > 0.95
    assert found.better_than_chance
    assert found.hit_rate == pytest.approx(1.0)
    late = related(4000, seed=3, follow=1, shift_ns=-1 * S)
    assert not late.better_than_chance


def test_newey_west_equals_the_double_sum():
    rng = np.random.default_rng(4)
    n, window = 300, 5
    noise = rng.normal(size=n + window)
    x = np.convolve(noise, np.ones(window), "valid")[:n]
    y = 0.1 * x + rng.normal(size=n)
    found = prediction.predict(np.arange(n) * S, x, y, 5, window)
    zx, zy = (x - x.mean()) / x.std(), (y - y.mean()) / y.std()
    error = reference.newey_west(zx.tolist(), zy.tolist(), 10)
    reach = (found.ic_high - found.ic_low) / 2
    assert reach == pytest.approx(error * prediction.critical_value(11 / n, found.n_eff), rel=1e-9)
    assert found.ic == pytest.approx(np.corrcoef(x, y)[0, 1])
    assert found.n_eff <= n // 5


def test_wilson_by_hand():
    # p = 0.6 at n = 50: centre (0.6 + z²/100)/(1 + z²/50), z = 1.95996.
    z = 1.959963984540054
    rate, low, high = prediction._hit_rate(30, 50, 50.0)
    centre = (0.6 + z * z / 100) / (1 + z * z / 50)
    half = z / (1 + z * z / 50) * np.sqrt(0.6 * 0.4 / 50 + z * z / 10_000)
    assert (rate, low, high) == (0.6, pytest.approx(centre - half), pytest.approx(centre + half))
    assert prediction._hit_rate(30, 50, 0.5) == (None, None, None)


def test_zeros_are_counted_apart():
    rng = np.random.default_rng(6)
    x, y = rng.normal(size=400), rng.normal(size=400)
    x[:100] = 0
    found = prediction.predict(np.arange(400) * S, x, y, 1, 1)
    assert found.zero_share == 0.25


def test_chance_equals_shifting_by_hand():
    rng = np.random.default_rng(8)
    x, y = rng.normal(size=60), rng.normal(size=60)
    x[::7] = 0
    found = prediction.predict(np.arange(60) * S, x, y, 1, 1)
    lag = 2
    shifted, hits = [], []
    for s in range(lag + 1, 60 - lag):
        moved = np.roll(x, s)
        shifted.append(np.corrcoef(moved, y)[0, 1])
        both = (moved != 0) & (y != 0)
        hits.append((np.sign(moved) == np.sign(y))[both].mean())
    assert found.chance.shifts == len(shifted)
    assert found.chance.ic_low == pytest.approx(np.quantile(shifted, 0.025))
    assert found.chance.ic_high == pytest.approx(np.quantile(shifted, 0.975))
    assert found.chance.hit_mean == pytest.approx(np.mean(hits))


def test_out_of_sample_knows_only_the_past():
    rng = np.random.default_rng(9)
    n = 1200
    grid = np.arange(1, n + 1) * S
    x = rng.normal(size=n)
    y = 0.5 * x + rng.normal(size=n)
    found = prediction.out_of_sample(grid, x, y, 1, 300 * S)
    assert found.pairs == 900
    assert found.r2 == pytest.approx(0.2, abs=0.06)
    # A relation that turns around in every window cannot be known in advance.
    turned = x * np.where((np.arange(n) // 300) % 2, -1, 1) * 0.9 + 0.1 * rng.normal(size=n)
    assert prediction.out_of_sample(grid, x, turned, 1, 300 * S).r2 < 0
    # The future of the last window changes nothing of the forecasts before it.
    other = y.copy()
    other[900:] = 1e6
    early = prediction.out_of_sample(grid[:900], x[:900], other[:900], 1, 300 * S)
    assert early == prediction.out_of_sample(grid[:900], x[:900], y[:900], 1, 300 * S)


def test_the_horizon_may_not_reach_into_the_window_it_forecasts():
    """Pairs whose outcome ends inside the forecast window are not known before it."""
    n = 600
    grid = np.arange(1, n + 1) * S
    rng = np.random.default_rng(10)
    x, y = rng.normal(size=n), rng.normal(size=n)
    y[270:300] = 1e9  # outcomes over (t, t + 30] that end after 300: not yet known at 300
    found = prediction.out_of_sample(grid, x, y, 30, 300 * S)
    y[270:300] = 0.0
    assert prediction.out_of_sample(grid, x, y, 30, 300 * S) == found


def test_too_little_or_constant_is_not_available():
    grid = np.arange(40) * S
    assert prediction.predict(grid[:20], np.arange(20.0), np.arange(20.0), 1, 1) is None
    assert prediction.predict(grid, np.ones(40), np.arange(40.0), 1, 1) is None
    x = np.arange(40.0)
    x[5:] = np.nan
    assert prediction.predict(grid, x, np.arange(40.0), 1, 1) is None
    empty = prediction.outcome(np.zeros(0, np.int64), np.zeros(0), grid, S)
    assert np.isnan(empty).all()


@pytest.mark.slow
@pytest.mark.parametrize(("horizon", "window"), [(1, 10), (10, 10), (30, 10), (60, 10)])
def test_a_random_walk_is_no_better_than_chance_in_95_percent_of_runs(horizon, window):
    n, runs = 1800, 400
    rng = np.random.default_rng(horizon)
    covered = chance = 0
    grid = np.arange(window, n - horizon) * S
    for _ in range(runs):
        flow, steps = rng.normal(size=n + 1).cumsum(), rng.normal(size=n + 1).cumsum()
        t = np.arange(window, n - horizon)
        found = prediction.predict(
            grid, flow[t] - flow[t - window], steps[t + horizon] - steps[t], horizon, window
        )
        covered += found.ic_low <= 0 <= found.ic_high
        chance += not found.better_than_chance
    # 400 runs of 95 %: two standard errors are 2.2 %.
    assert 0.925 <= covered / runs <= 0.98, covered / runs
    assert chance / runs >= 0.93, chance / runs
