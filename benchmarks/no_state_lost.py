"""Every update that a venue sends is a state at the ring; a plain ccxt loop in the same run loses some.

    python -m benchmarks.no_state_lost [--seconds 20] [--rate 1000] [--burst 10]

A loopback venue speaks Binance's protocol; two clients subscribe to the same book: the feed with its
hook, and `while True: await exchange.watch_order_book(symbol)` of the same ccxt. Exits with 1 when the
feed missed a state.
"""

import argparse
import asyncio
import json
import sys
import time

import ccxt.pro

from app.clock import SystemClock
from app.feeds.ccxt_stream import open_venue
from app.feeds.ring import Ring
from app.market import MarketId
from app.settings import FeedSettings, VenueSettings, deep_merge
from tests.venues.binance_protocol import settings_for
from tests.venues.scripted import ScriptedVenue

SYMBOL = "AAA/USDT"


async def _plain_loop(exchange: ccxt.pro.Exchange, seen: set[int]) -> None:
    while True:
        book = await exchange.watch_order_book(SYMBOL)
        seen.add(book["nonce"])


async def _drain(ring: Ring, ids: list[int]) -> None:
    """What the collector does: take the ring every 100 ms."""
    while True:
        await asyncio.sleep(0.1)
        ids.extend(ring.depth.take().update_id.tolist())


async def _until(condition: object, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        if time.monotonic() > deadline:
            raise SystemExit("The clients did not come up; see the log above.")
        await asyncio.sleep(0.05)


async def measure(rate: float, seconds: float, burst: int) -> dict[str, float]:
    """Run both clients on one venue; returns counts of updates sent and seen."""
    server = ScriptedVenue(1)
    await server.start()
    table = settings_for(server.port)
    ring, ids, plain_seen = Ring(), [], set()
    venue = open_venue("loop", VenueSettings(**table), FeedSettings(), ring, SystemClock())
    await venue.open()
    feed = venue.add(MarketId("loop", SYMBOL), 0)
    plain = ccxt.pro.binance(deep_merge(table["ccxt"], {"newUpdates": True}))
    tasks = [
        asyncio.create_task(_plain_loop(plain, plain_seen)),
        asyncio.create_task(_drain(ring, ids)),
    ]
    try:
        await _until(lambda: feed.status.states_depth and plain_seen)
        await server.barrier()
        await asyncio.sleep(0.3)
        ids.clear()
        plain_seen.clear()
        begun = time.monotonic()
        await server.run(rate, seconds, burst)
        took = time.monotonic() - begun
        await server.barrier()
        await asyncio.sleep(0.3)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await venue.close()
        await plain.close()
        await server.stop()
    sent = server.updates_sent["AAAUSDT"]
    return {
        "sent": sent,
        "seconds": round(took, 2),
        "hook": len(set(ids)),
        "hook_share": round(len(set(ids)) / sent, 4),
        "gaps": sum(feed.status.gaps_by_reason.values()),
        "plain_loop": len(plain_seen),
        "plain_loop_share": round(len(plain_seen) / sent, 4),
    }


def main() -> None:
    """Print both counts; fail when the feed lost a state."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rate", type=float, default=1000.0, help="updates a second")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--burst", type=int, default=10, help="updates written at once")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    result = asyncio.run(measure(args.rate, args.seconds, args.burst))
    if args.json:
        print(json.dumps(result))
    else:
        print(f"updates sent            {result['sent']:>8}   in {result['seconds']} s")
        print(f"states seen by the hook {result['hook']:>8}   {result['hook_share']:.2%}")
        print(
            f"seen by a plain loop    {result['plain_loop']:>8}   {result['plain_loop_share']:.2%}"
        )
    sys.exit(0 if result["hook"] == result["sent"] and not result["gaps"] else 1)


if __name__ == "__main__":
    main()
