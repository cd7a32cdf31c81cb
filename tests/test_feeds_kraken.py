"""A venue of another kind: snapshot in the stream, no sequence ids, history before the first trade."""

import random
import time

from app.clock import SystemClock
from app.feeds.ccxt_stream import open_venue
from app.feeds.market_feed import CcxtMarketFeed
from app.feeds.ring import Ring
from app.market import MarketId
from app.records import LEVELS, Fidelity, State
from app.settings import VenueSettings
from tests.venues.kraken import SYMBOL, KrakenVenue
from tests.venues.rig import QUICK, until


def _top(feed: CcxtMarketFeed) -> list[list[tuple[int, int]]]:
    view = feed.book()
    assert view is not None
    return [
        [(round(level[0] * 100), round(level[1] * 10_000)) for level in side[:LEVELS]]
        for side in (view.bids, view.asks)
    ]


async def test_kraken_is_followed_event_by_event_and_after_a_drop() -> None:
    server, ring = KrakenVenue(), Ring()
    await server.start()
    settings = VenueSettings(**server.settings())
    venue = open_venue("kraken", settings, QUICK, ring, SystemClock(), random.Random(1))
    try:
        await venue.open()
        feed = venue.add(MarketId("kraken", SYMBOL), 3)
        assert str(feed.market.grid.tick) == "0.01"
        assert str(feed.market.grid.lot) == "0.0001"
        status = feed.status
        await until(lambda: status.state is State.LIVE and len(server.sockets) == 1)
        await until(lambda: {"book", "trade"} <= next(iter(server.sockets.values())))
        for _ in range(30):
            await server.step()
        await until(lambda: status.states_depth == 31 and status.trades == 30)
        assert status.fidelity_depth is Fidelity.EVENT
        assert status.fidelity_best is None
        assert _top(feed) == [list(side) for side in server.book.top(LEVELS)]
        assert server.depths == [500]

        await server.close()
        await until(lambda: status.gaps_by_reason["reconnect"] >= 1 and status.state is State.LIVE)
        await until(lambda: server.sockets and "trade" in next(iter(server.sockets.values())))
        states = status.states_depth
        for _ in range(10):
            await server.step()
        await until(lambda: status.states_depth >= states + 10 and status.trades == 40)
        assert _top(feed) == [list(side) for side in server.book.top(LEVELS)]
        epochs = ring.depth.take().epoch
        assert len(set(epochs.tolist())) == 2
        assert not status.rejected
    finally:
        begun = time.monotonic()
        await venue.close()
        assert time.monotonic() - begun < 2.0
        await server.stop()
