"""Faults on command: what a venue or the way to it can do wrong, and a schedule that does it in turn.

on messages       drop, duplicate, reorder, malformed, truncated, crossed, non_finite, negative
for a while       mute (of one stream), stall, delay, no_time, clock, one_sided, empty, delist
on connections    disconnect (a close frame), reset (the transport is cut), half_open, refuse
on the snapshot   429, 418, 503 (with Retry-After), bad_snapshot (200 with broken JSON), slow_snapshot
for good          big_ids (the market's ids leap beyond 2^53)
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import cycle
from random import Random
from typing import Any, Final

from app.errors import InputError

MESSAGE_FAULTS: Final = (
    "drop",
    "duplicate",
    "reorder",
    "malformed",
    "truncated",
    "crossed",
    "non_finite",
    "negative",
)
LASTING_FAULTS: Final = (
    "mute",
    "stall",
    "delay",
    "no_time",
    "clock",
    "one_sided",
    "empty",
    "delist",
)
CONNECTION_FAULTS: Final = ("disconnect", "reset", "half_open", "refuse")
SNAPSHOT_FAULTS: Final = ("429", "418", "503", "bad_snapshot", "slow_snapshot")
KINDS: Final = (
    *MESSAGE_FAULTS,
    *LASTING_FAULTS,
    *CONNECTION_FAULTS,
    *SNAPSHOT_FAULTS,
    "big_ids",
)
STREAMS: Final = ("depth", "best", "trade")
_KEPT = 1000
_MAX_COUNT = 10_000
_MAX_SECONDS = 3600.0


@dataclass
class Fault:
    """One order to misbehave. `symbol` and `venue` None mean all.

    `count` is how many messages or requests it spoils; `seconds` is how long a lasting fault lasts, how
    long a slow snapshot takes, and what Retry-After says.
    """

    kind: str
    venue: str | None = None
    symbol: str | None = None  # as the venue writes it
    stream: str = "depth"
    count: int = 1
    seconds: float = 3.0
    since_ns: int = 0
    done: int = field(default=0, compare=False)

    @classmethod
    def parse(cls, value: Any) -> "Fault":
        """Read what the admin route was sent.

        Raises:
            InputError: an unknown kind, key or stream, or a number out of range.
        """
        if not isinstance(value, Mapping) or not isinstance(value.get("kind"), str | int):
            raise InputError(f'A fault is an object with a "kind", one of {", ".join(KINDS)}.')
        known = {"kind", "venue", "symbol", "stream", "count", "seconds"}
        if unknown := set(value) - known:
            raise InputError(f"A fault has no {min(unknown)!r}; it has {', '.join(sorted(known))}.")
        kind = str(value["kind"])
        if kind not in KINDS:
            raise InputError(f"There is no fault {kind!r}; there are {', '.join(KINDS)}.")
        stream = value.get("stream", "depth")
        if stream not in STREAMS:
            raise InputError(f"There is no stream {stream!r}; there are {', '.join(STREAMS)}.")
        return cls(
            kind=kind,
            venue=None if value.get("venue") is None else str(value["venue"]),
            symbol=None if value.get("symbol") is None else str(value["symbol"]),
            stream=stream,
            count=int(_bounded(value.get("count", 1), "count", 1, _MAX_COUNT)),
            seconds=_bounded(value.get("seconds", 3.0), "seconds", 0.0, _MAX_SECONDS),
        )

    def concerns(self, venue: str, symbol: str | None = None) -> bool:
        """Whether it is meant for a market of a venue (or for any, with no symbol named)."""
        return self.venue in (None, venue) and (symbol is None or self.symbol in (None, symbol))

    def to_json(self) -> dict[str, Any]:
        """A plain value for `/demo/faults`."""
        return {
            "kind": self.kind,
            "venue": self.venue,
            "symbol": self.symbol,
            "stream": self.stream,
            "count": self.count,
            "seconds": self.seconds,
            "since_ms": self.since_ns // 1_000_000,
            "done": self.done,
        }


class Faults:
    """The faults that are ordered and not yet done, and a bounded history."""

    def __init__(self) -> None:
        self._active: list[Fault] = []
        self.history: deque[Fault] = deque(maxlen=_KEPT)

    def order(self, fault: Fault, now_ns: int) -> Fault:
        """Let it happen from now on; returns the entry of the history."""
        entry = replace(fault, since_ns=now_ns)
        self.history.append(entry)
        self._active.append(entry)
        return entry

    def note(self, fault: Fault, now_ns: int, done: int) -> Fault:
        """Record one that happened at once."""
        entry = replace(fault, since_ns=now_ns)
        entry.done = done
        self.history.append(entry)
        return entry

    @property
    def quiet(self) -> bool:
        """Whether nothing is ordered: asked for each message."""
        return not self._active

    def end(self) -> None:
        """Whatever was ordered and is not done is taken back."""
        self._active.clear()

    def stream(self, venue: str, symbol: str, stream: str) -> list[Fault]:
        """What is wrong with the next message of a stream; each is counted as done."""
        if not self._active:
            return []
        found = [
            fault
            for fault in self._active
            if fault.kind in MESSAGE_FAULTS
            and fault.stream == stream
            and fault.concerns(venue, symbol)
        ]
        for fault in found:
            self._spend(fault)
        return found

    def lasting(
        self, kind: str, venue: str, symbol: str | None, now_ns: int, stream: str | None = None
    ) -> Fault | None:
        """A fault that goes on for its seconds, while it does; every look is counted."""
        for fault in self._active:
            if stream is not None and fault.stream != stream:
                continue
            if fault.kind == kind and fault.concerns(venue, symbol):
                if now_ns - fault.since_ns < fault.seconds * 1e9:
                    fault.done += 1
                    return fault
                self._active.remove(fault)
                return None
        return None

    def once(self, kinds: tuple[str, ...], venue: str, symbol: str | None) -> Fault | None:
        """The first ordered fault of these kinds, spent by one."""
        for fault in self._active:
            if fault.kind in kinds and fault.concerns(venue, symbol):
                self._spend(fault)
                return fault
        return None

    def _spend(self, fault: Fault) -> None:
        fault.done += 1
        if fault.done >= fault.count:
            self._active.remove(fault)


class Schedule:
    """Every kind in turn, on a market chosen by the seed."""

    def __init__(self, seed: int, markets: list[tuple[str, str]]):
        self._rng = Random(f"{seed}:faults")  # noqa: S311 - repeatable on purpose
        self._markets = markets
        self._kinds = cycle(KINDS)

    def next(self) -> Fault:
        """The next fault."""
        venue, symbol = self._rng.choice(self._markets)
        kind = next(self._kinds)
        return Fault(kind, venue, symbol, seconds=5.0 if kind in LASTING_FAULTS else 3.0)


def _bounded(value: Any, name: str, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise InputError(f"A fault's {name!r} was {value!r}: give a number from {low} to {high}.")
    return value
