"""Every metric by name: which functions compute it and which columns show it.

`docs/metrics.md` has one heading per entry, and a test holds the two together.
"""

from dataclasses import dataclass
from typing import Final

from app.records import BANDS_BPS


@dataclass(frozen=True)
class Metric:
    """A metric as the reference page names it."""

    name: str
    functions: tuple[str, ...]  # module.function below app.compute
    columns: tuple[str, ...] = ()  # of `ofi compute` and /api/v1/features; ofi_m stands for ofi_1…M


METRICS: Final = (
    Metric("Event contribution", ("ofi.event_ofi", "ofi.net_between", "ofi.side_net")),
    Metric("OFI of the best quotes", ("bins.rolling", "bins.sums"), ("ofi_best",)),
    Metric("OFI by level", ("ofi.event_ofi",), ("ofi_m",)),
    Metric("Multilevel OFI", ("ofi.event_ofi",), ("ofi_multilevel",)),
    Metric("Depth-normalised OFI", ("integrated.normalise",)),
    Metric(
        "Integrated OFI",
        (
            "integrated.weights",
            "integrated.trailing",
            "integrated.LiveIntegrated",
        ),
        ("ofi_integrated", "ofi_integrated_explained"),
    ),
    Metric(
        "Decomposition",
        (
            "ofi.side_parts",
            "decomposition.decompose",
            "decomposition.removed_by_event",
            "decomposition.matched_by_row",
        ),
        (
            "limit_bid",
            "limit_ask",
            "cancel_bid",
            "cancel_ask",
            "market_buy",
            "market_sell",
            "unmatched_buy",
            "unmatched_sell",
        ),
    ),
    Metric("Matched share", ("decomposition.matched_volume", "decomposition.Decomposition")),
    Metric("Standard score", ("scores.score", "scores.LiveScore")),
    Metric("Percentile rank", ("scores.score", "scores.LiveScore")),
    Metric("Coverage", ("bins.coverage", "bins.merged"), ("coverage",)),
    Metric("Fidelity", (), ("states_best", "states_depth")),
    Metric(
        "Mid", ("book.mid", "book.valid", "bins.last_index"), ("start", "end", "bid", "ask", "mid")
    ),
    Metric(
        "Queue imbalance", ("book.queue_imbalance",), ("queue_imbalance", "bid_size", "ask_size")
    ),
    Metric("Depth imbalance", ("book.depth_imbalance",), ("depth_imbalance",)),
    Metric("Weighted mid", ("book.weighted_mid",), ("weighted_mid",)),
    Metric(
        "Micro-price",
        (
            "microprice.state",
            "microprice.count",
            "microprice.adjustments",
            "microprice.solve",
            "microprice.microprice",
            "live_micro.LiveMicro",
        ),
        ("micro_price",),
    ),
    Metric("Spread", ("book.spread",), ("spread", "spread_bps")),
    Metric(
        "Depth within bands",
        ("book.band",),
        tuple(f"depth_{side}_{bps:g}bps" for side in ("bid", "ask") for bps in BANDS_BPS),
    ),
    Metric("Slippage", ("book.slippage_bps",)),
    Metric(
        "Trade imbalance",
        ("trades.imbalance", "trades.signed"),
        ("trades", "bought", "sold", "trade_imbalance"),
    ),
    Metric("Cumulative volume delta", ("trades.cvd",), ("cvd",)),
    Metric(
        "Side of the taker",
        (
            "trades.lee_ready",
            "trades.LiveLeeReady",
        ),
    ),
    Metric("Trade lag", ("trades.trade_lag", "live_lag.LiveLag")),
    Metric(
        "VPIN",
        ("vpin.Vpin", "vpin.LiveVpin", "vpin.BulkClassifier"),
        ("vpin", "vpin_percentile"),
    ),
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
            "spread.decompose",
            "spread.Totals",
            "live_markout.LiveMarkout",
            "live_mids.LiveMids",
        ),
    ),
    Metric(
        "Markout curve",
        ("spread.markout", "spread.by_flow", "live_markout.LiveMarkout", "markouts.curves"),
    ),
)
