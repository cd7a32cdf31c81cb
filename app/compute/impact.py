"""Contemporaneous impact: how much the mid moves with the flow of the same bin.

Cont, Kukanov, Stoikov (2014): OLS of Δmid in ticks on OFI, t by HC1; the depth law; Kyle's λ.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import exp, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
LEAST_SHARE = 0.9  # of a window's bins
LEAST_LAW_WINDOWS = 12
_LEAST_BINS = 3


@dataclass(frozen=True)
class Fit:
    """`y = intercept + beta·x`, with heteroscedasticity-robust (HC1) error of beta."""

    bins: int
    intercept: float
    beta: float
    stderr: float
    t: float
    r2: float


def fit(x: Floats | Ints, y: Floats | Ints) -> Fit | None:
    """OLS with HC1; None with fewer than 3 bins, or where x or y does not vary.

    Args:
        x: the flow per bin, `[n]`.
        y: Δmid in ticks of the same bins, `[n]`.
    """
    if len(x) < _LEAST_BINS or not np.ptp(x) > 0 or not np.ptp(y) > 0:
        return None
    from statsmodels.regression.linear_model import OLS  # slow to import, and not always needed

    design = np.column_stack([np.ones(len(x)), np.asarray(x, np.float64)])
    result: Any = OLS(np.asarray(y, np.float64), design).fit(cov_type="HC1")
    stderr = float(result.bse[1])
    beta = float(result.params[1])
    t = beta / stderr if stderr > 0 else float("inf")
    return Fit(len(x), float(result.params[0]), beta, stderr, t, float(result.rsquared))


@dataclass(frozen=True)
class Windowed:
    """Fits of calendar-aligned windows; those with too few bins or no variance are left out."""

    end_ns: Ints  # [windows]
    fits: Sequence[Fit]

    def mean(self, name: str) -> float | None:
        """Mean of a field of the fits; None without windows."""
        return float(np.mean([getattr(f, name) for f in self.fits])) if self.fits else None


def windows(
    end_ns: Ints, x: Floats | Ints, y: Floats | Ints, bin_ns: int, window_ns: int
) -> Windowed:
    """Fit each calendar window that has at least 90 % of its bins and some variance.

    Args:
        end_ns: end of each bin that counts, sorted, `[n]`.
        x, y: flow and Δmid of those bins.
        bin_ns, window_ns: lengths; a window is `(start, end]` on whole multiples.
    """
    ends: list[int] = []
    fits: list[Fit] = []
    for end, where in window_slices(end_ns, window_ns):
        enough = where.stop - where.start >= LEAST_SHARE * (window_ns / bin_ns)
        one = fit(x[where], y[where]) if enough else None
        if one is not None:
            ends.append(end)
            fits.append(one)
    return Windowed(np.array(ends, np.int64), tuple(fits))


def window_slices(end_ns: Ints, window_ns: int) -> list[tuple[int, slice]]:
    """The calendar windows that hold the sorted bins: end of the window, and its bins."""
    if not len(end_ns):
        return []
    name = -(-end_ns // window_ns)
    first = np.flatnonzero(np.r_[True, name[1:] != name[:-1]])
    last = np.r_[first[1:], len(name)]
    return [
        (int(name[a]) * window_ns, slice(int(a), int(b))) for a, b in zip(first, last, strict=True)
    ]


@dataclass(frozen=True)
class DepthLaw:
    """`β = c / AD^λ`: impact against the mean size of the best quotes."""

    c: float
    exponent: float  # λ; the paper finds about 1
    stderr: float  # of λ
    r2: float
    windows: int


def depth_law(beta: Floats, depth: Floats) -> DepthLaw | None:
    """`log β_i = log c − λ log AD_i` over windows with β > 0; None with fewer than 12.

    Args:
        beta: β of each window, ticks per unit of size.
        depth: AD, the window's mean of `(qb1 + qa1) / 2`, in the same unit.
    """
    ok = (beta > 0) & (depth > 0)
    if int(ok.sum()) < LEAST_LAW_WINDOWS or not np.ptp(depth[ok]) > 0:
        return None
    from scipy.stats import linregress

    line: Any = linregress(np.log(depth[ok]), np.log(beta[ok]))
    r2 = float(line.rvalue) ** 2
    return DepthLaw(exp(line.intercept), -float(line.slope), float(line.stderr), r2, int(ok.sum()))


@dataclass(frozen=True)
class LawPoints:
    """β and AD of the windows of a depth law, `[windows]`; ticks per unit of size, and that unit."""

    end_ns: Ints
    beta: Floats
    depth: Floats


def law_points(
    end_ns: Ints,
    x: Floats | Ints,
    y: Floats,
    queue_sum: Ints,
    states: Ints,
    bin_ns: int,
    window_ns: int,
) -> LawPoints:
    """What each calendar window brings to the law; those without a fit or a state are left out.

    Args:
        end_ns, x, y: end, flow and Δmid in ticks of the bins that count, `[n]`.
        queue_sum: Σ (qb1 + qa1) over the best states of each.
        states: how many there were.
        bin_ns, window_ns: lengths.
    """
    by = windows(end_ns, x, y, bin_ns, window_ns)
    depth = {}
    for end, where in window_slices(end_ns, window_ns):
        seen = int(states[where].sum())
        depth[end] = int(queue_sum[where].sum()) / (2 * seen) if seen else 0.0
    beta = np.array([one.beta for one in by.fits], np.float64)
    return LawPoints(by.end_ns, beta, np.array([depth[end] for end in by.end_ns.tolist()]))


def kyle_lambda(beta_trades: float, tick: float) -> float:
    """Kyle's λ: price change in the quote currency per unit of net taker volume."""
    return beta_trades * tick


class LiveImpact:
    """The same fit over the last `lookback` bins, one bin at a time.

    Moments are exact integers (half ticks, lots), so what leaves takes away exactly what it brought,
    and a bin costs the same whatever the look-back. Flow that is not an integer (integrated OFI) is
    held in units of 2⁻⁶⁴.
    """

    def __init__(self, lookback: int, *, integer: bool = True):
        self._lookback = lookback
        self._shift = 0 if integer else 64
        self._past: deque[tuple[int, int] | None] = deque()
        self._n = 0
        # Σ x^i y^j at [j][i], as far as the HC1 error needs them.
        self._m = [[0] * 5, [0] * 4, [0] * 3]

    def _count(self, x: int, y: int, sign: int) -> None:
        self._n += sign
        power_y = sign
        for row in self._m:
            term = power_y
            for i in range(len(row)):
                row[i] += term
                term *= x
            power_y *= y

    def push(self, x: float | None, move_half_ticks: int = 0) -> None:
        """A bin has ended: its flow, and twice Δmid in ticks; None: the bin does not count."""
        if x is None:
            self._past.append(None)
        else:
            pair = (int(x) if not self._shift else int(x * 2.0**self._shift), int(move_half_ticks))
            self._past.append(pair)
            self._count(*pair, 1)
        if len(self._past) > self._lookback and (gone := self._past.popleft()) is not None:
            self._count(*gone, -1)

    def pairs(self) -> tuple[Floats, Floats]:
        """Flow and Δmid in ticks of the bins that count, oldest first."""
        kept = [pair for pair in self._past if pair is not None]
        x = np.array([pair[0] for pair in kept], np.float64) / 2.0**self._shift
        return x, np.array([pair[1] for pair in kept], np.float64) / 2.0

    def fit(self) -> Fit | None:
        """The present fit, as `fit` gives it for the bins of the look-back."""
        n, (s, sy, syy) = self._n, self._m
        sxx = n * s[2] - s[1] * s[1]
        vyy = n * syy[0] - sy[0] * sy[0]
        if n < _LEAST_BINS or sxx <= 0 or vyy <= 0:
            return None
        sxy = n * sy[1] - s[1] * sy[0]
        b = Fraction(sxy, sxx)
        a = (sy[0] - b * s[1]) / n

        def weighted(k: int) -> Fraction:  # Σ e² x^k
            return (
                syy[k]
                - 2 * a * sy[k]
                - 2 * b * sy[k + 1]
                + a * a * s[k]
                + 2 * a * b * s[k + 1]
                + b * b * s[k + 2]
            )

        mean = Fraction(s[1], n)
        meat = weighted(2) - 2 * mean * weighted(1) + mean * mean * weighted(0)
        # HC1: n/(n − 2) Σ e² (x − x̄)² / (Σ (x − x̄)²)²
        variance = Fraction(n, n - 2) * meat / (Fraction(sxx, n) ** 2)
        unit = Fraction(2**self._shift, 2)  # half ticks to ticks, shifted flow to flow
        stderr = sqrt(variance * unit * unit)
        beta = float(b * unit)
        t = beta / stderr if stderr > 0 else float("inf")
        return Fit(n, float(a / 2), beta, stderr, t, float(Fraction(sxy * sxy, sxx * vyy)))
