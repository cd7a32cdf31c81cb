"""From the ring's floats to integer states, on each market's own grid.

A value that its market's grid cannot hold refines the grid, never the value: the market's history on
the old grid ends there, and its streams begin anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from app.compute.live_mids import LiveMids
from app.compute.quantise import Quantised, book_states, values
from app.compute.states import BookStates, TradePrints
from app.compute.trades import LiveLeeReady
from app.feeds.ring import States, Trades
from app.market import Grid, off_grid
from app.records import NO_MID, TRADE, Batch


@dataclass
class Grids:
    """The increments of all markets by index, as arrays."""

    tick: NDArray[np.float64]
    lot: NDArray[np.float64]

    @classmethod
    def of(cls, grids: Mapping[int, Grid]) -> "Grids":
        """Arrays up to the highest index; indices without a market have increments of one."""
        n = max(grids, default=-1) + 1
        result = cls(np.ones(n), np.ones(n))
        for index, grid in grids.items():
            result.tick[index], result.lot[index] = float(grid.tick), float(grid.lot)
        return result


@dataclass(frozen=True)
class Intake:
    """A batch in ticks and lots."""

    best: BookStates
    depth: BookStates
    prints: TradePrints
    trades: dict[int, Batch]  # TRADE records by market
    off_grid: frozenset[int]  # markets with a value that their grid does not hold


def finer_grids(
    grids: Mapping[int, Grid], markets: frozenset[int], best: States, depth: States, trades: Trades
) -> dict[int, Grid]:
    """Grids of `markets` refined until they hold every value of the batch."""
    found = {index: grids[index] for index in markets if index in grids}
    for states in (best, depth):
        for k in np.flatnonzero(np.isin(states.market, list(found))).tolist():
            index = int(states.market[k])
            for price, size in states.levels[k].reshape(-1, 2).tolist():
                found[index] = _hold(found[index], price, size)
    for k in np.flatnonzero(np.isin(trades.market, list(found))).tolist():
        index = int(trades.market[k])
        found[index] = _hold(found[index], float(trades.price[k]), float(trades.size[k]))
    return {index: grid for index, grid in found.items() if grid != grids[index]}


def _hold(grid: Grid, price: float, size: float) -> Grid:
    if not grid.exact:
        return grid
    off = off_grid(np.array([price]), grid.tick)[0] or off_grid(np.array([size]), grid.lot)[0]
    return grid.finer(price, size) if off else grid


def _quantise(states: States, grids: Grids) -> Quantised:
    return book_states(
        states.levels,
        states.bids,
        states.asks,
        grids.tick[states.market],
        grids.lot[states.market],
    )


def take_in(
    grids: Mapping[int, Grid],
    best: States,
    depth: States,
    trades: Trades,
    best_from_depth: frozenset[int],
) -> Intake:
    """Integer batches; markets in `best_from_depth` get level 1 of depth as their best stream."""
    arrays = Grids.of(grids)
    best_states, best_off = _states(best, arrays)
    depth_states, depth_off = _states(depth, arrays)
    if best_from_depth and len(depth_states):
        derived = depth_states.pick(np.isin(depth_states.market, list(best_from_depth)))
        top = BookStates(
            derived.market,
            derived.time_ns,
            derived.latency_us,
            derived.epoch,
            derived.known,
            derived.price[:, :, :1],
            derived.size[:, :, :1],
        )
        best_states = best_states.join(top)
    prints, by_market, trades_off = _trades(trades, arrays)
    off = frozenset(best_off | depth_off | trades_off)
    return Intake(best_states, depth_states, prints, by_market, off)


def with_sides(intake: Intake, rule: LiveLeeReady) -> Intake:
    """With the sides that the venue does not give inferred, and marked so; call once a batch."""
    given = intake.prints
    side = rule.sides(intake.best, given)
    if given.side.all():
        return intake
    for index, record in intake.trades.items():
        mine = given.market == index
        record["side"], record["inferred"] = side[mine], given.side[mine] == 0
    return replace(intake, prints=replace(given, side=side))


def with_mids(intake: Intake, mids: LiveMids, lag_ns: NDArray[np.int64]) -> Intake:
    """With the mid that each print met, for its costs; call once a batch.

    Args:
        lag_ns: `[markets]` by how much prints come after the quotes that they met.
    """
    twice = mids.before(intake.best, intake.prints, lag_ns)
    for index, record in intake.trades.items():
        record["twice_mid"] = twice[intake.prints.market == index]
    return intake


def _states(states: States, grids: Grids) -> tuple[BookStates, set[int]]:
    whole = _quantise(states, grids)
    latency_us = (states.time_ns - states.venue_ms * 1_000_000) // 1000
    result = BookStates(
        states.market,
        states.time_ns,
        np.where(states.venue_ms >= 0, latency_us, -1),
        states.epoch,
        states.known,
        whole.price,
        whole.size,
    )
    return result, set(states.market[whole.off_grid].tolist())


def _trades(trades: Trades, grids: Grids) -> tuple[TradePrints, dict[int, Batch], set[int]]:
    price, price_off = values(trades.price, grids.tick[trades.market])
    size, size_off = values(trades.size, grids.lot[trades.market])
    record = np.zeros(len(trades), TRADE)
    record["time_ns"], record["venue_ms"] = trades.time_ns, trades.venue_ms
    record["price"], record["size"] = price, size
    record["side"], record["id"], record["twice_mid"] = trades.side, trades.id, NO_MID
    by_market = {int(m): record[trades.market == m] for m in np.unique(trades.market)}
    prints = TradePrints(trades.market, trades.time_ns, price, size, trades.side)
    return prints, by_market, set(trades.market[price_off | size_off].tolist())
