"""VPIN: how one-sided volume is, in volume time (docs/metrics.md, VPIN).

Easley, López de Prado, O'Hara (2012): `VPIN = Σ|Vbuy − Vsell| / ΣV` over the last 50 buckets. A bucket's
volume is fixed when it opens: the trailing hour's volume / 50. Lots are integers: any chunking of the
trades gives the same buckets.
"""

from bisect import bisect_left, bisect_right, insort
from collections import deque
from dataclasses import dataclass
from math import sqrt

from app.records import Batch

BUCKETS = 50
HOUR_S = 3600
DAY_NS = 86_400_000_000_000
LEAST_FOR_PERCENTILE = 200
WARM_UP_S = 300
BAR_NS = 10_000_000_000
BARS = 360  # an hour of bars for their standard deviation
_S_NS = 1_000_000_000


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
        self._seconds: deque[list[int]] = deque()
        self._total = 0
        self._first: int | None = None

    def add(self, time_ns: int, size: int) -> None:
        second = time_ns // _S_NS
        if self._first is None:
            self._first = second
        if self._seconds and self._seconds[-1][0] == second:
            self._seconds[-1][1] += size
        else:
            self._seconds.append([second, size])
        self._total += size
        while self._seconds[0][0] <= second - HOUR_S:
            self._total -= self._seconds.popleft()[1]

    def bucket(self, time_ns: int) -> int | None:
        """The volume of a bucket that opens now; None before five minutes were seen.

        Before a whole hour was seen, the part that was stands for it.
        """
        if self._first is None:
            return None
        seen = time_ns // _S_NS - self._first + 1
        if seen < WARM_UP_S:
            return None
        return max(1, round(self._total * HOUR_S / min(seen, HOUR_S) / BUCKETS))


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

    def _close(self, time_ns: int) -> Bucket:
        volume = self._bought + self._sold
        if len(self._last) == BUCKETS:
            imbalance, old = self._last[0]
            self._imbalance -= imbalance
            self._volume -= old
        self._last.append((abs(self._bought - self._sold), volume))
        self._imbalance += self._last[-1][0]
        self._volume += volume
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
        self.last: Bucket | None = None  # the newest full bucket

    def add(self, trades: Batch) -> None:
        """Take in TRADE records in order of arrival.

        A side that was inferred print by print is not used: bars misjudge less (docs/metrics.md, VPIN).
        """
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
            self.last = closed[-1]
