"""VPIN: how one-sided volume is, in volume time (docs/metrics.md, VPIN).

A gap of the trades throws the open bucket away, because nobody knows what else fell into it, and its time
does not count as part of the trailing hour. So a restart is a gap like any other: full buckets and the
hour's trades are all that `LiveVpin.resumed` needs to go on.

Easley, López de Prado, O'Hara (2012): `VPIN = Σ|Vbuy − Vsell| / ΣV` over the last 50 buckets. A bucket's
volume is fixed when it opens: the trailing hour's volume / 50. Lots are integers: any chunking of the
trades gives the same buckets.
"""

from array import array
from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final

import numpy as np

from app.compute.states import Ints, ends, stretches
from app.records import BUCKET, Batch

BUCKETS = 50
HOUR_S = 3600
DAY_NS = 86_400_000_000_000
LEAST_FOR_PERCENTILE = 200
WARM_UP_S = 300
BAR_NS = 10_000_000_000
BARS = 360  # an hour of bars for their standard deviation
_S_NS = 1_000_000_000
_FIGURES: Final = ("end_ns", "volume", "bought", "sold", "vpin", "percentile")


@dataclass(frozen=True)
class Bucket:
    """A full bucket, in lots, and VPIN when it closed."""

    end_ns: int
    volume: int
    bought: int
    sold: int
    vpin: float | None  # None before 50 buckets
    percentile: float | None  # of this VPIN among those of the 24 h before; None below 200


class _TrailingHour:
    """Volume of the last hour by whole seconds, and how much of the hour was seen."""

    def __init__(self) -> None:
        self._volume = array("q", bytes(8 * HOUR_S))  # by second, in a ring
        self._total = 0
        self._first: int | None = None
        self._newest = 0  # second
        self._lost: deque[tuple[int, int]] = deque()  # gaps, disjoint, in order

    def lose(self, from_ns: int, to_ns: int) -> None:
        """Nothing is known of a stretch of time."""
        while self._lost and from_ns <= self._lost[-1][1]:
            begin, end = self._lost.pop()
            from_ns, to_ns = min(begin, from_ns), max(end, to_ns)
        self._lost.append((from_ns, to_ns))

    def restore(self, second: Ints, size: Ints, first: int) -> None:
        """As if the volume of these seconds had been added one trade after the other."""
        for at, volume in zip(second.tolist(), size.tolist(), strict=True):
            self._add(at, volume)
        self._first = first

    def _lost_s(self, begin_ns: int, end_ns: int) -> float:
        while self._lost and self._lost[0][1] <= begin_ns:
            self._lost.popleft()
        inside = (min(b, end_ns) - max(a, begin_ns) for a, b in self._lost)
        return sum(part for part in inside if part > 0) / _S_NS

    def add(self, time_ns: int, size: int) -> None:
        self._add(time_ns // _S_NS, size)

    def _add(self, second: int, size: int) -> None:
        if self._first is None:
            self._first = self._newest = second
        # Each second takes the place of the one an hour before it.
        for passed in range(max(self._newest, second - HOUR_S) + 1, second + 1):
            self._total -= self._volume[passed % HOUR_S]
            self._volume[passed % HOUR_S] = 0
        self._newest = max(self._newest, second)
        if second > self._newest - HOUR_S:
            self._volume[second % HOUR_S] += size
            self._total += size

    def bucket(self, time_ns: int) -> int | None:
        """The volume of a bucket that opens now; None before five minutes were seen.

        Before a whole hour was seen, the part that was stands for it.
        """
        if self._first is None:
            return None
        second = time_ns // _S_NS
        since = max(self._first, second - HOUR_S + 1)
        seen = second - since + 1 - self._lost_s(since * _S_NS, (second + 1) * _S_NS)
        if seen < WARM_UP_S:
            return None
        return max(1, round(self._total * HOUR_S / seen / BUCKETS))


class Vpin:
    """Buckets from trades, one by one; the work per trade does not depend on any look-back.

    Args:
        bucket_lots: a fixed bucket volume instead of the trailing hour's.
    """

    def __init__(self, bucket_lots: int | None = None):
        self._fixed = bucket_lots
        self._hour = _TrailingHour()
        self._open: int | None = None  # volume of the open bucket
        self._bought = 0
        self._sold = 0
        self._last: deque[tuple[int, int]] = deque(maxlen=BUCKETS)  # |imbalance|, volume
        self._imbalance = 0
        self._volume = 0
        self._day: deque[tuple[int, float]] = deque()
        self._sorted: list[float] = []

    def add(self, time_ns: int, bought: int, sold: int) -> list[Bucket]:
        """A trade (one of the two is 0) or a classified bar; the buckets that it filled.

        A volume that crosses the end of a bucket is split, both sides in proportion (to whole lots).
        """
        closed: list[Bucket] = []
        self._hour.add(time_ns, bought + sold)
        while bought + sold > 0:
            if self._open is None:
                self._open = self._fixed or self._hour.bucket(time_ns)
                if self._open is None:
                    return closed
            room = self._open - self._bought - self._sold
            part = min(room, bought + sold)
            buys = bought * part // (bought + sold)
            self._bought += buys
            self._sold += part - buys
            bought, sold = bought - buys, sold - (part - buys)
            if part == room:
                closed.append(self._close(time_ns))
        return closed

    def lose(self, from_ns: int, to_ns: int) -> None:
        """A gap of the trades: the open bucket is thrown away, its time counts for nothing."""
        self._hour.lose(from_ns, to_ns)
        self._open, self._bought, self._sold = None, 0, 0

    def restore(self, buckets: Batch, second: Ints, size: Ints) -> None:
        """Full buckets of the last 24 h (BUCKET records), and the volume of the last hour by seconds."""
        for end_ns, volume, bought, sold, value in buckets[
            ["end_ns", "volume", "bought", "sold", "vpin"]
        ].tolist():
            self._remember(abs(bought - sold), volume)
            if value >= 0:
                self._day.append((end_ns, value))
                insort(self._sorted, value)
        seen = [*second[:1].tolist(), *(buckets["end_ns"][:1] // _S_NS).tolist()]
        if seen:
            self._hour.restore(second, size, min(seen))

    def _remember(self, imbalance: int, volume: int) -> None:
        if len(self._last) == BUCKETS:
            gone, old = self._last[0]
            self._imbalance -= gone
            self._volume -= old
        self._last.append((imbalance, volume))
        self._imbalance += imbalance
        self._volume += volume

    def _close(self, time_ns: int) -> Bucket:
        volume = self._bought + self._sold
        self._remember(abs(self._bought - self._sold), volume)
        vpin = self._imbalance / self._volume if len(self._last) == BUCKETS else None
        bucket = Bucket(
            time_ns, volume, self._bought, self._sold, vpin, self._percentile(time_ns, vpin)
        )
        self._open, self._bought, self._sold = None, 0, 0
        return bucket

    def _percentile(self, time_ns: int, vpin: float | None) -> float | None:
        if vpin is None:
            return None
        while self._day and self._day[0][0] <= time_ns - DAY_NS:
            del self._sorted[bisect_left(self._sorted, self._day.popleft()[1])]
        n = len(self._sorted)
        left, right = bisect_left(self._sorted, vpin), bisect_right(self._sorted, vpin)
        self._day.append((time_ns, vpin))
        insort(self._sorted, vpin)
        return (left + 0.5 * (right - left)) / n if n >= LEAST_FOR_PERCENTILE else None


class BulkClassifier:
    """Splits volume into bought and sold by the move of 10 s bars, where the venue gives no side.

    `Vbuy = V_bar·Φ(Δp_bar / σ_bar)`, rounded to whole lots; σ over the bars of the last hour, the bar
    itself included. Bars without trades do not exist; the first bar is split in half.
    """

    def __init__(self) -> None:
        self._bar: int | None = None
        self._volume = 0
        self._close = 0
        self._before: int | None = None
        self._moves: deque[int] = deque()
        self._sum = 0
        self._squares = 0

    def add(self, time_ns: int, price: int, size: int) -> tuple[int, int, int] | None:
        """A trade in ticks and lots; the bar that ended before it: end, bought, sold."""
        bar = -(-time_ns // BAR_NS)
        done = self.flush() if self._bar is not None and bar != self._bar else None
        self._bar = bar
        self._volume += size
        self._close = price
        return done

    def lose(self) -> None:
        """A gap of the trades: the open bar is thrown away, and no move reaches across."""
        self._bar, self._volume, self._before = None, 0, None

    def restore(self, moves: list[int]) -> None:
        """Moves of the bars of the last hour."""
        self._moves = deque(moves[-BARS:])
        self._sum, self._squares = sum(self._moves), sum(m * m for m in self._moves)

    def flush(self) -> tuple[int, int, int] | None:
        """End the open bar."""
        if self._bar is None:
            return None
        share = 0.5
        if self._before is not None:
            move = self._close - self._before
            self._moves.append(move)
            self._sum += move
            self._squares += move * move
            if len(self._moves) > BARS:
                old = self._moves.popleft()
                self._sum -= old
                self._squares -= old * old
            share = self._share(move)
        bought = round(self._volume * share)
        result = (self._bar * BAR_NS, bought, self._volume - bought)
        self._before, self._bar, self._volume = self._close, None, 0
        return result

    def _share(self, move: int) -> float:
        from scipy.special import ndtr

        n = len(self._moves)
        spread = n * self._squares - self._sum * self._sum
        if n < 2 or spread <= 0:
            return 0.5
        return float(ndtr(move / sqrt(spread / (n * (n - 1)))))


class LiveVpin:
    """VPIN of one market as its trades come; bulk classification where the venue gives no side."""

    def __init__(self) -> None:
        self._vpin = Vpin()
        self._bulk = BulkClassifier()
        self._closed: list[Bucket] = []
        self.last: Bucket | None = None  # the newest full bucket

    @classmethod
    def resumed(cls, buckets: Batch, trades: Batch, gaps: Batch) -> "LiveVpin":
        """Where an earlier run left off; the time since must be told as a gap.

        Args:
            buckets: BUCKET records of the last 24 h, oldest first.
            trades: TRADE records of the last hour, in order; of two, where sides are inferred: an hour
                of bars reaches further back where some were cut short.
            gaps: GAP records of the trades of the same time.
        """
        live = cls()
        trades, moves = _bars(trades, gaps)
        bar = -(-trades["time_ns"] // BAR_NS)
        # Trades without a side were added as bars, when these ended.
        time_ns = np.where(trades["inferred"], bar * BAR_NS, trades["time_ns"])
        order = np.argsort(time_ns, kind="stable")
        second, at = np.unique(time_ns[order] // _S_NS, return_index=True)
        size = trades["size"][order]
        live._vpin.restore(buckets, second, np.add.reduceat(size, at) if len(size) else size)
        live._bulk.restore(moves)
        for from_ns, to_ns in np.sort(gaps[["from_ns", "to_ns"]]).tolist():
            live._vpin._hour.lose(from_ns, to_ns)
        if len(buckets):
            *figures, value, rank = buckets[-1][list(_FIGURES)].item()
            live.last = Bucket(*figures, *(v if v >= 0 else None for v in (value, rank)))
        return live

    def add(self, trades: Batch, gaps: Sequence[tuple[int, int]] = ()) -> Batch:
        """Take in TRADE records in order of arrival, and gaps of the trades, `(from_ns, to_ns)`.

        A side that was inferred print by print is not used: bars misjudge less (docs/metrics.md, VPIN).

        Returns:
            BUCKET records of the buckets that were filled.
        """
        for from_ns, to_ns in sorted(gaps, key=lambda gap: gap[1]):
            before = int(np.searchsorted(trades["time_ns"], to_ns))
            self._take(trades[:before])
            trades = trades[before:]
            self._vpin.lose(from_ns, to_ns)
            self._bulk.lose()
        self._take(trades)
        result = np.zeros(len(self._closed), BUCKET)
        for k, bucket in enumerate(self._closed):
            value, rank = (-1.0 if v is None else v for v in (bucket.vpin, bucket.percentile))
            result[k] = (bucket.end_ns, bucket.volume, bucket.bought, bucket.sold, value, rank)
        self._closed.clear()
        return result

    def _take(self, trades: Batch) -> None:
        names = ("time_ns", "price", "size", "side", "inferred")
        for time_ns, price, size, side, inferred in zip(
            *(trades[name].tolist() for name in names), strict=True
        ):
            if not inferred:
                self._push(time_ns, size if side > 0 else 0, size if side < 0 else 0)
            elif (bar := self._bulk.add(time_ns, price, size)) is not None:
                self._push(*bar)

    def _push(self, time_ns: int, bought: int, sold: int) -> None:
        closed = self._vpin.add(time_ns, bought, sold)
        if closed:
            self._closed += closed
            self.last = closed[-1]


def _bars(trades: Batch, gaps: Batch) -> tuple[Batch, list[int]]:
    """Trades without those of bars that a gap, or the end, cut short; the moves of the other bars."""
    at = np.flatnonzero(trades["inferred"])
    if not len(at):
        return trades, []
    time_ns, price = trades["time_ns"][at], trades["price"][at]
    part = np.searchsorted(np.sort(gaps["to_ns"]), time_ns, side="right")
    first = stretches(part * (1 << 40) + -(-time_ns // BAR_NS))
    last = ends(first, len(at))
    of_part = part[last]
    whole = np.append(of_part[1:] == of_part[:-1], np.zeros(1, np.bool_))
    kept = np.ones(len(trades), np.bool_)
    kept[at] = np.repeat(whole, last - first + 1)
    close, of_part = price[last][whole], of_part[whole]
    moves: list[int] = np.diff(close)[np.diff(of_part) == 0].tolist()
    return trades[kept], moves
