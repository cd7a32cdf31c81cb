"""Plays the recorded Binance spot capture through the whole path into a store: ccxt, collector, store."""

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path

from app.collector import Collector
from app.market import MarketId
from app.records import ROW_NS
from app.settings import Settings
from app.store import open_store
from tests.recorded import recorded
from tests.venues.binance_replay import FILE, MARKET, BinanceReplay, ReplayClock, load, settings_for

MARKET_ID = MarketId("binance", MARKET)


@asynccontextmanager
async def collecting(settings, store, clock, markets):
    """A collector at work; ends it and surfaces its errors."""
    collector = Collector(settings, store, clock)
    task = asyncio.create_task(collector.run(markets))
    try:
        yield collector
    finally:
        collector.stop.set()
        await asyncio.wait_for(task, 20)


async def play(directory: Path) -> dict[str, int]:
    """Play the capture into a store at `directory`; what was sent, by stream."""
    lines = load(recorded(FILE))
    clock = ReplayClock(lines[0].time_ns)
    seen: list[Collector] = []

    def applied() -> bool:
        return any(t.feed.status.states_depth for c in seen for t in c._tasks.values())

    server = BinanceReplay(lines, speed=None, clock=clock, applied=applied)
    store = open_store(f"sqlite:///{directory}", clock=clock)
    try:
        await server.start()
        settings = Settings.model_validate({"venues": {"binance": settings_for(server.port)}})
        async with collecting(settings, store, clock, [MARKET_ID]) as collector:
            seen.append(collector)
            await asyncio.wait_for(server.finished.wait(), 100)
            # The last row is complete once time has passed its end.
            clock.time_ns += 2 * ROW_NS
            collector.tick(clock.now_ns())
    finally:
        store.close()
        await server.stop()
    return server.sent
