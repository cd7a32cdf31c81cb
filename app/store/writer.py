"""Writing one market's file: the only place that appends, forgets, checkpoints and sets aside."""

import os
import sqlite3
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app import log
from app.clock import NS_PER_MS, Clock
from app.errors import StoreBusyError, StoreError
from app.market import Market, MarketId
from app.records import KINDS, LATEST_ONLY, TIME_FIELD, Batch
from app.store import files, schema
from app.store.base import ID_SHIFT, Cursor
from app.store.care import WAL_BYTES, Care, WalWatch
from app.store.faults import explain_os
from app.store.reader import known
from app.store.retention import Retention
from app.store.transactions import Transactions

_log = log.get("store")
_DAY_MS = 86_400_000
_CACHE_KIB = 512
_LOOK_EVERY = 64  # appends between two looks for reports of damage


@dataclass(frozen=True)
class _Packed:
    kind: str
    t0: int
    t1: int
    data: bytes


def _same_units(one: Market, other: Market) -> bool:
    return (one.grid.tick, one.grid.lot) == (other.grid.tick, other.grid.lot)


class MarketWriter(Transactions):
    """A lazily opened connection that writes one market's file, behind a lock.

    `fence` is the number of the lease under which it writes; a file that a later lease has written
    refuses it. None writes without a lease, as long as nobody else has one.
    """

    def __init__(self, path: Path, market: MarketId, clock: Clock, care: Care):
        super().__init__(path)
        self.market_id = market
        self.fence: int | None = None
        self._clock = clock
        self._care = care
        self._retention = Retention(care.keep_minutes, care.max_mb)
        self._wal = WalWatch(path, market, care)
        self._appends = 0
        self._given_up = False  # the file is to be deleted at the next append
        self._condemned: str | None = None  # why the file is to be set aside at the next append
        self._lock = threading.Lock()
        self._market: Market | None = None
        self._seen_version = -1
        self._own_fence: int | None = None
        self._last_id = 0
        self._latest: dict[str, int] = {}  # per kind, no record appended so far is later than this
        self._disorder: dict[str, int] = {}

    def put_market(self, market: Market) -> None:
        """Write the description; history in other increments is given up with its file."""
        with self._lock:
            before = self._transact(schema.read_market)
            if before is not None and not _same_units(before, market):
                _log.warning("the market's increments changed", market=str(market.id))
                self._given_up = True
            self._market = market
            self._transact(lambda connection: schema.write_market(connection, market))
            # Reading every description is dear; a touched file tells readers that it has changed.
            os.utime(self.path)

    def append(self, batches: Mapping[str, Batch]) -> Cursor:
        """See `HotStore.append`; an append of nothing returns the last id."""
        packed = [_pack(kind, batch) for kind, batch in batches.items() if len(batch)]
        with self._lock:
            batch_id = self._transact(lambda connection: self._insert(connection, packed))
            self._look_after(sum(len(item.data) for item in packed))
            return batch_id

    def close(self) -> None:
        """Checkpoint and give the descriptors back; the next call opens again."""
        with self._lock:
            self._drop()

    def _insert(self, connection: sqlite3.Connection, packed: list[_Packed]) -> Cursor:
        if not packed:
            return self._last_id
        batch_id = max(self._clock.now_ns() // NS_PER_MS << ID_SHIFT, self._last_id + 1)
        for item in packed:
            sql, values = schema.SQL[item.kind], (batch_id, item.t0, item.t1, item.data)
            if item.kind not in LATEST_ONLY:
                self._note_order(connection, item)
                self._retention.added(item.kind, batch_id)
            elif connection.execute(sql.replace, values).rowcount:
                continue
            connection.execute(sql.insert, values)
        self._retention.step(connection, self._clock.now_ns())
        self._last_id = batch_id
        return batch_id

    def _note_order(self, connection: sqlite3.Connection, item: _Packed) -> None:
        latest = self._latest.get(item.kind, item.t0)
        disorder = min(latest - item.t0, schema.UNORDERED_NS)
        if disorder > self._disorder.get(item.kind, 0):
            connection.execute(
                "UPDATE kinds SET disorder_ns = ? WHERE kind = ?", (disorder, item.kind)
            )
            self._disorder[item.kind] = disorder
        self._latest[item.kind] = max(latest, item.t1)

    def _open(self) -> sqlite3.Connection:
        if self._condemned is not None:
            self._set_aside(self._condemned)
        if self._given_up:
            self._given_up = False
            self._drop()
            files.remove(self.path)
        present = files.inode(self.path)
        if self._connection is not None and present == self._inode:
            return self._connection
        self._drop()  # the file was deleted or replaced below us
        if self.fence is None:
            self._care.control.check_free(self.market_id)
        if present is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            schema.create(self.path)
        connection = files.connect(self.path, "rw")
        try:
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA secure_delete = OFF")
            connection.execute("PRAGMA wal_autocheckpoint = 0")  # the caretaker's work
            connection.execute(f"PRAGMA journal_size_limit = {WAL_BYTES}")
            connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            good = schema.fits(connection)
        except sqlite3.Error:
            connection.close()
            raise
        if not good:
            connection.close()
            self._set_aside("it was written by another version or another program", files.OLD)
            return self._open()
        self._connection, self._inode = connection, files.inode(self.path)
        self._seen_version, self._own_fence = -1, self.fence
        return connection

    def _begun(self, connection: sqlite3.Connection) -> None:
        """Inside the transaction: read anew what another writer may have changed."""
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        if version == self._seen_version:
            return
        # First of all: should the rest be damaged, the next file is described as well.
        described = schema.read_market(connection)
        if described is None and self._market is not None:
            schema.write_market(connection, self._market)
        elif self._market is None:
            self._market = described
        self._check_fence(connection)
        self._last_id = max(self._last_id, schema.last_id(connection))
        rows = connection.execute("SELECT kind, disorder_ns FROM kinds").fetchall()
        self._disorder = {str(kind): int(value) for kind, value in rows}
        self._latest = {}
        for kind in schema.HISTORY:
            row = connection.execute(schema.SQL[kind].last_time).fetchone()
            if row is not None:
                self._latest[kind] = row[0] + self._disorder.get(kind, 0)
        self._retention.start(connection)
        self._seen_version = version

    def _check_fence(self, connection: sqlite3.Connection) -> None:
        fence = schema.read_fence(connection)
        if self._own_fence is None:
            self._own_fence = fence
        if fence > self._own_fence:
            raise StoreBusyError(
                f"Another collector has taken over {self.market_id}; this one stops writing it."
            )
        if fence < self._own_fence:
            connection.execute("UPDATE meta SET value = ? WHERE name = 'fence'", (self._own_fence,))

    def _look_after(self, size: int) -> None:
        """After a commit: what must not cost the append time goes to the caretaker."""
        connection = self._connection
        if connection is None:
            return
        self._given_up = not self._wal.grown(connection, size)
        self._appends += 1
        if self._appends % _LOOK_EVERY == 0 and self._inode is not None:
            try:
                reported = self._care.control.take_damage(self.market_id, self._inode)
            except StoreError as error:
                _log.warning(str(error), market=str(self.market_id))
                return
            if reported:
                self._care.caretaker.verify(self.path, self._condemn(self._inode))

    def _condemn(self, inode: tuple[int, int]) -> Callable[[str], None]:
        def condemn(why: str) -> None:
            with self._lock:
                if inode == self._inode:
                    self._condemned = why

        return condemn

    def _set_aside(self, why: str, label: str = files.DAMAGED) -> None:
        self._drop()
        self._condemned = None
        self._last_id = max(self._last_id, self._floor())
        try:
            target = files.set_aside(self.path, label, self._clock.now_ns())
        except OSError as error:
            raise explain_os(error, self.path.parent) from None
        _log.warning(
            f"The store file of {self.market_id} could not be used ({why}): it was set aside as "
            f"{target.name}, and a fresh one begins.",
            market=str(self.market_id),
            path=str(target),
        )

    def _floor(self) -> int:
        """An id that nothing in the file exceeds, for when it cannot be read any more."""
        now_ms = self._clock.now_ns() // NS_PER_MS
        written = [files.stamp(Path(f"{self.path}{end}")) for end in ("", "-wal")]
        written_ms = max((s[2] // NS_PER_MS for s in written if s is not None), default=0)
        # The file's time is the machine's; what is far from our clock is another clock's.
        return written_ms + 1 << ID_SHIFT if abs(written_ms - now_ms) < _DAY_MS else 0

    def _rollback(self) -> None:
        self._seen_version = -1  # what was noted during the transaction is void
        super()._rollback()


def _pack(kind: str, batch: Batch) -> _Packed:
    if batch.dtype != KINDS[known(kind)]:
        raise StoreError(f"A batch of {kind} was given as {batch.dtype}; make it records.KINDS.")
    if kind in LATEST_ONLY:
        batch = batch[-1:]
    times = batch[TIME_FIELD[kind]]
    if len(batch) == 1:
        t0 = t1 = int(times[0])
    else:
        t0, t1 = int(np.min(times)), int(np.max(times))
    return _Packed(kind, t0, t1, batch.tobytes())
