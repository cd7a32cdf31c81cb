"""Audits over real sockets: Kraken's checksum proves ten levels, what is wrong below is theirs to find."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.clock import SystemClock
from app.demo.faults import Fault
from app.demo.server import DemoExchange, venue_settings
from app.feeds.ccxt_stream import CcxtVenue, open_venue
from app.feeds.ring import Ring
from app.market import MarketId
from app.records import State, Stream
from app.settings import FeedSettings, VenueSettings
from tests.demo_venue import demo
from tests.venues.rig import until

KRAKEN = "demo-kraken"
PAIRS = ("BTC/USD", "ETH/USD")
PATIENT = FeedSettings(stale_after_s=30.0, backoff_s=0.05, backoff_max_s=0.4, open_timeout_s=5.0)


@contextlib.asynccontextmanager
async def audited(exchange: DemoExchange) -> AsyncIterator[tuple[CcxtVenue, dict[str, Any]]]:
    """Both pairs of the demo, live, and audited as often as it can be."""
    settings = VenueSettings(**venue_settings(exchange.port)[KRAKEN])
    ring = Ring()
    venue = open_venue(KRAKEN, settings, PATIENT, ring, SystemClock())
    assert isinstance(venue, CcxtVenue)
    venue._auditor._every_s = 0.1
    try:
        await venue.open()
        feeds = {p: venue.add(MarketId(KRAKEN, p), k) for k, p in enumerate(PAIRS)}
        await until(lambda: all(f.status.state is State.LIVE for f in feeds.values()))
        yield venue, feeds
    finally:
        await venue.close()


def _deep_ghost(publisher: Any) -> int:
    """The venue tells of a bid below its top ten that it does not have, and never mends it; its price."""
    engine = publisher.town.flow.engine
    depth = [price for price, _ in engine.bids.depth(60)]
    ghost = next(p for p in range(depth[12], 0, -1) if p not in depth)
    told = publisher._book([(ghost, 77)], [])  # with the true checksum of the top ten
    message = {
        "channel": "book",
        "type": "update",
        "data": [told | {"timestamp": publisher._time()}],
    }
    publisher.emit("depth", message, spared=True)
    return int(ghost)


def _prices(feed: Any, publisher: Any) -> list[int]:
    view, grid = feed.book(), publisher.town.flow.spec.grid
    return [] if view is None else [round(level[0] / float(grid.tick)) for level in view.bids]


@pytest.mark.slow
async def test_ghost_below_the_checksum_is_found_and_the_book_built_anew() -> None:
    async with demo(warm_s=10.0) as exchange, audited(exchange) as (venue, feeds):
        btc, eth = (feeds[p] for p in PAIRS)
        await until(lambda: btc.status.audits and eth.status.audits, "both agree", 30)
        assert [f.status.audit_differences for f in feeds.values()] == [0, 0]
        publisher = exchange.publisher(KRAKEN, "BTC/USD")
        epoch = btc.tracks[Stream.DEPTH].epoch
        ghost = _deep_ghost(publisher)
        await until(lambda: ghost in _prices(btc, publisher), "the ghost stands in the book")
        assert btc.status.state is State.LIVE
        assert not btc.status.rejected
        await until(lambda: btc.status.gaps_by_reason["audit"], "it is found and mended", 30)
        assert btc.status.audit_differences == 1
        assert btc.status.rejected == {"audit": 1}
        assert btc.status.gaps_by_reason == {"audit": 1}
        assert btc.tracks[Stream.DEPTH].epoch == epoch + 1
        prices = [price for price, _ in publisher.town.flow.engine.bids.depth()]
        assert _prices(btc, publisher) == prices[: len(_prices(btc, publisher))]
        assert ghost not in prices
        audits = btc.status.audits, eth.status.audits
        await until(lambda: btc.status.audits > audits[0] and eth.status.audits > audits[1], "", 30)
        assert [f.status.audit_differences for f in feeds.values()] == [1, 0]
        assert not eth.status.rejected
        assert not eth.status.gaps_by_reason
        assert eth.tracks[Stream.DEPTH].epoch == 1
        assert venue.hold_until_ns == 0


@pytest.mark.slow
async def test_audit_that_is_refused_neither_marks_nor_delays_a_market() -> None:
    async with demo(warm_s=10.0) as exchange, audited(exchange) as (venue, feeds):
        exchange.fault(Fault("429", KRAKEN, None, seconds=600.0, count=1))
        await until(lambda: exchange.faults.history[0].done, "an audit is refused", 30)
        await until(lambda: venue.questions_until_ns, "audits are held")
        audits = [f.status.audits for f in feeds.values()]
        assert all(f.status.state is State.LIVE for f in feeds.values())
        exchange.fault(Fault("reset", KRAKEN))
        await until(lambda: all(f.status.gaps_by_reason for f in feeds.values()), "back at once")
        for feed in feeds.values():
            assert feed.status.state is State.LIVE
            assert set(feed.status.gaps_by_reason) == {"reconnect"}
            assert not feed.status.rejected
        assert [f.status.audits for f in feeds.values()] == audits
        assert venue.hold_until_ns == 0
