"""Contemporaneous impact of all four flows, following a market from its rows (docs/metrics.md).

A bin is taken in once, when it has ended; what that costs does not depend on the look-back. When
something before changes (a gap is told afterwards), `changed` says from where, and the look-back is
done again.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from app.compute.follow import BIN_NS, LEAST_BINS, Weighing
from app.compute.impact import Fit, LiveImpact
from app.compute.integrated import LOOKBACK_WINDOWS
from app.compute.view import Gaps
from app.compute.windows import (
    END,
    Floats,
    Ints,
    RowSums,
    quotes_at,
    rolling_best,
    rolling_depth,
    taker_flow,
)

FLOWS: Final = ("best", "multilevel", "integrated", "trade_imbalance")


@dataclass
class Verified:
    """Δmid in ticks on the flow of the same bin, for each of `FLOWS`, over the look-back.

    Args:
        levels: of the multilevel and the integrated flow.
        lookback_bins: length of the look-back, in bins.
        bin_ns: length of a bin; that of `weighing` is the same.
    """

    levels: int
    lookback_bins: int = LOOKBACK_WINDOWS
    bin_ns: int = BIN_NS
    _live: dict[str, LiveImpact] = field(init=False)
    _fits: dict[str, Fit | None] = field(init=False)
    _upto: int = 0  # the last bin that was taken in, by number
    _changed_ns: int = END

    def __post_init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self._live = {
            name: LiveImpact(self.lookback_bins, integer=name != "integrated") for name in FLOWS
        }
        self._fits = {}

    def changed(self, time_ns: int) -> None:
        """What is known of the time since changed."""
        self._changed_ns = min(self._changed_ns, time_ns)

    def follow(self, rows: RowSums, gaps: Gaps, weighing: Weighing, upto_ns: int) -> None:
        """Take in the bins that ended by a time.

        Args:
            rows: at least of the look-back, the first time.
            gaps: of the same market.
            weighing: of integrated OFI at the same levels, brought up to the time before.
            upto_ns: the time.
        """
        last, first = upto_ns // self.bin_ns, self._upto + 1
        if self._changed_ns <= self._upto * self.bin_ns or last - self._upto > self.lookback_bins:
            self._clear()
            first = last - self.lookback_bins + 1
        self._changed_ns = END
        if first > last:
            return
        edges = np.arange(first - 1, last + 1, dtype=np.int64) * self.bin_ns
        bid, ask = quotes_at(rows, gaps.best, edges)
        move = np.diff(np.where(bid < ask, bid + ask, np.nan))
        for name, flow in flows(rows, gaps, weighing, edges[1:], self.levels).items():
            live = self._live[name]
            for x, y in zip(flow.tolist(), move.tolist(), strict=True):
                # NaN is equal to nothing, itself included.
                live.push(x if x == x and y == y else None, y if y == y else 0)
        self._upto, self._fits = last, {}

    def fit(self, name: str) -> Fit | None:
        """The present fit of a flow; β in ticks per lot (integrated: per unit of normalised OFI).

        None with fewer than 30 bins, or where nothing varies.
        """
        if name not in self._fits:
            self._fits[name] = self._live[name].fit()
        found = self._fits[name]
        return found if found is not None and found.bins >= LEAST_BINS else None

    def pairs(self, name: str) -> tuple[Floats, Floats]:
        """Flow and Δmid in ticks of the bins that count, oldest first, `[n]` each."""
        return self._live[name].pairs()


def flows(
    rows: RowSums, gaps: Gaps, weighing: Weighing, end_ns: Ints, levels: int
) -> dict[str, Floats]:
    """The flow of each bin that ends at one of `end_ns`, `[n]` lots; NaN where it is not known.

    Integrated OFI is the dimensionless one, with weights of the windows that ended before.
    """
    depth = rolling_depth(rows, gaps.depth, end_ns, weighing.bin_ns, levels)
    known = np.isfinite(depth.ofi).all(axis=1)
    # A window in which the depth said nothing has no flow (docs/metrics.md, Depth-normalised OFI).
    normalised = np.where(np.isfinite(depth.normalised), depth.normalised, 0.0)
    weights = weighing.at(end_ns)[0]
    return {
        "best": rolling_best(rows, gaps.best, end_ns, weighing.bin_ns),
        "multilevel": np.where(known, depth.multi, np.nan),
        "integrated": np.where(known, (normalised * weights).sum(axis=1), np.nan),
        "trade_imbalance": taker_flow(rows, gaps.trades, end_ns - weighing.bin_ns, end_ns),
    }
