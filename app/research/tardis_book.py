"""Rebuilds the book of tardis.dev's incremental_book_L2 rows, message by message."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from app.archive import SegmentWriter
from app.feeds.base import Gap
from app.records import Stream

Ints = NDArray[np.int64]


class IncrementalBook:
    """Rows with one local time are one message; rows marked as snapshot replace the book.

    A snapshot in the middle of a file means that the recorder had reconnected: a gap, a new epoch.
    What comes before the first snapshot cannot be applied and is left out.
    """

    def __init__(self, writer: SegmentWriter):
        self._writer = writer
        self._bids: dict[int, int] = {}
        self._asks: dict[int, int] = {}
        self._epoch = -1
        self._known = 0
        self._open: tuple[int, int, int, bool] | None = None  # time, venue time, message, snapshot
        self._changes: list[tuple[int, int, int]] = []
        self._good_ns = 0
        self._in_snapshot = False

    def add(
        self,
        time_ns: Ints,
        venue_ms: Ints,
        message: Ints,
        snapshot: NDArray[np.bool_],
        side: NDArray[np.int8],
        price: Ints,
        size: Ints,
    ) -> None:
        """A batch of rows; the last message stays open until another begins."""
        new = (np.diff(message, prepend=-1) != 0) | (
            np.diff(snapshot.astype(np.int8), prepend=-1) != 0
        )
        first = np.flatnonzero(new).tolist()
        if self._open is not None and self._open[2:] == (int(message[0]), bool(snapshot[0])):
            first = first[1:]  # the open message goes on
        rows = list(zip(side.tolist(), price.tolist(), size.tolist(), strict=True))
        ends = [*first, len(rows)]
        self._changes += rows[: ends[0]]
        for a, b in pairwise(ends):
            self.finish()
            self._open = (int(time_ns[a]), int(venue_ms[a]), int(message[a]), bool(snapshot[a]))
            self._changes = rows[a:b]

    def finish(self) -> None:
        """Apply the open message."""
        if self._open is None:
            return
        time_ns, venue_ms, _, snapshot = self._open
        if snapshot and not self._in_snapshot:
            self._restart(time_ns)
        self._in_snapshot = snapshot
        if self._epoch >= 0:
            self._apply(time_ns, venue_ms, snapshot)
        self._open, self._changes = None, []

    def _restart(self, time_ns: int) -> None:
        self._bids.clear()
        self._asks.clear()
        self._epoch += 1
        if self._epoch > 0:
            self._writer.gap(Gap(Stream.DEPTH, self._good_ns, time_ns, "reconnect"))

    def _apply(self, time_ns: int, venue_ms: int, snapshot: bool) -> None:
        for side, price, size in self._changes:
            book = self._bids if side > 0 else self._asks
            if size:
                book[price] = size
            else:
                book.pop(price, None)
        if snapshot:
            self._known = min(len(self._bids), len(self._asks))
        self._writer.depth_change(
            time_ns, venue_ms, -1, self._epoch, self._known, self._changes, self._bids, self._asks
        )
        self._good_ns = time_ns
