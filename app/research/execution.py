"""Trade lag and spread decomposition of an archive, read in pieces of bounded size."""

from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.archive import Reader
from app.compute import spread, trades
from app.compute.book import mid as mid_of
from app.compute.decomposition import removed_by_event
from app.records import ROW_NS
from app.research.binning import CHUNK_NS, Source
from app.research.sides import Sides

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
_S_NS = 1_000_000_000
_REACH_NS = round(max(spread.HORIZONS_S) * _S_NS)


def execution(reader: Reader, best_from_depth: bool) -> dict[str, Any]:
    """`trade_lag_ms` and `spread` by horizon; null where the archive has no trades.

    Feeds that sequence trades and book together have no lag: a trade then sees the state before it.
    """
    if not reader.has("trades"):
        return {"trade_lag_ms": None, "spread": None}
    lag_ns = 0 if reader.sequenced else _lag(reader, best_from_depth)
    before_ns = 1 if reader.sequenced else lag_ns
    quotes = _quotes(reader, best_from_depth)
    # Of trades without a side the quotes of their own piece are asked for: these reach beyond it.
    prints, sides, own = Source(reader.trades()), Sides(reader), _quotes(reader, best_from_depth)
    totals = {h: spread.Totals() for h in spread.HORIZONS_S}
    mid_ns, mid = np.zeros(0, np.int64), np.zeros(0)
    for start in range(reader.start_ns - 1, reader.end_ns, CHUNK_NS):
        end = start + CHUNK_NS
        fresh = [(b.time_ns, _mids(b)) for b in quotes.upto(end + _REACH_NS)]
        mid_ns = np.concatenate([mid_ns, *(t for t, _ in fresh)])
        mid = np.concatenate([mid, *(m for _, m in fresh)])
        quoted = list(own.upto(end)) if sides.needed else []
        for t in sides.fill(quoted, list(prints.upto(end))):
            for h, total in totals.items():
                ends = (h, before_ns, reader.end_ns)
                total.add(t.time_ns, t.price, t.size, t.side, mid_ns, mid, *ends)
        # The next piece needs the last mid before it, the lag taken off.
        keep = max(int(np.searchsorted(mid_ns, end - trades.MAX_LAG_NS)) - 1, 0)
        mid_ns, mid = mid_ns[keep:], mid[keep:]
    parts = {f"{h}s": asdict(total.parts(h)) for h, total in totals.items()}
    return {"trade_lag_ms": lag_ns / 1e6, "spread": parts}


def _quotes(reader: Reader, best_from_depth: bool) -> Source:
    return Source(reader.depth(1) if best_from_depth else reader.best())


def _mids(batch: Any) -> Floats:
    return mid_of(batch.price[:, 0, 0], batch.price[:, 1, 0])


def _lag(reader: Reader, best_from_depth: bool) -> int:
    """The lag of the first ten minutes."""
    end = reader.start_ns + CHUNK_NS
    quotes = _quotes(reader, best_from_depth)
    states = list(quotes.upto(end))
    prints = Sides(reader).fill(states, list(Source(reader.trades()).upto(end)))
    if not states or not prints:
        return 0
    time_ns, price, size, epoch = (
        np.concatenate([getattr(b, n) for b in states])
        for n in ("time_ns", "price", "size", "epoch")
    )
    same = np.diff(epoch) == 0
    removed, _, _ = removed_by_event(price[:, :, 0], size[:, :, 0], np.zeros(len(same), np.int64))
    left = np.where(np.r_[same, same], removed.size, 0)
    t, p, q, s = (
        np.concatenate([getattr(x, n) for x in prints])
        for n in ("time_ns", "price", "size", "side")
    )
    whole = type(removed)(removed.row, removed.side, removed.price, left)
    return trades.trade_lag(whole, np.r_[time_ns[1:], time_ns[1:]], t, p, q, s, ROW_NS)[0]
