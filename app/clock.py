"""The only module that reads the clock. Time is int64 nanoseconds since the epoch, UTC.

Wall time is taken once, at construction, and advanced by the monotonic clock: a clock stepped by NTP
or by hand neither freezes the ids of the store nor makes time jump. A machine that slept is seen as a
difference between the monotonic clock and the one that counts sleep; it is added, and reported.
"""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Protocol

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000


class Clock(Protocol):
    """What the rest of the product may ask of time."""

    def now_ns(self) -> int:
        """Nanoseconds since the epoch, never running backwards."""

    def slept_ns(self) -> int:
        """How long the machine has been asleep in total since this clock was made."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""


def _boot_ns() -> int:
    """The clock that goes on while the machine sleeps, where the platform has one."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime_ns(clock)


class SystemClock:
    """Wall time anchored once and advanced by the monotonic clock."""

    def __init__(self) -> None:
        self._wall = time.time_ns()
        self._boot = _boot_ns()
        self._lag = _boot_ns() - time.monotonic_ns()

    def now_ns(self) -> int:
        """Nanoseconds since the epoch."""
        return self._wall + _boot_ns() - self._boot

    def slept_ns(self) -> int:
        """Total sleep of the machine since this clock was made."""
        return max(0, _boot_ns() - time.monotonic_ns() - self._lag)

    def wall_step_ns(self) -> int:
        """How far the machine's wall clock has moved against this one: a stepped clock."""
        return time.time_ns() - self.now_ns()

    async def sleep(self, seconds: float) -> None:
        """Wait on the event loop."""
        await asyncio.sleep(seconds)


@dataclass
class FakeClock:
    """A clock that tests move by hand; `sleep` returns at once and moves it."""

    time_ns: int = 1_700_000_000 * NS_PER_S
    asleep_ns: int = 0
    sleeps: list[float] = field(default_factory=list)

    def now_ns(self) -> int:
        """The time set by the test."""
        return self.time_ns

    def slept_ns(self) -> int:
        """The sleep set by the test."""
        return self.asleep_ns

    def advance(self, seconds: float) -> None:
        """Move forward."""
        self.time_ns += round(seconds * NS_PER_S)

    async def sleep(self, seconds: float) -> None:
        """Move forward at once, and let other tasks run."""
        self.sleeps.append(seconds)
        self.advance(seconds)
        await asyncio.sleep(0)


def monotonic_ns() -> int:
    """For measuring durations inside one process."""
    return time.monotonic_ns()
