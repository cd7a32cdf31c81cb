"""Columns of `ofi compute` that follow events or the whole book: micro-price, VPIN, bands, slippage."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.archive import Books, Reader
from app.compute import liquidity
from app.compute.catalogue import slippage_columns
from app.compute.columns import Book, bands
from app.compute.live_micro import BLOCK_NS, LiveMicro
from app.compute.states import BookStates
from app.compute.vpin import LiveVpin
from app.records import BANDS_BPS, NO_MICRO, ROW, TRADE, Batch, Stream
from app.research.binning import Bins
from app.research.sides import book_states

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
_BANDS = [f"depth_{side}_{bps:g}bps" for side in ("bid", "ask") for bps in BANDS_BPS]


class Estimates:
    """The same classes as live, fed chunk by chunk: any chunking gives the same columns."""

    def __init__(self, reader: Reader, notionals: Sequence[int] = ()):
        self._market, self._notionals = reader.market, notionals
        self._micro, self._vpin = LiveMicro(1), LiveVpin()
        self._epoch = -1
        self._gaps = [(g.from_ns, g.to_ns) for g in reader.gaps() if g.stream is Stream.TRADES]
        self._bucket = (np.nan, np.nan)  # VPIN and its percentile as of the last full bucket
        self._cursor = Books(reader) if reader.has("depth") else None
        self._book: Book | None = None
        self._near = self._costs(None)

    def add(self, b: Bins) -> dict[str, Floats]:
        """Columns by name at the end of each bin, ticks, lots and bps; NaN where not available."""
        vpin, percentile = self._toxicity(b)
        values = {"micro_price": self._microprice(b), "vpin": vpin, "vpin_percentile": percentile}
        names = [*_BANDS, *slippage_columns(self._notionals)]
        return values | dict(zip(names, self._books(b), strict=True))

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
        states = book_states([part for part in b.raw.best if len(part)])
        continues = np.diff(states.epoch, prepend=self._epoch) == 0
        if len(states):
            self._epoch = int(states.epoch[-1])
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

    def _books(self, b: Bins) -> Floats:
        """Depth within each of `BANDS_BPS` of mid and slippage at the end of each bin, `[columns, n]`."""
        result = np.full((2 * len(BANDS_BPS) + 2 * len(self._notionals), len(b.start_ns)), np.nan)
        if self._cursor is None:
            return result
        for k, end in enumerate(b.end_ns.tolist()):
            book = self._cursor.at(end)
            if book is not self._book:
                self._book, self._near = book, self._costs(book)
            result[:, k] = self._near
        return result

    def _costs(self, book: Book | None) -> Floats:
        """The values of one book, in the order of the columns."""
        if book is None or not book.valid or book.mid <= 0:
            return np.full(2 * len(BANDS_BPS) + 2 * len(self._notionals), np.nan)
        near = np.where((depth := bands(book)) >= 0, depth, np.nan).ravel()
        sides = (liquidity.side(book, "ask"), liquidity.side(book, "bid"))
        costs = [
            liquidity.market_order(self._market, side, book.mid, notional).bps
            for notional in self._notionals
            for side in sides
        ]
        return np.concatenate([near, np.array(costs, np.float64)])


def _records(part: Any) -> Batch:
    record = np.zeros(len(part), TRADE)
    for name in ("time_ns", "price", "size", "side", "inferred"):
        record[name] = getattr(part, name)
    return record
