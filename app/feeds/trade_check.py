"""Asks a venue for its latest trades where the stream of a market's trades is remarkably silent."""

import asyncio
from collections.abc import Iterable

from app.clock import NS_PER_S, Clock
from app.feeds import words
from app.feeds.ccxt_source import cancel
from app.feeds.market_feed import CcxtMarketFeed
from app.feeds.prints import Verdict, newest_ms
from app.feeds.supervised import SupervisedVenue
from app.feeds.track import Fault
from app.log import get
from app.records import State, Stream

_MARGIN_S = 0.5  # what is on its way may still come
_log = get("feeds")


class TradeCheck:
    """One question at a time; silence alone is never a fault.

    Trades that the venue lists and the stream did not tell are: the stream is subscribed again, and stale
    until it speaks or two lists in a row show that there was nothing to tell.
    """

    def __init__(self, venue: SupervisedVenue, clock: Clock):
        self._venue, self._clock = venue, clock
        self._asking: asyncio.Task[None] | None = None

    def look(self, feeds: Iterable[CcxtMarketFeed], stale_ns: int) -> None:
        """Ask about a market whose book goes on while its trades are silent beyond their habit: of several,
        about the one that was asked about the longest ago."""
        for feed in sorted(feeds, key=lambda feed: feed.prints.asked_ns):
            self._suspect(feed, stale_ns)

    def _suspect(self, feed: CcxtMarketFeed, stale_ns: int) -> None:
        if not _judged(feed):
            return
        track, prints, now_ns = feed.tracks[Stream.TRADES], feed.prints, self._clock.now_ns()
        prints.begin(track.subscribed_ns)
        silent_ns = prints.pace.silence_ns(now_ns, stale_ns)
        if track.mute and now_ns - prints.pace.last_ns > stale_ns:
            silent_ns = now_ns - prints.pace.last_ns  # it has to prove itself
        if not silent_ns or now_ns - prints.asked_ns < stale_ns or self._busy():
            return
        prints.asked_ns = now_ns
        if self._venue.exchange.has.get("fetchTrades"):
            self._asking = asyncio.ensure_future(self._question(feed, silent_ns / NS_PER_S))
        else:
            self._unproved(feed, silent_ns / NS_PER_S)

    async def close(self) -> None:
        """End a question that is not answered."""
        if self._asking is not None:
            await cancel([self._asking])

    def _busy(self) -> bool:
        """Whether a question is open, the venue wants none, or markets wait for their start."""
        open_ = self._asking is not None and not self._asking.done()
        return self._venue.questions_held or open_ or bool(self._venue.queued)

    async def _question(self, feed: CcxtMarketFeed, silent_s: float) -> None:
        """Has the venue printed any trade that we were not told of?"""
        track, prints = feed.tracks[Stream.TRADES], feed.prints
        before = prints.count, prints.begun_ns
        try:
            listed_ms = newest_ms(await self._venue.exchange.fetch_trades(feed.symbol))
        except Exception as error:  # whatever the venue's code raises is no verdict on the stream
            known = self._venue.not_answered(error)
            _log.info("trades not answered", market=str(feed.market.id), error=str(known))
            self._unproved(feed, silent_s)
            return
        await self._clock.sleep(_MARGIN_S)
        if before != (prints.count, prints.begun_ns) or not _judged(feed):
            return  # it has spoken meanwhile, or was lost otherwise
        if listed_ms is None:
            self._unproved(feed, silent_s)
            return
        verdict, now_ns = prints.compare(listed_ms), self._clock.now_ns()
        if verdict is Verdict.MISSED:
            detail = words.trades_missed(silent_s + _MARGIN_S)
            track.fail(Fault("reconnect", detail, stale=True))
        elif verdict is Verdict.WHOLE:
            prints.pace.excuse(now_ns)
            track.good(now_ns)

    def _unproved(self, feed: CcxtMarketFeed, silent_s: float) -> None:
        """Nobody can say whether the stream lives: it is not called live, nor is it called dead."""
        track = feed.tracks[Stream.TRADES]
        if track.state is State.LIVE and _judged(feed):
            now_ns = self._clock.now_ns()
            track.enter(State.STARTING, words.trades_unproved(silent_s), now_ns)


def _judged(feed: CcxtMarketFeed) -> bool:
    """Whether the market's book is whole and its trades have been asked for."""
    depth, trades = feed.tracks[Stream.DEPTH], feed.tracks[Stream.TRADES]
    return depth.whole and trades.fault is None and trades.subscribed.is_set()
