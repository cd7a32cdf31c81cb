"""What the feed of a market knows of itself, as records: states, rates, latencies, counts by reason."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from app.clock import NS_PER_S
from app.collector.latency import Latencies, VenueClock
from app.feeds.base import FeedStatus, StreamStatus
from app.records import QUALITY, QUALITY_NS, REASONS, STATUS, Batch, State, Stream, empty

_LEAST_NS: Final = NS_PER_S // 2  # a rate over less says nothing
ABSENT: Final = -1


@dataclass
class Report:
    """Rates and latencies between two records of one market; `clock` is shared by its venue."""

    clock: VenueClock = field(default_factory=VenueClock)
    begun_ns: int = 0
    _latencies: dict[Stream, Latencies] = field(
        default_factory=lambda: {stream: Latencies() for stream in Stream}
    )
    _counted: dict[Stream, int] = field(default_factory=dict)
    _counted_ns: int = 0
    _per_s: dict[Stream, float] = field(default_factory=lambda: dict.fromkeys(Stream, 0.0))
    _states_per_s: float = 0.0
    _states: int = 0
    _quality_ns: int = 0

    def status(self, status: FeedStatus, now_ns: int) -> Batch:
        """The present STATUS record; rates are over the time since the last one."""
        self._count(status, now_ns)
        self._listen(status, now_ns)
        record = np.zeros(1, STATUS)
        main = Stream.DEPTH if status.fidelity_best is None else Stream.BEST
        median, high = self._latencies[main].quantiles()
        if median < 0:
            median, high = self._latencies[Stream.DEPTH].quantiles()
        values = {
            "time_ns": now_ns,
            "since_ns": status.since_ns,
            "state": status.state,
            "fidelity_best": ABSENT if status.fidelity_best is None else status.fidelity_best,
            "fidelity_depth": status.fidelity_depth,
            "period_ms": status.period_ms,
            "received_ns": status.received_ns,
            "latency_p50_ms": median,
            "latency_p99_ms": high,
            "updates_per_s": self._states_per_s,
            "states_best": status.states_best,
            "states_depth": status.states_depth,
            "trades": status.trades,
            "gaps": status.gaps_by_reason.total(),
            "rejected": status.rejected.total(),
            "attempts": status.attempts,
            "next_try_ns": status.next_try_ns,
            "has_trades": status.has_trades,
            "detail": status.detail.encode()[:240],
            "begun_ns": self.begun_ns,
            "linked_ns": status.linked_ns,
            "booked_ns": status.booked_ns,
            "book_levels": status.book_levels,
            "clock_offset_ms": self.clock.offset_ms,
            "clock_off": self.clock.off,
            "audits": status.audits,
            "audit_differences": status.audit_differences,
            "audits_unanswered": status.audits_unanswered,
            "gaps_by": _by_reason(status.gaps_by_reason),
            "rejected_by": _by_reason(status.rejected),
        }
        for name, value in values.items():
            record[name] = value
        for stream in Stream:
            self._stream(record, stream, status)
        return record

    def quality(self, status: FeedStatus, now_ns: int) -> Batch:
        """A QUALITY record when ten seconds are over, for the picture through time; else none."""
        if now_ns // QUALITY_NS == self._quality_ns // QUALITY_NS:
            return empty("quality")
        first, self._quality_ns = not self._quality_ns, now_ns
        if first:
            return empty("quality")
        record = np.zeros(1, QUALITY)
        record["time_ns"], record["state"] = now_ns, status.state
        for stream in Stream:
            median, high = self._latencies[stream].quantiles()
            record["p50_ms"][0, stream], record["p99_ms"][0, stream] = median, high
            record["per_s"][0, stream] = self._per_s[stream]
        return record

    def _count(self, status: FeedStatus, now_ns: int) -> None:
        elapsed_ns = now_ns - self._counted_ns
        if self._counted_ns and elapsed_ns < _LEAST_NS:
            return
        states = status.states_best + status.states_depth
        taken = {stream: status.streams[stream].states for stream in Stream}
        if self._counted_ns:
            per_s = NS_PER_S / elapsed_ns
            self._states_per_s = (states - self._states) * per_s
            for stream, count in taken.items():
                self._per_s[stream] = (count - self._counted[stream]) * per_s
        self._states, self._counted, self._counted_ns = states, taken, now_ns

    def _listen(self, status: FeedStatus, now_ns: int) -> None:
        """Take the delays that came since."""
        for stream, one in status.streams.items():
            delays = np.array(one.delays_ms, np.float64)
            one.delays_ms.clear()
            corrected = self.clock.correct(id(self), stream, delays, now_ns)
            self._latencies[stream].add(corrected, now_ns)

    def _stream(self, record: Batch, stream: Stream, status: FeedStatus) -> None:
        one = status.streams[stream]
        absent = (stream is Stream.BEST and status.fidelity_best is None) or (
            stream is Stream.TRADES and not status.has_trades
        )
        record["stream_p50_ms"][0, stream] = record["stream_p99_ms"][0, stream] = -1
        record["stream_state"][0, stream] = ABSENT
        if absent:
            return
        state, since_ns = _state_of(one, status)
        record["stream_state"][0, stream] = state
        record["stream_since_ns"][0, stream] = since_ns
        record["stream_received_ns"][0, stream] = one.received_ns
        median, high = self._latencies[stream].quantiles()
        record["stream_p50_ms"][0, stream], record["stream_p99_ms"][0, stream] = median, high
        record["stream_per_s"][0, stream] = self._per_s[stream]
        record["stream_gaps"][0, stream] = one.gaps

    def forget(self) -> None:
        """The market is no longer collected."""
        self.clock.forget(id(self))


def _state_of(one: StreamStatus, status: FeedStatus) -> tuple[State, int]:
    """A stream's own state; the market's, where the feed does not tell them apart."""
    return (one.state, one.since_ns) if one.since_ns else (status.state, status.since_ns)


def _by_reason(counts: Counter[str]) -> list[int]:
    return [counts[reason] for reason in REASONS]
