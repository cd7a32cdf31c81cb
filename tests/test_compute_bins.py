"""Calendar bins: borders, exact sums, last values, coverage."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.compute import bins
from tests import reference

times = st.lists(st.integers(1, 200), min_size=0, max_size=40).map(sorted)


def test_an_element_at_an_edge_belongs_to_the_bin_that_ends_there():
    edge = bins.edges(0, 30, 10)
    assert edge.tolist() == [0, 10, 20, 30]
    time_ns, values = np.array([1, 10, 11, 30]), np.array([1, 2, 4, 8])
    assert bins.sums(time_ns, values, edge).tolist() == [3, 4, 8]
    assert bins.last_index(time_ns, edge).tolist() == [-1, 1, 2, 3]


def test_edges_lie_on_whole_multiples():
    assert bins.edges(13, 41, 10).tolist() == [10, 20, 30, 40, 50]
    assert bins.edges(10, 20, 10).tolist() == [10, 20]


@pytest.mark.parametrize(("start", "end", "length"), [(5, 5, 10), (9, 5, 10), (0, 5, 0)])
def test_no_bins_of_nothing(start, end, length):
    with pytest.raises(ValueError):
        bins.edges(start, end, length)


@given(times, st.data())
def test_sums_equal_the_definition(time_ns, data):
    values = data.draw(st.lists(st.integers(-50, 50), min_size=len(time_ns), max_size=len(time_ns)))
    edge = bins.edges(0, 200, 25)
    fast = bins.sums(np.array(time_ns, np.int64), np.array(values, np.int64), edge)
    assert fast.tolist() == reference.bin_sums(time_ns, values, edge.tolist())


@given(times, st.integers(1, 199))
def test_split_windows_add_up(time_ns, cut):
    t, v = np.array(time_ns, np.int64), np.arange(len(time_ns), dtype=np.int64) ** 2 - 7
    parts = bins.sums(t, v, np.array([0, cut, 200]))
    assert parts.sum() == bins.sums(t, v, np.array([0, 200]))[0]


@given(times, st.integers(1, 60))
def test_rolling_is_open_at_its_start_and_closed_at_its_end(time_ns, window):
    t, v = np.array(time_ns, np.int64), np.arange(1, len(time_ns) + 1, dtype=np.int64)
    at = np.arange(0, 220, 7)
    slow = [
        sum(b for a, b in zip(time_ns, v.tolist(), strict=True) if x - window < a <= x) for x in at
    ]
    assert bins.rolling(t, v, at, window).tolist() == slow


gaps = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20)), max_size=6)


@given(gaps)
def test_coverage_counts_overlapping_gaps_once(pairs):
    stretches = [(a, a + length) for a, length in pairs]
    edge = np.array([0, 10, 25, 40, 70])
    start = np.array([a for a, _ in stretches], np.int64)
    end = np.array([b for _, b in stretches], np.int64)
    slow = [reference.covered(stretches, a, b) for a, b in itertools.pairwise(edge)]
    assert bins.coverage(start, end, edge) == pytest.approx(slow)
