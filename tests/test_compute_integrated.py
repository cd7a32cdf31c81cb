"""Normalised and integrated OFI: by hand, against numpy's SVD, from the past alone, live as in batch."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.compute.integrated import LiveIntegrated, normalise, trailing, weights


def flows(n, levels=5, seed=0):
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(n, 1))
    return common * np.linspace(1, 0.4, levels) + 0.3 * rng.normal(size=(n, levels))


def test_normalised_by_hand():
    # Two levels, three states; sizes sum to 120: Q = 120 / (2 · 2 · 3) = 10.
    ofi = normalise(np.array([[5, -20]]), np.array([120]), np.array([3]))
    assert ofi.tolist() == [[0.5, -2.0]]
    assert normalise(np.array([[0, 0]]), np.array([0]), np.array([0])).tolist() == [[0.0, 0.0]]


@given(st.integers(1, 1000))
def test_scaling_sizes_leaves_normalised_flow_alone(factor):
    ofi, sizes, states = np.array([[5, -20]]), np.array([120]), np.array([3])
    scaled = normalise(ofi * factor, sizes * factor, states)
    assert scaled == pytest.approx(normalise(ofi, sizes, states))


def test_weights_are_the_first_singular_vector():
    ofi = flows(180)
    found = weights(ofi)
    _, singular, rows = np.linalg.svd(ofi - ofi.mean(axis=0))
    expected = rows[0] * np.sign(rows[0].sum())
    assert found.w == pytest.approx(expected)
    assert found.w.sum() > 0
    assert found.explained == pytest.approx(singular[0] ** 2 / (singular**2).sum())
    value = found.integrate(ofi[0])
    assert value == pytest.approx((expected * ofi[0]).sum() / np.abs(expected).sum())


def test_fewer_than_thirty_windows_are_not_enough():
    assert weights(flows(29)) is None
    assert weights(flows(30)) is not None
    assert weights(np.ones((50, 3))) is None


def test_one_level_integrates_to_itself():
    ofi = flows(40, levels=1)
    value, explained = trailing(ofi, np.ones(40, bool))
    assert value[30:] == pytest.approx(ofi[30:, 0])
    assert explained[30:] == pytest.approx(1.0)
    assert np.isnan(value[:30]).all()


def test_trailing_uses_only_windows_before():
    ofi = flows(120)
    complete = np.ones(120, bool)
    complete[60:63] = False
    value, explained = trailing(ofi, complete, lookback=50)
    for k in (35, 64, 119):
        window = slice(max(0, k - 50), k)
        past = weights(ofi[window][complete[window]])
        assert value[k] == pytest.approx(past.integrate(ofi[k]), rel=1e-9)
        assert explained[k] == pytest.approx(past.explained, rel=1e-9)
    assert np.isnan(value[60:63]).all()
    # Nothing leaks: what comes later does not change what was said.
    other = ofi.copy()
    other[100:] *= -50
    changed, _ = trailing(other, complete, lookback=50)
    assert changed[:100].tobytes() == value[:100].tobytes()


@settings(max_examples=20)
@given(st.integers(0, 10**6), st.integers(30, 60))
def test_live_equals_batch_and_does_not_drift(seed, lookback):
    ofi = flows(400, levels=4, seed=seed)
    ofi[37] *= 1e6  # an outlier that enters and leaves must leave no trace
    live = LiveIntegrated(4, lookback)
    for k, row in enumerate(ofi):
        if k == 399:
            expected, found = weights(ofi[k - lookback : k]), live.weights()
            assert found.w == pytest.approx(expected.w, rel=1e-9, abs=1e-9)
            assert found.explained == pytest.approx(expected.explained, rel=1e-9)
        live.push(row)
