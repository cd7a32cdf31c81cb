"""Book state: hand-worked figures, symmetry, and what is not available."""

from math import isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.compute import book
from app.records import NO_ASK, NO_BID

sizes = st.integers(0, 10**9)


def ints(*values):
    return np.array(values, np.int64)


def test_imbalances_by_hand():
    assert book.queue_imbalance(ints(30, 0, 5), ints(10, 4, 5)).tolist() == [0.5, -1.0, 0.0]
    deep = book.depth_imbalance(np.array([[1, 2, 3]]), np.array([[1, 1, 0]]))
    assert deep.tolist() == [4 / 8]


def test_no_imbalance_of_an_empty_book():
    assert isnan(book.queue_imbalance(ints(0), ints(0))[0])


def test_weighted_mid_leans_away_from_the_heavier_side():
    # (100·10 + 102·30) / 40
    assert book.weighted_mid(ints(100), ints(30), ints(102), ints(10))[0] == 101.5


def test_weighted_mid_and_spread_need_a_valid_book():
    bid, ask = ints(NO_BID, 100, 100), ints(101, NO_ASK, 100)
    ones = ints(1, 1, 1)
    assert np.isnan(book.weighted_mid(bid, ones, ask, ones)).all()
    assert np.isnan(book.spread(bid, ask, 0.01).ticks).all()
    assert np.isnan(book.mid(bid, ask)).all()


def test_spread_in_three_units():
    spread = book.spread(ints(9999), ints(10001), 0.01)
    assert (spread.ticks[0], spread.quote[0]) == (2.0, 0.02)
    assert spread.bps[0] == pytest.approx(2.0)


@given(sizes, sizes)
def test_exchanging_the_sides_negates_the_imbalance(bid, ask):
    there = book.queue_imbalance(ints(bid), ints(ask))[0]
    back = book.queue_imbalance(ints(ask), ints(bid))[0]
    assert there == -back or (isnan(there) and isnan(back))


def test_slippage_walks_the_book():
    # Ticks of 0.01, lots of 0.1: 1.0 at 100.01, 1.0 at 100.03; mid 100.00.
    price, size = ints(10001, 10003), ints(10, 10)
    first = book.slippage_bps(price, size, 10000.0, 50.0, 0.01, 0.1)
    assert first == pytest.approx(1.0)
    both = book.slippage_bps(price, size, 10000.0, 100.01 + 50.015, 0.01, 0.1)
    base = 1.0 + 50.015 / 100.03
    assert both == pytest.approx(((100.01 + 50.015) / base - 100.0) / 100.0 * 1e4)
    assert isnan(book.slippage_bps(price, size, 10000.0, 201.0, 0.01, 0.1))
    assert isnan(book.slippage_bps(price[:0], size[:0], 10000.0, 1.0, 0.01, 0.1))
    with pytest.raises(ValueError):
        book.slippage_bps(price, size, 10000.0, 0.0, 0.01, 0.1)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=8), st.floats(0.01, 0.999))
def test_slippage_lies_between_the_touch_and_the_last_level(amounts, share):
    price = 10001 + np.arange(len(amounts)) * 3
    size = np.array(amounts)
    whole = float((price * size).sum()) * 0.01
    bps = book.slippage_bps(price, size, 10000.0, whole * share, 0.01, 1.0)
    assert 1.0 - 1e-6 <= bps <= (price[-1] - 10000) * 1.0 + 1e-6
