"""The depth law of a look-back, window by window as they end (docs/metrics.md, Depth law)."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from app.compute.impact import DepthLaw, depth_law, law_points
from app.compute.windows import (
    END,
    QUEUE,
    STATES_BEST,
    Intervals,
    RowSums,
    quotes_at,
    rolling_best,
)

WINDOWS: Final = 15  # of a look-back
LEAST_BINS: Final = 10  # of a window


@dataclass
class LiveLaw:
    """β of `OFI_best` against the mean size of the best quotes, over the windows of the look-back.

    A window is a fifteenth of the look-back, on whole multiples of its length; a window that ended is
    fitted once. Windows of fewer than ten bins say nothing: then there is no law.

    Args:
        lookback_bins: length of the look-back, in bins.
        bin_ns: length of a bin.
    """

    lookback_bins: int
    bin_ns: int
    _points: dict[int, tuple[float, float]] = field(default_factory=dict)  # β, AD by window
    _upto: int = 0  # the last window that was taken in, by number
    _changed_ns: int = END

    @property
    def window_ns(self) -> int:
        """Length of a window."""
        return self.lookback_bins // WINDOWS * self.bin_ns

    def changed(self, time_ns: int) -> None:
        """What is known of the time since changed."""
        self._changed_ns = min(self._changed_ns, time_ns)

    def follow(self, rows: RowSums, gaps: Intervals, upto_ns: int) -> None:
        """Take in the windows that ended by a time.

        Args:
            rows: at least of the look-back, the first time.
            gaps: of the best stream.
            upto_ns: the time.
        """
        if self.window_ns < LEAST_BINS * self.bin_ns:
            return
        last = upto_ns // self.window_ns
        known = min(self._upto, (self._changed_ns - 1) // self.window_ns)
        self._changed_ns = END
        first = max(known + 1, last - WINDOWS + 1)
        self._points = {k: v for k, v in self._points.items() if last - WINDOWS < k < first}
        self._upto = last
        if first > last:
            return
        bins = self.window_ns // self.bin_ns
        edges = np.arange((first - 1) * bins, last * bins + 1, dtype=np.int64) * self.bin_ns
        start, end = edges[:-1], edges[1:]
        bid, ask = quotes_at(rows, gaps, edges)
        move = np.diff(np.where(bid < ask, bid + ask, np.nan)) / 2.0
        flow, total = rolling_best(rows, gaps, end, self.bin_ns), rows.between(start, end)
        ok = np.isfinite(flow) & np.isfinite(move)
        queue = (total[ok, QUEUE], total[ok, STATES_BEST])
        found = law_points(end[ok], flow[ok], move[ok], *queue, self.bin_ns, self.window_ns)
        for k, beta, depth in zip(
            (found.end_ns // self.window_ns).tolist(), found.beta, found.depth, strict=True
        ):
            self._points[k] = (float(beta), float(depth))

    def law(self, lot: float) -> DepthLaw | None:
        """The law in units of size; None with fewer than 12 windows of a β above 0."""
        points = np.array([self._points[k] for k in sorted(self._points)]).reshape(-1, 2)
        return depth_law(points[:, 0] / lot, points[:, 1] * lot)
