"""What readers demand of a message before ccxt applies it: ccxt takes what is missing for "no change"."""

from collections.abc import Mapping
from typing import Any


def demand_lists(data: Mapping[str, Any], *names: str) -> None:
    """Demand that the sides of an update are there, be they empty.

    Raises:
        ValueError: one is not.
    """
    for name in names:
        side = data.get(name)
        if not isinstance(side, list):
            raise ValueError(f"{name!r} of an update is {side!r:.40}: a list was expected")


def demand_change(change: str) -> None:
    """Demand that a single change names its side: ccxt takes every other word for asks.

    Raises:
        ValueError: it does not.
    """
    _, side, _ = change.split(",")
    if side not in ("buy", "sell"):
        raise ValueError(f"a change is of the side {side!r:.40}: buy or sell was expected")


def demand_word(word: Any, expected: str) -> None:
    """Demand the venue's word for what a message is.

    Raises:
        ValueError: it is another one.
    """
    if word != expected:
        raise ValueError(f"a message is called {word!r:.40}: {expected} was expected")


def is_whole(kind: Any, change: str = "update") -> bool:
    """Whether an update is a snapshot, by the venue's word for what it is.

    Raises:
        ValueError: it is neither "snapshot" nor the venue's word for a `change`.
    """
    if kind == "snapshot":
        return True
    if kind != change:
        raise ValueError(f"an update is called {kind!r:.40}: snapshot or {change} was expected")
    return False
