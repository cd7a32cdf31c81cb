"""Venues' frames about one book, in each venue's own format, with its own ids and checksums."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

import orjson

Sides = dict[str, Any]


@dataclass
class Book:
    """What a venue has: sides of price text to size text, and its update ids."""

    last_id: int = 100
    previous_id: int = 99
    bids: dict[str, str] = field(default_factory=dict)
    asks: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.bids = self.bids or {f"{100 - k / 10:.2f}": f"{k}.5000" for k in range(1, 31)}
        self.asks = self.asks or {f"{100 + k / 10:.2f}": f"{k}.2500" for k in range(1, 31)}

    def apply(self, bids: dict[str, str], asks: dict[str, str]) -> Sides:
        """Change it; returns the changes."""
        for side, changes in ((self.bids, bids), (self.asks, asks)):
            for price, size in changes.items():
                if float(size):
                    side[price] = size
                else:
                    side.pop(price, None)
        self.previous_id, self.last_id = self.last_id, self.last_id + 1
        return {"bids": list(bids.items()), "asks": list(asks.items())}

    def best(self, levels: int = 1000) -> Sides:
        """The best levels as the venue writes them."""
        bids = sorted(self.bids.items(), key=lambda level: -float(level[0]))[:levels]
        asks = sorted(self.asks.items(), key=lambda level: float(level[0]))[:levels]
        return {"bids": bids, "asks": asks}

    def top(self, levels: int = 20) -> tuple[list[Any], list[Any]]:
        """The best levels as numbers."""
        sides = self.best(levels)
        bids, asks = ([(float(p), float(q)) for p, q in sides[s]] for s in ("bids", "asks"))
        return bids, asks


@dataclass(frozen=True)
class Format:
    """How a venue writes about a book.

    `whole` and `change` make frames; `whole` is None where the book is fetched: then `told` changes must
    come before ccxt fetches it. `hole` is by what a lost change shows; `most` how many levels an update can
    change.
    """

    exchange_id: str
    market: dict[str, Any]
    change: Callable[[Book, Sides], Any]
    whole: Callable[[Book], Any] | None = None
    told: int = 1
    hole: str = "sequence"
    most: int = 3

    @property
    def symbol(self) -> str:
        """ccxt's name of the market."""
        return str(self.market["symbol"])


def _deribit(kind: str) -> Callable[..., Any]:
    def frame(book: Book, sides: Sides | None = None) -> Any:
        data: dict[str, Any] = {
            "type": kind,
            "timestamp": 1_700_000_000_000 + book.last_id,
            "instrument_name": "X-PERPETUAL",
            "change_id": book.last_id,
        }
        if kind == "change":
            data["prev_change_id"] = book.previous_id
        for name, side in (sides or book.best()).items():
            data[name] = [["new" if float(q) else "delete", float(p), float(q)] for p, q in side]
        params = {"channel": "book.X-PERPETUAL.100ms", "data": data}
        return {"jsonrpc": "2.0", "method": "subscription", "params": params}

    return frame


def _kraken(kind: str) -> Callable[..., Any]:
    def frame(book: Book, sides: Sides | None = None) -> Any:
        best = book.best(10)
        digits = "".join(
            n.replace(".", "").lstrip("0") for lv in (*best["asks"], *best["bids"]) for n in lv
        )
        data: dict[str, Any] = {
            name: [{"price": orjson.Fragment(p), "qty": orjson.Fragment(q)} for p, q in side]
            for name, side in (sides or book.best()).items()
        }
        data |= {"symbol": "X/USD", "checksum": crc32(digits.encode())}
        data["timestamp"] = "2026-01-02T03:04:05.678901Z"
        return {"channel": "book", "type": kind, "data": [data]}

    return frame


def _interleaved(book: Book) -> int:
    """OKX's and Bitget's checksum, written down level by level."""
    best, parts = book.best(25), []
    for k in range(25):
        for name in ("bids", "asks"):
            parts += [text for level in best[name][k : k + 1] for text in level]
    number = crc32(":".join(parts).encode())
    return number - 2**32 if number >= 2**31 else number


def _okx(action: str) -> Callable[..., Any]:
    def frame(book: Book, sides: Sides | None = None) -> Any:
        data: dict[str, Any] = {
            name: [[p, q, "0", "1"] for p, q in side]
            for name, side in (sides or book.best()).items()
        }
        data |= {"ts": "1700000000000", "checksum": _interleaved(book), "seqId": book.last_id}
        data["prevSeqId"] = -1 if action == "snapshot" else book.previous_id
        return {"arg": {"channel": "books", "instId": "X-USDT"}, "action": action, "data": [data]}

    return frame


def _bybit(kind: str) -> Callable[..., Any]:
    def frame(book: Book, sides: Sides | None = None) -> Any:
        given = sides or book.best()
        data = {"s": "XUSDT", "b": given["bids"], "a": given["asks"], "u": book.last_id, "seq": 7}
        return {"topic": "orderbook.50.XUSDT", "type": kind, "ts": 1_700_000_000_000, "data": data}

    return frame


class Coinbase:
    """Counts the messages of its connection."""

    def __init__(self) -> None:
        self.number = -1

    def frame(self, kind: str) -> Callable[..., Any]:
        def made(book: Book, sides: Sides | None = None) -> Any:
            self.number += 1
            updates = [
                {
                    "side": word,
                    "price_level": p,
                    "new_quantity": q,
                    "event_time": "1970-01-01T00:00:00Z",
                }
                for name, word in (("bids", "bid"), ("asks", "offer"))
                for p, q in (sides or book.best())[name]
            ]
            return {
                "channel": "l2_data",
                "client_id": "",
                "timestamp": "2026-02-09T20:32:50.714964855Z",
                "sequence_num": self.number,
                "events": [{"type": kind, "product_id": "X-USD", "updates": updates}],
            }

        return made


def _gate_spot(full: bool) -> Callable[..., Any]:
    def frame(book: Book, sides: Sides | None = None) -> Any:
        given = sides or book.best()
        result: dict[str, Any] = {"t": 1_700_000_000_000, "s": "ob.X_USDT.50", "u": book.last_id}
        result |= {"U": book.last_id, "b": given["bids"], "a": given["asks"]}
        if full:
            result["full"] = True
        return {"channel": "spot.obu", "result": result, "time_ms": 1, "event": "update"}

    return frame


def _gate_future(book: Book, sides: Sides) -> Any:
    def levels(side: Any) -> list[dict[str, Any]]:
        return [{"p": p, "s": float(q)} for p, q in side]

    result = {"t": 1_700_000_000_000, "s": "X_USDT", "U": book.last_id, "u": book.last_id}
    result |= {"b": levels(sides["bids"]), "a": levels(sides["asks"])}  # type: ignore[dict-item]
    channel = "futures.order_book_update"
    return {"time": 1, "channel": channel, "event": "update", "error": None, "result": result}


def _kucoin(book: Book, sides: Sides) -> Any:
    changes = {name: [[p, q, str(book.last_id)] for p, q in side] for name, side in sides.items()}
    data = {"sequenceStart": book.last_id, "sequenceEnd": book.last_id, "symbol": "X-USDT"}
    topic = "/market/level2:X-USDT"
    return {
        "type": "message",
        "topic": topic,
        "subject": "trade.l2update",
        "data": {**data, "changes": changes, "time": 1_700_000_000_000},
    }


def _mexc_future(book: Book, sides: Sides) -> Any:
    data = {name: [[float(p), float(q), 1] for p, q in side] for name, side in sides.items()}
    ts = 1_700_000_000_000
    data |= {"version": book.last_id}  # type: ignore[dict-item]
    return {"symbol": "X_USDT", "data": data, "channel": "push.depth", "ts": ts}


def _kucoin_future(book: Book, sides: Sides) -> Any:
    """One change a message; one that changes nothing repeats the best bid."""
    held = [(name, level) for name in ("bids", "asks") for level in sides[name]]
    name, (price, size) = (held or [("bids", book.best(1)["bids"][0])])[0]
    change = f"{price},{'buy' if name == 'bids' else 'sell'},{size}"
    data = {"sequence": book.last_id, "change": change, "timestamp": 1_700_000_000_000}
    topic = "/contractMarket/level2:XUSDTM"
    return {"topic": topic, "type": "message", "subject": "level2", "data": data}


def _bitget_swap(action: str) -> Callable[..., Any]:
    """Each message names the one before; there is no checksum."""

    def frame(book: Book, sides: Sides | None = None) -> Any:
        message = _bitget(action)(book, sides)
        message["arg"]["instType"] = "USDT-FUTURES"
        previous = 0 if action == "snapshot" else book.previous_id
        message["data"][0] |= {"checksum": 0, "seq": str(book.last_id), "pseq": str(previous)}
        return message

    return frame


def _bitget(action: str) -> Callable[..., Any]:
    def frame(book: Book, sides: Sides | None = None) -> Any:
        data: dict[str, Any] = {
            n: [list(lv) for lv in s] for n, s in (sides or book.best()).items()
        }
        data |= {"checksum": _interleaved(book), "seq": book.last_id, "ts": "1700000000000"}
        arg = {"instType": "SPOT", "channel": "books", "instId": "XUSDT"}
        return {"action": action, "arg": arg, "data": [data], "ts": 1_700_000_000_000}

    return frame


def _hyperliquid(book: Book, sides: Sides | None = None) -> Any:
    best = book.best(20)
    levels = [[{"px": p, "sz": q, "n": 1} for p, q in best[n]] for n in ("bids", "asks")]
    data = {"coin": "X", "time": 1_700_000_000_000 + book.last_id, "levels": levels}
    return {"channel": "l2Book", "data": data}


def _binance(futures: bool, market: str = "XUSDT") -> Callable[..., Any]:
    def frame(book: Book, sides: Sides) -> Any:
        data: dict[str, Any] = {
            "e": "depthUpdate",
            "E": 1_700_000_000_000,
            "s": market,
            "U": book.last_id,
            "u": book.last_id,
            "b": sides["bids"],
            "a": sides["asks"],
        }
        if futures:
            data |= {"T": 1_700_000_000_000, "pu": book.previous_id}
        return {"stream": f"{market.lower()}@depth@100ms", "data": data}

    return frame


def formats() -> dict[str, Format]:
    """A fresh format of every family."""
    spot, swap = {"id": "XUSDT", "symbol": "X/USDT"}, {"id": "XUSDT", "symbol": "X/USDT:USDT"}
    coinbase = Coinbase()
    return {
        "binance": Format("binance", spot, _binance(False)),
        "binanceusdm": Format("binanceusdm", swap, _binance(True)),
        "binancecoinm": Format(
            "binancecoinm",
            {"id": "XUSD_PERP", "symbol": "X/USD:X"},
            _binance(True, "XUSD_PERP"),
        ),
        "binanceus": Format("binanceus", spot, _binance(False)),
        "bybit": Format("bybit", spot, _bybit("delta"), _bybit("snapshot")),
        "okx": Format("okx", {**spot, "id": "X-USDT"}, _okx("update"), _okx("snapshot")),
        "kraken": Format(
            "kraken",
            {"id": "XUSD", "symbol": "X/USD"},
            _kraken("update"),
            _kraken("snapshot"),
            hole="checksum",
        ),
        "coinbase": Format(
            "coinbase",
            {"id": "X-USD", "symbol": "X/USD"},
            coinbase.frame("update"),
            coinbase.frame("snapshot"),
        ),
        "deribit": Format(
            "deribit",
            {"id": "X-PERPETUAL", "symbol": "X/USD:X"},
            _deribit("change"),
            _deribit("snapshot"),
        ),
        "gate": Format("gate", {**spot, "id": "X_USDT"}, _gate_spot(False), _gate_spot(True)),
        "gate futures": Format("gate", {**swap, "id": "X_USDT"}, _gate_future),
        "kucoin": Format("kucoin", {**spot, "id": "X-USDT"}, _kucoin, told=6),
        "mexc futures": Format("mexc", {**swap, "id": "X_USDT"}, _mexc_future, told=26),
        "kucoin futures": Format(
            "kucoinfutures", {**swap, "id": "XUSDTM"}, _kucoin_future, told=6, most=1
        ),
        "bitget": Format("bitget", spot, _bitget("update"), _bitget("snapshot"), hole="checksum"),
        "bitget swap": Format("bitget", swap, _bitget_swap("update"), _bitget_swap("snapshot")),
        "hyperliquid": Format(
            "hyperliquid",
            {"id": "0", "symbol": "X/USDC:USDC", "baseName": "X"},
            _hyperliquid,
            _hyperliquid,
        ),
    }
