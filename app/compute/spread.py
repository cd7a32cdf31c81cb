"""Spread decomposition and markout curves per trade (docs/metrics.md, Impact and verification).

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
class Markout:
    """Mean of `s(mid_{t+h} − mid_t)` in bps by quantile of OFI before the trade, `[quantiles]`."""

    horizon_s: float
    upper: Floats  # upper edge of each quantile, lots
    trades: Ints
    mean_bps: Floats  # NaN where a quantile holds no trade
    size_weighted_bps: Floats


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


def decompose(
    time_ns: Ints,
    price: Ints,
    size: Ints,
    side: Sides,
    mid_ns: Ints,
    mid: Floats,
    horizon_s: float,
    lag_ns: int,
    end_ns: int,
) -> SpreadParts:
    """The parts at one horizon.

    Args:
        time_ns, price, size, side: prints in order; ticks, lots, +1 bought, −1 sold.
        mid_ns, mid: mids in ticks in order, NaN where the book was not valid.
        horizon_s: h.
        lag_ns: `trade_lag`: `mid_t` is the last mid at least so long before the print.
        end_ns: how far the mids are known.

    Returns:
        Values are None while more than 5 % of trades have a negative effective spread: a sign that
        the clocks or the lag are wrong.
    """
    totals = Totals()
    totals.add(time_ns, price, size, side, mid_ns, mid, horizon_s, lag_ns, end_ns)
    return totals.parts(horizon_s)


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
        """Count a piece; arguments as of `decompose`, the mids reaching a horizon past its trades."""
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
        """The means, or None where they may not be shown."""
        share = self.negative / self.trades if self.trades else 0.0
        if not self.weight or share > MOST_NEGATIVE:
            return SpreadParts(horizon_s, self.trades, None, None, None, share)
        e, r = self.effective / self.weight, self.realised / self.weight
        return SpreadParts(horizon_s, self.trades, e, r, e - r, share)


def markout(
    time_ns: Ints,
    size: Ints,
    side: Sides,
    ofi: Ints,
    mid_ns: Ints,
    mid: Floats,
    horizon_s: float,
    lag_ns: int,
    end_ns: int,
    quantiles: int = 5,
) -> Markout:
    """Markout by quantile of the OFI that the taker could see.

    Args:
        ofi: rolling OFI just before each print, signed by the caller as it is (buying positive); the
            quantiles are of `side · ofi`: the lowest traded against the flow, the highest with it.
    """
    if not len(mid):
        none = np.full(quantiles, np.nan)
        return Markout(horizon_s, none, np.zeros(quantiles, np.int64), none, none)
    mark = _marked(time_ns, side, mid_ns, mid, horizon_s, lag_ns, end_ns)
    s, w = side[mark.ok], size[mark.ok].astype(np.float64)
    move = s * (mark.later - mark.mid) / mark.mid * BPS
    return by_flow(horizon_s, s * ofi[mark.ok], move, w, quantiles)


def by_flow(
    horizon_s: float, with_flow: Floats | Ints, move: Floats, w: Floats, quantiles: int
) -> Markout:
    """Moves in bps of single trades by quantile of the flow that they went with, all `[n]`."""
    mean, weighted = np.full(quantiles, np.nan), np.full(quantiles, np.nan)
    count, upper = np.zeros(quantiles, np.int64), np.full(quantiles, np.nan)
    if len(move):
        upper = np.quantile(with_flow, np.arange(1, quantiles + 1) / quantiles)
        group = np.searchsorted(upper[:-1], with_flow, side="left")
        for q in range(quantiles):
            inside = group == q
            count[q] = int(inside.sum())
            if count[q]:
                mean[q] = move[inside].mean()
                weighted[q] = np.average(move[inside], weights=w[inside])
    return Markout(horizon_s, upper, count, mean, weighted)
