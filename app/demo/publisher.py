"""What every protocol of the demo shares: who listens to a market, and what goes wrong on the way."""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Protocol

import orjson

from app.demo.engine import BUY, BookSide, Fill
from app.demo.faults import STREAMS, Fault, Faults
from app.demo.flow import Flow, Quote
from app.demo.world import Town
from app.market import Grid

BATCH_S = 0.1  # how often protocols that collect changes send them
_HOUR_NS: Final = 3600 * 10**9
_LEAP: Final = 1 << 53
_PRINTED: Final = 100
_E8 = 10**8
Message = dict[str, Any]


class Sink(Protocol):
    """A connection that takes messages."""

    def send(self, data: bytes) -> None:
        """Queue a message, without waiting."""


class Decimals:
    """Integers of a grid as text with a fixed number of digits."""

    def __init__(self, grid: Grid, price_digits: int = 8, size_digits: int = 8):
        self._tick, self._price = round(grid.tick * 10**price_digits), price_digits
        self._lot, self._size = round(grid.lot * 10**size_digits), size_digits

    def price(self, ticks: int) -> str:
        """Ticks as text."""
        return _text(ticks * self._tick, self._price)

    def size(self, lots: int) -> str:
        """Lots as text."""
        return _text(lots * self._lot, self._size)

    def levels(self, levels: list[tuple[int, int]]) -> list[list[str]]:
        """(price, size) pairs as text."""
        return [[self.price(p), self.size(q)] for p, q in levels]


def _text(value: int, digits: int) -> str:
    whole, part = divmod(value, 10**digits)
    return f"{whole}.{part:0{digits}d}" if digits else str(whole)


class Publisher(ABC):
    """Turns what happens in one market into messages for those who subscribed.

    Messages are encoded only while someone listens; changes of the book are drained all the same.
    """

    def __init__(self, town: Town, faults: Faults, wall_ns: Callable[[float], int]):
        self.town = town
        self.venue, self.symbol = town.venue, town.flow.spec.venue_symbol
        self.exact = Decimals(town.flow.spec.grid)
        self.subscribers: dict[str, set[Sink]] = {name: set() for name in STREAMS}
        self._faults = faults
        self._wall_ns = wall_ns
        self._trade_id = 1_000_000
        self.printed: deque[Message] = deque(maxlen=_PRINTED)  # what is listed when asked for
        self._held: list[tuple[bytes, str, set[Sink]]] = []  # delayed, oldest first
        self._swapped: dict[str, bytes] = {}  # a message that the next one of its stream overtakes
        self.drain(town.flow.engine.bids)
        self.drain(town.flow.engine.asks)
        town.flow.listeners.append(self)

    # The market

    @abstractmethod
    def on_best(self, flow: Flow, quote: Quote) -> None:
        """The best quotes changed."""

    @abstractmethod
    def on_fill(self, flow: Flow, fill: Fill) -> None:
        """Two orders traded."""

    @abstractmethod
    def flush(self) -> None:
        """Send what was collected since the last call; called every `BATCH_S`."""

    @abstractmethod
    def spoil(self, message: Message, fault: Fault) -> None:
        """Put into a message what no book can hold, or take the times out of it."""

    def tick(self) -> None:
        """What passes with time, on every step of the exchange."""
        if self._held and not self._lasts("delay"):
            held, self._held = self._held, []
            for data, _, sinks in held:
                for sink in tuple(sinks):
                    sink.send(data)

    def strip(self) -> None:
        """Withdraw every order of a side or of both while such a fault lasts."""
        engine, flow = self.town.flow.engine, self.town.flow
        sides = []
        if self._lasts("one_sided"):
            sides = [engine.asks]
        if self._lasts("empty"):
            sides = [engine.bids, engine.asks]
        for side in sides:
            orders = [i for level in side.levels.values() for i in level.orders]
            for order_id in orders:
                flow.cancel(order_id)

    def leap(self) -> None:
        """Let ids go on beyond what a float can hold."""
        self.town.flow.engine.update_id += _LEAP
        self._trade_id += _LEAP

    @property
    def delisted(self) -> bool:
        """Whether the venue does not know the market at the moment."""
        return self._lasts("delist")

    def book(self, limit: int) -> dict[str, Any]:
        """The engine's book, exact, as decimal text."""
        engine = self.town.flow.engine
        return {
            "lastUpdateId": engine.update_id,
            "bids": self.exact.levels(engine.bids.depth(limit)),
            "asks": self.exact.levels(engine.asks.depth(limit)),
        }

    # Those who listen

    def join(self, sink: Sink, stream: str) -> None:
        """Send a stream to a connection from now on."""
        self.subscribers[stream].add(sink)

    def leave(self, sink: Sink, stream: str) -> None:
        """Send it no more, nor what is still held back."""
        self.subscribers[stream].discard(sink)
        for _, held, sinks in self._held:
            if held == stream:
                sinks.discard(sink)

    def listened(self, stream: str) -> bool:
        """Whether anyone listens."""
        return bool(self.subscribers[stream])

    # Sending

    def stamp_ns(self) -> int:
        """The time that goes into a message: the venue's clock can be wrong."""
        time_ns = self._wall_ns(self.town.flow.time_s)
        return time_ns + _HOUR_NS if self._lasts("clock") else time_ns

    def emit(
        self, stream: str, message: Message, sinks: set[Sink] | None = None, spared: bool = False
    ) -> None:
        """Send a message to those who listen, with whatever is wrong at the moment.

        `spared`: faults of single messages wait for another one.
        """
        to = self.subscribers[stream] if sinks is None else sinks
        faults = [] if spared else self._faults.stream(self.venue, self.symbol, stream)
        kinds = {fault.kind for fault in faults}
        if self._lasts("stall") or self.delisted or "drop" in kinds:
            return
        if self._lasts("mute", stream):
            return
        for fault in faults:
            if fault.kind in ("crossed", "non_finite", "negative"):
                self.spoil(message, fault)
        if self._lasts("no_time"):
            self.spoil(message, Fault("no_time"))
        data = orjson.dumps(message)
        if "malformed" in kinds:
            data = data[:-1] + b"<}"
        if "truncated" in kinds:
            data = data[: len(data) // 2]
        self._send(stream, data, to, kinds)

    def _send(self, stream: str, data: bytes, sinks: set[Sink], kinds: set[str]) -> None:
        if self._held or self._lasts("delay"):
            self._held.append((data, stream, set(sinks)))
            return
        if "reorder" in kinds and stream not in self._swapped:
            self._swapped[stream] = data
            return
        batch = [data] * (2 if "duplicate" in kinds else 1)
        if late := self._swapped.pop(stream, None):
            batch.append(late)
        for sink in tuple(sinks):
            for each in batch:
                sink.send(each)

    def next_trade_id(self) -> int:
        """Count a trade, whether or not anyone listens."""
        self._trade_id += 1
        return self._trade_id

    def now_ns(self) -> int:
        """The true time of this moment of the market."""
        return self._wall_ns(self.town.flow.time_s)

    def _lasts(self, kind: str, stream: str | None = None) -> bool:
        if self._faults.quiet:
            return False
        found = self._faults.lasting(kind, self.venue, self.symbol, self.now_ns(), stream)
        return found is not None

    @staticmethod
    def drain(side: BookSide) -> list[tuple[int, int]]:
        """What changed on a side, best first."""
        changes = side.drain()
        return changes[::-1] if side.side == BUY else changes

    def phantom(self) -> tuple[int, int]:
        """A bid far above the best ask, in ticks and lots."""
        flow = self.town.flow
        return max(flow.quote.ask, round(flow.fair)) + max(10, round(flow.bp)), flow.spec.touch_lots
