"""What `benchmarks.fault_soak` holds the collector against: the engines' books, and the store by itself."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from app.clock import NS_PER_S
from app.demo.publisher import Publisher
from app.market import MarketId
from app.records import Stream
from app.store.base import HotStore
from benchmarks.fault_soak_link import LEVELS, Top

_REMEMBERED = 30_000  # books of an engine
# A market as busy as these is not silent for so long without a gap.
_BUSY, _SILENT_NS = ("BTC", "ETH", "SOL"), 6 * NS_PER_S
# Numbers beyond what a float holds are not stored; a leap there is no loss.
_LEAP = 1_000_000


class Truth:
    """Every book that an engine had lately, as the hash of its best levels."""

    def __init__(self, publisher: Publisher):
        self.publisher = publisher
        # Of one size, and written, from the start: the memory of the soak itself must not grow.
        self._had, self._count = np.full(_REMEMBERED, -1, np.int64), 0
        publisher.town.flow.watchers.append(self._note)
        self._note()

    def top(self) -> int:
        """The present one."""
        engine = self.publisher.town.flow.engine
        top: Top = (tuple(engine.bids.depth(LEVELS)), tuple(engine.asks.depth(LEVELS)))
        return hash(top)

    def _note(self) -> None:
        self._had[self._count % _REMEMBERED] = self.top()
        self._count += 1

    def had(self, top: int) -> bool:
        """Whether a book is one of them."""
        return bool((self._had == top).any())


@dataclass
class Stored:
    """What the store has of a run, and what of it cannot be."""

    gaps: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    trades: int = 0
    lost: int = 0  # trades that are missing, in gaps
    wrong: list[str] = field(default_factory=list)

    def check(self, store: HotStore, market: MarketId, began_ns: int) -> None:
        """Rows and gaps agree: nothing was counted within a gap, no silence is without one."""
        rows = store.window(market, "row", began_ns, 2**62)
        gaps = store.window(market, "gap", began_ns, 2**62)
        self.rows += len(rows)
        self.gaps.update(bytes(reason).decode() for reason in gaps["reason"])
        depth = gaps[gaps["stream"] == Stream.DEPTH]
        for gap in depth:
            inside = (rows["start_ns"] >= gap["from_ns"]) & (rows["end_ns"] < gap["to_ns"])
            if rows["states_depth"][inside].any():
                self.wrong.append(f"{market}: rows count states within a gap")
        if market.symbol.split("/")[0] in _BUSY:
            self._check_silence(market, rows, depth)
        trades = store.window(market, "trade", began_ns, 2**62)
        self._check_trades(market, trades, gaps[gaps["stream"] == Stream.TRADES])

    def _check_trades(self, market: MarketId, trades: np.ndarray, gaps: np.ndarray) -> None:
        """By the numbers that the demo gives them in an unbroken row."""
        trades = trades[trades["id"] >= 0]
        self.trades += len(trades)
        steps = np.diff(trades["id"])
        if (steps <= 0).any():
            self.wrong.append(f"{market}: trades are stored twice, or out of order")
        for k in np.flatnonzero((steps > 1) & (steps < _LEAP)):
            start, end = trades["time_ns"][k], trades["time_ns"][k + 1]
            self.lost += int(steps[k]) - 1
            if not ((gaps["from_ns"] < end) & (gaps["to_ns"] > start)).any():
                self.wrong.append(f"{market}: trades are missing without a gap")

    def _check_silence(self, market: MarketId, rows: np.ndarray, gaps: np.ndarray) -> None:
        spoke = rows["end_ns"][rows["states_depth"] > 0]
        for k in np.flatnonzero(np.diff(spoke) > _SILENT_NS):
            start, end = spoke[k], spoke[k + 1]
            if not (
                (gaps["from_ns"] <= start + NS_PER_S) & (gaps["to_ns"] >= end - NS_PER_S)
            ).any():
                seconds = (end - start) / NS_PER_S
                self.wrong.append(f"{market}: {seconds:.1f} s of silence without a gap")
