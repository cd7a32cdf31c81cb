"""OFI_best taken apart into limit orders, cancellations and market orders (docs/metrics.md, Decomposition).

After Cont, Kukanov, Stoikov (2014), section 2: `OFI = (Lb − La) − (Cb − Ca) + (Mb − Ms)`. What left a
price is matched with what takers traded there in the same row (or the same state, where a feed
sequences trades and book together); the rest was cancelled. Both identities are exact in lots.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.compute.ofi import side_parts

Ints = NDArray[np.int64]
Sides = NDArray[np.int8]


@dataclass(frozen=True)
class Removed:
    """What left the best level, one element per event and side, in lots."""

    row: Ints  # any label of the row or state that it belongs to
    side: Sides  # +1 the bid (takers sell into it), −1 the ask
    price: Ints  # the best price before the event, ticks
    size: Ints


@dataclass(frozen=True)
class Decomposition:
    """The parts of OFI_best per row, in lots; arrays `[rows]`."""

    limit_bid: Ints  # Lb
    limit_ask: Ints  # La
    cancel_bid: Ints  # Cb
    cancel_ask: Ints  # Ca
    market_buy: Ints  # Mb: takers' purchases that explain removals from the ask
    market_sell: Ints  # Ms
    unmatched_buy: Ints  # bought without a removal: hidden, refilled, netted, swept, late
    unmatched_sell: Ints


def removed_by_event(price: Ints, size: Ints, row: Ints) -> tuple[Removed, Ints, Ints]:
    """What left and joined the best levels between the states of one unbroken stream.

    Args:
        price, size: `[n, 2]` best quotes (bid, ask) of n states.
        row: `[n − 1]` the row of each event.

    Returns:
        The removals of both sides (bids first), and the added lots per event of bid and of ask.
    """
    bid = side_parts(price[1:, 0], size[1:, 0], price[:-1, 0], size[:-1, 0])
    ask = side_parts(-price[1:, 1], size[1:, 1], -price[:-1, 1], size[:-1, 1])
    side = np.repeat(np.array([1, -1], np.int8), len(row))
    removed = Removed(
        np.concatenate([row, row]),
        side,
        np.concatenate([price[:-1, 0], price[:-1, 1]]),
        np.concatenate([bid.removed, ask.removed]),
    )
    return removed, bid.added, ask.added


def decompose(
    rows: int,
    removed: Removed,
    added_bid: Ints,
    added_ask: Ints,
    added_row: Ints,
    trade_row: Ints,
    trade_price: Ints,
    trade_size: Ints,
    trade_side: Sides,
) -> Decomposition:
    """The decomposition per row.

    Args:
        rows: how many rows; labels are 0..rows − 1. Per state, label by state.
        removed: removals per event and side.
        added_bid, added_ask, added_row: ΣA per event and its row.
        trade_row, trade_price, trade_size, trade_side: the prints; side 0 takes no part.
    """
    traded = trade_side != 0
    # A taker's sale (−1) meets the bid (+1).
    row, side, left, sold = _by_price(
        removed, trade_row[traded], trade_price[traded], trade_size[traded], -trade_side[traded]
    )
    matched = np.minimum(left, sold)
    bid, ask = side > 0, side < 0

    def total(values: Ints, where: NDArray[np.bool_]) -> Ints:
        return _sum_at(rows, row[where], values[where])

    everything = np.ones(len(added_row), bool)
    return Decomposition(
        limit_bid=_sum_at(rows, added_row[everything], added_bid),
        limit_ask=_sum_at(rows, added_row[everything], added_ask),
        cancel_bid=total(left - matched, bid),
        cancel_ask=total(left - matched, ask),
        market_buy=total(matched, ask),
        market_sell=total(matched, bid),
        unmatched_buy=total(sold - matched, ask),
        unmatched_sell=total(sold - matched, bid),
    )


def matched_by_row(
    rows: int,
    removed: Removed,
    trade_row: Ints,
    trade_price: Ints,
    trade_size: Ints,
    trade_side: Sides,
) -> tuple[Ints, Ints]:
    """Ms and Mb of each row 0..rows − 1: what takers sold of the bid, and bought of the ask, lots.

    With ΣA and ΣR of the row they are the whole decomposition: C = ΣR − M, unmatched = volume − M.
    """
    traded = trade_side != 0
    there = np.zeros(rows, np.bool_)
    there[trade_row[traded]] = True
    # Only where something traded can anything match: most rows fall away before the sorting.
    kept = there[removed.row] & (removed.size > 0)
    removed = Removed(
        removed.row[kept], removed.side[kept], removed.price[kept], removed.size[kept]
    )
    row, side, left, sold = _by_price(
        removed, trade_row[traded], trade_price[traded], trade_size[traded], -trade_side[traded]
    )
    matched = np.minimum(left, sold)
    bid, ask = side > 0, side < 0
    return _sum_at(rows, row[bid], matched[bid]), _sum_at(rows, row[ask], matched[ask])


def matched_volume(
    removed: Removed, trade_row: Ints, trade_price: Ints, trade_size: Ints, trade_side: Sides
) -> int:
    """Σ min(removed, traded) over rows, sides and prices, in lots."""
    traded = trade_side != 0
    _, _, left, sold = _by_price(
        removed, trade_row[traded], trade_price[traded], trade_size[traded], -trade_side[traded]
    )
    return int(np.minimum(left, sold).sum())


def _by_price(
    removed: Removed, trade_row: Ints, trade_price: Ints, trade_size: Ints, trade_side: Sides
) -> tuple[Ints, Ints, Ints, Ints]:
    """Removed and traded lots of every (row, side, price) in which either happened."""
    happened = removed.size > 0
    row = np.concatenate([removed.row[happened], trade_row])
    side = np.concatenate([removed.side[happened], trade_side]).astype(np.int64)
    price = np.concatenate([removed.price[happened], trade_price])
    n = int(happened.sum())
    size = np.zeros((len(row), 2), np.int64)
    size[:n, 0] = removed.size[happened]
    size[n:, 1] = trade_size
    if not len(row):
        none = np.zeros(0, np.int64)
        return none, none, none, none
    order = np.lexsort((price, side, row))
    row, side, price, size = row[order], side[order], price[order], size[order]
    new = (np.diff(row) != 0) | (np.diff(side) != 0) | (np.diff(price) != 0)
    first = np.flatnonzero(np.r_[True, new])
    both = np.add.reduceat(size, first, axis=0)
    return row[first], side[first], both[:, 0], both[:, 1]


def _sum_at(rows: int, row: Ints, values: Ints) -> Ints:
    result = np.zeros(rows, np.int64)
    np.add.at(result, row, values)
    return result
