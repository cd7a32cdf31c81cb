"""Standard score and percentile: by fractions, live as in batch, bounded work."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.compute.scores import LiveScore, score
from tests import reference


def test_by_hand():
    result = score(7, np.array([1, 2, 3, 4, 5]), after=5)
    assert result.z == pytest.approx(4 / np.sqrt(2.5))
    assert result.percentile == 1.0
    assert score(3, np.array([1, 2, 3, 4, 5]), after=5).percentile == 0.5


def test_not_available_before_five_minutes_nor_over_a_constant_past():
    assert score(1, np.zeros(299, np.int64)).percentile is None
    constant = score(1, np.zeros(300, np.int64))
    assert (constant.z, constant.percentile) == (None, 1.0)


past = st.lists(st.integers(-(10**15), 10**15), min_size=5, max_size=60)


@given(past, st.integers(-(10**15), 10**15))
def test_equals_the_definition(values, value):
    z, rank = reference.score(value, values)
    fast = score(value, np.array(sorted(values)), after=5)
    assert fast.percentile == rank
    assert fast.z == (None if z is None else pytest.approx(z, rel=1e-12, abs=1e-12))


seconds = st.lists(st.one_of(st.none(), st.integers(-50, 50)), min_size=1, max_size=80)


@given(seconds, st.integers(0, 2**40), st.sampled_from([1, 10**17]))
def test_live_equals_batch_to_the_last_digit(values, begin, scale):
    """Also where squares are larger than int64."""
    live = LiveScore(lookback_s=20, after=3)
    for k, value in enumerate(values):
        result = live.push(begin + k, value and value * scale)
        known = sorted(v * scale for v in values[max(0, k - 20) : k] if v is not None)
        if value is None:
            assert result.z is None
        else:
            # The present is excluded: only values before k.
            assert result == score(value * scale, np.array(known, np.int64), after=3)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(-9, 9)), min_size=1, max_size=40))
def test_seconds_that_are_left_out_are_not_known_and_the_last_may_come_again(steps):
    live, second, seen = LiveScore(lookback_s=20, after=2), 10**9, {}
    for step, value in steps:
        second += step
        result = live.push(second, value)
        known = sorted(v for s, v in seen.items() if second - 20 <= s < second)
        # Told again, a second replaces itself; that of the look-back before is gone by then.
        if step == 0:
            known = sorted(v for s, v in seen.items() if second - 20 < s < second)
        assert result == score(value, np.array(known, np.int64), after=2)
        seen[second] = value


def test_a_clock_set_back_begins_anew():
    live = LiveScore(after=2)
    for second in range(5):
        live.push(100 + second, second)
    assert live.push(50, 3).n == 0
    assert live.push(51, 3).n == 1


def test_the_present_is_excluded():
    live = LiveScore(after=2)
    for value in (1, 2, 3):
        live.push(value, value)
    before = live.score(10**6)
    assert live.push(4, 10**6) == before


def test_memory_is_bounded_by_the_look_back():
    live = LiveScore(lookback_s=50, after=2)
    for second in range(500):
        live.push(second, second % 7)
    assert live.score(3).n == 50
