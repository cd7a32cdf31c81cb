"""One line a market, all markets: what the watch list shows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from app.clock import NS_PER_MS, NS_PER_S
from app.compute.view import in_unit, micro_in_unit
from app.market import Market, MarketId
from app.records import NO_ASK, NO_BID, NO_MICRO, NO_SCORE, Batch, State
from app.store.base import HotStore
from app.web.clocks import SILENT_NS, CollectorClocks
from app.web.loading import cursor_at
from app.web.status import start_progress

_LOOK_BACK_NS: Final = 10 * NS_PER_S
# A score needs 300 values a second apart, each of 10 s (docs/metrics.md, Standard score); the bins of what
# OFI explains are whole 10 s of the same look-back, and tell to the bin how much of that there is.
_SCORED_S: Final = 310
_BIN_S: Final = 10


@dataclass
class WatchList:
    """Reads what is new of each market's summaries; keeps the last."""

    store: HotStore
    clocks: CollectorClocks = field(default_factory=CollectorClocks)
    _cursors: dict[MarketId, int] = field(default_factory=dict)
    _last: dict[MarketId, Batch] = field(default_factory=dict)

    def rows(self, markets: dict[MarketId, Market], now_ns: int) -> list[dict[str, Any]]:
        """One value a market, sorted by id; figures that are not available are None.

        Raises:
            StoreError: the store failed.
        """
        result = []
        for market_id, market in sorted(markets.items()):
            if market_id not in self._cursors:
                self._cursors[market_id] = self._first(market_id, now_ns)
            news = self.store.read_since(market_id, {"summary": self._cursors[market_id]})
            self._cursors[market_id] = news.cursors["summary"]
            if "summary" in news.batches:
                last = self._last[market_id] = news.batches["summary"][-1:].copy()
                self.clocks.saw(market_id, "summary", int(last["time_ns"][0]), now_ns)
            at_ns, told = self.clocks.now_ns(market_id, now_ns), self._last.get(market_id)
            never = told is None and self.clocks.look(self.store, market_id, now_ns)[0] is None
            result.append(summary_json(market, told, at_ns, never))
        return result

    def progress(self, row: Mapping[str, Any], now_ns: int) -> float:
        """How far the market of a row has started, 0..1; the store is asked where no mid says that it has.

        Raises:
            StoreError: the store failed.
        """
        if row["mid"] is not None:
            return 1.0
        status, _ = self.clocks.look(self.store, MarketId.parse(row["market"]), now_ns)
        return start_progress(status[-1]) if status is not None else 0.0

    def _first(self, market_id: MarketId, now_ns: int) -> int:
        """Where to begin: a little before the newest that there can be, by whichever clock."""
        status, at_ns = self.clocks.look(self.store, market_id, now_ns)
        if status is not None:
            at_ns = min(at_ns, int(status["time_ns"][-1]))
        return cursor_at(at_ns - _LOOK_BACK_NS)


def summary_json(
    market: Market, record: Batch | None, now_ns: int, never: bool = False
) -> dict[str, Any]:
    """A summary as the page and the API say it; `never`: no collector has told of the market yet."""
    fixed = {
        "market": str(market.id),
        "base": market.base,
        "quote": market.quote,
        "unit": market.size_unit,
        "contract": str(market.contract),
        "price_decimals": market.grid.price_decimals,
        "size_decimals": market.grid.size_decimals,
    }
    if record is None:
        silent = State.STARTING if never else State.DOWN
        return fixed | {"state": silent.name.lower(), **dict.fromkeys(_FIGURES)}
    at = int(record["time_ns"][0])
    if now_ns - at > SILENT_NS:
        return fixed | {"state": "down", **dict.fromkeys(_FIGURES), "time_ms": at / NS_PER_MS}
    state = State(int(record["state"][0])).name.lower()
    if record["bid"][0] <= NO_BID and record["ask"][0] >= NO_ASK and state != "live":
        # Withheld by the collector: what is no longer true must not stand there.
        return fixed | {"state": state, **dict.fromkeys(_FIGURES), "time_ms": at / NS_PER_MS}
    return fixed | {"state": state, **_figures(market, record)}


_FIGURES: Final = (
    "time_ms", "bid", "ask", "mid", "ofi", "score", "percentile", "queue_imbalance",
    "depth_bid", "depth_ask", "depth_quote", "change", "vpin", "vpin_percentile", "micro_price",
    "explained", "explained_n", "score_in_s",
)  # fmt: skip


def _figures(market: Market, record: Batch) -> dict[str, float | None]:
    tick, lot = market.grid.tick, market.grid.lot
    has_bid, has_ask = bool(record["bid"][0] > NO_BID), bool(record["ask"][0] < NO_ASK)
    has_score = bool(record["score"][0] > NO_SCORE)
    has_depth = bool(record["band_bid"][0] >= 0 and record["band_ask"][0] >= 0)
    mid = float(in_unit(record["bid"] + record["ask"], tick / 2)[0])
    depth = float(in_unit(record["band_bid"] + record["band_ask"], lot)[0])
    left_s = max(0, _SCORED_S - _BIN_S * int(record["explained_n"][0]))

    def figure(values: Any, known: bool) -> float | None:
        return float(values[0]) if known else None

    return {
        "time_ms": int(record["time_ns"][0]) / NS_PER_MS,
        "bid": figure(in_unit(record["bid"], tick), has_bid),
        "ask": figure(in_unit(record["ask"], tick), has_ask),
        "mid": mid if has_bid and has_ask else None,
        "ofi": figure(in_unit(record["ofi"], lot), True),
        "score": figure(record["score"], has_score),
        "percentile": figure(record["percentile"], bool(record["percentile"][0] >= 0)),
        "queue_imbalance": figure(
            record["queue_imbalance"], bool(record["queue_imbalance"][0] >= -1)
        ),
        "depth_bid": figure(in_unit(record["band_bid"], lot), bool(record["band_bid"][0] >= 0)),
        "depth_ask": figure(in_unit(record["band_ask"], lot), bool(record["band_ask"][0] >= 0)),
        "depth_quote": market.base_value(depth, mid) * mid
        if has_depth and has_bid and has_ask
        else None,
        "change": figure(record["change"], bool(record["change"][0] > NO_SCORE)),
        "vpin": figure(record["vpin"], bool(record["vpin"][0] >= 0)),
        "vpin_percentile": figure(
            record["vpin_percentile"], bool(record["vpin_percentile"][0] >= 0)
        ),
        "micro_price": figure(
            micro_in_unit(record["micro"], tick), bool(record["micro"][0] != NO_MICRO)
        ),
        "explained": figure(record["explained"], bool(record["explained"][0] >= 0)),
        "explained_n": figure(record["explained_n"], True),
        "score_in_s": None if has_score else left_s,
    }
