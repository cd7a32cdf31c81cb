"""Spread decomposition and markout curves, following the trades of a market (docs/metrics.md).

A trade waits until its horizon has passed and is then kept as one line of figures while it is in the
look-back: what a trade costs does not depend on its length. Reading the means or a curve is one pass
over the lines, of which there are at most `MOST_TRADES` a horizon.
"""

from collections.abc import Callable
from typing import Final

import numpy as np

from app.compute.spread import BPS, HORIZONS_S, MOST_NEGATIVE, Markout, Sides, SpreadParts, by_flow
from app.compute.view import Gaps
from app.compute.windows import Floats, Ints, RowSums, quotes_at, rolling_best
from app.records import Batch

LOOKBACK_NS: Final = 1_800_000_000_000
MOST_TRADES: Final = 50_000
_S_NS: Final = 1_000_000_000
_LONGEST_LAG_NS: Final = 50_000_000
_ENTER: Final = 6  # time, price, size, side, flow before, mid before
# What is kept of a trade whose horizon has passed.
_WEIGHT, _EFFECTIVE, _REALISED, _MOVE, _FLOW = range(5)


class _Lines:
    """Lines in order of time; the oldest go, memory is at most twice what is kept."""

    def __init__(self, width: int):
        self._values = np.empty((256, width))
        self._time = np.empty(256, np.int64)
        self._begin = self._end = 0

    def __len__(self) -> int:
        return self._end - self._begin

    @property
    def time_ns(self) -> Ints:
        return self._time[self._begin : self._end]

    @property
    def values(self) -> Floats:
        return self._values[self._begin : self._end]

    def append(self, time_ns: Ints, values: Floats) -> None:
        n, k = len(self), len(time_ns)
        if self._end + k > len(self._time):
            room = max(256, 2 * (n + k))
            time, lines = np.empty(room, np.int64), np.empty((room, self._values.shape[1]))
            time[:n], lines[:n] = self.time_ns, self.values
            self._time, self._values, self._begin, self._end = time, lines, 0, n
        self._time[self._end : self._end + k] = time_ns
        self._values[self._end : self._end + k] = values
        self._end += k

    def drop(self, count: int) -> None:
        self._begin += min(max(count, 0), len(self))


class LiveMarkout:
    """What takers paid, and where the mid went afterwards; equal to `spread` on the same trades.

    Args:
        horizons_s: h.
        lookback_ns: trades count whose horizon has ended within so long.
        lag_ns: `trade_lag`: the mid before a print is the last one at least so long before it.
    """

    def __init__(
        self,
        horizons_s: tuple[int, ...] = HORIZONS_S,
        lookback_ns: int = LOOKBACK_NS,
        lag_ns: int = 0,
    ):
        self._horizons, self._lookback_ns, self.lag_ns = horizons_s, lookback_ns, lag_ns
        self._clear()

    def _clear(self) -> None:
        self._waiting = {h: _Lines(_ENTER - 1) for h in self._horizons}
        self._done = {h: _Lines(5) for h in self._horizons}
        self._mid_ns, self._mid = np.zeros(0, np.int64), np.zeros(0)
        self._seen_ns = self._upto_ns = 0

    def add(
        self,
        time_ns: Ints,
        price: Ints,
        size: Ints,
        side: Sides,
        ofi: Ints | Floats,
        mid_ns: Ints,
        mid: Floats,
        upto_ns: int,
    ) -> None:
        """Take in everything that happened up to a time and was not given before.

        Args:
            time_ns, price, size, side: prints in order; ticks, lots, +1 bought, −1 sold.
            ofi: rolling OFI just before each print; NaN: the print is in no curve.
            mid_ns, mid: mids in ticks in order, NaN where the book was not valid.
            upto_ns: the time.
        """
        self._mid_ns = np.concatenate([self._mid_ns, mid_ns])
        self._mid = np.concatenate([self._mid, mid])
        before = self._mid_at(time_ns - self.lag_ns)
        self._take(time_ns, np.stack([price, size, side, ofi, before], axis=1), upto_ns)
        self._mature(upto_ns, self._mid_at)
        keep = int(np.searchsorted(self._mid_ns, upto_ns - _LONGEST_LAG_NS)) - 1
        self._mid_ns, self._mid = self._mid_ns[max(keep, 0) :], self._mid[max(keep, 0) :]

    def _mid_at(self, t_ns: Ints) -> Floats:
        at = np.searchsorted(self._mid_ns, t_ns, side="right") - 1
        if not len(self._mid):
            return np.full(len(t_ns), np.nan)
        return np.where(at >= 0, self._mid[np.maximum(at, 0)], np.nan)

    def changed(self, time_ns: int) -> None:
        """What is known of the time since changed: the trades that are held are done again."""
        if time_ns <= self._upto_ns:
            self._clear()

    def follow(
        self, rows: RowSums, gaps: Gaps, trades: Batch, window_ns: int, upto_ns: int
    ) -> None:
        """The same from what is held of a market; no figure reaches across a gap.

        Args:
            rows: quotes and flow, from a horizon and W before the first trade.
            gaps: of the same market.
            trades: TRADE records in order; those after the last one seen are taken in.
            window_ns: W, of the OFI before each print.
            upto_ns: the time.
        """

        def mid_at(t_ns: Ints) -> Floats:
            bid, ask = quotes_at(rows, gaps.best, t_ns)
            return np.where(bid < ask, (bid + ask) / 2.0, np.nan)

        times = trades["time_ns"]
        first = int(np.searchsorted(times, self._seen_ns, side="right"))
        new = trades[first : int(np.searchsorted(times, upto_ns, side="right"))]
        t = new["time_ns"].astype(np.int64)
        flow = rolling_best(rows, gaps.best, t, window_ns)
        names = ("price", "size", "side")
        entered = [*(new[name] for name in names), flow, mid_at(t - self.lag_ns)]
        self._take(t, np.stack(entered, axis=1), upto_ns)
        self._mature(upto_ns, mid_at)

    def _take(self, time_ns: Ints, entered: Floats, upto_ns: int) -> None:
        self._upto_ns = upto_ns
        if not len(time_ns):
            return
        self._seen_ns = int(time_ns[-1])
        ok = np.isfinite(entered[:, 4]) & (entered[:, 2] != 0)
        for waiting in self._waiting.values():
            waiting.append(time_ns[ok], entered[ok])

    def _mature(self, upto_ns: int, mid_at: Callable[[Ints], Floats]) -> None:
        """Trades whose horizon has passed get their figures; old ones leave the look-back."""
        for h, waiting in self._waiting.items():
            reach = h * _S_NS
            due = int(np.searchsorted(waiting.time_ns, upto_ns - reach, side="right"))
            time_ns, (price, size, side, flow, before) = (
                waiting.time_ns[:due].copy(),
                waiting.values[:due].T.copy(),
            )
            waiting.drop(due)
            done = self._done[h]
            if due:
                later = mid_at(time_ns + reach)
                paid, moved = price - before, later - before
                figures = (
                    size,
                    2 * side * paid / before * BPS,
                    2 * side * (price - later) / before * BPS,
                    side * moved / before * BPS,
                    side * flow,
                )
                ok = np.isfinite(later)
                done.append(time_ns[ok], np.stack(figures, axis=1)[ok])
            old = np.searchsorted(done.time_ns, upto_ns - reach - self._lookback_ns, side="right")
            done.drop(max(int(old), len(done) - MOST_TRADES))

    def spread(self, horizon_s: int) -> SpreadParts:
        """The parts at one horizon; None while more than 5 % have a negative effective spread."""
        lines = self._done[horizon_s].values
        n, weight = len(lines), lines[:, _WEIGHT]
        share = float((lines[:, _EFFECTIVE] < 0).mean()) if n else 0.0
        if not weight.sum() > 0 or share > MOST_NEGATIVE:
            return SpreadParts(horizon_s, n, None, None, None, share)
        effective = float(weight @ lines[:, _EFFECTIVE] / weight.sum())
        realised = float(weight @ lines[:, _REALISED] / weight.sum())
        return SpreadParts(horizon_s, n, effective, realised, effective - realised, share)

    def curve(self, horizon_s: int, quantiles: int = 5) -> Markout:
        """Markout by quantile of the flow that the trades went with."""
        lines = self._done[horizon_s].values
        lines = lines[np.isfinite(lines[:, _FLOW])]
        flow, move, weight = (lines[:, k] for k in (_FLOW, _MOVE, _WEIGHT))
        return by_flow(horizon_s, flow, move, weight, quantiles)
