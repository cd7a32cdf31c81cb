"""The heatmap of a view: rasters of the columns in its steps, and when the price grid must move."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.clock import NS_PER_MS, NS_PER_S
from app.compute.raster import MAX_ROWS, PriceGrid, grid_for, mean_by, profile, raster
from app.compute.view import in_unit, step_ends
from app.compute.windows import END, Intervals, Ints
from app.market import Market
from app.records import NO_ASK, NO_BID, Batch
from app.store.base import HotStore
from app.web.buffers import Sliding, replace_tail
from app.web.history import History
from app.web.spec import ViewSpec

COLUMNS_NS: Final = 250_000_000
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


@dataclass
class Heatmap:
    """What a view has sent of its heatmap: a column of price rows for each step.

    `dirty_ns` says from where the next update begins; `grid` is None while no price is known.
    """

    spec: ViewSpec
    step_ns: int
    grid: PriceGrid | None = None
    t: Sliding = field(default_factory=lambda: Sliding("<i8"))
    base: Sliding = field(default_factory=lambda: Sliding("<i4"))
    sizes: Sliding = field(default_factory=lambda: Sliding("<f4", (1,)))
    dirty_ns: int = END
    sent_ns: int = 0

    def changed(self, time_ns: int) -> None:
        """What is known of the time since changed."""
        self.dirty_ns = min(self.dirty_ns, time_ns)

    def header(self) -> dict[str, int]:
        """The price rows, as docs/live.md names them."""
        return {
            "group": self.grid.group if self.grid else 0,
            "rows": self.grid.rows if self.grid else 0,
        }

    def arrays(self, history: History, first: int = 0) -> dict[str, NDArray[Any]]:
        """The columns from an index on and the present book, as docs/live.md names them."""
        columns = {
            "col_t": self.t.view[first:] / NS_PER_MS,
            "col_base": self.base.view[first:],
            "col": self.sizes.view[first:],
        }
        return columns | profile_arrays(history, self.grid)

    def update(
        self, history: History, end_ns: int, gaps: Intervals, now_ns: int
    ) -> dict[str, NDArray[Any]]:
        """The arrays of what is new; none where columns were sent a moment ago."""
        if self.grid is None or now_ns - self.sent_ns < COLUMNS_NS * 9 // 10:
            return {}
        self.sent_ns = now_ns
        return self.arrays(history, self._extend(history, end_ns, gaps))

    def regrid(self, store: HotStore, history: History, end_ns: int, gaps: Intervals) -> bool:
        """Move the price rows after the prices; True when their size changed: all is drawn anew.

        Raises:
            StoreError: the store failed.
        """
        if not self.spec.shows_book:
            return False
        before, spec, start = self.grid, self.spec, end_ns - self.spec.range_ns
        grid = next_grid(history, before, start, end_ns, spec.mid_rows, spec.group)
        if grid is None:
            return False
        self.grid = grid
        if before is not None and before.group == grid.group:
            return False
        self.t, self.base = Sliding("<i8"), Sliding("<i4")
        self.sizes = Sliding("<f4", (grid.rows,))
        pieces = list(stored_columns(store, history.market, start, end_ns, self.step_ns))
        self._add(history, pieces, step_ends(start, end_ns, self.step_ns), gaps)
        self.dirty_ns = END
        return True

    def _extend(self, history: History, end_ns: int, gaps: Intervals) -> int:
        """Draw again from the first column that changed, of the newest that the history keeps; its index."""
        columns = history.columns.view
        changed = min(self.dirty_ns, int(self.t.view[-1]) if len(self.t) else 0)
        self.dirty_ns = END
        if len(columns):
            # Behind the columns that are kept nothing can be drawn anew.
            changed = max(changed, int(columns["time_ns"][0]) + self.step_ns)
        start = end_ns - self.spec.range_ns
        steps = step_ends(max(changed, start) - 1, end_ns, self.step_ns)
        replace_tail(self.t, [self.base, self.sizes], steps, start)
        first = len(self.t)
        if len(steps):
            recent = columns[columns["time_ns"] > steps[0] - self.step_ns]
            self._add(history, [recent] if len(recent) else [], steps, gaps)
        return first

    def _add(self, history: History, pieces: list[Batch], steps: Ints, gaps: Intervals) -> None:
        assert self.grid is not None
        drawn = [rasters(p, self.grid, self.step_ns, history.market) for p in pieces]
        # The last one sent goes on while nothing changes.
        drawn.insert(0, (self.t.view[-1:].copy(), self.sizes.view[-1:].copy()))
        ends = np.concatenate([piece[0] for piece in drawn])
        bases = np.full(len(ends), self.grid.base, np.int32)
        bases[: len(drawn[0][0])] = self.base.view[-1:]
        at, index = held(ends, steps, gaps)
        self.t.append(at)
        self.base.append(bases[index])
        self.sizes.append(np.concatenate([piece[1] for piece in drawn])[index])
