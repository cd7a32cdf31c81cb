"""Asks a venue for the books of markets that are remarkably silent on a link that lives."""

import asyncio
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from app.clock import NS_PER_S, Clock
from app.errors import FeedError, VenueDownError
from app.feeds import words
from app.feeds.audit import Place, Tape, Top, fetched, says_nothing, suspects
from app.feeds.ccxt_errors import is_unknown_market, is_wrong_request, to_feed_error
from app.feeds.ccxt_source import cancel
from app.feeds.dispute import Dispute
from app.feeds.market_feed import CcxtMarketFeed
from app.feeds.numbers import copied
from app.feeds.rules.base import Audit
from app.feeds.supervised import SupervisedVenue
from app.feeds.track import Fault
from app.feeds.venues import VenueFacts
from app.log import get
from app.records import State, Stream

_QUESTION = Audit()
_MARGIN_S = 0.5  # what is on its way may still come
_UNANSWERED = 2  # questions about a silence, after which the book is not called live
_FAILING = 2  # markets in a row whose questions fail, after which it is the venue
_WRONG_NS = 3600 * NS_PER_S  # until a question that could not be asked is tried again
# Open at a time: at most so many, and no more than this share of the rate limit lets out in a second.
_MOST, _SHARE = 8, 0.5
_log = get("feeds")


@dataclass
class _Silence:
    """The present silence of a market, and what was asked about it."""

    feed: CcxtMarketFeed
    asked_ns: int = 0
    judged_ns: int = 0  # when a question was asked or failed
    held_ns: int = 0  # since when the venue wants no question, while its turn has come
    blamed_ns: int = 0  # when questions about others counted as its own
    unanswered: int = 0

    def for_s(self, now_ns: int) -> float:
        """How long it lasts."""
        return (now_ns - self.feed.pace.last_ns) / NS_PER_S


class BookCheck:
    """Silence alone is no fault: the venue's own book tells. Who waited longest is asked about first.

    A market whose book has moved on at the venue is subscribed again, and audited then: what differs also
    then is disputed. One about which nobody answers, and every other silent one on the connection that lost
    it, is stale until it speaks or an answer matches. Where a market cannot be asked about, its silence tells
    nothing.

    Args:
        venue: whose markets.
        clock: the time.
        facts: what the venue can be asked.
        beside: the markets whose books come by the same connection as one's.
    """

    def __init__(
        self,
        venue: SupervisedVenue,
        clock: Clock,
        facts: VenueFacts,
        beside: Callable[[CcxtMarketFeed], Collection[CcxtMarketFeed]] = lambda feed: (),
    ):
        self._venue, self._clock, self._facts, self._beside = venue, clock, facts, beside
        self._silent: dict[str, _Silence] = {}
        self._open: dict[str, asyncio.Task[None]] = {}
        self._wrong: dict[str, int] = {}  # markets that cannot be asked about, and until when
        self._failing: set[str] = set()  # markets whose questions failed since the venue answered
        self._stale_ns = 0

    def look(self, feeds: Iterable[CcxtMarketFeed], stale_ns: int) -> None:
        """Ask about those that are silent, as many as the rate limit bears."""
        self._stale_ns, now_ns = stale_ns, self._clock.now_ns()
        feeds = list(feeds)
        there = {feed.symbol for feed in feeds}
        self._wrong = {s: until_ns for s, until_ns in self._wrong.items() if s in there}
        feeds = [feed for feed in feeds if self._wrong.get(feed.symbol, 0) <= now_ns]
        self._silent = {
            feed.symbol: self._silent.get(feed.symbol) or _Silence(feed)
            for feed in feeds
            if _questionable(feed)
            and feed.pace.silence_ns(now_ns, stale_ns, doubted=feed.held is not None)
        }
        self._open = {s: task for s, task in self._open.items() if not task.done()}
        due = self._due(now_ns)
        if self._venue.questions_held:
            for silence in due:
                self._held(silence, now_ns)
            return
        for silence in due[: max(0, self._room() - len(self._open))]:
            silence.asked_ns = silence.judged_ns = now_ns
            silence.held_ns = 0
            self._open[silence.feed.symbol] = asyncio.ensure_future(self._question(silence))

    def _held(self, silence: _Silence, now_ns: int) -> None:
        """A hold is no answer, nor a failure: it tells when it made the silence twice as long."""
        silence.held_ns = silence.held_ns or now_ns
        if now_ns - silence.held_ns >= silence.held_ns - silence.feed.pace.last_ns:
            self._stale(silence.feed, words.unanswerable(silence.for_s(now_ns)))

    def _due(self, now_ns: int) -> list[_Silence]:
        due = [
            silence
            for symbol, silence in self._silent.items()
            if now_ns - silence.judged_ns >= self._stale_ns and symbol not in self._open
        ]
        return sorted(due, key=lambda silence: silence.asked_ns)

    def _room(self) -> int:
        """How many questions may be open."""
        each_s = float(self._venue.exchange.rateLimit or 0.0) / 1000.0
        return max(1, min(_MOST, int(_SHARE / each_s))) if each_s else _MOST

    async def close(self) -> None:
        """End the questions that are not answered."""
        await cancel(self._open.values())

    async def _question(self, silence: _Silence) -> None:
        """Does the market's book still move at the venue?"""
        feed = silence.feed
        track, last_ns = feed.tracks[Stream.DEPTH], feed.pace.last_ns
        try:
            found = await self._found(feed)
            moved = found if feed.dispute is None else feed.dispute.new(found)
            if moved:
                await self._clock.sleep(_MARGIN_S)
        except Exception as error:  # whatever the venue's code raises
            self._not_answered(silence, error, last_ns)
            return
        now_ns = self._clock.now_ns()
        if feed.pace.last_ns != last_ns or not _questionable(feed):
            return  # it has spoken meanwhile, or was lost otherwise
        if moved:
            beside = self._beside(feed)
            feed.dispute = feed.dispute or Dispute()
            feed.dispute.rebuilds(found)
            track.fail(Fault("audit", words.moved_on(silence.for_s(now_ns)), stale=True))
            self._doubt(beside, now_ns)
            return
        feed.pace.excuse(now_ns)
        if track.state is State.STALE and feed.held is None:
            detail = words.disputed(words.prices(len(found))) if found else ""
            track.enter(State.LIVE, detail, now_ns)

    async def _found(self, feed: CcxtMarketFeed) -> frozenset[Place]:
        """Where the venue's own book differs from ours; raises what is no answer."""
        ours = _top_of(feed)
        answer = await fetched(self._venue.exchange, self._facts, feed.symbol, _QUESTION)
        self._failing = set()
        found = suspects(answer, Tape([ours]))
        if says_nothing(answer, found):
            raise FeedError(words.no_level(self._venue.title))
        return found

    def _not_answered(self, silence: _Silence, error: Exception, last_ns: int) -> None:
        feed = silence.feed
        if is_wrong_request(error) and not is_unknown_market(error):
            self._cannot_ask(feed, error)
            return
        known = self._venue.not_answered(error)
        down = isinstance(known, VenueDownError)
        self._failing = self._failing | {feed.symbol} if down else set()
        feed.status.audits_unanswered += 1
        _log.info("silence not answered", market=str(feed.market.id), error=str(known))
        if feed.pace.last_ns != last_ns or not _questionable(feed):
            return
        now_ns = self._clock.now_ns()
        if is_unknown_market(error):
            said = f"{words.gone(silence.for_s(now_ns)).rstrip('.')}: {known}"
            fault = Fault("audit", said, stale=True, error=FeedError(said))
            feed.tracks[Stream.DEPTH].fail(fault)
            return
        silence.judged_ns = now_ns
        self._unproved(silence, now_ns)
        if len(self._failing) >= _FAILING:
            self._blame(now_ns)

    def _cannot_ask(self, feed: CcxtMarketFeed, error: Exception) -> None:
        """An answer of no book at all says nothing of this one, nor will the next."""
        if feed.symbol not in self._wrong:
            known = to_feed_error(self._venue.title, error)
            _log.info("silence cannot be asked about", market=str(feed.market.id), error=str(known))
        self._wrong[feed.symbol] = self._clock.now_ns() + _WRONG_NS
        self._failing = set()

    def _blame(self, now_ns: int) -> None:
        """The venue answers nobody: that counts for those too that wait for their turn, and keep it."""
        for other in self._due(now_ns):
            if now_ns - max(other.judged_ns, other.blamed_ns) >= self._stale_ns:
                other.blamed_ns = now_ns
                self._unproved(other, now_ns)

    def _unproved(self, silence: _Silence, now_ns: int) -> None:
        """A question about a silence was not answered."""
        silence.unanswered += 1
        if silence.unanswered >= _UNANSWERED:
            self._stale(silence.feed, words.unanswerable(silence.for_s(now_ns)))

    def _doubt(self, beside: Collection[CcxtMarketFeed], now_ns: int) -> None:
        """A connection has lost the stream of one market: silence of the others means more than before."""
        for silence in self._silent.values():
            if silence.feed in beside:
                silence.judged_ns = 0
                self._stale(silence.feed, words.doubted(silence.for_s(now_ns)))

    def _stale(self, feed: CcxtMarketFeed, detail: str) -> None:
        """Nobody can say whether the book is the venue's: it is not called live, nor is it dropped."""
        track, now_ns = feed.tracks[Stream.DEPTH], self._clock.now_ns()
        silent = feed.pace.silence_ns(now_ns, self._stale_ns)
        if track.state is State.LIVE and silent and _questionable(feed):
            track.enter(State.STALE, detail, now_ns)


def _questionable(feed: CcxtMarketFeed) -> bool:
    """Whether there is a book of which it can be asked if the venue's has moved on."""
    track = feed.tracks[Stream.DEPTH]
    there = track.state in (State.LIVE, State.STALE) and not track.in_gap
    return track.fault is None and (there or feed.held is not None)


def _top_of(feed: CcxtMarketFeed) -> Top:
    if feed.held is not None:
        return feed.held
    view = feed.book()
    if view is None:
        return (), ()
    levels = 4 * _QUESTION.compared
    return copied(view.bids[:levels]), copied(view.asks[:levels])
