"""Sequence rules beyond those that ccxt checks: one row per venue family.

A rule reads the raw message and says which updates it holds; the checker remembers the last one of each
market. To add a venue, write its rule and name it in `RULES`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

ANY_NUMBER = -1


@dataclass(frozen=True)
class Link:
    """What a message claims of its place in a market's chain of updates.

    `key` is the venue's own id of the market; `previous` is the id of the update before it, where the
    venue says so, else the ids `first..last` must follow without a hole.
    """

    key: str
    first: int
    last: int
    previous: int | None = None


@dataclass(frozen=True)
class Hole:
    """A break of the chain: `missed` updates are not there (−1: it cannot be told)."""

    key: str
    missed: int


Rule = Callable[[Any], Link | None]


def _binance(message: Any) -> Link | None:
    data = message.get("data", message) if isinstance(message, dict) else None
    if not isinstance(data, dict) or data.get("e") != "depthUpdate":
        return None
    previous = data.get("pu")
    return Link(
        str(data["s"]), int(data["U"]), int(data["u"]), None if previous is None else int(previous)
    )


RULES: Final[dict[str, Rule]] = {
    "binance": _binance,
    "binanceus": _binance,
    "binanceusdm": _binance,
    "binancecoinm": _binance,
}


class SequenceChecker:
    """Follows the chains of all markets of one connection."""

    def __init__(self, rule: Rule):
        self._rule = rule
        self._last: dict[str, int] = {}
        self.newest_id = ANY_NUMBER  # of the message observed last

    def observe(self, message: Any) -> Hole | None:
        """Take a raw message; returns the hole before it, if there is one."""
        link = self._rule(message)
        self.newest_id = ANY_NUMBER if link is None else link.last
        if link is None:
            return None
        last = self._last.get(link.key)
        if last is not None and link.last <= last:
            return None  # sent twice; ccxt skips it too
        self._last[link.key] = link.last
        if last is None:
            return None
        if link.previous is not None:
            return None if link.previous == last else Hole(link.key, ANY_NUMBER)
        return (
            None
            if link.first == last + 1
            else Hole(link.key, max(ANY_NUMBER, link.first - last - 1))
        )

    def forget(self, key: str) -> None:
        """Begin a market's chain anew."""
        self._last.pop(key, None)
