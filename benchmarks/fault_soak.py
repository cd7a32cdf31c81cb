"""Random faults every few seconds over all venue families, for half an hour: nothing wrong, nothing left.

The demo exchange runs here, the product's collector in a process of its own, as in the product; it reports
every 50 ms. All the while each book that a market serves as live must be one that its engine had; every half
minute the faults pause, every market must be live again, and its best 20 levels the engine's own. At the end:
rows and gaps in the store agree, no trade is there twice and none is missing but in a gap, tasks and
descriptors of both processes are as many as after the first pause, and none is left when all is closed.
A silence without a gap counts for the time in which both its engine and the collector's process went on.

Whether memory has grown is told of each process by itself (slope over the second half, with its 95 %
interval), and of what is in use in it: where only the process grows, it is holes between what is in use.
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
from dataclasses import dataclass, field, replace
from pathlib import Path

from app import log
from app.cli import ALLOCATOR, DEMO_MARKETS
from app.clock import NS_PER_S, SystemClock
from app.demo.faults import KINDS, STREAMS, Fault
from app.demo.server import DemoExchange, venue_settings
from app.garbage import settle
from app.market import MarketId
from app.records import State
from app.settings import FeedSettings, Settings
from app.store import open_store
from benchmarks.fault_soak_checks import Stills, Stored, Truth
from benchmarks.fault_soak_link import COUNT, LEVELS, SPOKE, CollectorProcess, Report, Work
from benchmarks.fault_soak_usage import Counts, Held, counts, more, usage
from benchmarks.prefilled import prefill, quoted

_FEED = FeedSettings(stale_after_s=3.0, backoff_s=0.1, backoff_max_s=2.0, open_timeout_s=5.0)
_MARKETS = [MarketId.parse(text) for text in DEMO_MARKETS]
_FAULTS_S = (1.0, 4.0)  # between two faults
_LASTS_S = (0.3, 3.0)
_NUMBERED = ("depth", "trade")  # streams of which a missing message can be told
_QUIET_EVERY_S = 30.0
_LIVE_WITHIN_S = 40.0
_EQUAL_WITHIN_S = 8.0
_BACK_WITHIN_S = 15.0
_CLOSED_WITHIN_S = 10.0
# Orders that come and go scatter over the heap: half an hour until it has its size.
_TRADED_S = 3600.0
_WORST = 6  # times that all links are reset at once, before memory is looked at
_AROUND_S = 1200  # that a run takes beside its minutes, at most: a longer standstill is not known
_LATE_NS = NS_PER_S // 2  # between two reports, of which there are twenty a second
_MOST_MINUTES = 240.0


@dataclass
class Found:
    """What the soak saw."""

    exchange: Held
    collector: Held
    wrong: list[str] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    looks: int = 0
    compared: int = 0
    stored: Stored = field(default_factory=Stored)
    still_ns: int = 0  # the longest standstill of the collector's process


class Soak:
    """One run over an exchange and a collector that are up."""

    def __init__(
        self, exchange: DemoExchange, collector: CollectorProcess, seed: int, minutes: float
    ):
        self._exchange, self._collector, self._minutes = exchange, collector, minutes
        self._rng = random.Random(seed)
        self._began: float | None = None  # the time of memory
        seconds = round(minutes * 60)
        self.found = Found(Held("exchange and checks", seconds), Held("collector", seconds))
        for _ in range(exchange.faults.history.maxlen or 0):
            exchange.faults.note(Fault("drop"), 0, 0)
        began_ns = self._told_ns = SystemClock().now_ns()
        self.collector_stills = Stills(began_ns, seconds + _AROUND_S)
        self.truth = {
            str(m): Truth(
                exchange.publisher(m.venue, m.symbol), Stills(began_ns, seconds + _AROUND_S)
            )
            for m in _MARKETS
        }
        collector.hearers.append(self._look)

    async def run(self) -> None:
        """Faults with pauses until the time is up, or the collector is gone."""
        playing = asyncio.create_task(self._play())
        gone = asyncio.create_task(self._collector.ended.wait())
        try:
            await asyncio.wait((playing, gone), return_when=asyncio.FIRST_COMPLETED)
            if playing.done():
                playing.result()
        finally:
            for task in (playing, gone):
                task.cancel()
            await asyncio.gather(playing, gone, return_exceptions=True)

    async def _play(self) -> None:
        await self._all_live("at the beginning")
        for _ in range(_WORST):
            self._exchange.fault(Fault("reset"))
            await asyncio.sleep(_LASTS_S[0])
            await self._all_live("after all links were reset")
        began = self._began = time.monotonic()
        exchange, collector = self.found.exchange, self.found.collector
        while time.monotonic() - began < self._minutes * 60:
            await self._faults(_QUIET_EVERY_S)
            await self._quiet()
            # After the first faults: every place that fills once has filled.
            if exchange.before is None or collector.before is None:
                exchange.before, collector.before = counts(), await self._counts()
        await self._collector.until(self._back, _BACK_WITHIN_S)

    async def _counts(self) -> Counts | None:
        """The collector's."""
        told = await self._collector.order(COUNT)
        return (told.usage.tasks, told.usage.files) if told and told.usage else None

    def _back(self, report: Report) -> bool:
        exchange, collector = self.found.exchange, self.found.collector
        if report.usage is None:
            return False
        exchange.after, collector.after = counts(), (report.usage.tasks, report.usage.files)
        return exchange.back() and collector.back()

    def _look(self, report: Report) -> None:
        """Look at every served book; note the memory each second, and when no report came in time."""
        ago_ns = round((time.monotonic() - report.at) * NS_PER_S)
        told_ns = SystemClock().now_ns() - ago_ns
        if told_ns - self._told_ns > _LATE_NS:
            self.collector_stills.mark(self._told_ns, told_ns)
        self._told_ns = told_ns
        for market, seen in report.markets.items():
            self.found.looks += 1
            if seen.state != State.LIVE.name or seen.top is None:
                continue
            if not self.truth[market].had(seen.top):
                self.found.wrong.append(f"{market} served a book that its engine never had")
        if report.usage is not None and self._began is not None:
            elapsed_s = time.monotonic() - self._began
            self.found.collector.note(elapsed_s, report.usage)
            self.found.exchange.note(elapsed_s, usage())

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
        for market in self.truth:
            self.found.compared += 1
            if not await self._equal_now(market):
                self.found.wrong.append(f"{market}: the best {LEVELS} levels are not the engine's")

    async def _equal_now(self, market: str) -> bool:
        """Hold the market still and let everything arrive: then the books must be the same."""
        truth = self.truth[market]
        town = truth.publisher.town
        town.paused = True
        try:
            truth.publisher.flush()

            def same(report: Report) -> bool:
                seen = report.markets.get(market)
                return seen is not None and seen.top == truth.top()

            return await self._collector.until(same, _EQUAL_WITHIN_S)
        finally:
            # The pause was ours: the feed must not take it for a habit of the market.
            await self._collector.order(SPOKE, market)
            town.paused = False

    async def _all_live(self, when: str) -> None:
        def ready(report: Report) -> bool:
            seen = report.markets.values()
            return len(seen) == len(_MARKETS) and all(s.whole for s in seen)

        if await self._collector.until(ready, _LIVE_WITHIN_S):
            return
        last = self._collector.report
        silent_s = time.monotonic() - last.at if last else _LIVE_WITHIN_S
        if last is None or silent_s > 1.0:
            self.found.wrong.append(f"the collector told nothing for {silent_s:.0f} s {when}")
            return
        for market in self.truth:
            seen = last.markets.get(market)
            if seen is None or not seen.whole:
                told = f"{seen.state} {seen.detail}" if seen else "not collected"
                self.found.wrong.append(f"{market} is not live {when}: {told}")


async def with_history(folder: Path, work: Work) -> None:
    """Fill the store with a past, after a first collector has met the markets."""
    store = open_store(f"sqlite:///{folder / 'met'}", clock=SystemClock())
    collector = await CollectorProcess.start(replace(work, folder=str(folder / "met")))
    met = await collector.until(
        lambda _: len(quoted(store, _MARKETS)) == len(_MARKETS), _LIVE_WITHIN_S
    )
    wrong = await collector.stop()
    store.close()
    if wrong or not met:
        raise RuntimeError("; ".join(wrong) or "not all markets of the demo came up")
    await asyncio.to_thread(prefill, folder / "met", folder / "hot")


async def soak(minutes: float, seed: int, folder: Path) -> Found:
    """Run it; what was found."""
    exchange, clock = DemoExchange(), SystemClock()
    idle = counts()
    await exchange.start(seed=seed, warm_s=_TRADED_S)
    settle()  # as the exchange's own process does
    settings = Settings(feed=_FEED, venues=venue_settings(exchange.port))
    grids = {m: exchange.publisher(m.venue, m.symbol).town.flow.spec.grid for m in _MARKETS}
    increments = {str(m): (float(grid.tick), float(grid.lot)) for m, grid in grids.items()}
    work = Work(settings.model_dump_json(), str(folder / "hot"), increments)
    await with_history(folder, work)
    began_ns = clock.now_ns()
    collector = await CollectorProcess.start(work)
    run = Soak(exchange, collector, seed, minutes)
    found = run.found
    try:
        await run.run()
    finally:
        found.wrong += await collector.stop()
        found.collector.left = collector.left
        store = open_store(f"sqlite:///{folder / 'hot'}", clock=clock, readonly=True)
        for market in _MARKETS:
            stills = run.truth[str(market)].stills | run.collector_stills
            found.stored.check(store, market, began_ns, stills)
        store.close()
        found.still_ns = run.collector_stills.longest_ns
        await exchange.stop()
    deadline = time.monotonic() + _CLOSED_WITHIN_S
    while max(left := more(counts(), idle)) > 0 and time.monotonic() < deadline:
        await asyncio.sleep(0.01)
    found.exchange.left = left
    return found


def main(arguments: list[str] | None = None) -> None:
    """Run and print; fail when something is wrong or left."""
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    if not ALLOCATOR.items() <= os.environ.items():
        # As the product's own processes have it; the allocator looks at it when a process starts.
        words = [sys.executable, "-m", "benchmarks.fault_soak", *arguments]
        os.execve(sys.executable, words, {**os.environ, **ALLOCATOR})
    log.configure("error")
    minutes = min(options.minutes, _MOST_MINUTES)
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(soak(minutes, options.seed, Path(folder)))
    sys.exit(told(found, minutes))


def told(found: Found, minutes: float) -> int:
    """Print it; the exit code."""
    stored, both = found.stored, (found.collector, found.exchange)
    print(f"faults        {found.faults.total():>8}  of {len(found.faults)} kinds")
    print(f"gaps marked   {stored.gaps.total():>8}  " + ", ".join(sorted(stored.gaps)))
    print(f"books looked at {found.looks:>6}  each one that its engine had")
    print(f"books compared {found.compared:>7}  in pauses, best {LEVELS} levels")
    print(f"rows          {stored.rows:>8}")
    print(f"trades        {stored.trades:>8}  none twice; {stored.lost} missing, each in a gap")
    print(
        f"silences      {stored.still:>8}  without a gap, for which engine or collector stood still"
    )
    longest_s = found.still_ns / NS_PER_S
    print(f"collector     {longest_s:>8.1f}  s between two of its reports, at most")
    print(f"\n{'memory':34}{'half way':>10}{'end':>10}{'slope per hour, 95 %':>28}")
    for line in (line for held in both for line in held.memory(minutes / 2)):
        print(line)
    print()
    for held in both:
        print(held.course())
    for held in both:
        print(held.counted())
    wrong = Counter(found.wrong + stored.wrong)
    for text, times in wrong.items():
        print(f"WRONG {times} times: {text}")
    if wrong or not all(held.back() and max(held.left) <= 0 for held in both):
        print("not as it should be")
        return 1
    print("nothing wrong, nothing left")
    return 0


if __name__ == "__main__":
    main()
