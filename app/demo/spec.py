"""What the demo trades, and where: each venue with its protocol, its markets and their grids."""

import math
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from app.market import Contract, Grid, Market, MarketId


@dataclass(frozen=True)
class MarketSpec:
    """One market. Rates are events per second in ordinary times, sizes are in lots.

    `inverse`: a perpetual settled in the base currency; its sizes are amounts of the quote currency.
    """

    base: str
    quote: str
    grid: Grid
    price: float  # where it starts, in the quote currency
    touch_lots: int  # what one maker shows at the best price
    makers: int
    width_ticks: int  # the makers' ordinary spread
    take_lots: int  # median taker order
    depth_bps: float  # scale of how far from mid patient orders rest
    depth_orders: int  # patient orders per side
    jump_bps: float  # mean size of a revision of the makers' estimate
    take_rate: float
    join_rate: float
    deep_rate: float
    news_rate: float
    name: str = ""  # as the venue writes it; base and quote joined where empty
    inverse: bool = False

    @property
    def pace(self) -> float:
        """How busy it is against the busiest."""
        return math.sqrt(self.take_rate / 3.0)

    @property
    def symbol(self) -> str:
        """ccxt's unified symbol."""
        return f"{self.base}/{self.quote}" + (f":{self.base}" if self.inverse else "")

    @property
    def venue_symbol(self) -> str:
        """The symbol as the venue writes it."""
        return self.name or f"{self.base}{self.quote}"

    def base_per_lot(self, price: float) -> float:
        """How much of the base currency a lot is, at a price in the quote currency."""
        lot = float(self.grid.lot)
        return lot / price if self.inverse else lot

    def market(self, venue: str) -> Market:
        """The market as the rest of the product describes it."""
        contract = Contract.INVERSE if self.inverse else Contract.SPOT
        unit = self.quote if self.inverse else ""
        return Market(
            MarketId(venue, self.symbol),
            self.base,
            self.quote,
            self.grid,
            contract=contract,
            size_unit=unit,
        )

    def abroad(
        self, name: str, quote: str, tick: str, lot: str, inverse: bool = False
    ) -> "MarketSpec":
        """The same asset, as busy, on another venue's grid."""
        grid = Grid(Decimal(tick), Decimal(lot))
        there = replace(self, name=name, quote=quote, grid=grid, inverse=inverse)
        ratio = self.base_per_lot(self.price) / there.base_per_lot(self.price)
        return replace(
            there,
            touch_lots=max(1, round(self.touch_lots * ratio)),
            take_lots=max(1, round(self.take_lots * ratio)),
        )


BTC = MarketSpec(
    base="BTC",
    quote="USDT",
    grid=Grid(Decimal("0.01"), Decimal("0.00001")),
    price=97_400.0,
    touch_lots=90_000,
    makers=3,
    width_ticks=1,
    take_lots=900,
    depth_bps=4.0,
    depth_orders=550,
    jump_bps=0.5,
    take_rate=3.0,
    join_rate=14.0,
    deep_rate=40.0,
    news_rate=0.22,
)
ETH = MarketSpec(
    base="ETH",
    quote="USDT",
    grid=Grid(Decimal("0.01"), Decimal("0.0001")),
    price=3_420.0,
    touch_lots=120_000,
    makers=3,
    width_ticks=1,
    take_lots=2_000,
    depth_bps=4.5,
    depth_orders=400,
    jump_bps=0.4,
    take_rate=2.0,
    join_rate=10.0,
    deep_rate=28.0,
    news_rate=0.2,
)
SOL = MarketSpec(
    base="SOL",
    quote="USDT",
    grid=Grid(Decimal("0.01"), Decimal("0.001")),
    price=164.0,
    touch_lots=150_000,
    makers=3,
    width_ticks=1,
    take_lots=6_000,
    depth_bps=7.0,
    depth_orders=250,
    jump_bps=0.6,
    take_rate=1.4,
    join_rate=7.0,
    deep_rate=18.0,
    news_rate=0.18,
)
LINK = MarketSpec(
    base="LINK",
    quote="USDT",
    grid=Grid(Decimal("0.01"), Decimal("0.01")),
    price=15.8,
    touch_lots=20_000,
    makers=2,
    width_ticks=2,
    take_lots=1_500,
    depth_bps=55.0,
    depth_orders=60,
    jump_bps=1.4,
    take_rate=0.08,
    join_rate=0.5,
    deep_rate=1.5,
    news_rate=0.03,
)
MARKETS = (BTC, ETH, SOL, LINK)


@dataclass(frozen=True)
class VenueSpec:
    """A venue: whose protocol it speaks (ccxt's name of it), and what it trades."""

    protocol: str
    markets: tuple[MarketSpec, ...]


LEADER: Final = "demo"
VENUES: Final[dict[str, VenueSpec]] = {
    LEADER: VenueSpec("binance", MARKETS),
    "demo2": VenueSpec("binance", MARKETS),
    "demo-deribit": VenueSpec(
        "deribit",
        (
            BTC.abroad("BTC-PERPETUAL", "USD", "0.5", "10", inverse=True),
            ETH.abroad("ETH-PERPETUAL", "USD", "0.05", "1", inverse=True),
        ),
    ),
    "demo-kraken": VenueSpec(
        "kraken",
        (
            BTC.abroad("BTC/USD", "USD", "0.1", "0.00000001"),
            ETH.abroad("ETH/USD", "USD", "0.01", "0.00000001"),
        ),
    ),
}
