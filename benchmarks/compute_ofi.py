"""Event OFI at ten levels in int64, against vectorised pandas in the same run.

`python -m benchmarks.compute_ofi` prints states per second of both and their ratio, for batches as the
importers read them and for one array that fits no cache. Takes some 10 s.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from app.clock import monotonic_ns
from app.compute.ofi import event_ofi

LEVELS = 10
REPEATS = 15


def books(n: int) -> tuple[np.ndarray, np.ndarray]:
    """A random walk of a ten-level book: a third of the states move the best price."""
    rng = np.random.default_rng(1)
    middle = 100_000 + np.cumsum(rng.choice([-1, 0, 0, 0, 0, 1], n))
    steps = np.arange(1, LEVELS + 1)
    price = np.stack([middle[:, None] - steps, middle[:, None] + steps], axis=1)
    return np.ascontiguousarray(price), rng.integers(1, 1000, (n, 2, LEVELS))


def fastest(work: Callable[[], object]) -> float:
    """Seconds of the fastest of some runs: what the code costs, not what the neighbours do."""
    times = []
    for _ in range(REPEATS):
        start = monotonic_ns()
        work()
        times.append(monotonic_ns() - start)
    return min(times) / 1e9


def with_pandas(frame: pd.DataFrame) -> pd.DataFrame:
    """The same by whole columns: shift, compare, multiply."""
    before = frame.shift(1)
    result = {}
    for m in range(LEVELS):
        pb, qb, pa, qa = (frame[f"{n}{m}"] for n in ("pb", "qb", "pa", "qa"))
        pb0, qb0, pa0, qa0 = (before[f"{n}{m}"] for n in ("pb", "qb", "pa", "qa"))
        bid = qb * (pb >= pb0) - qb0 * (pb <= pb0)
        ask = qa * (pa <= pa0) - qa0 * (pa >= pa0)
        result[m] = bid - ask
    return pd.DataFrame(result)


def main(_: list[str]) -> None:
    """Print both and their ratio."""
    for n in (20_000, 500_000):
        price, size = books(n)
        columns = {}
        for m in range(LEVELS):
            columns |= {f"pb{m}": price[:, 0, m], f"qb{m}": size[:, 0, m]}
            columns |= {f"pa{m}": price[:, 1, m], f"qa{m}": size[:, 1, m]}
        frame = pd.DataFrame(columns)
        assert (with_pandas(frame).iloc[1:].to_numpy() == event_ofi(price, size)).all()
        ours = n / fastest(lambda: event_ofi(price, size)) / 1e6  # noqa: B023
        theirs = n / fastest(lambda: with_pandas(frame)) / 1e6  # noqa: B023
        print(
            f"event OFI, {LEVELS} levels, {n:>7,} states: {ours:6.1f} million states/s, "
            f"{ours / theirs:5.1f} × vectorised pandas ({theirs:.2f} million/s)"
        )


if __name__ == "__main__":
    main([])
