"""Multilevel or integrated OFI against its own past, where a page shows one in place of the best quotes'."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.compute import view as compute
from app.compute.follow import Weighing
from app.compute.windows import Depth, Intervals, rolling_depth
from app.web.history import History
from app.web.spec import ViewSpec

MULTI: Final = "multi"
_FINE: Final = 10**6  # parts of a lot in which integrated OFI, which is no integer, is counted


class Standing:
    """The present value of a view's main series, its score, and what it is scored against."""

    def __init__(self, spec: ViewSpec):
        self._spec = spec
        self._parts = 1 if spec.main == MULTI else _FINE
        self._past = compute.Lookback(np.empty(0, np.int64))
        self._figures: dict[str, Any] = {"n": 0}
        self._hist = np.zeros(compute.BINS, np.uint32)

    def look_back(self, history: History, gaps: Intervals, now_ns: int, weighing: Weighing) -> None:
        """Take the values at the whole seconds in `[now − look-back, now)`, those that are known.

        Args:
            history: rows at least from the look-back less the window.
            gaps: of its depth stream.
            now_ns: the end of the newest row.
            weighing: of integrated OFI at the view's depth, over the look-back.
        """
        spec, seconds = self._spec, compute.seconds_before(now_ns, self._spec.lookback_s)
        depth = rolling_depth(history.rows, gaps, seconds, spec.window_ns, spec.depth)
        values = self._values(depth, weighing, seconds)
        counted = np.rint(values[np.isfinite(values)] * self._parts).astype(np.int64)
        self._past = compute.Lookback(np.sort(counted))
        part = compute.Scale(history.scale.tick, history.scale.lot / self._parts)
        self._figures, self._hist = compute.distribution(self._past, part)

    def header(self, history: History, depth: Depth | None, weighing: Weighing) -> dict[str, Any]:
        """As docs/live.md names it; `depth` is of the newest row, None while it tells nothing of now."""
        value = np.nan
        if depth is not None:
            value = float(self._values(depth, weighing, history.rows.end_ns[-1:])[0])
        shown = float(compute.in_unit(np.array([value]), history.scale.lot)[0])
        scored = self._past.of(float(np.rint(value * self._parts)))
        return {
            "main": {
                "series": self._spec.main,
                "value": shown if np.isfinite(shown) else None,
                "score": scored.z,
                "percentile": scored.percentile,
                "distribution": self._figures,
                "windows": None if self._spec.main == MULTI else weighing.windows,
            }
        }

    def arrays(self) -> dict[str, NDArray[np.uint32]]:
        """Counts of the distribution."""
        return {"main_hist": self._hist}

    def _values(
        self, depth: Depth, weighing: Weighing, at_ns: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        if self._spec.main == MULTI:
            return depth.multi
        return compute.integrated(depth, weighing.at(at_ns)[0])
