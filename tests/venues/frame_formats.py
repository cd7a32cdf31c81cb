"""The families of the table of faults that have no server here, each in its own format."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.venues import mexc
from tests.venues.books import Book, Format, Sides, formats
from tests.venues.followed import called

UNCHECKED, DEFAULT = "bitget, unchecked", "default (bitstamp)"
# The demo exchange speaks their protocols.
_SERVED = ("binance", "deribit", "kraken")
_BESIDE = str.maketrans("Xx", "Yy")


def _bitstamp(book: Book, sides: Sides) -> Any:
    """Of a venue without a row in the table of families: ccxt orders its updates by their time."""
    data = {"timestamp": "1700000000", "microtimestamp": str(book.last_id), **sides}
    return {"data": data, "channel": "diff_order_book_xxxusd", "event": "data"}


def _spared(made: Callable[..., Any] | None) -> Callable[..., Any]:
    """Bitget's frames as they are where it sends no checksum."""
    assert made is not None

    def frame(book: Book, sides: Sides | None = None) -> Any:
        message = made(book, sides)
        message["data"][0]["checksum"] = 0
        return message

    return frame


def frame_formats() -> dict[str, Format]:
    """A fresh format of every family."""
    known = formats()
    bitget = known["bitget"]
    spot = {"id": "XUSDT", "symbol": "X/USDT"}
    return {
        **{name: form for name, form in known.items() if name not in _SERVED},
        UNCHECKED: replace(
            bitget, change=_spared(bitget.change), whole=_spared(bitget.whole), hole="sequence"
        ),
        "mexc": Format("mexc", spot, mexc.change, told=mexc.TOLD),
        DEFAULT: Format("bitstamp", {"id": "xxxusd", "symbol": "X/USD"}, _bitstamp, told=7),
    }


def neighbour_of(form: Format) -> Format:
    """The same of another market: its frames bear the other name, and share what a connection counts."""
    name, whole, change = called(form), form.whole, form.change
    token = re.compile(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])", re.IGNORECASE)
    market = {key: str(value).translate(_BESIDE) for key, value in form.market.items()}
    if market["id"] == form.market["id"]:  # a number
        market["id"] = str(int(market["id"]) + 1)

    def renamed(frame: Any) -> str | bytes:
        if isinstance(frame, bytes):
            return frame.replace(name.encode(), name.translate(_BESIDE).encode())
        return token.sub(lambda found: found[0].translate(_BESIDE), json.dumps(frame))

    return replace(
        form,
        market=market,
        change=lambda book, sides: renamed(change(book, sides)),
        whole=None if whole is None else lambda book: renamed(whole(book)),
    )
