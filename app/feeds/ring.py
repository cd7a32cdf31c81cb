"""One preallocated ring per process, between the hooks of the feeds and the batches of compute.

A hook runs inside the venue library's receive loop: it may only copy. So each lane is a block of
arrays made once, written at a cursor and taken as a whole every 100 ms. A full lane drops what comes,
counts it per market and marks the market *broken*: the next state that fits starts a new epoch, so the
loss is a gap with a reason and never a wrong difference.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.records import LEVELS

STATE_CAPACITY = 1 << 16
TRADE_CAPACITY = 1 << 16


@dataclass(frozen=True)
class States:
    """A batch of book states of one stream, in order of arrival; `n` states, `L` levels.

    `levels` is `[n, 2, L, 2]`: side (bid, ask), level (best first), (price, size) in the venue's
    units. An absent level has size 0 and price 0; `bids` and `asks` say how many are there.
    `known` is how many levels of each side the venue lets us know: beyond it a level is unknown,
    not absent. Two states of a market are neighbours when their `epoch` is equal.
    """

    market: NDArray[np.int32]
    time_ns: NDArray[np.int64]
    venue_ms: NDArray[np.int64]  # −1 unknown
    update_id: NDArray[np.int64]  # −1 unknown
    epoch: NDArray[np.int64]
    known: NDArray[np.int32]
    bids: NDArray[np.int32]
    asks: NDArray[np.int32]
    levels: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.time_ns)


@dataclass(frozen=True)
class Trades:
    """A batch of trades in order of arrival, prices and sizes in the venue's units."""

    market: NDArray[np.int32]
    time_ns: NDArray[np.int64]
    venue_ms: NDArray[np.int64]
    price: NDArray[np.float64]
    size: NDArray[np.float64]
    side: NDArray[np.int8]  # +1 bought, −1 sold, 0 the venue does not say
    id: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.time_ns)


class StateLane:
    """The ring of one stream: `push` from hooks, `take` from the collector, on one event loop."""

    def __init__(self, depth: int, capacity: int = STATE_CAPACITY):
        self.depth = depth
        self.capacity = capacity
        self._n = 0
        self._meta = np.zeros((capacity, 8), dtype=np.int64)
        self._levels = np.zeros((capacity, 2, depth, 2))
        self.dropped: dict[int, int] = {}

    def push(
        self,
        market: int,
        time_ns: int,
        venue_ms: int,
        update_id: int,
        epoch: int,
        known: int,
        bids: Sequence[Sequence[float]],
        asks: Sequence[Sequence[float]],
    ) -> bool:
        """Copy one state: `bids` and `asks` are at most `depth` pairs of price and size.

        Returns whether it fitted; a state that did not is counted in `dropped`.
        """
        n = self._n
        if n >= self.capacity:
            self.dropped[market] = self.dropped.get(market, 0) + 1
            return False
        nb, na = len(bids), len(asks)
        self._meta[n] = (market, time_ns, venue_ms, update_id, epoch, known, nb, na)
        row = self._levels[n]
        row[:] = 0.0
        if nb:
            row[0, :nb] = bids
        if na:
            row[1, :na] = asks
        self._n = n + 1
        return True

    def take(self) -> States:
        """Everything pushed since the last call, as copies; the lane is empty afterwards."""
        n, meta = self._n, self._meta[: self._n].copy()
        levels = self._levels[:n].copy()
        self._n = 0
        return States(
            market=meta[:, 0].astype(np.int32),
            time_ns=meta[:, 1],
            venue_ms=meta[:, 2],
            update_id=meta[:, 3],
            epoch=meta[:, 4],
            known=meta[:, 5].astype(np.int32),
            bids=meta[:, 6].astype(np.int32),
            asks=meta[:, 7].astype(np.int32),
            levels=levels,
        )

    def __len__(self) -> int:
        return self._n


class TradeLane:
    """The ring of trades."""

    def __init__(self, capacity: int = TRADE_CAPACITY):
        self.capacity = capacity
        self._n = 0
        self._ints = np.zeros((capacity, 5), dtype=np.int64)
        self._floats = np.zeros((capacity, 2))
        self.dropped: dict[int, int] = {}

    def push(
        self,
        market: int,
        time_ns: int,
        venue_ms: int,
        price: float,
        size: float,
        side: int,
        trade_id: int,
    ) -> bool:
        """Copy one trade; returns whether it fitted."""
        n = self._n
        if n >= self.capacity:
            self.dropped[market] = self.dropped.get(market, 0) + 1
            return False
        self._ints[n] = (market, time_ns, venue_ms, side, trade_id)
        self._floats[n] = (price, size)
        self._n = n + 1
        return True

    def take(self) -> Trades:
        """Everything pushed since the last call, as copies; the lane is empty afterwards."""
        ints = self._ints[: self._n].copy()
        floats = self._floats[: self._n].copy()
        self._n = 0
        return Trades(
            market=ints[:, 0].astype(np.int32),
            time_ns=ints[:, 1],
            venue_ms=ints[:, 2],
            price=floats[:, 0],
            size=floats[:, 1],
            side=ints[:, 3].astype(np.int8),
            id=ints[:, 4],
        )

    def __len__(self) -> int:
        return self._n


class Ring:
    """The ring of a process: a lane for each stream."""

    def __init__(self, capacity: int = STATE_CAPACITY, trade_capacity: int = TRADE_CAPACITY):
        self.best = StateLane(1, capacity)
        self.depth = StateLane(LEVELS, capacity)
        self.trades = TradeLane(trade_capacity)

    def take(self) -> tuple[States, States, Trades]:
        """Best states, depth states and trades since the last call."""
        return self.best.take(), self.depth.take(), self.trades.take()

    def dropped(self) -> dict[int, int]:
        """What did not fit since the last call, by market; resets the counters."""
        total: dict[int, int] = {}
        for lane in (self.best, self.depth, self.trades):
            counts: dict[Any, int] = lane.dropped
            for market, count in counts.items():
                total[market] = total.get(market, 0) + count
            lane.dropped = {}
        return total
