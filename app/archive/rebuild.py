"""From the rows of an update log back to the best levels of every state."""

from bisect import bisect_left, insort
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.records import NO_ASK, NO_BID

Ints = NDArray[np.int64]


@dataclass
class _Side:
    """One side of a book: prices sorted best first (bids negated) and what rests there."""

    sign: int  # −1 bid, +1 ask: sorts the best first
    order: list[int]
    size: dict[int, int]

    def clear(self) -> None:
        self.order.clear()
        self.size.clear()

    def fill(self, prices: list[int], sizes: list[int]) -> None:
        """The whole side at once."""
        self.size.update(zip((self.sign * p for p in prices), sizes, strict=True))
        self.order = sorted(self.size)

    def apply(self, price: int, size: int) -> int:
        """Change one level; its position, best 0."""
        name = self.sign * price
        at = bisect_left(self.order, name)
        present = at < len(self.order) and self.order[at] == name
        if size:
            self.size[name] = size
            if not present:
                insort(self.order, name)
        elif present:
            del self.order[at]
            del self.size[name]
        return at


class Rebuilder:
    """Applies log rows and gives the best `levels` of each state, `[n, 2, levels]`."""

    def __init__(self, levels: int):
        self._levels = levels
        self._sides = {1: _Side(-1, [], {}), -1: _Side(1, [], {})}
        self._price = np.empty((2, levels), np.int64)
        self._price[0], self._price[1] = NO_BID, NO_ASK
        self._size = np.zeros((2, levels), np.int64)

    def states(
        self, first: Ints, key: NDArray[np.bool_], side: Ints, price: Ints, size: Ints
    ) -> tuple[Ints, Ints]:
        """Prices and sizes of the states whose rows begin at `first`."""
        n, levels = len(first), self._levels
        prices, sizes = np.empty((n, 2, levels), np.int64), np.empty((n, 2, levels), np.int64)
        starts = first.tolist()
        ends = [*starts[1:], len(side)]
        keys = key[first].tolist()
        sides, all_prices, all_sizes = side.tolist(), price.tolist(), size.tolist()
        for k in range(n):
            a, b = starts[k], ends[k]
            if keys[k]:
                self._keyframe(side[a:b], price[a:b], size[a:b])
                touched = {1, -1}
            else:
                touched = set()
                for row in range(a, b):
                    which = sides[row]
                    if which and self._sides[which].apply(all_prices[row], all_sizes[row]) < levels:
                        touched.add(which)
            for which in touched:
                self._show(which)
            prices[k], sizes[k] = self._price, self._size
        return prices, sizes

    def _keyframe(self, side: Ints, price: Ints, size: Ints) -> None:
        for which, book in self._sides.items():
            book.clear()
            at = side == which
            book.fill(price[at].tolist(), size[at].tolist())

    def _show(self, which: int) -> None:
        """Write the best levels of a side into the present state."""
        book, row = self._sides[which], 0 if which > 0 else 1
        best = book.order[: self._levels]
        n = len(best)
        self._price[row, :n] = best
        if which > 0:
            np.negative(self._price[row, :n], out=self._price[row, :n])
        self._size[row, :n] = [book.size[name] for name in best]
        self._price[row, n:] = NO_BID if which > 0 else NO_ASK
        self._size[row, n:] = 0
