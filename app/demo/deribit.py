"""Deribit's market data: notifications of a perpetual's book, quotes and trades, and what REST tells.

A subscription to `book.X.100ms` opens with a snapshot of the whole book; each change then carries the
levels that changed in the 100 ms, `change_id`, and in `prev_change_id` the id of the message before it.
Amounts of inverse perpetuals are US dollars.
Source: docs.deribit.com, Subscriptions and Market Data.
"""

from collections.abc import Callable
from typing import Any

import orjson

from app.demo.engine import BUY, BookSide, Fill
from app.demo.faults import Fault, Faults
from app.demo.flow import Flow, Quote
from app.demo.publisher import Message, Publisher, Sink
from app.demo.world import Town

CHANNELS = {"book": "depth", "quote": "best", "trades": "trade"}
_NEVER_MS = 32_503_708_800_000  # how Deribit writes that a perpetual does not expire
_CREATED_MS = 1_534_242_287_000


class DeribitPublisher(Publisher):
    """One perpetual in Deribit's messages."""

    def __init__(self, town: Town, faults: Faults, wall_ns: Callable[[float], int]):
        super().__init__(town, faults, wall_ns)
        grid = town.flow.spec.grid
        self._tick, self._digits = float(grid.tick), grid.price_decimals
        self._lot = float(grid.lot)
        engine = town.flow.engine
        self._sent_id = engine.update_id
        self._told = {side.side: set(side.levels) for side in (engine.bids, engine.asks)}
        self._trades: list[Message] = []
        self._last_ticks = town.flow.quote.bid

    def on_best(self, flow: Flow, quote: Quote) -> None:
        """Send a `quote`."""
        if self.subscribers["best"]:
            self.emit("best", self._notify("quote", {**self._best(), **self._when()}, ""))

    def on_fill(self, flow: Flow, fill: Fill) -> None:
        """Keep a trade for the next batch."""
        number = self.next_trade_id()
        rose, self._last_ticks = fill.price - self._last_ticks, fill.price
        mid = round(flow.mid * self._tick, 2)
        trade = {
            "trade_seq": number,
            "trade_id": str(number),
            **self._when(),
            "tick_direction": 0 if rose > 0 else 2 if rose < 0 else 1,
            "price": self._price(fill.price),
            "mark_price": mid,
            "index_price": mid,
            "instrument_name": self.symbol,
            "direction": "buy" if fill.taker_side == BUY else "sell",
            "amount": fill.size * self._lot,
        }
        self.printed.append({**trade, "timestamp": self.now_ns() // 1_000_000})
        if self.subscribers["trade"]:
            self._trades.append(trade)

    def flush(self) -> None:
        """Send the changes of the book and the trades since the last call."""
        engine = self.town.flow.engine
        previous, self._sent_id = self._sent_id, engine.update_id
        if self._sent_id > previous:
            data = {
                "type": "change",
                **self._when(),
                "prev_change_id": previous,
                "instrument_name": self.symbol,
                "change_id": self._sent_id,
                "bids": self._changes(engine.bids),
                "asks": self._changes(engine.asks),
            }
            if self.subscribers["depth"]:
                self.emit("depth", self._notify("book", data))
        if self._trades:
            trades, self._trades = self._trades, []
            self.emit("trade", self._notify("trades", trades))

    def join(self, sink: Sink, stream: str) -> None:
        """As everywhere; a book opens with a snapshot, and the chain goes on from it."""
        if stream != "depth":
            super().join(sink, stream)
            return
        self.flush()
        super().join(sink, stream)
        engine = self.town.flow.engine
        data = {
            "type": "snapshot",
            **self._when(),
            "instrument_name": self.symbol,
            "change_id": self._sent_id,
            "bids": [["new", *level] for level in self.levels(engine.bids)],
            "asks": [["new", *level] for level in self.levels(engine.asks)],
        }
        self.emit("depth", self._notify("book", data), {sink}, spared=True)

    def levels(self, side: BookSide, limit: int | None = None) -> list[list[float]]:
        """The best levels of a side as the venue's numbers."""
        return [[self._price(p), q * self._lot] for p, q in side.depth(limit)]

    def spoil(self, message: Message, fault: Fault) -> None:
        """Put a level into a message that no book can hold, or take its times out."""
        data = message["params"]["data"]
        entries = data if isinstance(data, list) else [data]
        if fault.kind == "no_time":
            for entry in entries:
                entry.pop("timestamp", None)
            return
        ticks, lots = self.phantom()
        wrong: Any = -self._lot if fault.kind == "negative" else orjson.Fragment(b"NaN")
        if fault.kind != "crossed":
            ticks = max(1, self.town.flow.quote.bid - 1)
        size = lots * self._lot if fault.kind == "crossed" else wrong
        for entry in entries:
            if "bids" in entry:
                entry["bids"] = [["new", self._price(ticks), size], *entry["bids"]]
            elif "best_bid_price" in entry:
                entry["best_bid_price"], entry["best_bid_amount"] = self._price(ticks), size
            else:
                entry["amount"] = size

    def instrument(self) -> dict[str, Any]:
        """The market's entry in `get_instruments`."""
        spec = self.town.flow.spec
        return {
            "tick_size": self._tick,
            "taker_commission": 0.0005,
            "settlement_period": "perpetual",
            "settlement_currency": spec.base,
            "quote_currency": spec.quote,
            "price_index": f"{spec.base}_{spec.quote}".lower(),
            "min_trade_amount": self._lot,
            "max_liquidation_commission": 0.0075,
            "max_leverage": 50,
            "maker_commission": 0.0,
            "kind": "future",
            "is_active": True,
            "instrument_name": self.symbol,
            "future_type": "reversed",
            "expiration_timestamp": _NEVER_MS,
            "creation_timestamp": _CREATED_MS,
            "counter_currency": spec.quote,
            "contract_size": self._lot,
            "base_currency": spec.base,
        }

    def ticker(self) -> dict[str, Any]:
        """The answer of `ticker`."""
        mid = round(self.town.flow.mid * self._tick, 2)
        return {
            **self._when(),
            **self._best(),
            "state": "open",
            "last_price": self._price(self._last_ticks),
            "mark_price": mid,
            "index_price": mid,
            "estimated_delivery_price": mid,
            "settlement_price": mid,
            "min_price": round(mid * 0.985, self._digits),
            "max_price": round(mid * 1.015, self._digits),
            "open_interest": 0,
            "current_funding": 0.0,
            "funding_8h": 0.0,
            "stats": {"volume": None, "price_change": None, "low": None, "high": None},
        }

    def _best(self) -> dict[str, Any]:
        quote = self.town.flow.quote
        return {
            "instrument_name": self.symbol,
            "best_bid_price": self._price(quote.bid) if quote.bid_size else 0.0,
            "best_bid_amount": quote.bid_size * self._lot,
            "best_ask_price": self._price(quote.ask) if quote.ask_size else 0.0,
            "best_ask_amount": quote.ask_size * self._lot,
        }

    def _when(self) -> dict[str, int]:
        return {"timestamp": self.stamp_ns() // 1_000_000}

    def _notify(self, channel: str, data: Any, interval: str = ".100ms") -> Message:
        name = f"{channel}.{self.symbol}{interval}"
        return {
            "jsonrpc": "2.0",
            "method": "subscription",
            "params": {"channel": name, "data": data},
        }

    def _changes(self, side: BookSide) -> list[list[Any]]:
        told, found = self._told[side.side], []
        for ticks, lots in self.drain(side):
            if lots:
                action = "change" if ticks in told else "new"
                told.add(ticks)
            elif ticks in told:
                action = "delete"
                told.discard(ticks)
            else:
                continue  # it came and went between two messages
            found.append([action, self._price(ticks), lots * self._lot])
        return found

    def _price(self, ticks: int) -> float:
        return round(ticks * self._tick, self._digits)
