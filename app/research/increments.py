"""Exact decimals of venue messages, and the increments they lie on where nobody told them."""

from collections.abc import Iterable
from decimal import Decimal
from math import gcd

from app.market import Contract, Grid, Market, MarketId

DIGITS = 12  # finer than any venue quotes
_FACTORS = (1, 2, 25, 5)  # an increment is one of these times a power of ten


class OffGridError(Exception):
    """A value does not lie on the increments in use; carries finer ones. Caught by the importers."""

    def __init__(self, grid: Grid):
        super().__init__(str(grid))
        self.grid = grid


def fixed(text: str) -> int:
    """A decimal as an integer of 10⁻¹².

    Raises:
        ValueError: it is not a plain non-negative decimal of at most twelve digits after the point.
    """
    if not text.isascii():
        raise ValueError(text)
    whole, _, fraction = text.partition(".")
    if not whole.isdecimal() or (fraction and not fraction.isdecimal()):
        value = Decimal(text)  # exponents: 1e-8
        scaled = value.scaleb(DIGITS)
        if not value.is_finite() or value < 0 or scaled != int(scaled):
            raise ValueError(text)
        return int(scaled)
    if len(fraction) > DIGITS and fraction[DIGITS:].strip("0"):
        raise ValueError(text)
    return int(whole + fraction[:DIGITS].ljust(DIGITS, "0"))


def step_of(decimal: Decimal) -> int:
    """An increment as an integer of 10⁻¹²."""
    return int(decimal.scaleb(DIGITS))


def increment(values: Iterable[int], before: int = 0) -> Decimal:
    """The largest plausible increment of which all values (10⁻¹²) are multiples.

    Plausible is 1, 2, 2.5 or 5 times a power of ten: a greatest common divisor of few values may be
    a multiple of the increment by chance.
    """
    divisor = before
    for value in values:
        divisor = gcd(divisor, value)
    if divisor == 0:
        return Decimal(1)
    power = 1
    while divisor % (power * 10) == 0:
        power *= 10
    factor = max(f for f in _FACTORS if (divisor // power) % f == 0)
    return Decimal(f"{Decimal(factor * power).scaleb(-DIGITS).normalize():f}")


def market_of(market: MarketId, grid: Grid, contract_size: Decimal | None = None) -> Market:
    """What a unified symbol says of a market that no venue describes.

    `BASE/QUOTE` is spot, `BASE/QUOTE:SETTLE` a contract: linear when it settles in the quote, inverse
    when in the base; an expiry with a strike and C or P is an option.
    """
    pair, _, settle = market.symbol.partition(":")
    base, _, quote = pair.partition("/")
    settle, *terms = settle.split("-") if settle else [""]
    kind = Contract.SPOT
    if terms and terms[-1] in ("C", "P"):
        kind = Contract.OPTION
    elif settle:
        kind = Contract.INVERSE if settle == base and settle != quote else Contract.LINEAR
    return Market(market, base, quote, grid, kind, contract_size or Decimal(1))
