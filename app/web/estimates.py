"""The tiles beside the flow: micro-price, and of the look-back VPIN, moves and variance explained."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.clock import NS_PER_MS, NS_PER_S
from app.compute.book import weighted_mid
from app.compute.follow import Explained, Weighing
from app.compute.view import Gaps, in_unit, micro_in_unit
from app.records import Batch
from app.web.history import History

_SUMMARY_NS = 10 * NS_PER_S  # an older summary says nothing of the present


def estimates_json(
    history: History, gaps: Gaps, weighing: Weighing, explained: Explained
) -> dict[str, Any]:
    """The estimates as of the newest row, as docs/live.md names them; null is not available."""
    result: dict[str, Any] = dict.fromkeys(
        ("micro_price", "weighted_mid", "vpin", "vpin_percentile", "explained", "explained_n",
         "explained_variance")
    )  # fmt: skip
    if not history.has_rows:
        return result
    now = history.rows.end_ns[-1:]
    ticks = _weighted_mid(history.rows.quotes[-1:])
    if np.isfinite(ticks[0]) and not gaps.best.touch(now - 1, now)[0]:
        result["weighted_mid"] = float(in_unit(ticks, history.scale.tick)[0])
        micro = float(micro_in_unit(history.rows.quotes["micro"][-1:], history.scale.tick)[0])
        result["micro_price"] = micro if np.isfinite(micro) else None
    fit = explained.fit()
    if fit is not None:
        result["explained"], result["explained_n"] = fit.r2, fit.bins
    share = float(weighing.at(now)[1][0])
    result["explained_variance"] = share if np.isfinite(share) else None
    for name in ("vpin", "vpin_percentile"):
        result[name] = _available(history, name, int(now[0]))
    return result


def withheld(estimates: dict[str, Any], history: History) -> dict[str, Any]:
    """In place of the tiles of a market that is not live: when the last ones were, and nothing else."""
    rows = history.last_row
    at_ms = int(rows["end_ns"][0]) / NS_PER_MS if len(rows) else None
    return dict.fromkeys(estimates) | {"t": at_ms}


def _weighted_mid(quotes: Batch) -> NDArray[np.float64]:
    sides = (quotes[name].astype(np.int64) for name in ("bid", "bid_size", "ask", "ask_size"))
    return weighted_mid(*sides)


def _available(history: History, name: str, now_ns: int) -> float | None:
    """A figure of the summary; None where it has none, or is of another time."""
    if not len(history.summary):
        return None
    record = history.summary[0]
    fresh = abs(int(record["time_ns"]) - now_ns) <= _SUMMARY_NS
    return float(record[name]) if fresh and record[name] >= 0 else None
