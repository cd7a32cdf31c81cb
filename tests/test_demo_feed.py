"""The product's own feed on the demo exchange: every fault seen, and the engine's book afterwards."""

import asyncio
import contextlib

import pytest

from app.clock import SystemClock
from app.demo.faults import KINDS, Fault
from app.demo.server import venue_settings
from app.feeds.ccxt_stream import open_venue
from app.feeds.ring import Ring
from app.market import MarketId
from app.records import State
from app.settings import FeedSettings, VenueSettings
from tests.demo_venue import demo, until

FEED = FeedSettings(stale_after_s=1.0, backoff_s=0.1, backoff_max_s=0.5, open_timeout_s=5.0)
# After these nothing is missing, so no gap may be told: the book goes on as it was.
HARMLESS = {"duplicate", "delay", "no_time", "clock", "one_sided", "big_ids"}
NEEDS_A_SUBSCRIPTION = {"refuse", "429", "418", "503", "bad_snapshot", "slow_snapshot"}


@contextlib.asynccontextmanager
async def feed_of(exchange, symbol="BTC/USDT"):
    ring = Ring()
    settings = VenueSettings(**venue_settings(exchange.port)["demo"])
    venue = open_venue("demo", settings, FEED, ring, SystemClock())

    async def drain():
        while True:
            ring.take()
            await asyncio.sleep(0.05)

    drainer = asyncio.create_task(drain())
    try:
        await venue.open()
        yield venue.add(MarketId("demo", symbol), 0)
    finally:
        drainer.cancel()
        await venue.close()


def true_book(exchange, symbol="BTC/USDT"):
    flow = exchange.publisher("demo", symbol).town.flow
    return flow.engine, flow.spec.grid


def equal(exchange, feed):
    """Whether the feed holds the engine's book, level by level, at the engine's update id."""
    engine, grid = true_book(exchange)
    book = feed.book()
    if book is None or book.update_id != engine.update_id:
        return False
    return all(
        [(round(p / float(grid.tick)), round(q / float(grid.lot))) for p, q, *_ in have]
        == want.depth()
        for have, want in ((book.bids, engine.bids), (book.asks, engine.asks))
    )


async def fault(kind):
    """Cause a fault, let the feed run on for a while, and hold its book against the engine's."""
    async with demo(speed=1.0, warm_s=10.0) as exchange, feed_of(exchange) as feed:
        # Past its snapshot: a message that is no newer is ignored, whatever is wrong with it.
        await until(lambda: feed.status.states_depth > 1, seconds=20)
        gaps = sum(feed.status.gaps_by_reason.values())
        exchange.fault(Fault(kind, "demo", "BTCUSDT", seconds=1.5))
        if kind in NEEDS_A_SUBSCRIPTION:
            exchange.fault(Fault("reset", "demo", "BTCUSDT"))
        if kind != "big_ids":  # which happens at once, and is not counted
            await until(lambda: exchange.faults.history[0].done > 0, seconds=20)
        if kind not in HARMLESS:
            await until(lambda: sum(feed.status.gaps_by_reason.values()) > gaps, seconds=20)

        def settled():
            return feed.status.state is State.LIVE and feed.book() is not None

        await until(settled, seconds=20)
        # Let it run on, then stop time with everything delivered: the books must be the same.
        start = exchange.world.time_s
        await until(lambda: exchange.world.time_s > start + 2.0)
        await until(settled, seconds=20)
        exchange.set_speed(0)
        await until(lambda: equal(exchange, feed), seconds=20)
        if kind in HARMLESS:
            assert sum(feed.status.gaps_by_reason.values()) == gaps


# Most of it is waiting: several at a time, each with an exchange of its own.
@pytest.mark.slow
@pytest.mark.parametrize("kinds", [KINDS[k::6] for k in range(6)], ids=" ".join)
async def test_after_every_fault_the_feed_holds_the_engines_book(kinds):
    found = await asyncio.gather(*map(fault, kinds), return_exceptions=True)
    assert dict(zip(kinds, found, strict=True)) == dict.fromkeys(kinds)
