"""A tape of one market: best quotes, trades and depth profiles, from the demo or from recorded traffic."""

import gzip
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from app.demo.engine import BUY, SELL, Fill
from app.demo.flow import Flow, Quote
from app.demo.spec import BTC, MarketSpec
from app.demo.world import World
from app.errors import DataError

# Distances from mid, in basis points, between which resting size is summed. The first is the touch.
PROFILE_BPS = np.array([0.0, 0.1, 0.5, 1, 2, 3, 4, 6, 8, 10, 12, 15, 20, 25, 30])
PROFILE_EVERY_S = 1.0


@dataclass(frozen=True)
class Tape:
    """Times in seconds, prices in ticks, sizes in lots.

    quotes: `[n, 4]` bid, size, ask, size. trades: `[k, 3]` price, size, side of the taker.
    profile: `[len(PROFILE_BPS) − 1]` mean resting size per basis point, both sides together.
    """

    name: str
    quote_s: NDArray[np.float64]
    quotes: NDArray[np.int64]
    trade_s: NDArray[np.float64]
    trades: NDArray[np.int64]
    profile: NDArray[np.float64]
    tick_bps: float


class Recorder:
    """Listens to a simulated market and keeps the tape."""

    def __init__(self) -> None:
        self._quotes: list[tuple[float, int, int, int, int]] = []
        self._trades: list[tuple[float, int, int, int]] = []
        self._profile = np.zeros(len(PROFILE_BPS) - 1)
        self._profiles = 0

    def on_best(self, flow: Flow, quote: Quote) -> None:
        """Keep the quote while both sides are there."""
        if quote.bid_size and quote.ask_size:
            self._quotes.append((flow.time_s, *quote))

    def on_fill(self, flow: Flow, fill: Fill) -> None:
        """Keep the trade."""
        self._trades.append((flow.time_s, fill.price, fill.size, fill.taker_side))

    def sample(self, flow: Flow) -> None:
        """Add the present book to the mean profile."""
        engine = flow.engine
        levels = np.array(engine.bids.depth() + engine.asks.depth(), dtype=np.float64)
        self._profile += _profile(levels, flow.mid)
        self._profiles += 1

    def tape(self, name: str, flow: Flow) -> Tape:
        """What was kept."""
        quotes = np.array(self._quotes)
        trades = np.array(self._trades).reshape(-1, 4)
        return Tape(
            name=name,
            quote_s=quotes[:, 0],
            quotes=quotes[:, 1:].astype(np.int64),
            trade_s=trades[:, 0],
            trades=trades[:, 1:].astype(np.int64),
            profile=self._profile / max(1, self._profiles),
            tick_bps=1 / flow.bp,
        )


def simulate(
    seed: int, seconds: float, spec: MarketSpec = BTC, venue: str = "demo", warm_s: float = 60.0
) -> Tape:
    """Run both venues of one market and keep the tape of one, after a warm-up."""
    world = World(seed, (spec,))
    world.advance(warm_s)
    flow = world.towns[venue, spec.venue_symbol].flow
    recorder = Recorder()
    flow.listeners.append(recorder)
    for _ in range(round(seconds / PROFILE_EVERY_S)):
        world.advance(world.time_s + PROFILE_EVERY_S)
        recorder.sample(flow)
    return recorder.tape(f"seed {seed}", flow)


def recorded(path: Path, spec: MarketSpec = BTC) -> Tape:
    """The tape of a `<receive ns> <message>` capture of Binance spot.

    Raises:
        DataError: the file is not such a capture.
    """
    reader, number = _Capture(spec), 0
    try:
        with gzip.open(path, "rb") as lines:
            for line in lines:
                number += 1
                head, _, body = line.partition(b" ")
                reader.take(int(head) / 1e9, orjson.loads(body))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"this is no capture of Binance spot: {error}", str(path), number) from None
    return reader.tape(path.name)


class _Capture:
    def __init__(self, spec: MarketSpec):
        self._tick, self._lot = float(spec.grid.tick), float(spec.grid.lot)
        self._quotes: list[tuple[float, int, int, int, int]] = []
        self._trades: list[tuple[float, int, int, int]] = []
        self._books: dict[int, dict[int, int]] = {BUY: {}, SELL: {}}
        self._last_id = 0
        self._profile = np.zeros(len(PROFILE_BPS) - 1)
        self._profiles = 0
        self._next_profile_s = 0.0

    def take(self, time_s: float, message: dict[str, Any]) -> None:
        data = message.get("data", message)
        if "lastUpdateId" in data:
            self._last_id = data["lastUpdateId"]
            self._apply(data["bids"], data["asks"])
        elif data.get("e") == "depthUpdate":
            if self._last_id and data["u"] > self._last_id:
                self._apply(data["b"], data["a"])
                self._sample(time_s)
        elif data.get("e") == "trade":
            side = SELL if data["m"] else BUY
            self._trades.append((time_s, self._ticks(data["p"]), self._lots(data["q"]), side))
        elif "B" in data:
            bid, ask = self._ticks(data["b"]), self._ticks(data["a"])
            self._quotes.append((time_s, bid, self._lots(data["B"]), ask, self._lots(data["A"])))

    def _ticks(self, text: str) -> int:
        return round(float(text) / self._tick)

    def _lots(self, text: str) -> int:
        return round(float(text) / self._lot)

    def _apply(self, bids: list[list[str]], asks: list[list[str]]) -> None:
        for side, levels in ((BUY, bids), (SELL, asks)):
            book = self._books[side]
            for price, size in levels:
                if lots := self._lots(size):
                    book[self._ticks(price)] = lots
                else:
                    book.pop(self._ticks(price), None)

    def _sample(self, time_s: float) -> None:
        if time_s < self._next_profile_s or not self._quotes:
            return
        self._next_profile_s = time_s + PROFILE_EVERY_S
        levels = [*self._books[BUY].items(), *self._books[SELL].items()]
        mid = (self._quotes[-1][1] + self._quotes[-1][3]) / 2
        self._profile += _profile(np.array(levels, dtype=np.float64), mid)
        self._profiles += 1

    def tape(self, name: str) -> Tape:
        quotes, trades = np.array(self._quotes), np.array(self._trades)
        mid = (quotes[0, 1] + quotes[0, 3]) / 2
        return Tape(
            name=name,
            quote_s=quotes[:, 0],
            quotes=quotes[:, 1:].astype(np.int64),
            trade_s=trades[:, 0],
            trades=trades[:, 1:].astype(np.int64),
            profile=self._profile / max(1, self._profiles),
            tick_bps=1e4 / mid,
        )


def _profile(levels: NDArray[np.float64], mid: float) -> NDArray[np.float64]:
    """Resting size per basis point by distance from mid."""
    distance = np.abs(levels[:, 0] - mid) / mid * 1e4
    sums, _ = np.histogram(distance, bins=PROFILE_BPS, weights=levels[:, 1])
    return np.asarray(sums / np.diff(PROFILE_BPS))
