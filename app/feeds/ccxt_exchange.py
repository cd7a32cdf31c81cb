"""Constructs a hooked exchange of ccxt from a venue's settings."""

import asyncio
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

import ccxt.async_support
import ccxt.pro

from app.errors import BookError, FeedError, MarketError
from app.feeds.ccxt_errors import wait_in
from app.feeds.ccxt_hook import (
    HookedClient,
    Observer,
    WatchedBook,
    WatchedCountedBook,
    WatchedIndexedBook,
    WatchedSpreadBook,
)
from app.feeds.lineage import names_of, nearest
from app.feeds.rules.base import Family
from app.feeds.rules.exact import exact, loads, whole_number
from app.feeds.usdc import UsdcAsAsked
from app.feeds.venues import VenueFacts
from app.settings import FeedSettings, VenueSettings, deep_merge

_KEEP_ALIVE_MAX_S = 15.0
# The hook empties the cache at each message, so this bounds one message and costs no memory.
_TRADES_LIMIT = 10_000
_SUGGESTED = 3
# Of binance: markets with a connection of their own, streams of a market, and what ccxt knows of the
# venue's limit where its table says nothing.
_OWN_LINKS, _STREAMS, _SUBSCRIPTIONS = 16, 3, 200


def exchange_class(venue: str, exchange_id: str, poll: bool = False) -> tuple[Any, bool]:
    """ccxt's class of an exchange, and whether it streams.

    Args:
        venue: the user's name for it.
        exchange_id: ccxt's.
        poll: do not stream, even where ccxt could.

    Raises:
        MarketError: ccxt has no such exchange; names the nearest.
        FeedError: ccxt gives its book in no way.
    """
    if exchange_id not in ccxt.exchanges and exchange_id not in ccxt.pro.exchanges:
        near = get_close_matches(exchange_id, ccxt.exchanges, n=_SUGGESTED, cutoff=0.5)
        hint = (
            f"Nearest are {', '.join(near)}."
            if near
            else "ccxt's documentation lists those it knows."
        )
        named = f"[venues.{venue}] names" if venue != exchange_id else "The market names"
        raise MarketError(f"{named} the exchange {exchange_id!r}, which ccxt does not know. {hint}")
    streamed = getattr(ccxt.pro, exchange_id, None) if exchange_id in ccxt.pro.exchanges else None
    if not poll and streamed is not None and streamed().has.get("watchOrderBook"):
        return streamed, True
    asked = getattr(ccxt.async_support, exchange_id, None)
    if asked is None or not asked().has.get("fetchOrderBook"):
        raise FeedError(
            f"{exchange_id} gives its order book through ccxt neither as a stream nor by request. "
            "Choose another venue, for example binance, kraken or coinbase."
        )
    return asked, False


class _Notes:
    """Mixed in before a class of ccxt: its errors say when the venue wants to be asked again."""

    _refused: tuple[Any, Any] = (None, None)

    def handle_errors(self, code: Any, reason: Any, url: Any, method: Any, *rest: Any) -> Any:
        self._refused = (code, rest[0])
        try:
            return super().handle_errors(code, reason, url, method, *rest)  # type: ignore[misc]
        except ccxt.BaseError as error:
            _note_retry_after(error, self._refused)
            raise

    def handle_http_status_code(self, *args: Any) -> Any:
        try:
            return super().handle_http_status_code(*args)  # type: ignore[misc]
        except ccxt.BaseError as error:
            _note_retry_after(error, self._refused)
            raise


class _Hooked(_Notes):
    """Mixed in before a ccxt.pro class: its clients and books report to `_observer`."""

    _observer: Observer
    _cut: bool
    _loads: Callable[[str], Any] | None
    # ccxt's
    orderbooks: dict[str, Any]
    fetch_order_book: Callable[..., Any]
    handle_option: Callable[..., Any]
    get_cache_index: Callable[..., Any]
    handle_book_deltas: Callable[..., Any]

    def client(self, url: str) -> Any:
        client = super().client(url)  # type: ignore[misc]
        if not isinstance(client, HookedClient):
            HookedClient.adopt(client, self._observer, self._observer.now_ns(), self._loads)
        return client

    def spawn(self, method: Any, *args: Any) -> Any:
        future = super().spawn(method, *args)  # type: ignore[misc]
        # A snapshot that outlives its subscription may fail with nobody left to ask.
        future.add_done_callback(lambda done: done.cancelled() or done.exception())
        return future

    async def fetch_rest_order_book_safe(
        self, symbol: Any, limit: Any = None, params: Any = None
    ) -> Any:
        """One request: the feed backs off where ccxt would ask again at once. A task whose book was given
        up meanwhile ends here, or it would mend, or blame, the one in its place."""
        wanted = self.orderbooks.get(symbol)
        try:
            return await self.fetch_order_book(symbol, limit, params or {})
        except Exception as error:
            error.asked = True  # type: ignore[attr-defined]  # the connection is not to blame
            raise
        finally:
            if self.orderbooks.get(symbol) is not wanted:
                raise asyncio.CancelledError

    async def load_order_book(
        self, client: Any, message_hash: Any, symbol: Any, limit: Any = None, params: Any = None
    ) -> None:
        """As ccxt, but what goes wrong is of this book alone: ccxt would close the connection, which
        carries other markets."""
        stored = self.orderbooks.get(symbol)
        if stored is None:
            return  # given up before it was asked for
        try:
            for _ in range(self.handle_option("watchOrderBook", "maxRetries", 3)):
                answer = await self.fetch_rest_order_book_safe(symbol, limit, params)
                index = self.get_cache_index(answer, stored.cache)
                if index >= 0:
                    stored.reset(answer)
                    self.handle_book_deltas(stored, stored.cache[index:])
                    stored.cache.clear()
                    client.resolve(stored, message_hash)
                    return
            raise ccxt.InvalidNonce("the snapshots were older than the updates")
        except Exception as error:  # whatever it is, it is told to whoever waits for the book
            error.asked = True  # type: ignore[attr-defined]
            self.orderbooks.pop(symbol, None)
            client.reject(error, message_hash)

    def handle_message(self, client: Any, message: Any) -> None:
        if not client.answered(message) and self._observer.message(client, message):
            super().handle_message(client, message)  # type: ignore[misc]

    @staticmethod
    def safe_float(dictionary: Any, key: Any, default_value: Any = None) -> Any:
        """As ccxt, but true and false are no numbers."""
        try:
            value = dictionary[key]
            return default_value if value is True or value is False else float(value)
        except Exception:  # whatever it is, ccxt means "not there"
            return default_value

    @staticmethod
    def safe_integer(dictionary: Any, key: Any, default_value: Any = None) -> Any:
        """As ccxt, but a whole number stays what it is: ccxt's way through float loses it above 2^53."""
        try:
            return whole_number(dictionary[key])
        except Exception:  # whatever it is, ccxt means "not there"
            return default_value

    @staticmethod
    def safe_integer_2(dictionary: Any, key1: Any, key2: Any, default_value: Any = None) -> Any:
        """The same."""
        first = _Hooked.safe_integer(dictionary, key1)
        return first if first is not None else _Hooked.safe_integer(dictionary, key2, default_value)

    @staticmethod
    def safe_integer_n(dictionary: Any, key_list: Any, default_value: Any = None) -> Any:
        """The same."""
        for key in key_list:
            found = _Hooked.safe_integer(dictionary, key)
            if found is not None:
                return found
        return default_value

    def order_book(self, snapshot: Any = None, depth: int | None = None) -> Any:
        return WatchedBook(snapshot, depth, self._cut)

    def counted_order_book(self, snapshot: Any = None, depth: int | None = None) -> Any:
        return WatchedCountedBook(snapshot, depth, self._cut)

    def indexed_order_book(self, snapshot: Any = None, depth: int | None = None) -> Any:
        return WatchedIndexedBook(snapshot, depth, self._cut)


class _Binance:
    """Mixed in for binance: which markets share a connection, and a quicker way through the changes."""

    options: dict[str, Any]

    def stream(self, kind: Any, subscription_hash: Any, count: int = 1) -> str:
        """ccxt's number of a connection: the first markets have one each, so that a lost link is one
        market's; further ones fill as few as the venue's limit of subscriptions allows."""
        symbol = str(subscription_hash).rpartition("::")[2]
        places = self.__dict__.setdefault("_places", {})
        if symbol not in places:
            taken = set(places.values())
            places[symbol] = next(k for k in range(len(taken) + 1) if k not in taken)
        shared = places[symbol] - _OWN_LINKS
        limit = int(self.options.get("subscriptionLimitByStream", {}).get(kind, _SUBSCRIPTIONS))
        return str(places[symbol] if shared < 0 else _OWN_LINKS + shared // (limit // _STREAMS))

    def release(self, symbol: str) -> None:
        """A market has gone; its place is free."""
        self.__dict__.get("_places", {}).pop(symbol, None)

    def handle_order_book_subscription(self, client: Any, message: Any, subscription: Any) -> Any:
        """As ccxt, which unrolls the updates buffered for a coin-margined book by spot's rule: ids of
        futures have holes by nature, so it would drop all after the first and fail at the next."""
        if subscription.get("type") == "inverse":
            subscription = {**subscription, "type": "linear"}
        base: Any = super()
        return base.handle_order_book_subscription(client, message, subscription)

    def handle_deltas(self, bookside: Any, deltas: Any) -> None:
        """As ccxt; a change that is not two numbers raises instead of passing for a removal."""
        store = bookside.storeArray
        for delta in deltas:
            price, size = delta[0], delta[1]
            if price is True or price is False or size is True or size is False:
                raise BookError(f"A level of price {price} and size {size} was sent.", "non-finite")
            store([float(price), float(size)])


class _Okx:
    """Mixed in for okx: the book keeps the venue's digits, over which its checksum runs."""

    def handle_deltas(self, bookside: Any, deltas: Any) -> None:
        store = bookside.storeArray
        for delta in deltas:
            store([exact(delta[0]), exact(delta[1])])


class _Deribit:
    """Mixed in for deribit: a combination's prices can be below zero."""

    orderbooks: dict[str, Any]
    safe_market: Callable[[str], Any]

    def handle_order_book(self, client: Any, message: Any) -> None:
        market = self.safe_market(message["params"]["data"]["instrument_name"])
        kind = str((market["info"] or {}).get("kind"))
        if market["symbol"] not in self.orderbooks and "combo" in kind:
            self.orderbooks[market["symbol"]] = WatchedSpreadBook()
        super().handle_order_book(client, message)  # type: ignore[misc]


class _Kraken:
    """Mixed in for kraken, for the same."""

    def custom_handle_deltas(self, bookside: Any, deltas: Any) -> None:
        store = bookside.storeArray
        for delta in deltas:
            store([exact(delta["price"]), exact(delta["qty"])])


class _Kucoin:
    """Mixed in for kucoin: a contract's changes have one number each, where ccxt looks for a first and a
    last, and compares the book's with the time."""

    def handle_order_book(self, client: Any, message: Any) -> None:
        data = message["data"]
        if "sequence" in data:
            one = {"sequenceStart": data["sequence"], "sequenceEnd": data["sequence"]}
            message = {**message, "data": {**data, **one}}
        super().handle_order_book(client, message)  # type: ignore[misc]


class _Mexc:
    """Mixed in for mexc: decoded messages are held to their rules, and an update counts by its last id: ccxt
    takes the first, and drops the one in the midst of which a snapshot was made."""

    _observer: Observer

    def handle_protobuf_message(self, client: Any, message: Any) -> bool:
        if self._observer.message(client, message):
            super().handle_protobuf_message(client, message)  # type: ignore[misc]
        return True

    def handle_bookside_delta(self, bookside: Any, bidasks: Any) -> None:
        for level in bidasks:
            if isinstance(level, list) and any(isinstance(number, bool) for number in level[:2]):
                raise BookError(f"A level of {level[:2]} was sent.", "non-finite")
        super().handle_bookside_delta(bookside, bidasks)  # type: ignore[misc]

    def get_cache_index(self, orderbook: Any, cache: Any) -> int:
        nonce = whole_number(orderbook["nonce"])
        for index, delta in enumerate(cache):
            if _last_of(delta) > nonce:
                first = whole_number(delta.get("fromVersion", _last_of(delta)))
                return index if first <= nonce + 1 else -1
        return len(cache)

    def handle_book_delta(self, orderbook: Any, delta: Any) -> None:
        if "toVersion" in delta:
            delta = {**delta, "fromVersion": delta["toVersion"]}
        super().handle_book_delta(orderbook, delta)  # type: ignore[misc]


def _last_of(delta: Any) -> int:
    return whole_number(delta["toVersion"] if "toVersion" in delta else delta["version"])


# What a venue's class needs besides, by ccxt id.
_OWN: dict[str, type | None] = {
    "coinbase": UsdcAsAsked,
    "deribit": _Deribit,
    "kraken": _Kraken,
    "kucoin": _Kucoin,
    "mexc": _Mexc,
    "okx": _Okx,
}


def hooked(base: Any, observer: Observer, facts: VenueFacts) -> Any:
    """A subclass of a ccxt.pro exchange class whose clients and books report to `observer`."""
    mixed = _Binance if facts.connection_per_market else nearest(_OWN, names_of(base), None)
    first = () if mixed is None else (mixed,)
    digits = staticmethod(loads) if mixed is _Kraken else None
    own = {"_observer": observer, "_cut": facts.depth_limit is not None, "_loads": digits}
    return type(base.__name__, (*first, _Hooked, base), own)


def polled(base: Any) -> Any:
    """A subclass of a ccxt class that is asked, whose errors carry the venue's Retry-After."""
    return type(base.__name__, (_Notes, base), {})


def _note_retry_after(error: Any, refused: tuple[Any, Any]) -> None:
    """Keep what the venue said of when to come back: ccxt's exceptions carry no headers."""
    code, headers = refused
    error.http_status = code  # venues' own handlers look at the body before the status
    if code not in (418, 429, 503) or not headers:
        return
    error.retry_after_s = wait_in(headers)


def config_of(
    venue: VenueSettings, feed: FeedSettings, facts: VenueFacts, family: Family
) -> dict[str, Any]:
    """The constructor's table: ours, the venue's needs over it, the user's over both."""
    options = deep_merge(facts.options, family.options)
    # Three pings fit into the silence after which the watchdog gives a link up.
    keep_alive_s = min(_KEEP_ALIVE_MAX_S, feed.stale_after_s / 3.0)
    ours: dict[str, Any] = {
        "enableRateLimit": True,
        "newUpdates": True,
        "timeout": int(feed.open_timeout_s * 500),
        "options": {
            "ws": {"keepAlive": max(100, int(keep_alive_s * 1000))},
            "tradesLimit": _TRADES_LIMIT,
        },
    }
    return deep_merge(deep_merge(ours, {"options": options}), venue.ccxt)
