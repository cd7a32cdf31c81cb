"""Which venues an exchange of ccxt descends from: a regional venue behaves as the one it is a copy of."""

from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar

import ccxt.async_support
import ccxt.pro

T = TypeVar("T")


@cache
def lineage(exchange_id: str) -> tuple[str, ...]:
    """The ccxt ids of an exchange and of those its class is made from, the nearest first."""
    for module in (ccxt.pro, ccxt.async_support):
        made = getattr(module, exchange_id, None)
        if isinstance(made, type):
            return (exchange_id, *(name for name in names_of(made) if name != exchange_id))
    return (exchange_id,)


def names_of(made: Any) -> list[str]:
    """The ccxt ids among a class and its bases, each once, the nearest first."""
    return list(dict.fromkeys(b.__name__ for b in made.__mro__ if b.__name__ in ccxt.exchanges))


def nearest(table: Mapping[str, T], names: "tuple[str, ...] | list[str]", default: T) -> T:
    """The row of the first name that has one."""
    return next((table[name] for name in names if name in table), default)
