"""When things happen: counting processes that excite themselves and each other.

A multivariate Hawkes process with two exponential kernels, one of tens of milliseconds for machines that
answer machines and one of seconds for people and slower programs. Intensities fall between events, so
the intensity now bounds the intensity until the next event and Ogata's thinning is exact.
"""

from collections.abc import Sequence
from enum import IntEnum
from math import exp

FAST_PER_S = 25.0
SLOW_PER_S = 0.4


class Kind(IntEnum):
    """What can arrive."""

    TAKE = 0  # a market order
    JOIN = 1  # a small limit order at or near the best price
    PULL = 2  # one of those withdrawn
    DEEP = 3  # a patient order placed or withdrawn
    NEWS = 4  # something that everyone learns at once


# Mean number of events of the second kind that one of the first sets off, by kernel. The spectral radius
# of the sum is 0.72: bursts, and still a process that comes back to rest.
_CHILDREN: dict[Kind, dict[Kind, tuple[float, float]]] = {
    Kind.TAKE: {
        Kind.TAKE: (0.30, 0.30),
        Kind.JOIN: (0.5, 0.6),
        Kind.PULL: (0.4, 0.3),
        Kind.DEEP: (0.2, 0.8),
        Kind.NEWS: (0.0, 0.004),
    },
    Kind.JOIN: {Kind.JOIN: (0.20, 0.1), Kind.PULL: (0.2, 0.1), Kind.TAKE: (0.0, 0.005)},
    Kind.PULL: {Kind.PULL: (0.15, 0.0), Kind.JOIN: (0.2, 0.0)},
    Kind.DEEP: {Kind.DEEP: (0.2, 0.2)},
    Kind.NEWS: {
        Kind.TAKE: (1.0, 1.5),
        Kind.JOIN: (1.0, 2.0),
        Kind.PULL: (1.0, 1.0),
        Kind.DEEP: (1.0, 4.0),
        Kind.NEWS: (0.15, 0.35),
    },
}


class Bursts:
    """The excited part of the intensities of all kinds."""

    def __init__(self) -> None:
        self.time_s = 0.0
        self._fast = [0.0] * len(Kind)
        self._slow = [0.0] * len(Kind)
        self._steps = [
            [(int(kind), a * FAST_PER_S, b * SLOW_PER_S) for kind, (a, b) in children.items()]
            for children in (_CHILDREN[kind] for kind in Kind)
        ]

    def decay(self, time_s: float) -> None:
        """Move forward in time."""
        dt = time_s - self.time_s
        if dt > 0:
            fast, slow = exp(-FAST_PER_S * dt), exp(-SLOW_PER_S * dt)
            self._fast = [x * fast for x in self._fast]
            self._slow = [x * slow for x in self._slow]
            self.time_s = time_s

    def excite(self, kind: Kind, weight: float = 1.0) -> None:
        """An event of a kind has happened now."""
        for child, fast, slow in self._steps[kind]:
            self._fast[child] += weight * fast
            self._slow[child] += weight * slow

    def rates(self, base: Sequence[float]) -> list[float]:
        """Intensities by kind, per second, on top of those that nothing excites."""
        return [b + f + s for b, f, s in zip(base, self._fast, self._slow, strict=True)]
