"""What the flow said of the price over a look-back: the bins of a market's rows put to the tests.

Everything here is a function of the rows and gaps up to `end_ns` alone, so that a page, the API and a
researcher who ask the same get the same numbers, bit for bit.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.compute import held_out, impact, prediction
from app.compute.integrated import LEAST_WINDOWS, trailing_at_once
from app.compute.view import Gaps, Scale, in_unit
from app.compute.windows import (
    STATES_DEPTH,
    Floats,
    Ints,
    RowSums,
    quotes_at,
    rolling_best,
    rolling_depth,
    taker_flow,
)

S_NS: Final = 1_000_000_000
FLOWS: Final = ("best", "multilevel", "integrated", "trade_imbalance")
LEAST_BINS: Final = 30
LINE_POINTS: Final = 33  # of the band


@dataclass(frozen=True)
class Question:
    """What is asked of a market: bins of one length, over a look-back, with so many levels."""

    bin_s: int
    lookback_s: int
    levels: int

    @property
    def bin_ns(self) -> int:
        """Length of a bin, and of the signal's window."""
        return self.bin_s * S_NS

    @property
    def lookback_ns(self) -> int:
        """Length of the look-back."""
        return self.lookback_s * S_NS

    @property
    def block_ns(self) -> int:
        """Calendar windows of the out-of-sample forecasts: a sixth of the look-back."""
        return self.lookback_ns // 6

    @property
    def reach_ns(self) -> int:
        """How far back of the end rows are needed: weights look back from the first bin."""
        return 2 * self.lookback_ns + 2 * self.bin_ns


@dataclass(frozen=True)
class BinSeries:
    """Consecutive bins: Δmid in ticks and each flow in size units (integrated: dimensionless).

    NaN where a bin touches a gap or is not known; `end_ns` `[n]`, the rest the same.
    """

    end_ns: Ints
    move: Floats
    flow: dict[str, Floats]

    def pairs(self, name: str) -> tuple[Floats, Floats]:
        """Flow and move of the bins where both are known."""
        ok = np.isfinite(self.flow[name]) & np.isfinite(self.move)
        return self.flow[name][ok], self.move[ok]


def bin_series(rows: RowSums, gaps: Gaps, end_ns: int, q: Question, scale: Scale) -> BinSeries:
    """The bins of `(end − look-back, end]`, whole multiples of their length."""
    last, count = end_ns // q.bin_ns, q.lookback_ns // q.bin_ns
    edges = np.arange(last - count, last + 1, dtype=np.int64) * q.bin_ns
    ends = edges[1:]
    bid, ask = quotes_at(rows, gaps.best, edges)
    twice = np.where(bid < ask, bid + ask, np.nan)
    depth = rolling_depth(rows, gaps.depth, ends, q.bin_ns, q.levels)
    whole = np.isfinite(depth.ofi).all(axis=1)
    flow = {
        "best": in_unit(rolling_best(rows, gaps.best, ends, q.bin_ns), scale.lot),
        "multilevel": in_unit(np.where(whole, depth.multi, np.nan), scale.lot),
        "integrated": _integrated(rows, gaps, last, count, q),
        "trade_imbalance": in_unit(taker_flow(rows, gaps.trades, edges[:-1], ends), scale.lot),
    }
    return BinSeries(ends, np.diff(twice) / 2.0, flow)


def _integrated(rows: RowSums, gaps: Gaps, last: int, count: int, q: Question) -> Floats:
    """Integrated OFI of the bins, weights from the bins of the look-back before each."""
    ends = np.arange(last - 2 * count + 1, last + 1, dtype=np.int64) * q.bin_ns
    depth = rolling_depth(rows, gaps.depth, ends, q.bin_ns, q.levels)
    total = rows.between(ends - q.bin_ns, ends)
    complete = np.asarray(np.isfinite(depth.ofi).all(axis=1), np.bool_)
    # Without a state nothing happened: its OFI is 0, whatever the depth (docs/metrics.md).
    quiet = total[:, STATES_DEPTH] == 0
    normalised = np.where(quiet[:, None], 0.0, depth.normalised)
    complete = complete & np.isfinite(normalised).all(axis=1)
    found = trailing_at_once(normalised, complete, max(count, LEAST_WINDOWS))
    return found[0][count:]


@dataclass(frozen=True)
class Explains:
    """How one flow explains the moves of its own bins; None is not available."""

    name: str
    bins: int
    fit: impact.Fit | None  # β in ticks per size unit
    held_out: float | None
    shuffled: float | None


def explains(series: BinSeries, name: str) -> Explains:
    """The fit of a flow, how it holds in the later half, and what chance explains."""
    x, y = series.pairs(name)
    enough = len(x) >= LEAST_BINS
    return Explains(
        name,
        len(x),
        impact.fit(x, y) if enough else None,
        held_out.held_out(x, y) if enough else None,
        held_out.shuffled(x, y) if enough else None,
    )


def line(x: Floats, y: Floats) -> tuple[Floats, Floats, Floats]:
    """Where the line of a scatter is drawn, and its band's edges, `[k]` each."""
    at = np.linspace(float(x.min()), float(x.max()), LINE_POINTS)
    return at, *held_out.band(x, y, at)


@dataclass(frozen=True)
class Forecast:
    """One horizon: the relation to the next move, and what that move would be worth, bps."""

    horizon_s: int
    pairs: int
    found: prediction.Prediction | None
    expected_bps: float | None


def forecasts(rows: RowSums, gaps: Gaps, end_ns: int, q: Question) -> list[Forecast]:
    """OFI of the best quotes over a bin's length against the next moves, on the 1 s grid."""
    last = end_ns // S_NS
    grid = np.arange(last - q.lookback_s, last + 1, dtype=np.int64) * S_NS
    signal = rolling_best(rows, gaps.best, grid, q.bin_ns)
    bid, ask = quotes_at(rows, gaps.best, grid)
    with np.errstate(invalid="ignore"):
        log_mid = np.log(np.where((bid < ask) & (bid + ask > 0), bid + ask, np.nan))
    result = []
    for h in prediction.HORIZONS_S:
        outcome = _ahead(log_mid, h)
        outcome[gaps.best.touch(grid, grid + h * S_NS)] = np.nan
        both = np.isfinite(signal) & np.isfinite(outcome)
        found = prediction.predict(grid, signal, outcome, float(h), float(q.bin_s), q.block_ns)
        worth = held_out.expected_move(found.ic, outcome[both]) if found else None
        result.append(Forecast(h, int(both.sum()), found, worth))
    return result


def _ahead(log_mid: Floats, steps: int) -> Floats:
    result = np.full(len(log_mid), np.nan)
    result[:-steps] = log_mid[steps:] - log_mid[:-steps]
    return result


def half_spread_bps(rows: RowSums, gaps: Gaps, end_ns: int, q: Question) -> float | None:
    """Mean of `(ask − bid) / 2` in bps of mid, at the whole seconds of the look-back."""
    last = end_ns // S_NS
    grid = np.arange(last - q.lookback_s + 1, last + 1, dtype=np.int64) * S_NS
    bid, ask = quotes_at(rows, gaps.best, grid)
    ok = np.isfinite(bid) & np.isfinite(ask) & (bid + ask > 0)
    if not ok.any():
        return None
    half: NDArray[np.float64] = (ask[ok] - bid[ok]) / (ask[ok] + bid[ok])
    return float(half.mean()) * 1e4
