"""Server time per page and update: 50 pages that watch the same view, against 50 views of their own.

The baseline computes and serialises every page's frames for it alone, as a server without a hub does.
Both run on one real gunicorn worker over a store that a made-up market writes ten times a second; the
figure is the worker's CPU time, less what it takes without pages; `one page` shows what of it is the
same for any number of pages. On a machine so busy that the baseline falls behind, its pages get
snapshots: fewer and larger frames.

    python -m benchmarks fan_out
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from app.web.frames import decode
from tests.web_client import LivePage, live_page
from tests.web_collector import collecting
from tests.web_server import server_process

PAGES = 50
MEASURE_S = 8.0
SETTLE_S = 2.0
MARKET = "binance:BTC/USDT"


@dataclass
class Count:
    """What all pages received while it was measured."""

    updates: int = 0
    octets: int = 0
    delays_ms: list[float] | None = None


async def watch(page: LivePage, count: Count, until: float) -> None:
    """Receive updates as a page does, without keeping them."""
    while True:
        left = until - time.monotonic()
        if left <= 0:
            return
        try:
            data = await asyncio.wait_for(page.socket.recv(), left)
        except TimeoutError:
            return
        if isinstance(data, bytes):
            count.updates += 1
            count.octets += len(data)
            if count.delays_ms is not None:
                count.delays_ms.append(time.time() * 1e3 - decode(data)[0]["times"]["sent_ms"])


def view_of(number: int, *, own: bool) -> dict[str, int]:
    """The view of a page: everybody's, or one that no other page has."""
    wish = {"range_s": 900, "window_s": 10, "depth": 10}
    return wish | {"window_s": 10 + number} if own else wish


async def measure(
    base_url: str, worker: psutil.Process, pages: int, *, own: bool
) -> tuple[float, Count]:
    """CPU seconds of the worker, and what the pages received in `MEASURE_S`."""
    async with asyncio.TaskGroup() as group, AsyncPages(base_url, pages) as connected:
        for number, page in enumerate(connected):
            await page.view(1, MARKET, **view_of(number, own=own))
        warm = Count()
        ready = [group.create_task(watch(p, warm, time.monotonic() + SETTLE_S)) for p in connected]
        await asyncio.gather(*ready) if ready else await asyncio.sleep(SETTLE_S)
        count, cpu = Count(delays_ms=[]), sum(worker.cpu_times()[:2])
        until = time.monotonic() + MEASURE_S
        tasks = [group.create_task(watch(page, count, until)) for page in connected]
        await asyncio.gather(*tasks) if tasks else await asyncio.sleep(MEASURE_S)
        return sum(worker.cpu_times()[:2]) - cpu, count


class AsyncPages:
    """So many connections, open while the block runs."""

    def __init__(self, base_url: str, count: int):
        self.base_url, self.count = base_url, count

    async def __aenter__(self) -> list[LivePage]:
        self.contexts = [live_page(self.base_url) for _ in range(self.count)]
        return [await context.__aenter__() for context in self.contexts]

    async def __aexit__(self, *failure: object) -> None:
        for context in self.contexts:
            await context.__aexit__(None, None, None)


async def compare(base_url: str, worker: psutil.Process) -> None:
    """Measure and print."""
    idle, _ = await measure(base_url, worker, 0, own=False)
    figures = {}
    for name, pages, own in (
        ("one page", 1, False),
        ("shared", PAGES, False),
        ("own", PAGES, True),
    ):
        cpu, count = await measure(base_url, worker, pages, own=own)
        each = (cpu - idle) / max(1, count.updates) * 1e6
        figures[name] = each
        rate = count.updates / pages / MEASURE_S
        late = statistics.median(count.delays_ms or [0.0])
        size = count.octets / max(1, count.updates) / 1e3
        print(
            f"{name:>9}: {pages:3} pages, {rate:4.1f} updates/s each, {size:5.2f} kB an update, "
            f"{each:7.1f} µs a page and update, {cpu / MEASURE_S:6.1%} of a core, "
            f"{late:6.1f} ms from sending to receiving (median)"
        )
    print(
        f"{PAGES} pages on one view cost {figures['shared']:.0f} µs a page and update; with frames made "
        f"for each page {figures['own']:.0f} µs: {figures['own'] / figures['shared']:.1f} times as much."
    )


def main(_: Sequence[str]) -> None:
    """Run it; about 50 s."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        with (
            collecting(directory, minutes=16),
            server_process(directory, workers=1) as (url, parent),
        ):
            (worker,) = psutil.Process(parent.pid).children()
            asyncio.run(compare(url, worker))


if __name__ == "__main__":
    main(sys.argv[1:])
