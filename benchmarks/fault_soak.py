"""Random faults every few seconds over all venue families, for half an hour: nothing wrong, nothing left.

The demo exchange and the product's collector run in one process. All the while each book that a market
serves as live must be one that its engine had; every half minute the faults pause, every market must be live
again, and its best 20 levels the engine's own. At the end: rows and gaps in the store agree, no trade is
there twice and none is missing but in a gap, tasks and descriptors are as many as after the first pause, and
memory has not grown (slope over the second half, with its 95 % interval, of exchange and collector together).
What fills once is full from the start: the exchange has traded for an hour, as fast as it can, the store
begins with 75 min of each market, and first all links are reset at once some times, so that no worse moment
comes later.

    python -m benchmarks.fault_soak [--minutes 30] [--seed 1]

Exits with 1 when something is wrong or left.
"""

import argparse
import asyncio
import os
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil

from app import log
from app.cli import ALLOCATOR, DEMO_MARKETS
from app.clock import NS_PER_S, SystemClock
from app.collector import Collector
from app.demo.faults import KINDS, STREAMS, Fault
from app.demo.publisher import Publisher
from app.demo.server import DemoExchange, venue_settings
from app.feeds.base import MarketFeed
from app.feeds.market_feed import CcxtMarketFeed
from app.market import MarketId
from app.records import State, Stream
from app.settings import FeedSettings, Settings
from app.store import open_store
from app.store.base import HotStore
from benchmarks.prefilled import prefill, quoted
from benchmarks.soak import slope
from tests.venues.matrix import LEVELS, equal_now, live, until

_FEED = FeedSettings(stale_after_s=3.0, backoff_s=0.1, backoff_max_s=2.0, open_timeout_s=5.0)
_MARKETS = [MarketId.parse(text) for text in DEMO_MARKETS]
_FAULTS_S = (1.0, 4.0)  # between two faults
_LASTS_S = (0.3, 3.0)
_NUMBERED = ("depth", "trade")  # streams of which a missing message can be told
_QUIET_EVERY_S = 30.0
_LIVE_WITHIN_S = 40.0
_LOOK_S = 0.05
# Orders that come and go scatter over the heap: half an hour until it has its size.
_TRADED_S = 3600.0
_WORST = 6  # times that all links are reset at once, before memory is looked at
_REMEMBERED = 30_000  # books of an engine
# A market as busy as these is not silent for so long without a gap.
_BUSY, _SILENT_NS = ("BTC", "ETH", "SOL"), 6 * NS_PER_S
# Numbers beyond what a float holds are not stored; a leap there is no loss.
_LEAP = 1_000_000
_MB = 1 << 20
_MOST_MINUTES = 240.0
Top = tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]


class Truth:
    """Every book that an engine had lately."""

    def __init__(self, publisher: Publisher):
        self.publisher = publisher
        # Of one size, and written, from the start: the memory of the soak itself must not grow.
        self._had, self._count = np.full(_REMEMBERED, -1, np.int64), 0
        publisher.town.flow.watchers.append(self._note)
        self._note()

    def _note(self) -> None:
        engine = self.publisher.town.flow.engine
        top = (tuple(engine.bids.depth(LEVELS)), tuple(engine.asks.depth(LEVELS)))
        self._had[self._count % _REMEMBERED] = hash(top)
        self._count += 1

    def had(self, feed: MarketFeed) -> bool:
        """Whether the book that a feed serves is one of them."""
        view, grid = feed.book(), self.publisher.town.flow.spec.grid
        if view is None:
            return True
        tick, lot = float(grid.tick), float(grid.lot)
        bids, asks = (
            tuple((round(p / tick), round(q / lot)) for p, q, *_ in side[:LEVELS])
            for side in (view.bids, view.asks)
        )
        return bool((self._had == hash((bids, asks))).any())


@dataclass
class Found:
    """What the soak saw."""

    # Of one size from the start, as all that the soak keeps: minute and MB of each second.
    memory: np.ndarray
    wrong: list[str] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    looks: int = 0
    compared: int = 0
    before: tuple[int, int] | None = None
    after: tuple[int, int] = (0, 0)
    gaps: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    trades: int = 0
    lost: int = 0  # trades that are missing, in gaps


class Soak:
    """One run over an exchange and a collector that are up."""

    def __init__(self, exchange: DemoExchange, collector: Collector, seed: int, minutes: float):
        self._exchange, self._collector, self._minutes = exchange, collector, minutes
        self._rng = random.Random(seed)
        self.found = Found(memory=np.full((round(minutes * 60), 2), np.nan))
        for _ in range(exchange.faults.history.maxlen or 0):
            exchange.faults.note(Fault("drop"), 0, 0)
        self._truth = {m: Truth(exchange.publisher(m.venue, m.symbol)) for m in _MARKETS}

    def _feeds(self) -> dict[MarketId, CcxtMarketFeed]:
        tasks = self._collector._tasks.values()
        return {t.market.id: t.feed for t in tasks if isinstance(t.feed, CcxtMarketFeed)}

    async def run(self) -> None:
        """Faults with pauses, until the time is up."""
        await self._all_live("at the beginning")
        for _ in range(_WORST):
            self._exchange.fault(Fault("reset"))
            await asyncio.sleep(_LASTS_S[0])
            await self._all_live("after all links were reset")
        began = time.monotonic()
        watching = asyncio.create_task(self._watch(began))
        try:
            while time.monotonic() - began < self._minutes * 60:
                await self._faults(_QUIET_EVERY_S)
                await self._quiet()
                # After the first faults: every place that fills once has filled.
                self.found.before = self.found.before or counts()
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        before = self.found.before or counts()
        await until(lambda: all(a <= b for a, b in zip(counts(), before, strict=True)), 15)
        self.found.before, self.found.after = before, counts()

    async def _watch(self, began: float) -> None:
        """Look at every served book again and again; note the memory each second."""
        process, noted = psutil.Process(), -1
        while True:
            for market, feed in self._feeds().items():
                self.found.looks += 1
                served = feed.status.state is State.LIVE
                if served and not self._truth[market].had(feed):
                    self.found.wrong.append(f"{market} served a book that its engine never had")
            elapsed_s = time.monotonic() - began
            if noted < int(elapsed_s) < len(self.found.memory):
                noted = int(elapsed_s)
                self.found.memory[noted] = elapsed_s / 60, process.memory_info().rss / _MB
            await asyncio.sleep(_LOOK_S)

    async def _faults(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            market = self._rng.choice(_MARKETS)
            kind = self._rng.choice(KINDS)
            symbol = self._exchange.publisher(market.venue, market.symbol).symbol
            lasts_s = self._rng.uniform(*_LASTS_S)
            streams = {"mute": STREAMS, "drop": _NUMBERED, "duplicate": _NUMBERED}
            stream = self._rng.choice(streams.get(kind, ("depth",)))
            self._exchange.fault(Fault(kind, market.venue, symbol, stream, seconds=lasts_s))
            self.found.faults[kind] += 1
            await asyncio.sleep(self._rng.uniform(*_FAULTS_S))

    async def _quiet(self) -> None:
        """No faults: all must be live, with the engines' books."""
        await asyncio.sleep(_LASTS_S[1])
        self._exchange.faults.end()
        await self._all_live("in a pause")
        for market, feed in self._feeds().items():
            self.found.compared += 1
            if not await equal_now(feed, self._truth[market].publisher, 8.0):
                self.found.wrong.append(f"{market}: the best {LEVELS} levels are not the engine's")

    async def _all_live(self, when: str) -> None:
        def ready() -> bool:
            feeds = self._feeds()
            return len(feeds) == len(_MARKETS) and all(map(live, feeds.values()))

        if not await until(ready, _LIVE_WITHIN_S):
            for market, feed in self._feeds().items():
                if not live(feed):
                    told = f"{feed.status.state.name} {feed.status.detail}"
                    self.found.wrong.append(f"{market} is not live {when}: {told}")

    def check_store(self, store: HotStore, began_ns: int) -> None:
        """Rows and gaps agree: nothing was counted within a gap, no silence is without one."""
        for market in _MARKETS:
            rows = store.window(market, "row", began_ns, 2**62)
            gaps = store.window(market, "gap", began_ns, 2**62)
            self.found.rows += len(rows)
            self.found.gaps.update(bytes(reason).decode() for reason in gaps["reason"])
            depth = gaps[gaps["stream"] == Stream.DEPTH]
            for gap in depth:
                inside = (rows["start_ns"] >= gap["from_ns"]) & (rows["end_ns"] < gap["to_ns"])
                if rows["states_depth"][inside].any():
                    self.found.wrong.append(f"{market}: rows count states within a gap")
            if market.symbol.split("/")[0] in _BUSY:
                self._check_silence(market, rows, depth)
            trades = store.window(market, "trade", began_ns, 2**62)
            self._check_trades(market, trades, gaps[gaps["stream"] == Stream.TRADES])

    def _check_trades(self, market: MarketId, trades: np.ndarray, gaps: np.ndarray) -> None:
        """By the numbers that the demo gives them in an unbroken row."""
        trades = trades[trades["id"] >= 0]
        self.found.trades += len(trades)
        steps = np.diff(trades["id"])
        if (steps <= 0).any():
            self.found.wrong.append(f"{market}: trades are stored twice, or out of order")
        for k in np.flatnonzero((steps > 1) & (steps < _LEAP)):
            start, end = trades["time_ns"][k], trades["time_ns"][k + 1]
            self.found.lost += int(steps[k]) - 1
            if not ((gaps["from_ns"] < end) & (gaps["to_ns"] > start)).any():
                self.found.wrong.append(f"{market}: trades are missing without a gap")

    def _check_silence(self, market: MarketId, rows: np.ndarray, gaps: np.ndarray) -> None:
        spoke = rows["end_ns"][rows["states_depth"] > 0]
        for k in np.flatnonzero(np.diff(spoke) > _SILENT_NS):
            start, end = spoke[k], spoke[k + 1]
            if not (
                (gaps["from_ns"] <= start + NS_PER_S) & (gaps["to_ns"] >= end - NS_PER_S)
            ).any():
                seconds = (end - start) / NS_PER_S
                self.found.wrong.append(f"{market}: {seconds:.1f} s of silence without a gap")


def counts() -> tuple[int, int]:
    """Tasks of the loop and descriptors of the process."""
    return len(asyncio.all_tasks()), len(os.listdir("/proc/self/fd"))


async def with_history(folder: Path, settings: Settings) -> None:
    """Fill the store with a past, after a first collector has met the markets."""
    store = open_store(f"sqlite:///{folder / 'met'}", clock=SystemClock())
    collector = Collector(settings, store, SystemClock())
    running = asyncio.create_task(collector.run(_MARKETS))
    met = await until(lambda: len(quoted(store, _MARKETS)) == len(_MARKETS), _LIVE_WITHIN_S)
    collector.stop.set()
    await asyncio.wait_for(running, 20)
    store.close()
    if not met:
        raise RuntimeError("not all markets of the demo came up")
    await asyncio.to_thread(prefill, folder / "met", folder / "hot")


async def soak(minutes: float, seed: int, folder: Path) -> tuple[Found, tuple[int, int]]:
    """Run it; what was found, and how many tasks and descriptors are left when all is closed."""
    exchange, clock = DemoExchange(), SystemClock()
    idle = counts()
    await exchange.start(seed=seed, warm_s=_TRADED_S)
    settings = Settings(feed=_FEED, venues=venue_settings(exchange.port))
    await with_history(folder, settings)
    began_ns = clock.now_ns()
    store = open_store(f"sqlite:///{folder / 'hot'}", clock=clock)
    collector = Collector(settings, store, clock)
    running = asyncio.create_task(collector.run(_MARKETS))
    run = Soak(exchange, collector, seed, minutes)
    try:
        await run.run()
    finally:
        collector.stop.set()
        await asyncio.wait_for(running, 20)
        run.check_store(store, began_ns)
        store.close()
        await exchange.stop()
    await until(lambda: counts() <= idle, 10)
    left = tuple(now - then for now, then in zip(counts(), idle, strict=True))
    return run.found, (left[0], left[1])


def main(arguments: list[str] | None = None) -> None:
    """Run and print; fail when something is wrong or left."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    if not ALLOCATOR.items() <= os.environ.items():
        # As the product's own processes have it; the allocator looks at it when a process starts.
        words = [sys.executable, "-m", "benchmarks.fault_soak", *(arguments or sys.argv[1:])]
        os.execve(sys.executable, words, {**os.environ, **ALLOCATOR})
    log.configure("error")
    with tempfile.TemporaryDirectory() as folder:
        minutes = min(options.minutes, _MOST_MINUTES)
        found, left = asyncio.run(soak(minutes, options.seed, Path(folder)))
    late = [(m, mb) for m, mb in found.memory.tolist() if m >= minutes / 2]
    print(f"faults        {found.faults.total():>8}  of {len(found.faults)} kinds")
    print(f"gaps marked   {found.gaps.total():>8}  " + ", ".join(sorted(found.gaps)))
    print(f"books looked at {found.looks:>6}  each one that its engine had")
    print(f"books compared {found.compared:>7}  in pauses, best {LEVELS} levels")
    print(f"rows          {found.rows:>8}")
    print(f"trades        {found.trades:>8}  none twice; {found.lost} missing, each in a gap")
    print(f"memory, MB    {late[0][1]:>8.1f}  then {late[-1][1]:.1f}; slope per hour {slope(late)}")
    before = found.before or (0, 0)
    tasks, files = (f"{a} → {b}" for a, b in zip(before, found.after, strict=True))
    print(f"tasks {tasks}, descriptors {files}; left when closed: {left[0]} and {left[1]}")
    grew = any(a > b for a, b in zip(found.after, before, strict=True))
    wrong = Counter(found.wrong)
    for text, times in wrong.items():
        print(f"WRONG {times} times: {text}")
    if wrong or grew or left[0] > 0 or left[1] > 0:
        print("not as it should be")
        sys.exit(1)
    print("nothing wrong, nothing left")


if __name__ == "__main__":
    main()
