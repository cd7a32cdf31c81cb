"""Kraken's market data, WebSocket version 2: a book event by event with its checksum, and trades.

The book of a subscribed depth opens with a snapshot; each update carries what changed within the depth, a
level that moves into it included, and nothing for one that falls out: the client cuts its book. The
checksum is the CRC32 of the ten best asks and bids, price and quantity as printed, without points and
leading zeros. Numbers are printed with the instrument's digits, trailing zeros included.
Source: docs.kraken.com, WebSocket v2 book, trade, instrument; guide "Book checksum (v2)".
"""

import zlib
from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from app.demo.engine import BUY, SELL, BookSide, Fill
from app.demo.faults import Fault, Faults
from app.demo.flow import Flow, Quote
from app.demo.publisher import Decimals, Message, Publisher, Sink
from app.demo.world import Town

DEPTHS: Final = (10, 25, 100, 500, 1000)
_CHECKED = 10
_HISTORY = 50  # trades with which a subscription opens
_ALL = -(2**62)


@dataclass
class Window:
    """Those who subscribed a depth, and how far down each side they see (key of the last level)."""

    depth: int
    sinks: set[Sink] = field(default_factory=set)
    bound: dict[int, int] = field(default_factory=lambda: {BUY: _ALL, SELL: _ALL})

    def last(self, side: BookSide) -> int:
        """The key of the deepest level in the window; `_ALL` where every level is in it."""
        return side.keys[-self.depth] if len(side.keys) >= self.depth else _ALL

    def changes(self, side: BookSide, changed: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """What the window is told of a side's changes; moves its bound."""
        old, new = self.bound[side.side], self.last(side)
        self.bound[side.side] = new
        told = [(p, q) for p, q in changed if side.side * p >= (new if q else old)]
        if new < old:
            keys, seen = side.keys, {p for p, _ in changed}
            entered = keys[bisect_left(keys, new) : bisect_left(keys, old)]
            prices = [side.side * key for key in entered]
            told += [(p, side.levels[p].visible) for p in prices if p not in seen]
        return told


def checksum(asks: list[tuple[int, int]], bids: list[tuple[int, int]]) -> int:
    """Kraken's checksum of the best levels, prices and sizes as integers of their last digit."""
    text = "".join([f"{p}{q}" for side in (asks, bids) for p, q in side[:_CHECKED]])
    return zlib.crc32(text.encode())


class KrakenPublisher(Publisher):
    """One pair in Kraken's messages."""

    def __init__(self, town: Town, faults: Faults, wall_ns: Callable[[float], int]):
        super().__init__(town, faults, wall_ns)
        grid = town.flow.spec.grid
        self.price_digits, self.size_digits = grid.price_decimals, grid.size_decimals
        self.exact = Decimals(grid, self.price_digits, self.size_digits)
        # One tick and one lot in units of the last digit: both grids are decimal powers or multiples.
        self._price_unit = round(grid.tick.scaleb(self.price_digits))
        self._size_unit = round(grid.lot.scaleb(self.size_digits))
        self._windows: dict[int, Window] = {}
        self._fills: list[Message] = []
        self._history: deque[Message] = deque(maxlen=_HISTORY)
        town.flow.watchers.append(self._operation)

    def on_best(self, flow: Flow, quote: Quote) -> None:
        """Nothing of its own: the book tells each change."""

    def on_fill(self, flow: Flow, fill: Fill) -> None:
        """Keep a trade until the operation is done."""
        trade = {
            "symbol": self.symbol,
            "side": "buy" if fill.taker_side == BUY else "sell",
            "price": self._number(self.exact.price(fill.price)),
            "qty": self._number(self.exact.size(fill.size)),
            "ord_type": "market",
            "trade_id": self.next_trade_id(),
            "timestamp": self._time(),
        }
        self._history.append(trade)
        texts = {"price": self.exact.price(fill.price), "qty": self.exact.size(fill.size)}
        self.printed.append({**trade, **texts, "time_ns": self.now_ns()})
        if self.subscribers["trade"]:
            self._fills.append(trade)

    def flush(self) -> None:
        """Nothing is collected: each operation is told at once."""

    def _operation(self) -> None:
        engine = self.town.flow.engine
        bids, asks = self.drain(engine.bids), self.drain(engine.asks)
        if self._fills:
            fills, self._fills = self._fills, []
            message = {"channel": "trade", "type": "update", "data": [dict(f) for f in fills]}
            self.emit("trade", message)
        for window in self._windows.values():
            if not window.sinks:
                continue
            told = (window.changes(engine.bids, bids), window.changes(engine.asks, asks))
            if any(told):
                data = {**self._book(*told), "timestamp": self._time()}
                message = {"channel": "book", "type": "update", "data": [data]}
                self.emit("depth", message, window.sinks, spared=not self._checked(*told))

    def _checked(self, bids: list[tuple[int, int]], asks: list[tuple[int, int]]) -> bool:
        """Whether a change is among the levels of the checksum: what is spoilt deeper, nobody can tell."""
        engine = self.town.flow.engine
        for side, told in ((engine.bids, bids), (engine.asks, asks)):
            last = side.keys[-_CHECKED] if len(side.keys) >= _CHECKED else _ALL
            if any(side.side * price >= last for price, _ in told):
                return True
        return False

    def open_book(self, sink: Sink, depth: int) -> None:
        """Send a snapshot, then what changes within the depth."""
        self.join(sink, "depth")
        window = self._windows.setdefault(depth, Window(depth))
        engine = self.town.flow.engine
        for side in (engine.bids, engine.asks):
            window.bound[side.side] = window.last(side)
        data = self._book(engine.bids.depth(depth), engine.asks.depth(depth))
        message = {"channel": "book", "type": "snapshot", "data": [data]}
        self.emit("depth", message, {sink}, spared=True)
        window.sinks.add(sink)

    def open_trades(self, sink: Sink) -> None:
        """Send the last trades, then each as it happens."""
        self.join(sink, "trade")
        if self._history:
            trades = [dict(trade) for trade in self._history]
            self.emit("trade", {"channel": "trade", "type": "snapshot", "data": trades}, {sink})

    def leave(self, sink: Sink, stream: str) -> None:
        """As everywhere; also from the windows."""
        super().leave(sink, stream)
        if stream == "depth":
            for window in self._windows.values():
                window.sinks.discard(sink)

    def spoil(self, message: Message, fault: Fault) -> None:
        """Put a level into a message that no book can hold, or take its times out."""
        for entry in message["data"]:
            if fault.kind == "no_time":
                entry.pop("timestamp", None)
                continue
            ticks, lots = self.phantom()
            size = self._number(self.exact.size(lots))
            if fault.kind != "crossed":
                ticks = max(1, self.town.flow.quote.bid - 1)
                text = "NaN" if fault.kind == "non_finite" else "-" + self.exact.size(1)
                size = self._number(text)
            if "bids" in entry:
                price = self._number(self.exact.price(ticks))
                entry["bids"] = [{"price": price, "qty": size}, *entry["bids"]]
            else:
                entry["qty"] = size

    def pair(self) -> dict[str, Any]:
        """The market's entry in the `instrument` channel."""
        spec = self.town.flow.spec
        return {
            "symbol": self.symbol,
            "base": spec.base,
            "quote": spec.quote,
            "status": "delisted" if self.delisted else "online",
            "qty_precision": self.size_digits,
            "qty_increment": float(spec.grid.lot),
            "price_precision": self.price_digits,
            "price_increment": float(spec.grid.tick),
            "cost_precision": 5,
            "cost_min": "0.5",
            "qty_min": 0.0001,
            "marginable": False,
            "has_index": True,
        }

    def _book(self, bids: list[tuple[int, int]], asks: list[tuple[int, int]]) -> dict[str, Any]:
        engine, price, size = self.town.flow.engine, self._price_unit, self._size_unit
        best = [
            [(p * price, q * size) for p, q in side.depth(_CHECKED)]
            for side in (engine.asks, engine.bids)
        ]
        return {
            "symbol": self.symbol,
            "bids": self._levels(bids),
            "asks": self._levels(asks),
            "checksum": checksum(*best),
        }

    def _levels(self, levels: list[tuple[int, int]]) -> list[dict[str, orjson.Fragment]]:
        number, exact = self._number, self.exact
        return [{"price": number(exact.price(p)), "qty": number(exact.size(q))} for p, q in levels]

    @staticmethod
    def _number(text: str) -> orjson.Fragment:
        """A number as printed: JSON's own writer would drop its trailing zeros."""
        return orjson.Fragment(text)

    def _time(self) -> str:
        return kraken_time(self.stamp_ns())


def kraken_time(time_ns: int) -> str:
    """A moment as Kraken writes it, to the microsecond."""
    seconds, rest = divmod(time_ns, 10**9)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest // 1000:06d}Z"
