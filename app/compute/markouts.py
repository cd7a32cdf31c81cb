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
    """The curves of trades in order, `[n]`.

    Args:
        time_ns, side, size: of the trades; lots.
        flow: rolling OFI before each, which sorts the trades of a side; NaN where not known.
        path: `[horizons, n]` mid before each trade, and at each later one of `CURVE_S`; NaN where not
            known: such a trade is in no curve.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        move = (path - path[0]) / path[0] * _BPS
    # One population for all horizons of a curve: the trades whose whole path is known.
    known = np.asarray(np.isfinite(move).all(axis=0), np.bool_)
    found = [
        _curve(move[:, where], size[where], time_ns[where]) for where in _members(side, flow, known)
    ]
    mean, reach = (np.stack([one[k] for one in found]) for k in (0, 1))
    return Curves(mean, mean - reach, mean + reach, np.array([one[2] for one in found]))


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


def _curve(move: Floats, weight: Floats, time_ns: Ints) -> tuple[Floats, Floats, int]:
    """Mean and reach of the band at each horizon, `[horizons]`, and the number of trades."""
    none = np.full(len(move), np.nan)
    n, total = len(weight), float(weight.sum())
    if n < LEAST_TRADES or not total > 0:
        return none, none, n
    mean = move @ weight / total
    minute = time_ns // _CLUSTER_NS
    first = np.flatnonzero(np.append(True, minute[1:] != minute[:-1]))
    clusters = len(first)
    if clusters < LEAST_CLUSTERS:
        return mean, none, n
    sums = np.add.reduceat((move - mean[:, None]) * weight, first, axis=1)
    variance = (sums**2).sum(axis=1) * clusters / (clusters - 1) / total**2
    return mean, _NORMAL_95 * np.sqrt(variance), n
