"""Feature rows for one state from each of 300 markets in a batch, against market by market.

`python -m benchmarks.compute_rows` prints microseconds per state of the batch across markets, and of the
same code called once a market; then what the scores of all markets cost a second, by look-back. Takes some
10 s.
"""

from dataclasses import fields, replace

import numpy as np

from app.clock import monotonic_ns
from app.compute.rows import RowBuilder
from app.compute.scores import LiveScore
from app.compute.states import BookStates, no_states, no_trades
from app.records import LEVELS, ROW_NS

MARKETS = 300
ROUNDS = 60
T0 = 1_700_000_000_000_000_000


def states(markets: np.ndarray, time_ns: int, levels: int, seed: int) -> BookStates:
    """One state of each market."""
    rng = np.random.default_rng(seed)
    n = len(markets)
    steps = np.arange(1, levels + 1)
    middle = rng.integers(10_000, 10_003, n)[:, None]
    return BookStates(
        markets.astype(np.int32),
        np.full(n, time_ns),
        np.full(n, -1),
        np.zeros(n, np.int64),
        np.full(n, levels, np.int32),
        np.stack([middle - steps, middle + steps], axis=1),
        rng.integers(1, 100, (n, 2, levels)),
    )


def pick(batch: BookStates, k: int) -> BookStates:
    """The state of one market, as the only market of its builder."""
    one = BookStates(*(getattr(batch, f.name)[k : k + 1] for f in fields(batch)))
    return replace(one, market=one.market * 0)


def scores(lookback_s: int) -> float:
    """Milliseconds for a score of each market, the look-back being full; the best of a minute."""
    live = [LiveScore(lookback_s) for _ in range(MARKETS)]
    values = np.random.default_rng(1).integers(-(10**6), 10**6, (lookback_s + 60, MARKETS)).tolist()
    times = []
    for second, row in enumerate(values):
        start = monotonic_ns()
        for one, value in zip(live, row, strict=True):
            one.push(second, value)
        times.append(monotonic_ns() - start)
    return min(times[-60:]) / 1e6


def main(_: list[str]) -> None:
    """Print both and their ratio."""
    everyone = np.arange(MARKETS)
    for name in ("best", "depth", "best and depth"):
        together, apart = RowBuilder(MARKETS), [RowBuilder(1) for _ in everyone]
        times: tuple[list[int], list[int]] = ([], [])
        for k in range(ROUNDS):
            end = T0 + (k + 1) * ROW_NS
            best = states(everyone, end - 1, 1, k) if "best" in name else no_states(1)
            depth = states(everyone, end - 1, LEVELS, k) if "depth" in name else no_states(LEVELS)
            start = monotonic_ns()
            together.update(best, depth, no_trades(), end)
            times[0].append(monotonic_ns() - start)
            if k >= 5:
                continue
            alone = [(pick(best, m), pick(depth, m)) for m in everyone]
            start = monotonic_ns()
            for builder, (one, deep) in zip(apart, alone, strict=True):
                builder.update(one, deep, no_trades(), end)
            times[1].append(monotonic_ns() - start)
        n = MARKETS * (2 if "and" in name else 1)
        batch, single = (min(t) / 1e3 / n for t in times)
        print(
            f"rows of {MARKETS} markets, {name:<14}: {batch:6.2f} µs a state, "
            f"{batch / single:7.4f} × market by market ({single:.1f} µs)"
        )
    short, usual, long = (scores(lookback_s) for lookback_s in (300, 1800, 7200))
    print(
        f"scores of {MARKETS} markets, each second: {usual:.2f} ms at half an hour, {short:.2f} ms at five "
        f"minutes, {long:.2f} ms at two hours"
    )


if __name__ == "__main__":
    main([])
