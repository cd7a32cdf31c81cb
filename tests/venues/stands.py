"""Faults of a venue that no protocol of the demo can have: stands of their own, in the same table."""

import asyncio
import random
import time
from functools import partial

from app.clock import SystemClock
from app.demo.server import DemoExchange, venue_settings
from app.feeds.ccxt_poll import PolledVenue
from app.feeds.ccxt_stream import CcxtVenue, open_venue
from app.feeds.ring import Ring
from app.market import MarketId
from app.records import State, Stream
from app.settings import VenueSettings
from tests.venues.banning import BanningVenue
from tests.venues.binance_protocol import settings_for
from tests.venues.fault_rows import GAP, SEEN
from tests.venues.matrix import QUICK, Outcome, Watch, equal_now, live, until
from tests.venues.pulse import pulse, steady

BAN, RENUMBERED = "418, markets queued", "ids begin anew"
_MARKETS, _PLACES, _BAN_S, _LIMIT_S = 24, 4, 2.0, 25.0


async def play_ban() -> Outcome:
    """Many markets wait for their start when the venue bans us: nobody asks on, all say until when."""
    outcome = Outcome("binance", BAN, SEEN)
    server = BanningVenue(_MARKETS, _BAN_S)
    await server.start()
    settings = VenueSettings(**settings_for(server.port))
    venue = open_venue("loop", settings, QUICK, Ring(), SystemClock(), random.Random(1))
    assert isinstance(venue, CcxtVenue)
    try:
        await venue.open()
        feeds = [
            venue.add(MarketId("loop", f"{one.base}/{one.quote}"), k)
            for k, one in enumerate(server.symbols.values())
        ]
        await until(lambda: server.refused, _LIMIT_S)
        began = time.monotonic()
        if await until(lambda: all(f.status.state is State.THROTTLED for f in feeds), _BAN_S):
            outcome.detected_s, outcome.said = time.monotonic() - began, feeds[-1].status.detail
        else:
            outcome.wrong.append("not all say that they wait")
        await until(lambda: SystemClock().now_ns() > server.banned_ns, _LIMIT_S)
        over = time.monotonic()
        if await until(lambda: all(f.status.states_depth for f in feeds), _LIMIT_S):
            outcome.recovered_s = time.monotonic() - over
        else:
            outcome.wrong.append("not recovered")
        if len(server.refused) > _PLACES:
            outcome.wrong.append(f"{len(server.refused)} requests during the ban")
        outcome.equal = all(f.book() is not None for f in feeds)
    finally:
        await venue.close()
        await server.stop()
    return outcome


async def play_renumbered(exchange: DemoExchange) -> Outcome:
    """A venue that is asked begins its ids anew: what looks older for ever is the book of now."""
    outcome = Outcome("polled", RENUMBERED, GAP)
    settings = VenueSettings(**venue_settings(exchange.port)["demo"] | {"poll": True})
    venue = open_venue("demo", settings, QUICK, Ring(), SystemClock(), random.Random(1))
    assert isinstance(venue, PolledVenue)
    publisher = exchange.publisher("demo", "SOL/USDT")
    try:
        await venue.open()
        feed, beside = (
            venue.add(MarketId("demo", symbol), k)
            for k, symbol in enumerate(("SOL/USDT", "ETH/USDT"))
        )
        await until(lambda: live(feed) and live(beside), _LIMIT_S)
        depth = feed.tracks[Stream.DEPTH]
        publisher.town.flow.engine.update_id, epoch, watch = 1, depth.epoch, Watch(beside)
        began = time.monotonic()
        if await until(lambda: depth.epoch > epoch, _LIMIT_S):
            outcome.detected_s, outcome.said = time.monotonic() - began, feed.status.detail
        else:
            outcome.wrong.append("not detected")
        found = time.monotonic()
        if await until(lambda: live(feed) and feed.status.gaps_by_reason, _LIMIT_S):
            outcome.recovered_s = time.monotonic() - found
        else:
            outcome.wrong.append("not recovered")
        outcome.gaps = [g.reason for g in feed.status.new_gaps if g.stream is Stream.DEPTH]
        outcome.equal = await equal_now(feed, publisher)
        if not outcome.equal:
            outcome.wrong.append("the book is not the venue's")
        if watch.touched():
            outcome.neighbour = "HIT"
            outcome.wrong.append(f"the neighbour was hit: {watch.says()}")
    finally:
        await venue.close()
    return outcome


async def play_stands(exchange: DemoExchange) -> list[Outcome]:
    """All of them, side by side."""
    async with pulse() as beats:
        plays = (play_ban, partial(play_renumbered, exchange))
        return list(await asyncio.gather(*(steady(beats, play) for play in plays)))
