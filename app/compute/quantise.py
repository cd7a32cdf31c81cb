"""From the venue's decimals to ticks and lots, vectorised over many markets."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.records import NO_ASK, NO_BID

# How far a value may lie from a multiple of its increment, in increments, and still be on the grid.
TOLERANCE = 1e-4
# Relative error of a float64 quotient, with room.
_FLOAT_SLACK = 4e-16


@dataclass(frozen=True)
class Quantised:
    """Book states in ticks and lots; absent levels have size 0 and a sentinel price."""

    price: NDArray[np.int64]  # [n, 2, L]
    size: NDArray[np.int64]  # [n, 2, L]
    off_grid: NDArray[np.bool_]  # [n] some value of the state is not a multiple of its increment


def book_states(
    levels: NDArray[np.float64],
    bids: NDArray[np.int32],
    asks: NDArray[np.int32],
    tick: NDArray[np.float64],
    lot: NDArray[np.float64],
) -> Quantised:
    """Quantise `levels` `[n, 2, L, 2]` (price, size) on the increments of each state's market.

    Args:
        levels: side, level, (price, size), in the venue's units.
        bids, asks: how many levels of each side are present, `[n]`.
        tick, lot: increments, `[n]`.
    """
    # Division by the increments, in one pass over prices and sizes.
    units = levels / np.stack([tick, lot], axis=1)[:, None, None, :]
    whole = np.rint(units)
    off = np.abs(units - whole) > np.maximum(TOLERANCE, np.abs(units) * _FLOAT_SLACK)
    price = whole[..., 0].astype(np.int64)
    size = whole[..., 1].astype(np.int64)
    depth = np.arange(levels.shape[2])
    for side, present, sentinel in ((0, bids, NO_BID), (1, asks, NO_ASK)):
        absent = depth[None, :] >= present[:, None]
        price[:, side][absent] = sentinel
        size[:, side][absent] = 0
    return Quantised(price, size, np.asarray(off.any(axis=(1, 2, 3))))


def values(
    value: NDArray[np.float64], step: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Values `[n]` in units of `step` `[n]`, and which of them are off the grid."""
    units = value / step
    whole = np.rint(units)
    off = np.abs(units - whole) > np.maximum(TOLERANCE, np.abs(units) * _FLOAT_SLACK)
    return whole.astype(np.int64), off
