"""What an earlier run left in the store, so that a restart goes on where it can."""

import numpy as np

from app.clock import NS_PER_S
from app.compute.vpin import DAY_NS, HOUR_S, LiveVpin
from app.market import Market, MarketId
from app.records import Stream
from app.store.base import HotStore

_RECENT_NS = 3 * NS_PER_S


def last_data_ns(store: HotStore, market_id: MarketId, now_ns: int) -> int:
    """Receive time of the newest row that an earlier run left; 0 when there is none."""
    status = store.read_since(market_id, {"status": 0}).batches.get("status")
    if status is None or not len(status):
        return 0
    last = int(status["time_ns"][-1])
    rows = store.window(market_id, "row", last - 10 * _RECENT_NS, now_ns)
    return int(rows["received_ns"][-1]) if len(rows) else 0


def continued(market: Market, known: Market | None) -> tuple[Market, bool]:
    """A market as it is to be collected, and whether what is stored is in other increments.

    An earlier run may have found that the venue quotes finer than it says: that stays.
    """
    if known is None or (known.grid.tick, known.grid.lot) == (market.grid.tick, market.grid.lot):
        return market, False
    tick, lot = known.grid.tick, known.grid.lot
    if known.grid.exact and not market.grid.tick % tick and not market.grid.lot % lot:
        return market.with_grid(known.grid), False
    return market, True


def last_vpin(store: HotStore, market_id: MarketId, last_ns: int, now_ns: int) -> LiveVpin:
    """VPIN as of the newest data, from full buckets of a day and trades of an hour.

    Raises:
        StoreError: the store failed.
    """
    if not last_ns:
        return LiveVpin()
    gaps = store.window(market_id, "gap", last_ns - DAY_NS, now_ns)
    regrid = gaps["to_ns"][gaps["reason"] == b"grid changed"]
    # What was stored before is counted in other lots.
    begin = int(regrid.max()) if len(regrid) else 0
    hour_ns = max(last_ns - HOUR_S * NS_PER_S, begin)
    buckets = store.window(market_id, "bucket", max(last_ns - DAY_NS, begin), now_ns)
    trades = store.window(market_id, "trade", hour_ns, now_ns)
    if trades["inferred"].any():
        hour_ns = max(hour_ns - HOUR_S * NS_PER_S, begin)
        trades = store.window(market_id, "trade", hour_ns, now_ns)
    trades = trades[np.argsort(trades["time_ns"], kind="stable")]
    lost = gaps[(gaps["stream"] == Stream.TRADES) & (gaps["to_ns"] > hour_ns)]
    return LiveVpin.resumed(buckets, trades, lost)
