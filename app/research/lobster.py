"""LOBSTER: a message and an orderbook file of one NASDAQ day (lobsterdata.com).

Row k of the orderbook file is the book after message k, so trades name the state that they caused.
Times are seconds after midnight of the exchange; prices are dollars × 10,000. Visible executions
(type 4) are trades: bought when the resting order was a sell.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from app.archive import Archive, Segment, SegmentWriter
from app.errors import DataError, InputError
from app.feeds.base import Gap
from app.market import Grid, MarketId
from app.records import NO_ASK, NO_BID, Stream
from app.research.files import (
    Progress,
    csv_batches,
    integers,
    no_progress,
    opened,
    require,
    unscaled,
)
from app.research.increments import market_of

Ints = NDArray[np.int64]
_UNITS_PER_DOLLAR = 10_000
_MESSAGE = {
    "time": pa.decimal128(18, 9),
    "type": pa.int64(),
    "order": pa.int64(),
    "size": pa.int64(),
    "price": pa.int64(),
    "direction": pa.int64(),
}
_TYPES = np.arange(1, 8)
_EXECUTED = 4
_EMPTY = 9_999_999_999  # ± this price marks a level without orders
_CLOSE_S = 57_600
_NEAR_CLOSE_S = 60
_NAMED_RANGE = re.compile(r"_(\d{8})_(\d{8})_")  # milliseconds after midnight
_S_NS = 1_000_000_000


@dataclass(frozen=True)
class LobsterFiles:
    """What `ofi import lobster` is given."""

    message: Path
    orderbook: Path
    market: MarketId
    day: date
    tick: Decimal = Decimal("0.01")
    timezone: str = "America/New_York"

    @property
    def midnight_ns(self) -> int:
        """The exchange's midnight.

        Raises:
            InputError: the time zone is unknown.
        """
        try:
            zone = ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError):
            raise InputError(
                f"{self.timezone!r} is not a time zone; for example America/New_York or UTC."
            ) from None
        moment = datetime.combine(self.day, time(), zone) - datetime.fromtimestamp(
            0, ZoneInfo("UTC")
        )
        return moment // timedelta(microseconds=1) * 1000

    @property
    def units_per_tick(self) -> int:
        """How many of the file's price units one tick is.

        Raises:
            InputError: the tick is not a multiple of 0.0001.
        """
        units = self.tick * _UNITS_PER_DOLLAR
        if units != int(units) or units <= 0:
            raise InputError(f"The tick {self.tick} is not a multiple of 0.0001, the files' unit.")
        return int(units)


@dataclass(frozen=True)
class _Batch:
    line: int  # lines before it
    time_ns: Ints
    kind: Ints
    size: Ints
    price: Ints
    direction: Ints
    book: Ints  # [n, L, 4]: ask price, ask size, bid price, bid size


def read(files: LobsterFiles, archive: Archive, progress: Progress = no_progress) -> Segment:
    """Import a day, in batches.

    Raises:
        DataError: the files are not what they should be, at the line and column it names.
    """
    levels = _levels(files.orderbook)
    shares = market_of(files.market, Grid(files.tick, Decimal(1)))
    market = replace(shares, quote=shares.quote or "USD", size_unit="shares")
    settings = {
        "format": "lobster",
        "files": [files.message.name, files.orderbook.name],
        "date": files.day.isoformat(),
        "timezone": files.timezone,
        "tick": str(files.tick),
    }
    batches = _batches(files, levels, progress)
    first = next(batches, None)
    if first is None:
        raise DataError("is empty.", str(files.message))
    with SegmentWriter(archive, market, int(first.time_ns[0]), settings, sequenced=True) as writer:
        writer.fidelity = {"depth": "event", "trades": "event"}
        state = _Import(files, levels, writer)
        state.add(first)
        for batch in batches:
            state.add(batch)
        return writer.commit(state.end_ns())


def _levels(path: Path) -> int:
    with opened(path) as file:
        columns = file.readline(1 << 20).count(b",") + 1
    if columns % 4:
        raise DataError(f"has {columns} columns, which is not four per level.", str(path), 1)
    return columns // 4


def _batches(files: LobsterFiles, levels: int, progress: Progress) -> Iterator[_Batch]:
    """Both files side by side, row by row, cut where the shorter batch ends."""
    names = [f"{n} {m}" for m in range(1, levels + 1) for n in _BOOK]
    books = csv_batches(
        files.orderbook, dict.fromkeys(names, pa.int64()), header=False, progress=progress
    )
    messages = csv_batches(files.message, _MESSAGE, header=False, progress=progress)
    line, message, book = 0, None, None
    while True:
        message = message if message is not None and len(message) else next(messages, None)
        book = book if book is not None and len(book) else next(books, None)
        if message is None or book is None:
            break
        n = min(len(message), len(book))
        yield _batch(files, levels, line, message[:n], book[:n])
        line, message, book = line + n, message[n:], book[n:]
    if message is not None or book is not None:
        longer = files.message if message is not None else files.orderbook
        raise DataError("has more lines than its companion file.", str(longer), line + 1)


_BOOK = ("ask price", "ask size", "bid price", "bid size")


def _batch(
    files: LobsterFiles, levels: int, line: int, message: pa.RecordBatch, book: pa.RecordBatch
) -> _Batch:
    columns = {name: message.column(name) for name in _MESSAGE}
    table = np.column_stack([integers(book.column(k)) for k in range(4 * levels)])
    return _Batch(
        line,
        unscaled(columns["time"]) + files.midnight_ns,
        integers(columns["type"]),
        integers(columns["size"]),
        integers(columns["price"]),
        integers(columns["direction"]),
        table.reshape(-1, levels, 4),
    )


class _Import:
    """Checks batches and writes them; carries what one batch needs of the last."""

    def __init__(self, files: LobsterFiles, levels: int, writer: SegmentWriter):
        self._files, self._levels, self._writer = files, levels, writer
        self._units = files.units_per_tick
        self._last_ns = 0
        self._good_ns = 0
        self._epoch = 0
        self._broken = False

    def add(self, batch: _Batch) -> None:
        """One batch."""
        self._check_messages(batch)
        price, size = self._book(batch)
        crossed = (price[:, 0, 0] >= price[:, 1, 0]) & (size[:, :, 0] > 0).all(axis=1)
        epoch, keep = self._epochs(batch.time_ns, crossed), ~crossed
        state = np.where(keep, np.cumsum(keep) - 1 + self._writer.counts["depth"], -1)
        self._writer.depth_states(
            batch.time_ns[keep], epoch[keep], self._levels, price[keep], size[keep]
        )
        self._trades(batch, state)
        self._last_ns = int(batch.time_ns[-1])

    def end_ns(self) -> int:
        """How far the files go: to the range in their name, or the close when they come near it."""
        named = _NAMED_RANGE.search(self._files.message.name)
        midnight = self._files.midnight_ns
        if named:
            return max(self._last_ns, midnight + int(named[2]) * 1_000_000)
        close = midnight + _CLOSE_S * _S_NS
        return close if 0 <= close - self._last_ns <= _NEAR_CLOSE_S * _S_NS else self._last_ns

    def _check_messages(self, b: _Batch) -> None:
        path = self._files.message
        order = np.diff(b.time_ns, prepend=self._last_ns) >= 0
        require(
            order, b.line, path, "lies before the line above it; sort the file by time.", "time"
        )
        require(np.isin(b.kind, _TYPES), b.line, path, "is not an event type from 1 to 7.", "type")
        traded = b.kind == _EXECUTED
        require(~traded | (b.size > 0), b.line, path, "is not a traded size above 0.", "size")
        on_grid = ~traded | ((b.price > 0) & (b.price % self._units == 0))
        require(
            on_grid, b.line, path, f"is not a multiple of the tick {self._files.tick}.", "price"
        )
        require(np.isin(b.direction, (-1, 1)), b.line, path, "is neither −1 nor 1.", "direction")

    def _book(self, b: _Batch) -> tuple[Ints, Ints]:
        """Prices in ticks and sizes, `[n, 2, L]`, bids first; levels without orders are absent."""
        path = self._files.orderbook
        price = np.stack([b.book[:, :, 2], b.book[:, :, 0]], axis=1)
        size = np.stack([b.book[:, :, 3], b.book[:, :, 1]], axis=1)
        absent = np.abs(price) == _EMPTY
        for side, name in ((0, "bid"), (1, "ask")):
            for m in range(self._levels):
                p, q, gone = price[:, side, m], size[:, side, m], absent[:, side, m]
                ok = gone | ((p > 0) & (p % self._units == 0))
                what = f"is not a positive multiple of the tick {self._files.tick}."
                require(ok, b.line, path, what, f"{name} price {m + 1}")
                require(
                    (q > 0) | gone, b.line, path, "is not a size above 0.", f"{name} size {m + 1}"
                )
        price = np.where(absent, np.array([NO_BID, NO_ASK])[:, None], price // self._units)
        return price, np.where(absent, 0, size)

    def _epochs(self, time_ns: Ints, crossed: NDArray[np.bool_]) -> Ints:
        """A crossed state is rejected: what follows has no predecessor, and the stretch is a gap."""
        begins = ~crossed & np.r_[self._broken, crossed[:-1]]
        epoch = self._epoch + np.cumsum(begins)
        for k in np.flatnonzero(begins):
            good = np.flatnonzero(~crossed[:k])
            start = int(time_ns[good[-1]]) if len(good) else self._good_ns
            self._writer.gap(Gap(Stream.DEPTH, start, int(time_ns[k]), "crossed"))
        good = np.flatnonzero(~crossed)
        self._good_ns = int(time_ns[good[-1]]) if len(good) else self._good_ns
        self._epoch, self._broken = int(epoch[-1]), bool(crossed[-1])
        return epoch

    def _trades(self, b: _Batch, state: Ints) -> None:
        traded = b.kind == _EXECUTED
        n = int(traded.sum())
        self._writer.trades(
            {
                "time_ns": b.time_ns[traded],
                "venue_ms": b.time_ns[traded] // 1_000_000,
                "price": b.price[traded] // self._units,
                "size": b.size[traded],
                "side": -b.direction[traded].astype(np.int8),
                "inferred": np.zeros(n, bool),
                "id": np.full(n, -1, np.int64),
                "state": state[traded],
            }
        )
