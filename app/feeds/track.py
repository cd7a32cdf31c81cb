"""One stream of one market: its epoch, its gaps, and what state it is in."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from app.errors import OfiError
from app.feeds import words
from app.feeds.base import FeedStatus, Gap
from app.records import UNKNOWN_NS, State, Stream

# Faults of what was sent, counted as rejected; the others are faults of the way.
_REJECTIONS = frozenset(
    (
        "sequence",
        "checksum",
        "crossed",
        "empty",
        "unsorted",
        "non-finite",
        "snapshot",
        "handler",
        "audit",
    )
)


@dataclass(frozen=True)
class Fault:
    """Something went wrong with a stream.

    `reason` is a word of `records.REASONS`; `missed` is −1 where it cannot be told; `link` says that the
    connection is lost or distrusted, not only this book; `stale` that it fell silent; `counted` that
    whoever found it has counted it; `asked` that it came of a request beside the connection;
    `alone` that no other market is on a connection that was lost.
    """

    reason: str
    detail: str = ""
    missed: int = -1
    link: bool = False
    stale: bool = False
    counted: bool = False
    asked: bool = False
    alone: bool = False
    error: OfiError | None = None


class Track:
    """Keeps the thread of a stream: what follows what, and what is missing in between."""

    def __init__(
        self,
        stream: Stream,
        status: FeedStatus,
        changed: Callable[[], None],
        ended: Callable[[], None] = lambda: None,
    ):
        """`changed` is told of every state, `ended` that a gap has begun."""
        self.stream = stream
        # Trades can be rare: they are whole as long as the market is heard at all.
        self.quiet_is_whole = stream is Stream.TRADES
        self.epoch = 1
        self.last_ns = 0
        self.whole_since_ns = 0  # the beginning of what has no gap since
        self.broke_whole = False  # the last fault met it so, and not in a gap
        self.state = State.STARTING
        self.since_ns = 0
        self.detail = ""
        self.attempts = 0
        self.next_try_ns = UNKNOWN_NS
        self.fault: Fault | None = None
        self.woken = asyncio.Event()
        self.dialled = asyncio.Event()  # the connection is up
        self.subscribed = asyncio.Event()  # and the venue was asked for the stream
        self.subscribed_ns = 0  # since when
        self.mute = False  # it fell silent while its connection went on, and has not spoken since
        self._open: tuple[int, Fault] | None = None
        self._status = status
        self.told = status.streams[stream]
        self._changed, self._ended = changed, ended

    def lose(self, fault: Fault) -> None:
        """End the epoch; the gap lasts until the next good state."""
        self.epoch += 1
        # The market was heard, and this stream was not.
        alone = (fault.stale or fault.reason == "sequence") and not fault.link
        heard = self.subscribed_ns if alone else self._status.received_ns
        heard = heard if self.subscribed.is_set() else 0
        last_ns = max(self.last_ns, heard) if self.quiet_is_whole else self.last_ns
        if self._open is None and last_ns:
            self._open = (last_ns, fault)
            self._ended()

    def fail(self, fault: Fault) -> bool:
        """End the epoch and call for the supervisor; a second fault adds nothing to the first."""
        if self.fault is not None:
            return False
        self.broke_whole = self.whole
        self.fault = fault
        if fault.reason in _REJECTIONS and not (fault.link or fault.counted):
            self._status.rejected[fault.reason] += 1
        self.lose(fault)
        self.mute = (self.mute or fault.stale) and not fault.link
        self.dialled.clear()
        self.subscribed.clear()
        self.woken.set()
        return True

    def good(self, now_ns: int) -> None:
        """A state that can be trusted has come: close the gap, if there is one."""
        if self._open is not None or not self.last_ns:
            self.whole_since_ns = now_ns
        if self._open is not None:
            from_ns, fault = self._open
            self._open = None
            detail = fault.detail or words.gap(fault.reason, fault.missed)
            gap = Gap(self.stream, from_ns, now_ns, fault.reason, detail, fault.missed)
            self._status.new_gaps.append(gap)
            self._status.gaps_by_reason[fault.reason] += 1
            self.told.gaps += 1
        self.last_ns = now_ns
        self.mute = False
        self.asked(now_ns)
        if self.state is not State.LIVE:
            self.attempts = 0
            self.next_try_ns = UNKNOWN_NS
            self.enter(State.LIVE, "", now_ns)

    @property
    def in_gap(self) -> bool:
        """Whether the stream has lost its thread and not found it again."""
        return self._open is not None

    @property
    def whole(self) -> bool:
        """Whether nothing of it is known to be missing, be it so silent that it is called stale."""
        silent = self.state is State.STALE and not self.in_gap
        return self.fault is None and (self.state is State.LIVE or silent)

    def asked(self, now_ns: int) -> None:
        """The venue was asked for the stream."""
        self.dialled.set()
        if not self.subscribed.is_set():
            self.subscribed.set()
            self.subscribed_ns = now_ns

    def linked(self, now_ns: int) -> None:
        """The connection is up and was asked for the stream."""
        self._status.linked_ns = self._status.linked_ns or now_ns

    def ready(self) -> None:
        """The supervisor subscribes anew: what comes now counts again."""
        self.fault = None
        self.woken.clear()

    def enter(self, state: State, detail: str, now_ns: int) -> None:
        """Change the state that the user sees; the same state again keeps its beginning."""
        if state is self.state and detail == self.detail:
            return
        if state is not self.state or not self.since_ns:
            self.since_ns = now_ns
        self.state, self.detail = state, detail
        self.told.state, self.told.since_ns = state, self.since_ns
        self._changed()
