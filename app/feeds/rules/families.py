"""The table of venue families. To add a venue, write its reader and name it in `FAMILIES`.

Readers see the venue's own message with its own integers: ccxt passes ids through float, which keeps no
number above 2^53.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from app.feeds.lineage import lineage, nearest
from app.feeds.rules import checksums
from app.feeds.rules.base import (
    CONNECTION,
    NO_ID,
    Audit,
    Family,
    TradeReader,
    Update,
    ids_of,
)
from app.feeds.rules.demands import demand_change, demand_lists, demand_word, is_whole

_NOTHING: Final[tuple[Update, ...]] = ()
_GROUPED_DOTS: Final = 4  # book.NAME.GROUP.DEPTH.INTERVAL
_KUCOIN_SUBJECTS: Final = {"/market/level2": "trade.l2update", "/contractMarket/level2": "level2"}
_UNCHECKED: Final = {"watchOrderBook": {"checksum": False}}


def _binance(message: Any) -> Sequence[Update]:
    """Spot chains by U..u, futures by pu: their ids have holes by nature."""
    data = message.get("data", message) if isinstance(message, dict) else None
    if not isinstance(data, dict) or data.get("e") != "depthUpdate":
        return _NOTHING
    demand_lists(data, "b", "a")
    previous = data.get("pu")
    previous = None if previous is None else int(previous)
    return (Update(str(data["s"]), int(data["U"]), int(data["u"]), previous),)


def _bybit(message: Any) -> Sequence[Update]:
    """u grows by one; a snapshot begins anew, with u = 1 after a restart of the service."""
    if not isinstance(message, dict) or not str(message.get("topic")).startswith("orderbook."):
        return _NOTHING
    data = message["data"]
    demand_lists(data, "b", "a")
    number, whole = int(data["u"]), is_whole(message["type"], "delta")
    return (Update(str(data["s"]), number, number, whole=whole, streamed=True),)


def _okx(message: Any) -> Sequence[Update]:
    """prevSeqId is the seqId before; a message without change repeats it. The checksum is 0 since 2026."""
    arg = message.get("arg") if isinstance(message, dict) else None
    if not isinstance(arg, dict) or "action" not in message:
        return _NOTHING
    if not str(arg.get("channel")).startswith("books"):
        return _NOTHING
    key, whole = str(arg["instId"]), is_whole(message["action"])
    updates = []
    for data in message["data"]:
        demand_lists(data, "bids", "asks")
        number, previous = int(data.get("seqId", NO_ID)), data.get("prevSeqId")
        previous = None if whole or previous is None else int(previous)
        checksum = int(data.get("checksum") or 0) or None
        updates.append(Update(key, number, number, previous, whole, True, checksum))
    return updates


def _kraken(message: Any) -> Sequence[Update]:
    """No ids: the checksum of the ten best levels tells."""
    if not isinstance(message, dict) or message.get("channel") != "book":
        return _NOTHING
    whole, updates = is_whole(message["type"]), []
    for book in message["data"]:
        demand_lists(book, "bids", "asks")
        checksum = int(book["checksum"])
        updates.append(Update(str(book["symbol"]), whole=whole, streamed=True, checksum=checksum))
    return updates


def _coinbase(message: Any) -> Sequence[Update]:
    """sequence_num counts the messages of the connection, whatever their channel."""
    if not isinstance(message, dict) or "sequence_num" not in message:
        return _NOTHING
    number = int(message["sequence_num"])
    updates = [Update(CONNECTION, number, number)]
    if message["channel"] == "l2_data":
        for event in message["events"]:
            demand_lists(event, "updates")
            whole = is_whole(event["type"])
            updates.append(Update(str(event["product_id"]), whole=whole, streamed=True))
    return updates


def _deribit(message: Any) -> Sequence[Update]:
    """A change names the change before it; the grouped channels send whole books."""
    if not isinstance(message, dict) or message.get("method") != "subscription":
        return _NOTHING
    params = message["params"]
    channel = str(params["channel"])
    if not channel.startswith("book."):
        return _NOTHING
    data = params["data"]
    demand_lists(data, "bids", "asks")
    grouped = channel.count(".") == _GROUPED_DOTS
    number, whole = int(data["change_id"]), grouped or is_whole(data["type"], "change")
    previous = None if whole else int(data["prev_change_id"])
    return (Update(str(data["instrument_name"]), number, number, previous, whole, True),)


def _gate(message: Any) -> Sequence[Update]:
    """U..u; the spot stream opens with a full book and leaves out a side without change, futures fetch
    theirs and send both."""
    if not isinstance(message, dict) or message.get("event") in ("subscribe", "unsubscribe"):
        return _NOTHING
    channel, result = str(message.get("channel")), message.get("result")
    if channel == "spot.obu" and isinstance(result, dict):
        demand_lists(result, *(side for side in ("b", "a") if side in result))
        key, whole = str(result["s"]).split(".")[1], result.get("full") is True
        first = NO_ID if whole else int(result["U"])
        return (Update(key, first, int(result["u"]), None, whole, True),)
    if channel.endswith(".order_book_update") and isinstance(result, dict):
        demand_lists(result, "b", "a")
        return (Update(str(result["s"]), int(result["U"]), int(result["u"])),)
    return _NOTHING


def _kucoin(message: Any) -> Sequence[Update]:
    """Spot numbers its updates from..to, futures one by one."""
    topic = str(message.get("topic")) if isinstance(message, dict) else ""
    channel, _, market = topic.partition(":")
    if channel not in _KUCOIN_SUBJECTS:
        return _NOTHING
    data = message["data"]
    # ccxt goes by these words, and passes over a message without them.
    demand_word(message.get("type"), "message")
    demand_word(message.get("subject"), _KUCOIN_SUBJECTS[channel])
    if channel == "/market/level2":
        demand_lists(data["changes"], "bids", "asks")
        first, last = int(data["sequenceStart"]), int(data["sequenceEnd"])
    else:
        demand_change(data["change"])
        first = last = int(data["sequence"])
    return (Update(str(data.get("symbol", market)), first, last),)


def _bitget(message: Any) -> Sequence[Update]:
    """pseq is the seq before, where it is sent; else seq only grows. The checksum may be 0: none."""
    arg = message.get("arg") if isinstance(message, dict) else None
    if not isinstance(arg, dict) or "books" not in (arg.get("channel"), arg.get("topic")):
        return _NOTHING
    if "action" not in message:
        return _NOTHING
    key, whole = _bitget_key(arg), is_whole(message["action"])
    books, updates = message["data"], []
    for data in books if isinstance(books, list) else (books,):  # of a tokenized stock it is one
        short = "b" in data or "a" in data
        demand_lists(data, *(("b", "a") if short else ("bids", "asks")))
        number, previous = int(data.get("seq", NO_ID)), int(data.get("pseq") or 0)
        checksum = None if whole else int(data.get("checksum") or 0) or None
        updates.append(
            Update(key, NO_ID, number, None if whole else previous or None, whole, True, checksum)
        )
    return updates


def _bitget_key(arg: Mapping[str, Any]) -> str:
    """Spot and contracts share ids and a connection: as ccxt, which tells no more of them apart."""
    kind = "spot" if str(arg["instType"]).lower() == "spot" else "contract"
    return f"{kind} {arg.get('instId') or arg['symbol']}"


def _bitget_names(market: Mapping[str, Any]) -> tuple[str, ...]:
    kind = "spot" if market.get("spot") else "contract"
    return (*ids_of(market), f"{kind} {market['id']}")


def _hyperliquid_names(market: Mapping[str, Any]) -> tuple[str, ...]:
    """Spot goes by its id, a perpetual by the name of its coin, which spot has too."""
    return (str(market["baseName"] if market.get("swap") else market["id"]),)


def _hyperliquid(message: Any) -> Sequence[Update]:
    """Whole books, in the order of their time."""
    if not isinstance(message, dict) or message.get("channel") != "l2Book":
        return _NOTHING
    data = message["data"]
    bids, asks = data["levels"]
    demand_lists({"bids": bids, "asks": asks}, "bids", "asks")
    time_ms = int(data["time"])
    return (Update(str(data["coin"]), time_ms, time_ms, whole=True),)


def _mexc(message: Any) -> Sequence[Update]:
    """fromVersion..toVersion of spot, as decoded from protobuf; futures number changes one by one."""
    if not isinstance(message, dict):
        return _NOTHING
    depths = message.get("publicAggreDepths")
    if isinstance(depths, dict):
        first, last = int(depths["fromVersion"]), int(depths["toVersion"])
        return (Update(str(message["symbol"]), first, last),)
    if message.get("channel") == "push.depth":
        number = int(message["data"]["version"])
        demand_lists(message["data"], "bids", "asks")
        return (Update(str(message["symbol"]), number, number),)
    return _NOTHING


def _numbered(name: str) -> TradeReader:
    """Of a venue that gives each trade one number, under a name."""
    return lambda info: (info[name], info[name])


def _binance_trade(info: Mapping[str, Any]) -> tuple[int, int]:
    """Spot alone ("M"): what insurance funds take over on futures is numbered and not told."""
    if "M" not in info:
        raise KeyError("M")
    return (info["f"], info["l"]) if info["e"] == "aggTrade" else (info["t"], info["t"])


def _kraken_history(message: Any) -> bool:
    """Told apart from what still comes of the subscription before."""
    told = isinstance(message, dict) and message.get("channel") == "trade"
    return told and message.get("type") == "snapshot"


_BINANCE: Final = Family(_binance, trade=_binance_trade)
_KUCOIN: Final = Family(_kucoin, leaves=True)

FAMILIES: Final[dict[str, Family]] = {
    "binance": _BINANCE,
    "binanceus": _BINANCE,
    "binanceusdm": _BINANCE,
    "binancecoinm": _BINANCE,
    "bybit": Family(_bybit, leaves=True),
    "okx": Family(_okx, leaves=True, checksum=checksums.okx),
    "kraken": Family(
        _kraken,
        leaves=True,
        checksum=checksums.kraken,
        trade=_numbered("trade_id"),
        history=_kraken_history,
        audit=Audit(asked=100, compared=100, proved=10),
    ),
    "coinbase": Family(_coinbase, leaves=True),
    "deribit": Family(_deribit, leaves=True, merges_snapshots=True, trade=_numbered("trade_seq")),
    "gate": Family(_gate, leaves=True),
    "kucoin": _KUCOIN,
    "kucoinfutures": _KUCOIN,
    "bitget": Family(
        _bitget,
        names=_bitget_names,
        leaves=True,
        merges_snapshots=True,
        checksum=checksums.bitget,
        audit=Audit(
            asked=50, proved=25
        ),  # where no checksum is sent, ids that only grow prove little
        options=_UNCHECKED,
    ),
    "mexc": Family(_mexc, leaves=True, drains=True),
    "hyperliquid": Family(
        _hyperliquid, names=_hyperliquid_names, leaves=True, only_whole=True, audit=Audit()
    ),
}


def _silent(message: Any) -> Sequence[Update]:
    return _NOTHING


# A venue whose updates tell nothing of their order: what ccxt and the sanity of books tell, and the audit.
DEFAULT: Final = Family(_silent, leaves=True, drains=True, audit=Audit())


def family_of(exchange_id: str) -> Family:
    """The row of a ccxt exchange id, or of the exchange that it is a copy of (bybiteu is bybit)."""
    return nearest(FAMILIES, lineage(exchange_id), DEFAULT)
