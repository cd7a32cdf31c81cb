"""How much of the moves of mid the OFI of the same 10 s explains, for all markets at once.

`impact.fit` on the bins of the last 30 min, as the watch list shows it: one pass over blocks of all
markets when a bin ends, nothing but a sum in between.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.compute.book import valid
from app.compute.follow import BIN_NS, LEAST_BINS
from app.compute.integrated import LOOKBACK_WINDOWS
from app.compute.rows import Rows
from app.compute.states import Ints, ends, stretches

Floats = NDArray[np.float64]
_UNKNOWN: Final = -(2**62)


@dataclass
class LiveMoves:
    """Flow and move of each bin of the look-back by market; a bin that a gap touches does not count."""

    markets: int
    r2: Floats = field(init=False)  # [markets]; −1 below 30 bins, or where nothing varies
    bins: Ints = field(init=False)  # [markets] how many bins count
    _flow: Ints = field(init=False)  # [markets] of the open bin, lots
    _twice: Ints = field(init=False)  # [markets] twice the mid of the last row; _UNKNOWN
    _edge: Ints = field(init=False)  # [markets] the same at the open bin's beginning
    _x: Floats = field(init=False)  # [markets, bins] flow, NaN where the bin does not count
    _y: Floats = field(init=False)  # [markets, bins] twice Δmid, ticks
    _open: int = -1  # number of the open bin

    def __post_init__(self) -> None:
        n = self.markets
        self.r2, self.bins = np.full(n, -1.0), np.zeros(n, np.int64)
        self._flow = np.zeros(n, np.int64)
        self._twice = np.full(n, _UNKNOWN, np.int64)
        self._edge = np.full(n, _UNKNOWN, np.int64)
        self._x = np.full((n, LOOKBACK_WINDOWS), np.nan)
        self._y = np.full((n, LOOKBACK_WINDOWS), np.nan)

    def grow(self, markets: int) -> None:
        """Make room for more market indices."""
        more = LiveMoves(markets - self.markets)
        for name in ("r2", "bins", "_flow", "_twice", "_edge", "_x", "_y"):
            setattr(self, name, np.concatenate([getattr(self, name), getattr(more, name)]))
        self.markets = markets

    def lose(self, market: int, from_ns: int, to_ns: int) -> None:
        """The best stream had a gap: closed bins that it touches do not count after all."""
        first = max(from_ns // BIN_NS, self._open - LOOKBACK_WINDOWS)
        for number in range(first, min((to_ns - 1) // BIN_NS, self._open - 1) + 1):
            self._x[market, number % LOOKBACK_WINDOWS] = np.nan

    def forget(self, market: int) -> None:
        """A market's prices and sizes are in other units from here on."""
        self._x[market], self.r2[market], self.bins[market] = np.nan, -1.0, 0
        self._flow[market], self._twice[market], self._edge[market] = 0, _UNKNOWN, _UNKNOWN

    def add(self, rows: Rows, whole_from_ns: Ints) -> None:
        """Take in new rows, sorted by market, then time.

        Args:
            rows: of all markets.
            whole_from_ns: `[markets]` since when a market's best stream has had no gap. Of a gap that
                is still open nothing is known: at its end `lose` takes back what it touched.
        """
        number = (rows.record["end_ns"] - 1) // BIN_NS
        for bin_number in np.unique(number).tolist():
            self.close(bin_number, whole_from_ns)
            part = number == bin_number
            market, record = rows.market[part], rows.record[part]
            np.add.at(self._flow, market, record["ofi_best"])
            last = ends(stretches(market), len(market))
            bid, ask = record["bid"][last], record["ask"][last]
            self._twice[market[last]] = np.where(valid(bid, ask), bid + ask, _UNKNOWN)

    def close(self, upto: int, whole_from_ns: Ints) -> None:
        """End the bins before one by number; arguments as of `add`."""
        if upto <= self._open:
            return
        if self._open < 0 or upto - self._open > LOOKBACK_WINDOWS:
            self._x[:], self._edge[:], self._open = np.nan, _UNKNOWN, upto - 1
        for number in range(self._open, upto):
            at = number % LOOKBACK_WINDOWS
            ok = whole_from_ns <= number * BIN_NS
            ok &= (self._edge != _UNKNOWN) & (self._twice != _UNKNOWN)
            self._x[:, at] = np.where(ok, self._flow, np.nan)
            self._y[:, at] = np.where(ok, self._twice - self._edge, np.nan)
            self._flow[:] = 0
            self._edge = self._twice.copy()
        self._open = upto
        self._fit()

    def _fit(self) -> None:
        known = np.isfinite(self._x)
        self.bins = known.sum(axis=1)
        n = np.maximum(self.bins, 1)[:, None]
        x, y = np.where(known, self._x, 0.0), np.where(known, self._y, 0.0)
        x = np.where(known, x - x.sum(axis=1, keepdims=True) / n, 0.0)
        y = np.where(known, y - y.sum(axis=1, keepdims=True) / n, 0.0)
        xx, yy, xy = (x * x).sum(axis=1), (y * y).sum(axis=1), (x * y).sum(axis=1)
        fits = (self.bins >= LEAST_BINS) & (xx > 0) & (yy > 0)
        self.r2 = np.where(fits, xy * xy / np.where(fits, xx * yy, 1.0), -1.0)
