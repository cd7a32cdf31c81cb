"""A venue that streams through ccxt.pro: all its markets over one exchange object."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import count
from typing import Any

import ccxt

from app.clock import NS_PER_S, Clock
from app.errors import BookError, ThrottledError
from app.feeds import words
from app.feeds.auditor import Auditor
from app.feeds.base import VenueFeed
from app.feeds.book_check import BookCheck
from app.feeds.ccxt_errors import retry_after_of, sane_wait, to_feed_error
from app.feeds.ccxt_exchange import config_of, exchange_class, hooked
from app.feeds.ccxt_hook import HookedClient, WatchedBook
from app.feeds.ccxt_poll import PolledVenue
from app.feeds.ccxt_source import cancel
from app.feeds.market_feed import CcxtMarketFeed
from app.feeds.renewal import tells
from app.feeds.ring import Ring
from app.feeds.router import Router
from app.feeds.supervised import SupervisedVenue
from app.feeds.supervisor import StreamSupervisor
from app.feeds.track import Fault
from app.feeds.trade_check import TradeCheck
from app.feeds.venues import as_configured, facts_of
from app.feeds.watchdog import Watchdog
from app.log import get
from app.market import MarketId
from app.records import Stream
from app.settings import FeedSettings, VenueSettings

# Markets that fetch their first book at a time: more only fill the venue's rate limit.
_STARTS = 4
# Within this time a venue confirms the end of a subscription.
_PARTING_S = 1.0
_FIRST_ID = 1_000_000
_log = get("feeds")


def open_venue(
    name: str,
    venue: VenueSettings,
    feed: FeedSettings,
    ring: Ring,
    clock: Clock,
    rng: random.Random | None = None,
) -> VenueFeed:
    """A venue by the user's name for it; nothing is sent before its `open()`.

    Args:
        name: the venue's name in market ids.
        venue: `[venues.NAME]`; the name itself is the ccxt id where none is given.
        feed: how to judge and retry.
        ring: where all markets of the process write.
        clock: the time.
        rng: jitter of the back-off.

    Raises:
        MarketError: ccxt has no such exchange.
        FeedError: ccxt gives its book in no way, or the settings do not fit its constructor.
    """
    base, streams = exchange_class(name, venue.exchange or name, venue.poll)
    made = CcxtVenue if streams else PolledVenue
    return made(name, base, venue, feed, ring, clock, rng or random.Random())  # noqa: S311 (jitter)


class CcxtVenue(SupervisedVenue):
    """Implements `base.VenueFeed`, and what its supervisors ask of a venue."""

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
        exchange_id = venue.exchange or name
        super().__init__(name, clock, feed, facts_of(exchange_id), rng, _STARTS)
        self.first_timeout_s = self.open_timeout_s
        self._ring = ring
        self.router = Router(clock, exchange_id, self._rejected, self._drop_book, self._is_present)
        made = hooked(base, self.router, self._facts)
        self._construct(made, config_of(venue, feed, self._facts, self.router.family))
        self._facts = as_configured(self._facts, self.exchange.options)
        self._watchdog = Watchdog(
            clock, feed.stale_after_s, self._clients, self._silent, self._slept, self._compare
        )
        self.router.woke = self._watchdog.woke
        self._auditor = Auditor(
            self,
            clock,
            lambda: list(self._feeds.values()),
            self._facts,
            self.router.family.audit,
            self.router.family.only_whole,
            always=self.router.family.audit is not None,
        )
        self._book_check = BookCheck(self, clock, self._facts, self._beside)
        self._trade_check = TradeCheck(self, clock)
        self._closing: set[asyncio.Future[None]] = set()
        self._ids = count(_FIRST_ID)  # of requests that ccxt does not make

    @property
    def _fetches(self) -> bool:
        return self.router.fetches

    def _work(self) -> list[Callable[[], Awaitable[None]]]:
        return [*super()._work(), self._auditor.run]

    def add(self, market_id: MarketId, index: int) -> CcxtMarketFeed:
        """Start a supervised task for each stream of a market.

        Raises:
            MarketError: there is no such market, or it is there already.
        """
        self._check_new(market_id)
        market = self.resolve(market_id)
        family = self.router.family
        feed = CcxtMarketFeed(market, index, self._ring, self.clock, self._facts, family)
        feed.venue_ids = family.names(self.exchange.market(market_id.symbol))
        feed.status.has_trades = bool(self.exchange.has.get("watchTrades"))
        self.router.add(feed)
        supervisors = [
            self._supervisor(feed, stream, self._watch_of(feed.symbol, stream), self._detach)
            for stream in self._streams(feed)
        ]
        self._supervise(feed, supervisors)
        return feed

    async def remove(self, market_id: MarketId) -> None:
        """End a market's tasks without touching the others."""
        feed = self._feeds.pop(market_id, None)
        if feed is None:
            return
        supervisors = self._supervisors.pop(market_id)
        await cancel(self._tasks.pop(market_id))
        self.router.remove(feed)
        for supervisor in supervisors:
            client = supervisor.client
            owners = () if client is None else client.owners.values()
            alone = all(owner in supervisors for owner in owners)
            await self._let_go(supervisor, link=alone, leave=True)
            if client is not None:
                self.router.forget(client, feed)  # with what came until the venue was told
        release = getattr(self.exchange, "release", None)
        if release is not None:
            release(feed.symbol)
        self._drop_book(feed.symbol)
        for cache in (self.exchange.trades, self.exchange.bidsasks):
            cache.pop(feed.symbol, None)

    async def close(self) -> None:
        """End all tasks and connections."""
        self.router.closing = True
        await cancel(self._watching)  # the watchdog asks questions
        await self._book_check.close()
        await self._trade_check.close()
        await super().close()

    def _streams(self, feed: CcxtMarketFeed) -> list[Stream]:
        streams = [Stream.DEPTH]
        if self._facts.best is not None:
            streams.append(Stream.BEST)
        if feed.status.has_trades:
            streams.append(Stream.TRADES)
        return streams

    def _watch_of(self, symbol: str, stream: Stream) -> Callable[[], Awaitable[Any]]:
        exchange, limit = self.exchange, self._facts.depth_limit
        if stream is Stream.DEPTH:
            return lambda: exchange.watch_order_book(symbol, limit)
        if stream is Stream.BEST:
            return lambda: exchange.watch_bids_asks([symbol])
        return lambda: exchange.watch_trades(symbol)

    # Faults

    async def _detach(self, supervisor: StreamSupervisor, fault: Fault) -> None:
        """Let go of a subscription so that the next one begins with a new snapshot."""
        due, leaves = supervisor.renewal.due(fault), self.router.family.leaves
        on = (leaves and not due) or self._facts.resubscribes  # it begins anew where it is
        link = fault.link or (due and fault.stale) or not on
        if due and link:
            supervisor.renewal.done()
        await self._let_go(supervisor, link, sure=tells(fault))

    async def _let_go(
        self, supervisor: StreamSupervisor, link: bool, leave: bool = False, sure: bool = False
    ) -> None:
        """`leave` in any case; be `sure` that a book's updates have ended, or end the connection."""
        client = supervisor.client
        if client is None:
            return
        hashes = set(supervisor.hashes)
        supervisor.detach()
        depth = supervisor.track.stream is Stream.DEPTH
        if self.router.family.drains and not link:
            # The old book stands until then: what is on its way changes it, and nobody looks.
            parted = await client.leave(supervisor, next(self._ids), _PARTING_S)
            link = sure and depth and not parted
        for message_hash in hashes:
            if client.owners.get(message_hash) is supervisor:
                del client.owners[message_hash]
            client.subscriptions.pop(message_hash, None)
        client.forget(supervisor)
        if depth:
            self._forget_book(supervisor, client)
        if (leave or self.router.family.leaves) and not link:
            await client.leave(supervisor, next(self._ids))
        if link:
            self._kill(client, ccxt.NetworkError("the connection is opened again"))

    def _forget_book(self, supervisor: StreamSupervisor, client: HookedClient) -> None:
        symbol = MarketId.parse(supervisor.market).symbol
        self._drop_book(symbol)
        feed = self.router.feeds.get(symbol)
        if feed is not None:
            self.router.forget(client, feed)

    def _drop_book(self, symbol: str) -> None:
        book = self.exchange.orderbooks.pop(symbol, None)
        if book is not None:
            book.abandoned = True  # a snapshot for it may still be on its way

    def _is_present(self, symbol: str, book: WatchedBook) -> bool:
        return self.exchange.orderbooks.get(symbol) is book

    def _rejected(self, client: HookedClient, error: Exception, message_hash: Any) -> None:
        """Told by the hook: one subscription failed, or all of a connection."""
        if message_hash is None:
            self._lose_link(client, self._link_fault(client, error))
            self._kill(client, error)
            return
        owner = client.owners.get(str(message_hash))
        if isinstance(owner, StreamSupervisor):
            fault = owner.fault_of(error)
            owner.track.fail(replace(fault, asked=getattr(error, "asked", False)))

    def _link_fault(self, client: HookedClient, error: Exception) -> Fault:
        if isinstance(error, BookError):
            return Fault(error.reason, str(error), link=True)
        if client.isConnected and isinstance(error, ccxt.RequestTimeout):
            # ccxt missed answers to its pings before the watchdog's time was up.
            return self._silence((self.clock.now_ns() - client.heard_ns) / NS_PER_S)
        if client.isConnected:
            return Fault("reconnect", link=True)
        wait_s = sane_wait(client.last_retry_after)
        wait_s = retry_after_of(error) if wait_s is None else wait_s
        known = to_feed_error(self.title, error)
        if wait_s is not None:
            known = ThrottledError(f"{self.title} limits connections for {wait_s:g} s.", wait_s)
        return Fault("reconnect", str(known), link=True, error=known)

    @staticmethod
    def _silence(seconds: float) -> Fault:
        return Fault("reconnect", words.silent(seconds), link=True, stale=True)

    def _silent(self, client: HookedClient, seconds: float) -> None:
        self._lose_link(client, self._silence(seconds))
        self._kill(client, ccxt.RequestTimeout("the connection fell silent"))

    def _compare(self, stale_ns: int) -> None:
        self._tell_queue()
        for feed in self._feeds.values():
            feed.compare_streams(stale_ns)
        self._trade_check.look(self._feeds.values(), stale_ns)
        self._book_check.look(self._feeds.values(), stale_ns)

    def _beside(self, feed: CcxtMarketFeed) -> list[CcxtMarketFeed]:
        """The markets whose books come by the same connection as one's."""
        link = self._link_of(feed)
        others = [other for other in self._feeds.values() if other is not feed]
        return [other for other in others if link is not None and self._link_of(other) is link]

    def _link_of(self, feed: CcxtMarketFeed) -> HookedClient | None:
        supervisors = self._supervisors.get(feed.market.id, ())
        depth = feed.tracks[Stream.DEPTH]
        return next((s.client for s in supervisors if s.track is depth), None)

    def _slept(self, seconds: float) -> None:
        detail = f"This machine slept for {seconds:.0f} s."
        for client in self._clients():
            self._lose_link(client, Fault("machine slept", detail, link=True))
            self._kill(client, ccxt.NetworkError("this machine slept"))

    def _lose_link(self, client: HookedClient, fault: Fault) -> None:
        fault = replace(fault, alone=len(client.owners.markets) == 1)
        for owner in list(client.owners.values()):
            if isinstance(owner, StreamSupervisor):
                owner.track.fail(fault)

    def _kill(self, client: HookedClient, error: Exception) -> None:
        """Give a connection up for good: ccxt dials anew at the next subscription."""
        if client.dead:
            return
        client.dead = True
        client.error = client.error or error
        if self.exchange.clients.get(client.url) is client:
            del self.exchange.clients[client.url]
        # ccxt's own waits before dialling would come on top of ours.
        self.exchange.ws_dial_backoff = {}
        closing = asyncio.ensure_future(client.close())
        self._closing.add(closing)
        closing.add_done_callback(self._closed)

    def _closed(self, closing: asyncio.Future[None]) -> None:
        self._closing.discard(closing)
        if not closing.cancelled() and (error := closing.exception()) is not None:
            _log.info("a lost connection did not close cleanly", error=repr(error)[:200])

    def _clients(self) -> list[HookedClient]:
        return list((self.exchange.clients or {}).values())
