"""Spread decomposition per trade (docs/metrics.md, Spread decomposition).

With s = +1 for a taker's buy: effective `2s(p − mid_t)`, realised `2s(p − mid_{t+h})`, adverse selection
their difference, in bps of `mid_t`, size-weighted. Huang, Stoll (1996).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Sides = NDArray[np.int8]
HORIZONS_S = (1, 5, 30, 60)
MOST_NEGATIVE = 0.05
BPS = 1e4
_S_NS = 1_000_000_000


@dataclass(frozen=True)
class SpreadParts:
    """Size-weighted means in bps at one horizon; None is not available."""

    horizon_s: float
    trades: int
    effective: float | None
    realised: float | None
    adverse: float | None
    negative_share: float  # of trades with a negative effective spread


@dataclass(frozen=True)
class _Marked:
    ok: NDArray[np.bool_]
    mid: Floats
    later: Floats


def _marked(
    time_ns: Ints,
    side: Sides,
    mid_ns: Ints,
    mid: Floats,
    horizon_s: float,
    lag_ns: int,
    end_ns: int,
) -> _Marked:
    """Mids at the print and at the horizon; trades whose horizon lies past the data do not count."""
    at = np.searchsorted(mid_ns, time_ns - lag_ns, side="right") - 1
    target = time_ns + round(horizon_s * _S_NS)
    later = np.searchsorted(mid_ns, target, side="right") - 1
    ok = (at >= 0) & (target <= end_ns) & (side != 0)
    first, second = mid[np.maximum(at, 0)], mid[np.maximum(later, 0)]
    ok &= np.isfinite(first) & np.isfinite(second)
    return _Marked(ok, first[ok], second[ok])


@dataclass
class Totals:
    """Weighted sums over trades, so that a history can be read in pieces."""

    trades: int = 0
    negative: int = 0
    weight: float = 0.0
    effective: float = 0.0
    realised: float = 0.0

    def add(
        self,
        time_ns: Ints,
        price: Ints,
        size: Ints,
        side: Sides,
        mid_ns: Ints,
        mid: Floats,
        horizon_s: float,
        lag_ns: int,
        end_ns: int,
    ) -> None:
        """Count a piece.

        Args:
            time_ns, price, size, side: prints in order; ticks, lots, +1 bought, −1 sold.
            mid_ns, mid: mids in ticks in order, NaN where the book was not valid; they reach a horizon
                past the prints.
            horizon_s: h.
            lag_ns: `trade_lag`: `mid_t` is the last mid at least so long before the print.
            end_ns: how far the mids are known.
        """
        if not len(mid) or not len(time_ns):
            return
        mark = _marked(time_ns, side, mid_ns, mid, horizon_s, lag_ns, end_ns)
        s, p, w = side[mark.ok], price[mark.ok], size[mark.ok].astype(np.float64)
        effective = 2 * s * (p - mark.mid) / mark.mid * BPS
        self.trades += len(p)
        self.negative += int((effective < 0).sum())
        self.weight += float(w.sum())
        self.effective += float((w * effective).sum())
        self.realised += float((w * 2 * s * (p - mark.later) / mark.mid).sum()) * BPS

    def parts(self, horizon_s: float) -> SpreadParts:
        """The means; None while more than 5 % of trades have a negative effective spread.

        That is a sign that the clocks or the lag are wrong.
        """
        share = self.negative / self.trades if self.trades else 0.0
        if not self.weight or share > MOST_NEGATIVE:
            return SpreadParts(horizon_s, self.trades, None, None, None, share)
        e, r = self.effective / self.weight, self.realised / self.weight
        return SpreadParts(horizon_s, self.trades, e, r, e - r, share)
