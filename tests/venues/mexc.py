"""MEXC's spot stream: protobuf, by ccxt's own descriptions of it."""

from typing import Any

from ccxt.protobuf.mexc.PushDataV3ApiWrapper_pb2 import PushDataV3ApiWrapper

from tests.venues.books import Book, Sides

BOOK = "spot@public.aggre.depth.v3.api.pb@100ms@XUSDT"
# ccxt asks for the snapshot when it has buffered so many changes.
TOLD = 26


def message(channel: str) -> Any:
    """One without content."""
    return PushDataV3ApiWrapper(channel=channel, symbol="XUSDT", sendTime=1_700_000_000_000)


def change(book: Book, sides: Sides, before: int = 0) -> bytes:
    """Changes of a book; the message tells also of so many updates before, whose changes are in `sides`."""
    made = message(BOOK)
    depths = made.publicAggreDepths
    depths.fromVersion, depths.toVersion = str(book.last_id - before), str(book.last_id)
    for name in ("bids", "asks"):
        for price, size in sides[name]:
            getattr(depths, name).add(price=price, quantity=size)
    return bytes(made.SerializeToString())


def without_time(frame: bytes) -> bytes:
    """A message without its time."""
    made = PushDataV3ApiWrapper.FromString(frame)
    made.ClearField("sendTime")
    return bytes(made.SerializeToString())
