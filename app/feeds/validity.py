"""Which book states and quotes can be true (docs/metrics.md)."""

import math
from collections.abc import Sequence

Side = Sequence[Sequence[float]]
_INF = math.inf


def fault_of(
    bids: Side, asks: Side, most_price: float = _INF, most_size: float = _INF
) -> str | None:
    """Why the top of a book cannot be true: a word of `records.REASONS`, or None.

    A one-sided book is no fault. Equal best prices count as crossed: a state is valid when the best
    bid is below the best ask.

    Args:
        bids: levels of (price, size, …), best first.
        asks: the same.
        most_price, most_size: what the market's increments cannot count is no number here.
    """
    if not bids and not asks:
        return "empty"
    return (
        _side_fault(bids, -1.0, most_price, most_size)
        or _side_fault(asks, 1.0, most_price, most_size)
        or ("crossed" if bids and asks and bids[0][0] >= asks[0][0] else None)
    )


def _side_fault(levels: Side, direction: float, most_price: float, most_size: float) -> str | None:
    previous = -most_price
    for level in levels:
        key = direction * level[0]
        # Comparisons with NaN are false, so one test finds disorder and non-numbers alike.
        if previous < key < most_price and 0.0 < level[1] < most_size:
            previous = key
            continue
        finite = abs(level[0]) < most_price and 0.0 < level[1] < most_size
        return "unsorted" if finite else "non-finite"
    return None


def is_size(value: float) -> bool:
    """Whether a number can be the size of a level or a change: finite, not negative, and no truth value."""
    return not isinstance(value, bool) and 0.0 <= value < _INF


def is_price(value: float, least: float = 0.0) -> bool:
    """Whether a number can be a price, `least` being the least finite one that the market can have."""
    return not isinstance(value, bool) and least <= value < _INF
