"""A small simulated market for the pictures: queues, orders, cancellations and trades from one seed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

S_NS = 1_000_000_000
LEVELS = 10
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Market:
    """States and prints; `price`, `size` are `[n, 2, LEVELS]` ticks and lots."""

    time_ns: Ints
    price: Ints
    size: Ints
    trade_ns: Ints
    trade_price: Ints
    trade_size: Ints
    trade_side: NDArray[np.int8]


def simulate(events: int = 24_000, seed: int = 7) -> Market:
    """A book whose queues are eaten from both sides; a slow tide makes takers agree for a while."""
    rng = np.random.default_rng(seed)
    time_ns = np.cumsum(rng.exponential(0.15, events) * S_NS).astype(np.int64)
    # Sizes by tick; a generous range around the start.
    size = {1: rng.integers(5, 60, 4000), -1: rng.integers(5, 60, 4000)}
    bid, ask, tide = 1999, 2000, 0.0
    price, sizes = np.empty((events, 2, LEVELS), np.int64), np.empty((events, 2, LEVELS), np.int64)
    trades = []
    steps = np.arange(LEVELS)
    for k in range(events):
        tide = 0.999 * tide + 0.012 * rng.normal()
        buyers = rng.random() < 0.5 + 0.35 * np.tanh(tide)
        kind, lots = rng.random(), int(rng.integers(1, 12))
        level = min(int(rng.geometric(0.45)) - 1, LEVELS - 1)
        if kind < 0.45:  # a new order on the side of the tide
            side, at = (1, bid - level) if buyers else (-1, ask + level)
            if ask - bid > 1 and level == 0:  # into the spread
                at += side
                bid, ask = (at, ask) if buyers else (bid, at)
                size[side][at] = 0
            size[side][at] += lots
        else:  # a cancellation or a trade on the other side
            side = -1 if buyers else 1
            at = ask if side < 0 else bid
            if kind < 0.7:
                at = ask + level if side < 0 else bid - level
            else:
                lots = min(lots, int(size[side][at]))
                trades.append((time_ns[k], at, lots, 1 if buyers else -1))
            size[side][at] -= min(lots, int(size[side][at]))
        if (
            min(size[-1][ask], size[1][bid]) == 0 and rng.random() < 0.3
        ):  # nobody follows: it widens
            bid, ask = (bid, ask + 1) if size[-1][ask] == 0 else (bid - 1, ask)
            size[1][bid], size[-1][ask] = max(1, size[1][bid]), max(1, size[-1][ask])
        elif size[-1][ask] == 0:
            size[1][ask], size[-1][ask + 1] = rng.integers(2, 20), max(1, size[-1][ask + 1])
            bid, ask = ask, ask + 1
        elif size[1][bid] == 0:
            size[-1][bid], size[1][bid - 1] = rng.integers(2, 20), max(1, size[1][bid - 1])
            bid, ask = bid - 1, bid
        price[k] = bid - steps, ask + steps
        sizes[k] = size[1][bid - steps], size[-1][ask + steps]
    columns = np.array(trades, np.int64).T
    return Market(time_ns, price, sizes, *columns[:3], columns[3].astype(np.int8))
