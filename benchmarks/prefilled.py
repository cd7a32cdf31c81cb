"""A store that begins with a past of live markets, so that what a look-back bounds is full from the start.

What grows in a run that begins so would grow for ever. The past is made up (`tests/web_market.py`), in the
increments and at the price that the markets have in another store, where a collector had them for a moment.
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from app.clock import SystemClock
from app.market import MarketId
from app.records import NO_BID, Batch
from app.store import HotStore, open_store
from tests.web_market import Walk, fill

HISTORY_MIN = 75.0


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


def main(known: Path, folder: Path, minutes: float) -> None:
    """Fill."""
    clock = SystemClock()
    source, target = (open_store(f"sqlite:///{f}", clock=clock) for f in (known, folder))
    described = source.markets()
    for market_id, summary in quoted(source, list(described)).items():
        market = described[market_id]
        price = float(market.grid.price(int(summary["bid"])))
        fill(target, Walk(market, price), minutes, clock.now_ns())
    for store in (source, target):
        store.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]))
