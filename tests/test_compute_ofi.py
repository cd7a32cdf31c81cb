"""Event contributions: hand-worked, and against a slow reading of the definition."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from app.compute.ofi import event_ofi, side_parts
from app.records import NO_ASK, NO_BID
from tests.batch import side_net


def test_hand_vector():
    # Prices in ticks of 0.01.
    bids = [(9999, 10), (9999, 15), (10000, 8), (10000, 8), (10000, 8)]
    asks = [(10001, 10), (10001, 10), (10001, 10), (10002, 12), (10001, 5)]
    price = np.array([[[b[0]], [a[0]]] for b, a in zip(bids, asks, strict=True)])
    size = np.array([[[b[1]], [a[1]]] for b, a in zip(bids, asks, strict=True)])
    assert event_ofi(price, size)[:, 0].tolist() == [5, 8, 10, -5]


def slow_contribution(bid, bid_before, ask, ask_before):
    """The printed formula with its indicators."""
    (pb, qb), (pb0, qb0), (pa, qa), (pa0, qa0) = bid, bid_before, ask, ask_before
    e = 0
    if pb >= pb0:
        e += qb
    if pb <= pb0:
        e -= qb0
    if pa <= pa0:
        e -= qa
    if pa >= pa0:
        e += qa0
    return e


books = npst.arrays(np.int64, (12, 2, 3), elements=st.integers(1, 6))
sizes = npst.arrays(np.int64, (12, 2, 3), elements=st.integers(0, 50))


@given(books, sizes)
def test_equals_the_definition(price, size):
    fast = event_ofi(price, size)
    for k in range(1, len(price)):
        for m in range(price.shape[2]):
            quote = [(int(price[j, s, m]), int(size[j, s, m])) for s in (0, 1) for j in (k, k - 1)]
            assert fast[k - 1, m] == slow_contribution(quote[0], quote[1], quote[2], quote[3])


@given(books, sizes)
def test_parts_make_the_net(price, size):
    now, before = (price[1:, 0], size[1:, 0]), (price[:-1, 0], size[:-1, 0])
    parts = side_parts(*now, *before)
    assert (parts.added >= 0).all()
    assert (parts.removed >= 0).all()
    assert (parts.net == side_net(*now, *before)).all()


@given(books, sizes)
def test_exchanging_sides_with_negated_prices_negates(price, size):
    mirrored = event_ofi(-price[:, ::-1], size[:, ::-1])
    assert (mirrored == -event_ofi(price, size)).all()


@given(books, sizes, st.integers(-1000, 1000))
def test_a_constant_added_to_every_price_changes_nothing(price, size, shift):
    assert (event_ofi(price + shift, size) == event_ofi(price, size)).all()


@given(books, sizes, st.integers(1, 1000))
def test_scaling_sizes_scales(price, size, factor):
    assert (event_ofi(price, size * factor) == factor * event_ofi(price, size)).all()


def test_a_level_that_appears_and_disappears():
    price = np.array([[[NO_BID], [NO_ASK]], [[100], [101]], [[NO_BID], [101]]])
    size = np.array([[[0], [0]], [[7], [4]], [[0], [4]]])
    assert event_ofi(price, size)[:, 0].tolist() == [7 - 4, -7]
