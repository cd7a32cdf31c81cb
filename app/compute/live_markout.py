"""Spread decomposition and markout curves, following the trades of a market (docs/metrics.md).

A trade waits until the longest horizon has passed and is then kept as one line of figures while it is in
the look-back: what a trade costs does not depend on its length. Reading the means or the curves is one
pass over the lines, of which there are at most `MOST_TRADES`.
"""

from typing import Final

import numpy as np

from app.compute.markouts import CURVE_S, Curves, curves
from app.compute.spread import BPS, HORIZONS_S, MOST_NEGATIVE, SpreadParts
from app.compute.trades import MAX_LAG_NS
from app.compute.view import Gaps
from app.compute.windows import Floats, Ints, RowSums, quotes_at, rolling_best
from app.records import NO_MID, Batch

LOOKBACK_NS: Final = 1_800_000_000_000
MOST_TRADES: Final = 50_000
_S_NS: Final = 1_000_000_000
_REACH_NS: Final = CURVE_S[-1] * _S_NS
# What is known of a trade when it comes, and of mid at each of `CURVE_S` when the last has passed.
_SIZE, _SIDE, _FLOW, _BEFORE, _ENTER = range(1, 6)  # after the price


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
        window_ns: W, of the OFI before each trade.
        lookback_ns: trades count whose longest horizon has ended within so long.
    """

    def __init__(self, window_ns: int, lookback_ns: int = LOOKBACK_NS):
        self._window_ns, self._lookback_ns = window_ns, lookback_ns
        self._clear()

    def _clear(self) -> None:
        self._waiting = _Lines(_ENTER)
        self._done = _Lines(_ENTER + len(CURVE_S))
        self._seen_ns = self._upto_ns = 0

    def changed(self, time_ns: int) -> None:
        """What is known of the time since changed: the trades that are held are done again."""
        if time_ns <= self._upto_ns:
            self._clear()

    def follow(self, rows: RowSums, gaps: Gaps, trades: Batch, upto_ns: int) -> None:
        """Take in what happened up to a time; no figure reaches across a gap.

        Args:
            rows: quotes and flow, from W before the first trade.
            gaps: of the same market.
            trades: TRADE records in order; those after the last one seen are taken in.
            upto_ns: the time.
        """
        times = trades["time_ns"]
        begin_ns = max(self._seen_ns, upto_ns - _REACH_NS - self._lookback_ns)
        at = np.searchsorted(times, (begin_ns, upto_ns), side="right")
        self._enter(rows, gaps, trades[at[0] : max(at)])
        self._mature(rows, gaps, upto_ns)
        self._upto_ns = upto_ns

    def _enter(self, rows: RowSums, gaps: Gaps, new: Batch) -> None:
        if not len(new):
            return
        t = new["time_ns"].astype(np.int64)
        self._seen_ns = int(t[-1])
        before = np.where(new["twice_mid"] == NO_MID, np.nan, new["twice_mid"] / 2.0)
        before[gaps.best.touch(t - MAX_LAG_NS, t)] = np.nan
        flow = rolling_best(rows, gaps.best, t - 1, self._window_ns)
        entered = [*(new[name] for name in ("price", "size", "side")), flow, before]
        ok = np.isfinite(before) & (new["side"] != 0)
        self._waiting.append(t[ok], np.stack(entered, axis=1)[ok])

    def _mature(self, rows: RowSums, gaps: Gaps, upto_ns: int) -> None:
        """Trades whose longest horizon has passed get their figures; old ones leave the look-back."""
        waiting, done = self._waiting, self._done
        due = int(np.searchsorted(waiting.time_ns, upto_ns - _REACH_NS, side="right"))
        if due:
            t, entered = waiting.time_ns[:due], waiting.values[:due]
            path = [entered[:, _BEFORE]]
            for h in CURVE_S[1:]:
                bid, ask = quotes_at(rows, gaps.best, t + h * _S_NS)
                mid = np.where(bid < ask, (bid + ask) / 2.0, np.nan)
                mid[gaps.best.touch(t, t + h * _S_NS)] = np.nan
                path.append(mid)
            done.append(t, np.concatenate([entered, np.stack(path, axis=1)], axis=1))
            waiting.drop(due)
        oldest = upto_ns - _REACH_NS - self._lookback_ns
        old = int(np.searchsorted(done.time_ns, oldest, side="right"))
        done.drop(max(old, len(done) - MOST_TRADES))

    def spread(self, horizon_s: int) -> SpreadParts:
        """The parts at one of `spread.HORIZONS_S`; None while more than 5 % paid less than nothing."""
        lines = self._done.values
        later = lines[:, _ENTER + CURVE_S.index(horizon_s)]
        known = np.isfinite(later)
        price, weight, side, _, before = lines[known, :_ENTER].T
        paid = 2 * side * (price - before) / before * BPS
        share = float((paid < 0).mean()) if len(paid) else 0.0
        if not weight.sum() > 0 or share > MOST_NEGATIVE:
            return SpreadParts(horizon_s, len(paid), None, None, None, share)
        kept = 2 * side * (price - later[known]) / before * BPS
        effective, realised = (float(weight @ one / weight.sum()) for one in (paid, kept))
        return SpreadParts(horizon_s, len(paid), effective, realised, effective - realised, share)

    def spreads(self) -> list[SpreadParts]:
        """The parts at every horizon."""
        return [self.spread(h) for h in HORIZONS_S]

    def curves(self) -> Curves:
        """The markout curves of all lines."""
        lines = self._done.values
        side = lines[:, _SIDE].astype(np.int8)
        return curves(
            self._done.time_ns, side, lines[:, _SIZE], lines[:, _FLOW], lines[:, _ENTER:].T
        )
