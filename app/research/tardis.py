"""Tardis.dev CSV files: incremental_book_L2, book_snapshot_N, quotes, trades; plain or gzip.

A file is known by its header. Times are microseconds: `timestamp` is the venue's, `local_timestamp` the
receiver's; the market's clock is the venue's unless asked otherwise, and never runs backwards.
"""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from app.archive import Archive, Segment, SegmentWriter
from app.errors import DataError, InputError
from app.market import Grid, MarketId
from app.records import NO_ASK, NO_BID
from app.research.files import Progress, csv_batches, integers, no_progress, opened, require
from app.research.increments import OffGridError, fixed, increment, market_of, step_of
from app.research.tardis_book import IncrementalBook

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
_SAMPLE_LINES = 5_000
_US_NS = 1_000
_LATEST_US = (1 << 62) // _US_NS
_LARGEST = float(1 << 62)  # ticks or lots
_MOST_LEVELS = 1_000
# How far a quotient of float64 decimals may lie from a whole number and still be one.
_TOLERANCE = 1e-9
_FLOAT_SLACK = 4e-16
_TIMES = {"timestamp": pa.int64(), "local_timestamp": pa.int64()}
_LEVEL = re.compile(r"(bids|asks)\[(\d+)\]\.(price|amount)")
_KINDS = {
    "incremental_book_L2": {"is_snapshot", "side", "price", "amount"},
    "quotes": {"ask_amount", "ask_price", "bid_price", "bid_amount"},
    "trades": {"id", "side", "price", "amount"},
    "book_snapshot": {"asks[0].price", "asks[0].amount", "bids[0].price", "bids[0].amount"},
}


@dataclass(frozen=True)
class TardisFiles:
    """What `ofi import tardis` is given; increments are inferred where None."""

    paths: Sequence[Path]
    market: MarketId
    tick: Decimal | None = None
    lot: Decimal | None = None
    contract_size: Decimal | None = None
    receive_clock: bool = False


def read(files: TardisFiles, archive: Archive, progress: Progress = no_progress) -> Segment:
    """Import files of one market and range as one segment.

    Raises:
        DataError: a file is not what it should be, at the line and column it names.
        InputError: two files hold the same stream.
    """
    heads = [_head(path) for path in files.paths]
    kinds = [kind for kind, _ in heads]
    books = [k for k in kinds if k in ("incremental_book_L2", "book_snapshot")]
    if len(books) > 1 or kinds.count("quotes") > 1 or kinds.count("trades") > 1:
        raise InputError("One file per stream: at most one book, one quotes and one trades file.")
    grid = _grid(files, kinds)
    while True:
        try:
            return _Import(files, heads, grid, archive).run(progress)
        except OffGridError as finer:
            grid, progress = finer.grid, no_progress


def _head(path: Path) -> tuple[str, list[str]]:
    """What a file is, by its header."""
    with opened(path) as file:
        names = file.readline(1 << 20).decode("utf-8", "replace").strip().split(",")
    for kind, needed in _KINDS.items():
        if needed | set(_TIMES) <= set(names):
            return kind, names
    raise DataError(f"is none of {', '.join(_KINDS)}: its header is unknown.", str(path), 1)


def _grid(files: TardisFiles, kinds: Sequence[str]) -> Grid:
    """The given increments, or those of the first lines of every file."""
    prices: list[int] = []
    sizes: list[int] = []
    for path, _ in zip(files.paths, kinds, strict=True):
        with opened(path) as file:
            rows = csv.DictReader(io.TextIOWrapper(file, "utf-8", errors="replace", newline=""))
            for number, row in enumerate(islice(rows, _SAMPLE_LINES), start=2):
                for name, value in row.items():
                    target = prices if str(name).endswith("price") else sizes
                    if value and str(name).endswith(("price", "amount")):
                        target.append(_fixed(value, path, number, name))
    return Grid(files.tick or increment(prices), files.lot or increment(sizes))


def _fixed(value: str, path: Path, line: int, column: str) -> int:
    try:
        return fixed(value)
    except (ValueError, ArithmeticError):
        raise DataError(f"{value[:40]!r} is not a number.", str(path), line, column) from None


class _Import:
    """One pass over the files on fixed increments."""

    def __init__(
        self,
        files: TardisFiles,
        heads: Sequence[tuple[str, list[str]]],
        grid: Grid,
        archive: Archive,
    ):
        self._files, self._heads, self._grid, self._archive = files, heads, grid, archive
        self._last_ns = 0
        self._end_ns = 0
        self._writer: SegmentWriter

    def run(self, progress: Progress) -> Segment:
        """Every file in turn; the segment covers what any of them covers."""
        files = self._files
        settings = {
            "format": "tardis",
            "files": [p.name for p in files.paths],
            "clock": "receive" if files.receive_clock else "venue",
        }
        market = market_of(files.market, self._grid, files.contract_size)
        with SegmentWriter(self._archive, market, self._first_ns(), settings) as self._writer:
            for path, (kind, names) in zip(files.paths, self._heads, strict=True):
                self._last_ns = 0
                self._file(path, kind, names, progress)
            if not any(self._writer.counts.values()):
                raise DataError("holds no data.", str(files.paths[0]))
            return self._writer.commit(self._end_ns)

    def _first_ns(self) -> int:
        first = []
        column = "local_timestamp" if self._files.receive_clock else "timestamp"
        for path in self._files.paths:
            batch = next(csv_batches(path, {column: pa.int64()}, header=True), None)
            if batch is not None and len(batch):
                first.append(int(integers(batch.column(column))[0]) * _US_NS)
        if not first:
            raise DataError("holds no data.", str(self._files.paths[0]))
        return min(first)

    def _file(self, path: Path, kind: str, names: list[str], progress: Progress) -> None:
        fidelity = {"incremental_book_L2": "depth", "book_snapshot": "depth", "quotes": "best"}
        self._writer.fidelity[fidelity.get(kind, "trades")] = (
            "sampled" if kind == "book_snapshot" else "event"
        )
        wanted, add = self._plan(kind, names, path)
        book = IncrementalBook(self._writer) if kind == "incremental_book_L2" else None
        line = 1
        for batch in csv_batches(path, _TIMES | wanted, header=True, progress=progress):
            if not len(batch):
                continue
            time_ns, venue_ms = self._time(batch, line, path)
            if book is not None:
                self._incremental(batch, time_ns, venue_ms, line, path, book)
            else:
                add(batch, time_ns, venue_ms, line, path)
            line += len(batch)
            self._end_ns = max(self._end_ns, int(time_ns[-1]))
        if book is not None:
            book.finish()

    def _plan(self, kind: str, names: list[str], path: Path) -> tuple[dict[str, Any], Any]:
        """Columns to read, and what takes them.

        Raises:
            DataError: levels are missing between others, or there are too many.
        """
        if kind == "incremental_book_L2":
            columns = {"is_snapshot": pa.bool_(), "side": pa.string()}
            return columns | {"price": pa.float64(), "amount": pa.float64()}, None
        if kind == "quotes":
            return dict.fromkeys(_QUOTES, pa.string()), self._quotes
        if kind == "trades":
            columns = {"id": pa.string(), "side": pa.string()}
            return columns | {"price": pa.float64(), "amount": pa.float64()}, self._trades
        levels = [n for n in names if _LEVEL.fullmatch(n)]
        depth = 1 + max(int(n[5 : n.index("]")]) for n in levels)
        if depth > _MOST_LEVELS or len(set(levels)) != 4 * depth:
            raise DataError(
                f"names {len(levels)} columns of levels; it has to have price and amount of bids and "
                f"asks for every level from 0, at most {_MOST_LEVELS}.",
                str(path),
                1,
            )
        return dict.fromkeys(levels, pa.string()), self._snapshots

    def _time(self, batch: Any, line: int, path: Path) -> tuple[Ints, Ints]:
        """The market's clock in ns and the venue's in ms."""
        venue, local = (
            integers(batch.column("timestamp")),
            integers(batch.column("local_timestamp")),
        )
        for name, time_us in (("timestamp", venue), ("local_timestamp", local)):
            sane = (time_us > 0) & (time_us < _LATEST_US)
            require(sane, line, path, "is not a time after 1970 in microseconds.", name)
        ordered = np.diff(local, prepend=local[0]) >= 0
        what = "lies before the line above it; sort the file by local_timestamp."
        require(ordered, line, path, what, "local_timestamp")
        own = local if self._files.receive_clock else venue
        time_ns = np.maximum.accumulate(np.maximum(own * _US_NS, self._last_ns))
        self._last_ns = int(time_ns[-1])
        return time_ns, venue // 1_000

    def _units(self, values: Floats, step: Decimal, line: int, path: Path, column: str) -> Ints:
        """Values as multiples of an increment, or the increment made finer."""
        good = np.isfinite(values) & (values >= 0)
        require(good, line, path, "is not a finite number of at least 0.", column)
        units = values / float(step)
        require(units < _LARGEST, line, path, "is larger than any number of a market.", column)
        whole = np.rint(units)
        off = np.abs(units - whole) > np.maximum(_TOLERANCE, np.abs(units) * _FLOAT_SLACK)
        if off.any():
            self._off_grid(float(values[off][0]), line + int(np.argmax(off)) + 1, path, column)
        return whole.astype(np.int64)

    def _off_grid(self, value: float, line: int, path: Path, column: str) -> None:
        files, is_price = self._files, column.endswith("price")
        given = files.tick if is_price else files.lot
        if given is not None:
            name = "tick" if is_price else "lot"
            what = f"is {value!r}, which is not a multiple of the {name} {given}."
            raise DataError(what, str(path), line, column)
        seen = _fixed(repr(value), path, line, column)
        g = self._grid
        if is_price:
            raise OffGridError(Grid(increment([seen], step_of(g.tick)), g.lot))
        raise OffGridError(Grid(g.tick, increment([seen], step_of(g.lot))))

    def _pair(
        self, price: Floats, amount: Floats, line: int, path: Path, names: tuple[str, str]
    ) -> tuple[Ints, Ints]:
        return (
            self._units(price, self._grid.tick, line, path, names[0]),
            self._units(amount, self._grid.lot, line, path, names[1]),
        )

    def _incremental(
        self,
        batch: Any,
        time_ns: Ints,
        venue_ms: Ints,
        line: int,
        path: Path,
        book: IncrementalBook,
    ) -> None:
        side = _side(batch, {"bid": 1, "ask": -1}, line, path)
        price, size = self._pair(
            _floats(batch, "price"), _floats(batch, "amount"), line, path, ("price", "amount")
        )
        snapshot = batch.column("is_snapshot").to_numpy(zero_copy_only=False).astype(bool)
        message = integers(batch.column("local_timestamp"))
        book.add(time_ns, venue_ms, message, snapshot, side, price, size)

    def _trades(self, batch: Any, time_ns: Ints, venue_ms: Ints, line: int, path: Path) -> None:
        side = _side(batch, {"buy": 1, "sell": -1, "unknown": 0}, line, path)
        price, size = self._pair(
            _floats(batch, "price"), _floats(batch, "amount"), line, path, ("price", "amount")
        )
        names = [
            text if text.isdecimal() and len(text) < 16 else "-1" for text in _texts(batch, "id")
        ]
        n = len(side)
        columns: dict[str, Any] = {"time_ns": time_ns, "venue_ms": venue_ms}
        columns |= {"price": price, "size": size}
        columns |= {"side": side, "inferred": np.zeros(n, bool), "id": np.array(names, np.int64)}
        self._writer.trades(columns | {"state": np.full(n, -1, np.int64)})

    def _quotes(self, batch: Any, time_ns: Ints, venue_ms: Ints, line: int, path: Path) -> None:
        columns: dict[str, Any] = {"time_ns": time_ns, "venue_ms": venue_ms}
        columns |= {
            "update_id": np.full(len(time_ns), -1),
            "epoch": np.zeros(len(time_ns), np.int64),
        }
        for side, absent in (("bid", NO_BID), ("ask", NO_ASK)):
            names = (f"{side}_price", f"{side}_amount")
            price, size, there = self._optional(batch, names, line, path)
            columns[side] = np.where(there, price, absent)
            columns[f"{side}_size"] = np.where(there, size, 0)
        self._writer.best(columns)

    def _snapshots(self, batch: Any, time_ns: Ints, venue_ms: Ints, line: int, path: Path) -> None:
        found = [_LEVEL.fullmatch(name) for name in batch.schema.names]
        levels = 1 + max(int(m[2]) for m in found if m)
        price = np.empty((len(time_ns), 2, levels), np.int64)
        size = np.empty_like(price)
        for row, (side, absent) in enumerate((("bids", NO_BID), ("asks", NO_ASK))):
            for m in range(levels):
                names = (f"{side}[{m}].price", f"{side}[{m}].amount")
                p, q, there = self._optional(batch, names, line, path)
                price[:, row, m] = np.where(there, p, absent)
                size[:, row, m] = np.where(there, q, 0)
        epoch = np.zeros(len(time_ns), np.int64)
        self._writer.depth_states(time_ns, epoch, levels, price, size, venue_ms)

    def _optional(
        self, batch: Any, names: tuple[str, str], line: int, path: Path
    ) -> tuple[Ints, Ints, NDArray[np.bool_]]:
        """Price and amount of a level that may be empty."""
        numbers = []
        there = np.ones(len(batch), bool)
        for name in names:
            texts = _texts(batch, name)
            present = np.array([bool(t) for t in texts])
            there &= present
            numbers.append(_parsed(texts, line, path, name))
        price, size = self._pair(numbers[0], numbers[1], line, path, names)
        return price, size, there & (size > 0)


_QUOTES = ("ask_amount", "ask_price", "bid_price", "bid_amount")


def _texts(batch: Any, name: str) -> list[str]:
    result: list[str] = batch.column(name).to_pylist()
    return result


def _parsed(texts: list[str], line: int, path: Path, column: str) -> Floats:
    """Numbers, 0 where empty."""
    try:
        return np.array([float(t) if t else 0.0 for t in texts])
    except ValueError:
        for k, text in enumerate(texts):
            if text:
                _fixed(text, path, line + k + 1, column)
        raise


def _floats(batch: Any, name: str) -> Floats:
    result: Floats = batch.column(name).to_numpy(zero_copy_only=False)
    return result


def _side(batch: Any, names: dict[str, int], line: int, path: Path) -> NDArray[np.int8]:
    texts = _texts(batch, "side")
    known = np.array([t in names for t in texts])
    require(known, line, path, f"is none of {', '.join(names)}.", "side")
    return np.array([names[t] for t in texts], np.int8)
