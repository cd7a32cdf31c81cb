"""Binance spot's market data, as its clients know it: messages, subscriptions and their order.

Update ids are the engine's: a `depthUpdate` carries every level that changed since the one before it,
`U` the first and `u` the last id in it, so `U` is always the previous `u` plus one; `bookTicker` and the
snapshot name the id at which they hold. Messages are encoded only while someone listens; the changes
are drained all the same.
Source: developers.binance.com, Spot, WebSocket Streams and Market Data endpoints.
"""

from collections.abc import Callable
from typing import Any, Protocol

import orjson

from app.demo.engine import BUY, BookSide, Fill
from app.demo.faults import Fault, Faults
from app.demo.flow import Flow, Quote
from app.demo.world import Town
from app.market import Grid

SNAPSHOT_LIMIT = 5000
DEPTH_S = 0.1
_E8 = 10**8
SUFFIXES = {"depth": "depth@100ms", "best": "bookTicker", "trade": "trade"}


class Sink(Protocol):
    """A connection that takes messages."""

    def send(self, data: bytes) -> None:
        """Queue a message, without waiting."""


class Decimals:
    """Integers of a grid as the eight-decimal text that Binance sends."""

    def __init__(self, grid: Grid):
        self._tick = round(grid.tick * _E8)
        self._lot = round(grid.lot * _E8)

    def price(self, ticks: int) -> str:
        """Ticks as text."""
        value = ticks * self._tick
        return f"{value // _E8}.{value % _E8:08d}"

    def size(self, lots: int) -> str:
        """Lots as text."""
        value = lots * self._lot
        return f"{value // _E8}.{value % _E8:08d}"

    def levels(self, levels: list[tuple[int, int]]) -> list[list[str]]:
        """(price, size) pairs as text."""
        return [[self.price(p), self.size(q)] for p, q in levels]


class Publisher:
    """Turns what happens in one market into messages for those who subscribed."""

    def __init__(self, town: Town, faults: Faults, wall_ns: Callable[[float], int]):
        self.town = town
        self.symbol = town.flow.spec.venue_symbol
        self.text = Decimals(town.flow.spec.grid)
        self._faults = faults
        self._wall_ns = wall_ns
        self._sent_id = town.flow.engine.update_id
        self._trade_id = 1_000_000
        self.subscribers: dict[str, set[Sink]] = {name: set() for name in SUFFIXES}
        self._drain(town.flow.engine.bids)
        self._drain(town.flow.engine.asks)
        town.flow.listeners.append(self)

    def on_best(self, flow: Flow, quote: Quote) -> None:
        """Send a `bookTicker`; Binance sends none while a side is empty."""
        if not self.subscribers["best"] or not quote.bid_size or not quote.ask_size:
            return
        text = self.text
        message = {
            "u": flow.engine.update_id,
            "s": self.symbol,
            "b": text.price(quote.bid),
            "B": text.size(quote.bid_size),
            "a": text.price(quote.ask),
            "A": text.size(quote.ask_size),
        }
        self._emit("best", message)

    def on_fill(self, flow: Flow, fill: Fill) -> None:
        """Send a `trade`; its id counts whether or not anyone listens."""
        self._trade_id += 1
        if not self.subscribers["trade"]:
            return
        time_ms = self._wall_ns(flow.time_s) // 1_000_000
        message = {
            "e": "trade",
            "E": time_ms,
            "s": self.symbol,
            "t": self._trade_id,
            "p": self.text.price(fill.price),
            "q": self.text.size(fill.size),
            "T": time_ms,
            "m": fill.taker_side != BUY,
            "M": True,
        }
        self._emit("trade", message)

    def flush_depth(self) -> None:
        """Send what changed in the book since the last call, if anything did."""
        engine = self.town.flow.engine
        first, last = self._sent_id + 1, engine.update_id
        if last < first:
            return
        self._sent_id = last
        bids, asks = self._drain(engine.bids), self._drain(engine.asks)
        if not self.subscribers["depth"]:
            return
        message = {
            "e": "depthUpdate",
            "E": self._wall_ns(self.town.flow.time_s) // 1_000_000,
            "s": self.symbol,
            "U": first,
            "u": last,
            "b": self.text.levels(bids),
            "a": self.text.levels(asks),
        }
        self._emit("depth", message)

    def snapshot(self, limit: int) -> dict[str, Any]:
        """The answer of `/api/v3/depth`."""
        engine = self.town.flow.engine
        return {
            "lastUpdateId": engine.update_id,
            "bids": self.text.levels(engine.bids.depth(limit)),
            "asks": self.text.levels(engine.asks.depth(limit)),
        }

    def info(self) -> dict[str, Any]:
        """The market's entry in `/api/v3/exchangeInfo`."""
        spec = self.town.flow.spec
        tick, lot = self.text.price(1), self.text.size(1)
        return {
            "symbol": self.symbol,
            "status": "TRADING",
            "baseAsset": spec.base,
            "baseAssetPrecision": 8,
            "quoteAsset": spec.quote,
            "quotePrecision": 8,
            "quoteAssetPrecision": 8,
            "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET"],
            "icebergAllowed": True,
            "isSpotTradingAllowed": True,
            "isMarginTradingAllowed": False,
            "filters": [
                {
                    "filterType": "PRICE_FILTER",
                    "minPrice": tick,
                    "maxPrice": "1000000.00000000",
                    "tickSize": tick,
                },
                {
                    "filterType": "LOT_SIZE",
                    "minQty": lot,
                    "maxQty": "9000.00000000",
                    "stepSize": lot,
                },
                {"filterType": "NOTIONAL", "minNotional": "5.00000000"},
            ],
            "permissions": ["SPOT"],
            "permissionSets": [["SPOT"]],
        }

    @staticmethod
    def _drain(side: BookSide) -> list[tuple[int, int]]:
        changes = side.drain()
        # Best first, as the venue lists them.
        return changes[::-1] if side.side == BUY else changes

    def _emit(self, stream: str, message: dict[str, Any]) -> None:
        now_ns = self._wall_ns(self.town.flow.time_s)
        copies, cut = 1, False
        for fault in self._faults.stream(self.town.venue, self.symbol, stream, now_ns):
            if fault.kind in ("drop", "stall"):
                return
            if fault.kind == "duplicate":
                copies = 2
            elif fault.kind == "malformed":
                cut = True
            else:
                self._spoil(message, fault)
        data = orjson.dumps(message)
        if cut:
            data = data[: len(data) // 2]
        for sink in tuple(self.subscribers[stream]):
            for _ in range(copies):
                sink.send(data)

    def _spoil(self, message: dict[str, Any], fault: Fault) -> None:
        """Put a level into a message that no book can hold."""
        quote, text = self.town.flow.quote, self.text
        if fault.kind == "crossed":
            price = text.price(quote.ask + max(10, round(self.town.flow.bp)))
            size = text.size(self.town.flow.spec.touch_lots)
        else:
            price, size = text.price(max(1, quote.bid - 1)), "NaN"
        if "e" not in message:
            message["b"], message["B"] = price, size
        elif message["e"] == "depthUpdate":
            message["b"] = [[price, size], *message["b"]]
        else:
            message["q"] = size
