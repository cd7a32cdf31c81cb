"""Heatmap columns, depth bands and the published book, from one full book state."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.records import (
    BANDS_BPS,
    BOOK,
    BOOK_LEVELS,
    COLUMN,
    COLUMN_BUCKETS,
    COLUMN_EXACT,
    Batch,
)

Ints = NDArray[np.int64]
BPS: Final = 1e-4


@dataclass(frozen=True)
class Book:
    """A full book: prices in ticks and sizes in lots, best first, one pair of arrays a side."""

    time_ns: int
    bid_price: Ints
    bid_size: Ints
    ask_price: Ints
    ask_size: Ints

    @property
    def valid(self) -> bool:
        """Both sides exist and do not cross (docs/metrics.md)."""
        return bool(
            len(self.bid_price) and len(self.ask_price) and self.bid_price[0] < self.ask_price[0]
        )

    @property
    def mid(self) -> float:
        """Mid price in ticks of a valid book."""
        return (int(self.bid_price[0]) + int(self.ask_price[0])) / 2


def bands(book: Book) -> Ints:
    """Depth within `BANDS_BPS` of mid, `[2, bands]` lots; −1 where the visible book ends earlier."""
    result = np.full((2, len(BANDS_BPS)), -1, np.int64)
    if not book.valid:
        return result
    mid = book.mid
    sides = (
        (mid - book.bid_price, book.bid_size),
        (book.ask_price - mid, book.ask_size),
    )
    limits = np.array(BANDS_BPS) * BPS * mid
    for side, (distance, size) in enumerate(sides):
        count = np.searchsorted(distance, limits, side="right")
        total = np.r_[0, np.cumsum(size)]
        # Where the last visible level lies inside a band, more may lie beyond it.
        result[side] = np.where(count < len(distance), total[count], -1)
    return result


def column(book: Book) -> Batch:
    """One COLUMN record: the best levels as they are, then buckets of one basis point.

    A book that is not valid gives a record without entries, which draws as nothing.
    """
    record = np.zeros(1, COLUMN)
    record["time_ns"] = book.time_ns
    record["bucket"] = 1
    if not book.valid:
        return record
    mid = book.mid
    base = int(np.floor(mid))
    bucket = max(1, round(mid * BPS))
    record["base"], record["bucket"] = base, bucket
    reach = []
    for name, distance, size, sign in (
        ("bid", base - book.bid_price, book.bid_size, -1),
        ("ask", book.ask_price - base, book.ask_size, 1),
    ):
        exact = min(COLUMN_EXACT, len(distance))
        offset, total, last = _buckets(distance[exact:], size[exact:], bucket)
        low = offset if sign > 0 else -offset - (bucket - 1)
        entries = exact + len(offset)
        record[f"{name}s"], record[f"exact_{name}s"] = entries, exact
        record[f"{name}_offset"][0, :exact] = sign * distance[:exact]
        record[f"{name}_offset"][0, exact:entries] = low
        record[f"{name}_size"][0, :exact] = size[:exact]
        record[f"{name}_size"][0, exact:entries] = total
        reach.append(max(int(distance[exact - 1]), last))
    record["reach_bps"] = max(0.0, min(reach)) / mid / BPS
    return record


def _buckets(distance: Ints, size: Ints, width: int) -> tuple[Ints, Ints, int]:
    """Non-empty buckets of `width` ticks: nearest distance, total size; and the distance reached."""
    if not len(distance):
        return np.zeros(0, np.int64), np.zeros(0, np.int64), 0
    index = distance // width
    inside = index < index[0] + COLUMN_BUCKETS
    index, size = index[inside], size[inside]
    first = np.flatnonzero(np.r_[True, index[1:] != index[:-1]])
    complete = (int(index[0]) + COLUMN_BUCKETS) * width - 1
    last = int(distance[-1]) if bool(inside.all()) else complete
    return index[first] * width, np.add.reduceat(size, first), last


def book_record(book: Book, venue_ms: int, update_id: int) -> Batch:
    """One BOOK record: the best `BOOK_LEVELS` levels of each side, exact."""
    record = np.zeros(1, BOOK)
    record["time_ns"], record["venue_ms"], record["update_id"] = book.time_ns, venue_ms, update_id
    for name, price, size in (
        ("bid", book.bid_price, book.bid_size),
        ("ask", book.ask_price, book.ask_size),
    ):
        n = min(BOOK_LEVELS, len(price))
        record[f"{name}s"] = n
        record[f"{name}_price"][0, :n] = price[:n]
        record[f"{name}_size"][0, :n] = size[:n]
    return record
