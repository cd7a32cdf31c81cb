"""One market that is asked for its book and trades: what a sample shows, and what it cannot."""

from collections import OrderedDict, deque
from typing import Any, Final

from app.clock import NS_PER_MS, NS_PER_S, Clock
from app.feeds import words
from app.feeds.market_feed import CcxtMarketFeed
from app.feeds.ring import Ring
from app.feeds.stillness import Stillness
from app.feeds.track import Fault
from app.feeds.venues import VenueFacts
from app.market import Market
from app.records import State, Stream

BOOK_NS: Final = NS_PER_S // 2
TRADES_NS: Final = NS_PER_S
_SLOW_NS: Final = NS_PER_S + NS_PER_S // 4  # a second was promised; beyond it the reason is said
_PERIODS: Final = 16  # between two books, of which the mean is shown
_BOOKS_PER_TRADES: Final = 3  # where turns are rare, books come before trades
_TRADES_KEPT: Final = 10_000
_OLDER: Final = 3  # older answers in a row, and no other for as long as makes a stream stale


class PolledBook(dict[str, Any]):
    """An answer in the shape that `CcxtMarketFeed` takes: each is a whole book."""

    fresh = True
    by_order = False


class PolledMarketFeed(CcxtMarketFeed):
    """Takes answers instead of what the hook reports; the rules are the same."""

    def __init__(self, market: Market, index: int, ring: Ring, clock: Clock, facts: VenueFacts):
        super().__init__(market, index, ring, clock, facts)
        # Between two answers nothing was heard: trades are known up to the last one of them.
        self.tracks[Stream.TRADES].quiet_is_whole = False
        self._answers = 0
        self._nonce = -1
        self._older = 0  # answers in a row that were older than what is known
        self._still, self._frozen = Stillness(), False
        self._periods: deque[int] = deque(maxlen=_PERIODS)
        self._listed: OrderedDict[Any, None] | None = None

    def take_book(self, answer: dict[str, Any]) -> None:
        """A book was sent."""
        now_ns, track = self._clock.now_ns(), self.tracks[Stream.DEPTH]
        nonce = answer.get("nonce")
        if isinstance(nonce, int) and nonce < self._nonce:
            # An older book from a cache of the venue's: the next answer tells.
            self.status.rejected["snapshot"] += 1
            self._older += 1
            return
        self._older = 0
        self._frozen = self._still.same(answer) and self._frozen
        if self._frozen:
            return
        before_ns = 0 if track.in_gap else track.last_ns
        self._answers += 1
        self._whole = True
        book: Any = PolledBook(answer)
        self.on_book(book, (self._answers, ""), now_ns, None)
        if track.fault is not None:
            return
        self._nonce = nonce if isinstance(nonce, int) else -1
        if before_ns:
            self._periods.append(now_ns - before_ns)
            self.status.period_ms = self.period_ns / NS_PER_MS

    @property
    def period_ns(self) -> int:
        """The achieved time between two books; 0 before there were two."""
        return sum(self._periods) // len(self._periods) if self._periods else 0

    def judge_age(self, stale_ns: int) -> None:
        """Answers that stay older are no cache's: the venue numbers its books anew, and so do we. Those that
        stay the same while trades go on are one's."""
        track = self.tracks[Stream.DEPTH]
        silent_ns = self._clock.now_ns() - track.last_ns
        if self._older >= _OLDER and silent_ns > stale_ns and track.fault is None:
            track.fail(Fault("sequence", words.renumbered(silent_ns / NS_PER_S)))
        elif track.state is State.LIVE and self._still.lasts(self._clock.now_ns(), stale_ns):
            self._freeze()

    def _freeze(self) -> None:
        """The same book comes again and again while trades go on: nothing of it counts until it moves."""
        track, self._frozen = self.tracks[Stream.DEPTH], True
        self.status.rejected["snapshot"] += 1
        track.lose(Fault("snapshot", words.frozen()))
        track.enter(State.STALE, words.frozen(), self._clock.now_ns())

    def tell_pace(self, venue: str, markets: int) -> None:
        """Say what keeps the book from being asked for every second."""
        track = self.tracks[Stream.DEPTH]
        if track.state is State.LIVE:
            slow = self.period_ns > _SLOW_NS
            detail = words.slow(venue, self.period_ns / NS_PER_S, markets) if slow else ""
            track.enter(State.LIVE, detail, self._clock.now_ns())

    def take_trades(self, answer: list[dict[str, Any]]) -> None:
        """The venue's latest trades were sent; most were sent before."""
        now_ns, track = self._clock.now_ns(), self.tracks[Stream.TRADES]
        if track.fault is not None:
            return
        first = self._listed is None
        listed = self._listed = self._listed or OrderedDict()
        keyed = dict(zip(_keys(answer), answer, strict=True))
        news = [trade for key, trade in keyed.items() if key not in listed]
        if listed and news and len(news) == len(keyed):
            track.lose(Fault("sequence", words.overlap_lost()))
        for key in keyed:
            listed[key] = None
            listed.move_to_end(key)
        while len(listed) > _TRADES_KEPT:
            listed.popitem(last=False)
        if not first:  # what the first answer lists happened before
            self._still.printed(news, now_ns)
            self.on_trades(news, now_ns)
        if track.fault is None:
            track.good(now_ns)

    def begin_anew(self, stream: Stream) -> None:
        """A stream is about to be asked for again: what happened meanwhile came too late."""
        super().begin_anew(stream)
        if stream is Stream.TRADES:
            self._listed = None
        if stream is Stream.DEPTH:
            self._nonce, self._older = -1, 0
            self._still, self._frozen = Stillness(), False
            self._periods.clear()

    def book_every_ns(self) -> int:
        """The least time between two books."""
        return BOOK_NS

    def trades_every_ns(self) -> int:
        """The least time between two lists of trades."""
        return max(TRADES_NS, _BOOKS_PER_TRADES * self.period_ns)


def _keys(trades: list[dict[str, Any]]) -> list[Any]:
    """What tells a trade from others: the venue's id, else all of it and which of its likes it is."""
    found: list[Any] = []
    alike: dict[Any, int] = {}
    for trade in trades:
        key: Any = trade.get("id")
        if key is None:
            key = tuple(trade.get(name) for name in ("timestamp", "price", "amount", "side"))
            alike[key] = alike.get(key, 0) + 1
            key = (*key, alike[key])
        found.append(key)
    return found
