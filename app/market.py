"""What a market is: its id, its contract, and the integer grid of its prices and sizes."""

import math
import re
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any, Self
from urllib.parse import quote, unquote

import numpy as np
from numpy.typing import NDArray

from app.errors import MarketError

_VENUE = re.compile(r"[a-z0-9_-]+")
_EXAMPLE = "for example binance:BTC/USDT"
# A price or size counts as on the grid when it is this close to a multiple of the increment.
_GRID_TOLERANCE = 1e-4
MAX_SYMBOL = 80


@dataclass(frozen=True, order=True)
class MarketId:
    """`venue:SYMBOL`, split at the first colon; the symbol is ccxt's unified one."""

    venue: str
    symbol: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `venue:SYMBOL`.

        Raises:
            MarketError: the text is not a market id.
        """
        venue, colon, symbol = text.strip().partition(":")
        if not colon or not symbol:
            raise MarketError(f"{text!r} is not a market: write venue:SYMBOL, {_EXAMPLE}.")
        if not _VENUE.fullmatch(venue):
            raise MarketError(
                f"{venue!r} in {text!r} is not a venue name: use small letters, digits, - and _, "
                f"{_EXAMPLE}."
            )
        if len(symbol) > MAX_SYMBOL or not symbol.isprintable() or " " in symbol:
            raise MarketError(f"{symbol[:MAX_SYMBOL]!r} is not a symbol, {_EXAMPLE}.")
        return cls(venue, symbol)

    def __str__(self) -> str:
        return f"{self.venue}:{self.symbol}"

    @property
    def file_name(self) -> str:
        """The id as a file name: everything but letters, digits, `-`, `_` and `.` encoded."""
        return quote(str(self), safe="")

    @classmethod
    def from_file_name(cls, name: str) -> Self:
        """The inverse of `file_name`."""
        return cls.parse(unquote(name))


class Contract(StrEnum):
    """What one unit of size is worth (docs/metrics.md)."""

    SPOT = "spot"
    LINEAR = "linear"
    INVERSE = "inverse"
    OPTION = "option"


@dataclass(frozen=True)
class Grid:
    """The increments in which a venue quotes; prices are int64 ticks, sizes int64 lots.

    `exact` is False for a market whose increments were neither given nor inferred: its values are
    rounded to the increments here, and it is marked *float* on the page.
    """

    tick: Decimal
    lot: Decimal
    exact: bool = True

    def to_ticks(self, price: NDArray[np.float64]) -> NDArray[np.int64]:
        """Prices in the quote currency to ticks, rounded to the nearest."""
        return _to_units(price, self.tick)

    def to_lots(self, size: NDArray[np.float64]) -> NDArray[np.int64]:
        """Sizes in the venue's unit to lots, rounded to the nearest."""
        return _to_units(size, self.lot)

    def price(self, ticks: int) -> Decimal:
        """A price in ticks as the exact decimal that the venue would print."""
        return _exact(ticks, self.tick)

    def size(self, lots: int) -> Decimal:
        """A size in lots as the exact decimal that the venue would print."""
        return _exact(lots, self.lot)

    @property
    def price_decimals(self) -> int:
        """Digits after the point of the tick."""
        return decimals(self.tick)

    @property
    def size_decimals(self) -> int:
        """Digits after the point of the lot."""
        return decimals(self.lot)

    def finer(self, price: float, size: float) -> "Grid":
        """The coarsest refinement by powers of ten that holds both values.

        A value that no grid down to 10⁻¹² holds makes the market *float*: `exact` is False.
        """
        tick, ok_price = _refine(self.tick, price)
        lot, ok_size = _refine(self.lot, size)
        return Grid(tick, lot, self.exact and ok_price and ok_size)


def decimals(step: Decimal) -> int:
    """Digits after the point that a multiple of `step` can need."""
    exponent = step.normalize().as_tuple().exponent
    return max(0, -int(exponent))


def _exact(units: int, step: Decimal) -> Decimal:
    return (Decimal(units) * step).quantize(Decimal(1).scaleb(-decimals(step)))


def _to_units(values: NDArray[np.float64], step: Decimal) -> NDArray[np.int64]:
    return np.rint(np.asarray(values, dtype=np.float64) / float(step)).astype(np.int64)


def off_grid(values: NDArray[np.float64], step: Decimal) -> NDArray[np.bool_]:
    """Which values are not multiples of `step`, within what float64 can tell."""
    units = np.asarray(values, dtype=np.float64) / float(step)
    # Far from zero a float64 no longer resolves the tolerance; then nearest is the best there is.
    slack = np.maximum(_GRID_TOLERANCE, np.abs(units) * 4e-16)
    return np.abs(units - np.rint(units)) > slack


def _refine(step: Decimal, value: float) -> tuple[Decimal, bool]:
    for k in range(13):
        candidate = step.scaleb(-k)
        if candidate < Decimal("1e-12"):
            break
        if not off_grid(np.array([value]), candidate)[0]:
            return candidate, True
    return step, False


@dataclass(frozen=True)
class Market:
    """A market as its venue describes it.

    `size_unit` is the unit in which the venue quotes sizes: the base currency, or `contracts`.
    `contract_size` is what one contract holds, in the base currency (linear, option) or in the
    quote currency (inverse); 1 for spot.
    """

    id: MarketId
    base: str
    quote: str
    grid: Grid
    contract: Contract = Contract.SPOT
    contract_size: Decimal = Decimal(1)
    size_unit: str = ""

    def __post_init__(self) -> None:
        if not self.size_unit:
            unit = self.base if self.contract is Contract.SPOT else "contracts"
            object.__setattr__(self, "size_unit", unit)

    def with_grid(self, grid: Grid) -> "Market":
        """The same market on other increments."""
        return replace(self, grid=grid)

    def base_value(self, size: float, price: float) -> float:
        """A size in the venue's unit as an amount of the base currency, for display."""
        contracts = size * float(self.contract_size)
        if self.contract is Contract.INVERSE:
            return contracts / price if price and math.isfinite(price) else math.nan
        return contracts

    def to_json(self) -> dict[str, Any]:
        """A plain value for the store and the API."""
        return {
            "market": str(self.id),
            "base": self.base,
            "quote": self.quote,
            "tick": str(self.grid.tick),
            "lot": str(self.grid.lot),
            "exact": self.grid.exact,
            "contract": str(self.contract),
            "contract_size": str(self.contract_size),
            "size_unit": self.size_unit,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Market":
        """The inverse of `to_json`."""
        return cls(
            id=MarketId.parse(value["market"]),
            base=value["base"],
            quote=value["quote"],
            grid=Grid(Decimal(value["tick"]), Decimal(value["lot"]), bool(value["exact"])),
            contract=Contract(value["contract"]),
            contract_size=Decimal(value["contract_size"]),
            size_unit=value["size_unit"],
        )


@dataclass(frozen=True)
class Listing:
    """A market that a venue trades, as a catalogue offers it.

    `kind` is ccxt's word for what is traded: spot, swap (perpetual), future, option.
    """

    id: MarketId
    base: str
    quote: str
    kind: str
    contract: Contract = Contract.SPOT
