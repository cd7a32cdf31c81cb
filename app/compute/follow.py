"""Estimates that follow a market from its rows: what a new row costs does not depend on the look-back.

Each holds the moments of its look-back and takes in what has ended since. When something before that
changes (a gap is told afterwards), `changed` says from where, and that part is done again.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from app.compute.impact import Fit, LiveImpact
from app.compute.integrated import LEAST_WINDOWS, LiveIntegrated, components, normalise
from app.compute.windows import (
    END,
    OFI,
    SIZE,
    STATES_DEPTH,
    UNKNOWN,
    Floats,
    Intervals,
    Ints,
    RowSums,
    quotes_at,
    rolling_best,
)

BIN_NS: Final = 10_000_000_000
S_NS: Final = 1_000_000_000
LEAST_BINS: Final = 30  # 5 min, as for scores
LOOKBACK_S: Final = 1800  # unless a viewer chooses another


@dataclass
class Explained:
    """How much of the moves of mid the OFI of the same 10 s explains, over a look-back."""

    lookback_s: int = LOOKBACK_S
    _live: LiveImpact = field(init=False)
    _upto: int = 0  # the last bin that was taken in, by number
    _changed_ns: int = END
    _fit: Fit | None = None

    def __post_init__(self) -> None:
        self._bins = self.lookback_s * S_NS // BIN_NS
        self._live = LiveImpact(self._bins)

    def changed(self, time_ns: int) -> None:
        """What is known of the time since changed."""
        self._changed_ns = min(self._changed_ns, time_ns)

    def follow(self, rows: RowSums, gaps: Intervals, upto_ns: int) -> None:
        """Take in the bins that ended by a time."""
        last, first = upto_ns // BIN_NS, self._upto + 1
        if self._changed_ns <= self._upto * BIN_NS or last - self._upto > self._bins:
            self._live, first = LiveImpact(self._bins), last - self._bins + 1
        self._changed_ns = END
        if first > last:
            return
        edges = np.arange(first - 1, last + 1, dtype=np.int64) * BIN_NS
        flow = rolling_best(rows, gaps, edges[1:], BIN_NS)
        bid, ask = quotes_at(rows, gaps, edges)
        twice = np.where(bid < ask, bid + ask, np.nan)
        for x, move in zip(flow.tolist(), np.diff(twice).tolist(), strict=True):
            # NaN is equal to nothing, itself included.
            self._live.push(x if x == x and move == move else None, move if move == move else 0)
        self._upto, self._fit = last, self._live.fit()

    def fit(self) -> Fit | None:
        """The present fit; None with fewer than 30 bins, or where nothing varies."""
        return self._fit if self._fit is not None and self._fit.bins >= LEAST_BINS else None


@dataclass
class Weighing:
    """Weights of integrated OFI through time: at any time those of the windows that ended before."""

    levels: int
    lookback_s: int = LOOKBACK_S
    bin_ns: int = BIN_NS
    _live: LiveIntegrated = field(init=False)
    _first: int = 0  # number of the window after which the first kept weights hold
    _weights: list[Floats] = field(default_factory=list)  # w / Σ|w|; NaN while not available
    _explained: list[float] = field(default_factory=list)
    _changed_ns: int = END

    def __post_init__(self) -> None:
        self._windows = max(self.lookback_s * S_NS // self.bin_ns, LEAST_WINDOWS)
        self._live = LiveIntegrated(self.levels, self._windows)

    def changed(self, time_ns: int) -> None:
        """What is known of the time since changed."""
        self._changed_ns = min(self._changed_ns, time_ns)

    def follow(self, rows: RowSums, gaps: Intervals, since_ns: int, upto_ns: int) -> None:
        """Have weights for all times in `(since, upto]`; older ones may be forgotten with the rows."""
        begin = int(rows.end_ns[0]) // self.bin_ns  # before the first row there are no windows
        first, last = max((since_ns - 1) // self.bin_ns, begin), upto_ns // self.bin_ns
        done = self._first + len(self._weights) - 1
        known = min(done, (self._changed_ns - 1) // self.bin_ns)
        self._changed_ns = END
        if not self._weights or first < self._first or known < self._first:
            self._first, self._weights, self._explained, known = first, [], [], first - 1
        if known < done or not self._weights:
            del self._weights[known - self._first + 1 :], self._explained[len(self._weights) :]
            self._live = LiveIntegrated(self.levels, self._windows)
            start = known - self._windows + 1
            for row in self._complete(rows, gaps, start, known):
                self._live.push(row)
        moments = []
        for row in self._complete(rows, gaps, known + 1, last):
            self._live.push(row)
            moments.append(self._live.moments())
        for found in components(moments):
            none = np.full(self.levels, np.nan)
            self._weights.append(none if found is None else found.w / np.abs(found.w).sum())
            self._explained.append(np.nan if found is None else found.explained)
        self._forget(begin)

    @property
    def windows(self) -> int:
        """How many complete windows the newest weights rest on, or wait with."""
        return self._live.windows

    def _complete(
        self, rows: RowSums, gaps: Intervals, first: int, last: int
    ) -> list[Floats | None]:
        """Normalised OFI of windows by number; None where one is not complete."""
        if last < first:
            return []
        ends = np.arange(first, last + 1, dtype=np.int64) * self.bin_ns
        total = rows.between(ends - self.bin_ns, ends)
        m = self.levels
        size = total[:, SIZE][:, :m].sum(axis=1)
        ofi = normalise(total[:, OFI][:, :m], size, total[:, STATES_DEPTH])
        whole = ~total[:, UNKNOWN][:, :m].any(axis=1) & ~gaps.touch(ends - self.bin_ns, ends)
        return [row if ok else None for row, ok in zip(ofi, whole.tolist(), strict=True)]

    def _forget(self, before: int) -> None:
        old = min(max(before - self._first, 0), max(len(self._weights) - 1, 0))
        del self._weights[:old], self._explained[:old]
        self._first += old

    def at(self, t_ns: Ints) -> tuple[Floats, Floats]:
        """Weights `[k, M]` that sum to one in absolute value, and the share of variance explained.

        NaN where fewer than 30 windows had ended.
        """
        index = (t_ns - 1) // self.bin_ns - self._first
        ok = (index >= 0) & (index < len(self._weights))
        weights = np.full((len(t_ns), self.levels), np.nan)
        explained = np.full(len(t_ns), np.nan)
        if ok.any():
            # Few times share few windows: only those in question become an array.
            low, high = int(index[ok].min()), int(index[ok].max()) + 1
            weights[ok] = np.array(self._weights[low:high])[index[ok] - low]
            explained[ok] = np.array(self._explained[low:high])[index[ok] - low]
        return weights, explained
