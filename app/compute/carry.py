"""The last state of each market, carried from one batch to the next as the predecessor of its first."""

from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from app.compute.states import BookStates, Ints, ends, stretches
from app.records import NO_ASK, NO_BID

_SENTINEL = np.array([NO_BID, NO_ASK], dtype=np.int64)


@dataclass
class Last:
    """The last state of each market of one stream: the predecessor of its next one."""

    epoch: Ints
    known: NDArray[np.int32]
    price: Ints  # [markets, 2, L]
    size: Ints
    _kept: dict[int, Any] = field(default_factory=dict)  # results of `gather` by column

    def gather(self, column: Any, owner: Any) -> Any:
        """The values of some markets; they stand until the next time the column is gathered.

        Into memory that is kept: fresh pages would cost more than the copy.
        """
        key = id(column)
        if key not in self._kept:
            self._kept[key] = np.empty_like(column)
        return np.take(column, owner, axis=0, out=self._kept[key][: len(owner)], mode="clip")

    @classmethod
    def none(cls, markets: int, levels: int) -> Self:
        """No market has a last state."""
        price = np.empty((markets, 2, levels), np.int64)
        price[:] = _SENTINEL[:, None]
        return cls(
            np.full(markets, -1, np.int64),
            np.zeros(markets, np.int32),
            price,
            np.zeros((markets, 2, levels), np.int64),
        )

    def grow(self, markets: int) -> "Last":
        """With room for more markets."""
        more = Last.none(markets - len(self.epoch), self.price.shape[2])
        return Last(
            np.concatenate([self.epoch, more.epoch]),
            np.concatenate([self.known, more.known]),
            np.concatenate([self.price, more.price]),
            np.concatenate([self.size, more.size]),
        )

    def forget(self, market: int) -> None:
        """The next state of a market has no predecessor."""
        self.epoch[market] = -1


@dataclass(frozen=True)
class Before:
    """The predecessors of a batch of states."""

    there: NDArray[np.bool_]  # [n] whether a predecessor of the same epoch exists
    known: NDArray[np.int32]
    price: Ints
    size: Ints


def predecessors(states: BookStates, last: Last) -> Before:
    """The state before each one of the same market (sorted by market); updates `last`."""
    n = len(states)
    first = stretches(states.market)
    owner = states.market[first]

    def shifted(values: Any, carried: Any) -> Any:
        if len(first) == n:  # one state a market, the usual batch of many markets
            return last.gather(carried, owner)
        before = np.empty_like(values)
        before[1:] = values[:-1]
        before[first] = carried[owner]
        return before

    there = shifted(states.epoch, last.epoch) == states.epoch
    result = Before(
        there,
        shifted(states.known, last.known),
        shifted(states.price, last.price),
        shifted(states.size, last.size),
    )
    end: Any = slice(None) if len(first) == n else ends(first, n)
    last.epoch[owner] = states.epoch[end]
    last.known[owner] = states.known[end]
    last.price[owner] = states.price[end]
    last.size[owner] = states.size[end]
    return result
