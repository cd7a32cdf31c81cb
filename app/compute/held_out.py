"""How far a fit may be believed: held out, shuffled, its band, and what a forecast would be worth.

Companions of `impact` and `prediction` (docs/metrics.md, Held-out impact and Expected move).
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LEAST_HALF = 15  # bins in either half
_NORMAL_95 = 1.959963984540054
_BPS = 1e4


def held_out(x: Floats, y: Floats) -> float | None:
    """R² in the later half of the bins with the line of the earlier half, against its mean.

    Args:
        x: flow of the bins, oldest first, `[n]`.
        y: Δmid of the same bins.

    Returns:
        At most 1; negative: worse than the earlier half's mean. None with fewer than 15 bins in a
        half, or where nothing varies.
    """
    half = len(x) // 2
    if half < LEAST_HALF:
        return None
    past_x, past_y, new_x, new_y = x[:half], y[:half], x[half:], y[half:]
    spread = float(((past_x - past_x.mean()) ** 2).sum())
    base = float(((new_y - past_y.mean()) ** 2).sum())
    if spread <= 0 or base <= 0:
        return None
    slope = float(((past_x - past_x.mean()) * (past_y - past_y.mean())).sum()) / spread
    told = past_y.mean() + slope * (new_x - past_x.mean())
    return 1.0 - float(((new_y - told) ** 2).sum()) / base


def shuffled(x: Floats, y: Floats) -> float | None:
    """Mean R² over all circular shifts of the flow but none: what chance explains of these series."""
    n = len(x)
    if n < 2 * LEAST_HALF or not np.ptp(x) > 0 or not np.ptp(y) > 0:
        return None
    zx, zy = (x - x.mean()) / x.std(), (y - y.mean()) / y.std()
    r = np.fft.irfft(np.conj(np.fft.rfft(zx)) * np.fft.rfft(zy), n) / n
    return float((r[1:] ** 2).mean())


def band(x: Floats, y: Floats, at: Floats) -> tuple[Floats, Floats]:
    """The 95 % band of the OLS line at some flows, from the HC1 covariance of both its parameters.

    Args:
        x, y: the bins of the fit, `[n]`, n > 2, x not constant.
        at: where, `[k]`.

    Returns:
        Lower and upper edge, `[k]`.
    """
    n = len(x)
    design = np.column_stack([np.ones(n), x])
    bread = np.linalg.inv(design.T @ design)
    line = bread @ (design.T @ y)
    error = y - design @ line
    covariance = bread @ ((design * (error**2)[:, None]).T @ design) @ bread * n / (n - 2)
    where = np.column_stack([np.ones(len(at)), at])
    reach = _NORMAL_95 * np.sqrt(np.einsum("ki,ij,kj->k", where, covariance, where))
    middle = where @ line
    return middle - reach, middle + reach


def expected_move(ic: float, y: Floats) -> float:
    """Move in bps that the line expects at a signal one standard deviation off its mean.

    `|IC| · sd(y)`: slope times the signal's deviation, for log returns `y`; NaN ones are left out.
    """
    known = y[np.isfinite(y)]
    return abs(ic) * float(known.std()) * _BPS
