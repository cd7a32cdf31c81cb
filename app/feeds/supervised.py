"""The markets of a venue behind ccxt: one supervised task for each stream of each."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

from app.clock import NS_PER_S, Clock
from app.errors import MarketError, OfiError, ThrottledError
from app.feeds.backoff import Backoff
from app.feeds.ccxt_errors import to_feed_error
from app.feeds.ccxt_source import CcxtSource, cancel
from app.feeds.market_feed import CcxtMarketFeed
from app.feeds.supervisor import StreamSupervisor
from app.feeds.track import Fault
from app.feeds.venues import VenueFacts
from app.feeds.watchdog import Watchdog
from app.log import get
from app.market import MarketId
from app.records import Stream
from app.settings import FeedSettings

_AGAIN_S = 1.0  # before work that ended by an error begins again
_HELD_S = 60.0  # after a limit that does not say for how long
_log = get("feeds")


class SupervisedVenue(CcxtSource):
    """What streamed and polled venues do alike with their markets."""

    first_timeout_s: float | None = None  # within which a first book must come; None: its time
    _watchdog: Watchdog

    def __init__(
        self,
        name: str,
        clock: Clock,
        feed: FeedSettings,
        facts: VenueFacts,
        rng: random.Random,
        places: int,
    ):
        super().__init__(name, clock, feed, facts)
        self._rng = rng
        self.starts, self.queued = asyncio.Semaphore(places), 0
        self.questions_until_ns = (
            0  # the venue wants no question beside its streams before this time
        )
        self._feeds: dict[MarketId, Any] = {}
        self._supervisors: dict[MarketId, list[StreamSupervisor]] = {}
        self._tasks: dict[MarketId, list[asyncio.Task[None]]] = {}
        self._watching: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Load what the venue trades, and begin to watch over its markets.

        Raises:
            FeedError: the venue does not answer; the message says so in one sentence.
        """
        await super().open()
        if not self._watching:
            self._watching = [asyncio.ensure_future(self._kept(work)) for work in self._work()]

    def _work(self) -> list[Callable[[], Awaitable[None]]]:
        """What runs as long as the venue is open."""
        return [self._watchdog.run]

    async def _kept(self, work: Callable[[], Awaitable[None]]) -> None:
        """Run for ever: nobody waits for it, so an error must neither end it nor pass unheard."""
        while True:
            try:
                await work()
            except Exception as error:  # whatever it is, the venue must stay watched
                name = getattr(work, "__qualname__", repr(work))
                _log.exception("began again", venue=self.name, work=name, error=repr(error)[:200])
            await self.clock.sleep(_AGAIN_S)

    def hurry(self, market_id: MarketId) -> None:
        """End the waits of a market before its next attempts, but none that the venue asked for."""
        for supervisor in self._supervisors.get(market_id, ()):
            supervisor.hurry()

    def started(self) -> tuple[int, int]:
        """How many of the venue's markets have had a book, and how many there are."""
        tracks = [feed.tracks[Stream.DEPTH] for feed in self._feeds.values()]
        return sum(track.last_ns > 0 for track in tracks), len(tracks)

    @property
    def questions_held(self) -> bool:
        """Whether the venue wants no question beside its streams at present."""
        return self.clock.now_ns() < max(self.questions_until_ns, self.hold_until_ns)

    def not_answered(self, error: Exception) -> OfiError:
        """What an error means in place of an answer to such a question.

        A limit holds further questions; a ban holds all requests, also over a restart, and so does a limit
        of known length where the markets' own books come by request.
        """
        known = to_feed_error(self.title, error)
        if isinstance(known, ThrottledError):
            wait_s = known.retry_after_s or _HELD_S
            until_ns = self.clock.now_ns() + round(wait_s * NS_PER_S)
            self.questions_until_ns = max(self.questions_until_ns, until_ns)
            if known.banned or (known.retry_after_s and self._fetches):
                self.hold_until_ns = max(self.hold_until_ns, until_ns)
        return known

    @property
    def _fetches(self) -> bool:
        """Whether the markets' own books come by request."""
        return True

    def _tell_queue(self) -> None:
        """Say to those that wait for their start how far the others have come."""
        waiting = [s for of in self._supervisors.values() for s in of if s.waiting]
        progress = self.started() if waiting else (0, 0)
        for ahead, supervisor in enumerate(waiting):
            supervisor.show_queue(ahead, *progress)

    def _check_new(self, market_id: MarketId) -> None:
        if market_id in self._feeds:
            raise MarketError(f"{market_id} is already collected.")

    def _supervise(self, feed: CcxtMarketFeed, supervisors: list[StreamSupervisor]) -> None:
        """Start a market's tasks."""
        market_id = feed.market.id
        self._feeds[market_id] = feed
        self._supervisors[market_id] = supervisors
        self._tasks[market_id] = [asyncio.ensure_future(s.run()) for s in supervisors]

    def _supervisor(
        self,
        feed: CcxtMarketFeed,
        stream: Stream,
        watch: Callable[[], Awaitable[Any]],
        detach: Callable[[StreamSupervisor, Fault], Awaitable[None]],
    ) -> StreamSupervisor:
        settings = self._feed_settings
        return StreamSupervisor(
            venue=self,
            track=feed.tracks[stream],
            market=str(feed.market.id),
            watch=watch,
            detach=detach,
            prepare=lambda: feed.begin_anew(stream),
            backoff=Backoff(settings.backoff_s, settings.backoff_max_s, self._rng),
            lead=None if stream is Stream.DEPTH else feed.tracks[Stream.DEPTH],
        )

    async def close(self) -> None:
        """End all tasks and connections."""
        tasks = [task for tasks in self._tasks.values() for task in tasks]
        await cancel([*tasks, *self._watching])
        for part in (self._tasks, self._supervisors, self._feeds):
            part.clear()
        self._watching.clear()
        await self.exchange.close()
