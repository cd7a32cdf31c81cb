"""Heatmap columns on price rows against a loop over every tick."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.compute import columns, raster
from app.compute.raster import PriceGrid
from app.records import COLUMN_BUCKETS, COLUMN_EXACT, Batch


def book(seed: int, mid: int, levels: int, spread: int = 2, sparse: int = 4) -> columns.Book:
    """A book with random holes."""
    rng = np.random.default_rng(seed)
    steps = rng.integers(1, sparse + 1, (2, levels)).cumsum(axis=1)
    sizes = rng.integers(1, 1000, (2, levels))
    return columns.Book(7, mid - steps[0], sizes[0], mid + spread - 1 + steps[1], sizes[1])


def reference(column: Batch, grid: PriceGrid) -> np.ndarray:
    """Lots per row: a level in the row of its tick, a bucket's lots spread over its ticks."""
    total = np.zeros(grid.rows)
    for name, sign in (("bid", -1), ("ask", 1)):
        exact = int(column[f"exact_{name}s"])
        for k in range(int(column[f"{name}s"])):
            low = int(column["base"]) + int(column[f"{name}_offset"][k])
            high = low + (1 if k < exact else int(column["bucket"]))
            if k == exact and exact:
                # The first bucket's grid reaches over levels that stand by themselves.
                edge = int(column["base"]) + int(column[f"{name}_offset"][k - 1])
                low, high = (max(low, edge + 1), high) if sign > 0 else (low, min(high, edge))
            for tick in range(low, high):
                row = tick // grid.group - grid.base
                if 0 <= row < grid.rows:
                    total[row] += float(column[f"{name}_size"][k]) / (high - low)
    return total


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 10**6),
    st.sampled_from([300, 20_000, 60_000]),
    st.integers(1, 220),
    st.integers(1, 60),
    st.integers(8, 60),
    st.integers(-30, 30),
)
def test_raster_is_the_sum_over_ticks(
    seed: int, mid: int, levels: int, group: int, rows: int, shift: int
) -> None:
    batch = np.concatenate([columns.column(book(seed + k, mid + k * 3, levels)) for k in range(3)])
    grid = PriceGrid(mid // group - rows // 2 + shift, group, rows)
    got = raster.raster(batch, grid)
    low, high = raster.visible(batch)
    for k in range(len(batch)):
        edges = grid.edges
        seen = (edges[1:] > low[k]) & (edges[:-1] < high[k])
        assert (np.isfinite(got[k]) == seen).all()
        expected = reference(batch[k], grid)
        np.testing.assert_allclose(got[k][seen], expected[seen], rtol=2e-6, atol=1e-3)
        assert not expected[~seen].any()


def test_nothing_is_lost_where_the_grid_holds_the_book() -> None:
    one = book(3, 50_000, 200)
    batch = columns.column(one)
    grid = raster.grid_for(one.bid_price.min(), one.ask_price.max() + 5, 300)
    total = np.nansum(raster.raster(batch, grid), dtype=np.float64)
    inside = sum(
        float(batch[f"{name}_size"][0, : int(batch[f"{name}s"][0])].sum())
        for name in ("bid", "ask")
    )
    assert total == pytest.approx(inside, rel=1e-6)


def test_beyond_the_visible_book_is_not_zero_but_unknown() -> None:
    batch = columns.column(book(1, 1000, 5, sparse=1))
    got = raster.raster(batch, PriceGrid(900, 1, 200))[0]
    assert np.isnan(got[:90]).all()
    assert np.isnan(got[110:]).all()
    assert np.isfinite(got[96:105]).all()


def test_an_invalid_book_draws_as_nothing() -> None:
    crossed = columns.Book(7, *(np.array([v]) for v in (10, 1, 9, 1)))
    assert not np.nansum(raster.raster(columns.column(crossed), PriceGrid(0, 1, 20)))


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.integers(1, 150), st.integers(1, 40), st.integers(-40, 40))
def test_profile_sums_outward_from_mid(seed: int, levels: int, group: int, shift: int) -> None:
    one = book(seed, 30_000, levels)
    batch, rows = columns.column(one), 40
    grid = PriceGrid(30_000 // group - rows // 2 + shift, group, rows)
    got = raster.profile(batch, grid)
    sides = {
        name: raster.side_raster(batch, grid, name, sign)[0]
        for name, sign in (("bid", -1), ("ask", 1))
    }
    known = np.isfinite(got.bid)
    np.testing.assert_allclose(got.bid[known], sides["bid"][known], rtol=1e-6)
    for edge_at, cum, better in (
        (grid.edges[:-1], got.cum_bid, lambda price, edge: price >= edge),
        (grid.edges[1:], got.cum_ask, lambda price, edge: price < edge),
    ):
        name = "bid" if cum is got.cum_bid else "ask"
        exact = int(batch[f"exact_{name}s"][0])
        prices = batch["base"][0] + batch[f"{name}_offset"][0, :exact]
        last = prices[-1]
        for k in np.flatnonzero(np.isfinite(cum)):
            edge = edge_at[k]
            if (edge > last) if name == "bid" else (edge <= last):
                sizes = batch[f"{name}_size"][0, :exact]
                assert cum[k] == pytest.approx(float(sizes[better(prices, edge)].sum()), rel=1e-5)


@given(
    st.integers(1, 10**7),
    st.integers(0, 10**6),
    st.integers(8, 500),
    st.sampled_from([0, 0, 3, 50]),
)
def test_the_grid_holds_the_prices_in_few_rows(low: int, width: int, rows: int, group: int) -> None:
    grid = raster.grid_for(low, low + width, rows, group)
    assert grid.rows <= raster.MAX_ROWS
    if group:
        assert grid.group == group
        return
    assert grid.holds(low, low + width)
    assert grid.base * grid.group <= low
    assert low + width < (grid.base + grid.rows) * grid.group
    digits = str(grid.group)
    assert digits[0] in "125"
    assert set(digits[1:]) <= {"0"}


def test_mean_over_time_leaves_out_what_was_not_visible() -> None:
    values = np.array([[1, np.nan], [3, 5], [7, np.nan]], np.float32)
    keys, mean = raster.mean_by(values, np.array([10, 10, 20]))
    assert keys.tolist() == [10, 20]
    np.testing.assert_array_equal(mean, np.array([[2, 5], [7, np.nan]], np.float32))


def test_mean_over_time_of_what_was_always_visible() -> None:
    values = np.array([[1, 2], [3, 5], [7, 9]], np.float32)
    keys, mean = raster.mean_by(values, np.array([10, 10, 20]))
    assert keys.tolist() == [10, 20]
    np.testing.assert_array_equal(mean, np.array([[2, 3.5], [7, 9]], np.float32))


def test_full_columns_use_every_entry() -> None:
    batch = columns.column(book(2, 2_000_000, 40_000, sparse=2))
    assert int(batch["bids"][0]) == COLUMN_EXACT + COLUMN_BUCKETS
    grid = raster.grid_for(2_000_000 - 29_000, 2_000_000 + 29_000, 400)
    got = raster.raster(batch, grid)[0]
    seen = np.isfinite(got)
    reach = (COLUMN_EXACT * 2 + COLUMN_BUCKETS * int(batch["bucket"][0])) // grid.group
    assert abs(int(seen.sum()) - 2 * reach) <= 3
    np.testing.assert_allclose(got[seen], reference(batch[0], grid)[seen], rtol=1e-4)
