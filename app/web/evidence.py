"""The tab *evidence* as values: what a view's frames, the API and the page show (docs/live.md, Evidence).

Everything is as of a whole multiple of some seconds, `end_ns`: two workers, or a page and the API, that
are asked for the same give the same numbers.
"""

from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.clock import NS_PER_MS, NS_PER_S
from app.compute import evidence as compute
from app.compute import markouts, vpin
from app.compute.evidence import Follower, Question
from app.compute.impact import kyle_lambda
from app.compute.view import Gaps
from app.market import Market
from app.records import Batch
from app.store.base import HotStore
from app.web.history import History

DAY_NS: Final = 24 * 3600 * NS_PER_S
Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Finding:
    """The answer to a question as of a time: plain values, and the series that are drawn."""

    question: Question
    end_ns: int
    values: dict[str, Any]
    arrays: Arrays


def step_ns(question: Question) -> int:
    """How often an answer changes at most: every 10 s, every 5 s for short bins."""
    return (5 if question.bin_s <= 5 else 10) * NS_PER_S


def find(
    store: HotStore, history: History, question: Question, end_ns: int, now_ns: int
) -> Finding:
    """Answer a question from a market's history.

    Args:
        history: with rows from `question.reach_ns` before the end, in tenths of a second within the
            look-back.
        end_ns: as of when, at most the history's horizon.
        now_ns: the present, for an outage that goes on.

    Raises:
        StoreError: the store failed.
    """
    history.follow(now_ns)
    gaps = history.known(now_ns)
    start_ns = end_ns - question.lookback_ns
    values: dict[str, Any] = {
        "end_ms": end_ns // NS_PER_MS,
        "lookback_s": question.lookback_s,
        "bin_s": question.bin_s,
        "levels": question.levels,
        "coverage": gaps.coverage(start_ns, end_ns),
        "covered": gaps.coverage(max(start_ns, history.first_ns or start_ns), end_ns),
    }
    arrays: Arrays = {}
    if not history.has_rows:
        return Finding(question, end_ns, values | dict.fromkeys(_PARTS), arrays)
    follower = history.follower(question)
    follower.follow(history.rows, gaps, history.trades.view, end_ns)
    for more, series in (
        _impact(history.market, follower),
        _forecasts(history, gaps, follower, end_ns),
        _execution(history, follower, end_ns),
    ):
        values |= more
        arrays |= series
    more, series = _toxicity(store, history, start_ns, end_ns)
    series |= _trade_gaps(history, gaps, start_ns, end_ns)
    return Finding(question, end_ns, values | more, arrays | series)


_PARTS: Final = (
    "explains", "best_flow", "wait_s", "prediction", "half_spread_bps", "spread", "markout",
    "trades", "inferred_share", "toxicity",
)  # fmt: skip


def _impact(market: Market, follower: Follower) -> tuple[dict[str, Any], Arrays]:
    """How each flow explains the moves of its bins, and the scatter of OFI."""
    lot, verified = market.grid.lot, follower.verified
    found = {name: compute.explains(verified, name, lot) for name in compute.FLOWS}
    values = {name: _explains_json(one, market) for name, one in found.items()}
    ranked = [one for one in found.values() if one.fit is not None and one.held_out is not None]
    law = follower.law.law(float(lot))
    values["best"]["depth_law"] = asdict(law) if law else None
    best = max(ranked, key=lambda one: one.held_out or -np.inf, default=None)
    x, y = compute.pairs(verified, "best", lot)
    arrays: Arrays = {"ev_x": x, "ev_y": y}
    if found["best"].fit is not None:
        at, low, high = compute.line(x, y)
        arrays |= {"ev_line": at, "ev_low": low, "ev_high": high}
    least = max(0, compute.LEAST_BINS - found["best"].bins)
    return {
        "explains": values,
        "best_flow": best.name if best else None,
        "wait_s": least * follower.question.bin_s,
    }, arrays


def _explains_json(one: compute.Explains, market: Market) -> dict[str, Any]:
    fit = one.fit
    names = ("intercept", "beta", "stderr", "t", "r2")
    values: dict[str, Any] = {"bins": one.bins}
    values |= {name: getattr(fit, name) if fit else None for name in names}
    values |= {"held_out": one.held_out, "shuffled": one.shuffled}
    if one.name == "trade_imbalance":
        values["kyle_lambda"] = kyle_lambda(fit.beta, float(market.grid.tick)) if fit else None
    return values


def _forecasts(
    history: History, gaps: Gaps, follower: Follower, end_ns: int
) -> tuple[dict[str, Any], Arrays]:
    half = compute.half_spread_bps(history.rows, gaps, end_ns, follower.question)
    horizons = {}
    for one in compute.forecasts(follower.forecasts):
        value: dict[str, Any] = {"pairs": one.pairs}
        if one.found is not None:
            value = asdict(one.found) | {"better_than_chance": one.found.better_than_chance}
            value["expected_bps"] = one.expected_bps
            # What a round fee may be for the move to pay the way over half the spread.
            known = one.expected_bps is not None and half is not None
            value["break_even_fee_bps"] = (
                (one.expected_bps or 0.0) - (half or 0.0) if known else None
            )
        horizons[str(one.horizon_s)] = value
    return {"prediction": horizons, "half_spread_bps": half}, {}


def _execution(history: History, follower: Follower, end_ns: int) -> tuple[dict[str, Any], Arrays]:
    """Spread decomposition and markout curves of the look-back's trades."""
    trades = trades_of(history, end_ns - follower.question.lookback_ns, end_ns)
    parts, curves = follower.markout.spreads(), follower.markout.curves()
    lag_ms = int(history.summary["trade_lag_ms"][0]) if len(history.summary) else -1
    volume = int(trades["size"].sum())
    inferred = int(trades["size"][trades["inferred"]].sum())
    values = {
        "spread": {
            "trade_lag_ms": lag_ms if lag_ms >= 0 else None,
            "horizons": {f"{part.horizon_s:g}": asdict(part) for part in parts},
        },
        "markout": {
            "horizons_s": list(markouts.CURVE_S),
            "groups": dict(zip(markouts.GROUPS, curves.trades.tolist(), strict=True)),
        },
        "trades": len(trades),
        "inferred_share": inferred / volume if volume else None,
    }
    return values, {"ev_mark": curves.mean, "ev_mark_low": curves.low, "ev_mark_high": curves.high}


def trades_of(history: History, start_ns: int, end_ns: int) -> Batch:
    """The trades of `(start, end]` in order."""
    trades = history.trades.view
    at = np.searchsorted(trades["time_ns"], (start_ns, end_ns), side="right")
    return trades[at[0] : at[1]]


def _toxicity(
    store: HotStore, history: History, start_ns: int, end_ns: int
) -> tuple[dict[str, Any], Arrays]:
    """VPIN of the full buckets, and where it lies among those of 24 h."""
    records = store.window(history.market.id, "bucket", end_ns - DAY_NS, end_ns)
    filled = len(records)
    records = records[records["vpin"] >= 0]
    time_ns, value, rank = records["end_ns"], records["vpin"], records["percentile"]
    inside = time_ns > start_ns
    known = len(value) >= vpin.LEAST_FOR_PERCENTILE
    low, high, p95 = np.quantile(value, (0.25, 0.75, 0.95)).tolist() if known else (None,) * 3
    values = {
        "vpin": float(value[-1]) if len(value) else None,
        "percentile": float(rank[-1]) if len(value) and rank[-1] >= 0 else None,
        "buckets": len(value),
        "filled": filled,
        "p25": low,
        "p75": high,
        "p95": p95,
    }
    arrays: Arrays = {"ev_vpin_t": time_ns[inside] / NS_PER_MS, "ev_vpin": value[inside]}
    return {"toxicity": values}, arrays


def _trade_gaps(history: History, gaps: Gaps, start_ns: int, end_ns: int) -> Arrays:
    """Where trades of the look-back are not known: a view's own gaps reach back for its range alone."""
    start_ns = max(start_ns, history.first_ns or start_ns)  # a young market misses nothing before
    from_ns = np.maximum(gaps.trades.from_ns, start_ns)
    to_ns = np.minimum(gaps.trades.to_ns, end_ns)
    inside = from_ns < to_ns
    return {
        "ev_gap_from": from_ns[inside] / NS_PER_MS,
        "ev_gap_to": to_ns[inside] / NS_PER_MS,
    }
