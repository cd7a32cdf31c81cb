"""Book states and trades of many markets in one batch, in ticks and lots, in order of arrival."""

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


class Columns:
    """Arrays of equal length that are sliced and joined together."""

    def __len__(self) -> int:
        return len(getattr(self, "time_ns"))  # noqa: B009  every subclass has it

    def pick(self, where: Any) -> Self:
        """The elements at an index, a mask or a slice."""
        return type(self)(**{f.name: getattr(self, f.name)[where] for f in fields(self)})  # type: ignore[arg-type]

    def join(self, other: Self) -> Self:
        """This, then the other."""
        if not len(other):
            return self
        if not len(self):
            return other
        both = ((getattr(self, f.name), getattr(other, f.name)) for f in fields(self))  # type: ignore[arg-type]
        return type(self)(*(np.concatenate(pair) for pair in both))


@dataclass(frozen=True)
class BookStates(Columns):
    """States of one stream in order of arrival, in ticks and lots."""

    market: NDArray[np.int32]  # [n]
    time_ns: Ints
    latency_us: Ints  # receive minus venue time; −1 unknown
    epoch: Ints
    known: NDArray[np.int32]  # levels of each side that the venue lets us know
    price: Ints  # [n, 2, L]; absent levels have a sentinel
    size: Ints  # [n, 2, L]


@dataclass(frozen=True)
class TradePrints(Columns):
    """Trades in order of arrival, in ticks and lots."""

    market: NDArray[np.int32]
    time_ns: Ints
    price: Ints
    size: Ints
    side: NDArray[np.int8]  # +1 the taker bought, −1 sold, 0 not known


def stretches(values: NDArray[Any]) -> Ints:
    """Where each stretch of equal values begins; for batches of hundreds `np.r_` costs as much."""
    new = np.empty(len(values), np.bool_)
    new[:1] = True
    np.not_equal(values[1:], values[:-1], out=new[1:])
    return np.flatnonzero(new)


def ends(first: Ints, n: int) -> Ints:
    """The last element of each stretch that begins at `first`, of n elements."""
    last = np.empty_like(first)
    last[:-1] = first[1:]
    last[-1:] = n
    return last - 1


def no_states(levels: int) -> BookStates:
    """An empty batch of states."""
    ints, small = np.zeros(0, np.int64), np.zeros(0, np.int32)
    book = np.zeros((0, 2, levels), np.int64)
    return BookStates(small, ints, ints, ints, small, book, book)


def no_trades() -> TradePrints:
    """An empty batch of trades."""
    ints = np.zeros(0, np.int64)
    return TradePrints(np.zeros(0, np.int32), ints, ints, ints, np.zeros(0, np.int8))
