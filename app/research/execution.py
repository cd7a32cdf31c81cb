"""Trade lag, spread decomposition and markout curves of an archive, read in pieces of bounded size."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.archive import Reader, StateBatch, TradeBatch
from app.compute import markouts, spread, trades
from app.compute.book import mid as mid_of
from app.compute.decomposition import Removed, removed_by_event
from app.compute.ofi import event_ofi
from app.compute.prediction import signal
from app.records import ROW_NS
from app.research.binning import CHUNK_NS, Carry, Source
from app.research.scoring import best_gaps
from app.research.sides import Sides

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
_S_NS = 1_000_000_000
_REACH_NS = round(max(*spread.HORIZONS_S, *markouts.CURVE_S) * _S_NS)
PIECE_NS = 600 * _S_NS  # also of which the trades with the most flow are chosen: whole minutes


def execution(reader: Reader, best_from_depth: bool, flow_ns: int) -> dict[str, Any]:
    """`trade_lag_ms`, `spread` by horizon, `markout` by group; null where the archive has no trades.

    Feeds that sequence trades and book together have no lag: a trade then sees the state before it.

    Args:
        best_from_depth: take level 1 of depth for the best quotes although there are others.
        flow_ns: W of the OFI before a trade.
    """
    if not reader.has("trades"):
        return {"trade_lag_ms": None, "spread": None, "markout": None}
    lag_ns = 0 if reader.sequenced else _lag(reader, best_from_depth)
    quotes = _Quotes(reader, best_from_depth, 1 if reader.sequenced else lag_ns, flow_ns)
    parts, curve = {h: spread.Totals() for h in spread.HORIZONS_S}, markouts.Totals()
    for prints in _pieces(reader, best_from_depth, quotes):
        t, lots = prints.time_ns, prints.size.astype(np.float64)
        for h, total in parts.items():
            side = np.where(quotes.whole(t, h), prints.side, 0)  # as a trade that nobody can judge
            ends = (h, quotes.before_ns, reader.end_ns)
            total.add(t, prints.price, prints.size, side, quotes.mid_ns, quotes.mid, *ends)
        curve.add(t, prints.side, lots, quotes.flow(t), quotes.path(t))
    return {
        "trade_lag_ms": lag_ns / 1e6,
        "spread": {f"{h}s": asdict(total.parts(h)) for h, total in parts.items()},
        "markout": _as_json(curve.curves()),
    }


def _pieces(reader: Reader, best_from_depth: bool, quotes: "_Quotes") -> Iterator[TradeBatch]:
    """The trades of whole pieces of time, while `quotes` holds what is known around them."""
    prints, sides = Source(reader.trades()), Sides(reader)
    # Of trades without a side the quotes of their own piece are asked for: the others reach beyond it.
    own = _source(reader, best_from_depth)
    first = (reader.start_ns - 1) // PIECE_NS * PIECE_NS
    for end in range(first + PIECE_NS, reader.end_ns + PIECE_NS, PIECE_NS):
        quotes.read(end)
        quoted = list(own.upto(end)) if sides.needed else []
        batches = sides.fill(quoted, list(prints.upto(end)))
        if batches:
            yield _joined(batches)


class _Quotes:
    """Mids and flow of the best quotes around the trades of a piece."""

    def __init__(self, reader: Reader, best_from_depth: bool, before_ns: int, flow_ns: int):
        self._source, self._carry = _source(reader, best_from_depth), Carry()
        self.before_ns, self._flow_ns = before_ns, flow_ns
        self._begin_ns, self._end_ns = reader.start_ns, reader.end_ns
        self.mid_ns, self.mid = np.zeros(0, np.int64), np.zeros(0)
        self._event_ns, self._event = np.zeros(0, np.int64), np.zeros(0, np.int64)
        self._gaps = best_gaps(reader, best_from_depth)
        self._upto_ns = self._begin_ns

    def read(self, end_ns: int) -> None:
        """Read on to what trades up to a time need; forget what those after the last piece do not."""
        kept = max(int(np.searchsorted(self.mid_ns, self._upto_ns - trades.MAX_LAG_NS)) - 1, 0)
        self.mid_ns, self.mid = self.mid_ns[kept:], self.mid[kept:]
        kept = int(np.searchsorted(self._event_ns, self._upto_ns - self._flow_ns))
        self._event_ns, self._event = self._event_ns[kept:], self._event[kept:]
        self._upto_ns = end_ns
        mid_ns, mid, event_ns, event = [self.mid_ns], [self.mid], [self._event_ns], [self._event]
        for batch in self._source.upto(end_ns + _REACH_NS):
            mid_ns.append(batch.time_ns)
            mid.append(mid_of(batch.price[:, 0, 0], batch.price[:, 1, 0]))
            states = self._carry.join(batch)
            same = np.diff(states.epoch) == 0
            event_ns.append(states.time_ns[1:])
            event.append(event_ofi(states.price, states.size)[:, 0] * same)
        self.mid_ns, self.mid = np.concatenate(mid_ns), np.concatenate(mid)
        self._event_ns, self._event = np.concatenate(event_ns), np.concatenate(event)

    def flow(self, t_ns: Ints) -> Floats:
        """OFI over the W that ended just before each trade; NaN where not known."""
        before = t_ns - 1
        flow = signal(self._event_ns, self._event, before, self._flow_ns).astype(np.float64)
        start = before - self._flow_ns
        known = (start >= self._begin_ns) & ~self._gaps.touch(start, before)
        return np.where(known, flow, np.nan)

    def whole(self, t_ns: Ints, horizon_s: float) -> NDArray[np.bool_]:
        """Whether no gap lies between the mid before each trade and the one a horizon later."""
        return ~self._gaps.touch(t_ns - self.before_ns, t_ns + round(horizon_s * _S_NS))

    def path(self, t_ns: Ints) -> Floats:
        """Mid before each trade and at each later one of `CURVE_S`, `[horizons, n]`; NaN: not known."""
        path = [self._at(t_ns - self.before_ns, ~self._gaps.touch(t_ns - self.before_ns, t_ns))]
        for h in markouts.CURVE_S[1:]:
            end = t_ns + h * _S_NS
            path.append(self._at(end, (end <= self._end_ns) & ~self._gaps.touch(t_ns, end)))
        return np.stack(path)

    def _at(self, t_ns: Ints, known: NDArray[np.bool_]) -> Floats:
        at = np.searchsorted(self.mid_ns, t_ns, side="right") - 1
        if not len(self.mid):
            return np.full(len(t_ns), np.nan)
        return np.where(known & (at >= 0), self.mid[np.maximum(at, 0)], np.nan)


def _as_json(curves: markouts.Curves) -> dict[str, Any]:
    """By group of trades: how many, and by horizon the mean move of mid in bps with its 95 % band."""

    def known(values: Floats) -> list[float | None]:
        return [v if np.isfinite(v) else None for v in values.tolist()]

    groups = {
        group: {
            "trades": int(curves.trades[k]),
            "mean": known(curves.mean[k]),
            "low": known(curves.low[k]),
            "high": known(curves.high[k]),
        }
        for k, group in enumerate(markouts.GROUPS)
    }
    return {"horizons_s": list(markouts.CURVE_S), **groups}


def _joined(batches: Sequence[TradeBatch]) -> TradeBatch:
    names = TradeBatch.__dataclass_fields__
    return TradeBatch(**{n: np.concatenate([getattr(b, n) for b in batches]) for n in names})


def _source(reader: Reader, best_from_depth: bool) -> Source:
    return Source(reader.depth(1) if best_from_depth else reader.best())


def _lag(reader: Reader, best_from_depth: bool) -> int:
    """The lag of the first ten minutes."""
    end = reader.start_ns + CHUNK_NS
    states: list[StateBatch] = list(_source(reader, best_from_depth).upto(end))
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
    whole = Removed(removed.row, removed.side, removed.price, left)
    t = _joined(prints)
    ends = np.r_[time_ns[1:], time_ns[1:]]
    return trades.trade_lag(whole, ends, t.time_ns, t.price, t.size, t.side, ROW_NS)[0]
