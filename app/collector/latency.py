"""How late messages come: receive minus venue time, without the error of the venue's clock.

What a message took and how far the venue's clock is off cannot be told apart by one-way times alone
(RFC 5905 needs a round trip). So the fastest message of the last ten minutes judges the clock: where it
seems to have taken between 0 and 1 s, the venue's clock passes for right and latencies are what they
seem. Else the clock is called off by that much, and latencies count from the fastest message.
"""

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.clock import NS_PER_MS, NS_PER_S
from app.records import Stream

_SLOT_NS: Final = 10 * NS_PER_S
_SLOTS: Final = 60  # ten minutes of minima
_PLAUSIBLE_MS: Final = 1000.0
# A delay grows at most as fast as time goes by; more than this on top is a clock set back.
_STEP_MS: Final = 10_000.0
_KEPT: Final = 512
_KEPT_NS: Final = 60 * NS_PER_S

Delays = NDArray[np.float64]


@dataclass
class StampClock:
    """Judges what one kind of message of a venue is stamped with, over all its markets."""

    _minima: deque[tuple[int, float]] = field(default_factory=lambda: deque(maxlen=_SLOTS))
    _last: dict[Hashable, tuple[int, float]] = field(default_factory=dict)

    def correct(self, source: Hashable, delays_ms: Delays, now_ns: int) -> Delays:
        """See `VenueClock.correct`."""
        if not len(delays_ms):
            return delays_ms
        delays_ms = self._since_step(source, delays_ms, now_ns)
        slot, least = now_ns // _SLOT_NS, float(delays_ms.min())
        while self._minima and self._minima[0][0] <= slot - _SLOTS:
            self._minima.popleft()
        if self._minima and self._minima[-1][0] == slot:
            least = min(least, self._minima.pop()[1])
        self._minima.append((slot, least))
        return np.maximum(delays_ms - self.base_ms, 0.0)

    def forget(self, source: Hashable) -> None:
        """A stream is gone."""
        self._last.pop(source, None)

    @property
    def base_ms(self) -> float:
        """What latencies count from: 0 where the clock passes for right."""
        least = min((value for _, value in self._minima), default=0.0)
        return 0.0 if 0.0 <= least <= _PLAUSIBLE_MS else least

    def _since_step(self, source: Hashable, delays_ms: Delays, now_ns: int) -> Delays:
        """The delays since the venue's clock was set, if it was: older minima mean nothing then.

        Set back, delays grow faster than time goes by; set forward, they fall far below the fastest.
        """
        at_ns, before = self._last.get(source, (now_ns, float(delays_ms[0])))
        self._last[source] = now_ns, float(delays_ms[-1])
        grown = np.diff(delays_ms, prepend=before)
        fastest = min((value for _, value in self._minima), default=-np.inf)
        least = np.minimum.accumulate(np.append(fastest, delays_ms))[:-1]
        back = grown > _STEP_MS + (now_ns - at_ns) / NS_PER_MS
        steps = np.flatnonzero(back | (delays_ms < least - _STEP_MS))
        if not len(steps):
            return delays_ms
        self._minima.clear()
        return delays_ms[steps[-1] :]


@dataclass
class VenueClock:
    """Judges the clock of one venue, each stream's by itself: books and trades may be stamped apart."""

    _clocks: dict[Stream, StampClock] = field(
        default_factory=lambda: {stream: StampClock() for stream in Stream}
    )

    def correct(self, source: Hashable, stream: Stream, delays_ms: Delays, now_ns: int) -> Delays:
        """Take in what a stream received since the last call; returns its latencies, ms, none negative.

        Args:
            source: the market, so that each is followed by itself.
            stream: which of its streams.
            delays_ms: `[n]` receive minus venue time, in the order of arrival.
            now_ns: the present.
        """
        return self._clocks[stream].correct(source, delays_ms, now_ns)

    def forget(self, source: Hashable) -> None:
        """A market is gone."""
        for clock in self._clocks.values():
            clock.forget(source)

    @property
    def off(self) -> bool:
        """Whether the venue's clock is taken for wrong."""
        return self.offset_ms != 0.0

    @property
    def offset_ms(self) -> float:
        """How far the venue's clock is ahead of ours, as far as that can be told; 0 where it is right."""
        return 0.0 - max((clock.base_ms for clock in self._clocks.values()), key=abs)


@dataclass
class Latencies:
    """The latest latencies of a stream, of the last minute at most."""

    _parts: deque[tuple[int, Delays]] = field(default_factory=deque)
    _count: int = 0

    def add(self, latencies_ms: Delays, now_ns: int) -> None:
        """Take in latencies, and forget what is old."""
        if len(latencies_ms):
            part = latencies_ms[-_KEPT:]
            self._parts.append((now_ns, part))
            self._count += len(part)
        while self._parts and (
            self._parts[0][0] < now_ns - _KEPT_NS or self._count - len(self._parts[0][1]) >= _KEPT
        ):
            self._count -= len(self._parts.popleft()[1])

    def quantiles(self) -> tuple[float, float]:
        """Median and 99th percentile, ms; −1 where nothing came."""
        if not self._count:
            return -1.0, -1.0
        values = np.concatenate([part for _, part in self._parts])
        middle, high = len(values) // 2, min(len(values) - 1, int(len(values) * 0.99))
        ordered = np.partition(values, (middle, high))
        return float(ordered[middle]), float(ordered[high])
