"""Binance spot's market data, as its clients know it: messages and the market's description.

Update ids are the engine's: a `depthUpdate` carries every level that changed since the one before it,
`U` the first and `u` the last id in it, so `U` is always the previous `u` plus one; `bookTicker` and the
snapshot name the id at which they hold.
Source: developers.binance.com, Spot, WebSocket Streams and Market Data endpoints.
"""

from collections.abc import Callable
from typing import Any

from app.demo.engine import BUY, Fill
from app.demo.faults import Fault, Faults
from app.demo.flow import Flow, Quote
from app.demo.publisher import Message, Publisher
from app.demo.world import Town

SNAPSHOT_LIMIT = 5000
SUFFIXES = {"depth": "depth@100ms", "best": "bookTicker", "trade": "trade"}


class BinancePublisher(Publisher):
    """One market in Binance's messages."""

    def __init__(self, town: Town, faults: Faults, wall_ns: Callable[[float], int]):
        super().__init__(town, faults, wall_ns)
        self._sent_id = town.flow.engine.update_id

    def on_best(self, flow: Flow, quote: Quote) -> None:
        """Send a `bookTicker`; Binance sends none while a side is empty."""
        if not self.subscribers["best"] or not quote.bid_size or not quote.ask_size:
            return
        text = self.exact
        message = {
            "u": flow.engine.update_id,
            "s": self.symbol,
            "b": text.price(quote.bid),
            "B": text.size(quote.bid_size),
            "a": text.price(quote.ask),
            "A": text.size(quote.ask_size),
        }
        self.emit("best", message)

    def on_fill(self, flow: Flow, fill: Fill) -> None:
        """Send a `trade`."""
        number = self.next_trade_id()
        time_ms = self.stamp_ns() // 1_000_000
        message = {
            "e": "trade",
            "E": time_ms,
            "s": self.symbol,
            "t": number,
            "p": self.exact.price(fill.price),
            "q": self.exact.size(fill.size),
            "T": time_ms,
            "m": fill.taker_side != BUY,
            "M": True,
        }
        listed = {"a": number, "f": number, "l": number, "T": self.now_ns() // 1_000_000}
        self.printed.append({**{name: message[name] for name in "pqmM"}, **listed})
        if self.subscribers["trade"]:
            self.emit("trade", message)

    def flush(self) -> None:
        """Send what changed in the book since the last call, if anything did."""
        engine = self.town.flow.engine
        first, last = self._sent_id + 1, engine.update_id
        if last < first:
            return
        self._sent_id = last
        bids, asks = self.drain(engine.bids), self.drain(engine.asks)
        if not self.subscribers["depth"]:
            return
        message = {
            "e": "depthUpdate",
            "E": self.stamp_ns() // 1_000_000,
            "s": self.symbol,
            "U": first,
            "u": last,
            "b": self.exact.levels(bids),
            "a": self.exact.levels(asks),
        }
        self.emit("depth", message)

    def spoil(self, message: Message, fault: Fault) -> None:
        """Put a level into a message that no book can hold, or take its times out."""
        if fault.kind == "no_time":
            message.pop("E", None)
            message.pop("T", None)
            return
        quote, text = self.town.flow.quote, self.exact
        if fault.kind == "crossed":
            ticks, lots = self.phantom()
            price, size = text.price(ticks), text.size(lots)
        else:
            size = "NaN" if fault.kind == "non_finite" else "-" + text.size(1)
            price = text.price(max(1, quote.bid - 1))
        if "e" not in message:
            message["b"], message["B"] = price, size
        elif message["e"] == "depthUpdate":
            message["b"] = [[price, size], *message["b"]]
        else:
            message["q"] = size

    def info(self) -> dict[str, Any]:
        """The market's entry in `/api/v3/exchangeInfo`."""
        spec = self.town.flow.spec
        tick, lot = self.exact.price(1), self.exact.size(1)
        return {
            "symbol": self.symbol,
            "status": "BREAK" if self.delisted else "TRADING",
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
