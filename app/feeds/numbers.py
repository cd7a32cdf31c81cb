"""Reads levels, times and ids out of what ccxt made of them."""

from collections.abc import Sequence
from typing import Any, Final

from app.feeds.ccxt_hook import WatchedBook

UNKNOWN: Final = -1
RAW: Final = 2**63
EXACT: Final = 2**53  # ccxt passes ids through float; above this they are not what the venue sent


def levels_of(book: WatchedBook, depth: int | None) -> tuple[Any, Any]:
    """The sides of a live book as (price, size), best first: the book's own lists where they are so."""
    if book.by_order:
        return _by_price(book["bids"], depth), _by_price(book["asks"], depth)
    bids, asks = book["bids"][:depth], book["asks"][:depth]
    if (bids and len(bids[0]) > 2) or (asks and len(asks[0]) > 2):
        return [level[:2] for level in bids], [level[:2] for level in asks]
    return bids, asks


def copied(levels: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
    """Levels as they are now: the book's own are changed in place."""
    return [(float(level[0]), float(level[1])) for level in levels]


def _by_price(orders: Sequence[Sequence[float]], depth: int | None) -> list[list[float]]:
    """Single orders, best first, summed to price levels."""
    levels: list[list[float]] = []
    for order in orders:
        if levels and levels[-1][0] == order[0]:
            levels[-1][1] += order[1]
        elif depth is not None and len(levels) == depth:
            break
        else:
            levels.append([order[0], order[1]])
    return levels


def quote_side(price: Any, size: Any) -> list[tuple[float, float]]:
    """A best quote as a side of one level; without a size there is none."""
    return [(price, size)] if price is not None and size else []


def milliseconds(value: Any) -> int:
    """A venue's time in ms since the epoch; unknown where it gives none."""
    return int(value) if value else UNKNOWN


def id_of(value: Any, below: int = EXACT) -> int:
    """A whole number as an id; unknown where it is none or may have been through a float."""
    try:
        number = int(value)
    except (TypeError, ValueError):
        return UNKNOWN
    return number if 0 <= number < below else UNKNOWN
