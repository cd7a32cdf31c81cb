"""Lets a book of any format begin on a direct feed, and be followed."""

import re
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


def called(form: Format) -> str:
    """What the venue calls a market in its messages."""
    return str(form.market.get("baseName", form.market["id"]))


def asked(made: Direct, form: Format | None = None) -> int:
    """How often a book was subscribed: any, or a market's."""
    told = [orjson.dumps(message).decode() for message in made.sent]
    words = ("book", "l2Book", "depth", "level2", "obu")
    if form is not None:
        names = "|".join(map(re.escape, (called(form), form.symbol)))
        name = re.compile(rf"(?<![a-z0-9])(?:{names})(?![a-z0-9])", re.IGNORECASE)
        told = [text for text in told if name.search(text)]
    return sum(any(word in text for word in words) and "nsub" not in text.lower() for text in told)


def _of_gate(message: Any) -> Any:
    if message.get("event") != "subscribe":
        return None
    answered = {"id": message["id"], "channel": message["channel"], "error": None}
    return {**answered, "event": "subscribe", "result": {"status": "success"}}


def _of_mexc(message: Any) -> Any:
    method = str(message.get("method"))
    if "SUBSCRIPTION" in method:
        return {"id": 0, "code": 0, "msg": message["params"][0]}
    return {"channel": f"rs.{method}", "data": "success"} if method.startswith("unsub.") else None


def _of_bitstamp(message: Any) -> Any:
    event = f"{message['event'].replace('scribe', 'scription')}_succeeded"
    return {"event": event, "channel": message["data"]["channel"], "data": {}}


def _of_kucoin(message: Any) -> Any:
    return {"id": message["id"], "type": "ack"} if message.get("type") == "subscribe" else None


def _of_binance(message: Any) -> Any:
    subscribes = message.get("method") == "SUBSCRIBE"
    return {"result": None, "id": message["id"]} if subscribes else None


# What ccxt waits for, or our feed, when it was asked for something; None: for nothing.
_ANSWERS: dict[str, Callable[[Any], Any]] = {
    "gate": _of_gate,
    "mexc": _of_mexc,
    "bitstamp": _of_bitstamp,
    **dict.fromkeys(("kucoin", "kucoinfutures"), _of_kucoin),
    **dict.fromkeys(("binance", "binanceus", "binanceusdm", "binancecoinm"), _of_binance),
}


def answer(form: Format) -> Callable[[Direct], None]:
    """Confirm subscriptions where ccxt waits for that, at the end of the loop's turn."""

    def prepare(made: Direct) -> None:
        if form.exchange_id.startswith("kucoin"):

            async def negotiated(*_: Any) -> str:
                return "wss://kucoin"

            made.venue.exchange.negotiate = negotiated

        def said(wire: Wire, message: Any) -> None:
            answers = _ANSWERS.get(form.exchange_id)
            reply = answers(message) if answers is not None else None
            if reply is not None:
                made.push(reply, wire)

        made.said = said

    return prepare


async def begin(made: Direct, form: Format, book: Book, times: int) -> None:
    """Once the book is subscribed, let it begin: by a snapshot that is sent, or one that is fetched.

    Args:
        times: how often it was asked for then.
    """
    feed = made.feeds[form.symbol]
    await made.turn(lambda: asked(made, form) >= times)
    if form.whole is not None:
        made.push(form.whole(book), wire(made, form))
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
