"""Impact: by hand, by textbook sums, by window; the depth law; live as in batch; nothing leaks."""

from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from app.compute import impact
from tests import reference

S = 10**9


def test_by_hand():
    found = impact.fit(np.array([0, 1, 2, 3]), np.array([1.0, 2.0, 2.0, 5.0]))
    assert (found.bins, found.beta, found.intercept) == (4, pytest.approx(1.2), pytest.approx(0.7))
    # Residuals 0.3, 0.1, −1.1, 0.7; Σ(x−x̄)²e² = 1.5²·(0.09+0.49) + 0.5²·(0.01+1.21) = 1.61
    assert found.stderr == pytest.approx(np.sqrt(4 / 2 * 1.61 / 25))
    assert found.r2 == pytest.approx(1 - 1.8 / 9)


pairs = st.lists(st.tuples(st.integers(-999, 999), st.integers(-50, 50)), min_size=4, max_size=40)


@settings(max_examples=50)
@given(pairs)
def test_equals_the_textbook(values):
    x, y = np.array([v[0] for v in values]), np.array([v[1] for v in values]) / 2
    assume(np.ptp(x) > 0 and np.ptp(y) > 0)
    intercept, slope, error, r2 = reference.ols_hc1(x.tolist(), y.tolist())
    found = impact.fit(x, y)
    assert found.beta == pytest.approx(slope, rel=1e-9, abs=1e-12)
    assert found.intercept == pytest.approx(intercept, rel=1e-9, abs=1e-9)
    assert found.stderr == pytest.approx(error, rel=1e-6, abs=1e-9)
    assert found.r2 == pytest.approx(r2, abs=1e-9)


def test_no_fit_without_variance_or_data():
    assert impact.fit(np.array([1, 2]), np.array([1.0, 2.0])) is None
    assert impact.fit(np.ones(9), np.arange(9.0)) is None
    assert impact.fit(np.arange(9.0), np.ones(9)) is None


@settings(max_examples=40)
@given(
    st.lists(
        st.one_of(st.none(), st.tuples(st.integers(-(10**9), 10**9), st.integers(-99, 99))),
        min_size=10,
        max_size=60,
    )
)
def test_live_equals_batch(values):
    lookback = 15
    live = impact.LiveImpact(lookback)
    for value in values:
        live.push(None) if value is None else live.push(*value)
    kept = [v for v in values[-lookback:] if v is not None]
    x, y = np.array([v[0] for v in kept]), np.array([v[1] for v in kept]) / 2
    expected, found = impact.fit(x, y) if kept else None, live.fit()
    assert (expected is None) == (found is None)
    if expected is not None and expected.stderr > 1e-12 * abs(expected.beta):
        assert found.beta == pytest.approx(expected.beta, rel=1e-9, abs=1e-18)
        assert found.r2 == pytest.approx(expected.r2, rel=1e-9, abs=1e-9)
        assert found.t == pytest.approx(expected.t, rel=1e-7, abs=1e-7)


def test_live_forgets_exactly_and_takes_fractions():
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=500), rng.integers(-9, 9, 500)
    live = impact.LiveImpact(100, integer=False)
    live.push(1e9, 40)  # a giant that leaves again
    for a, b in zip(x, y, strict=True):
        live.push(float(a), int(b))
    expected = impact.fit(x[-100:], y[-100:] / 2)
    assert live.fit().beta == pytest.approx(expected.beta, rel=1e-9)
    assert live.fit().t == pytest.approx(expected.t, rel=1e-9)


def test_windows_are_calendar_aligned_and_nine_tenths_full():
    rng = np.random.default_rng(1)
    end = np.arange(1, 41) * S  # windows of 10 s: (0, 10], (10, 20], …
    x, y = rng.normal(size=40), rng.normal(size=40)
    keep = np.ones(40, bool)
    keep[:1] = False  # 9 of 10 in the first window
    keep[10:12] = False  # 8 of 10 in the second
    y[20:30] = 1.0  # no variance in the third
    found = impact.windows(end[keep], x[keep], y[keep], S, 10 * S)
    assert found.end_ns.tolist() == [10 * S, 40 * S]
    assert found.fits[0] == impact.fit(x[1:10], y[1:10])
    assert found.mean("r2") == pytest.approx(np.mean([f.r2 for f in found.fits]))
    assert impact.windows(end[:0], x[:0], y[:0], S, 10 * S).mean("r2") is None


def test_depth_law_is_recovered():
    depth = np.geomspace(10, 1000, 20)
    found = impact.depth_law(0.5 / depth, depth)
    assert (found.c, found.exponent, found.windows) == (pytest.approx(0.5), pytest.approx(1.0), 20)
    assert all(type(value) in (int, float) for value in astuple(found))
    beta = 0.5 / depth
    beta[:9] *= -1
    assert impact.depth_law(beta, depth) is None  # 11 windows with β > 0
    assert impact.depth_law(np.full(12, 0.1), np.full(12, 5.0)) is None


def test_kyle_lambda_is_a_price_per_unit():
    assert impact.kyle_lambda(318.41594, 0.01) == pytest.approx(3.1841594)


def test_the_same_bin_matters():
    """Shifting the flow by one bin destroys the relation: alignment is tested, not assumed."""
    rng = np.random.default_rng(7)
    x = rng.integers(-100, 100, 2000)
    y = x * 0.02 + rng.normal(size=2000)
    assert impact.fit(x, y).r2 > 0.5
    assert impact.fit(x[:-1], y[1:]).r2 < 0.01
