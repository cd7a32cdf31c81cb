"""Prediction by horizon, following a market second by second (docs/metrics.md, Information coefficient).

The Newey–West error is a quadratic form in lagged products of `1, x, y, x², xy`: a pair that comes or
goes adds or takes away its products with its neighbours within the lag, whatever the look-back. They
are summed afresh once per look-back, and when an extreme value leaves, so rounding does not accumulate.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.compute.prediction import (
    GRID_NS,
    HORIZONS_S,
    LEAST_PAIRS,
    Moments,
    Prediction,
    chance,
    judge,
    newey_west_lag,
    out_of_sample,
)
from app.compute.windows import END, Floats, Intervals, RowSums, quotes_at, rolling_best

Bools = NDArray[np.bool_]
LOOKBACK_S: Final = 1800
_MANY: Final = 64  # more new pairs than this are summed together with the rest
_EXTREME: Final = 100.0  # standard deviations


class _Products:
    """Pairs of the look-back and the lagged products of their monomials."""

    def __init__(self, lookback: int, lag: int):
        self._lookback, self._lag = lookback, lag
        self._xy = np.empty((2 * lookback + 1, 2))
        self._phi = np.empty((2 * lookback + 1, 5))
        self._second = np.empty(2 * lookback + 1, np.int64)
        self._begin = self._end = 0
        self._since = 0  # pairs since the sums were made afresh
        self._refresh()

    def __len__(self) -> int:
        return self._end - self._begin

    @property
    def xy(self) -> Floats:
        """`[n, 2]` signal and outcome."""
        return self._xy[self._begin : self._end]

    @property
    def second(self) -> NDArray[np.int64]:
        """`[n]` when."""
        return self._second[self._begin : self._end]

    def extend(self, second: NDArray[np.int64], xy: Floats, oldest: int) -> None:
        """Take in pairs, and let those go whose second is before `oldest`."""
        late = second >= oldest
        second, xy = second[late], xy[late]
        gone = int(np.searchsorted(self._second[self._begin : self._end], oldest))
        self._since += len(xy)
        many = max(len(xy), gone) > _MANY or self._since > self._lookback
        for _ in range(gone):
            many |= bool((np.abs(self._phi[self._begin, 1:3]) > _EXTREME).any())
            if not many:
                self._count(self._phi[self._begin], self._phi[self._begin : self._end], -1)
            self._begin += 1
        for at, pair in zip(second.tolist(), xy, strict=True):
            self._room()
            self._xy[self._end], self._second[self._end] = pair, at
            self._phi[self._end] = self._monomials(pair[None])[0]
            self._end += 1
            if not many:
                back = self._phi[self._begin : self._end][::-1]
                self._count(back[0], back, 1)
        if many or len(self) < _MANY:
            self._refresh()

    def _room(self) -> None:
        if self._end == len(self._xy):
            n = len(self)
            for part in (self._xy, self._phi, self._second):
                part[:n] = part[self._begin : self._end].copy()
            self._begin, self._end = 0, n

    def _monomials(self, xy: Floats) -> Floats:
        x, y = ((xy - self._centre) / self._scale).T
        return np.stack([np.ones(len(xy)), x, y, x * x, x * y], axis=1)

    def _count(self, one: Floats, neighbours: Floats, sign: int) -> None:
        """Products of a pair at the end of the look-back with itself and those within the lag."""
        near = neighbours[: self._lag + 1]
        self._sums[: len(near)] += sign * near[:, :, None] * one

    def _refresh(self) -> None:
        xy, self._since = self.xy, 0
        self._centre = xy.mean(axis=0) if len(xy) else np.zeros(2)
        spread = xy.std(axis=0) if len(xy) else np.ones(2)
        self._scale = np.where(spread > 0, spread, 1.0)
        phi = self._phi[self._begin : self._end]
        phi[:] = self._monomials(xy)
        self._sums = np.zeros((self._lag + 1, 5, 5))
        for j in range(min(self._lag + 1, len(xy))):
            self._sums[j] = phi[: len(phi) - j].T @ phi[j:]

    def coefficient(self, lag: int) -> tuple[float, float, float]:
        """Coefficient, its error for independent pairs and by Newey–West; as `prediction.predict`."""
        n, first = len(self), self._sums[0]
        mean_x, mean_y = first[0, 1] / n, first[0, 2] / n
        var_x = first[1, 1] / n - mean_x**2
        var_y = first[2, 2] / n - mean_y**2
        slope = (first[1, 2] / n - mean_x * mean_y) / var_x
        ic = slope * np.sqrt(var_x / var_y)
        # (x − x̄)(y − ȳ − slope·(x − x̄)) by its monomials.
        score = np.array([
            mean_x * mean_y - slope * mean_x**2,
            2 * slope * mean_x - mean_y,
            -mean_x,
            -slope,
            1.0,
        ])  # fmt: skip
        lagged = np.einsum("i,jik,k->j", score, self._sums[: lag + 1], score)
        weight = 1.0 - np.arange(lag + 1) / (lag + 1)
        total = lagged[0] + 2.0 * float(weight[1:] @ lagged[1:])
        se_iid = np.sqrt(max(1.0 - ic * ic, 0.0) / (n - 2))
        return float(ic), float(se_iid), float(np.sqrt(max(total, 0.0) / (var_x * var_y)) / n)


class LivePrediction:
    """One horizon; `result` equals `prediction.predict` on the pairs of the look-back.

    Args:
        horizon_s, window_s: h and W, whole seconds.
        lookback_s: how many grid seconds whose outcome is known count.
        block_ns: length of the calendar windows of the out-of-sample forecast; None: without.
        begin_s: the second before the first.
    """

    def __init__(
        self,
        horizon_s: int,
        window_s: int,
        lookback_s: int = LOOKBACK_S,
        block_ns: int | None = None,
        begin_s: int = 0,
    ):
        self.horizon_s, self.window_s, self.lookback_s = horizon_s, window_s, lookback_s
        self.block_ns = block_ns
        lag = newey_west_lag(lookback_s, horizon_s, window_s)
        self._pairs = _Products(lookback_s, lag)
        self._tail = np.empty((3, 0))  # signal, twice mid, seconds lost, of the last h seconds
        self._second = begin_s
        self._lost = 0.0
        self._result: Prediction | None = None
        self._fresh = True

    def extend(self, signal: Floats, twice_mid: Floats, whole: Bools) -> None:
        """Consecutive seconds t have passed.

        Args:
            signal: OFI over `(t − W, t]`, `[k]`; NaN where not known.
            twice_mid: at t; NaN where not known.
            whole: whether `(t − 1 s, t]` is free of gaps: no outcome reaches across one.
        """
        lost = np.cumsum(~whole) + self._lost
        news = np.stack([signal, twice_mid, lost])
        joined = np.concatenate([self._tail, news], axis=1)
        h, k = self.horizon_s, len(signal)
        self._second += k
        self._lost = float(lost[-1]) if k else self._lost
        now, later = joined[:, :-h], joined[:, h:]
        first = self._second - joined.shape[1] + 1
        self._tail = joined[:, -h:]
        ok = np.isfinite(now[0]) & (now[1] > 0) & (later[1] > 0) & (now[2] == later[2])
        xy = np.stack([now[0, ok], np.log(later[1, ok] / now[1, ok])], axis=1)
        oldest = self._second - h - self.lookback_s + 1
        self._pairs.extend(first + np.flatnonzero(ok), xy, oldest)
        self._fresh = False

    @property
    def pairs(self) -> Floats:
        """`[n, 2]` signal and log return of the look-back, oldest first."""
        return self._pairs.xy

    def result(self) -> Prediction | None:
        """The present verdict; None with fewer than 30 pairs, or where nothing varies."""
        if not self._fresh:
            self._result, self._fresh = self._judge(), True
        return self._result

    def _judge(self) -> Prediction | None:
        x, y = self._pairs.xy.T
        n = len(x)
        if n < LEAST_PAIRS or not np.ptp(x) > 0 or not np.ptp(y) > 0:
            return None
        lag = newey_west_lag(n, self.horizon_s, self.window_s)
        both = (x != 0) & (y != 0)
        agree = int((np.sign(x) == np.sign(y))[both].sum())
        found = Moments(n, lag, *self._pairs.coefficient(lag), int(both.sum()), agree)
        later = None
        if self.block_ns:
            t_ns = self._pairs.second * GRID_NS
            later = out_of_sample(t_ns, x, y, self.horizon_s, self.block_ns)
        return judge(found, self.horizon_s, self.window_s, chance(x, y, lag), later)


@dataclass
class Forecasts:
    """All horizons of a market's rolling `OFI_best`, following its rows.

    Args:
        window_s: W.
        lookback_s: length of the look-back.
        block_ns: as of `LivePrediction`.
    """

    window_s: int
    lookback_s: int = LOOKBACK_S
    block_ns: int | None = None
    horizons_s: tuple[int, ...] = HORIZONS_S
    _live: dict[int, LivePrediction] = field(init=False)
    _upto: int = 0  # the last second that was taken in
    _changed_ns: int = END

    def __post_init__(self) -> None:
        self._clear(0)

    def _clear(self, begin_s: int) -> None:
        form = (self.window_s, self.lookback_s, self.block_ns, begin_s)
        self._live = {h: LivePrediction(h, *form) for h in self.horizons_s}

    def changed(self, time_ns: int) -> None:
        """What is known of the time since changed."""
        self._changed_ns = min(self._changed_ns, time_ns)

    def follow(self, rows: RowSums, gaps: Intervals, upto_ns: int) -> None:
        """Take in the whole seconds up to a time.

        Args:
            rows: at least of the look-back, the longest horizon and W, the first time.
            gaps: of the best stream.
            upto_ns: the time.
        """
        last, first = upto_ns // GRID_NS, self._upto + 1
        reach = self.lookback_s + max(self.horizons_s)
        if self._changed_ns <= self._upto * GRID_NS or last - self._upto > reach:
            first = last - reach + 1
            self._clear(first - 1)
        self._changed_ns = END
        if first > last:
            return
        t = np.arange(first, last + 1, dtype=np.int64) * GRID_NS
        signal = rolling_best(rows, gaps, t, self.window_s * GRID_NS)
        bid, ask = quotes_at(rows, gaps, t)
        twice = np.where(bid < ask, bid + ask, np.nan)
        for live in self._live.values():
            live.extend(signal, twice, ~gaps.touch(t - GRID_NS, t))
        self._upto = last

    def results(self) -> dict[int, Prediction | None]:
        """The verdict by horizon in seconds."""
        return {h: live.result() for h, live in self._live.items()}

    def pairs(self, horizon_s: int) -> Floats:
        """`[n, 2]` signal in lots and log return of a horizon."""
        return self._live[horizon_s].pairs
