"""The micro-price of Stoikov (2018): mid plus the expected sum of its next moves (docs/metrics.md).

States are (imbalance of the best queues in 10 buckets) × (spread of 1..4 ticks, wider clamped). From
the counts of what followed what, symmetrised, the paper's chain gives `g* = Σ B^k G1` with
`G1 = (I − Q)⁻¹ E[move]` and `B = (I − Q)⁻¹ T`; Q are the steps without a move of the mid, T those with.
"""

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


def solve(still: Ints, moved: Ints, move_sum: Ints) -> Floats:
    """`g*` of several markets at once.

    Args:
        still, moved: `[k, STATES, STATES]` transitions without and with a move of mid.
        move_sum: `[k, STATES]` Σ of the moves from each state, half ticks.

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
