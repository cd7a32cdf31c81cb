"""Routes what a hooked exchange reports to the market it belongs to."""

from collections.abc import Callable
from typing import Any

from app.clock import Clock
from app.errors import BookError
from app.feeds.ccxt_errors import cause_of
from app.feeds.ccxt_hook import HookedClient, WatchedBook
from app.feeds.market_feed import CcxtMarketFeed
from app.feeds.sequence import RULES, Hole, SequenceChecker
from app.feeds.track import Fault
from app.log import get
from app.records import Stream

_log = get("feeds")
_UNKNOWN = -1
Rejected = Callable[[HookedClient, Exception, Any], None]


class Router:
    """Implements `ccxt_hook.Observer` for all connections of a venue.

    Args:
        clock: stamps each frame once, when it is taken from the socket.
        exchange_id: which sequence rule holds.
        rejected: told of failed subscriptions and connections.
    """

    def __init__(self, clock: Clock, exchange_id: str, rejected: Rejected):
        self.feeds: dict[str, CcxtMarketFeed] = {}
        self.closing = False
        self.woke: Callable[[], bool] = bool  # set to the watchdog's
        self._clock, self._rejected = clock, rejected
        rule = RULES.get(exchange_id)
        self._checker = SequenceChecker(rule) if rule else None
        self._frame = 0
        self._frame_ns = 0  # 0 outside of a frame
        self._frame_id = _UNKNOWN

    def now_ns(self) -> int:
        """The receive time of the present frame, or the time."""
        return self._frame_ns or self._clock.now_ns()

    def begin(self, client: HookedClient) -> None:
        """A frame of any kind has come."""
        self.woke()
        self._frame += 1
        self._frame_ns = client.heard_ns = self._clock.now_ns()
        self._frame_id = _UNKNOWN

    def end(self, client: HookedClient) -> None:
        """The frame has been handled."""
        self._frame_ns = 0
        self._frame_id = _UNKNOWN

    def message(self, client: HookedClient, message: Any) -> bool:
        """Check a message's place in its chain; one after a hole is kept from ccxt."""
        if self._checker is None:
            return True
        hole = self._checker.observe(message)
        self._frame_id = self._checker.newest_id
        if hole is None:
            return True
        return not self._break(hole)

    def _break(self, hole: Hole) -> bool:
        feed = self._by_venue_id(hole.key)
        if feed is None or not feed.tracks[Stream.DEPTH].last_ns:
            return False
        feed.tracks[Stream.DEPTH].fail(Fault("sequence", missed=hole.missed))
        return True

    def _by_venue_id(self, key: str) -> CcxtMarketFeed | None:
        return next((feed for feed in self.feeds.values() if feed.venue_id == key), None)

    def forget(self, symbol: str) -> None:
        """A market's chain begins anew."""
        feed = self.feeds.get(symbol)
        if self._checker is not None and feed is not None:
            self._checker.forget(feed.venue_id)

    def resolved(self, client: HookedClient, result: Any, message_hash: Any) -> None:
        """An update was applied: hand it to its market."""
        key = (self._frame, str(message_hash))
        if isinstance(result, WatchedBook):
            feed = result.feed or self._feed_of(result)
            if feed is not None:
                feed.on_book(result, key, self.now_ns(), self._frame_id)
        elif isinstance(result, list):
            self._trades(result)
        elif isinstance(result, dict):
            self._quotes(result, key)

    def _feed_of(self, book: WatchedBook) -> CcxtMarketFeed | None:
        feed = self.feeds.get(str(book.get("symbol")))
        book.feed = feed
        return feed

    def _trades(self, trades: Any) -> None:
        by_symbol: dict[str, list[dict[str, Any]]] = {}
        for trade in trades:
            if isinstance(trade, dict) and "takerOrMaker" in trade:
                by_symbol.setdefault(str(trade.get("symbol")), []).append(trade)
        for symbol, of_symbol in by_symbol.items():
            feed = self.feeds.get(symbol)
            if feed is not None:
                feed.on_trades(of_symbol, self.now_ns())
        # What is in the cache at the next update is new then: nothing is missed or told twice.
        clear = getattr(trades, "clear", None)
        if clear is not None:
            clear()

    def _quotes(self, result: dict[str, Any], key: tuple[int, str]) -> None:
        if "bidVolume" in result:
            feed = self.feeds.get(str(result.get("symbol")))
            if feed is not None:
                feed.on_quote(result, key, self.now_ns())
            return
        for quote in result.values():
            if isinstance(quote, dict) and "bidVolume" in quote:
                self._quotes(quote, key)

    def rejected(self, client: HookedClient, error: Exception, message_hash: Any) -> None:
        """A subscription or a connection failed."""
        if not self.closing:
            self._rejected(client, error, message_hash)

    def handler_failed(self, client: HookedClient, error: Exception) -> None:
        """What cannot be read may have held an update of any market of the connection."""
        reason = error.reason if isinstance(error, BookError) else "handler"
        for feed in {id(f): f for f in self._feeds_on(client)}.values():
            feed.status.rejected[reason] += 1
        _log.warning("message not read", url=client.url, error=repr(error)[:200])
        if not isinstance(error, BookError):
            error = BookError(f"A message could not be read ({cause_of(error)}).", reason)
        self._rejected(client, error, None)

    def _feeds_on(self, client: HookedClient) -> list[CcxtMarketFeed]:
        owned = {getattr(owner, "market", None) for owner in client.owners.values()}
        return [feed for feed in self.feeds.values() if str(feed.market.id) in owned]
