"""Does flow foretell returns? Information coefficient, hit rate, chance, out of sample (docs/metrics.md).

The signal at t is OFI over `(t − W, t]`, the outcome the mid's log return over `(t, t + h]`, on a grid of
1 s. Nothing at or before t enters the outcome, nothing after t the signal.
"""

from dataclasses import dataclass
from math import floor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.compute import bins
from app.compute.impact import window_slices

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
HORIZONS_S = (1, 5, 10, 30, 60)
GRID_NS = 1_000_000_000
LEAST_PAIRS = 30
_NORMAL_95 = 1.959963984540054
_P = 0.05


@dataclass(frozen=True)
class Chance:
    """What the same numbers are when the signal is shifted in a circle: no relation but its own."""

    shifts: int
    ic_low: float  # 2.5 % of the shifted coefficients
    ic_high: float  # 97.5 %
    ic_p: float  # share of shifts with at least this absolute coefficient
    hit_mean: float


@dataclass(frozen=True)
class OutOfSample:
    """Forecasts for each window with slope, mean and scale from windows that ended before it."""

    pairs: int
    ic: float
    r2: float  # against the mean of the past; negative: worse than saying nothing


@dataclass(frozen=True)
class Prediction:
    """How well the signal foretells one horizon."""

    horizon_s: float
    window_s: float
    pairs: int
    ic: float  # slope of standardised return on standardised signal
    ic_low: float  # 95 %, Newey–West, Bartlett lag 2·max(h, W)
    ic_high: float
    n_eff: float
    hit_rate: float | None  # sign agreement over pairs without a zero
    hit_low: float | None  # 95 %, Wilson at n_eff
    hit_high: float | None
    zero_share: float
    chance: Chance | None
    out_of_sample: OutOfSample | None

    @property
    def better_than_chance(self) -> bool:
        """Whether the interval excludes zero and the circular shifts rarely reach the coefficient."""
        outside = self.ic_low > 0 or self.ic_high < 0
        return outside and (self.chance is None or self.chance.ic_p <= _P)


def signal(time_ns: Ints, e: Ints, grid_ns: Ints, window_ns: int) -> Ints:
    """Rolling OFI over `(t − W, t]` at each t of the grid, in lots (docs/metrics.md)."""
    rolled = bins.rolling(time_ns, e, grid_ns, window_ns)
    return np.asarray(rolled, np.int64)


def outcome(mid_ns: Ints, mid: Floats, grid_ns: Ints, horizon_ns: int) -> Floats:
    """Log return of the mid over `(t, t + h]`; NaN where either mid is unknown.

    The mid at an edge is the last one at or before it, so a change at exactly t is in the past.
    """
    result = np.full(len(grid_ns), np.nan)
    if not len(mid_ns):
        return result
    at = bins.last_index(mid_ns, grid_ns)
    later = bins.last_index(mid_ns, grid_ns + horizon_ns)
    ok = at >= 0
    first, second = mid[np.maximum(at, 0)], mid[np.maximum(later, 0)]
    ok &= np.isfinite(first) & np.isfinite(second) & (first > 0) & (second > 0)
    result[ok] = np.log(second[ok] / first[ok])
    return result


def predict(
    grid_ns: Ints,
    x: Floats | Ints,
    y: Floats,
    horizon_s: float,
    window_s: float,
    block_ns: int | None = None,
) -> Prediction | None:
    """Relate the signal to one horizon's outcome.

    Args:
        grid_ns: t of each pair, 1 s apart, sorted, `[n]`.
        x: signal, y: outcome; a pair with a NaN is left out.
        horizon_s, window_s: h and W.
        block_ns: length of the calendar windows of the out-of-sample forecast; None: without.

    Returns:
        None with fewer than 30 pairs, or where signal or outcome does not vary.
    """
    ok = np.isfinite(x) & np.isfinite(y)
    t, x, y = grid_ns[ok], np.asarray(x, np.float64)[ok], y[ok]
    n = len(x)
    if n < LEAST_PAIRS or not np.ptp(x) > 0 or not np.ptp(y) > 0:
        return None
    lag = newey_west_lag(n, horizon_s, window_s)
    both = (x != 0) & (y != 0)
    agree = int((np.sign(x) == np.sign(y))[both].sum())
    return judge(
        Moments(n, lag, *_coefficient(x, y, lag), int(both.sum()), agree),
        horizon_s,
        window_s,
        chance(x, y, lag),
        out_of_sample(t, x, y, horizon_s, block_ns) if block_ns else None,
    )


def newey_west_lag(n: int, horizon_s: float, window_s: float) -> int:
    """The Bartlett lag for n pairs one second apart."""
    return min(2 * round(max(horizon_s, window_s)), n - 2)


@dataclass(frozen=True)
class Moments:
    """What the pairs say, before it is judged."""

    n: int
    lag: int
    ic: float
    se_iid: float
    se_hac: float
    both: int  # pairs without a zero
    agree: int  # of them, with the same sign


def judge(
    m: Moments,
    horizon_s: float,
    window_s: float,
    by_chance: Chance | None,
    later: OutOfSample | None = None,
) -> Prediction:
    """Intervals and effective size from the moments of the pairs."""
    n_eff = min(floor(m.n / horizon_s), m.n * (m.se_iid / m.se_hac) ** 2) if m.se_hac > 0 else 0.0
    reach = critical_value((m.lag + 1) / m.n, n_eff) * m.se_hac
    hit = _hit_rate(m.agree, m.both, n_eff)
    zeros = 1.0 - m.both / m.n
    interval = (m.ic - reach, m.ic + reach)
    return Prediction(
        horizon_s, window_s, m.n, m.ic, *interval, n_eff, *hit, zeros, by_chance, later
    )


def _coefficient(x: Floats, y: Floats, lag: int) -> tuple[float, float, float]:
    """Slope on standardised values, its error for independent pairs and by Newey–West."""
    from statsmodels.regression.linear_model import OLS  # slow to import

    zx, zy = (x - x.mean()) / x.std(), (y - y.mean()) / y.std()
    model: Any = OLS(zy, np.column_stack([np.ones(len(zx)), zx]))
    plain = model.fit()
    robust = model.fit(cov_type="HAC", cov_kwds={"maxlags": lag, "kernel": "bartlett"})
    return float(plain.params[1]), float(plain.bse[1]), float(robust.bse[1])


def critical_value(share: float, n_eff: float) -> float:
    """The 97.5 % point for a Bartlett lag of `share` of the sample and `n_eff` independent pairs.

    The normal's 1.96 is too narrow where the lag is not small against the sample: Kiefer, Vogelsang
    (2005), table 1, widens it; Student's t allows for the few independent pairs. Measured on random
    walks, the normal interval misses zero in 5 to 12 % of runs, this one in 4 to 8 %.
    """
    from scipy.stats import t as student

    b = min(max(share, 0.0), 1.0)
    wider = _NORMAL_95 + 2.9694 * b + 0.4160 * b**2 - 0.5324 * b**3
    few = float(student.ppf(0.975, max(n_eff - 2.0, 1.0))) / _NORMAL_95
    return wider * few


def _hit_rate(
    agree: int, both: int, n_eff: float
) -> tuple[float | None, float | None, float | None]:
    if not both or n_eff < 1:
        return None, None, None
    from statsmodels.stats.proportion import proportion_confint

    rate = agree / both
    n = min(n_eff, float(both))
    low, high = proportion_confint(rate * n, n, alpha=0.05, method="wilson")
    return rate, float(low), float(high)


def chance(x: Floats, y: Floats, lag: int) -> Chance | None:
    """All circular shifts farther than the lag from none, at once by Fourier transform.

    None where pairs are too few for shifts so far.
    """
    n = len(x)
    if n < 4 * (lag + 1):
        return None
    zx, zy = (x - x.mean()) / x.std(), (y - y.mean()) / y.std()
    ic = float(zx @ zy) / n
    far = slice(lag + 1, n - lag)
    shifted = _circular(zx, zy)[far] / n
    agree = _circular(np.sign(x), np.sign(y))[far]
    pairs = _circular((x != 0).astype(float), (y != 0).astype(float))[far]
    hits = 0.5 + 0.5 * agree / np.maximum(pairs, 1.0)
    low, high = np.quantile(shifted, [0.025, 0.975])
    p = (1 + int((np.abs(shifted) >= abs(ic)).sum())) / (1 + len(shifted))
    return Chance(len(shifted), float(low), float(high), p, float(hits.mean()))


def _circular(a: Floats, b: Floats) -> Floats:
    """`Σ_k a[k − s]·b[k]` for every shift s."""
    result: Floats = np.fft.irfft(np.conj(np.fft.rfft(a)) * np.fft.rfft(b), len(a))
    return result


def out_of_sample(
    t_ns: Ints, x: Floats, y: Floats, horizon_s: float, block_ns: int
) -> OutOfSample | None:
    """Forecast each calendar window from the pairs whose outcome had ended before it began."""
    reach = round(horizon_s * GRID_NS)
    forecast, mean, real = [], [], []
    for end, where in window_slices(t_ns, block_ns):
        known = int(np.searchsorted(t_ns, end - block_ns - reach, side="right"))
        past_x, past_y = x[:known], y[:known]
        if known < LEAST_PAIRS or not np.ptp(past_x) > 0:
            continue
        slope = float(np.cov(past_x, past_y)[0, 1] / past_x.var(ddof=1))
        forecast.append(past_y.mean() + slope * (x[where] - past_x.mean()))
        mean.append(np.full(where.stop - where.start, past_y.mean()))
        real.append(y[where])
    if not real:
        return None
    f, m, r = np.concatenate(forecast), np.concatenate(mean), np.concatenate(real)
    base = float(((r - m) ** 2).sum())
    if len(r) < LEAST_PAIRS or base <= 0 or not np.ptp(f) > 0 or not np.ptp(r) > 0:
        return None
    error = float(((r - f) ** 2).sum())
    return OutOfSample(len(r), float(np.corrcoef(f, r)[0, 1]), 1.0 - error / base)
