"""How long to wait before the next attempt."""

import random


class Backoff:
    """Exponential with a cap, each wait drawn from the upper half of its step.

    Args:
        first_s: the first step.
        cap_s: no step is longer.
        rng: the source of jitter; seeded in tests.
    """

    def __init__(self, first_s: float, cap_s: float, rng: random.Random):
        self._first_s, self._cap_s, self._rng = first_s, cap_s, rng
        self.attempts = 0

    def next_s(self) -> float:
        """Count an attempt and return the wait before it."""
        step = min(self._cap_s, self._first_s * 2.0 ** min(self.attempts, 30))
        self.attempts += 1
        return step * (0.5 + 0.5 * self._rng.random())

    def reset(self) -> None:
        """Begin anew after the stream has proved itself."""
        self.attempts = 0
