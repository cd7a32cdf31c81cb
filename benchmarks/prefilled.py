"""A store that begins with a past of live markets, so that what a look-back bounds is full from the start.

What grows in a run that begins so would grow for ever. The past is made up (`tests/web_market.py`), in the
increments and at the price that the markets have in another store, where a collector had them for a moment,
and trades as often as the demo does: what is kept of an hour with more trades takes more memory.
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from app.clock import SystemClock
from app.demo.engine import Fill
from app.demo.flow import Flow, Quote
from app.demo.world import World
from app.market import MarketId
from app.records import NO_BID, Batch
from app.store import HotStore, open_store
from tests.web_market import fill
from tests.web_walk import Walk

HISTORY_MIN = 75.0
_TRIAL_S = 600.0  # of simulated time, to learn how often the demo trades
_STEP_S = 0.1


def quoted(store: HotStore, markets: Sequence[MarketId]) -> dict[MarketId, Batch]:
    """The newest summary of those markets that have a price."""
    held = store.markets()
    news = {m: store.read_since(m, {"summary": 0}).batches for m in markets if m in held}
    last = {m: batches["summary"][-1] for m, batches in news.items() if "summary" in batches}
    return {m: summary for m, summary in last.items() if summary["bid"] > NO_BID}


def prefill(known: Path, folder: Path, minutes: float = HISTORY_MIN) -> None:
    """Fill the store of a folder with a past, that ends now, of the markets that another one knows.

    It runs in a process of its own: what it needs for a moment is not of whoever measures memory here.
    """
    words = [sys.executable, "-m", "benchmarks.prefilled", known, folder, minutes]
    subprocess.run(list(map(str, words)), check=True)


class _Counter:
    """Counts the trades of a market."""

    def __init__(self) -> None:
        self.trades = 0

    def on_best(self, flow: Flow, quote: Quote) -> None:
        """Nothing of interest."""

    def on_fill(self, flow: Flow, fill: Fill) -> None:
        """One more."""
        self.trades += 1


def trades_per_step() -> dict[MarketId, float]:
    """How many trades each market of the demo has in 100 ms, on the average."""
    world, counters = World(seed=2), {}
    for (venue, _), town in world.towns.items():
        counter = counters[MarketId(venue, town.flow.spec.symbol)] = _Counter()
        town.flow.listeners.append(counter)
    world.advance(_TRIAL_S)
    return {market: one.trades / _TRIAL_S * _STEP_S for market, one in counters.items()}


def main(known: Path, folder: Path, minutes: float) -> None:
    """Fill."""
    clock = SystemClock()
    source, target = (open_store(f"sqlite:///{f}", clock=clock) for f in (known, folder))
    described, usual = source.markets(), trades_per_step()
    for market_id, summary in quoted(source, list(described)).items():
        market = described[market_id]
        walk = Walk(market, float(market.grid.price(int(summary["bid"]))))
        walk.trades_per_step = usual.get(market_id, walk.trades_per_step)
        fill(target, walk, minutes, clock.now_ns())
    for store in (source, target):
        store.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]))
