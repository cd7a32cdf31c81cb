"""What a market's file forgets: by age and by size, a few batches per append."""

import os
import sqlite3
from pathlib import Path

from app import log
from app.clock import NS_PER_MS
from app.errors import StoreError
from app.market import MarketId
from app.store import files, schema
from app.store.base import ID_SHIFT
from app.store.control import Control, process_start
from app.store.reader import MarketReader

_log = log.get("store")

_COLUMN_MINUTES = 10
_SMALL = "bucket"  # a few kilobytes that a day's percentile needs: the size of the file spares them
_DAY_MINUTES = 25 * 60
_STEP = 32  # batches forgotten per append at most, so that an append stays short
_STEP_PAGES = 64  # pages given back to the file system per append at most
_SPARE_PAGES = 2048
_LOOK_EVERY = 16  # appends between two looks at the size
NS_PER_MINUTE = 60_000_000_000


class Retention:
    """Keeps one market's file within its age and size; called inside the append's transaction.

    Age is the age of the append (its id), so a replay of old data is kept as long as live data.
    """

    def __init__(self, keep_minutes: int, max_mb: int):
        minutes = dict.fromkeys(schema.HISTORY, keep_minutes)
        minutes["column"] = min(_COLUMN_MINUTES, keep_minutes)
        minutes[_SMALL] = max(_DAY_MINUTES, keep_minutes)
        self._keep = {kind: kept * NS_PER_MINUTE for kind, kept in minutes.items()}
        self._max_bytes = max_mb << 20
        self._oldest: dict[str, int | None] = {}
        self._page_bytes = 4096
        self._appends = 0
        self._behind = False

    def start(self, connection: sqlite3.Connection) -> None:
        """Look at the file afresh."""
        self._oldest = {kind: _oldest(connection, kind) for kind in schema.HISTORY}
        (self._page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
        self._appends = 0

    def added(self, kind: str, batch_id: int) -> None:
        """A batch of a kind with history was appended."""
        if self._oldest[kind] is None:
            self._oldest[kind] = batch_id

    def step(self, connection: sqlite3.Connection, now_ns: int) -> None:
        """Forget a little of what is too old, or too much."""
        for kind, keep_ns in self._keep.items():
            oldest = self._oldest.get(kind)
            before = (now_ns - keep_ns) // NS_PER_MS << ID_SHIFT
            if oldest is not None and oldest < before:
                self._forget(connection, kind, before)
        if self._appends % _LOOK_EVERY == 0 or self._behind:
            self._shrink(connection)
        self._appends += 1

    def _shrink(self, connection: sqlite3.Connection) -> None:
        """Bring the file below its size: the oldest goes first, then free pages are given back."""
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        (free,) = connection.execute("PRAGMA freelist_count").fetchone()
        limit = self._max_bytes // self._page_bytes
        limit -= limit // 16  # room for what comes until the next look
        excess = pages - free > limit
        if excess:
            self._forget_oldest(connection)
        surplus = free > 0 and (pages > limit or free > max(_SPARE_PAGES, pages // 4))
        if surplus:
            # One page at a time: its rows have no columns, so Python steps this pragma only once.
            for _ in range(min(free, _STEP_PAGES)):
                connection.execute("PRAGMA incremental_vacuum(1)")
        self._behind = excess or surplus

    def _forget_oldest(self, connection: sqlite3.Connection) -> None:
        """Forget the oldest of all kinds alike: some batches of the most frequent kind, and what is
        older than these; never the newest append."""
        for skip in (_STEP // 2, 1):
            found = [
                connection.execute(schema.SQL[kind].nth_id, (skip,)).fetchone()
                for kind in schema.HISTORY
                if kind != _SMALL
            ]
            ids = [row[0] for row in found if row is not None]
            if ids:
                break
        before = min([*ids, schema.last_id(connection)])
        for kind, oldest in self._oldest.items():
            if oldest is not None and oldest < before and kind != _SMALL:
                self._forget(connection, kind, before)

    def _forget(self, connection: sqlite3.Connection, kind: str, before: int) -> None:
        connection.execute(schema.SQL[kind].forget, (before, _STEP))
        self._oldest[kind] = _oldest(connection, kind)


def _oldest(connection: sqlite3.Connection, kind: str) -> int | None:
    row = connection.execute(schema.SQL[kind].first_id).fetchone()
    return None if row[0] is None else int(row[0])


def sweep(directory: Path, control: Control, before_ns: int, mine: frozenset[MarketId]) -> None:
    """Delete the files of markets whose last append is older than `before_ns` and that nobody leases.

    Markets in `mine` are left alone, and so is what cannot be read: that is set aside when it is
    next written.
    """
    try:
        for market, path in files.market_files(directory):
            if market not in mine:
                _sweep_market(market, path, control, before_ns)
        for draft in directory.glob(f"*{files.SUFFIX}{files.DRAFT}*"):
            pid = draft.name.rpartition("-")[2]
            if pid.isdigit() and int(pid) != os.getpid() and process_start(int(pid)) == -1:
                files.remove(draft)
    except (StoreError, OSError) as error:
        _log.warning("Old store files could not be swept away.", error=str(error))


def _sweep_market(market: MarketId, path: Path, control: Control, before_ns: int) -> None:
    def work() -> None:
        reader = MarketReader(path, lambda _: None)
        try:
            last = reader.last_id()
        finally:
            reader.close()
        if last is not None and last >> ID_SHIFT < before_ns // NS_PER_MS:
            files.remove(path)
            _log.info("a market's old file was deleted", market=str(market))

    control.while_free(market, work)
