"""Lets a book of any format begin on a direct feed, and be followed."""

from collections.abc import Callable
from typing import Any

import orjson

from app.records import State, Stream
from tests.venues.books import Book, Format
from tests.venues.direct import Direct, Wire

CHANGES = [
    ({"99.75": "2.2000"}, {}),  # a level below the best
    ({"99.90": "7.0000"}, {}),
    ({}, {"100.10": "0"}),
    ({}, {"100.15": "3.1000"}),
    ({"99.95": "1.0000"}, {}),
    ({"99.80": "0"}, {"100.20": "9.0000"}),
]


def asked(made: Direct) -> int:
    """How often a book was subscribed."""
    told = [orjson.dumps(message).decode() for message in made.sent]
    words = ("book", "l2Book", "depth", "level2", "obu")
    return sum(any(word in text for word in words) and "nsub" not in text for text in told)


def answer(form: Format) -> Callable[[Direct], None]:
    """Confirm subscriptions where ccxt waits for that, at the end of the loop's turn."""

    def prepare(made: Direct) -> None:
        exchange = made.venue.exchange
        kucoin = form.exchange_id.startswith("kucoin")
        if kucoin:

            async def negotiated(*_: Any) -> str:
                return "wss://kucoin"

            exchange.negotiate = negotiated

        def said(wire: Wire, message: Any) -> None:
            if kucoin and message.get("type") == "subscribe":
                made.push({"id": message["id"], "type": "ack"}, wire)
            if form.exchange_id == "gate" and message.get("event") == "subscribe":
                reply = {"id": message["id"], "channel": message["channel"], "error": None}
                made.push({**reply, "event": "subscribe", "result": {"status": "success"}}, wire)
            if form.exchange_id == "mexc" and str(message.get("method")).startswith("unsub."):
                made.push({"channel": f"rs.{message['method']}", "data": "success"}, wire)
            if form.exchange_id.startswith("binance") and message.get("method") == "SUBSCRIBE":
                made.push({"result": None, "id": message["id"]}, wire)

        made.said = said

    return prepare


async def begin(made: Direct, form: Format, book: Book, times: int) -> None:
    """Once the book is subscribed, let it begin: by a snapshot that is sent, or one that is fetched.

    Args:
        times: how often it was asked for then.
    """
    feed = made.feeds[form.symbol]
    await made.turn(lambda: asked(made) >= times)
    if form.whole is not None:
        made.push(form.whole(book))
        return
    for _ in range(form.told):
        made.push(form.change(book, book.apply({}, {})), wire(made, form))
    made.snapshots[form.symbol] = {**book.best(), "nonce": book.last_id}
    feed_depth = feed.tracks[Stream.DEPTH]
    await made.turn(lambda: feed_depth.state is State.LIVE and feed_depth.fault is None)


def wire(made: Direct, form: Format) -> Wire:
    """The wire on which the book is."""
    names = [str(name).casefold() for name in form.market.values()]

    def about(wire: Wire) -> bool:
        text = orjson.dumps(wire.sent).decode().casefold()
        return any(name in text for name in names)

    return next(w for w in reversed(made.wires) if not w.closed and about(w))


async def live(made: Direct, form: Format, book: Book) -> str:
    """Let a book begin and change; its symbol."""
    await begin(made, form, book, 1)
    for bids, asks in CHANGES[: len(CHANGES) - (form.most == 1)]:
        made.push(form.change(book, book.apply(bids, asks)), wire(made, form))
    assert made.feeds[form.symbol].status.state is State.LIVE
    assert made.top(form.symbol) == book.top()
    return form.symbol
