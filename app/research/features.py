"""`ofi compute`: one row per bin, the columns of the HTTP API, in the units of the venue."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from app.compute import book, trades
from app.compute.catalogue import METRICS, WHOLE, column_names
from app.compute.integrated import LEAST_WINDOWS, LiveIntegrated, normalise, trailing
from app.compute.view import in_unit
from app.market import Market
from app.records import MICRO_UNITS
from app.research.binning import Binner, Bins
from app.research.estimates import Estimates
from app.research.scoring import Scores
from app.research.units import in_units

LOOKBACK_NS = 1_800_000_000_000
_PARTS = next(m.columns for m in METRICS if m.name == "Decomposition")


def schema(levels: int, notionals: Sequence[int] = ()) -> Any:
    """The Arrow schema of the table; what is not available is null."""
    names = column_names(levels, notionals)
    return pa.schema([(n, pa.int64() if n in WHOLE else pa.float64()) for n in names])


@dataclass
class Integrator:
    """Integrated OFI bin by bin, carried from chunk to chunk."""

    bin_ns: int
    levels: int
    live: LiveIntegrated = field(init=False)

    def __post_init__(self) -> None:
        lookback = max(LEAST_WINDOWS, LOOKBACK_NS // self.bin_ns)
        self.live = LiveIntegrated(max(self.levels, 1), lookback)

    def add(self, b: Bins) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Integrated OFI and explained share of each bin; NaN where not available."""
        if not self.levels:
            none = np.full(len(b.start_ns), np.nan)
            return none, none
        ofi = normalise(b.ofi, b.size_sum.sum(axis=(1, 2)), b.states_depth)
        complete = (b.coverage == 1.0) & (b.levels >= self.levels)
        return trailing(ofi, complete, live=self.live)


def tables(
    binner: Binner, market: Market, bin_ns: int, notionals: Sequence[int] = ()
) -> Iterator[Any]:
    """Arrow tables of consecutive bins; `notionals` of the orders whose slippage is asked for."""
    integrator, estimates = Integrator(bin_ns, binner.levels), Estimates(binner.reader, notionals)
    scores = Scores(binner.reader, bin_ns, binner.from_depth)
    kinds = schema(binner.levels, notionals)
    cvd = 0
    for b in binner.chunks():
        values = _values(b, market)
        values["ofi_integrated"], values["ofi_integrated_explained"] = integrator.add(b)
        values |= _scaled(estimates.add(b), market) | scores.add(b)
        running = trades.cvd(b.bought - b.sold, cvd)
        cvd = int(running[-1])
        values["cvd"] = in_units(running, market.grid.lot)
        del b  # before the next one is made
        yield pa.table(
            [pa.array(values[f.name], f.type, mask=_missing(values[f.name])) for f in kinds],
            schema=kinds,
        )


def _scaled(values: dict[str, NDArray[np.float64]], market: Market) -> dict[str, NDArray[Any]]:
    """Estimates in the units of the venue."""
    steps = {"micro_price": market.grid.tick / MICRO_UNITS}
    steps |= {name: market.grid.lot for name in values if name.startswith("depth_")}
    return {
        name: in_unit(column, steps[name]) if name in steps else column
        for name, column in values.items()
    }


def _mean_size(b: Bins) -> NDArray[np.float64]:
    """`Q` of depth-normalised OFI, lots: the mean resting size; NaN where a level is not known."""
    sizes = b.size_sum.sum(axis=(1, 2)) / 2.0
    count = b.states_depth * b.ofi.shape[1]
    known = (count > 0) & (b.levels >= b.ofi.shape[1])
    return np.where(known, sizes / np.maximum(count, 1), np.nan)


def _missing(values: NDArray[Any]) -> NDArray[np.bool_]:
    result: NDArray[np.bool_] = (
        ~np.isfinite(values) if values.dtype.kind == "f" else np.zeros(len(values), bool)
    )
    return result


def _values(b: Bins, market: Market) -> dict[str, NDArray[Any]]:
    tick, lot = market.grid.tick, market.grid.lot
    bid, ask, bid_size, ask_size = b.quote[1:].T
    ok = b.valid()[1:]
    safe_bid, safe_ask = np.where(ok, bid, 0), np.where(ok, ask, 0)

    def quoted(values: NDArray[Any], step: Decimal) -> NDArray[np.float64]:
        return np.where(ok, in_units(values, step), np.nan)

    unknown = np.arange(b.ofi.shape[1]) >= b.levels[:, None]
    levels = np.where(unknown, np.nan, in_units(b.ofi, lot))
    multilevel = in_units(b.ofi.sum(axis=1), lot)
    whole = (b.ofi.shape[1] > 0) & ~unknown.any(axis=1)
    spread = book.spread(bid, ask, float(tick))
    weighted = book.weighted_mid(bid, bid_size, ask, ask_size)
    values: dict[str, NDArray[Any]] = {
        "start": b.start_ns,
        "end": b.end_ns,
        "states_best": b.states_best,
        "states_depth": b.states_depth,
        "coverage": b.coverage,
        "bid": quoted(safe_bid, tick),
        "ask": quoted(safe_ask, tick),
        "mid": quoted(safe_bid + safe_ask, tick / 2),
        "spread": in_unit(spread.ticks, tick),
        "spread_bps": spread.bps,
        "bid_size": quoted(bid_size, lot),
        "ask_size": quoted(ask_size, lot),
        "queue_imbalance": np.where(ok, book.queue_imbalance(bid_size, ask_size), np.nan),
        "depth_imbalance": book.depth_imbalance(b.size_sum[:, 0], b.size_sum[:, 1]),
        "weighted_mid": weighted * float(tick),
        "depth_mean": _mean_size(b) * float(lot),
        "ofi_best": in_units(b.ofi_best, lot),
        "ofi_multilevel": np.where(whole, multilevel, np.nan),
        "trades": b.trades,
        "trades_inferred": b.trades_inferred,
        "bought": in_units(b.bought, lot),
        "sold": in_units(b.sold, lot),
        "trade_imbalance": in_units(b.bought - b.sold, lot),
    }
    values |= {f"ofi_{m + 1}": levels[:, m] for m in range(levels.shape[1])}
    values |= {name: in_units(getattr(b.parts, name), lot) for name in _PARTS}
    return values
