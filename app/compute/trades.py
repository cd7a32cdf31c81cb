"""Trades: imbalance, CVD, the taker's side by Lee–Ready, the lag of prints (METRICS.md 3)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.compute import bins
from app.compute.decomposition import Removed, matched_volume

Ints = NDArray[np.int64]
Sides = NDArray[np.int8]
MAX_LAG_NS = 50_000_000


def signed(size: Ints, side: Sides) -> Ints:
    """Lots with the taker's sign: bought positive, sold negative, unknown 0."""
    return size * side


def imbalance(time_ns: Ints, size: Ints, side: Sides, edge_ns: Ints) -> Ints:
    """Bought − sold per bin, in lots."""
    return bins.sums(time_ns, signed(size, side), edge_ns)


def cvd(size: Ints, side: Sides, before: int = 0) -> Ints:
    """Cumulative volume delta: the running sum of bought − sold, after each trade."""
    return np.cumsum(signed(size, side)) + before


def lee_ready(
    time_ns: Ints,
    price: Ints,
    quote_ns: Ints,
    bid: Ints,
    ask: Ints,
    last_price: Sequence[int] = (),
) -> Sides:
    """The taker's side where the venue does not say: quote rule, tick rule at mid.

    Args:
        time_ns, price: trades in order, ticks.
        quote_ns, bid, ask: valid best quotes in order; a trade sees the last one *before* it.
        last_price: trades before these, newest last, for the tick rule of the first ones.

    Returns:
        +1 bought, −1 sold, 0 where neither rule decides (no quote and no earlier other price).
        Lee, Ready (1991), without their five-second delay: the clock is one.
    """
    at = np.searchsorted(quote_ns, time_ns, side="left") - 1
    side = _tick_rule(price, last_price)
    if not len(quote_ns):
        return side
    twice = 2 * price - (bid + ask)[np.maximum(at, 0)]
    quoted = (at >= 0) & (twice != 0)
    return np.where(quoted, np.sign(twice), side).astype(np.int8)


def _tick_rule(price: Ints, last_price: Sequence[int]) -> Sides:
    """Sign of the last change of price, carried over equal prices."""
    whole = np.concatenate([np.asarray(last_price, np.int64), price])
    if not len(whole):
        return np.zeros(0, np.int8)
    move = np.sign(np.diff(whole, prepend=whole[0]))
    known = np.where(move != 0, np.arange(len(move)), -1)
    at = np.maximum.accumulate(known)
    sign = np.where(at >= 0, move[np.maximum(at, 0)], 0)
    return sign[len(whole) - len(price) :].astype(np.int8)


def trade_lag(
    removed: Removed,
    removed_ns: Ints,
    time_ns: Ints,
    price: Ints,
    size: Ints,
    side: Sides,
    row_ns: int,
    step_ns: int = 1_000_000,
) -> tuple[int, Ints]:
    """The lag of prints behind quotes, in 0–50 ms, that maximises the matched volume of 1.6.

    Args:
        removed: what left the best levels, event by event; its `row` is ignored.
        removed_ns: when, `[n]`.
        time_ns, price, size, side: the prints.
        row_ns: length of the rows within which prints and removals are matched.
        step_ns: resolution of the search.

    Returns:
        The lag in ns (the smallest of equals) and the matched lots at every lag tried.
    """
    lags = np.arange(0, MAX_LAG_NS + 1, step_ns, dtype=np.int64)
    rows = -(-removed_ns // row_ns)
    at = Removed(rows, removed.side, removed.price, removed.size)
    volume = np.array(
        [matched_volume(at, -(-(time_ns - lag) // row_ns), price, size, side) for lag in lags],
        dtype=np.int64,
    )
    return int(lags[int(np.argmax(volume))]), volume
