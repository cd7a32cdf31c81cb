"""The heatmap of a view: rasters of the columns in its steps, and when the price grid must move."""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.clock import NS_PER_S
from app.compute.raster import MAX_ROWS, PriceGrid, grid_for, mean_by, profile, raster
from app.compute.view import in_unit
from app.compute.windows import Intervals, Ints
from app.market import Market
from app.records import NO_ASK, NO_BID, Batch
from app.store.base import HotStore
from app.web.history import History

FINE_NS: Final = 600 * NS_PER_S  # how long the store keeps columns every 250 ms
_CHUNK_NS: Final = 600 * NS_PER_S
_PER_STEP: Final = 4  # columns of one step that are rastered; the rest of a long step is left out


def stored_columns(
    store: HotStore, market: Market, start_ns: int, end_ns: int, step_ns: int
) -> Iterator[Batch]:
    """Columns of `(start, end]` in pieces: each second, or each 250 ms where the steps show them.

    Raises:
        StoreError: the store failed.
    """
    fine = max(start_ns, end_ns - FINE_NS) if step_ns < NS_PER_S else end_ns
    for kind, begin, finish in (("column_1s", start_ns, fine), ("column", fine, end_ns)):
        for t in range(begin, finish, _CHUNK_NS):
            columns = store.window(market.id, kind, t, min(t + _CHUNK_NS, finish))
            if len(columns):
                yield _few(columns, step_ns)


def _few(columns: Batch, step_ns: int) -> Batch:
    """At most `_PER_STEP` columns of a step, evenly."""
    part = columns["time_ns"] // max(1, step_ns // _PER_STEP)
    few: Batch = columns[np.append(True, part[1:] != part[:-1])]
    return few


def price_range(history: History, start_ns: int, end_ns: int) -> tuple[float, float] | None:
    """Lowest bid and highest ask in ticks in a range; None where there is none."""
    if not history.has_rows:
        return None
    rows = history.rows
    first, last = (int(i) for i in rows.index(np.array([start_ns, end_ns])))
    quotes = rows.quotes[first : last + 1]
    bid, ask = quotes["bid"], quotes["ask"]
    both = (bid > NO_BID) & (ask < NO_ASK)
    if not both.any():
        return None
    return float(bid[both].min()), float(ask[both].max())


def present_price(history: History) -> tuple[float, float] | None:
    """The newest bid and ask in ticks; None where a side is empty."""
    quote = history.rows.quotes[-1]
    bid, ask = int(quote["bid"]), int(quote["ask"])
    return (float(bid), float(ask)) if bid > NO_BID and ask < NO_ASK else None


def within_reach(
    history: History, prices: tuple[float, float], rows: int, group: int
) -> tuple[float, float]:
    """The prices that the grid must hold: where rows of a wished size cannot hold all, those of now."""
    low, high = prices
    if group and high - low > 0.8 * rows * group:
        return present_price(history) or prices
    return prices


def next_grid(
    history: History,
    before: PriceGrid | None,
    start_ns: int,
    end_ns: int,
    mid_rows: int,
    group: int,
) -> PriceGrid | None:
    """The price grid for a range: the one before, moved, or another; None while no price is known."""
    prices = price_range(history, start_ns, end_ns)
    if prices is None:
        return None
    prices = within_reach(history, prices, min(2 * mid_rows, MAX_ROWS), group)
    if before is not None:
        return moved(before, prices, group)
    return choose_grid(prices, mid_rows, group)


def choose_grid(prices: tuple[float, float], mid_rows: int, group: int) -> PriceGrid:
    """The price grid of a view; `group` 0 lets the prices decide."""
    return grid_for(*prices, min(2 * mid_rows, MAX_ROWS), group)


def moved(grid: PriceGrid, prices: tuple[float, float], wished: int) -> PriceGrid:
    """The grid that fits present prices: the same, moved, or of another group when they need it."""
    low, high = prices
    if grid.holds(low, high):
        fitting = grid_for(low, high, grid.rows, wished)
        # Prices have calmed down: finer rows, but only when far fewer suffice.
        return grid if fitting.group * 4 > grid.group else fitting
    same = grid_for(low, high, grid.rows, grid.group)
    return same if wished or same.holds(low, high) else grid_for(low, high, grid.rows, 0)


def rasters(
    columns: Batch, grid: PriceGrid, step_ns: int, market: Market
) -> tuple[Ints, NDArray[np.float32]]:
    """Columns as one raster per step in the size unit: ends of the steps, `[c, rows]`."""
    ends = -(-columns["time_ns"] // step_ns) * step_ns
    ends, lots = mean_by(raster(columns, grid), ends)
    return ends, in_unit(lots, market.grid.lot).astype(np.float32)


def held(ends_ns: Ints, steps_ns: Ints, gaps: Intervals) -> tuple[Ints, Ints]:
    """For steps without a column, the one before, while nothing was missed since.

    Returns the steps that have one, and the index of each into `ends_ns`.
    """
    index = np.searchsorted(ends_ns, steps_ns, side="right") - 1
    there = index >= 0
    since = ends_ns[np.maximum(index, 0)] if len(ends_ns) else steps_ns
    own = since == steps_ns
    there &= own | ~gaps.touch(since, steps_ns)
    return steps_ns[there], index[there]


def profile_arrays(history: History, grid: PriceGrid | None) -> dict[str, NDArray[Any]]:
    """The present book by price rows, in the size unit, as docs/live.md names it."""
    columns = history.columns.view
    if grid is None or not len(columns):
        return {}
    sides = profile(columns[-1:], grid)
    parts = {
        "prof_bid": sides.bid,
        "prof_ask": sides.ask,
        "cum_bid": sides.cum_bid,
        "cum_ask": sides.cum_ask,
    }
    lot = history.market.grid.lot
    arrays = {name: in_unit(v, lot).astype(np.float32) for name, v in parts.items()}
    return {"prof_base": np.array([grid.base], np.int32)} | arrays
