"""A venue that is asked by request: all its markets share one exchange object and its rate limit."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Final

from app.clock import NS_PER_MS, NS_PER_S, Clock
from app.errors import FeedError, ThrottledError
from app.feeds import words
from app.feeds.ccxt_exchange import config_of, polled
from app.feeds.ccxt_source import cancel
from app.feeds.polled_market import PolledMarketFeed
from app.feeds.ring import Ring
from app.feeds.rota import Job, Rota
from app.feeds.rules.families import family_of
from app.feeds.supervised import SupervisedVenue
from app.feeds.supervisor import StreamSupervisor
from app.feeds.track import Fault
from app.feeds.venues import facts_of
from app.feeds.watchdog import Watchdog
from app.market import MarketId
from app.records import Fidelity, State, Stream
from app.settings import FeedSettings, VenueSettings

# Asked at a time: enough to hide the venue's latency, few enough to keep ccxt's queue short.
_PLACES: Final = 4


class PolledVenue(SupervisedVenue):
    """Implements `base.VenueFeed` for venues that ccxt does not stream, and for those told to poll."""

    def __init__(
        self,
        name: str,
        base: Any,
        venue: VenueSettings,
        feed: FeedSettings,
        ring: Ring,
        clock: Clock,
        rng: random.Random,
    ):
        facts = replace(
            facts_of(venue.exchange or name),
            depth=Fidelity.SAMPLED,
            best=None,
            period_ms=0.0,
            depth_limit=None,
            depth_documented=False,
            trades_begin_with_history=False,
        )
        # The rota's turns are the only ones: nobody waits for a place besides.
        super().__init__(name, clock, feed, facts, rng, places=1 << 20)
        self._ring = ring
        family = family_of(venue.exchange or name)
        self._construct(polled(base), config_of(venue, feed, facts, family))
        self._rota = Rota(clock, _PLACES, lambda: self.hold_until_ns)
        self._jobs: dict[StreamSupervisor, Job] = {}
        self._first: dict[Job, asyncio.Future[None]] = {}
        self._watchdog = Watchdog(
            clock, feed.stale_after_s, tuple, lambda *_: None, self._slept, self._look
        )

    def _work(self) -> list[Callable[[], Awaitable[None]]]:
        return [*super()._work(), self._rota.run]

    def add(self, market_id: MarketId, index: int) -> PolledMarketFeed:
        """Put a market on the rota.

        Raises:
            MarketError: there is no such market, or it is there already.
        """
        self._check_new(market_id)
        market = self.resolve(market_id)
        feed = PolledMarketFeed(market, index, self._ring, self.clock, self._facts)
        feed.status.has_trades = bool(self.exchange.has.get("fetchTrades"))
        exchange, symbol = self.exchange, feed.symbol
        supervisors = [
            self._asker(
                feed,
                Stream.DEPTH,
                lambda: exchange.fetch_order_book(symbol),
                feed.take_book,
                feed.book_every_ns,
            )
        ]
        if feed.status.has_trades:
            supervisors.append(
                self._asker(
                    feed,
                    Stream.TRADES,
                    lambda: exchange.fetch_trades(symbol),
                    feed.take_trades,
                    feed.trades_every_ns,
                )
            )
        self._supervise(feed, supervisors)
        return feed

    def _asker(
        self,
        feed: PolledMarketFeed,
        stream: Stream,
        fetch: Callable[[], Awaitable[Any]],
        take: Callable[[Any], None],
        every_ns: Callable[[], int],
    ) -> StreamSupervisor:
        """The supervisor of one kind of question, and its job on the rota."""

        async def watch() -> None:
            first = self._first[job] = asyncio.get_running_loop().create_future()
            self._rota.add(job)
            try:
                await first
            finally:
                del self._first[job]

        def taken(answer: Any) -> None:
            self._watchdog.woke()  # an answer that waited through a sleep of the machine is no news
            take(answer)
            first = self._first.get(job)
            if first is not None and not first.done():
                first.set_result(None)

        supervisor = self._supervisor(feed, stream, watch, self._detach)
        job = Job(fetch, taken, lambda error: self._failed(supervisor, error), every_ns)
        self._jobs[supervisor] = job
        return supervisor

    async def remove(self, market_id: MarketId) -> None:
        """Take a market off the rota."""
        if self._feeds.pop(market_id, None) is None:
            return
        supervisors = self._supervisors.pop(market_id)
        await cancel(self._tasks.pop(market_id))
        for supervisor in supervisors:
            self._rota.remove(self._jobs.pop(supervisor))

    async def close(self) -> None:
        """End all tasks and connections."""
        await super().close()
        self._jobs.clear()

    # Faults

    async def _detach(self, supervisor: StreamSupervisor, fault: Fault) -> None:
        job = self._jobs.get(supervisor)
        if job is not None:
            self._rota.remove(job)

    def _failed(self, supervisor: StreamSupervisor, error: Exception) -> None:
        fault = supervisor.fault_of(error)
        if type(fault.error) is FeedError:  # it answers, and refuses
            fault = replace(fault, link=False)
        supervisor.track.fail(fault)
        if isinstance(fault.error, ThrottledError):
            # It is the venue that wants no request, whichever market had asked.
            for others in self._supervisors.values():
                for other in others:
                    other.track.fail(fault)

    def _slept(self, seconds: float) -> None:
        detail = f"This machine slept for {seconds:.0f} s."
        for supervisors in self._supervisors.values():
            for supervisor in supervisors:
                supervisor.track.fail(Fault("machine slept", detail, link=True))

    def _look(self, stale_ns: int) -> None:
        """Every second or so: who is not answered, and what the limit allows.

        Who waits for a turn is not silent, however long the turns take; who was asked and said nothing
        is, and all are when nobody is answered.
        """
        now_ns = self.clock.now_ns()
        queue_ns = round(2 * _PLACES * float(self.exchange.rateLimit or 0.0) * NS_PER_MS)
        silence_ns = max(stale_ns, queue_ns)
        mute = self._rota.asking and now_ns - self._rota.answered_ns > silence_ns
        for market_id, supervisors in self._supervisors.items():
            for supervisor in supervisors:
                asked_ns = self._jobs[supervisor].asked_ns
                if mute or (asked_ns and now_ns - asked_ns > silence_ns):
                    self._unanswered(supervisor, now_ns)
            self._feeds[market_id].judge_age(stale_ns)
            self._feeds[market_id].tell_pace(self.title, len(self._feeds))

    @staticmethod
    def _unanswered(supervisor: StreamSupervisor, now_ns: int) -> None:
        track = supervisor.track
        if track.state is State.LIVE:
            detail = words.unanswered((now_ns - track.last_ns) / NS_PER_S)
            track.fail(Fault("reconnect", detail, link=True, stale=True))
