"""Asks venues for their books from time to time, where updates prove nothing."""

import asyncio
from collections.abc import Callable, Iterable

from app.clock import NS_PER_S, Clock
from app.errors import FeedError
from app.feeds import words
from app.feeds.audit import Place, fetched, says_nothing, suspects
from app.feeds.ccxt_source import cancel
from app.feeds.dispute import Dispute
from app.feeds.market_feed import CcxtMarketFeed
from app.feeds.rules.base import Audit
from app.feeds.supervised import SupervisedVenue
from app.feeds.track import Fault
from app.feeds.venues import VenueFacts
from app.log import get
from app.records import State, Stream

_TRIES = 3
# Our states are kept from this long before a request until this long after its answer.
_MARGIN_S = 0.5
_SAMPLED_MARGIN_S = (
    1.5  # where the stream shows some states only: for two or three of them on each side
)
_EVERY_S = 60.0
# Audits take at most this share of the venue's rate limit.
_SHARE = 0.2
# Open at a time: while one waits for its margins others ask, and each keeps what its book had meanwhile.
_MOST = 8
_LOOK_S = 1.0
_HASTE = 0.9  # of the period, within which all have their turn: a look comes late now and then
_RARER = 1.25  # a period that is longer by so much is told
_log = get("feeds")


class Auditor:
    """Audits begin one by one, the market that waited longest first; their waits overlap.

    Args:
        venue: whose markets; while one of them waits for its first book, audits wait.
        feeds: the markets there are now.
        facts: what the venue can be asked.
        audit: how much is compared.
        sampled: whether the stream shows only some of the states that books had.
        always: whether every market is audited; if not, only those whose book differed from the venue's own.
        every_s: how often each market is audited, where the rate limit allows it.
    """

    def __init__(
        self,
        venue: SupervisedVenue,
        clock: Clock,
        feeds: Callable[[], Iterable[CcxtMarketFeed]],
        facts: VenueFacts,
        audit: Audit | None = None,
        sampled: bool = False,
        always: bool = True,
        every_s: float = _EVERY_S,
    ):
        self._venue, self._clock, self._feeds = venue, clock, feeds
        self._facts, self._audit = facts, audit or Audit()
        self._sampled, self._margin_s = sampled, _SAMPLED_MARGIN_S if sampled else _MARGIN_S
        self._always, self._every_s = always, every_s
        self._told_s = every_s
        self._audited_ns: dict[str, int] = {}
        self._open: dict[str, asyncio.Task[None]] = {}
        self._asked = 0  # requests since the last look

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                await self._clock.sleep(self._pause_s())
                self._open = {s: task for s, task in self._open.items() if not task.done()}
                feed = self._next()
                if feed is not None:
                    self._open[feed.symbol] = asyncio.ensure_future(self._try(feed))
        finally:
            await cancel(self._open.values())

    async def _try(self, feed: CcxtMarketFeed) -> None:
        try:
            await self.audit(feed)
        except Exception as error:  # one market's answer must not end the audits of all
            self._failed(feed, error)

    def _pause_s(self) -> float:
        """Between two looks: spread over the period, within a share of the rate limit."""
        markets = max(1, sum(self._audits(feed) for feed in self._feeds()))
        request_s = float(self._venue.exchange.rateLimit or 0.0) / 1000.0 / _SHARE
        self._tell_period(markets, markets * request_s)
        asked, self._asked = max(1, self._asked), 0
        return max(min(_LOOK_S, _HASTE * self._every_s / markets), asked * request_s)

    def _tell_period(self, markets: int, period_s: float) -> None:
        if period_s > _RARER * self._told_s:
            self._told_s = period_s
            name = self._venue.name
            _log.info("audits are rarer", venue=name, markets=markets, every_s=round(period_s))

    def _next(self) -> CcxtMarketFeed | None:
        """Whose turn it is, if now is a time to ask: first of those that were built anew."""
        now_ns = self._clock.now_ns()
        if self._busy() or self._venue.questions_held:
            return None
        there = {feed.symbol: feed for feed in self._feeds()}
        self._audited_ns = {s: t for s, t in self._audited_ns.items() if s in there}
        free = {s: f for s, f in there.items() if s not in self._open}
        ready = {s: f for s, f in free.items() if self._audits(f) and _trusted(f)}
        for feed in ready.values():
            if feed.dispute is not None and feed.dispute.due:
                return feed
        due_ns = now_ns - round(self._every_s * NS_PER_S)
        turns = [(self._audited_ns.get(symbol, 0), symbol) for symbol in ready]
        last_ns, symbol = min(turns, default=(now_ns, ""))
        return ready[symbol] if symbol and last_ns <= due_ns else None

    def _audits(self, feed: CcxtMarketFeed) -> bool:
        """Whether anything of a market's book is left to compare."""
        proved = feed.checked and self._audit.proved >= self._audit.compared
        return feed.dispute is not None or (self._always and not proved)

    def _busy(self) -> bool:
        starting = any(feed.tracks[Stream.DEPTH].state is State.STARTING for feed in self._feeds())
        return bool(self._venue.queued) or starting or len(self._open) >= _MOST

    async def audit(self, feed: CcxtMarketFeed) -> None:
        """Compare a market's book with the venue's answer, again where they differ."""
        track = feed.tracks[Stream.DEPTH]
        self._audited_ns[feed.symbol] = self._clock.now_ns()
        if feed.dispute is not None:
            feed.dispute.due = False
        epoch = track.epoch
        places: frozenset[Place] | None = None
        for _ in range(_TRIES):
            found = await self._ask(feed)
            if found is None or track.epoch != epoch or not _trusted(feed):
                return  # no answer, or the book was built anew meanwhile
            places = found if places is None else places & found
            if not places:
                break
        feed.status.audits += 1
        if places:
            self._differs(feed, places)
        elif feed.dispute is not None:
            feed.dispute = None
            track.enter(State.LIVE, "", self._clock.now_ns())

    def _differs(self, feed: CcxtMarketFeed, places: frozenset[Place]) -> None:
        track, now_ns = feed.tracks[Stream.DEPTH], self._clock.now_ns()
        feed.status.audit_differences += 1
        feed.dispute = feed.dispute or Dispute()
        mends = feed.dispute.differs(places, now_ns)
        where = words.prices(len(places))
        detail = f"The book differed from the venue's own at {where} when asked for it."
        _log.warning("audit", market=str(feed.market.id), detail=detail, rebuilt=mends)
        if mends:
            track.fail(Fault("audit", detail))
        else:
            track.enter(State.LIVE, words.disputed(where), now_ns)

    async def _ask(self, feed: CcxtMarketFeed) -> frozenset[Place] | None:
        """One request: the places where the answer fits none of our states; None without an answer."""
        audit = self._audit
        open_ = frozenset[Place]() if feed.dispute is None else feed.dispute.places
        with feed.taped(2 * audit.compared, audit.proved) as tape:
            await self._clock.sleep(self._margin_s)
            self._asked += 1
            try:
                answer = await fetched(self._venue.exchange, self._facts, feed.symbol, audit)
            except Exception as error:  # whatever the venue's code raises is no verdict on the book
                self._failed(feed, error)
                return None
            await self._clock.sleep(self._margin_s)
        found = suspects(answer, tape, proved=feed.checked, sampled=self._sampled, open_=open_)
        if says_nothing(answer, found):
            self._failed(feed, FeedError(words.no_level(self._venue.title)))
            return None
        return found

    def _failed(self, feed: CcxtMarketFeed, error: Exception) -> None:
        """No answer is no verdict on a book."""
        known = self._venue.not_answered(error)
        feed.status.audits_unanswered += 1
        _log.info("audit not answered", market=str(feed.market.id), error=str(known))


def _trusted(feed: CcxtMarketFeed) -> bool:
    track = feed.tracks[Stream.DEPTH]
    return track.state is State.LIVE and track.fault is None and not track.in_gap
