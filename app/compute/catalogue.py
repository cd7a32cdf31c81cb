"""Every metric by name: which functions compute it, and which columns of `ofi compute` show it.

`docs/metrics.md` has one heading per entry, and a test holds the two together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from app.records import BANDS_BPS


@dataclass(frozen=True)
class Metric:
    """A metric as the reference page names it."""

    name: str
    functions: tuple[str, ...]  # module.function below app.compute

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that show it; `ofi_m` stands for `ofi_1`…`ofi_M`, `N` for a notional."""
        return tuple(name for name, metric in COLUMNS if metric == self.name)


METRICS: Final = (
    Metric("Event contribution", ("ofi.event_ofi", "ofi.net_between")),
    Metric("OFI of the best quotes", ("bins.rolling", "bins.sums")),
    Metric("OFI by level", ("ofi.event_ofi",)),
    Metric("Multilevel OFI", ("ofi.event_ofi",)),
    Metric("Depth-normalised OFI", ("integrated.normalise",)),
    Metric(
        "Integrated OFI",
        (
            "integrated.weights",
            "integrated.components",
            "integrated.trailing",
            "integrated.LiveIntegrated",
        ),
    ),
    Metric(
        "Decomposition",
        (
            "ofi.side_parts",
            "decomposition.decompose",
            "decomposition.removed_by_event",
            "decomposition.matched_by_row",
        ),
    ),
    Metric("Matched share", ("decomposition.matched_volume", "decomposition.Decomposition")),
    Metric("Standard score", ("scores.score", "scores.LiveScore")),
    Metric("Percentile rank", ("scores.score", "scores.LiveScore")),
    Metric("Coverage", ("bins.coverage", "windows.merged")),
    Metric("Fidelity", ()),
    Metric("Mid", ("book.mid", "book.valid", "bins.last_index")),
    Metric("Queue imbalance", ("book.queue_imbalance",)),
    Metric("Depth imbalance", ("book.depth_imbalance",)),
    Metric("Weighted mid", ("book.weighted_mid",)),
    Metric(
        "Micro-price",
        (
            "microprice.state",
            "microprice.solve",
            "live_micro.LiveMicro",
        ),
    ),
    Metric("Spread", ("book.spread",)),
    Metric("Depth within bands", ("columns.bands",)),
    Metric("Slippage", ("book.slippage_bps", "liquidity.fill", "liquidity.market_order")),
    Metric("Trade imbalance", ("windows.taker_flow",)),
    Metric("Cumulative volume delta", ("trades.cvd",)),
    Metric("Side of the taker", ("trades.LiveLeeReady",)),
    Metric("Trade lag", ("trades.trade_lag", "live_lag.LiveLag")),
    Metric("VPIN", ("vpin.Vpin", "vpin.LiveVpin", "vpin.BulkClassifier")),
    Metric(
        "Contemporaneous impact",
        (
            "impact.fit",
            "impact.windows",
            "impact.window_slices",
            "impact.LiveImpact",
            "live_impact.flows",
            "live_impact.Verified",
            "live_moves.LiveMoves",
            "held_out.band",
        ),
    ),
    Metric("Held-out impact", ("held_out.held_out", "held_out.shuffled")),
    Metric("Depth law", ("impact.depth_law", "impact.law_points", "live_law.LiveLaw")),
    Metric("Kyle's λ", ("impact.kyle_lambda",)),
    Metric(
        "Information coefficient",
        (
            "prediction.signal",
            "prediction.outcome",
            "prediction.predict",
            "prediction.newey_west_lag",
            "prediction.judge",
            "prediction.critical_value",
            "live_prediction.LivePrediction",
            "live_prediction.Forecasts",
        ),
    ),
    Metric("Hit rate", ("prediction.predict",)),
    Metric("Circular shifts", ("prediction.chance", "prediction.Chance")),
    Metric("Out of sample", ("prediction.out_of_sample",)),
    Metric("Expected move", ("held_out.expected_move",)),
    Metric(
        "Spread decomposition",
        (
            "spread.Totals",
            "live_markout.LiveMarkout",
            "live_mids.LiveMids",
        ),
    ),
    Metric(
        "Markout curve",
        (
            "live_markout.LiveMarkout",
            "markouts.curves",
            "markouts.Totals",
        ),
    ),
)


def _of(metric: str, *names: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, metric) for name in names)


# In the order of the table, with the metric of each.
COLUMNS: Final = (
    *_of("Mid", "start", "end"),
    *_of("Fidelity", "states_best", "states_depth"),
    *_of("Coverage", "coverage"),
    *_of("Mid", "bid", "ask", "mid"),
    *_of("Spread", "spread"),
    *_of("Queue imbalance", "bid_size", "ask_size", "queue_imbalance"),
    *_of("Depth imbalance", "depth_imbalance"),
    *_of("Spread", "spread_bps"),
    *_of("Weighted mid", "weighted_mid"),
    *_of("Micro-price", "micro_price"),
    *_of("VPIN", "vpin", "vpin_percentile"),
    *_of(
        "Depth within bands",
        *(f"depth_{side}_{bps:g}bps" for side in ("bid", "ask") for bps in BANDS_BPS),
    ),
    *_of("Slippage", "slippage_buy_N_bps", "slippage_sell_N_bps"),
    *_of("OFI of the best quotes", "ofi_best"),
    *_of("Standard score", "ofi_score"),
    *_of("Percentile rank", "ofi_percentile"),
    *_of("OFI by level", "ofi_m"),
    *_of("Multilevel OFI", "ofi_multilevel"),
    *_of("Depth-normalised OFI", "depth_mean"),
    *_of("Integrated OFI", "ofi_integrated", "ofi_integrated_explained"),
    *_of("Trade imbalance", "trades", "bought", "sold", "trade_imbalance"),
    *_of("Side of the taker", "trades_inferred"),
    *_of("Cumulative volume delta", "cvd"),
    *_of(
        "Decomposition",
        "limit_bid",
        "limit_ask",
        "cancel_bid",
        "cancel_ask",
        "market_buy",
        "market_sell",
        "unmatched_buy",
        "unmatched_sell",
    ),
)
WHOLE: Final = {"start", "end", "states_best", "states_depth", "trades", "trades_inferred"}
_SLIPPAGE: Final = tuple(name for name, metric in COLUMNS if metric == "Slippage")


def column_names(levels: int, notionals: Sequence[int] = ()) -> list[str]:
    """The columns of a table of so many levels, in order."""
    repeated = {
        "ofi_m": [f"ofi_{m}" for m in range(1, levels + 1)],
        _SLIPPAGE[0]: slippage_columns(notionals),
        _SLIPPAGE[1]: [],  # beside its other half, notional by notional
    }
    return [name for column, _ in COLUMNS for name in repeated.get(column, [column])]


def slippage_columns(notionals: Sequence[int]) -> list[str]:
    """The columns of slippage, both ways for each notional."""
    return [name.replace("N", str(n)) for n in notionals for name in _SLIPPAGE]
