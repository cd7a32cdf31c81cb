"""Calendar bins: intervals `(start, end]` on whole multiples of their length (docs/metrics.md).

Sums are differences of integer cumulative sums, so split windows add up exactly; the value at an edge
is the last one at or before it; coverage is what gaps leave of a bin.
"""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from app.compute.windows import merged

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
_Number = TypeVar("_Number", np.int64, np.float64)


def edges(start_ns: int, end_ns: int, bin_ns: int) -> Ints:
    """Edges of the bins that hold every time in `(start_ns, end_ns]`; `[bins + 1]`, ns.

    Raises:
        ValueError: the range is empty or the length is not positive.
    """
    if bin_ns <= 0 or end_ns <= start_ns:
        raise ValueError(f"no bins of {bin_ns} ns between {start_ns} and {end_ns}")
    first = start_ns // bin_ns
    last = -(-end_ns // bin_ns)
    return np.arange(first, last + 1, dtype=np.int64) * bin_ns


def ranges(time_ns: Ints, edge_ns: Ints) -> Ints:
    """For sorted times, how many lie at or before each edge; bin i holds `[r[i], r[i + 1])`."""
    return np.searchsorted(time_ns, edge_ns, side="right").astype(np.int64)


def sums(time_ns: Ints, values: NDArray[_Number], edge_ns: Ints) -> NDArray[_Number]:
    """Sum of `values` `[n, …]` in each bin, `[bins, …]`; exact for integers.

    Args:
        time_ns: sorted, `[n]`.
        values: `[n]` or `[n, M]`.
        edge_ns: `[bins + 1]`.
    """
    total = np.zeros((len(values) + 1, *values.shape[1:]), dtype=values.dtype)
    np.cumsum(values, axis=0, out=total[1:])
    return np.diff(total[ranges(time_ns, edge_ns)], axis=0)


def last_index(time_ns: Ints, edge_ns: Ints) -> Ints:
    """Index of the last element at or before each edge; −1 where there is none yet."""
    return ranges(time_ns, edge_ns) - 1


def rolling(time_ns: Ints, values: NDArray[_Number], at_ns: Ints, window_ns: int) -> Ints | Floats:
    """Sum of `values` with `t − W < time ≤ t` for each `t` of `at_ns` (docs/metrics.md)."""
    total = np.zeros((len(values) + 1, *values.shape[1:]), dtype=values.dtype)
    np.cumsum(values, axis=0, out=total[1:])
    result: Ints | Floats = (
        total[ranges(time_ns, at_ns)] - total[ranges(time_ns, at_ns - window_ns)]
    )
    return result


def coverage(gap_from_ns: Ints, gap_to_ns: Ints, edge_ns: Ints) -> Floats:
    """1 − (overlap of each bin with the gaps) / (its length), `[bins]`; docs/metrics.md, Coverage.

    Args:
        gap_from_ns, gap_to_ns: the gaps, in any order; they may overlap, which counts once.
        edge_ns: `[bins + 1]`.
    """
    gaps = merged(gap_from_ns, gap_to_ns)
    lost = np.diff(_lost_before(gaps.from_ns, gaps.to_ns, edge_ns))
    return 1.0 - lost / np.diff(edge_ns)


def _lost_before(start: Ints, end: Ints, edge_ns: Ints) -> Ints:
    """Nanoseconds inside disjoint sorted gaps before each edge."""
    if not len(start):
        return np.zeros(len(edge_ns), np.int64)
    total = np.r_[0, np.cumsum(end - start)]
    k = np.searchsorted(start, edge_ns, side="right")
    inside = np.where(k > 0, np.maximum(end[np.maximum(k, 1) - 1] - edge_ns, 0), 0)
    lost: Ints = total[k] - inside
    return lost
