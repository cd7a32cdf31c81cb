"""Hundreds of markets through the whole collector on one core; the plain ccxt loop in the same run.

    python -m benchmarks.many_markets [--markets 300] [--rate 10] [--seconds 20] [--profile]

A loopback venue on the machine's other core speaks Binance's protocol. The collector (hook, ring,
compute, SQLite store) and after it `while True: await exchange.watch_order_book(symbol)`, one task a
market, each run on one core against the same traffic. CPU is the process's own time, so that other
work on the machine does not count. Exits with 1 when a state that was sent is not in the store.
"""

import argparse
import asyncio
import cProfile
import json
import multiprocessing
import os
import pstats
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import ccxt.pro
import psutil
import uvloop

from app import log
from app.clock import SystemClock
from app.collector import Collector
from app.market import MarketId
from app.settings import Settings, deep_merge
from app.store import open_store
from tests.venues.binance_protocol import settings_for
from tests.venues.scripted import ScriptedVenue

_MB = 1 << 20
_VENUE = "loop"


def _pin(core: int) -> None:
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[core % len(cores)]})


def _serve(pipe: Connection, count: int) -> None:
    """The venue's process: serves, and trades when told to."""
    _pin(1)
    uvloop.run(_trade(pipe, count))


async def _trade(pipe: Connection, count: int) -> None:
    server = ScriptedVenue(count)
    await server.start()
    loop = asyncio.get_running_loop()
    pipe.send((server.port, [f"{s.base}/{s.quote}" for s in server.symbols.values()]))
    while (order := await loop.run_in_executor(None, pipe.recv)) is not None:
        rate, seconds = order
        before = sum(server.updates_sent.values())
        began = time.process_time(), time.monotonic()
        await server.run(rate, seconds)
        await server.barrier()
        used = time.process_time() - began[0], time.monotonic() - began[1]
        pipe.send((sum(server.updates_sent.values()) - before, *used, len(server.connections)))
    await server.stop()


class Venue:
    """The other process, as a context manager."""

    def __init__(self, count: int):
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        self._process = context.Process(target=_serve, args=(other, count), daemon=True)

    def __enter__(self) -> "Venue":
        self._process.start()
        self.port, self.symbols = self.pipe.recv()
        return self

    def __exit__(self, *_: object) -> None:
        self.pipe.send(None)
        self._process.join(20)

    async def trade(self, rate: float, seconds: float) -> tuple[int, float, float, int]:
        """Trade on all markets; updates sent, the venue's CPU and wall time, its connections."""
        self.pipe.send((rate, seconds))
        return await asyncio.get_running_loop().run_in_executor(None, self.pipe.recv)


async def _until(condition: Any, what: str, seconds: float = 180.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"Not within {seconds:.0f} s: {what}.")
        await asyncio.sleep(0.05)


def _descriptors() -> dict[str, int]:
    kinds = {"sockets": 0, "store files": 0, "others": 0}
    for entry in Path("/proc/self/fd").iterdir():
        try:
            target = os.readlink(entry)
        except OSError:
            continue
        store = ".sqlite" in target
        kinds["sockets" if "socket:" in target else "store files" if store else "others"] += 1
    return kinds


async def collect(venue: Venue, rate: float, seconds: float, profile: bool) -> dict[str, Any]:
    """Trade through the whole collector."""
    clock = SystemClock()
    settings = Settings.model_validate({"venues": {_VENUE: settings_for(venue.port)}})
    ids = [MarketId(_VENUE, symbol) for symbol in venue.symbols]
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{folder}", clock=clock)
        bare_mb = psutil.Process().memory_info().rss / _MB
        collector = Collector(settings, store, clock)
        began = time.monotonic()
        running = asyncio.create_task(collector.run(ids))
        tasks = collector._tasks

        def started() -> int:
            return sum(t.feed.status.states_depth > 0 for t in tasks.values())

        await _until(lambda: started() == len(ids), "all markets have started")
        start_s = time.monotonic() - began
        await asyncio.sleep(1.0)

        if profile:
            profiler = cProfile.Profile()
            profiler.enable()
        cpu = time.process_time()
        sent, venue_cpu, took, connections = await venue.trade(rate, seconds)
        cpu = time.process_time() - cpu
        if profile:
            profiler.disable()
            pstats.Stats(profiler).sort_stats("tottime").print_stats(45)
        await asyncio.sleep(2.0)
        status = [t.feed.status for t in tasks.values()]
        memory_mb = psutil.Process().memory_info().rss / _MB
        descriptors = _descriptors()
        quotes = sum(s.states_best for s in status)
        gaps = sum(s.gaps_by_reason.total() for s in status)
        collector.stop.set()
        await running
        rows = sum(int(store.window(m, "row", 0, 2**62)["states_depth"].sum()) for m in ids)
        seen = rows - len(ids)  # each began with a snapshot
        store.close()
    return {
        "sent": sent,
        "stored": seen,
        "gaps": gaps,
        "quotes": quotes,
        "start_s": round(start_s, 1),
        "took_s": round(took, 1),
        "cpu_share": round(cpu / took, 3),
        "us_per_update": round(cpu / sent * 1e6, 1),
        "venue_cpu_share": round(venue_cpu / took, 3),
        "memory_mb": round(memory_mb),
        "kb_per_market": round((memory_mb - bare_mb) * 1024 / len(ids)),
        "descriptors": descriptors,
        "connections": connections,
    }


async def plain(venue: Venue, rate: float, seconds: float) -> dict[str, Any]:
    """The same traffic with a plain ccxt loop for each market."""
    table = settings_for(venue.port)["ccxt"]
    exchange = ccxt.pro.binance(deep_merge(table, {"newUpdates": True}))
    seen: dict[str, set[int]] = {symbol: set() for symbol in venue.symbols}

    async def watch(symbol: str) -> None:
        while True:
            book = await exchange.watch_order_book(symbol)
            seen[symbol].add(book["nonce"])

    await exchange.load_markets()
    tasks = [asyncio.create_task(watch(symbol)) for symbol in seen]
    try:
        await _until(lambda: all(seen.values()), "the plain loops have started")
        await asyncio.sleep(1.0)
        before = sum(map(len, seen.values()))
        cpu = time.process_time()
        sent, _, took, _ = await venue.trade(rate, seconds)
        cpu = time.process_time() - cpu
        await asyncio.sleep(1.0)
        count = sum(map(len, seen.values())) - before
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await exchange.close()
    return {
        "sent": sent,
        "seen": count,
        "seen_share": round(count / sent, 4),
        "cpu_share": round(cpu / took, 3),
        "us_per_update": round(cpu / sent * 1e6, 1),
    }


def main(arguments: list[str] | None = None) -> None:
    """Print both; fail when the collector lost a state."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--markets", type=int, default=300)
    parser.add_argument("--rate", type=float, default=10.0, help="updates a second of each market")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--without-plain", action="store_true")
    parser.add_argument("--log", default="error", help="level of the log")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(arguments)
    log.configure(args.log)
    _pin(0)
    with Venue(args.markets) as venue:
        ours = uvloop.run(collect(venue, args.rate, args.seconds, args.profile))
    result = {"markets": args.markets, "rate": args.rate, "collector": ours}
    if not args.without_plain:
        with Venue(args.markets) as venue:
            result["plain"] = uvloop.run(plain(venue, args.rate, args.seconds))
    if args.json:
        print(json.dumps(result))
    else:
        for name in ("collector", "plain"):
            print(f"{args.markets} markets at {args.rate:g} updates/s: {name}")
            for key, value in result.get(name, {}).items():
                print(f"  {key:16} {value}")
    sys.exit(0 if ours["stored"] == ours["sent"] and not ours["gaps"] else 1)


if __name__ == "__main__":
    main()
