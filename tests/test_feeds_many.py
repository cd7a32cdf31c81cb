"""Many markets of one venue: few sockets, and nothing left of those that have gone."""

import asyncio
import os
from pathlib import Path
from typing import Any

from app.market import MarketId
from app.records import State
from tests.venues.rig import Rig, rig, until


def _left(r: Rig) -> dict[str, Any]:
    """Everything that grows with markets, in ccxt and around it."""
    exchange = r.venue.exchange
    clients = list(exchange.clients.values())
    return {
        "caches": [len(c) for c in (exchange.orderbooks, exchange.trades, exchange.bidsasks)],
        "clients": len(clients),
        "subscriptions": sum(len(c.subscriptions) for c in clients),
        "futures": sum(len(c.futures) for c in clients),
        "owners": sum(len(c.owners) for c in clients),
        "asked": sum(len(c.asked) for c in clients),
        "chains": sum(len(c.chains._recent) for c in clients if c.chains is not None),
        "places": len(exchange.__dict__.get("_places", {})),
        "routed": len(r.venue.router.feeds),
        "tasks": len(asyncio.all_tasks()),
        "sockets": len(r.server.connections),
        "streams": sum(len(c.streams) for c in r.server.connections),
        "descriptors": sum("socket:" in _target(fd) for fd in Path("/proc/self/fd").iterdir()),
    }


# Requests keep up to four connections open: a task and two descriptors each here.
_POOLED = {"tasks": 4, "descriptors": 8}


def _same(now: dict[str, Any], wanted: dict[str, Any]) -> bool:
    rest = {key: now[key] for key in now if key not in _POOLED}
    within = all(abs(now[key] - wanted[key]) <= most for key, most in _POOLED.items())
    return within and all(wanted[key] == value for key, value in rest.items())


def _target(entry: Path) -> str:
    try:
        return os.readlink(entry)
    except OSError:
        return ""


def _id(symbol: str) -> MarketId:
    return MarketId("loop", f"{symbol.removesuffix('USDT')}/USDT")


async def test_fifty_markets_come_and_go_and_leave_nothing() -> None:
    async with rig(52, add=False) as r:
        symbols = list(r.server.symbols)
        for index, symbol in enumerate(symbols[:2]):
            r.feeds[symbol] = r.venue.add(_id(symbol), index)
        await r.live()
        kept = dict(r.feeds)
        before: dict[str, Any] = {}
        for turn in range(3):
            for index, symbol in enumerate(symbols[2:], start=2):
                r.feeds[symbol] = r.venue.add(_id(symbol), index)
            await until(
                lambda: all(f.status.states_depth for f in r.feeds.values()), "all have begun", 60
            )
            assert len(r.server.connections) <= 17  # sixteen alone, the others together
            for symbol in symbols[2:]:
                await r.venue.remove(_id(symbol))
                del r.feeds[symbol]
            await until(lambda: len(r.server.connections) == 2, "sockets close")
            await until(lambda: not r.venue._closing, "closing ends")
            await r.live()
            left = _left(r)
            # The first turn fills what is made once.
            before = before or left
            if turn:
                await until(lambda wanted=before: _same(_left(r), wanted), f"{left}, {before}", 20)
        for symbol, feed in kept.items():
            assert not feed.status.gaps_by_reason
            await r.assert_true_book(symbol)


async def test_a_market_that_shares_a_connection_goes_without_touching_the_others() -> None:
    async with rig(20) as r:
        await until(lambda: all(f.status.states_depth for f in r.feeds.values()), "all", 40)
        assert len(r.server.connections) == 17
        shared = list(r.feeds)[16:]
        gone, stays = shared[0], shared[1:]
        await r.live(*shared)
        (connection,) = r.server.of(gone)
        await r.venue.remove(_id(gone))
        del r.feeds[gone]
        await until(lambda: not r.server.of(gone), "it is unsubscribed")
        assert r.server.of(stays[0]) == [connection]
        for _ in range(5):
            for symbol in stays:
                await r.server.step(symbol)
        for symbol in stays:
            await r.assert_true_book(symbol)
            assert not r.feeds[symbol].status.gaps_by_reason
        again = r.feeds[gone] = r.venue.add(_id(gone), 30)
        await until(lambda: again.status.state is State.LIVE, "it is back")
        assert r.server.of(gone) == [connection]
        await r.assert_true_book(gone)
        assert not any(r.feeds[symbol].status.gaps_by_reason for symbol in stays)
