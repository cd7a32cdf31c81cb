"""State of the book: imbalances, weighted mid, spreads, slippage (docs/metrics.md, Book).

Prices are ticks, sizes lots; results are ratios, ticks or basis points. What is not defined (a side is
empty, or the visible book ends earlier) is NaN here and *not available* on the page: NaN never enters.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.records import NO_ASK, NO_BID

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
_BPS = 1e4


def valid(bid: Ints, ask: Ints) -> Bools:
    """Both best levels exist and do not cross (docs/metrics.md)."""
    return (bid > NO_BID) & (ask < NO_ASK) & (bid < ask)


def _ratio(upper: Floats | Ints, lower: Floats | Ints, where: Bools) -> Floats:
    result = np.full(np.shape(upper), np.nan)
    np.divide(upper, lower, out=result, where=where & (lower != 0), casting="unsafe")
    return result


def queue_imbalance(bid_size: Ints, ask_size: Ints) -> Floats:
    """`(qb1 − qa1) / (qb1 + qa1)`, −1..1 [Gould, Bonart 2016]."""
    total = bid_size + ask_size
    return _ratio(bid_size - ask_size, total, total > 0)


def depth_imbalance(bid_size: Ints, ask_size: Ints) -> Floats:
    """The same over levels 1..M: sizes are `[n, M]`, the result `[n]`."""
    return queue_imbalance(bid_size.sum(axis=1), ask_size.sum(axis=1))


def mid(bid: Ints, ask: Ints) -> Floats:
    """`(Pb1 + Pa1) / 2` in ticks; NaN where the book is not valid."""
    return np.where(valid(bid, ask), (bid + ask) / 2.0, np.nan)


def weighted_mid(bid: Ints, bid_size: Ints, ask: Ints, ask_size: Ints) -> Floats:
    """`(Pb1·qa1 + Pa1·qb1) / (qb1 + qa1)` in ticks: the heavier side pushes the price away."""
    ok = valid(bid, ask)
    safe_bid, safe_ask = np.where(ok, bid, 0), np.where(ok, ask, 0)
    upper = safe_bid.astype(np.float64) * ask_size + safe_ask.astype(np.float64) * bid_size
    return _ratio(upper, bid_size + ask_size, ok)


@dataclass(frozen=True)
class Spread:
    """The quoted spread in three units."""

    quote: Floats
    ticks: Floats
    bps: Floats


def spread(bid: Ints, ask: Ints, tick: float) -> Spread:
    """Best ask minus best bid; NaN where the book is not valid."""
    ok = valid(bid, ask)
    ticks = np.where(ok, ask - bid, 0).astype(np.float64)
    ticks[~ok] = np.nan
    return Spread(ticks * tick, ticks, ticks / mid(bid, ask) * _BPS)


def slippage_bps(
    price: Ints | Floats,
    size: Ints | Floats,
    mid_ticks: float,
    notional: float,
    tick: float,
    lot_value: float,
) -> float:
    """Average price of a market order minus mid, in bps of mid, positive when it costs.

    Args:
        price, size: the side that is hit, best first, in ticks and lots.
        mid_ticks: the mid.
        notional: the order's size in the quote currency.
        tick: the increment of price in the quote currency.
        lot_value: base currency in one lot (linear, spot); for inverse contracts use `size` in base.

    Returns:
        NaN when the order is larger than the visible book.

    Raises:
        ValueError: the notional or the mid is not positive.
    """
    if not (notional > 0 and mid_ticks > 0):
        raise ValueError(f"slippage needs a positive notional and mid, was {notional}, {mid_ticks}")
    amount = size * lot_value
    worth = price * tick * amount
    paid = np.cumsum(worth)
    if not len(paid) or paid[-1] < notional:
        return float("nan")
    k = int(np.searchsorted(paid, notional, side="left"))
    rest = notional - (paid[k - 1] if k else 0.0)
    base = float(amount[:k].sum()) + rest / (float(price[k]) * tick)
    average = notional / base / tick
    return abs(average - mid_ticks) / mid_ticks * _BPS
