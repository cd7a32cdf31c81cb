"""Recorded Binance traffic: lines of `<receive ns> <message>`, spot and futures alike.

Messages are the exchange's own: depthUpdate, bookTicker and trade events, alone or in the envelope of
a combined stream, and the answers to depth snapshot requests. Time is the receive time of the line.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import orjson
from numpy.typing import NDArray

from app.archive import Archive, Segment, SegmentWriter
from app.errors import DataError
from app.feeds.base import Gap
from app.market import Grid, MarketId
from app.records import Stream
from app.research.files import LONGEST_LINE, Progress, no_progress, opened
from app.research.increments import OffGridError, fixed, increment, market_of, step_of

_SAMPLE_LINES = 20_000
_BATCH = 1 << 14
_WAITING = 1 << 14  # updates kept for a snapshot that may still come: 27 minutes at ten a second
_LARGEST = 1 << 62
_SHOWN = 60
_EPOCH_START = 0


@dataclass(frozen=True)
class RawFile:
    """What `ofi import binance-raw` is given; increments are inferred where None."""

    path: Path
    market: MarketId
    tick: Decimal | None = None
    lot: Decimal | None = None
    contract_size: Decimal | None = None
    streams: frozenset[Stream] = frozenset(Stream)


@dataclass(frozen=True)
class _Line:
    number: int
    time_ns: int
    kind: str  # depth, snapshot, best, trade
    data: dict[str, Any]


def read(raw: RawFile, archive: Archive, progress: Progress = no_progress) -> Segment:
    """Import a recording, line by line.

    Raises:
        DataError: a line is not what it should be, at the line and field it names.
    """
    grid = _grid(raw)
    while True:
        try:
            return _Import(raw, grid, archive).run(progress)
        except OffGridError as finer:
            # Inferred from the first lines, and a later one lies between: once more, finer.
            grid, progress = finer.grid, no_progress


def _lines(file: BinaryIO, path: Path) -> Iterator[_Line]:
    for number, line in enumerate(iter(lambda: file.readline(LONGEST_LINE), b""), start=1):
        stamp, _, body = line.rstrip(b"\r\n").partition(b" ")
        if not stamp.isdigit() or len(stamp) > 19 or int(stamp) >= _LARGEST:
            if not line.strip():
                continue
            raise DataError(
                f"begins with {stamp[:_SHOWN]!r}, not with the receive time in ns.",
                str(path),
                number,
                "1",
            )
        try:
            message = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            column = str(len(stamp) + 2 + error.pos)
            raise DataError(f"is not JSON: {error.msg}.", str(path), number, column) from None
        if not isinstance(message, dict):
            raise DataError("is not a JSON object.", str(path), number, str(len(stamp) + 2))
        data = message.get("data", message)
        kind = _kind(data) if isinstance(data, dict) else ""
        if kind:
            yield _Line(number, int(stamp), kind, data)


def _kind(data: dict[str, Any]) -> str:
    """What a message is; empty for what carries no market data (answers to subscriptions)."""
    match data.get("e"):
        case "depthUpdate":
            return "depth"
        case "trade" | "aggTrade":
            return "trade"
        case "bookTicker":
            return "best"
        case None if "lastUpdateId" in data:
            return "snapshot"
        case None if {"u", "b", "B", "a", "A"} <= data.keys():
            return "best"
    return ""


def _grid(raw: RawFile) -> Grid:
    """The given increments, or those of the first lines."""
    if raw.tick is not None and raw.lot is not None:
        return Grid(raw.tick, raw.lot)
    prices: list[int] = []
    sizes: list[int] = []
    with opened(raw.path) as file:
        for line in islice(_lines(file, raw.path), _SAMPLE_LINES):
            for p, q in _values(line, raw.path):
                prices.append(p)
                sizes.append(q)
    return Grid(raw.tick or increment(prices), raw.lot or increment(sizes))


def _values(line: _Line, path: Path) -> list[tuple[int, int]]:
    """Prices and sizes of a message in 10⁻¹²."""
    d = line.data
    try:
        match line.kind:
            case "depth":
                return [(fixed(p), fixed(q)) for p, q in (*d["b"], *d["a"])]
            case "snapshot":
                return [(fixed(p), fixed(q)) for p, q in (*d["bids"], *d["asks"])]
            case "best":
                return [(fixed(d["b"]), fixed(d["B"])), (fixed(d["a"]), fixed(d["A"]))]
            case _:
                return [(fixed(d["p"]), fixed(d["q"]))]
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise _fault(line, path, error) from None


def _fault(line: _Line, path: Path, error: Exception) -> DataError:
    if isinstance(error, KeyError):
        return DataError(f"has no field {error}.", str(path), line.number, str(error).strip("'"))
    return DataError(f"is no {line.kind} message: {error}.", str(path), line.number)


@dataclass
class _Book:
    """The book as snapshot and updates make it; empty until both agree."""

    bids: dict[int, int] = field(default_factory=dict)
    asks: dict[int, int] = field(default_factory=dict)
    last_id: int = -1
    synced: bool = False
    known: int = 0
    epoch: int = _EPOCH_START
    waiting: deque[_Line] = field(default_factory=lambda: deque(maxlen=_WAITING))
    good_ns: int = 0
    reason: str = ""


class _Import:
    """One pass over the file on fixed increments."""

    def __init__(self, raw: RawFile, grid: Grid, archive: Archive):
        self._raw, self._grid, self._archive = raw, grid, archive
        self._tick, self._lot = step_of(grid.tick), step_of(grid.lot)
        self._book = _Book()
        self._best: list[tuple[int, ...]] = []
        self._trades: list[tuple[int, ...]] = []
        self._best_epoch = _EPOCH_START
        self._best_good_ns = 0
        self._last_ns = 0
        self._writer: SegmentWriter

    def run(self, progress: Progress) -> Segment:
        """Read everything; the segment ends with the last line."""
        raw = self._raw
        with opened(raw.path, progress) as file:
            lines = _lines(file, raw.path)
            first = next(lines, None)
            if first is None:
                raise DataError("holds no market data.", str(raw.path))
            market = market_of(raw.market, self._grid, raw.contract_size)
            settings = {"format": "binance-raw", "files": [raw.path.name]}
            settings |= {"streams": sorted(s.name.lower() for s in raw.streams)}
            with SegmentWriter(self._archive, market, first.time_ns, settings) as self._writer:
                self._writer.fidelity = {"best": "event", "depth": "batched", "trades": "event"}
                self._line(first)
                for line in lines:
                    self._line(line)
                self._flush()
                return self._writer.commit(self._last_ns)

    def _line(self, line: _Line) -> None:
        if line.time_ns < self._last_ns:
            raise DataError(
                "was received before the line above it; sort the file by time.",
                str(self._raw.path),
                line.number,
                "1",
            )
        self._last_ns = line.time_ns
        try:
            match line.kind:
                case "best":
                    self._on_best(line)
                case "trade":
                    self._on_trade(line)
                case _ if Stream.DEPTH in self._raw.streams:
                    self._on_depth(line)
        except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
            raise _fault(line, self._raw.path, error) from None
        if len(self._best) >= _BATCH or len(self._trades) >= _BATCH:
            self._flush()

    def _on_grid(self, line: _Line, price: str, size: str) -> tuple[int, int]:
        p, q = fixed(price), fixed(size)
        ticks, off_tick = divmod(p, self._tick)
        lots, off_lot = divmod(q, self._lot)
        if off_tick or off_lot:
            self._off_grid(line, price if off_tick else size, p, q)
        return _whole(ticks), _whole(lots)

    def _off_grid(self, line: _Line, seen: str, price: int, size: int) -> None:
        given = self._raw.tick if price % self._tick else self._raw.lot
        if given is not None:
            name = "tick" if price % self._tick else "lot"
            raise DataError(
                f"holds {seen}, which is not a multiple of the {name} {given}.",
                str(self._raw.path),
                line.number,
                name,
            )
        finer = Grid(
            self._raw.tick or increment([price], self._tick),
            self._raw.lot or increment([size], self._lot),
        )
        raise OffGridError(finer)

    def _on_best(self, line: _Line) -> None:
        d = line.data
        bid, bid_size = self._on_grid(line, d["b"], d["B"])
        ask, ask_size = self._on_grid(line, d["a"], d["A"])
        if Stream.BEST not in self._raw.streams:
            return
        if bid_size and ask_size and bid >= ask:
            self._best_epoch += 1
            self._writer.gap(Gap(Stream.BEST, self._best_good_ns, line.time_ns, "crossed"))
            return
        self._best_good_ns = line.time_ns
        venue_ms, update = _whole(d.get("E", -1)), _whole(d["u"])
        row = (line.time_ns, venue_ms, update, self._best_epoch, bid, bid_size, ask, ask_size)
        self._best.append(row)

    def _on_trade(self, line: _Line) -> None:
        d = line.data
        price, size = self._on_grid(line, d["p"], d["q"])
        if Stream.TRADES not in self._raw.streams or not size:
            return
        side = -1 if d["m"] else 1  # m: the buyer was the maker
        name = _whole(d["t"] if "t" in d else d["a"])
        self._trades.append((line.time_ns, _whole(d["T"]), price, size, side, name))

    def _on_depth(self, line: _Line) -> None:
        book = self._book
        if line.kind == "snapshot":
            self._on_snapshot(line)
        elif not book.synced:
            book.waiting.append(line)
            self._try_sync(line.time_ns)
        elif self._continues(line.data):
            self._apply([line], line.time_ns)
        else:
            book.synced, book.reason, book.last_id = False, "sequence", -1
            book.waiting.clear()
            book.waiting.append(line)

    def _continues(self, d: dict[str, Any]) -> bool:
        expected = self._book.last_id
        return bool(d["pu"] == expected if "pu" in d else d["U"] == expected + 1)

    def _on_snapshot(self, line: _Line) -> None:
        book = self._book
        if book.synced:
            return  # a periodic audit: the chain of updates is whole without it
        sides = []
        for name in ("bids", "asks"):
            levels = [self._on_grid(line, p, q) for p, q in line.data[name]]
            sides.append({p: q for p, q in levels if q})
        book.bids, book.asks = sides
        book.known = min(len(book.bids), len(book.asks))
        book.last_id = _whole(line.data["lastUpdateId"])
        self._try_sync(line.time_ns)

    def _try_sync(self, time_ns: int) -> None:
        """Apply the update that straddles the snapshot: the result is the epoch's first state."""
        book = self._book
        if book.last_id < 0:
            return
        futures = bool(book.waiting) and "pu" in book.waiting[0].data
        least = book.last_id if futures else book.last_id + 1
        while book.waiting and book.waiting[0].data["u"] < least:
            book.waiting.popleft()
        if not book.waiting:
            return
        if book.waiting[0].data["U"] > book.last_id + 1:
            book.last_id = -1  # the snapshot is older than the first update: wait for another
            return
        straddling, *rest = book.waiting
        book.synced = True
        book.waiting.clear()
        if book.good_ns:
            book.epoch += 1
            self._writer.gap(Gap(Stream.DEPTH, book.good_ns, time_ns, book.reason or "sequence"))
        self._apply([straddling], time_ns)
        for line in rest:
            self._on_depth(_Line(line.number, max(line.time_ns, time_ns), "depth", line.data))

    def _apply(self, lines: list[_Line], time_ns: int) -> None:
        book = self._book
        for line in lines:
            changes: list[tuple[int, int, int]] = []
            d = line.data
            for side, levels, name in ((1, book.bids, "b"), (-1, book.asks, "a")):
                for p, q in d[name]:
                    price, size = self._on_grid(line, p, q)
                    if size:
                        levels[price] = size
                    else:
                        levels.pop(price, None)
                    changes.append((side, price, size))
            book.last_id = _whole(d["u"])
            self._writer.depth_change(
                time_ns,
                _whole(d["E"]),
                book.last_id,
                book.epoch,
                book.known,
                changes,
                book.bids,
                book.asks,
            )
            book.good_ns = time_ns

    def _flush(self) -> None:
        if self._best:
            self._writer.best(_columns(self._best, _BEST))
            self._best = []
        if self._trades:
            columns = _columns(self._trades, _TRADES)
            columns["inferred"] = np.zeros(len(self._trades), bool)
            columns["state"] = np.full(len(self._trades), -1, np.int64)
            self._writer.trades(columns)
            self._trades = []


_BEST = ("time_ns", "venue_ms", "update_id", "epoch", "bid", "bid_size", "ask", "ask_size")
_TRADES = ("time_ns", "venue_ms", "price", "size", "side", "id")


def _whole(value: Any) -> int:
    """A whole number that 64 bits hold.

    Raises:
        ValueError: it is none.
    """
    number = int(value)
    if not -_LARGEST < number < _LARGEST:
        raise ValueError(f"{str(value)[:_SHOWN]} is larger than any number of a market")
    return number


def _columns(rows: list[tuple[int, ...]], names: tuple[str, ...]) -> dict[str, NDArray[Any]]:
    block = np.array(rows, np.int64)
    return {name: block[:, k] for k, name in enumerate(names)}
