"""A feed on a scripted venue, with short times, for tests."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from app.clock import Clock, SystemClock
from app.feeds.ccxt_stream import CcxtVenue, open_venue
from app.feeds.market_feed import CcxtMarketFeed
from app.feeds.ring import Ring
from app.market import MarketId
from app.records import LEVELS, State
from app.settings import FeedSettings, VenueSettings
from tests.venues.binance_protocol import settings_for
from tests.venues.scripted import ScriptedVenue

QUICK = FeedSettings(stale_after_s=1.0, backoff_s=0.05, backoff_max_s=0.4, open_timeout_s=4.0)


async def until(condition: Callable[[], object], what: str = "", seconds: float = 10.0) -> None:
    """Wait for a condition, with a deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what or condition}")
        await asyncio.sleep(0.005)


@dataclass
class Rig:
    """A scripted server, the venue opened on it, and its markets by symbol id."""

    server: ScriptedVenue
    venue: CcxtVenue
    ring: Ring
    feeds: dict[str, CcxtMarketFeed] = field(default_factory=dict)
    unhandled: list[dict[str, Any]] = field(default_factory=list)

    async def live(self, *ids: str) -> None:
        """Step the venue until all streams of the markets have spoken."""
        wanted = ids or tuple(self.feeds)

        def ready(symbol: str) -> bool:
            feed = self.feeds[symbol]
            spoken = min(feed.status.states_depth, feed.status.states_best, feed.status.trades)
            return feed.status.state is State.LIVE and spoken > 0

        deadline = time.monotonic() + 10.0
        while not all(ready(symbol) for symbol in wanted):
            assert time.monotonic() < deadline, {s: f.status for s, f in self.feeds.items()}
            for symbol in wanted:
                await self.server.step(symbol, trade=True)
            await asyncio.sleep(0.01)

    async def step_until(self, condition: Callable[[], object], seconds: float = 10.0) -> None:
        """Go on trading on all markets until something is so."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, {s: f.status for s, f in self.feeds.items()}
            for symbol in self.feeds:
                await self.server.step(symbol, trade=True)
            await asyncio.sleep(0.01)

    async def assert_true_book(self, symbol: str) -> None:
        """The feed's book is the venue's, level by level, after all messages are handled."""
        await self.server.barrier()
        view = self.feeds[symbol].book()
        assert view is not None
        grid = self.feeds[symbol].market.grid
        for seen, wanted in zip(
            (view.bids, view.asks), self.server.books[symbol].top(LEVELS), strict=True
        ):
            pairs = [
                (round(level[0] / float(grid.tick)), round(level[1] / float(grid.lot)))
                for level in seen[:LEVELS]
            ]
            assert pairs == wanted


@contextlib.asynccontextmanager
async def rig(
    markets: int = 2,
    settings: FeedSettings = QUICK,
    clock: Clock | None = None,
    ring: Ring | None = None,
    server: ScriptedVenue | None = None,
    add: bool = True,
) -> AsyncIterator[Rig]:
    """A running rig; checks at the end that no exception went unhandled."""
    server = server or ScriptedVenue(markets)
    await server.start()
    ring = ring or Ring()
    venue_settings = VenueSettings(**settings_for(server.port))
    venue = open_venue(
        "loop", venue_settings, settings, ring, clock or SystemClock(), random.Random(1)
    )
    assert isinstance(venue, CcxtVenue)
    made = Rig(server, venue, ring)
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: made.unhandled.append(context))
    try:
        await venue.open()
        if add:
            for index, symbol in enumerate(server.symbols.values()):
                market_id = MarketId("loop", f"{symbol.base}/{symbol.quote}")
                made.feeds[symbol.id] = venue.add(market_id, index)
        yield made
    finally:
        await venue.close()
        await server.stop()
        await asyncio.sleep(0)
        loop.set_exception_handler(None)
    assert not made.unhandled
