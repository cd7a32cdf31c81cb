"""What is known of single venues and cannot be asked of ccxt: one row each."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from app.feeds.lineage import lineage, nearest
from app.records import LEVELS, Fidelity

_FULL = 1 << 30


@dataclass(frozen=True)
class VenueFacts:
    """How a venue's streams behave.

    `depth_limit` is the depth to subscribe where the venue asks for one; None keeps the full book,
    which must never be cut. `best` is None where ccxt has no best-quote stream that tells more than
    level 1 of depth (a throttled ticker tells less; bybit's would overwrite the book).
    """

    depth: Fidelity = Fidelity.BATCHED
    period_ms: float = 0.0  # 0 where the period is not documented
    best: Fidelity | None = None
    depth_limit: int | None = None
    # A subscription may be sent again on the same connection and brings a new snapshot.
    resubscribes: bool = False
    # The streams of a market share a connection, and few markets do.
    connection_per_market: bool = False
    # The first trades of a subscription happened before it.
    trades_begin_with_history: bool = False
    # The venue's sizes of inverse contracts are amounts of the quote currency, not contracts.
    size_is_quote_value: bool = False
    # What a request for the book asks: a depth that the venue offers, and what makes it answer with the
    # prices of its stream.
    asked_levels: int = 20
    asked_with: Mapping[str, Any] = field(default_factory=dict)
    # Whether the rows above say how deep the book is; if not, it is learnt from what comes.
    depth_documented: bool = True
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def known_levels(self) -> int:
        """How many levels of each side the stream lets us know, as the ring carries it."""
        return min(LEVELS, self.depth_limit or _FULL)


_BINANCE = VenueFacts(
    depth=Fidelity.BATCHED,
    period_ms=100.0,
    best=Fidelity.EVENT,
    resubscribes=True,
    connection_per_market=True,
    # ccxt would repeat a refused snapshot three times at once; the feed backs off instead.
    options={"watchOrderBook": {"maxRetries": 1}},
)
_EVENT = VenueFacts(depth=Fidelity.EVENT)
_BATCHED_100 = VenueFacts(period_ms=100.0)

FACTS: Final[dict[str, VenueFacts]] = {
    "binance": _BINANCE,
    "binanceus": _BINANCE,
    "binanceusdm": _BINANCE,
    "binancecoinm": _BINANCE,
    "kraken": VenueFacts(depth=Fidelity.EVENT, depth_limit=500, trades_begin_with_history=True),
    "krakenfutures": VenueFacts(depth=Fidelity.EVENT, trades_begin_with_history=True),
    "coinbase": _EVENT,
    "coinbaseexchange": _EVENT,
    "bitfinex": VenueFacts(
        depth=Fidelity.EVENT,
        depth_limit=100,
        trades_begin_with_history=True,
        asked_levels=25,  # it offers 1, 25 and 100
        asked_with={"precision": "P0"},  # else it answers with single orders
    ),
    "kucoin": _EVENT,
    "gemini": _EVENT,
    "bitvavo": _EVENT,
    "bybit": VenueFacts(period_ms=20.0, depth_limit=50),
    "okx": VenueFacts(period_ms=100.0, best=Fidelity.EVENT),
    "gate": _BATCHED_100,
    "deribit": VenueFacts(period_ms=100.0, size_is_quote_value=True),
    "mexc": _BATCHED_100,
    "htx": _BATCHED_100,
    "hyperliquid": VenueFacts(depth_limit=20, trades_begin_with_history=True),
    "bitget": VenueFacts(depth_documented=False, asked_levels=50),  # its contracts: 1, 5, 15, 50
    # They offer 5, 10, 15 and 16; 10, 100, 500 and 1,000.
    "coinone": VenueFacts(depth_documented=False, asked_levels=15),
    "polymarket": VenueFacts(depth_documented=False, asked_levels=100),
    "phemex": VenueFacts(trades_begin_with_history=True),
    "hitbtc": VenueFacts(trades_begin_with_history=True),
}
DEFAULT: Final = VenueFacts(depth_documented=False)


def facts_of(exchange_id: str) -> VenueFacts:
    """The row of a ccxt exchange id, or of the exchange that it is a copy of (bybiteu is bybit)."""
    return nearest(FACTS, lineage(exchange_id), DEFAULT)


def as_configured(facts: VenueFacts, options: Mapping[str, Any]) -> VenueFacts:
    """The row, with the update period that the user's ccxt options ask for (binance has them)."""
    rate = options.get("watchOrderBookRate")
    if not facts.connection_per_market or rate is None:
        return facts
    period_ms = float(rate)
    depth = Fidelity.BATCHED if period_ms else Fidelity.EVENT
    return replace(facts, depth=depth, period_ms=period_ms)
