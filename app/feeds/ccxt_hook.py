"""The hook into ccxt.pro that sees every applied update.

A plain watch loop sees only what is there when it wakes. ccxt calls `Client.resolve` synchronously for
each update it applied, whether or not anyone waits; so the clients of a hooked exchange tell an
`Observer` of each. What an observer does must be short: it runs inside ccxt's receive loop. It may
fail: a failure is caught here and told to it, since an exception would end the loop without a word.
"""

import contextlib
import math
import sys
from bisect import bisect_left
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Protocol

import ccxt
from aiohttp import WSMsgType
from ccxt.async_support.base.ws import order_book as books
from ccxt.async_support.base.ws import order_book_side as sides
from ccxt.async_support.base.ws.client import Client

from app.errors import BookError
from app.feeds.leaving import (
    Farewells,
    is_subscription,
    left_out_of,
    refusal_of,
    request_id,
    turned,
    words_of,
)
from app.feeds.owners import Owner, Owners
from app.feeds.validity import is_price, is_size

_INF = math.inf
_DATA = (WSMsgType.TEXT, WSMsgType.BINARY)
_BOOK, _HEAD = '"book"', 100
_NOBODY: tuple[None, int] = (None, 0)


class Observer(Protocol):
    """What a hooked exchange reports to; all calls are synchronous."""

    def begin(self, client: "HookedClient") -> None:
        """A frame of any kind has come."""

    def now_ns(self) -> int:
        """The clock."""

    def end(self, client: "HookedClient") -> None:
        """The frame has been handled."""

    def message(self, client: "HookedClient", message: Any) -> bool:
        """A decoded message, before ccxt applies it; False keeps it from ccxt."""

    def resolved(self, client: "HookedClient", result: Any, message_hash: Any) -> None:
        """An update was applied."""

    def rejected(self, client: "HookedClient", error: Exception, message_hash: Any) -> None:
        """A subscription failed; `message_hash` None means the whole connection."""

    def refused(self, client: "HookedClient", owner: Owner | None, text: str) -> None:
        """The venue answered a request with an error; `owner` None where it does not say which."""

    def handler_failed(self, client: "HookedClient", error: Exception) -> None:
        """A message could not be read, or its handler raised."""


# The stream on whose behalf the present task calls ccxt, and in which attempt of its.
OWNER: ContextVar[Owner | None] = ContextVar("OWNER", default=None)
ATTEMPT: ContextVar[int] = ContextVar("ATTEMPT", default=0)


class _Notes(dict[Any, Any]):
    """What ccxt takes for subscribed; knows besides on whose behalf it was noted."""

    def __init__(self, notes: dict[Any, Any]):
        super().__init__(notes)
        self.by: dict[Owner, set[Any]] = {}
        self.frozen = False  # a frame is being handled: what is noted then is nobody's

    def __setitem__(self, key: Any, value: Any) -> None:
        owner = OWNER.get()
        if owner is not None and not self.frozen:
            self.by.setdefault(owner, set()).add(key)
        super().__setitem__(key, value)


class HookedClient(Client):  # type: ignore[misc]
    """One WebSocket connection of ccxt that reports what happens on it."""

    observer: Observer
    owners: Owners
    asked: dict[Owner, dict[str, Any]]  # with what message, in order
    # Whose requests the venue has not yet answered, and of which attempt.
    requests: dict[str, tuple[Owner, int]]
    subscriptions: _Notes
    farewells: Farewells  # ends that it has not yet confirmed
    dead: bool
    heard_ns: int
    lastPong: Any  # noqa: N815 (ccxt's name)
    chains: Any  # the router's: what came last of each market
    text: str  # the present frame as it was sent
    loads: Callable[[str], Any] | None  # for venues whose digits matter

    @classmethod
    def adopt(
        cls,
        client: Any,
        observer: Observer,
        now_ns: int,
        loads: Callable[[str], Any] | None = None,
    ) -> None:
        """Turn a client that ccxt made into one that reports; `loads` decodes frames with books."""
        client.__class__ = cls
        client.observer, client.owners, client.dead = observer, Owners(), False
        client.heard_ns = now_ns
        # Silence is the watchdog's to judge, by frames of any kind; ccxt would count only pongs.
        client.maxPingPongMisses = math.inf
        client.asked, client.requests = {}, {}
        client.subscriptions = _Notes(client.subscriptions)
        client.farewells = Farewells()
        client.chains, client.text, client.loads = None, "", loads

    def future(self, message_hash: Any) -> Any:
        """As ccxt; notes for whom."""
        owner = OWNER.get()
        if owner is not None:
            self.owners[str(message_hash)] = owner
            owner.attach(self, str(message_hash))
        return super().future(message_hash)

    def resolve(self, result: Any, message_hash: Any) -> Any:
        """As ccxt; reports first, while the result is as the update left it."""
        if isinstance(result, WatchedBook) and result.abandoned:
            return result  # whoever waits under this hash waits for the book in its place
        if not self.dead:
            try:
                self.observer.resolved(self, result, message_hash)
            except Exception as error:  # whatever it is, ccxt's loop must go on
                self.observer.handler_failed(self, error)
        return super().resolve(result, message_hash)

    def reject(self, result: Any, message_hash: Any = None) -> Any:
        """As ccxt; but does not keep a rejection that its owner has been told of."""
        error = result if isinstance(result, Exception) else ccxt.ExchangeError(str(result))
        # The connection before its single subscriptions: it knows more of what happened.
        self.observer.rejected(self, error, message_hash)
        told = message_hash is not None and str(message_hash) in self.owners
        if not told or message_hash in self.futures:
            super().reject(result, message_hash)
        return result

    async def send(self, message: Any) -> Any:
        """As ccxt; notes who asks for what: a refusal names only the request, and an end the beginning.

        ccxt's queue is long where a venue's limit is low: what waited in it until its owner was let go is
        not sent any more.
        """
        owner, request = OWNER.get(), request_id(message)
        if owner is None or not is_subscription(message):
            return await super().send(message)
        if owner.attempt != ATTEMPT.get():
            return None
        self.asked[owner] = message
        if request is not None:
            self.requests[request] = owner, owner.attempt
        await super().send(message)
        if request not in self.requests and owner.attempt == ATTEMPT.get():
            owner.asked()  # no answer is to be expected, or it was quicker
        return None

    def awaits(self, owner: Owner) -> bool:
        """Whether ccxt sends, or has sent, anything on behalf of `owner`; if not, others asked before."""
        return owner in self.subscriptions.by

    def forget(self, owner: Owner) -> None:
        """Drop ccxt's notes of what `owner` subscribed, so that the next attempt is sent."""
        for note in self.subscriptions.by.pop(owner, ()):
            self.subscriptions.pop(note, None)

    async def leave(self, owner: Owner, new_id: int, wait_s: float = 0.0) -> bool:
        """End what `owner` asked for, and forget ccxt's notes of it; whether the venue confirmed the end
        within `wait_s`."""
        asked = self.asked.pop(owner, None)
        if asked is None or self.closed():
            return False
        message, parted = turned(asked, new_id, self.subscriptions), False
        if message is not None:
            # What else venues have under "id" is in other messages too.
            numbered = request_id(message) == str(new_id)
            request, say = str(new_id) if numbered else None, super().send
            with contextlib.suppress(OSError):  # the connection has ended, the subscription with it
                parted = await self.farewells.said(lambda: say(message), message, request, wait_s)
        for note in words_of(asked):
            self.subscriptions.pop(note, None)
        return parted

    def handle_text_or_binary_message(self, data: Any) -> None:
        """As ccxt; keeps the text, and the venue's own digits where they matter."""
        if isinstance(data, bytes) and self.decompressBinary:
            data = data.decode()
        # Of a binary message, what can be read of it: the venue's names are in it as they are.
        self.text = data if isinstance(data, str) else data.decode("latin-1")
        if self.loads is not None and _BOOK in self.text[:_HEAD]:
            self.on_message_callback(self, self.loads(self.text))
        else:
            super().handle_text_or_binary_message(data)

    def answered(self, message: Any) -> bool:
        """Whether a message answers a request of ours in a way that ccxt must not see.

        A farewell would take the next subscription down with it, a refusal all of the connection.
        """
        request = request_id(message)
        if self.farewells.answered(message):
            return True
        if not self.asked:
            return False
        owner, attempt = self.requests.pop(request, _NOBODY) if request else _NOBODY
        text = refusal_of(message)
        if text is None and owner is not None:
            text = left_out_of(message, self.asked.get(owner, {}))
        present = owner is not None and owner.attempt == attempt
        if text is None and present and owner is not None:
            owner.asked()
        if text is not None and owner is None and self.farewells.refused():
            return True  # the end that was asked for is refused, and no subscription
        if text is None or (request and owner is None):
            return False
        if present or owner is None:
            self.observer.refused(self, owner, text)
        return True

    def handle_message(self, message: Any) -> None:
        """As ccxt; an exception is reported instead of ending the receive loop."""
        self.observer.begin(self)
        self.subscriptions.frozen = True
        try:
            if not (self.dead and message.type in _DATA):
                super().handle_message(message)
        except Exception as error:  # malformed JSON, a handler's KeyError: all end the loop
            self.observer.handler_failed(self, error)
        finally:
            self.subscriptions.frozen = False
            self.observer.end(self)

    async def open(self, session: Any, backoff_delay: float = 0) -> None:
        """As ccxt; a connection that was given up while it was dialled is closed again."""
        await super().open(session, backoff_delay)
        if self.dead:
            await self.aiohttp_close()

    async def close(self, code: int = 1000) -> None:
        """As ccxt; who waited on this connection is told that it has gone."""
        await super().close(code)
        self.observer.rejected(self, ccxt.NetworkError("the connection was closed"), None)


def _refuse(price: Any, size: Any) -> None:
    raise BookError(f"A level of price {price} and size {size} was sent.", "non-finite")


class _CheckedSide:
    """Refuses numbers that no book can hold, before they hide below the visible levels."""

    least = 0.0
    unpriced = False  # an order can be taken away by its id

    def storeArray(self, delta: Any) -> None:  # noqa: N802 (ccxt's name)
        price, size = delta[0], delta[1]
        priced = self.unpriced if price is None else is_price(price, self.least)
        if size is None or not is_size(size) or not priced:
            _refuse(price, size)
        super().storeArray(delta)  # type: ignore[misc]


class _PlainSide(sides.OrderBookSide):  # type: ignore[misc]
    """ccxt's side, with the same check inlined: two thirds of the cost of an update are spent here.

    That a number is none but JSON's true or false is for whoever converts it (`ccxt_exchange`).
    """

    def storeArray(self, delta: Any) -> None:  # noqa: N802 (ccxt's name)
        price, size = delta[0], delta[1]
        if price is None or size is None or not (0.0 <= size < _INF and 0.0 <= price < _INF):
            _refuse(price, size)
        keys = self._index
        key = -price if self.side else price
        index = bisect_left(keys, key)
        there = index < len(keys) and keys[index] == key
        if size:
            if there:
                self[index][1] = size
            else:
                keys.insert(index, key)
                self.insert(
                    index, [price, size]
                )  # what else some venues send would make rows uneven
        elif there:
            del keys[index]
            del self[index]


class _Asks(_PlainSide):
    side = False


class _Bids(_PlainSide):
    side = True


class _CountedAsks(_CheckedSide, sides.CountedAsks):  # type: ignore[misc]
    pass


class _CountedBids(_CheckedSide, sides.CountedBids):  # type: ignore[misc]
    pass


class _SpreadAsks(_CountedAsks):
    least = -sys.float_info.max


class _SpreadBids(_CountedBids):
    least = -sys.float_info.max


class _IndexedAsks(_CheckedSide, sides.IndexedAsks):  # type: ignore[misc]
    unpriced = True


class _IndexedBids(_CheckedSide, sides.IndexedBids):  # type: ignore[misc]
    unpriced = True


class WatchedBook(books.OrderBook):  # type: ignore[misc]
    """A book that knows when it was replaced as a whole: `fresh` until the hook has seen it.

    `limit()` cuts levels that the venue never sends again, so it works only where the subscribed
    depth is meant (`cut`).
    """

    _sides: tuple[Any, Any] = (_Asks, _Bids)
    by_order = False  # several entries a price

    def __init__(self, snapshot: Any = None, depth: int | None = None, cut: bool = False):
        asks, bids = self._sides
        given = dict(snapshot or {})
        given["asks"] = asks(given.get("asks", []), depth)
        given["bids"] = bids(given.get("bids", []), depth)
        super().__init__(given, depth)
        self.fresh = True
        self.cut = cut
        self.feed: Any = None
        self.abandoned = False  # another one is in its place, or will be

    def reset(self, snapshot: Any = None) -> None:
        """As ccxt; marks the book as a new beginning."""
        self.fresh = True
        super().reset(snapshot or {})

    def limit(self) -> Any:
        """As ccxt, where a limited depth was subscribed; otherwise nothing is cut."""
        return super().limit() if self.cut else self


class WatchedCountedBook(WatchedBook):
    """The same for venues that count orders at a price."""

    _sides = (_CountedAsks, _CountedBids)


class WatchedSpreadBook(WatchedCountedBook):
    """The same for venues with spreads and combinations, whose prices can be below zero."""

    _sides = (_SpreadAsks, _SpreadBids)


class WatchedIndexedBook(WatchedBook):
    """The same for venues that send single orders."""

    _sides = (_IndexedAsks, _IndexedBids)
    by_order = True
