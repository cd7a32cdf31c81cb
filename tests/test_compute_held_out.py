"""Held-out, shuffled, band, expected move: by hand, against statsmodels, and on what knows no relation."""

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from app.compute import held_out


def test_held_out_by_hand():
    # Earlier half: y = 2x exactly, mean of y 0. Later half: the line says 2, −2; it came 3, −1 …
    x = np.tile([1.0, -1.0], 30)
    y = 2 * x
    y[30:] += 1
    # … so Σ(y − ŷ)² = 30·1 and Σ(y − 0)² = 15·9 + 15·1.
    assert held_out.held_out(x, y) == pytest.approx(1 - 30 / 150)


def test_a_line_that_turns_round_is_worse_than_nothing():
    x = np.tile([1.0, -1.0], 30)
    y = x.copy()
    y[30:] *= -1
    assert held_out.held_out(x, y) == pytest.approx(-3.0)


def test_too_few_or_constant_is_not_available():
    x = np.arange(29.0)
    assert held_out.held_out(x, x) is None
    assert held_out.held_out(np.ones(40), np.arange(40.0)) is None
    assert held_out.held_out(np.arange(40.0), np.r_[np.arange(20.0), np.full(20, 9.5)]) is None
    assert held_out.shuffled(x, x) is None
    assert held_out.shuffled(np.ones(40), np.arange(40.0)) is None


def test_shuffled_is_the_mean_over_every_shift():
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((2, 31))
    y += x
    by_shift = [np.corrcoef(np.roll(x, s), y)[0, 1] ** 2 for s in range(1, 31)]
    assert held_out.shuffled(x, y) == pytest.approx(np.mean(by_shift), rel=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(5, 60))
def test_the_band_is_that_of_statsmodels(seed, n):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(n) * 100
    y = 0.3 * x + rng.standard_normal(n) * (1 + np.abs(x))
    at = np.linspace(-200, 200, 7)
    model = sm.OLS(y, sm.add_constant(x)).fit(cov_type="HC1")
    told = model.get_prediction(sm.add_constant(at, has_constant="add")).summary_frame(alpha=0.05)
    low, high = held_out.band(x, y, at)
    np.testing.assert_allclose(low, told["mean_ci_lower"], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(high, told["mean_ci_upper"], rtol=1e-6, atol=1e-6)


def test_expected_move_by_hand():
    # Returns of ±2 bps: sd 2 bps; at a coefficient of −0.5 a move of one bp, whichever way.
    assert held_out.expected_move(-0.5, np.array([2e-4, -2e-4, np.nan])) == pytest.approx(1.0)
