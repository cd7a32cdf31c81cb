"""The whole book at given moments, from the update log: what changed between two is applied at once."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.archive.reader import Reader
from app.compute.columns import Book

Ints = NDArray[np.int64]
_Side = dict[int, int]  # price → size


class Books:
    """A cursor over the depth of a history; moments are asked for in order.

    Several times cheaper than every state of `Reader.depth`, and not bound to a number of levels: a book
    has as many as its source lets us know.
    """

    def __init__(self, reader: Reader):
        self._reader = reader
        self._rows = reader.changes()
        self._held: dict[str, NDArray[Any]] | None = None
        self._bids: _Side = {}
        self._asks: _Side = {}
        self._known = 0
        self._changed = False
        self._last: Book | None = None

    def at(self, time_ns: int) -> Book | None:
        """The last book at or before a time; None before the first. An unchanged book is the same object."""
        end = min(time_ns, self._reader.end_ns)
        while (rows := self._held or next(self._rows, None)) is not None:
            cut = int(np.searchsorted(rows["time_ns"], end, side="right"))
            if cut:
                self._apply({name: values[:cut] for name, values in rows.items()})
            self._held = {name: values[cut:] for name, values in rows.items()}
            if cut < len(rows["time_ns"]):
                break
            self._held = None
        if self._changed:
            self._last, self._changed = self._book(end), False
        return self._last

    def _apply(self, rows: dict[str, NDArray[Any]]) -> None:
        begin, key = 0, np.flatnonzero(rows["key"])
        if len(key):
            # The last keyframe is the whole book; what was before it no longer matters.
            begin = int(np.searchsorted(rows["state"], rows["state"][key[-1]], side="left"))
            self._bids.clear()
            self._asks.clear()
        side, price, size = (rows[name][begin:] for name in ("side", "price", "size"))
        for which, book in ((1, self._bids), (-1, self._asks)):
            mine = side == which
            prices, sizes = price[mine], size[mine]
            book.update(zip(prices.tolist(), sizes.tolist(), strict=True))
            for gone in prices[sizes == 0].tolist():
                if not book.get(gone, 1):
                    del book[gone]
        self._known = int(rows["known"][-1])
        # Reading begins at a keyframe before the range; the range's own first state shows the book.
        self._changed |= int(rows["time_ns"][-1]) >= self._reader.start_ns

    def _book(self, time_ns: int) -> Book:
        bids, asks = self._sorted(self._bids, -1), self._sorted(self._asks, 1)
        return Book(time_ns, *bids, *asks)

    def _sorted(self, side: _Side, sign: int) -> tuple[Ints, Ints]:
        price = np.fromiter(side.keys(), np.int64, len(side))
        size = np.fromiter(side.values(), np.int64, len(side))
        best = np.argsort(sign * price)[: self._known]
        return price[best], size[best]
