"""Standard score and percentile rank of a value against its past (docs/metrics.md, Standard score).

The past is rolling OFI at whole seconds over the look-back, the present excluded; sums of integers are
exact, so the live version equals the batch to the last digit of the final division.
"""

from array import array
from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass
from math import isqrt, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
LOOKBACK_S: Final = 1800
AFTER_S: Final = 300  # values one second apart that a score needs: 5 min
_NONE: Final = -(2**63)
_LARGEST: Final = 2**63 - 1


@dataclass(frozen=True)
class Score:
    """A value against its past; None is not available."""

    z: float | None  # (value − mean) / standard deviation (n − 1); None where the past is constant
    percentile: float | None  # (#{x<v} + ½#{x=v}) / n, 0..1
    n: int


NOT_AVAILABLE: Final = Score(None, None, 0)


def score(value: int, past: Ints, after: int = AFTER_S) -> Score:
    """`value` against `past` (lots, ascending); not available with fewer than `after` values."""
    n = len(past)
    if n < max(after, 2):
        return Score(None, None, n)
    left, right = np.searchsorted(past, (value, value + 1)).tolist()
    return _score(value, n, (left, right), *_sums(past))


def _sums(past: Ints) -> tuple[int, int]:
    """Σx and Σx² of ascending values, exactly: in int64 where that holds them."""
    most = max(-int(past[0]), int(past[-1]))
    if most <= isqrt(_LARGEST // len(past)):
        return int(past.sum()), int(np.dot(past, past))
    values = past.tolist()
    return sum(values), sum(x * x for x in values)


def _score(value: int, n: int, at: tuple[int, int], total: int, squares: int) -> Score:
    """Exact up to the last division: integers of any size. `at`: how many lie below, and at or below."""
    spread = n * squares - total * total  # n(n − 1) times the variance
    z = (n * value - total) / n / sqrt(spread / (n * (n - 1))) if spread > 0 else None
    return Score(z, sum(at) / 2 / n, n)


class LiveScore:
    """The same, second by second: a second's work does not depend on the look-back.

    Sums are kept as integers, the past besides in sorted order (a memory move of a few kilobytes); memory
    is 16 bytes a second of the look-back.
    """

    def __init__(self, lookback_s: int = LOOKBACK_S, after: int = AFTER_S):
        self._lookback, self._after = lookback_s, after
        self._clear()

    def _clear(self) -> None:
        self._past = array("q", [_NONE]) * self._lookback  # by second, in a circle
        self._sorted = array("q")
        self._total = self._squares = 0
        self._second: int | None = None

    def push(self, second: int, value: int | None) -> Score:
        """Score the value of a second, then remember it.

        Args:
            second: number of the second; each is told once, the last one again replaces it. Those left out
                are not known, and a second before the last begins anew.
            value: lots; None is not known (a gap).
        """
        last = self._second if self._second is not None else second - 1
        if not 0 <= second - last <= self._lookback:
            self._clear()
            last = second - 1
        for skipped in range(last + 1, second):
            self._forget(skipped)
        if second == last:
            self._forget(second)
        result = NOT_AVAILABLE if value is None else self.score(value)
        self._forget(second)  # the same second of the look-back before
        self._second = second
        if value is not None:
            self._past[second % self._lookback] = value
            insort(self._sorted, value)
            self._total += value
            self._squares += value * value
        return result

    def _forget(self, second: int) -> None:
        """What the place of a second in the circle holds."""
        value = self._past[second % self._lookback]
        if value == _NONE:
            return
        self._past[second % self._lookback] = _NONE
        del self._sorted[bisect_left(self._sorted, value)]
        self._total -= value
        self._squares -= value * value

    def score(self, value: int) -> Score:
        """A value against the past without remembering it."""
        n = len(self._sorted)
        if n < max(self._after, 2):
            return Score(None, None, n)
        at = bisect_left(self._sorted, value), bisect_right(self._sorted, value)
        return _score(value, n, at, self._total, self._squares)
