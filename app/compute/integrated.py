"""Depth-normalised and integrated OFI (docs/metrics.md, Integrated OFI).

Cont, Cucuringu, Zhang (2023), with the contribution of Cont, Kukanov, Stoikov (2014): the first
principal component of normalised multi-level OFI, its weights from windows that ended before.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
LOOKBACK_WINDOWS = 180  # 30 min of 10 s
LEAST_WINDOWS = 30


def normalise(ofi: Ints, size_sum: Ints, states: Ints) -> Floats:
    """OFI of each level over the mean resting size, dimensionless.

    Args:
        ofi: `[n, M]` lots per window.
        size_sum: `[n]` Σ over the window's depth states and levels 1..M of `qb + qa`, lots.
        states: `[n]` how many depth states the window has.

    Returns:
        `[n, M]`; a window in which nothing happened has OFI 0, whatever the depth.
    """
    levels = ofi.shape[1]
    mean = size_sum / (2.0 * levels * np.maximum(states, 1))
    result = np.zeros(ofi.shape)
    np.divide(ofi, mean[:, None], out=result, where=(mean > 0)[:, None])
    return result


@dataclass(frozen=True)
class Weights:
    """The first principal component of normalised OFI."""

    w: Floats  # [M], of length 1, sum(w) > 0
    explained: float  # share of the variance, 0..1
    windows: int

    def integrate(self, ofi: Floats) -> Floats:
        """`w·ofi / Σ|w|` of normalised OFI `[…, M]`."""
        result: Floats = ofi @ self.w / np.abs(self.w).sum()
        return result


def weights(ofi: Floats, least: int = LEAST_WINDOWS) -> Weights | None:
    """Weights from complete windows `[n, M]`; None with fewer than `least`, or without variance."""
    n = len(ofi)
    if n < max(least, 2):
        return None
    centred = ofi - ofi.mean(axis=0)
    return components([Moments(centred.T @ centred / (n - 1), n)])[0]


@dataclass(frozen=True)
class Moments:
    """The covariance `[M, M]` of normalised OFI over so many windows."""

    covariance: Floats
    windows: int


def components(moments: Sequence[Moments | None]) -> list[Weights | None]:
    """Weights of each of several times, solved together; None where there are no moments or no variance."""
    known = [each for each in moments if each is not None]
    if not known:
        return [None] * len(moments)
    values, vectors = np.linalg.eigh(np.stack([each.covariance for each in known]))
    solved = iter(zip(values, vectors, known, strict=True))
    return [None if each is None else _first(*next(solved)) for each in moments]


def _first(value: Floats, vector: Floats, moments: Moments) -> Weights | None:
    total = float(value.sum())
    if not total > 0:
        return None
    w = vector[:, -1]
    return Weights(w if w.sum() > 0 else -w, float(value[-1]) / total, moments.windows)


def trailing(
    ofi: Floats,
    complete: Bools,
    lookback: int = LOOKBACK_WINDOWS,
    least: int = LEAST_WINDOWS,
    live: "LiveIntegrated | None" = None,
) -> tuple[Floats, Floats]:
    """Integrated OFI of consecutive windows, each with weights of the windows before it.

    Args:
        ofi: `[n, M]` normalised, consecutive.
        complete: `[n]` whether a window has no gap; others neither count nor get a value.
        live: what the windows before left; None at the beginning.

    Returns:
        Integrated OFI and share of variance explained, `[n]`; NaN where not available.
    """
    live = live or LiveIntegrated(ofi.shape[1], lookback, least)
    result = np.full((2, len(ofi)), np.nan)
    for k, row in enumerate(ofi):
        current = live.weights() if complete[k] else None
        if current is not None:
            result[:, k] = float(current.integrate(row)), current.explained
        live.push(row if complete[k] else None)
    return result[0], result[1]


class LiveIntegrated:
    """Weights that follow the market: the work of one window does not depend on the look-back.

    Moments are updated by what came and what left, and summed afresh once per look-back, so rounding
    does not accumulate.
    """

    def __init__(
        self, levels: int, lookback: int = LOOKBACK_WINDOWS, least: int = LEAST_WINDOWS
    ) -> None:
        self._levels, self._lookback, self._least = levels, lookback, least
        self._past: deque[Floats | None] = deque()
        self._pushed = 0
        self._clear()

    def _clear(self) -> None:
        self._n = 0
        self._sum = np.zeros(self._levels)
        self._products = np.zeros((self._levels, self._levels))
        self._weights: Weights | None = None
        self._fresh = False

    def _count(self, row: Floats | None, sign: int) -> None:
        if row is not None:
            self._n += sign
            self._sum += sign * row
            self._products += (sign * row)[:, None] * row

    def push(self, row: Floats | None) -> None:
        """A window has ended: its normalised OFI `[M]`, or None when it was not complete."""
        self._past.append(row)
        self._count(row, 1)
        if len(self._past) > self._lookback:
            self._count(self._past.popleft(), -1)
        self._fresh = False
        self._pushed += 1
        if self._pushed % self._lookback == 0:
            self._clear()
            for kept in self._past:
                self._count(kept, 1)

    @property
    def windows(self) -> int:
        """How many of the windows of the look-back were complete."""
        return self._n

    def weights(self) -> Weights | None:
        """Weights of the windows pushed so far; None while there are too few."""
        if not self._fresh:
            self._weights, self._fresh = components([self.moments()])[0], True
        return self._weights

    def moments(self) -> Moments | None:
        """What `weights` are solved from; None while there are too few windows."""
        n = self._n
        if n < max(self._least, 2):
            return None
        return Moments((self._products - np.outer(self._sum, self._sum) / n) / (n - 1), n)
