"""Heatmap columns to price rows: sum over price, mean over time, blank beyond the visible book.

A column holds single levels and buckets; both are stretches of ticks with a size spread evenly over
them. The size below an edge is then a piecewise linear function, and what a price row holds is its
difference between the row's edges: levels land whole in their row, buckets by overlap.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.records import COLUMN_LEVELS, Batch

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MAX_ROWS: Final = 400
BPS: Final = 1e-4
_CHUNK: Final = 512  # columns at a time: what they need is a few megabytes
_SIDES: Final = (("bid", -1), ("ask", 1))


@dataclass(frozen=True)
class PriceGrid:
    """`rows` price rows of `group` ticks; row r covers `[(base + r)·group, (base + r + 1)·group)`."""

    base: int
    group: int
    rows: int

    @property
    def edges(self) -> Ints:
        """Lower edges of the rows and the upper edge of the last, ticks, `[rows + 1]`."""
        return np.arange(self.base, self.base + self.rows + 1, dtype=np.int64) * self.group

    def rows_between(self, low: float, high: float) -> range:
        """The rows that have a part of the prices between two, in ticks."""
        first = int(max(low // self.group - self.base, 0))
        return range(first, max(first, int(min(-(-high // self.group) - self.base, self.rows))))

    def holds(self, low: float, high: float) -> bool:
        """Whether prices `low` to `high` (ticks) lie on it with a margin of a twentieth."""
        margin = self.rows * self.group / 20
        bottom, top = self.base * self.group, (self.base + self.rows) * self.group
        return bottom + margin <= low and high + margin <= top


def grid_for(low: float, high: float, rows: int, group: int = 0) -> PriceGrid:
    """The grid of at most MAX_ROWS rows about prices `low` to `high` in ticks.

    `group` 0 chooses the smallest of 1, 2, 5, 10, … ticks with which they fit, a fifth to spare.
    """
    rows = max(8, min(rows, MAX_ROWS))
    if group <= 0:
        # Within the margin of `holds`, and a row at each end for rounding.
        inner = 0.9 * rows - 2
        group = next(g for g in _one_two_five() if g * inner >= (high - low) * 1.1)
    return PriceGrid(int((low + high) / 2 // group) - rows // 2, group, rows)


def _one_two_five() -> list[int]:
    return [k * 10**e for e in range(15) for k in (1, 2, 5)]


def raster(columns: Batch, grid: PriceGrid) -> NDArray[np.float32]:
    """Resting lots per price row, `[n, rows]`; NaN beyond the visible book."""
    out = np.empty((len(columns), grid.rows), np.float32)
    for k in range(0, len(columns), _CHUNK):
        part = columns[k : k + _CHUNK]
        sides = [side_raster(part, grid, name, sign) for name, sign in _SIDES]
        low, high = visible(part)
        edges = grid.edges
        seen = (edges[1:] > low[:, None]) & (edges[:-1] < high[:, None])
        out[k : k + _CHUNK] = np.where(seen, sides[0] + sides[1], np.nan)
    return out


def visible(columns: Batch) -> tuple[Floats, Floats]:
    """The lowest and highest tick of each column's visible book, `[n]` each."""
    base = columns["base"].astype(np.float64)
    reach = columns["reach_bps"] * BPS * base
    ends = []
    for name, sign in _SIDES:
        count = columns[f"{name}s"]
        last = columns[f"{name}_offset"][np.arange(len(columns)), np.maximum(count, 1) - 1]
        whole = (sign > 0) & (count > columns[f"exact_{name}s"])
        far = np.where(whole, last + columns["bucket"] - 1, last)
        ends.append(np.where(count > 0, base + sign * np.maximum(sign * far, reach), base))
    return ends[0], ends[1] + 1


def side_raster(columns: Batch, grid: PriceGrid, name: str, sign: int) -> Floats:
    """One side of `raster`, `[n, rows]` lots, 0 where nothing rests."""
    base, bounds = columns["base"][:, None], grid.edges
    nearest = _nearest(columns, name, sign, bounds)
    low, width, size = _stretches(columns, name, sign, nearest)
    touch = np.flatnonzero(
        ((low + width > bounds[0] - base) & (low < bounds[-1] - base)).any(axis=0)
    )
    n, out = len(columns), np.zeros((len(columns), grid.rows))
    if not len(touch):
        return out
    near = slice(touch[0], touch[-1] + 1)
    low, width, size = low[:, near], width[:, near], size[:, near]
    entries = size.shape[1]
    below = np.zeros((n, 2 * entries))
    np.cumsum(size, axis=1, out=below[:, 1::2])
    below[:, 2::2] = below[:, 1:-1:2]
    edges = np.empty((n, 2 * entries))
    edges[:, 0::2], edges[:, 1::2] = low, low + width
    rows = grid.rows_between((base + edges[:, :1]).min(), (base + edges[:, -1:]).max())
    # All columns in one interpolation: each has a stretch of the number line of its own.
    floor = np.minimum(edges[:, 0], -1.0).min()
    ask = (bounds[rows.start : rows.stop + 1] - base).astype(np.float64)
    ask = np.clip(ask, floor - 1.0, None)
    apart = np.arange(n)[:, None] * (max(edges.max(), ask.max()) - floor + 3.0)
    at = np.interp((ask + apart).ravel(), (edges + apart).ravel(), below.ravel()).reshape(n, -1)
    at = np.where(ask <= edges[:, :1], 0.0, np.where(ask >= edges[:, -1:], below[:, -1:], at))
    out[:, rows.start : rows.stop] = np.diff(at, axis=1)
    return out


def _nearest(columns: Batch, name: str, sign: int, bounds: Ints) -> int:
    """How many entries of a side, from mid outward, hold all that can be on a grid."""
    offset, base = columns[f"{name}_offset"], columns["base"]
    if sign > 0:
        on = offset < (bounds[-1] - base)[:, None]
    else:
        on = offset > (bounds[0] - base - columns["bucket"])[:, None]
    on &= np.arange(COLUMN_LEVELS) < columns[f"{name}s"][:, None]
    return max(int(on.sum(axis=1).max(initial=0)), 1)


def _stretches(columns: Batch, name: str, sign: int, nearest: int) -> tuple[Floats, Floats, Floats]:
    """Lower edge, width and size of a side's `nearest` entries by rising price, ticks from base;
    `[n, nearest]`.

    Entries that are not in use are empty stretches beyond the last.
    """
    index = np.arange(nearest)
    count = np.minimum(columns[f"{name}s"][:, None], nearest)
    exact = columns[f"exact_{name}s"][:, None]
    low = columns[f"{name}_offset"][:, :nearest].astype(np.float64)
    bucket = columns["bucket"][:, None].astype(np.float64)
    high = low + np.where(index < exact, 1.0, bucket)
    # The first bucket begins behind the last single level, though its grid begins before.
    has = (exact[:, 0] > 0) & (exact[:, 0] < count[:, 0])
    at = np.minimum(exact[:, 0], nearest - 1)
    every = np.arange(len(columns))
    edge = low[every, np.maximum(at - 1, 0)]
    if sign > 0:
        low[every, at] = np.where(has, np.maximum(low[every, at], edge + 1), low[every, at])
    else:
        high[every, at] = np.where(has, np.minimum(high[every, at], edge), high[every, at])
    used = index < count
    size = np.where(used, columns[f"{name}_size"][:, :nearest], 0.0).astype(np.float64)
    last = np.maximum(count[:, 0], 1) - 1
    beyond = (high if sign > 0 else low)[every, last][:, None] * (count > 0)
    beyond = beyond + sign * np.maximum(index - last[:, None], 0.0)
    low, high = np.where(used, low, beyond), np.where(used, high, beyond)
    order = slice(None) if sign > 0 else slice(None, None, -1)
    return low[:, order], (high - low)[:, order], size[:, order]


def mean_by(values: NDArray[np.float32], key: Ints) -> tuple[Ints, NDArray[np.float32]]:
    """Mean over time of columns with the same key (sorted): the keys, and `[k, rows]`.

    A row that is beyond the visible book in some of them is the mean of the others.
    """
    if not len(key):
        return key, values
    first = np.flatnonzero(np.append(True, key[1:] != key[:-1]))
    if len(first) == len(key):
        return key, values
    known = np.isfinite(values)
    if known.all():
        mean = np.add.reduceat(values, first, axis=0, dtype=np.float64)
        mean /= np.diff(first, append=len(key))[:, None]
        return key[first], mean.astype(np.float32)
    total = np.add.reduceat(np.where(known, values, 0.0).astype(np.float64), first, axis=0)
    count = np.add.reduceat(known.astype(np.int64), first, axis=0)
    with np.errstate(invalid="ignore"):
        mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return key[first], mean.astype(np.float32)


@dataclass(frozen=True)
class Profile:
    """The present book per price row and its running sums from mid outward, lots; `[rows]` each."""

    bid: NDArray[np.float32]
    ask: NDArray[np.float32]
    cum_bid: NDArray[np.float32]
    cum_ask: NDArray[np.float32]


def profile(column: Batch, grid: PriceGrid) -> Profile:
    """The profile of one column (`[1]` record); NaN beyond the visible book on each side."""
    low, high = visible(column)
    edges, mid = grid.edges, float(column["base"][0])
    seen = (edges[1:] > low[0]) & (edges[:-1] < high[0])
    bid, ask = (side_raster(column, grid, name, sign)[0] for name, sign in _SIDES)
    # What lies between mid and the grid's edge belongs to the sum although it is not on the grid.
    above = _outside(column, "bid", float(edges[-1]), -1)
    below = _outside(column, "ask", float(edges[0]), 1)
    cum_bid = np.cumsum(bid[::-1])[::-1] + above
    cum_ask = np.cumsum(ask) + below
    lower, upper = seen & (edges[:-1] <= mid), seen & (edges[1:] > mid)
    parts = ((bid, lower), (ask, upper), (cum_bid, lower), (cum_ask, upper))
    return Profile(*(np.where(on, part, np.nan).astype(np.float32) for part, on in parts))


def _outside(column: Batch, name: str, edge: float, sign: int) -> float:
    """Lots of a side between mid and an edge of the grid that lies beyond mid."""
    n = int(column[f"{name}s"][0])
    price = column["base"][0] + column[f"{name}_offset"][0, :n].astype(np.float64)
    nearer = price < edge if sign > 0 else price >= edge
    return float(column[f"{name}_size"][0, :n][nearer].sum(dtype=np.float64))
