"""Asks venues for their books from time to time, where updates prove nothing."""

from collections.abc import Callable, Iterable

from app.clock import NS_PER_S, Clock
from app.feeds.audit import Place, fetched, suspects
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
        self._facts, self._audit = facts, audit or Audit()
        self._every_s = every_s
        self._audited_ns: dict[str, int] = {}
        # Markets whose book differed although it had just been built anew: counted, not built again.
        self._disputed: set[str] = set()

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

    async def _ask(self, feed: CcxtMarketFeed) -> frozenset[Place] | None:
        """One request: the places where the answer fits none of our states; None without an answer."""
        audit = self._audit
        with feed.taped(2 * audit.compared, audit.proved) as tape:
            await self._clock.sleep(_MARGIN_S)
            try:
                answer = await fetched(self._venue.exchange, self._facts, feed.symbol, audit)
            except Exception as error:  # whatever the venue's code raises is no verdict on the book
                self._failed(feed, error)
                return None
            await self._clock.sleep(_MARGIN_S)
            return suspects(answer, tape, proved=feed.checked)

    def _failed(self, feed: CcxtMarketFeed, error: Exception) -> None:
        """No answer is no verdict on a book."""
        known = self._venue.not_answered(error)
        feed.status.audits_unanswered += 1
        _log.info("audit not answered", market=str(feed.market.id), error=str(known))


def _trusted(feed: CcxtMarketFeed) -> bool:
    track = feed.tracks[Stream.DEPTH]
    return track.state is State.LIVE and track.fault is None and not track.in_gap
