"""Batch readings of what the product computes live or in pieces: the obvious way over whole arrays."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.compute.book import valid
from app.compute.microprice import _MIRROR, LEAST_MOVES, STATES, solve, state
from app.compute.spread import SpreadParts, Totals
from app.compute.windows import SUMS, RowSums, increments, nothing, quotes_of
from app.records import Batch

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def sums_of(rows: Batch, band: int) -> RowSums:
    """The running sums of a batch of rows, oldest first."""
    start = rows["start_ns"][:1] if len(rows) else np.zeros(1, np.int64)
    total = np.zeros((len(rows) + 1, SUMS), np.int64)
    np.cumsum(increments(rows), axis=0, out=total[1:])
    quotes = np.concatenate([nothing(int(start[0])), quotes_of(rows, band)])
    return RowSums(np.concatenate([start, rows["end_ns"]]), total, quotes)


@dataclass
class Counts:
    """What followed what: transitions without and with a move of mid, and Σ moves in half ticks."""

    still: Ints  # [STATES, STATES]
    moved: Ints  # [STATES, STATES]
    move_sum: Ints  # [STATES]

    @classmethod
    def none(cls) -> "Counts":
        """No transitions."""
        square = (STATES, STATES)
        return cls(
            np.zeros(square, np.int64), np.zeros(square, np.int64), np.zeros(STATES, np.int64)
        )

    @property
    def moves(self) -> int:
        """How many moves of mid were seen."""
        return int(self.moved.sum())


def count(
    bid: Ints, bid_size: Ints, ask: Ints, ask_size: Ints, same_epoch: NDArray[np.bool_]
) -> Counts:
    """Transitions between consecutive states of one best stream.

    Args:
        bid, bid_size, ask, ask_size: `[n]` ticks and lots.
        same_epoch: `[n − 1]` whether a state continues the one before it.
    """
    result = Counts.none()
    at = state(bid, bid_size, ask, ask_size)
    ok = same_epoch & (at[:-1] >= 0) & (at[1:] >= 0)
    before, after = at[:-1][ok], at[1:][ok]
    twice = np.where(at >= 0, bid + np.where(at >= 0, ask, 0), 0)
    move = np.diff(twice)[ok]
    moved = move != 0
    np.add.at(result.still, (before[~moved], after[~moved]), 1)
    np.add.at(result.moved, (before[moved], after[moved]), 1)
    np.add.at(result.move_sum, before[moved], move[moved])
    return result


def adjustments(counts: Counts, least: int = LEAST_MOVES) -> Floats | None:
    """`g*` of every state in ticks, `[STATES]`; NaN for states never seen.

    None until `least` moves of mid were seen: the caller shows the weighted mid, and says so.
    """
    if counts.moves < least:
        return None
    found: Floats = solve(counts.still[None], counts.moved[None], counts.move_sum[None])[0]
    return found


def microprice(adjustment: Floats, bid: Ints, bid_size: Ints, ask: Ints, ask_size: Ints) -> Floats:
    """`mid + g*(state)` in ticks; NaN where the book is not valid or its state was never seen.

    A book with equal queues lies on the border of two buckets and takes the mean of both: mid.
    """
    at = np.maximum(state(bid, bid_size, ask, ask_size), 0)
    ok = valid(bid, ask) & (bid_size + ask_size > 0)
    mid = np.where(ok, bid + np.where(ok, ask, 0), 0) / 2.0
    move = adjustment[at]
    move = np.where(bid_size == ask_size, (move + adjustment[_MIRROR[at]]) / 2.0, move)
    return np.where(ok, mid + move, np.nan)


def spread_parts(time_ns, price, size, side, mid_ns, mid, horizon_s, lag_ns, end_ns) -> SpreadParts:
    """The spread decomposition at one horizon, in one piece; arguments as of `Totals.add`."""
    totals = Totals()
    totals.add(time_ns, price, size, side, mid_ns, mid, horizon_s, lag_ns, end_ns)
    return totals.parts(horizon_s)


def side_net(price: Ints, size: Ints, price_before: Ints, size_before: Ints) -> Ints:
    """`1{P ≥ P'} q − 1{P ≤ P'} q'`: the printed formula of one side, better meaning higher."""
    return size * (price >= price_before) - size_before * (price <= price_before)
