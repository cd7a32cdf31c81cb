"""What the tab of trades and liquidity shows: flow and book through time, and the cost of an order.

Rolling values and values at the ends of steps, from running sums (docs/metrics.md: Decomposition, Matched
share, Queue imbalance, Depth imbalance, Spread, Depth within bands, Slippage).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.compute import book
from app.compute.columns import Book
from app.compute.view import Gaps, Steps, in_unit
from app.compute.windows import (
    ADDED,
    BIDS,
    BOUGHT,
    MATCHED,
    REMOVED,
    SIZE,
    SOLD,
    UNKNOWN,
    Floats,
    Intervals,
    Ints,
    RowSums,
    quotes_at,
)
from app.market import Contract, Market
from app.records import BANDS_BPS, ROW_NS, Batch

# Per step of time: name → values a step.
LINES: Final = {
    "bought": 1, "sold": 1, "parts": 6, "matched": 1, "queue": 1, "depth_imbalance": 1,
    "spread_ticks": 1, "spread_bps": 1, "band_bid": len(BANDS_BPS), "band_ask": len(BANDS_BPS),
}  # fmt: skip
_BPS: Final = 1e4


def lines(s: Steps) -> dict[str, NDArray[np.float64]]:
    """The lines of the tab at the ends of steps; NaN where not known.

    Returns:
        `bought`, `sold` within the step; `parts` `[n, 6]` of rolling OFI (bids added, asks pulled,
        bought, asks added, bids pulled, sold) and `matched`, the matched share, over the window; `queue`,
        `spread_ticks`, `spread_bps`, `band_bid`, `band_ask` `[n, bands]` at the end (a band that is NaN where
        the quotes are known reaches beyond the visible book); `depth_imbalance` within the step.
    """
    at, gaps, lot = s.at_ns, s.gaps, s.scale.lot
    step = s.rows.between(s.starts_ns, at)
    traded = ~gaps.trades.touch(s.starts_ns, at)
    parts, share = _parts(s.rows, gaps, at, s.window_ns)
    bid, ask = quotes_at(s.rows, gaps.best, at)
    quotes = s.rows.quotes[s.rows.index(at)]
    known = np.isfinite(bid + ask)
    spread = book.spread(quotes["bid"], quotes["ask"], float(s.scale.tick))
    bands = np.where(known[:, None, None] & (quotes["bands"] >= 0), quotes["bands"], np.nan)
    queue = book.queue_imbalance(quotes["bid_size"], quotes["ask_size"])
    return {
        "bought": in_unit(np.where(traded, step[:, BOUGHT], np.nan), lot),
        "sold": in_unit(np.where(traded, step[:, SOLD], np.nan), lot),
        "parts": in_unit(parts, lot),
        "matched": share,
        "queue": np.where(known, queue, np.nan),
        "depth_imbalance": depth_imbalance(step, gaps.depth.touch(s.starts_ns, at), s.depth),
        "spread_ticks": ask - bid,
        "spread_bps": np.where(known, spread.bps, np.nan),
        "band_bid": in_unit(bands[:, 0], lot),
        "band_ask": in_unit(bands[:, 1], lot),
    }


def _parts(rows: RowSums, gaps: Gaps, at_ns: Ints, window_ns: int) -> tuple[Floats, Floats]:
    """Decomposition of rolling OFI, `[n, 6]` lots, and the matched share of its window."""
    edge = at_ns // ROW_NS * ROW_NS
    start = edge - window_ns
    total = rows.between(start, edge)
    added, removed, matched = total[:, ADDED], total[:, REMOVED], total[:, MATCHED]
    pulled = removed - matched
    made = (added[:, 0], pulled[:, 1], matched[:, 1], added[:, 1], pulled[:, 0], matched[:, 0])
    known = ~(gaps.best.touch(start, at_ns) | gaps.trades.touch(start, at_ns))
    traded = total[:, BOUGHT] + total[:, SOLD]
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(known & (traded > 0), matched.sum(axis=1) / traded, np.nan)
    return np.where(known[:, None], np.stack(made, axis=1), np.nan), share


def depth_imbalance(sums: Ints, blank: NDArray[np.bool_], depth: int) -> Floats:
    """Depth imbalance of the mean book of each interval, −1..1; NaN where a level was not known.

    Args:
        sums: `[n, SUMS]` of the intervals.
        blank: `[n]` intervals that touch a gap.
        depth: levels 1..depth.
    """
    both, bids = sums[:, SIZE][:, :depth].sum(axis=1), sums[:, BIDS][:, :depth].sum(axis=1)
    known = ~blank & (both > 0) & (sums[:, UNKNOWN][:, :depth] == 0).all(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        result: Floats = np.where(known, (2.0 * bids - both) / both, np.nan)
    return result


def volume_delta(rows: RowSums, since_ns: int, at_ns: Ints) -> Ints:
    """Bought − sold in `(since, t]` for each time, lots; gaps add nothing."""
    begin = np.full(len(at_ns), since_ns, np.int64)
    total = rows.between(begin, at_ns)
    result: Ints = total[:, BOUGHT] - total[:, SOLD]
    return result


def inside(gaps: Intervals, at_ns: Ints) -> NDArray[np.bool_]:
    """Which times lie within a gap."""
    return gaps.touch(at_ns - 1, at_ns)


@dataclass(frozen=True)
class Ladder:
    """One side of the book, best first: prices in ticks, sizes in lots.

    The first `exact` entries are single levels; the rest are buckets, at their middle price.
    """

    price: Floats
    size: Floats
    exact: int


def ladder(column: Batch, levels: Batch | None, name: str) -> Ladder:
    """A side of the book as deep as it is kept.

    Args:
        column: one COLUMN record: its best levels and what lies behind them in buckets.
        levels: the BOOK record of about the same time, with more single levels; None without.
        name: `bid` or `ask`.
    """
    sign = 1 if name == "ask" else -1
    count, exact = int(column[f"{name}s"]), int(column[f"exact_{name}s"])
    offset = column[f"{name}_offset"][:count].astype(np.float64) + float(column["base"])
    size = column[f"{name}_size"][:count].astype(np.float64)
    price, amount = offset[:exact], size[:exact]
    if levels is not None and int(levels[f"{name}s"]) >= exact:
        n = int(levels[f"{name}s"])
        price = levels[f"{name}_price"][:n].astype(np.float64)
        amount = levels[f"{name}_size"][:n].astype(np.float64)
    low, high = offset[exact:], offset[exact:] + float(column["bucket"]) - 1.0
    behind = size[exact:].copy()
    if len(price):
        # What single levels say already is not counted again; the rest of their bucket lies behind them.
        last = price[-1]
        deeper = price[exact:]
        for k in range(len(low)):
            behind[k] -= amount[exact:][(deeper >= low[k]) & (deeper <= high[k])].sum()
        low, high = (
            (np.maximum(low, last + 1), high) if sign > 0 else (low, np.minimum(high, last - 1))
        )
    there = (behind > 0) & (high >= low)
    middle = (low[there] + high[there]) / 2.0
    return Ladder(
        np.concatenate([price, middle]), np.concatenate([amount, behind[there]]), len(price)
    )


def side(whole: Book, name: str) -> Ladder:
    """A side of a whole book; `name` is `bid` or `ask`."""
    price, size = getattr(whole, f"{name}_price"), getattr(whole, f"{name}_size")
    there = price > 0  # a level that costs nothing has no worth, and no size in base if inverse
    price, size = price[there].astype(np.float64), size[there].astype(np.float64)
    return Ladder(price, size, len(price))


def lot_base(market: Market, price_ticks: Floats) -> Floats | float:
    """Base currency in one lot; of an inverse contract it depends on the price, `[levels]`."""
    size = float(market.grid.lot) * float(market.contract_size)
    if market.contract is not Contract.INVERSE:
        return size
    result: Floats = size / (price_ticks * float(market.grid.tick))
    return result


@dataclass(frozen=True)
class Fill:
    """What a market order would cost: `bps` None is more than the visible book."""

    bps: float | None
    average: float | None  # price, quote currency
    visible: float  # worth of the side, quote currency
    exact: bool  # filled by single levels alone


def fill(
    side: Ladder, mid_ticks: float, notional: float, tick: float, lot_base: Floats | float
) -> Fill:
    """Slippage of a market order of `notional` (quote currency) on one side (docs/metrics.md, Slippage).

    Args:
        side: what the order hits.
        mid_ticks: the mid.
        notional: the order's worth.
        tick: the increment of price.
        lot_base: base currency in one lot; an array `[levels]` where it depends on the price (inverse).
    """
    base = side.size * lot_base
    worth = np.cumsum(side.price * tick * base)
    visible = float(worth[-1]) if len(worth) else 0.0
    bps = float(book.slippage_bps(side.price, base, mid_ticks, notional, tick, 1.0))
    if not np.isfinite(bps):
        return Fill(None, None, visible, exact=False)
    used = int(np.searchsorted(worth, notional, side="left")) + 1
    away = 1.0 if side.price[0] > mid_ticks else -1.0
    average = mid_ticks * (1.0 + away * bps / _BPS) * tick
    return Fill(bps, average, visible, used <= side.exact)


def market_order(market: Market, hit: Ladder, mid_ticks: float, notional: float) -> Fill:
    """`fill` on one side of a market's book, whatever its contract."""
    tick = float(market.grid.tick)
    return fill(hit, mid_ticks, notional, tick, lot_base(market, hit.price))
