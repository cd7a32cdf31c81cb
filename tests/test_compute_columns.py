"""Columns, bands and the published book, against slow references."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from app.compute.columns import Book, bands, book_record, column
from app.records import BANDS_BPS, BOOK_LEVELS, COLUMN_BUCKETS, COLUMN_EXACT


def make_book(mid, bid_gaps, ask_gaps, seed=0):
    rng = np.random.default_rng(seed)
    bid = mid - np.cumsum(np.asarray(bid_gaps, np.int64))
    ask = mid + np.cumsum(np.asarray(ask_gaps, np.int64))
    return Book(5, bid, rng.integers(1, 99, len(bid)), ask, rng.integers(1, 99, len(ask)))


books = st.builds(
    make_book,
    st.sampled_from([2_000, 150_001, 6_183_763]),
    st.lists(st.integers(1, 60), min_size=1, max_size=400).filter(lambda g: sum(g) < 2000),
    st.lists(st.integers(1, 60), min_size=1, max_size=400),
    st.integers(0, 99),
)


def test_bands_by_hand():
    """Of a mid of 10,000 ticks, 5, 10, 25 and 50 bps are 5, 10, 25 and 50 ticks."""
    sides = ([9999, 9990, 9960], [1, 2, 4], [10001, 10010, 10100], [8, 16, 32])
    found = bands(Book(5, *(np.array(side) for side in sides)))
    assert found[0].tolist() == [
        1,
        3,
        3,
        -1,
    ]  # the last level lies within 50 bps: more may follow it
    assert found[1].tolist() == [8, 24, 24, 24]


@settings(max_examples=60, deadline=None)
@given(books)
def test_bands_equal_a_loop(book):
    result = bands(book)
    mid = book.mid
    for b, bps in enumerate(BANDS_BPS):
        for side, price, size in (
            (0, book.bid_price, book.bid_size),
            (1, book.ask_price, book.ask_size),
        ):
            near = [abs(p - mid) <= bps * 1e-4 * mid for p in price.tolist()]
            want = (
                -1 if all(near) else sum(s for s, n in zip(size.tolist(), near, strict=True) if n)
            )
            assert result[side, b] == want


@settings(max_examples=60, deadline=None)
@given(books)
def test_a_column_keeps_every_lot_within_its_reach(book):
    record = column(book)[0]
    base, bucket = int(record["base"]), int(record["bucket"])
    assert bucket == max(1, round(book.mid * 1e-4))
    for name, price, size in (
        ("bid", book.bid_price, book.bid_size),
        ("ask", book.ask_price, book.ask_size),
    ):
        n, exact = int(record[f"{name}s"]), int(record[f"exact_{name}s"])
        offset, total = record[f"{name}_offset"][:n], record[f"{name}_size"][:n]
        assert exact == min(COLUMN_EXACT, len(price))
        assert (base + offset[:exact] == price[:exact]).all()
        assert (total[:exact] == size[:exact]).all()
        rest = {}
        for p, s in zip(price[exact:].tolist(), size[exact:].tolist(), strict=True):
            hits = [k for k in range(exact, n) if base + offset[k] <= p < base + offset[k] + bucket]
            assert len(hits) <= 1
            if hits:
                rest[hits[0]] = rest.get(hits[0], 0) + s
            else:  # only what lies beyond the last bucket may be left out
                far = abs(p - base) // bucket
                first = abs(int(price[exact]) - base) // bucket
                assert far >= first + COLUMN_BUCKETS
        assert {k: int(total[k]) for k in range(exact, n)} == rest


def test_an_invalid_book_draws_as_nothing():
    crossed = Book(7, np.array([10]), np.array([1]), np.array([9]), np.array([1]))
    empty = Book(7, np.zeros(0, np.int64), np.zeros(0, np.int64), np.array([9]), np.array([1]))
    for book in (crossed, empty):
        record = column(book)[0]
        assert (record["bids"], record["asks"], record["time_ns"]) == (0, 0, 7)
        assert (bands(book) == -1).all()


def test_the_published_book_is_exact_and_capped():
    book = make_book(10_000, [1] * 300, [1] * 10)
    record = book_record(book, 12, 34)[0]
    assert (record["bids"], record["asks"]) == (BOOK_LEVELS, 10)
    assert record["bid_price"].tolist() == book.bid_price[:BOOK_LEVELS].tolist()
    assert record["ask_size"][:10].tolist() == book.ask_size.tolist()
    assert (record["venue_ms"], record["update_id"]) == (12, 34)
