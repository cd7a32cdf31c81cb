"""The micro-price of Stoikov (2018): mid plus the expected sum of its next moves (docs/metrics.md).

States are (imbalance of the best queues in 10 buckets) × (spread of 1..4 ticks, wider clamped). From
the counts of what followed what, symmetrised, the paper's chain gives `g* = Σ B^k G1` with
`G1 = (I − Q)⁻¹ E[move]` and `B = (I − Q)⁻¹ T`; Q are the steps without a move of the mid, T those with.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.compute.book import valid

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
BUCKETS = 10
SPREADS = 4
STATES = BUCKETS * SPREADS
LEAST_MOVES = 1000
_NO_LIMIT = 1e6  # ticks: a sum that is larger only rounding has kept finite
# The mirror of a state: sides exchanged, the imbalance turned around.
_MIRROR = np.arange(STATES).reshape(BUCKETS, SPREADS)[::-1].ravel()
_UPPER = np.arange(STATES // 2, STATES)  # states whose bid's queue is the longer one


def state(bid: Ints, bid_size: Ints, ask: Ints, ask_size: Ints) -> Ints:
    """The state of each book, `bucket · 4 + (spread − 1)`; −1 where the book is not valid.

    The imbalance is `qb1 / (qb1 + qa1)`, a bucket is `[k/10, (k+1)/10)` from below and, so that a book
    and its mirror are treated alike, exact borders above one half belong to the lower bucket.
    """
    total = bid_size + ask_size
    ok = valid(bid, ask) & (total > 0)
    thin = BUCKETS * np.minimum(bid_size, ask_size) // np.maximum(total, 1)
    bucket = np.where(bid_size > ask_size, BUCKETS - 1 - thin, thin)
    # A side that is absent lies so far away that the difference wraps around: it is not ok.
    width = np.minimum(ask - bid, SPREADS)
    return np.where(ok, bucket * SPREADS + width - 1, -1)


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


def solve(still: Ints, moved: Ints, move_sum: Ints) -> Floats:
    """`g*` of several markets at once.

    Args:
        still, moved: `[k, STATES, STATES]`, move_sum: `[k, STATES]`; see `Counts`.

    Returns:
        `[k, STATES]` ticks; NaN for states never seen, and where the sum has no limit.

    The sum solves `(I − Q − T) g = E[move]`. By symmetry the mirror of a state has the negative of its
    adjustment: half of the states are enough, and what is common to all of them cannot creep in.
    """
    still = still + still[:, _MIRROR][:, :, _MIRROR]
    moved = moved + moved[:, _MIRROR][:, :, _MIRROR]
    expected = (move_sum - move_sum[:, _MIRROR])[:, _UPPER] / 2.0
    total = (still + moved).sum(axis=2)
    kept = _can_move(still, moved) & (total > 0)
    step = ((still + moved) * kept[:, None, :])[:, _UPPER]
    rows = np.where(kept, total, 1)[:, _UPPER].astype(np.float64)
    chain = (step[:, :, _UPPER] - step[:, :, _MIRROR[_UPPER]]) / rows[:, :, None]
    inside = kept[:, _UPPER]
    system = np.eye(len(_UPPER)) - np.where(inside[:, :, None], chain, 0.0)
    half = _solved(system, np.where(inside, expected / rows, 0.0))
    result = np.full((len(still), STATES), np.nan)
    result[:, _UPPER] = np.where(inside & (np.abs(half) < _NO_LIMIT), half, np.nan)
    result[:, _MIRROR[_UPPER]] = -result[:, _UPPER]
    return result


def _solved(system: Floats, right: Floats) -> Floats:
    """Solutions one by one; NaN where a system has none."""
    result = np.full(right.shape, np.nan)
    for k in range(len(system)):
        try:
            result[k] = np.linalg.solve(system[k], right[k])
        except np.linalg.LinAlgError:
            continue
    return result


def _can_move(still: Ints, moved: Ints) -> NDArray[np.bool_]:
    """States from which a move of mid can be reached; the others would make the chain singular."""
    reach: Any = moved.any(axis=2)
    links = still > 0
    for _ in range(STATES):
        wider = reach | (links & reach[:, None, :]).any(axis=2)
        if np.array_equal(wider, reach):
            break
        reach = wider
    result: NDArray[np.bool_] = reach
    return result


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
