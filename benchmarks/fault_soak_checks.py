"""What `benchmarks.fault_soak` holds the collector against: the engines' books, and the store by itself."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from app.clock import NS_PER_S, SystemClock
from app.demo.publisher import Publisher
from app.market import MarketId
from app.records import Stream
from app.store.base import HotStore
from benchmarks.fault_soak_link import LEVELS, Top

_REMEMBERED = 30_000  # books of an engine
# A market as busy as these is not silent for so long without a gap, while its engine goes on.
_BUSY, _SILENT_NS = ("BTC", "ETH", "SOL"), 6 * NS_PER_S
_SLOT_NS = NS_PER_S // 10
_STILL_NS = NS_PER_S  # an engine as busy as theirs stands still where nothing changes for so long
# Numbers beyond what a float holds are not stored; a leap there is no loss.
_LEAP = 1_000_000


class Stills:
    """When something stood still: a silence of such a time says nothing of a feed."""

    def __init__(self, began_ns: int, seconds: int):
        self._began_ns = began_ns
        # Of one size, and written, from the start: the memory of the soak itself must not grow.
        self._still = np.zeros(seconds * NS_PER_S // _SLOT_NS, bool)
        self.longest_ns = 0

    def mark(self, from_ns: int, to_ns: int) -> None:
        """It stood still from one moment to another."""
        self._part(from_ns, to_ns)[:] = True
        self.longest_ns = max(self.longest_ns, to_ns - from_ns)

    def __or__(self, other: "Stills") -> "Stills":
        """When this or the other one stood still, of the same run."""
        either = Stills(self._began_ns, 0)
        either._still = self._still | other._still
        return either

    def total_ns(self, from_ns: int, to_ns: int) -> int:
        """How much of the time between two moments."""
        return int(self._part(from_ns, to_ns).sum()) * _SLOT_NS

    def _part(self, from_ns: int, to_ns: int) -> np.ndarray:
        first, last = ((at - self._began_ns) // _SLOT_NS for at in (from_ns, to_ns))
        return self._still[max(first, 0) : max(last, 0)]


class Truth:
    """Every book that an engine had lately, as the hash of its best levels, and when it had none anew."""

    def __init__(self, publisher: Publisher, stills: Stills):
        self.publisher, self.stills = publisher, stills
        self._clock = SystemClock()
        self._changed_ns = self._clock.now_ns()
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
        top, now_ns = self.top(), self._clock.now_ns()
        if top == self._had[(self._count - 1) % _REMEMBERED]:
            return
        self._had[self._count % _REMEMBERED] = top
        self._count += 1
        if now_ns - self._changed_ns > _STILL_NS:
            self.stills.mark(self._changed_ns, now_ns)
        self._changed_ns = now_ns

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
    still: int = 0  # silences without a gap while engine or collector stood still
    wrong: list[str] = field(default_factory=list)

    def check(self, store: HotStore, market: MarketId, began_ns: int, stills: Stills) -> None:
        """Rows and gaps agree: nothing was counted within a gap, and no silence is without one, but for
        the time that its engine or the collector stood still."""
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
            self._check_silence(market, rows, depth, stills)
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

    def _check_silence(
        self, market: MarketId, rows: np.ndarray, gaps: np.ndarray, stills: Stills
    ) -> None:
        spoke = rows["end_ns"][rows["states_depth"] > 0]
        for k in np.flatnonzero(np.diff(spoke) > _SILENT_NS):
            start, end = spoke[k], spoke[k + 1]
            if ((gaps["from_ns"] <= start + NS_PER_S) & (gaps["to_ns"] >= end - NS_PER_S)).any():
                continue
            still_ns = stills.total_ns(int(start), int(end))
            if end - start - still_ns > _SILENT_NS:
                seconds, still_s = (end - start) / NS_PER_S, still_ns / NS_PER_S
                self.wrong.append(
                    f"{market}: {seconds:.1f} s of silence without a gap, {still_s:.1f} of them still"
                )
            else:
                self.still += 1
