"""Standard score and percentile rank of a value against its past (docs/metrics.md, Standard score).

The past is rolling OFI at whole seconds over the look-back, the present excluded; sums of integers are
exact, so the live version equals the batch to the last digit of the final division.
"""

from bisect import bisect_left, bisect_right, insort
from collections import deque
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
LOOKBACK_S = 1800
AFTER_S = 300


@dataclass(frozen=True)
class Score:
    """A value against its past; None is not available."""

    z: float | None  # (value − mean) / standard deviation (n − 1); None where the past is constant
    percentile: float | None  # (#{x<v} + ½#{x=v}) / n, 0..1
    n: int


NOT_AVAILABLE = Score(None, None, 0)


def score(value: int, past: Ints, after: int = AFTER_S) -> Score:
    """`value` against `past` (lots, any order); not available with fewer than `after` values."""
    n = len(past)
    if n < max(after, 2):
        return Score(None, None, n)
    total = int(past.sum())
    squares = sum(int(x) * int(x) for x in past)
    below, equal = int((past < value).sum()), int((past == value).sum())
    return Score(_z(value, n, total, squares), (below + 0.5 * equal) / n, n)


def _z(value: int, n: int, total: int, squares: int) -> float | None:
    """Exact up to the last division: integers of any size."""
    spread = n * squares - total * total  # n(n − 1) times the variance
    if spread <= 0:
        return None
    return (n * value - total) / n / sqrt(spread / (n * (n - 1)))


class LiveScore:
    """The same, value by value: one second's work does not depend on the look-back.

    Sums are kept as integers, the past besides in sorted order (a memory move of a few kilobytes).
    """

    def __init__(self, lookback: int = LOOKBACK_S, after: int = AFTER_S):
        self._lookback, self._after = lookback, after
        self._past: deque[int | None] = deque()
        self._sorted: list[int] = []
        self._total = 0
        self._squares = 0

    def push(self, value: int | None) -> Score:
        """Score the value of this second, then remember it; None: not known (a gap)."""
        result = NOT_AVAILABLE if value is None else self.score(value)
        self._past.append(value)
        if value is not None:
            insort(self._sorted, value)
            self._total += value
            self._squares += value * value
        if len(self._past) > self._lookback:
            self._forget(self._past.popleft())
        return result

    def _forget(self, value: int | None) -> None:
        if value is None:
            return
        del self._sorted[bisect_left(self._sorted, value)]
        self._total -= value
        self._squares -= value * value

    def score(self, value: int) -> Score:
        """A value against the past without remembering it."""
        n = len(self._sorted)
        if n < max(self._after, 2):
            return Score(None, None, n)
        left, right = bisect_left(self._sorted, value), bisect_right(self._sorted, value)
        percentile = (left + 0.5 * (right - left)) / n
        return Score(_z(value, n, self._total, self._squares), percentile, n)
