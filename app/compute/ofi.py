"""Order flow imbalance per event, from stacked integer book states (METRICS.md 1.1).

Sizes are lots and prices ticks, both int64, so every sum is exact and any chunking of a stream gives
the same result. Asks are handled as bids of the negated price: on both sides *better* then means
*higher*, and the two sides share one formula.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Parts:
    """What joined and what left one side of the book between two states, in lots."""

    added: Ints
    removed: Ints

    @property
    def net(self) -> Ints:
        """Added minus removed: the side's contribution."""
        return self.added - self.removed


def side_parts(price: Ints, size: Ints, price_before: Ints, size_before: Ints) -> Parts:
    """Added and removed size of one side per event and level.

    Args:
        price, size: the states after each event, any shape. A higher price is a better one: negate
            ask prices. Absent levels have size 0 and a price below every other.
        price_before, size_before: the states before, of the same shape.

    Returns:
        A and R of Cont, Kukanov, Stoikov (2014), section 2.1; `net` is the contribution.
    """
    rose, fell = price > price_before, price < price_before
    change = size - size_before
    same = ~(rose | fell)
    added = np.where(rose, size, np.where(same, np.maximum(change, 0), 0))
    removed = np.where(fell, size_before, np.where(same, np.maximum(-change, 0), 0))
    return Parts(added, removed)


def side_net(price: Ints, size: Ints, price_before: Ints, size_before: Ints) -> Ints:
    """`1{P ≥ P'} q − 1{P ≤ P'} q'`: the side's contribution alone, see `side_parts`."""
    return size * (price >= price_before) - size_before * (price <= price_before)


def event_ofi(price: Ints, size: Ints) -> Ints:
    """Contribution of each event of one unbroken stream.

    Args:
        price: `[n, 2, M]` ticks; side (bid, ask), level (best first).
        size: `[n, 2, M]` lots.

    Returns:
        `[n − 1, M]` lots, buying pressure positive: element k is the event between states k and k+1.
        Xu, Gould, Howison (2018) for the levels beyond the best.
    """
    bid = side_net(price[1:, 0], size[1:, 0], price[:-1, 0], size[:-1, 0])
    ask = side_net(-price[1:, 1], size[1:, 1], -price[:-1, 1], size[:-1, 1])
    return bid - ask
