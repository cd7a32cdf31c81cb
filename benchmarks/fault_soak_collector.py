"""The collector of `benchmarks.fault_soak`: a process of its own, as in the product, that reports on itself.

It is started by the other one (`fault_soak_link.CollectorProcess`), and ends when that is gone.
"""

import asyncio
import sys
import time

import orjson
import uvloop

from app import log
from app.clock import SystemClock
from app.collector import Collector
from app.feeds.market_feed import CcxtMarketFeed
from app.market import MarketId
from app.settings import Settings
from app.store import open_store
from benchmarks.fault_soak_link import SPOKE, STOP, Report, Seen, Work
from benchmarks.fault_soak_usage import counts, more, usage
from tests.venues.matrix import best_levels, live, until

_REPORT_S = 0.05
_USAGE_S = 1.0
_END_S = 20.0
_LEFT_S = 10.0


def top_of(feed: CcxtMarketFeed, tick: float, lot: float) -> int | None:
    """The hash of the best levels of the book that a feed serves."""
    view = feed.book()
    return None if view is None else hash(best_levels(view, tick, lot))


def say(value: object) -> None:
    """A line to the other process."""
    sys.stdout.buffer.write(orjson.dumps(value) + b"\n")
    sys.stdout.buffer.flush()


class Reporter:
    """Tells of a collector that is up, and does what it is told to."""

    def __init__(self, collector: Collector, work: Work):
        self._collector, self._grids = collector, work.grids
        self._done = 0

    def _feeds(self) -> dict[str, CcxtMarketFeed]:
        tasks = self._collector._tasks.values()
        return {str(t.market.id): t.feed for t in tasks if isinstance(t.feed, CcxtMarketFeed)}

    def _seen(self, market: str, feed: CcxtMarketFeed) -> Seen:
        top = top_of(feed, *self._grids[market])
        return Seen(feed.status.state.name, feed.status.detail, live(feed), top)

    def report(self, *, full: bool) -> None:
        """Tell of this moment; of the process, too, when it is to be `full`."""
        at, seen = time.monotonic(), {m: self._seen(m, feed) for m, feed in self._feeds().items()}
        say(Report(at, self._done, seen, usage() if full else None))

    async def run(self) -> None:
        """Report again and again."""
        full_at = 0.0
        while True:
            full = (now := time.monotonic()) >= full_at
            full_at = now + _USAGE_S if full else full_at
            self.report(full=full)
            await asyncio.sleep(_REPORT_S)

    async def obey(self, orders: asyncio.StreamReader) -> None:
        """Do what is ordered, and report at once, until told to stop or nobody is there to tell."""
        while (words := (await orders.readline()).decode().split()) and words[0] != STOP:
            feed = self._feeds().get(words[-1])
            if words[0] == SPOKE and feed is not None:
                feed.pace.spoke(SystemClock().now_ns(), beginning=True)
            self._done += 1
            self.report(full=True)


async def collect() -> None:
    """Collect until told to stop; then tell what is left."""
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(orders), sys.stdin
    )
    work = Work(**orjson.loads(await orders.readline()))
    idle, clock = counts(), SystemClock()
    store = open_store(f"sqlite:///{work.folder}", clock=clock)
    collector = Collector(Settings.model_validate_json(work.settings), store, clock)
    reporter = Reporter(collector, work)
    running = asyncio.create_task(collector.run(map(MarketId.parse, work.grids)))
    beside = [asyncio.create_task(reporter.run()), asyncio.create_task(reporter.obey(orders))]
    try:
        ended, _ = await asyncio.wait((running, *beside), return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            task.result()  # what broke must not pass unheard
    finally:
        collector.stop.set()
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        await asyncio.wait_for(running, _END_S)
        store.close()
    await until(lambda: max(more(counts(), idle)) <= 0, _LEFT_S)
    say({"left": more(counts(), idle)})


if __name__ == "__main__":
    log.configure("error")
    uvloop.run(collect())
