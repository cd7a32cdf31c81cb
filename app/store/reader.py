"""Reading one market's file, beside its writer and without ever holding it up."""

import sqlite3
import threading
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from app.errors import StoreCorruptError, StoreError
from app.market import Market
from app.records import KINDS, TIME_FIELD, Batch, decode, empty
from app.store import files, schema
from app.store.base import News
from app.store.faults import explain

_CACHE_KIB = 1024
_GENERATION_SHIFT = 40
# Bisecting ids stops here: about a second's worth.
_FINE = 1 << 20


class MarketReader:
    """A lazily opened read-only connection to one market's file, behind a lock.

    Every call is one short read transaction, so the writer's checkpoints are never held up. The file
    may be absent, or be replaced while it is open (set aside, deleted): the reader follows it.
    """

    def __init__(self, path: Path):
        self.path = path
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
                    rows = connection.execute(schema.SQL[kind].since, (cursor,)).fetchall()
                    if rows:
                        batches[kind] = self._decode(kind, [row[1] for row in rows])
                        after[kind] = rows[-1][0]
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
                first, last = _bounds(connection, kind, start_ns, end_ns)
                rows = connection.execute(
                    schema.SQL[kind].between,
                    (first, last, start_ns, end_ns),
                ).fetchall()
            except sqlite3.Error as error:
                raise self._failed(error) from None
            finally:
                self._end()
        return _cut(kind, self._decode(kind, [row[0] for row in rows]), start_ns, end_ns)

    def market(self) -> Market | None:
        """The description; None while there is no file or it has none."""
        with self._lock:
            try:
                connection = self._open()
                return None if connection is None else schema.read_market(connection)
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
        self._drop()
        return explain(error, self.path)

    def _decode(self, kind: str, blobs: list[bytes]) -> Batch:
        try:
            return decode(kind, b"".join(blobs))
        except ValueError:
            raise StoreCorruptError(
                f"The store file {self.path} is damaged: its {kind} records have a wrong length; the "
                "collector sets it aside and starts a fresh one."
            ) from None


def _bounds(
    connection: sqlite3.Connection, kind: str, start_ns: int, end_ns: int
) -> tuple[int, int]:
    """Ids between which every batch that reaches into the window lies.

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
    return first, last


def _cut(kind: str, batch: Batch, start_ns: int, end_ns: int) -> Batch:
    """The records in `(start, end]`, oldest first, each time's in the order of their arrival."""
    times = batch[TIME_FIELD[kind]]
    inside = (times > start_ns) & (times <= end_ns)
    if not inside.all():
        batch = batch[inside]
        times = times[inside]
    if np.any(times[1:] < times[:-1]):
        batch = batch[np.argsort(times, kind="stable")]
    return batch


def known(kind: str) -> str:
    """The kind itself.

    Raises:
        StoreError: there is no such kind of record.
    """
    if kind not in KINDS:
        raise StoreError(f"{kind!r} is no kind of record; known are {', '.join(KINDS)}.")
    return kind
