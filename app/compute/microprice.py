"""The micro-price of Stoikov (2018): mid plus the expected sum of its next moves (docs/metrics.md).

States are (imbalance of the best queues in 10 buckets) × (spread of 1..4 ticks, wider clamped). From
the counts of what followed what, symmetrised, the paper's chain gives `g* = Σ B^k G1` with
`G1 = (I − Q)⁻¹ E[move]` and `B = (I − Q)⁻¹ T`; Q are the steps without a move of the mid, T those with.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.compute.book import valid

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
BUCKETS = 10
SPREADS = 4
STATES = BUCKETS * SPREADS
LEAST_MOVES = 1000
_ENOUGH = 1e-12
_MOST_STEPS = 10_000
# The mirror of a state: sides exchanged, the imbalance turned around.
_MIRROR = np.arange(STATES).reshape(BUCKETS, SPREADS)[::-1].ravel()


def state(bid: Ints, bid_size: Ints, ask: Ints, ask_size: Ints) -> Ints:
    """The state of each book, `bucket · 4 + (spread − 1)`; −1 where the book is not valid.

    The imbalance is `qb1 / (qb1 + qa1)`, a bucket is `[k/10, (k+1)/10)` from below and, so that a book
    and its mirror are treated alike, exact borders above one half belong to the lower bucket.
    """
    total = bid_size + ask_size
    ok = valid(bid, ask) & (total > 0)
    safe = np.where(total > 0, total, 1)
    low = BUCKETS * bid_size // safe
    high = BUCKETS - 1 - BUCKETS * ask_size // safe
    bucket = np.clip(np.where(2 * bid_size > total, high, low), 0, BUCKETS - 1)
    width = np.clip(np.where(ok, ask - bid, 1), 1, SPREADS) - 1
    return np.where(ok, bucket * SPREADS + width, -1)


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

    def __iadd__(self, other: "Counts") -> "Counts":
        self.still += other.still
        self.moved += other.moved
        self.move_sum += other.move_sum
        return self

    def __isub__(self, other: "Counts") -> "Counts":
        self.still -= other.still
        self.moved -= other.moved
        self.move_sum -= other.move_sum
        return self

    @property
    def moves(self) -> int:
        """How many moves of mid were seen."""
        return int(self.moved.sum())

    def symmetrised(self) -> "Counts":
        """With the mirror of every transition counted too."""
        turned = np.ix_(_MIRROR, _MIRROR)
        return Counts(
            self.still + self.still[turned],
            self.moved + self.moved[turned],
            self.move_sum - self.move_sum[_MIRROR],
        )


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
    both = counts.symmetrised()
    total = both.still.sum(axis=1) + both.moved.sum(axis=1)
    kept = np.flatnonzero(_can_move(both, total))
    inside = np.ix_(kept, kept)
    rows = total[kept].astype(np.float64)[:, None]
    still, moved = both.still[inside] / rows, both.moved[inside] / rows
    expected = both.move_sum[kept] / 2.0 / rows[:, 0]
    system = np.eye(len(kept)) - still
    step = np.linalg.solve(system, np.column_stack([expected, moved]))
    first, chain = step[:, 0], step[:, 1:]
    result = np.full(STATES, np.nan)
    result[kept] = _sum_of_powers(chain, first)
    return result


def _can_move(both: Counts, total: Ints) -> NDArray[np.bool_]:
    """States from which a move of mid can be reached; the others would make the chain singular."""
    reach = both.moved.sum(axis=1) > 0
    links = both.still > 0
    for _ in range(STATES):
        wider = reach | (links @ reach)
        if (wider == reach).all():
            break
        reach = wider
    result: NDArray[np.bool_] = reach & (total > 0)
    return result


def _sum_of_powers(chain: Floats, first: Floats) -> Floats:
    """`Σ_k chain^k · first`; by symmetry the terms vanish geometrically."""
    result, term = first.copy(), first
    for _ in range(_MOST_STEPS):
        term = chain @ term
        # What is common to all states is zero by symmetry; rounding must not feed on itself.
        result = result + term
        if np.abs(term).max(initial=0.0) < _ENOUGH:
            break
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


class LiveCounts:
    """Counts over a look-back of whole blocks: a block costs the same however long the look-back."""

    def __init__(self, blocks: int):
        self._blocks = blocks
        self._past: deque[Counts] = deque()
        self.total = Counts.none()

    def push(self, block: Counts) -> None:
        """A block of time has ended; the oldest one is forgotten."""
        self._past.append(block)
        self.total += block
        if len(self._past) > self._blocks:
            self.total -= self._past.popleft()
