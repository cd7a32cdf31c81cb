"""What a market's file forgets: by age and by size, a few batches per append."""

import sqlite3

from app.clock import NS_PER_MS
from app.store import schema
from app.store.base import ID_SHIFT

_COLUMN_MINUTES = 10
_STEP = 32  # batches forgotten per append at most, so that an append stays short
_STEP_PAGES = 64  # pages given back to the file system per append at most
_LOOK_EVERY = 16  # appends between two looks at the size
_NS_PER_MINUTE = 60_000_000_000


class Retention:
    """Keeps one market's file within its age and size; called inside the append's transaction.

    Age is the age of the append (its id), so a replay of old data is kept as long as live data.
    """

    def __init__(self, keep_minutes: int, max_mb: int):
        self._keep = {
            kind: (min(_COLUMN_MINUTES, keep_minutes) if kind == "column" else keep_minutes)
            * _NS_PER_MINUTE
            for kind in schema.HISTORY
        }
        self._max_bytes = max_mb << 20
        self._oldest: dict[str, int | None] = {}
        self._page_bytes = 4096
        self._appends = 0
        self._excess = 0

    def start(self, connection: sqlite3.Connection) -> None:
        """Look at the file afresh."""
        self._oldest = {kind: _oldest(connection, kind) for kind in schema.HISTORY}
        (self._page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
        self._appends = 0

    def step(self, connection: sqlite3.Connection, now_ns: int) -> None:
        """Forget a little of what is too old, or too much."""
        for kind, keep_ns in self._keep.items():
            oldest = self._oldest.get(kind)
            if oldest is None:
                oldest = self._oldest[kind] = _oldest(connection, kind)
            before = (now_ns - keep_ns) // NS_PER_MS << ID_SHIFT
            if oldest is not None and oldest < before:
                self._forget(connection, kind, before)
        if self._appends % _LOOK_EVERY == 0 or self._excess > 0:
            self._shrink(connection)
        self._appends += 1

    def _shrink(self, connection: sqlite3.Connection) -> None:
        """Bring the file below its size: the oldest goes first, then free pages are given back."""
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        (free,) = connection.execute("PRAGMA freelist_count").fetchone()
        limit = self._max_bytes // self._page_bytes
        self._excess = pages - free - limit
        if self._excess > 0:
            known = {kind: oldest for kind, oldest in self._oldest.items() if oldest is not None}
            newest = schema.last_id(connection)
            if known and min(known.values()) < newest:
                kind = min(known, key=lambda k: known[k])
                self._forget(connection, kind, newest)
            else:
                self._excess = 0
        if pages > limit and free:
            # Each row of this pragma is a page moved and given back.
            connection.execute(f"PRAGMA incremental_vacuum({_STEP_PAGES})").fetchall()

    def _forget(self, connection: sqlite3.Connection, kind: str, before: int) -> None:
        connection.execute(schema.SQL[kind].forget, (before, _STEP))
        self._oldest[kind] = _oldest(connection, kind)


def _oldest(connection: sqlite3.Connection, kind: str) -> int | None:
    row = connection.execute(schema.SQL[kind].first_id).fetchone()
    return None if row[0] is None else int(row[0])
