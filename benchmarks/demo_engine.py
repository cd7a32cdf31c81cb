"""The demo's matching engine against a naive one on sorted lists, same orders, same run.

    python -m benchmarks.demo_engine [--events 200000] [--json]

The naive engine keeps one sorted list of orders per side, inserts by bisection and finds an order to
cancel by searching the list. Exits with 1 when the two disagree on what traded, or when the engine
stays under 50,000 events a second.
"""

import argparse
import json
import sys
import time
from bisect import insort
from random import Random

from app.demo.engine import BUY, SELL, Engine

WANTED_PER_S = 50_000
RESTING = 2_000


class NaiveEngine:
    """Price–time priority on a sorted list per side: (−side × price, arrival, id, [size])."""

    def __init__(self) -> None:
        self._sides: dict[int, list[tuple[int, int, int, list[int]]]] = {BUY: [], SELL: []}
        self._next_id = 1
        self.fills: list[tuple[int, int, int]] = []

    def limit(self, side: int, price: int, size: int) -> int:
        order_id = self._next_id
        self._next_id += 1
        rest = self._match(side, price, size)
        if rest:
            insort(self._sides[side], (-side * price, order_id, order_id, [rest]))
        return order_id

    def market(self, side: int, size: int) -> int:
        return self._match(side, None, size)

    def cancel(self, order_id: int) -> int:
        for orders in self._sides.values():
            for k, (_, _, found, size) in enumerate(orders):
                if found == order_id:
                    del orders[k]
                    return size[0]
        return 0

    def _match(self, side: int, price: int | None, size: int) -> int:
        orders = self._sides[-side]
        while size and orders:
            key, _, order_id, left = orders[0]
            at = side * key
            if price is not None and side * (price - at) < 0:
                break
            traded = min(size, left[0])
            size -= traded
            left[0] -= traded
            self.fills.append((order_id, at, traded))
            if not left[0]:
                orders.pop(0)
        return size


def orders(events: int) -> list[tuple[int, int, int, int]]:
    """(kind, side, price or pick, size): limit 0, cancel 1, market 2, about as in the demo's flow."""
    rng = Random(1)
    result = []
    for k in range(events + RESTING):
        side = rng.choice((BUY, SELL))
        u = 0.0 if k < RESTING else rng.random()
        if u < 0.5:
            price = 100_000 - side * (1 + int(rng.expovariate(1 / 400)))
            result.append((0, side, price, rng.randint(1, 1000)))
        elif u < 0.95:
            result.append((1, side, rng.randrange(10**9), 0))
        else:
            result.append((2, side, 0, rng.randint(1, 3000)))
    return result


def run(engine: Engine | NaiveEngine, stream: list[tuple[int, int, int, int]]) -> float:
    """Events a second, without the filling of the book."""
    live: list[int] = []
    start = 0.0
    for k, (kind, side, value, size) in enumerate(stream):
        if k == RESTING:
            start = time.perf_counter()
        if kind == 0:
            live.append(engine.limit(side, value, size))
        elif kind == 1:
            pick = value % len(live)
            live[pick], live[-1] = live[-1], live[pick]
            engine.cancel(live.pop())
        else:
            engine.market(side, size)
    return (len(stream) - RESTING) / (time.perf_counter() - start)


def main() -> None:
    """Print both speeds; fail when they disagree or the engine is too slow."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    stream = orders(args.events)
    engine, naive = Engine(), NaiveEngine()
    fast, slow = run(engine, stream), run(naive, stream)
    equal = [(f.maker_id, f.price, f.size) for f in engine.fills] == naive.fills
    result = {
        "events": args.events,
        "engine_per_s": round(fast),
        "naive_per_s": round(slow),
        "ratio": round(fast / slow, 1),
        "fills": len(naive.fills),
        "equal": equal,
    }
    if args.json:
        print(json.dumps(result))
    else:
        print(f"engine       {fast:>10,.0f} events/s   wanted {WANTED_PER_S:,}")
        print(
            f"sorted lists {slow:>10,.0f} events/s   the engine is {fast / slow:.1f} times faster"
        )
        print(f"fills        {len(naive.fills):>10,}   {'equal' if equal else 'DIFFERENT'}")
    sys.exit(0 if equal and fast >= WANTED_PER_S else 1)


if __name__ == "__main__":
    main()
