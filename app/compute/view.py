"""What a view shows, as arrays and plain values: steps of time, scores, distribution, tiles."""

from dataclasses import dataclass
from decimal import Decimal
from functools import cache, cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.compute.follow import Weighing
from app.compute.scores import NOT_AVAILABLE, Score, score
from app.compute.windows import (
    ADDED,
    BOUGHT,
    MATCHED,
    REMOVED,
    SOLD,
    Depth,
    Floats,
    Intervals,
    Ints,
    RowSums,
    quotes_at,
    rolling_best,
    rolling_depth,
    taker_flow,
)
from app.records import MICRO_UNITS, NO_MICRO

S_NS: Final = 1_000_000_000
MS_NS: Final = 1_000_000
CHANGE_NS: Final = 900 * S_NS
BINS: Final = 60  # of the distribution, symmetric about zero
# (longest range, step): about 1,000 steps at most, a whole number of columns each.
STEPS: Final = (
    (300 * S_NS, 250 * MS_NS),
    (1200 * S_NS, 1 * S_NS),
    (2400 * S_NS, 2 * S_NS),
    (3600 * S_NS, 4 * S_NS),
    (7200 * S_NS, 8 * S_NS),
    (14_400 * S_NS, 15 * S_NS),
    (28_800 * S_NS, 30 * S_NS),
    (86_400 * S_NS, 90 * S_NS),
    (7 * 86_400 * S_NS, 600 * S_NS),
)


def step_for(range_ns: int) -> int:
    """The time step of a view of so long a range, nanoseconds."""
    return next((step for longest, step in STEPS if range_ns <= longest), STEPS[-1][1])


def step_ends(start_ns: int, end_ns: int, step_ns: int) -> Ints:
    """Ends of the steps that share time with `(start, end]`; the last may reach beyond `end`."""
    first = start_ns // step_ns + 1
    last = -(-end_ns // step_ns)
    return np.arange(first, last + 1, dtype=np.int64) * step_ns


def in_unit(units: NDArray[Any], step: Decimal) -> Floats:
    """Ticks or lots as the nearest float64 of the exact decimal; NaN stays.

    A multiple of a decimal step is an integer over a power of ten: the product is exact, and one
    division rounds once, so 3 lots of 0.1 are 0.3 and not 0.30000000000000004.
    """
    whole, power, divides = _fraction(step)
    values = np.asarray(units, dtype=np.float64) * whole
    return values / power if divides else values * power


def micro_in_unit(micro: NDArray[Any], tick: Decimal) -> Floats:
    """Micro-prices of rows in the quote currency; NaN where not available."""
    known = micro != NO_MICRO
    return in_unit(np.where(known, micro, np.nan), tick / MICRO_UNITS)


@cache
def _fraction(step: Decimal) -> tuple[float, float, bool]:
    """A step as a whole number and a power of ten, and whether to divide by it."""
    _, digits, exponent = step.normalize().as_tuple()
    whole = float(int("".join(map(str, digits))))
    return whole, float(10 ** abs(int(exponent))), int(exponent) < 0


@dataclass(frozen=True)
class Gaps:
    """Where each stream of a market is not known: before its first data, in gaps, since a failure."""

    best: Intervals
    depth: Intervals
    trades: Intervals

    def coverage(self, start_ns: int, end_ns: int) -> dict[str, float]:
        """Share of a range that is known, per stream."""
        return {
            name: round(getattr(self, name).coverage(start_ns, end_ns), 6)
            for name in ("best", "depth", "trades")
        }


@dataclass(frozen=True)
class Scale:
    """The increments in which a market's figures are shown."""

    tick: Decimal
    lot: Decimal


@dataclass(frozen=True)
class Steps:
    """Steps of time of a view, and what their values are made of.

    Attributes:
        rows: at least from the first step's start less the window.
        gaps: of the same market.
        ends_ns: `[n]` ends of the steps.
        now_ns: a step that is not over shows the value now.
        step_ns, window_ns: lengths.
        depth: levels, 1..records.LEVELS.
        scale: of the values.
    """

    rows: RowSums
    gaps: Gaps
    ends_ns: Ints
    now_ns: int
    step_ns: int
    window_ns: int
    depth: int
    scale: Scale

    @cached_property
    def at_ns(self) -> Ints:
        """When the value of each step is taken: at its end, or now."""
        return np.minimum(self.ends_ns, self.now_ns)

    @cached_property
    def starts_ns(self) -> Ints:
        """Where each step starts."""
        return self.ends_ns - self.step_ns


def series(s: Steps, weighing: Weighing) -> dict[str, NDArray[np.generic]]:
    """The lines and bars of a view at the ends of steps; the last value at or before each end.

    Args:
        s: the steps.
        weighing: of integrated OFI at their depth, up to now.

    Returns:
        `t` ms, `bid`, `ask`, `mid`, `micro`, `ofi`, `multi`, `integrated`, `flow` as `f8 [n]`, `levels` as
        `f4 [n, depth]`.
    """
    at, tick, lot = s.at_ns, s.scale.tick, s.scale.lot
    bid, ask = quotes_at(s.rows, s.gaps.best, at)
    levels = rolling_depth(s.rows, s.gaps.depth, at, s.window_ns, s.depth)
    micro = micro_in_unit(s.rows.quotes["micro"][s.rows.index(at)], tick)
    return {
        "t": s.ends_ns / MS_NS,
        "bid": in_unit(bid, tick),
        "ask": in_unit(ask, tick),
        "mid": in_unit(bid + ask, tick / 2),
        "micro": np.where(np.isfinite(bid + ask), micro, np.nan),
        "ofi": in_unit(rolling_best(s.rows, s.gaps.best, at, s.window_ns), lot),
        "multi": in_unit(levels.multi, lot),
        "integrated": in_unit(integrated(levels, weighing.at(at)[0]), lot),
        "flow": in_unit(taker_flow(s.rows, s.gaps.trades, s.starts_ns, at), lot),
        "levels": levels.normalised.astype(np.float32),
    }


def integrated(depth: Depth, weights: Floats) -> Floats:
    """Integrated OFI in lots: `Σ w_m OFI_m / Σ|w|`, a weighted mean of the levels.

    That is the dimensionless figure of docs/metrics.md times the mean resting size `Q` of its window.
    """
    result: Floats = (depth.ofi * weights).sum(axis=1)
    return result


def decomposition(
    rows: RowSums, gaps: Gaps, window_ns: int, scale: Scale
) -> dict[str, float | None] | None:
    """What made the OFI of the window that ends with the newest row (docs/metrics.md), size units.

    The first three less the second three are `OFI_best`, exactly in lots. None where best quotes or
    trades are not known for the whole window: without prints a cancellation looks like a trade.
    """
    now = rows.end_ns[-1:]
    start = now - window_ns
    if gaps.best.touch(start, now)[0] or gaps.trades.touch(start, now)[0]:
        return None
    total = rows.between(start, now)[0]
    added, removed, matched = total[ADDED], total[REMOVED], total[MATCHED]
    cancelled = removed - matched
    lots = (added[0], cancelled[1], matched[1], added[1], cancelled[0], matched[0])
    traded = int(total[BOUGHT] + total[SOLD])
    parts = dict(zip(PARTS, in_unit(np.array(lots), scale.lot).tolist(), strict=True))
    return parts | {"matched_share": _ratio(float(matched.sum()), traded)}


@dataclass(frozen=True)
class Lookback:
    """Rolling OFI at the whole seconds before the present, sorted, lots (docs/metrics.md, Standard score)."""

    values: Ints

    def of(self, ofi: float) -> Score:
        """Standard score and percentile rank of a value; not available of NaN."""
        return score(int(ofi), self.values) if np.isfinite(ofi) else NOT_AVAILABLE


def seconds_before(now_ns: int, lookback_s: int) -> Ints:
    """The whole seconds in `[now − look-back, now)`, ascending, `[lookback_s]` ns."""
    last = -(-now_ns // S_NS) - 1
    return np.arange(last - lookback_s + 1, last + 1, dtype=np.int64) * S_NS


def lookback(
    rows: RowSums, gaps: Intervals, now_ns: int, window_ns: int, lookback_s: int
) -> Lookback:
    """Rolling OFI at the whole seconds in `[now − look-back, now)`, those that are known."""
    values = rolling_best(rows, gaps, seconds_before(now_ns, lookback_s), window_ns)
    return Lookback(np.sort(values[np.isfinite(values)].astype(np.int64)))


def distribution(
    past: Lookback, scale: Scale
) -> tuple[dict[str, float | int | None], NDArray[np.uint32]]:
    """Edges and figures of the distribution of rolling OFI, and counts in bins about zero."""
    values = past.values
    if not len(values):
        figures = dict.fromkeys(("lo", "hi", "median", "mean", "sd"), None)
        return {**figures, "n": 0}, np.zeros(BINS, np.uint32)
    edge = float(np.abs(values).max()) or 1.0
    counts, _ = np.histogram(values, bins=BINS, range=(-edge, edge))
    spread = values.std(ddof=1) if len(values) > 1 else 0.0
    lo, hi, median, mean, sd = in_unit(
        np.array([-edge, edge, float(np.median(values)), float(values.mean()), float(spread)]),
        scale.lot,
    ).tolist()
    figures = {"lo": lo, "hi": hi, "median": median, "mean": mean, "sd": sd}
    return {**figures, "n": len(values)}, counts.astype(np.uint32)


PARTS: Final = ("bids_added", "asks_pulled", "bought", "asks_added", "bids_pulled", "sold")
TILES: Final = (
    "t", "mid", "bid", "ask", "spread", "spread_ticks", "spread_bps", "ofi", "score", "percentile",
    "multi", "queue_imbalance", "depth_bid", "depth_ask", "flow", "bought_share", "change",
)  # fmt: skip
NO_TILES: Final[dict[str, float | None]] = dict.fromkeys(TILES)


def tiles(
    rows: RowSums, gaps: Gaps, past: Lookback, window_ns: int, depth: Depth, scale: Scale
) -> dict[str, float | None]:
    """The figures over the charts, as of the end of the newest row; None is not available.

    Args:
        rows: at least 15 min, for the change of mid.
        gaps: of the same market.
        past: what the present is scored against.
        window_ns: of rolling figures.
        depth: rolling depth figures at the end of the newest row.
        scale: of the result.
    """
    t = int(rows.end_ns[-1])
    now = np.array([t])
    bid, ask = (float(side[0]) for side in quotes_at(rows, gaps.best, now))
    before = sum(side[0] for side in quotes_at(rows, gaps.best, now - CHANGE_NS))
    ofi = float(rolling_best(rows, gaps.best, now, window_ns)[0])
    flow = float(taker_flow(rows, gaps.trades, now - window_ns, now)[0])
    traded = rows.between(now - window_ns, now)[0]
    volume = int(traded[BOUGHT] + traded[SOLD])
    scored, quote = past.of(ofi), rows.quotes[-1]
    sizes = float(quote["bid_size"]), float(quote["ask_size"])
    known = np.isfinite(bid + ask)
    values = {
        "t": t / MS_NS,
        "bid": _one(bid, scale.tick),
        "ask": _one(ask, scale.tick),
        "mid": _one(bid + ask, scale.tick / 2),
        "spread": _one(ask - bid, scale.tick),
        "spread_ticks": ask - bid,
        "spread_bps": (ask - bid) / (ask + bid) * 2e4,
        "ofi": _one(ofi, scale.lot),
        "score": scored.z,
        "percentile": scored.percentile,
        "multi": _one(float(depth.multi[0]), scale.lot),
        "queue_imbalance": _ratio(sizes[0] - sizes[1], sum(sizes)) if known else None,
        "depth_bid": _band(quote["near_bid"], scale.lot) if known else None,
        "depth_ask": _band(quote["near_ask"], scale.lot) if known else None,
        "flow": _one(flow, scale.lot),
        "bought_share": _ratio(float(traded[BOUGHT]), volume) if np.isfinite(flow) else None,
        "change": (bid + ask) / float(before) - 1.0,
    }
    return {k: None if v is None or not np.isfinite(v) else float(v) for k, v in values.items()}


def _one(units: float, step: Decimal) -> float:
    return float(in_unit(np.array([units]), step)[0])


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None


def _band(lots: int, lot: Decimal) -> float | None:
    return _one(float(lots), lot) if lots >= 0 else None
