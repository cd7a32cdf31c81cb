"""The table of venue families. To add a venue, write its reader and name it in `FAMILIES`.

Readers see the venue's own message with its own integers: ccxt passes ids through float, which keeps no
number above 2^53.
"""

from collections.abc import Sequence
from typing import Any, Final

from app.feeds.rules import checksums, leaving
from app.feeds.rules.base import Family, Update

_NOTHING: Final[tuple[Update, ...]] = ()


def _binance(message: Any) -> Sequence[Update]:
    """Spot chains by U..u, futures by pu: their ids have holes by nature."""
    data = message.get("data", message) if isinstance(message, dict) else None
    if not isinstance(data, dict) or data.get("e") != "depthUpdate":
        return _NOTHING
    previous = data.get("pu")
    return (
        Update(
            str(data["s"]),
            int(data["U"]),
            int(data["u"]),
            None if previous is None else int(previous),
        ),
    )


def _deribit(message: Any) -> Sequence[Update]:
    """A change names the change before it; the grouped channels send whole books."""
    if not isinstance(message, dict) or message.get("method") != "subscription":
        return _NOTHING
    params = message["params"]
    if not str(params["channel"]).startswith("book."):
        return _NOTHING
    data = params["data"]
    change_id = int(data["change_id"])
    whole = data.get("type", "snapshot") == "snapshot"
    previous = None if whole else int(data["prev_change_id"])
    return (Update(str(data["instrument_name"]), change_id, change_id, previous, whole),)


def _kraken(message: Any) -> Sequence[Update]:
    """No ids: the checksum of the ten best levels tells."""
    if not isinstance(message, dict) or message.get("channel") != "book":
        return _NOTHING
    return [
        Update(
            str(book["symbol"]),
            whole=message["type"] == "snapshot",
            checksum=int(book["checksum"]),
        )
        for book in message["data"]
    ]


_BINANCE: Final = Family(_binance)

FAMILIES: Final[dict[str, Family]] = {
    "binance": _BINANCE,
    "binanceus": _BINANCE,
    "binanceusdm": _BINANCE,
    "binancecoinm": _BINANCE,
    "deribit": Family(_deribit, opens_whole=True, merges_snapshots=True, leave=leaving.deribit),
    "kraken": Family(_kraken, opens_whole=True, checksum=checksums.kraken, leave=leaving.kraken),
}


def family_of(exchange_id: str) -> Family | None:
    """The row of a ccxt exchange id; None for a venue whose updates tell nothing of their order."""
    return FAMILIES.get(exchange_id)
