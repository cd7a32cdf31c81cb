"""Waiting for news: one shared helper, because twenty cheap looks a second cost as little as a push."""

from collections.abc import Mapping
from typing import Protocol

from app.clock import NS_PER_S, Clock
from app.market import MarketId

POLL_S = 0.02


class Versioned(Protocol):
    """A store that tells cheaply whether a market changed."""

    def version(self, market: MarketId) -> int:
        """A number that changes with every append to the market."""


async def wait_for_news(
    store: Versioned,
    seen: Mapping[MarketId, int],
    *,
    clock: Clock,
    poll_s: float = POLL_S,
    timeout_s: float | None = None,
) -> dict[MarketId, int]:
    """Wait until one of the markets in `seen` has another version than the one given there.

    Returns the markets that changed with their new versions, to be put into the next `seen`; empty
    when `timeout_s` passed without news. A version of 0 reports the first look at a market that has
    a file.

    Raises:
        StoreError: a market's file failed.
    """
    end_ns = None if timeout_s is None else clock.now_ns() + round(timeout_s * NS_PER_S)
    while True:
        found = {market: store.version(market) for market in seen}
        news = {market: new for market, new in found.items() if new != seen[market]}
        if news or (end_ns is not None and clock.now_ns() >= end_ns):
            return news
        await clock.sleep(poll_s)
