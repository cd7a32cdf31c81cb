"""From ticks and lots to the decimals that the venue prints; durations as users write them."""

import re
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.errors import InputError

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ns|us|ms|s|min|m|h|d)?")
_NS = {
    "ns": 1,
    "us": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "min": 60_000_000_000,
    "h": 3_600_000_000_000,
    "d": 86_400_000_000_000,
}


def in_units(values: NDArray[Any], step: Decimal) -> NDArray[np.float64]:
    """Integers in steps as the float64 nearest to the exact decimal: −9947148 lots are −99.47148."""
    upper, lower = step.as_integer_ratio()
    if np.abs(values).max(initial=0) * upper < 2**53:
        result: NDArray[np.float64] = values * upper / lower
        return result
    exact = [float(int(v) * step) for v in np.ravel(values)]
    return np.array(exact, np.float64).reshape(values.shape)


def duration(text: str) -> int:
    """`10s`, `250ms`, `30min`, `1h` in nanoseconds; a bare number is seconds.

    Raises:
        InputError: it is none of these.
    """
    match = _DURATION.fullmatch(text.strip())
    ns = Decimal(match[1]) * _NS[match[2] or "s"] if match else Decimal(0)
    if ns <= 0 or ns != int(ns):
        raise InputError(f"{text!r} is not a duration; for example 10s, 250ms, 30min or 1h.")
    return int(ns)
