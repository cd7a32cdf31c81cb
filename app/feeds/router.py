"""Routes what a hooked exchange reports to the market it belongs to, and holds it to its rules."""

from collections import deque
from collections.abc import Callable
from typing import Any

from app.clock import Clock
from app.errors import BookError, FeedError
from app.feeds.ccxt_errors import cause_of, to_feed_error
from app.feeds.ccxt_hook import HookedClient, WatchedBook
from app.feeds.market_feed import CcxtMarketFeed
from app.feeds.named import Names
from app.feeds.owners import Owner
from app.feeds.rules.base import CONNECTION, Family, Hole, Update, Verdict
from app.feeds.rules.chain import Chains
from app.feeds.rules.families import family_of
from app.feeds.track import Fault, Track
from app.log import get
from app.records import Stream

_log = get("feeds")
Rejected = Callable[[HookedClient, Exception, Any], None]


class Router:
    """Implements `ccxt_hook.Observer` for all connections of a venue.

    Args:
        clock: stamps each frame once, when it is taken from the socket.
        exchange_id: which family's rules hold.
        rejected: told of failed subscriptions and connections.
        forget_book: drops ccxt's book of a symbol, so that a snapshot is not merged into it.
        is_present: whether a book is the one that ccxt now has of a symbol.
    """

    def __init__(
        self,
        clock: Clock,
        exchange_id: str,
        rejected: Rejected,
        forget_book: Callable[[str], None] = lambda symbol: None,
        is_present: Callable[[str, WatchedBook], bool] = lambda symbol, book: True,
    ):
        self.feeds: dict[str, CcxtMarketFeed] = {}
        self.family: Family = family_of(exchange_id)
        self.closing = False
        self.fetches = False  # books of the venue come by request
        self.woke: Callable[[], bool] = bool  # set to the watchdog's
        self._names = Names()
        self._clock, self._rejected, self._forget_book = clock, rejected, forget_book
        self._is_present = is_present
        self._frame = 0
        self._frame_ns = 0  # 0 outside of a frame
        # The updates of the present frame that ccxt has not yet applied, by symbol.
        self._claims: dict[str, deque[Update]] = {}
        self._history: bool | None = None  # what the family says of the present message
        self._about: CcxtMarketFeed | None = None  # whose book the present frame changes

    def add(self, feed: CcxtMarketFeed) -> None:
        """Route to a market from now on."""
        self.feeds[feed.symbol] = feed
        self._names.add(feed, (feed.symbol, *feed.venue_ids))

    def remove(self, feed: CcxtMarketFeed) -> None:
        """Route to a market no longer."""
        self.feeds.pop(feed.symbol, None)
        self._names.remove(feed)

    def now_ns(self) -> int:
        """The receive time of the present frame, or the time."""
        return self._frame_ns or self._clock.now_ns()

    def begin(self, client: HookedClient) -> None:
        """A frame of any kind has come."""
        self.woke()
        self._frame += 1
        self._frame_ns = client.heard_ns = self._clock.now_ns()
        self._about = None
        if self._claims:
            self._claims = {}

    def end(self, client: HookedClient) -> None:
        """The frame has been handled."""
        self._frame_ns = 0

    def message(self, client: HookedClient, message: Any) -> bool:
        """Hold a message's updates to their rules; what breaks them is kept from ccxt."""
        if client.chains is None:
            client.chains = Chains(self.family)
        if self.family.history is not None:
            self._history = self.family.history(message)
        passes = True
        for update in self.family.read(message):
            passes = self._judge(client, update) and passes
        return passes

    def _judge(self, client: HookedClient, update: Update) -> bool:
        verdict = client.chains.judge(update)
        if update.key == CONNECTION:
            return self._judge_connection(client, verdict)
        feed = self._about = self._names.find(update.key, client)
        if feed is None and not (update.whole or update.streamed):
            client.chains.forget(update.key)  # of a market that has gone, and may come back
        if isinstance(verdict, Hole):
            if feed is not None:
                feed.tracks[Stream.DEPTH].fail(Fault("sequence", missed=verdict.missed))
            return feed is None
        if verdict is not Verdict.FOLLOWS:
            if verdict is Verdict.DUPLICATE and feed is not None:
                feed.status.rejected["duplicate"] += 1
            return False
        if feed is not None:
            feed.heard()
            if update.whole and self.family.merges_snapshots:
                self._forget_book(feed.symbol)
            self._claims.setdefault(feed.symbol, deque()).append(update)
        return True

    def _judge_connection(self, client: HookedClient, verdict: Verdict | Hole) -> bool:
        if not isinstance(verdict, Hole):
            return verdict is Verdict.FOLLOWS
        # The message that is missing may have been of any market of the connection.
        self._count(self.feeds_on(client), "sequence")
        missed = f"{verdict.missed} messages of the connection are missing."
        self._rejected(client, BookError(missed, "sequence"), None)
        return False

    @staticmethod
    def forget(client: HookedClient, feed: CcxtMarketFeed) -> None:
        """A market's chain begins anew."""
        if client.chains is not None:
            for key in (feed.symbol, *feed.venue_ids):
                client.chains.forget(key)

    def resolved(self, client: HookedClient, result: Any, message_hash: Any) -> None:
        """An update was applied: hand it to its market."""
        key = (self._frame, str(message_hash))
        if isinstance(result, WatchedBook):
            feed = result.feed or self._feed_of(result)
            if feed is not None and self._is_present(feed.symbol, result):
                claims = self._claims.get(feed.symbol)
                claim = claims[0] if claims else None
                fetched = not self._frame_ns  # no message brought it: it was asked for
                self.fetches = self.fetches or fetched
                if feed.on_book(result, key, self.now_ns(), claim, fetched) and claims:
                    claims.popleft()
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
                feed.on_trades(of_symbol, self.now_ns(), self._history)
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

    def refused(self, client: HookedClient, owner: Owner | None, text: str) -> None:
        """The venue answered a request with an error: of `owner`, or of the market that it names, or of
        who asked last."""
        if owner is None:
            named = self._names.named_in(client.text, self.feeds_on(client))
            market = str(named[0].market.id) if len(named) == 1 else ""
            owners = [o for o in client.asked if getattr(o, "market", None) == market]
            owner = (owners or list(client.asked))[-1]
        for message_hash, other in list(client.owners.items()):
            if other is owner and not self.closing:
                error = FeedError(f"It refused the subscription: {text}.")
                self._rejected(client, error, message_hash)

    def handler_failed(self, client: HookedClient, error: Exception) -> None:
        """What cannot be read is a fault of the market that it names; else of all on the connection."""
        known = to_feed_error("The venue", error)
        reason = known.reason if isinstance(known, BookError) else "handler"
        _log.warning("message not read", url=client.url, error=repr(error)[:200])
        if self._about is not None:
            self._about.tracks[Stream.DEPTH].fail(Fault(reason))
            return
        named = self._names.named_in(client.text, self.feeds_on(client))
        if named:
            self._count(named, reason)
            for track in (t for feed in named for t in self._tracks_of(feed, client)):
                track.fail(Fault(reason, counted=True))
            return
        self._count(self.feeds_on(client), reason)
        if not isinstance(error, BookError):
            error = BookError(f"A message could not be read ({cause_of(error)}).", reason)
        self._rejected(client, error, None)

    @staticmethod
    def _tracks_of(feed: CcxtMarketFeed, client: HookedClient) -> list[Track]:
        """The streams of a market that a connection carries."""
        owned = {id(getattr(owner, "track", None)) for owner in client.owners.values()}
        return [track for track in feed.tracks.values() if id(track) in owned]

    @staticmethod
    def _count(feeds: "list[CcxtMarketFeed]", reason: str) -> None:
        for feed in feeds:
            feed.status.rejected[reason] += 1

    def feeds_on(self, client: HookedClient) -> list[CcxtMarketFeed]:
        """The markets with a stream on a connection."""
        owned = client.owners.markets
        return [feed for feed in self.feeds.values() if str(feed.market.id) in owned]
