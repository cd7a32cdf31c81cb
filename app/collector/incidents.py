"""What went wrong with a market lately: one entry an incident, in a list that cannot grow.

An incident begins when the market leaves its live state, or with a gap that came and went between two
looks. Gaps that fall into it give it its cause; the same thing again shortly after is counted, not
listed. The list is one record that replaces the one before, so that it outlives the collector.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from app.clock import NS_PER_S
from app.feeds.base import FeedStatus, Gap
from app.records import INCIDENTS, MAX_INCIDENTS, UNKNOWN_NS, Batch, State

KEEP_NS: Final = 3600 * NS_PER_S  # how long a resolved one stays
_NEAR_NS: Final = 2 * NS_PER_S  # a gap this near to an incident is part of it
_AGAIN_NS: Final = 60 * NS_PER_S  # the same so soon after is one more time of it
_GRAVITY: Final = (State.RESYNCING, State.STALE, State.THROTTLED, State.DOWN)


@dataclass(frozen=True)
class Incident:
    """See `records.INCIDENT`."""

    from_ns: int
    to_ns: int
    state: State
    streams: int
    times: int = 1
    missed: int = -1
    attempts: int = 0
    next_try_ns: int = UNKNOWN_NS
    reason: str = ""
    detail: str = ""

    @property
    def open(self) -> bool:
        """Whether it goes on."""
        return self.to_ns == UNKNOWN_NS


class IncidentLog:
    """The incidents of one market, oldest first.

    Args:
        kept: the record that an earlier run left, if any.
    """

    def __init__(self, kept: Batch | None = None):
        self.entries: list[Incident] = []
        self._left_out: tuple[int, int] = (0, 0)  # how many, and when the last of them ended
        if kept is not None and len(kept):
            entries = kept[-1]["list"][: int(kept[-1]["count"])]
            self.entries = [_read(entry) for entry in entries]
            self._left_out = int(kept[-1]["left_out"]), int(kept[-1]["time_ns"])

    def look(self, status: FeedStatus, gaps: Sequence[Gap], now_ns: int) -> bool:
        """Take in the state and the gaps that ended since the last call; whether the list changed."""
        before = list(self.entries)
        if status.state in _GRAVITY:
            self._go_on(status)
        for gap in gaps:
            self._explain(gap)
        if status.state is State.LIVE:
            self._resolve(status.since_ns)
        self._forget(now_ns)
        return self.entries != before

    def record(self, now_ns: int) -> Batch:
        """The list as a record."""
        record = np.zeros(1, INCIDENTS)
        record["time_ns"], record["count"] = now_ns, len(self.entries)
        record["left_out"] = self._left_out[0]
        for k, one in enumerate(self.entries):
            record["list"][0, k] = (
                one.from_ns,
                one.to_ns,
                one.state,
                one.streams,
                one.times,
                one.missed,
                one.attempts,
                one.next_try_ns,
                one.reason.encode()[:24],
                one.detail.encode()[:200],
            )
        return record

    def _go_on(self, status: FeedStatus) -> None:
        """The market is not live: an incident begins, or goes on."""
        lame = sum(1 << s for s, one in status.streams.items() if one.state in _GRAVITY)
        if not self.entries or not self.entries[-1].open:
            self.entries.append(Incident(status.since_ns, UNKNOWN_NS, status.state, lame))
        last = self.entries[-1]
        self.entries[-1] = replace(
            last,
            state=max(last.state, status.state, key=_GRAVITY.index),
            streams=last.streams | lame,
            attempts=max(last.attempts, status.attempts),
            next_try_ns=status.next_try_ns,
            detail=status.detail or last.detail,
        )

    def _explain(self, gap: Gap) -> None:
        """A gap has ended: it is part of an incident, or one by itself."""
        bit = 1 << gap.stream
        for k in range(len(self.entries) - 1, -1, -1):
            one = self.entries[k]
            if not _touch(one, gap):
                continue
            self.entries[k] = replace(
                one,
                from_ns=min(one.from_ns, gap.from_ns),
                to_ns=one.to_ns if one.open else max(one.to_ns, gap.to_ns),
                streams=one.streams | bit,
                missed=max(one.missed, gap.missed),
                reason=one.reason or gap.reason,
            )
            return
        state = State.DOWN if gap.reason == "collector restarted" else State.RESYNCING
        self.entries.append(
            Incident(
                gap.from_ns, gap.to_ns, state, bit,
                missed=gap.missed, reason=gap.reason, detail=gap.detail,
            )
        )  # fmt: skip
        self._fold()

    def _resolve(self, live_ns: int) -> None:
        """The market is live again: an open incident ends."""
        for k, one in enumerate(self.entries):
            if one.open:
                ended = max(live_ns, one.from_ns + 1)
                self.entries[k] = replace(one, to_ns=ended, next_try_ns=UNKNOWN_NS)
        self._fold()

    def _fold(self) -> None:
        """The newest, when it is the same as the one before it, becomes one more time of that."""
        if len(self.entries) < 2:
            return
        before, last = self.entries[-2:]
        same = (before.reason, before.state) == (last.reason, last.state)
        if last.open or before.open or not same or last.from_ns - before.to_ns > _AGAIN_NS:
            return
        self.entries[-2:] = [
            replace(
                last,
                from_ns=before.from_ns,
                streams=before.streams | last.streams,
                times=before.times + last.times,
                missed=max(before.missed, last.missed),
                attempts=max(before.attempts, last.attempts),
            )
        ]

    def _forget(self, now_ns: int) -> None:
        self.entries = [one for one in self.entries if one.open or one.to_ns > now_ns - KEEP_NS]
        if self._left_out[1] < now_ns - KEEP_NS:
            self._left_out = 0, 0
        while len(self.entries) > MAX_INCIDENTS:
            gone = self.entries.pop(0)
            self._left_out = self._left_out[0] + gone.times, max(gone.to_ns, self._left_out[1])


def _touch(one: Incident, gap: Gap) -> bool:
    begins = one.from_ns - _NEAR_NS <= gap.to_ns
    if one.times > 1:
        # Of what came several times only the last is as long as it says.
        begins = one.to_ns - _NEAR_NS <= gap.to_ns
    return begins and (one.open or gap.from_ns < one.to_ns)


def _read(entry: Any) -> Incident:
    return Incident(
        int(entry["from_ns"]),
        int(entry["to_ns"]),
        State(int(entry["state"])),
        int(entry["streams"]),
        int(entry["times"]),
        int(entry["missed"]),
        int(entry["attempts"]),
        int(entry["next_try_ns"]),
        bytes(entry["reason"]).decode("utf-8", "ignore"),
        bytes(entry["detail"]).decode("utf-8", "ignore"),
    )
