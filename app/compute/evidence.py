"""What the flow said of the price over a look-back: the bins of a market's rows put to the tests.

Everything here is a function of the rows, trades and gaps up to a time alone: a follower that was there
all along and one that reads them anew agree, bit for bit where flows are integers, elsewhere to 1e-9.
"""

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.compute import held_out, impact, prediction
from app.compute.follow import LEAST_BINS, Weighing
from app.compute.live_impact import FLOWS, Verified
from app.compute.live_law import LiveLaw
from app.compute.live_markout import LiveMarkout
from app.compute.live_prediction import Forecasts
from app.compute.view import Gaps, in_unit
from app.compute.windows import Floats, RowSums, quotes_at
from app.records import Batch

__all__ = ["FLOWS", "LEAST_BINS"]  # of the fits below
S_NS: Final = 1_000_000_000
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


@dataclass
class Follower:
    """What is asked of a market, following its rows and trades: news cost the same for any look-back."""

    question: Question
    verified: Verified = field(init=False)
    law: LiveLaw = field(init=False)
    forecasts: Forecasts = field(init=False)
    markout: LiveMarkout = field(init=False)
    _weighing: Weighing = field(init=False)

    def __post_init__(self) -> None:
        q = self.question
        self.verified = Verified(q.levels, q.lookback_ns // q.bin_ns, q.bin_ns)
        self.law = LiveLaw(q.lookback_ns // q.bin_ns, q.bin_ns)
        self.forecasts = Forecasts(q.bin_s, q.lookback_s, q.block_ns)
        self.markout = LiveMarkout(q.bin_ns, q.lookback_ns)
        self._weighing = Weighing(q.levels, q.lookback_s, q.bin_ns)

    def changed(self, time_ns: int) -> None:
        """What is known of the time since changed."""
        for part in (self.verified, self.law, self.forecasts, self.markout, self._weighing):
            part.changed(time_ns)

    def follow(self, rows: RowSums, gaps: Gaps, trades: Batch, upto_ns: int) -> None:
        """Take in what happened up to a time.

        Args:
            rows: the first time from `question.reach_ns` before it.
            gaps, trades: of the same market.
            upto_ns: the time.
        """
        q = self.question
        self._weighing.follow(rows, gaps.depth, upto_ns - q.lookback_ns, upto_ns)
        self.verified.follow(rows, gaps, self._weighing, upto_ns)
        self.law.follow(rows, gaps.best, upto_ns)
        self.forecasts.follow(rows, gaps.best, upto_ns)
        self.markout.follow(rows, gaps, trades, upto_ns)


@dataclass(frozen=True)
class Explains:
    """How one flow explains the moves of its own bins; None is not available."""

    name: str
    bins: int
    fit: impact.Fit | None  # β in ticks per size unit
    held_out: float | None
    shuffled: float | None


def explains(verified: Verified, name: str, lot: Decimal) -> Explains:
    """The fit of a flow, how it holds in the later half, and what chance explains."""
    x, y = pairs(verified, name, lot)
    fit = verified.fit(name)
    if fit is None:
        return Explains(name, len(x), None, None, None)
    unit = 1.0 if name == "integrated" else float(lot)
    in_size = replace(fit, beta=fit.beta / unit, stderr=fit.stderr / unit)
    return Explains(name, len(x), in_size, held_out.held_out(x, y), held_out.shuffled(x, y))


def pairs(verified: Verified, name: str, lot: Decimal) -> tuple[Floats, Floats]:
    """Flow in size units (integrated: dimensionless) and Δmid in ticks of the bins that count."""
    x, y = verified.pairs(name)
    return (x if name == "integrated" else in_unit(x, lot)), y


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


def forecasts(live: Forecasts) -> list[Forecast]:
    """OFI of the best quotes over a bin's length against the next moves, by horizon."""
    result = []
    for h, found in live.results().items():
        outcome = live.pairs(h)[:, 1]
        worth = held_out.expected_move(found.ic, outcome) if found else None
        result.append(Forecast(h, len(outcome), found, worth))
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
