"""Reading one market's file, beside its writer and without ever holding it up."""

import sqlite3
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import numpy as np

from app.errors import StoreCorruptError, StoreError
from app.market import Market
from app.records import KINDS, TIME_FIELD, Batch, decode, empty
from app.store import files, schema
from app.store.base import News
from app.store.faults import explain

_T = TypeVar("_T")
_CACHE_KIB = 1024
_GENERATION_SHIFT = 40
_FIRST_CHUNK = 256  # batches joined in one step of SQLite, then more or less by their size
_CHUNK_BYTES = 4 << 20
_FOREVER = (1 << 63) - 1
_ALWAYS = (-_FOREVER, _FOREVER)
# Bisecting ids stops here: about a second's worth.
_FINE = 1 << 20


class MarketReader:
    """A lazily opened read-only connection to one market's file, behind a lock.

    Every call is one short read transaction, so the writer's checkpoints are never held up. The file
    may be absent, or be replaced while it is open (set aside, deleted): the reader follows it.
    `on_damage` is called with the inode of a file that turned out to be damaged.
    """

    def __init__(self, path: Path, on_damage: Callable[[tuple[int, int]], None]):
        self.path = path
        self._on_damage = on_damage
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._inode: tuple[int, int] | None = None
        self._foreign: tuple[int, int] | None = (
            None  # a file of another version, not to be tried again
        )
        self._generation = 0
        self._version = 0

    def version(self) -> int:
        """A number that changes when the market's file does; 0 while there is none.

        While another thread reads the market, the last number is repeated rather than waited for.
        """
        if not self._lock.acquire(blocking=False):
            return self._version
        try:
            connection = self._open()
            if connection is None:
                self._version = 0
            else:
                (data_version,) = connection.execute("PRAGMA data_version").fetchone()
                self._version = self._generation << _GENERATION_SHIFT | data_version
            return self._version
        except sqlite3.Error as error:
            raise self._failed(error) from None
        finally:
            self._lock.release()

    def read_since(self, cursors: Mapping[str, int]) -> News:
        """See `HotStore.read_since`."""
        with self._lock:
            connection = self._begin()
            if connection is None:
                return News({}, dict(cursors))
            batches: dict[str, Batch] = {}
            after = dict(cursors)
            try:
                for kind, cursor in cursors.items():
                    data, last = _joined(connection, kind, (cursor, _FOREVER), _ALWAYS)
                    if data:
                        batches[kind] = self._decode(kind, data)
                        after[kind] = last
            except sqlite3.Error as error:
                raise self._failed(error) from None
            finally:
                self._end()
            return News(batches, after)

    def window(self, kind: str, start_ns: int, end_ns: int) -> Batch:
        """See `HotStore.window`."""
        with self._lock:
            connection = self._begin()
            if connection is None or end_ns <= start_ns:
                self._end()
                return empty(kind)
            try:
                ids = _bounds(connection, kind, start_ns, end_ns)
                data, _ = _joined(connection, kind, ids, (start_ns, end_ns))
            except sqlite3.Error as error:
                raise self._failed(error) from None
            finally:
                self._end()
        return _cut(kind, self._decode(kind, data), start_ns, end_ns)

    def market(self) -> Market | None:
        """The description; None while there is no file or it has none."""
        return self._ask(schema.read_market, None)

    def fence(self) -> int:
        """The lease under which the file was last written; 0 for none."""
        return self._ask(schema.read_fence, 0)

    def last_id(self) -> int | None:
        """The id of the last append; None while there is no file that this build can read."""
        return self._ask(schema.last_id, None)

    def _ask(self, question: Callable[[sqlite3.Connection], _T], otherwise: _T) -> _T:
        with self._lock:
            try:
                connection = self._open()
                return otherwise if connection is None else question(connection)
            except sqlite3.Error as error:
                raise self._failed(error) from None

    def close(self) -> None:
        """Give the descriptors back; the next call opens again."""
        with self._lock:
            self._drop()

    def _open(self) -> sqlite3.Connection | None:
        """The connection to the present file; None where there is none that this build can read."""
        present = files.inode(self.path)
        if present is not None and present == self._inode:
            return self._connection
        self._drop()
        if present is None or present == self._foreign:
            return None
        connection = files.connect(self.path, "ro")
        try:
            connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            good = schema.fits(connection)
        except sqlite3.Error as error:
            connection.close()
            if isinstance(explain(error, self.path), StoreCorruptError):
                good = False
                self._on_damage(present)
            elif files.inode(self.path) is None:
                return None
            else:
                raise
        # The file may have been replaced between looking and opening; its companions would not fit.
        if files.inode(self.path) != present:
            connection.close()
            return None
        if not good:
            connection.close()
            self._foreign = present
            return None
        self._connection, self._inode = connection, present
        self._generation += 1
        return connection

    def _begin(self) -> sqlite3.Connection | None:
        try:
            connection = self._open()
            if connection is not None:
                connection.execute("BEGIN")
            return connection
        except sqlite3.Error as error:
            raise self._failed(error) from None

    def _end(self) -> None:
        if self._connection is not None and self._connection.in_transaction:
            self._connection.execute("COMMIT")

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = self._inode = None

    def _failed(self, error: sqlite3.Error) -> StoreError:
        fault = explain(error, self.path)
        if isinstance(fault, StoreCorruptError) and self._inode is not None:
            self._on_damage(self._inode)
        self._drop()
        return fault

    def _decode(self, kind: str, data: bytes) -> Batch:
        try:
            return decode(kind, data)
        except ValueError:
            if self._inode is not None:
                self._on_damage(self._inode)
            raise StoreCorruptError(
                f"The store file {self.path} is damaged: its {kind} records have a wrong length; the "
                "collector sets it aside and starts a fresh one."
            ) from None


def _joined(
    connection: sqlite3.Connection, kind: str, ids: tuple[int, int], times: tuple[int, int]
) -> tuple[bytes, int]:
    """The bytes of all batches with ids in `(first, last]` that reach into the times `(start, end]`.

    Returns them with the largest id among them.
    """
    sql = schema.SQL[kind]
    first, last = ids
    limit = _FIRST_CHUNK
    chunks: list[bytes] = []
    while first < last:
        try:
            largest, length, data = connection.execute(
                sql.join, (first, last, *times, limit)
            ).fetchone()
        except sqlite3.DataError:  # more than SQLite takes in one value
            if limit == 1:
                raise
            limit = 1
            continue
        if largest is None:
            break
        if len(data) != length:  # a build of SQLite that ends a text at its first zero
            rows = connection.execute(sql.single, (first, largest, *times)).fetchall()
            data = b"".join([row[0] for row in rows])
        chunks.append(data)
        first = largest
        limit = limit * 4 if length < _CHUNK_BYTES else max(1, limit // 4)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks), first


def _bounds(
    connection: sqlite3.Connection, kind: str, start_ns: int, end_ns: int
) -> tuple[int, int]:
    """Ids `(first, last]` among which every batch that reaches into the window lies.

    With D the recorded disorder, t1(a) − t0(b) ≤ D for all a before b. So all before b are too old
    when t0(b) + D ≤ start, and all after b too young when t1(b) − D > end.
    """
    sql = schema.SQL[kind]
    (disorder,) = connection.execute(
        "SELECT disorder_ns FROM kinds WHERE kind = ?", (kind,)
    ).fetchone()
    (low,) = connection.execute(sql.first_id).fetchone()
    (high,) = connection.execute(sql.last_id).fetchone()
    if low is None:
        return 0, -1
    if disorder >= schema.UNORDERED_NS:
        return low - 1, high
    first, top = low, high
    while top - first > _FINE:
        middle = (first + top) // 2
        (t0,) = connection.execute(sql.t0_from, (middle,)).fetchone()
        first, top = (middle, top) if t0 + disorder <= start_ns else (first, middle)
    bottom, last = first, high
    while last - bottom > _FINE:
        middle = (bottom + last) // 2
        (t1,) = connection.execute(sql.t1_until, (middle,)).fetchone()
        bottom, last = (bottom, middle) if t1 - disorder > end_ns else (middle, last)
    return first - 1, last


def _cut(kind: str, batch: Batch, start_ns: int, end_ns: int) -> Batch:
    """The records in `(start, end]`, oldest first, each time's in the order of their arrival."""
    times = batch[TIME_FIELD[kind]]
    if np.any(times[1:] < times[:-1]):
        inside = batch[(times > start_ns) & (times <= end_ns)]
        return inside[np.argsort(inside[TIME_FIELD[kind]], kind="stable")]
    first, last = np.searchsorted(times, (start_ns, end_ns), side="right")
    return batch[first:last]


def known(kind: str) -> str:
    """The kind itself.

    Raises:
        StoreError: there is no such kind of record.
    """
    if kind not in KINDS:
        raise StoreError(f"{kind!r} is no kind of record; known are {', '.join(KINDS)}.")
    return kind
