"""What all venues behind ccxt share, streamed or polled: the exchange object and what it trades."""

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Any

import orjson

from app.clock import Clock
from app.errors import FeedError
from app.feeds.ccxt_errors import to_feed_error
from app.feeds.ccxt_markets import describe, find, listings
from app.feeds.lineage import names_of
from app.feeds.venues import VenueFacts
from app.market import Listing, Market, MarketId
from app.settings import FeedSettings


class CcxtSource:
    """The exchange object of a venue, and the answers that need no stream."""

    exchange: Any

    def __init__(self, name: str, clock: Clock, feed: FeedSettings, facts: VenueFacts):
        self.name, self.clock = name, clock
        self.title, self.identity = name, name
        self.open_timeout_s, self.hold_until_ns = feed.open_timeout_s, 0
        self._facts, self._feed_settings = facts, feed

    def _construct(self, made: Any, config: dict[str, Any]) -> None:
        """Make the exchange object.

        Raises:
            FeedError: the settings do not fit its constructor.
        """
        try:
            self.exchange = made(config)
        except Exception as error:
            raise FeedError(
                f"[venues.{self.name}] ccxt does not fit the constructor of {made.__name__}: {error}."
            ) from error
        self.title = str(self.exchange.name or self.name)
        self.identity = _identity(self.exchange)

    async def open(self) -> None:
        """Load what the venue trades.

        Raises:
            FeedError: the venue does not answer; the message says so in one sentence.
        """
        self.exchange.open()  # a venue that was down before is opened again
        try:
            async with asyncio.timeout(self.open_timeout_s):
                await self.exchange.load_markets()
        except Exception as error:
            await self.exchange.close()
            raise to_feed_error(self.title, error) from error

    def resolve(self, market_id: MarketId) -> Market:
        """The market behind an id.

        Raises:
            MarketError: the venue has no such symbol; names the nearest ones.
        """
        raw = find(self.name, market_id.symbol, self.exchange.markets or {})
        return describe(market_id, raw, self.exchange.precisionMode, self._facts)

    def listings(self) -> list[Listing]:
        """What the venue trades at present."""
        return listings(self.name, self.exchange.markets or {})


async def cancel(tasks: Iterable[asyncio.Task[None]]) -> None:
    """End tasks and wait for their end."""
    ending = list(tasks)
    for task in ending:
        task.cancel()
    await asyncio.gather(*ending, return_exceptions=True)


def _identity(exchange: Any) -> str:
    """Where its data come from: the family of the class (binanceusdm is binance) and the addresses."""
    family = [str(exchange.id), *names_of(type(exchange))][-1]
    address: bytes = repr(exchange.urls.get("api")).encode()
    with contextlib.suppress(TypeError):
        address = orjson.dumps(exchange.urls.get("api"), option=orjson.OPT_SORT_KEYS)
    return f"{family} {address.decode()}"
