"""Columns of `ofi compute` that follow events from bin to bin: micro-price, VPIN, depth within bands."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.archive import Reader
from app.compute import bins
from app.compute.book import valid
from app.compute.live_micro import BLOCK_NS, LiveMicro
from app.compute.states import BookStates
from app.compute.vpin import LiveVpin
from app.records import BANDS_BPS, NO_MICRO, ROW, TRADE, Batch, Stream
from app.research.binning import Bins

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
COLUMNS = (
    "micro_price",
    "vpin",
    "vpin_percentile",
    *(f"depth_{side}_{bps:g}bps" for side in ("bid", "ask") for bps in BANDS_BPS),
)


class Estimates:
    """The same classes as live, fed chunk by chunk: any chunking gives the same columns."""

    def __init__(self, reader: Reader):
        self._micro, self._vpin = LiveMicro(1), LiveVpin()
        self._epoch = -1
        self._gaps = [(g.from_ns, g.to_ns) for g in reader.gaps() if g.stream is Stream.TRADES]
        self._bucket = (np.nan, np.nan)  # VPIN and its percentile as of the last full bucket
        self._book: tuple[Ints, Ints] | None = None  # prices and sizes of the last depth state

    def add(self, b: Bins) -> dict[str, Floats]:
        """`COLUMNS` at the end of each bin, ticks and lots; NaN where not available."""
        vpin, percentile = self._toxicity(b)
        values = {"micro_price": self._microprice(b), "vpin": vpin, "vpin_percentile": percentile}
        near = self._bands(b)
        names = COLUMNS[3:]
        return values | dict(zip(names, near.reshape(len(b.start_ns), -1).T, strict=True))

    def _microprice(self, b: Bins) -> Floats:
        """As the collector gives it: weights of the minutes that ended before the bin's last."""
        best, continues = self._states(b)
        # The minutes between must be counted even where no bin ends in them.
        minutes = np.arange(b.start_ns[0] // BLOCK_NS + 1, b.end_ns[-1] // BLOCK_NS + 1) * BLOCK_NS
        end_ns = np.union1d(b.end_ns, minutes)
        record = np.zeros(len(end_ns), ROW)
        at = np.searchsorted(b.edge_ns, end_ns, side="right") - 1
        for k, name in enumerate(("bid", "ask", "bid_size", "ask_size")):
            record[name] = b.quote[at, k]
        market = np.zeros(len(end_ns), np.int32)
        self._micro.update(best, continues, end_ns, market, record)
        value = record["micro"][np.searchsorted(end_ns, b.end_ns)]
        return np.where(value == NO_MICRO, np.nan, value)

    def _states(self, b: Bins) -> tuple[BookStates, NDArray[np.bool_]]:
        """The best states of a chunk, and which continue the one before."""
        parts = [part for part in b.raw.best if len(part)]
        if not parts:
            none = np.zeros((0, 2, 1), np.int64)
            empty = np.zeros(0, np.int64)
            small = np.zeros(0, np.int32)
            return BookStates(small, empty, empty, empty, small, none, none), np.zeros(0, np.bool_)
        time_ns, epoch, price, size = (
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("time_ns", "epoch", "price", "size")
        )
        continues = np.diff(epoch, prepend=self._epoch) == 0
        self._epoch = int(epoch[-1])
        n = len(time_ns)
        market, known = np.zeros(n, np.int32), np.ones(n, np.int32)
        states = BookStates(market, time_ns, np.full(n, -1), epoch, known, price, size)
        return states, continues

    def _toxicity(self, b: Bins) -> tuple[Floats, Floats]:
        """VPIN and percentile of the last bucket that was full at the end of each bin."""
        prints = [_records(part) for part in b.raw.trades]
        trades = np.concatenate(prints) if prints else np.zeros(0, TRADE)
        ended = [gap for gap in self._gaps if gap[1] <= b.end_ns[-1]]
        self._gaps = [gap for gap in self._gaps if gap[1] > b.end_ns[-1]]
        full = self._vpin.add(trades, ended)
        known = np.array(
            [self._bucket, *full[["vpin", "percentile"]].tolist()], np.float64
        ).reshape(-1, 2)
        known[known < 0] = np.nan
        self._bucket = (float(known[-1, 0]), float(known[-1, 1]))
        at = np.searchsorted(full["end_ns"], b.end_ns, side="right")
        return known[at, 0], known[at, 1]

    def _bands(self, b: Bins) -> Floats:
        """Depth within each of `BANDS_BPS` of mid, `[n, 2, bands]` lots, of the last depth state."""
        result = np.full((len(b.start_ns), 2, len(BANDS_BPS)), np.nan)
        for part in b.raw.depth:
            at = bins.last_index(part.time_ns, b.end_ns)
            have = at >= 0
            result[have] = within(part.price[at[have]], part.size[at[have]])
        first = self._first_depth(b)
        if self._book is not None:
            result[: int(np.searchsorted(b.end_ns, first))] = within(
                self._book[0][None], self._book[1][None]
            )
        last = next((part for part in reversed(b.raw.depth) if len(part)), None)
        if last is not None:
            self._book = (last.price[-1].copy(), last.size[-1].copy())
        return result

    @staticmethod
    def _first_depth(b: Bins) -> int:
        return next((int(part.time_ns[0]) for part in b.raw.depth if len(part)), 2**62)


def _records(part: Any) -> Batch:
    record = np.zeros(len(part), TRADE)
    for name in ("time_ns", "price", "size", "side", "inferred"):
        record[name] = getattr(part, name)
    return record


def within(price: Ints, size: Ints, bands_bps: Sequence[float] = BANDS_BPS) -> Floats:
    """Depth within distances of mid, `[n, 2, bands]` lots; NaN where the levels end earlier.

    Args:
        price, size: `[n, 2, L]` states, best first; absent levels have size 0 and a sentinel price.
    """
    there = size > 0
    ok = valid(price[:, 0, 0], price[:, 1, 0])
    middle = np.where(ok, price[:, :, 0].sum(axis=1, where=ok[:, None]), 0) / 2.0
    result = np.full((*price.shape[:2], len(bands_bps)), np.nan)
    last = np.maximum(there.sum(axis=2) - 1, 0)[:, :, None]
    away = np.where(there, np.abs(price.astype(np.float64) - middle[:, None, None]), np.inf)
    furthest = np.take_along_axis(away, last, axis=2)[:, :, 0]
    for k, bps in enumerate(bands_bps):
        reach = middle * bps / 1e4
        depth = np.where(away <= reach[:, None, None], size, 0).sum(axis=2)
        known = ok[:, None] & (furthest >= reach[:, None])
        result[:, :, k] = np.where(known, depth, np.nan)
    return result
