"""Asks venues for their books: where updates prove nothing, market by market; and of one that fell silent."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from app.clock import NS_PER_S, Clock
from app.errors import FeedError
from app.feeds import words
from app.feeds.audit import Place, Tape, Top, suspects
from app.feeds.ccxt_errors import is_unknown_market, to_feed_error
from app.feeds.ccxt_source import cancel
from app.feeds.market_feed import CcxtMarketFeed
from app.feeds.numbers import copied
from app.feeds.rules.base import Audit
from app.feeds.supervised import SupervisedVenue
from app.feeds.track import Fault
from app.feeds.venues import VenueFacts
from app.log import get
from app.records import State, Stream

_TRIES = 3
_QUESTION = Audit()  # of a market that fell silent
# Our states are kept from this long before a request until this long after its answer.
_MARGIN_S = 0.5
_EVERY_S = 60.0
# Audits take at most this share of the venue's rate limit.
_SHARE = 0.2
_log = get("feeds")


class Auditor:
    """One audit at a time, the market that waited longest first.

    Args:
        venue: whose markets; while one of them waits for its first book, audits wait.
        feeds: the markets there are now.
        facts: what the venue can be asked.
        audit: how much is compared.
        every_s: how often each market is audited, where the rate limit allows it.
    """

    def __init__(
        self,
        venue: SupervisedVenue,
        clock: Clock,
        feeds: Callable[[], Iterable[CcxtMarketFeed]],
        facts: VenueFacts,
        audit: Audit | None = None,
        every_s: float = _EVERY_S,
    ):
        self._venue, self._clock, self._feeds = venue, clock, feeds
        self._facts, self._audit = facts, audit or _QUESTION
        self._every_s = every_s
        self._audited_ns: dict[str, int] = {}
        # Markets whose book differed although it had just been built anew: counted, not built again.
        self._disputed: set[str] = set()
        self._asked_ns: dict[str, int] = {}
        self._asking: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._clock.sleep(self._pause_s())
            feed = self._next()
            if feed is None:
                continue
            try:
                await self.audit(feed)
            except Exception as error:  # one market's answer must not end the audits of all
                self._failed(feed, error)

    def _pause_s(self) -> float:
        """Between two audits: spread over the period, within a share of the rate limit."""
        markets = sum(1 for _ in self._feeds())
        least_s = float(self._venue.exchange.rateLimit or 0.0) / 1000.0 / _SHARE
        return max(self._every_s / max(1, markets), least_s, 2.0 * _MARGIN_S)

    def _next(self) -> CcxtMarketFeed | None:
        """Whose turn it is, if now is a time to ask."""
        now_ns = self._clock.now_ns()
        if self._busy() or self._venue.questions_held:
            return None
        live = {feed.symbol: feed for feed in self._feeds() if _trusted(feed) and self._open(feed)}
        self._audited_ns = {s: t for s, t in self._audited_ns.items() if s in live}
        due_ns = now_ns - round(self._every_s * NS_PER_S)
        turns = [(self._audited_ns.get(symbol, 0), symbol) for symbol in live]
        last_ns, symbol = min(turns, default=(now_ns, ""))
        return live[symbol] if symbol and last_ns <= due_ns else None

    def _open(self, feed: CcxtMarketFeed) -> bool:
        """Whether anything of the market's book is left to compare."""
        return not feed.checked or self._audit.proved < self._audit.compared

    def _busy(self) -> bool:
        starting = any(feed.tracks[Stream.DEPTH].state is State.STARTING for feed in self._feeds())
        return bool(self._venue.queued) or starting

    async def audit(self, feed: CcxtMarketFeed) -> None:
        """Compare a market's book with the venue's answer, again where they differ."""
        self._audited_ns[feed.symbol] = self._clock.now_ns()
        track = feed.tracks[Stream.DEPTH]
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
        else:
            self._disputed.discard(feed.symbol)

    def _differs(self, feed: CcxtMarketFeed, places: frozenset[Place]) -> None:
        feed.status.audit_differences += 1
        where = "one price" if len(places) == 1 else f"{len(places)} prices"
        detail = f"The book differed from the venue's own at {where} when asked for it."
        _log.warning("audit", market=str(feed.market.id), detail=detail)
        if feed.symbol in self._disputed:
            return  # a new book differed too: the venue's two answers do not agree with each other
        self._disputed.add(feed.symbol)
        feed.tracks[Stream.DEPTH].fail(Fault("audit", detail))

    def suspect(self, feed: CcxtMarketFeed, stale_ns: int) -> None:
        """Ask about a market that is remarkably silent on a link that lives; one question at a time."""
        now_ns = self._clock.now_ns()
        silent_ns = feed.pace.silence_ns(now_ns, stale_ns, doubted=feed.held is not None)
        busy = self._asking is not None and not self._asking.done()
        if not silent_ns or busy or self._venue.questions_held or not _questionable(feed):
            return
        if now_ns - self._asked_ns.get(feed.symbol, 0) < stale_ns:
            return
        self._asked_ns[feed.symbol] = now_ns
        self._asking = asyncio.ensure_future(self._question(feed, silent_ns / NS_PER_S))

    async def close(self) -> None:
        """End a question that is not answered."""
        if self._asking is not None:
            await cancel([self._asking])

    async def _question(self, feed: CcxtMarketFeed, silent_s: float) -> None:
        """Does the market's book still move at the venue?"""
        track = feed.tracks[Stream.DEPTH]
        last_ns = track.last_ns
        ours = _top_of(feed)
        try:
            answer = await self._fetch(feed, _QUESTION)
        except Exception as error:  # whatever the venue's code raises
            self._failed(feed, error)
            gone = is_unknown_market(error)
            if gone and track.last_ns == last_ns and _questionable(feed):
                known = to_feed_error(self._venue.title, error)
                said = f"{words.gone(silent_s).rstrip('.')}: {known}"
                track.fail(Fault("audit", said, stale=True, error=FeedError(said)))
            return
        moved = ours is None or bool(suspects(answer, Tape([ours])))
        if moved:
            await self._clock.sleep(_MARGIN_S)  # what is on its way may still come
        if track.last_ns != last_ns or not _questionable(feed):
            return
        if moved:
            track.fail(Fault("audit", words.moved_on(silent_s + _MARGIN_S), stale=True))
        else:
            feed.pace.excuse(self._clock.now_ns())

    async def _ask(self, feed: CcxtMarketFeed) -> frozenset[Place] | None:
        """One request: the places where the answer fits none of our states; None without an answer."""
        audit = self._audit
        with feed.taped(2 * audit.compared, audit.proved) as tape:
            await self._clock.sleep(_MARGIN_S)
            try:
                answer = await self._fetch(feed, audit)
            except Exception as error:  # whatever the venue's code raises is no verdict on the book
                self._failed(feed, error)
                return None
            await self._clock.sleep(_MARGIN_S)
            return suspects(answer, tape, proved=feed.checked)

    async def _fetch(self, feed: CcxtMarketFeed, audit: Audit) -> Top:
        """The venue's best levels, as many as are compared; raises whatever its code raises."""
        asked, asked_with = audit.asked or self._facts.asked_levels, dict(self._facts.asked_with)
        answer = await self._venue.exchange.fetch_order_book(feed.symbol, asked, asked_with)
        return _best(answer, audit.compared)

    def _failed(self, feed: CcxtMarketFeed, error: Exception) -> None:
        """No answer is no verdict on a book."""
        known = self._venue.not_answered(error)
        feed.status.audits_unanswered += 1
        _log.info("audit not answered", market=str(feed.market.id), error=str(known))


def _trusted(feed: CcxtMarketFeed) -> bool:
    track = feed.tracks[Stream.DEPTH]
    return track.state is State.LIVE and track.fault is None and not track.in_gap


def _questionable(feed: CcxtMarketFeed) -> bool:
    """Whether there is a book of which it can be asked if the venue's has moved on."""
    return _trusted(feed) or (feed.held is not None and feed.tracks[Stream.DEPTH].fault is None)


def _top_of(feed: CcxtMarketFeed) -> Top | None:
    if feed.held is not None:
        return feed.held
    view = feed.book()
    if view is None:
        return None
    levels = 4 * _QUESTION.compared
    return copied(view.bids[:levels]), copied(view.asks[:levels])


def _best(book: Any, levels: int) -> Top:
    return copied(book["bids"][:levels]), copied(book["asks"][:levels])
