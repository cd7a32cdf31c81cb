"""Where mid went after trades, by side and by the flow before them (docs/metrics.md, Markout curve).

The size-weighted mean of mid's move in bps, over the horizons of a curve; its band treats the trades of
one minute as one observation, because they share what happened next.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.compute.windows import Floats, Ints

CURVE_S: Final = (0, 1, 2, 5, 10, 15, 20, 30, 45, 60)
GROUPS: Final = ("buys", "buys_high", "sells", "sells_low")
QUANTILE: Final = 0.2  # the fifth of a side's trades with the most flow behind them
LEAST_TRADES: Final = 30
LEAST_CLUSTERS: Final = 5
_CLUSTER_NS: Final = 60_000_000_000
_BPS: Final = 1e4
_NORMAL_95: Final = 1.959963984540054


@dataclass(frozen=True)
class Curves:
    """Mean move of mid after trades, bps, `[groups, horizons]`; NaN with fewer than 30 trades.

    `low` and `high` are the 95 % band, NaN with fewer than five minutes that hold a trade.
    """

    mean: Floats
    low: Floats
    high: Floats
    trades: Ints  # [groups]


def curves(
    time_ns: Ints, side: NDArray[np.int8], size: Floats, flow: Floats, path: Floats
) -> Curves:
    """The curves of trades in order, `[n]`; arguments as of `Totals.add`."""
    totals = Totals()
    totals.add(time_ns, side, size, flow, path)
    return totals.curves()


class Totals:
    """Sums over trades, so that a history can be read stretch by stretch; a stretch is whole minutes.

    The fifth with the most flow behind it is taken of each stretch: what is much changes with the hour.
    """

    def __init__(self) -> None:
        groups, horizons = len(GROUPS), len(CURVE_S)
        self._trades, self._clusters = np.zeros((2, groups), np.int64)
        # By group, and by horizon where the move is in it. Of a minute: W the volume, S Σ volume × move.
        self._w, self._ww = np.zeros((2, groups))
        self._s, self._ss, self._sw = np.zeros((3, groups, horizons))

    def add(
        self, time_ns: Ints, side: NDArray[np.int8], size: Floats, flow: Floats, path: Floats
    ) -> None:
        """Take in the trades of a stretch, in order.

        Args:
            time_ns, side, size: of the trades, `[n]`; lots.
            flow: rolling OFI before each, which sorts the trades of a side; NaN where not known.
            path: `[horizons, n]` mid before each trade, and at each later one of `CURVE_S`; NaN where not
                known: such a trade is in no curve.
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            move = (path - path[0]) / path[0] * _BPS
        # One population for all horizons of a curve: the trades whose whole path is known.
        known = np.asarray(np.isfinite(move).all(axis=0), np.bool_)
        for group, where in enumerate(_members(side, flow, known)):
            if where.any():
                self._count(group, move[:, where], size[where], time_ns[where])

    def _count(self, group: int, move: Floats, weight: Floats, time_ns: Ints) -> None:
        minute = time_ns // _CLUSTER_NS
        first = np.flatnonzero(np.append(True, minute[1:] != minute[:-1]))
        w = np.add.reduceat(weight, first)
        s = np.add.reduceat(move * weight, first, axis=1)
        self._trades[group] += len(weight)
        self._clusters[group] += len(first)
        self._w[group] += w.sum()
        self._ww[group] += w @ w
        self._s[group] += s.sum(axis=1)
        self._ss[group] += (s * s).sum(axis=1)
        self._sw[group] += s @ w

    def curves(self) -> Curves:
        """The curves of all trades so far."""
        enough = (self._trades >= LEAST_TRADES) & (self._w > 0)
        w = np.where(enough, self._w, np.nan)[:, None]
        mean = self._s / w
        n = np.where(self._clusters >= LEAST_CLUSTERS, self._clusters, np.nan)[:, None]
        # Σ (S − mean·W)² over minutes.
        spread = self._ss - 2 * mean * self._sw + mean**2 * self._ww[:, None]
        reach = _NORMAL_95 * np.sqrt(np.maximum(spread, 0.0) * n / (n - 1)) / w
        return Curves(mean, mean - reach, mean + reach, self._trades.copy())


def _members(
    side: NDArray[np.int8], flow: Floats, known: NDArray[np.bool_]
) -> list[NDArray[np.bool_]]:
    """Which trades belong to each of `GROUPS`."""
    buys, sells = known & (side > 0), known & (side < 0)
    return [buys, _strongest(flow, buys, 1.0), sells, _strongest(flow, sells, -1.0)]


def _strongest(flow: Floats, mine: NDArray[np.bool_], sign: float) -> NDArray[np.bool_]:
    mine = mine & np.isfinite(flow)
    if not mine.any():
        return mine
    edge = np.quantile(sign * flow[mine], 1.0 - QUANTILE)
    with np.errstate(invalid="ignore"):
        return mine & (sign * flow >= edge)
