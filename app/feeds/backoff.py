"""How long to wait before the next attempt, and the wait itself."""

import asyncio
import random

from app.clock import Clock


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


class Pause:
    """A wait that a viewer's wish can end."""

    def __init__(self, clock: Clock):
        self._clock = clock
        self._hurried = asyncio.Event()
        self._open = False

    async def wait(self, seconds: float, *, firm: bool) -> None:
        """Wait; a `firm` wait is one that the venue asked for, and nobody ends it."""
        if firm:
            await self._clock.sleep(seconds)
            return
        self._hurried.clear()
        self._open = True
        parts = {
            asyncio.ensure_future(self._clock.sleep(seconds)),
            asyncio.ensure_future(self._hurried.wait()),
        }
        try:
            await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._open = False
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)

    def end(self) -> bool:
        """End the wait; returns whether there was one."""
        if self._open:
            self._hurried.set()
        return self._open
