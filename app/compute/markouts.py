"""Where mid went after trades, by side and by the flow before them (docs/metrics.md, Markout curve).

The size-weighted mean of mid's move in bps, over the horizons of a curve; its band treats the trades of
one minute as one observation, because they share what happened next.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.compute import spread
from app.compute.view import Gaps
from app.compute.windows import Floats, Intervals, Ints, RowSums, quotes_at, rolling_best
from app.records import NO_ASK, NO_BID, Batch

CURVE_S: Final = (0, 1, 2, 5, 10, 15, 20, 30, 45, 60)
GROUPS: Final = ("buys", "buys_high", "sells", "sells_low")
QUANTILE: Final = 0.2  # the fifth of a side's trades with the most flow behind them
LEAST_TRADES: Final = 30
LEAST_CLUSTERS: Final = 5
_CLUSTER_NS: Final = 60_000_000_000
_S_NS: Final = 1_000_000_000
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


def mids(rows: RowSums, gaps: Intervals) -> tuple[Ints, Floats]:
    """Mid in ticks after each row, NaN where the book is not valid and from the begin of each gap."""
    quotes = rows.quotes
    bid, ask = quotes["bid"], quotes["ask"]
    ok = (bid > NO_BID) & (ask < NO_ASK) & (bid < ask)
    mid = np.where(ok, (bid.astype(np.float64) + ask) / 2.0, np.nan)
    inside = gaps.from_ns[(gaps.from_ns >= rows.end_ns[0]) & (gaps.from_ns <= rows.end_ns[-1])]
    time_ns = np.concatenate([rows.end_ns, inside])
    order = np.argsort(time_ns, kind="stable")
    return time_ns[order], np.concatenate([mid, np.full(len(inside), np.nan)])[order]


def decompose(
    trades: Batch, rows: RowSums, gaps: Gaps, end_ns: int, lag_ns: int
) -> list[spread.SpreadParts]:
    """Effective, realised and adverse parts at each horizon, mids as of the 100 ms rows."""
    mid_ns, mid = mids(rows, gaps.best)
    time_ns, price, size, side = (trades[name] for name in ("time_ns", "price", "size", "side"))
    return [
        spread.decompose(time_ns, price, size, side, mid_ns, mid, float(h), lag_ns, end_ns)
        for h in spread.HORIZONS_S
    ]


def curves(
    trades: Batch, rows: RowSums, gaps: Gaps, end_ns: int, window_ns: int, lag_ns: int
) -> Curves:
    """The curves of the trades whose last horizon lies within what is known.

    Args:
        trades: TRADE records in order.
        rows, gaps: of the same market, from a window before the first trade.
        end_ns: how far they are known.
        window_ns: of the rolling OFI before each trade, which sorts the trades of a side.
        lag_ns: `trade_lag`.
    """
    trades = trades[(trades["side"] != 0) & (trades["time_ns"] <= end_ns - CURVE_S[-1] * _S_NS)]
    time_ns, side = trades["time_ns"], trades["side"]
    path = np.stack([_mid(rows, gaps, time_ns + h * _S_NS - lag_ns * (h == 0)) for h in CURVE_S])
    with np.errstate(invalid="ignore", divide="ignore"):
        move = (path - path[0]) / path[0] * _BPS
    # One population for all horizons of a curve: the trades whose whole path is known.
    known = np.isfinite(move).all(axis=0)
    known &= ~gaps.best.touch(time_ns, time_ns + CURVE_S[-1] * _S_NS)
    flow = rolling_best(rows, gaps.best, time_ns - 1, window_ns)
    weight = trades["size"].astype(np.float64)
    found = [
        _curve(move[:, where], weight[where], time_ns[where])
        for where in _members(side, flow, known)
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


def _mid(rows: RowSums, gaps: Gaps, t_ns: Ints) -> Floats:
    bid, ask = quotes_at(rows, gaps.best, t_ns)
    return np.where(bid < ask, (bid + ask) / 2.0, np.nan)


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
