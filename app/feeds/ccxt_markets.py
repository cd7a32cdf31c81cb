"""Turns ccxt's description of a market into ours, and finds what a user meant by a symbol."""

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from typing import Any

import ccxt

from app.errors import MarketError
from app.feeds.venues import VenueFacts
from app.market import Contract, Grid, Listing, Market, MarketId

# Where a venue does not give an increment, values are held on this grid and marked as not exact.
_FALLBACK = Decimal("1e-8")
_SHOWN = 3


def describe(market_id: MarketId, raw: dict[str, Any], mode: int, facts: VenueFacts) -> Market:
    """A market from ccxt's structure.

    Args:
        market_id: under which name we know it.
        raw: ccxt's market structure.
        mode: ccxt's `precisionMode` of the exchange.
        facts: what else is known of the venue.
    """
    precision = raw.get("precision") or {}
    tick = increment(precision.get("price"), mode)
    lot = increment(precision.get("amount"), mode)
    grid = Grid(tick or _FALLBACK, lot or _FALLBACK, exact=tick is not None and lot is not None)
    contract = _contract(raw)
    size = Decimal(1)
    if contract is not Contract.SPOT:
        size = _decimal(raw.get("contractSize")) or Decimal(1)
    unit = ""
    if contract is Contract.INVERSE and facts.size_is_quote_value:
        size, unit = Decimal(1), str(raw.get("quote") or "")
    elif contract in (Contract.LINEAR, Contract.OPTION) and size == 1:
        unit = str(raw.get("base") or "")  # one contract is one unit of the base currency
    return Market(
        id=market_id,
        base=str(raw.get("base") or ""),
        quote=str(raw.get("quote") or ""),
        grid=grid,
        contract=contract,
        contract_size=size,
        size_unit=unit,
    )


def listings(venue: str, markets: dict[str, dict[str, Any]]) -> list[Listing]:
    """What a venue trades at present, from ccxt's structures; what it lists but does not trade, or
    no market id can name, is left out."""
    found = []
    for symbol, raw in markets.items():
        if raw.get("active") is False:
            continue
        try:
            market_id = MarketId.parse(f"{venue}:{symbol}")
        except MarketError:
            continue
        base, quote = str(raw.get("base") or ""), str(raw.get("quote") or "")
        kind = str(raw.get("type") or "spot")
        found.append(Listing(market_id, base, quote, kind, _contract(raw)))
    return found


def increment(value: Any, mode: int) -> Decimal | None:
    """A precision of ccxt as an exact increment; None where it is not one number for all values."""
    number = _decimal(value)
    if number is None or mode == ccxt.SIGNIFICANT_DIGITS:
        return None
    if mode == ccxt.DECIMAL_PLACES:
        return Decimal(1).scaleb(-int(number))
    return number if number > 0 else None


def _decimal(value: Any) -> Decimal | None:
    """An exact decimal: the shortest text of a float is the number that the venue printed."""
    if value is None:
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number.normalize() if number.is_finite() else None


def _contract(raw: dict[str, Any]) -> Contract:
    if raw.get("option"):
        return Contract.OPTION
    if not raw.get("contract"):
        return Contract.SPOT
    return Contract.INVERSE if raw.get("inverse") else Contract.LINEAR


def find(venue: str, symbol: str, markets: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """ccxt's structure of a symbol.

    Raises:
        MarketError: the venue has no such symbol; names the nearest.
    """
    raw = markets.get(symbol)
    if raw is not None:
        return raw
    near = nearest(symbol, markets)
    if not near:
        raise MarketError(f"{venue} has no market {symbol!r}; it has {len(markets)} others.")
    names = _list([f"{venue}:{name}" for name in near])
    raise MarketError(f"{venue} has no market {symbol!r}. Nearest are {names}.")


def nearest(symbol: str, markets: dict[str, dict[str, Any]]) -> list[str]:
    """Symbols that the user may have meant: by the venue's own id, by spelling, by base currency."""
    wanted = _bare(symbol)
    same_id = [s for s, raw in markets.items() if wanted in (_bare(s), _bare(raw.get("id")))]
    upper = {name.upper(): name for name in markets}
    spelled = [upper[s] for s in get_close_matches(symbol.upper(), upper, n=_SHOWN, cutoff=0.6)]
    base = symbol.upper().partition("/")[0]
    of_base = [s for s, raw in markets.items() if str(raw.get("base")).upper() == base]
    return list(dict.fromkeys([*same_id, *spelled, *of_base]))[:_SHOWN]


def _bare(text: Any) -> str:
    return "".join(c for c in str(text).upper() if c.isalnum())


def _list(names: Iterable[str]) -> str:
    *head, last = names
    return f"{', '.join(head)} and {last}" if head else last
