"""`ofi verify`: what the flow says of the price, from the archive (docs/metrics.md)."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from math import gcd
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.archive import Archive, Reader
from app.compute import impact, prediction
from app.errors import InputError
from app.market import Market, MarketId
from app.research.binning import Binner, Bins, coarser
from app.research.execution import execution
from app.research.features import Integrator
from app.research.units import in_units

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Watch = Callable[[int, int], None]  # bins done, bins in all
_GRID_NS = prediction.GRID_NS


@dataclass(frozen=True)
class Request:
    """What to verify."""

    market: MarketId
    bin_ns: int
    window_ns: int
    levels: int = 10
    start_ns: int = 0
    end_ns: int = 2**62
    best_from_depth: bool = False


@dataclass(frozen=True)
class _Series:
    """Bins of one length over the whole range, reduced to what the fits need; n bins."""

    edge_ns: Ints
    whole: NDArray[np.bool_]  # no gap in the bin
    mid2: Ints  # [n + 1] half ticks
    has_mid: NDArray[np.bool_]  # [n + 1]
    best: Ints
    multilevel: Ints
    deep: NDArray[np.bool_]  # every level known
    integrated: Floats
    traded: Ints
    queue_sum: Ints  # Σ (qb1 + qa1) over the best states, lots
    states: Ints
    totals: dict[str, Any]

    @property
    def usable(self) -> NDArray[np.bool_]:
        """Bins with a mid at both edges and no gap."""
        return self.whole & self.has_mid[1:] & self.has_mid[:-1]

    @property
    def move(self) -> Floats:
        """Δmid in ticks."""
        return np.diff(self.mid2) / 2.0


def verify(archive: Archive, request: Request, watch: Watch | None = None) -> dict[str, Any]:
    """The verification as a plain value, see `docs/metrics.md`.

    Raises:
        InputError: window and bin do not fit, or the archive has not the market.
    """
    if request.window_ns % request.bin_ns:
        raise InputError("The window must be a whole number of bins.")
    reader = Reader(archive, request.market, request.start_ns, request.end_ns)
    market = reader.market
    from_depth = request.best_from_depth or not reader.has("best")
    # Forecasts need a grid of whole seconds: read once in bins that make up both.
    base_ns = gcd(request.bin_ns, _GRID_NS)
    fine, s = _series(reader, request, base_ns, from_depth, watch)
    result: dict[str, Any] = _head(reader, request, market, s)
    result |= _impacts(s, request, market)
    if reader.has("best") and not request.best_from_depth and reader.has("depth"):
        _, other = _series(reader, replace(request, levels=1), request.bin_ns, True, None)
        result["depth_1"] = _impact(other, request, _lots(other.best, market), other.usable)
    result |= execution(reader, request.best_from_depth, request.bin_ns)
    result["prediction"] = _predictions(fine, request, base_ns)
    return result


def _lots(values: Ints, market: Market) -> Floats:
    return in_units(values, market.grid.lot)


def _series(
    reader: Reader, request: Request, base_ns: int, from_depth: bool, watch: Watch | None
) -> tuple[_Series, _Series]:
    """The range in base bins and in bins, read once."""
    ratio = request.bin_ns // base_ns
    binner = Binner(
        reader,
        base_ns,
        request.levels,
        best_from_depth=from_depth,
        align_ns=request.bin_ns,
    )
    integrator = Integrator(request.bin_ns, binner.levels)
    fine, coarse = _Collected(binner.levels), _Collected(binner.levels)
    done = 0
    for b in binner.chunks():
        whole = coarser(b, ratio)
        coarse.add(whole, integrator.add(whole)[0])
        if ratio > 1:
            fine.add(b, np.full(len(b.start_ns), np.nan))
        done += len(b.start_ns)
        if watch:
            watch(done, binner.total)
        del b, whole  # before the next ones are made
    series = coarse.series()
    return (fine.series() if ratio > 1 else series), series


class _Collected:
    """What is kept of the chunks."""

    def __init__(self, levels: int):
        self._levels = levels
        self._slim: list[dict[str, Any]] = []
        self._quotes: list[NDArray[Any]] = []
        self._integrated: list[Floats] = []
        self._level_sums = np.zeros(levels, np.int64)

    def add(self, b: Bins, integrated: Floats) -> None:
        quotes = np.column_stack([b.mid_half_ticks(), b.valid()])
        self._quotes.append(quotes[1 if self._quotes else 0 :])
        self._slim.append(_slim(b, self._levels))
        self._integrated.append(integrated)
        self._level_sums += b.ofi.sum(axis=0)

    def series(self) -> _Series:
        joined = {k: np.concatenate([x[k] for x in self._slim]) for k in self._slim[0]}
        quote = np.concatenate(self._quotes)
        names = (
            "states_best", "states_depth", "trades", "trades_inferred", "trades_undecided", "bought",
            "sold", "matched",
        )  # fmt: skip
        totals: dict[str, Any] = {k: int(joined[k].sum()) for k in names}
        sums = self._level_sums.tolist()
        totals |= {"ofi_best": int(joined["best"].sum()), "ofi_levels": sums}
        return _Series(
            np.concatenate([joined["start"], joined["end"][-1:]]),
            joined["whole"],
            quote[:, 0],
            quote[:, 1].astype(bool),
            joined["best"],
            joined["multilevel"],
            joined["deep"],
            np.concatenate(self._integrated),
            joined["bought"] - joined["sold"],
            joined["queue_sum"],
            joined["states_best"],
            totals,
        )


def _slim(b: Bins, levels: int) -> dict[str, Any]:
    """What is kept of a chunk."""
    return {
        "start": b.start_ns,
        "end": b.end_ns,
        "whole": b.coverage == 1.0,
        "best": b.ofi_best,
        "multilevel": b.ofi.sum(axis=1),
        "deep": (b.levels >= levels) & (levels > 0),
        "queue_sum": b.queue_sum,
        "states_best": b.states_best,
        "states_depth": b.states_depth,
        "trades": b.trades,
        "trades_inferred": b.trades_inferred,
        "trades_undecided": b.trades_undecided,
        "bought": b.bought,
        "sold": b.sold,
        "matched": b.parts.market_buy + b.parts.market_sell,
    }


def _head(reader: Reader, request: Request, market: Market, s: _Series) -> dict[str, Any]:
    t, lot = s.totals, market.grid.lot

    def units(lots: int) -> float:
        return float(in_units(np.array([lots]), lot)[0])

    traded = t["bought"] + t["sold"]
    return {
        "market": str(market.id),
        "size_unit": market.size_unit,
        "tick": str(market.grid.tick),
        "lot": str(lot),
        "start": str(reader.start_ns),
        "end": str(reader.end_ns),
        "bin_s": request.bin_ns / 1e9,
        "window_s": request.window_ns / 1e9,
        "levels": len(t["ofi_levels"]),
        "states": {"best": t["states_best"], "depth": t["states_depth"]},
        "fidelity": _fidelity(reader, request),
        "sums": {
            "best": units(t["ofi_best"]),
            "levels": [units(v) for v in t["ofi_levels"]],
            "multilevel": units(sum(t["ofi_levels"])),
            "trade_imbalance": units(t["bought"] - t["sold"]),
            "volume": units(traded),
        },
        "trades": t["trades"],
        "trades_inferred": t["trades_inferred"],
        "trades_undecided": t["trades_undecided"],
        "matched_share": t["matched"] / traded if traded else None,
    }


def _fidelity(reader: Reader, request: Request) -> dict[str, str]:
    """By stream, as the sources say; best quotes from depth have that of depth."""
    said: dict[str, set[str]] = {}
    for segment in reader.segments:
        for stream, word in segment.fidelity.items():
            said.setdefault(stream, set()).add(word)
    words = {stream: ", ".join(sorted(found)) for stream, found in said.items()}
    if "depth" in words and (request.best_from_depth or not reader.has("best")):
        words["best"] = words["depth"]
    return words


def _impacts(s: _Series, request: Request, market: Market) -> dict[str, Any]:
    best = _impact(s, request, _lots(s.best, market), s.usable)
    if best["windows"]:
        best["depth_law"] = _law(s, request, market)
    trades = _impact(s, request, _lots(s.traded, market), s.usable)
    if trades["beta"] is not None:
        trades["kyle_lambda"] = impact.kyle_lambda(trades["beta"], float(market.grid.tick))
    return {
        "best": best,
        "multilevel": _impact(s, request, _lots(s.multilevel, market), s.usable & s.deep),
        "integrated": _impact(s, request, s.integrated, s.usable & np.isfinite(s.integrated)),
        "trade_imbalance": trades,
    }


def _impact(s: _Series, request: Request, x: Floats, ok: NDArray[np.bool_]) -> dict[str, Any]:
    """One fit over the range and the mean over calendar windows; null where not available."""
    end, x, y = s.edge_ns[1:][ok], x[ok], s.move[ok]
    one = impact.fit(x, y)
    by = impact.windows(end, x, y, request.bin_ns, request.window_ns)
    names = ("intercept", "beta", "t", "r2")
    return {
        "bins": len(x),
        **{name: getattr(one, name) if one else None for name in names},
        "windows": len(by.fits),
        "r2_mean": by.mean("r2"),
        "beta_mean": by.mean("beta"),
        "t_mean": by.mean("t"),
    }


def _law(s: _Series, request: Request, market: Market) -> dict[str, Any] | None:
    """The depth law over the windows of the best stream."""
    ok = s.usable
    end, x, y = s.edge_ns[1:][ok], _lots(s.best, market)[ok], s.move[ok]
    queue = (s.queue_sum[ok], s.states[ok])
    found = impact.law_points(end, x, y, *queue, request.bin_ns, request.window_ns)
    law = impact.depth_law(found.beta, found.depth * float(market.grid.lot))
    return asdict(law) if law else None


def _predictions(s: _Series, request: Request, base_ns: int) -> dict[str, Any]:
    """By horizon, on the 1 s grid, for the OFI of the best stream over the bin's length."""
    every = np.flatnonzero(s.edge_ns % _GRID_NS == 0)
    grid = every[every >= request.bin_ns // base_ns]
    t_ns, end_ns = s.edge_ns[grid], int(s.edge_ns[-1])
    lost = np.concatenate([[0], np.cumsum(~s.whole)])
    mid = np.where(s.has_mid, s.mid2 / 2.0, np.nan)

    def untouched(at: Ints, steps: int) -> NDArray[np.bool_]:
        """Whether no gap lies in the next `steps` bins from an edge; False beyond the last."""
        inside = np.minimum(at + steps, len(lost) - 1)
        return np.asarray((at + steps < len(lost)) & (lost[inside] == lost[at]), np.bool_)

    x = prediction.signal(s.edge_ns[1:], s.best, t_ns, request.bin_ns).astype(np.float64)
    x[~untouched(grid - request.bin_ns // base_ns, request.bin_ns // base_ns)] = np.nan
    result = {}
    for h in prediction.HORIZONS_S:
        y = prediction.outcome(s.edge_ns, mid, t_ns, h * _GRID_NS)
        y[(t_ns + h * _GRID_NS > end_ns) | ~untouched(grid, h * _GRID_NS // base_ns)] = np.nan
        found = prediction.predict(t_ns, x, y, float(h), request.bin_ns / 1e9, request.window_ns)
        result[f"{h}s"] = _as_json(found)
    return result


def _as_json(found: prediction.Prediction | None) -> dict[str, Any] | None:
    if found is None:
        return None
    verdict = "better than chance" if found.better_than_chance else "no better than chance"
    return asdict(found) | {"verdict": verdict}


def rows(result: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The fits of a verification in the order in which they are shown."""
    for name in ("best", "depth_1", "multilevel", "integrated", "trade_imbalance"):
        if name in result:
            yield name, result[name]
