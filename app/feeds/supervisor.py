"""Keeps one stream of one market subscribed: subscribe, wait for a fault, back off, again."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from app.clock import NS_PER_S, Clock
from app.errors import BookError, OfiError, ThrottledError
from app.feeds import words
from app.feeds.backoff import Backoff, Pause
from app.feeds.ccxt_errors import to_feed_error
from app.feeds.ccxt_hook import ATTEMPT, OWNER, HookedClient
from app.feeds.renewal import Renewal
from app.feeds.track import Fault, Track
from app.log import get
from app.records import State, Stream

# A stream that stayed good this long has earned a short wait after its next fault.
_PROVED_NS = 3 * NS_PER_S
_log = get("feeds")


class Venue(Protocol):
    """What a supervisor asks of the venue that it works for."""

    title: str
    clock: Clock
    first_timeout_s: float | None  # within which the first book must come
    hold_until_ns: int

    starts: asyncio.Semaphore  # places among those that fetch their first book
    queued: int  # how many wait for such a place

    def started(self) -> tuple[int, int]:
        """How many of the venue's markets have had a book, and how many there are."""


class StreamSupervisor:
    """The supervised task of one stream; also the owner of its subscriptions in ccxt."""

    def __init__(
        self,
        venue: Venue,
        track: Track,
        market: str,
        watch: Callable[[], Awaitable[Any]],
        detach: Callable[["StreamSupervisor", Fault], Awaitable[None]],
        prepare: Callable[[], None],
        backoff: Backoff,
        lead: Track | None = None,
    ):
        self.track, self.market = track, market
        self.client: HookedClient | None = None
        self.hashes: set[str] = set()
        self.attempt = 1
        self.waiting = False  # for a place among those that fetch their first book
        self._attached = asyncio.Event()
        self._lead = lead
        self._venue, self._watch = venue, watch
        self._detach, self._prepare, self._backoff = detach, prepare, backoff
        self._pause = Pause(venue.clock)
        self.renewal = Renewal()
        self._recovered_ns = 0

    def attach(self, client: HookedClient, message_hash: str) -> None:
        """Called by ccxt's client: where and under what hash this stream arrives."""
        self.client = client
        self.hashes.add(message_hash)
        self._attached.set()

    def asked(self) -> None:
        """Called by ccxt's client: the venue was asked for this stream, and confirmed where it does so."""
        if self.track.fault is None:
            self.track.asked(self._venue.clock.now_ns())

    def detach(self) -> None:
        """Nothing of the subscription is left, nor is what still waits in ccxt's queue to be sent."""
        self.attempt += 1
        self.client = None
        self.hashes.clear()
        self._attached.clear()

    async def run(self) -> None:
        """Until cancelled."""
        OWNER.set(self)
        while True:
            fault = await self._until_fault()
            self.track.fail(fault)
            await self._recover(self.track.fault or fault)

    async def _until_fault(self) -> Fault:
        try:
            self._prepare()
            await self._hold()
            await self._subscribe()
            await self.track.woken.wait()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            return Fault("reconnect", link=True)
        except Exception as error:  # whatever a venue's code raises must not end the task
            return self.fault_of(error)
        return self.track.fault or Fault("reconnect", link=True)

    async def _hold(self) -> None:
        """Wait out a limit of the venue; after a fault, let the book's stream dial first."""
        if self._lead is not None and self._backoff.attempts:
            await self._lead.dialled.wait()
        track, clock = self.track, self._venue.clock
        if not self._held():
            return
        before = track.state, track.detail
        while self._held():
            until_ns = track.next_try_ns = self._venue.hold_until_ns
            track.enter(
                State.THROTTLED, words.throttled(self._venue.title, until_ns), clock.now_ns()
            )
            await clock.sleep((until_ns - clock.now_ns()) / NS_PER_S)
        track.enter(*before, clock.now_ns())

    def _held(self) -> bool:
        """Whether the venue wants no request at present."""
        return self._venue.hold_until_ns > self._venue.clock.now_ns()

    async def _place(self) -> None:
        """Wait for a place among those that start; a limit that was set meanwhile is waited out first."""
        starts = self._venue.starts
        await starts.acquire()
        while self._held():
            starts.release()
            await self._hold()
            await starts.acquire()

    async def _subscribe(self) -> None:
        if self.track.stream is not Stream.DEPTH:
            # Best quotes and trades come when something happens: silence is no fault.
            await self._first(None)
            return
        self.show_queue(self._venue.queued, *self._venue.started())
        self._venue.queued += 1
        self.waiting = True
        try:
            await self._place()
        finally:
            self._venue.queued -= 1
            self.waiting = False
        try:
            self._show_start(words.starting(self._venue.title))
            await self._first(self._venue.first_timeout_s)
        finally:
            self._venue.starts.release()

    def show_queue(self, ahead: int, started: int, total: int) -> None:
        """Say how far the venue's markets have come, while this one waits for its turn."""
        self._show_start(words.queued(self._venue.title, ahead, started, total))

    def _show_start(self, detail: str) -> None:
        if self.track.state is State.STARTING:
            self.track.enter(State.STARTING, detail, self._venue.clock.now_ns())

    async def _first(self, timeout_s: float | None) -> None:
        """Until the first update, a fault told by the hook, or the time is up."""
        ATTEMPT.set(self.attempt)
        watching = asyncio.ensure_future(self._watch())
        woken = asyncio.ensure_future(self.track.woken.wait())
        linked = asyncio.ensure_future(self._linked())
        try:
            await asyncio.wait(
                {watching, woken}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED
            )
            if woken.done():
                return
            if not watching.done():
                raise TimeoutError
            watching.result()
        finally:
            for task in (watching, woken, linked):
                task.cancel()
            await asyncio.gather(watching, woken, linked, return_exceptions=True)

    async def _linked(self) -> None:
        """Note when the connection is up, so that a quiet stream does not look like a lost one."""
        await self._attached.wait()
        if self.client is None:
            return
        await asyncio.wait({self.client.connected})
        if self._connected:
            self.track.linked(self._venue.clock.now_ns())
        if not self._connected or self.track.fault is not None:
            return
        self.track.dialled.set()
        if not self.client.awaits(self):
            self.asked()  # others have asked for the same
        if self.track.stream is Stream.DEPTH:
            self._show_start(words.connected(self._venue.title))
        elif self.track.state is not State.LIVE:
            self._show_link()

    def _show_link(self) -> None:
        """The link of a side stream is up. What fell silent by itself stays so until it speaks."""
        track, now_ns = self.track, self._venue.clock.now_ns()
        if track.mute:
            return
        if track.last_ns:
            track.enter(State.RESYNCING, words.awaited(track.stream is Stream.TRADES), now_ns)
        else:
            track.enter(State.STARTING, "", now_ns)

    def fault_of(self, error: Exception) -> Fault:
        """What an error of ccxt means for this stream."""
        known = to_feed_error(self._venue.title, error)
        if isinstance(known, BookError):
            return Fault(known.reason, str(known), error=known)
        if isinstance(known, ThrottledError):
            return Fault("throttled", str(known), error=known)
        depth = self.track.stream is Stream.DEPTH
        reason = (
            "snapshot" if depth and self.track.fault is None and self._connected else "reconnect"
        )
        return Fault(reason, str(known), link=not self._connected, error=known)

    @property
    def _connected(self) -> bool:
        return self.client is not None and self.client.isConnected and not self.client.dead

    async def _recover(self, fault: Fault) -> None:
        """Tell the user, let go of what is left of the subscription, wait."""
        clock, track = self._venue.clock, self.track
        now_ns = clock.now_ns()
        self.renewal.ended(fault, whole=track.whole_since_ns > self._recovered_ns)
        self._recovered_ns = now_ns
        if track.broke_whole and now_ns - track.whole_since_ns >= _PROVED_NS:
            self._backoff.reset()
        wait_s = self._backoff.next_s()
        if fault.error is None and not fault.link and self._backoff.attempts == 1:
            wait_s = 0.0  # the connection is fine: only a new snapshot is needed
        if isinstance(fault.error, ThrottledError):
            wait_s = max(wait_s, fault.error.retry_after_s or 0.0)
            until = now_ns + round(wait_s * NS_PER_S)
            self._venue.hold_until_ns = max(self._venue.hold_until_ns, until)
        track.attempts = self._backoff.attempts
        track.next_try_ns = now_ns + round(wait_s * NS_PER_S)
        self._show(fault, now_ns)
        await self._detach(self, fault)
        if wait_s > 0:
            await self._pause.wait(wait_s, firm=isinstance(fault.error, ThrottledError))

    def hurry(self) -> None:
        """Try now, where an attempt waits for its time; a wait that the venue asked for goes on."""
        self._pause.end()

    def _show(self, fault: Fault, now_ns: int) -> None:
        track, title = self.track, self._venue.title
        error: OfiError | None = fault.error
        if isinstance(error, ThrottledError):
            track.enter(State.THROTTLED, words.throttled(title, track.next_try_ns), now_ns)
        elif fault.stale:
            track.enter(State.STALE, fault.detail, now_ns)
        elif error is not None and fault.link:
            track.enter(State.DOWN, words.down(title, track.next_try_ns, fault.alone), now_ns)
        elif error is not None and not isinstance(error, BookError):
            track.enter(State.DOWN, words.refused(title, str(error), track.next_try_ns), now_ns)
        elif fault.link:
            track.enter(State.RESYNCING, words.reconnecting(fault.reason, fault.alone), now_ns)
        else:
            track.enter(State.RESYNCING, words.rebuilding(fault.reason, fault.missed), now_ns)
        _log.warning(
            "stream fault",
            market=self.market,
            stream=track.stream.name.lower(),
            reason=fault.reason,
            detail=fault.detail,
            attempt=track.attempts,
        )
