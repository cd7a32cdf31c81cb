"""SQLite's errors as the product's: mapped once, here, each one sentence with what to do."""

import os
import sqlite3
from pathlib import Path

from app.errors import StoreBusyError, StoreCorruptError, StoreError, StoreFullError

_PRIMARY = 0xFF
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
# A read past the end means that the file is shorter than its own header says.
_DAMAGED_EXTENDED = frozenset({sqlite3.SQLITE_IOERR_SHORT_READ, sqlite3.SQLITE_IOERR_CORRUPTFS})
_FORBIDDEN = frozenset(
    {
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_AUTH,
    }
)


def explain(error: sqlite3.Error, path: Path) -> StoreError:
    """The error of the store that says what SQLite met at `path`."""
    code = getattr(error, "sqlite_errorcode", 0) or 0
    primary = code & _PRIMARY
    if primary in _DAMAGED or code in _DAMAGED_EXTENDED:
        return StoreCorruptError(
            f"The store file {path} is damaged ({error}); the collector sets it aside and starts a "
            "fresh one."
        )
    if primary == sqlite3.SQLITE_FULL or (primary == sqlite3.SQLITE_IOERR and _no_space(path)):
        return StoreFullError(
            f"The disk below {path.parent} is full: nothing of this write was stored; free some "
            "space or lower store.max_mb_per_market, collecting goes on by itself."
        )
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreBusyError(
            f"The store file {path} has been locked by another process for longer than a write "
            "takes; stop the other process."
        )
    if primary in _FORBIDDEN:
        return StoreError(
            f"The store file {path} cannot be opened or written ({error}); make {path.parent} "
            "writable for this user, or set store.url to another directory."
        )
    return StoreError(f"The store file {path} failed: {error}; look at the disk and its log.")


def explain_os(error: OSError, path: Path) -> StoreError:
    """The same for the file system itself."""
    reason = error.strerror or str(error)
    return StoreError(
        f"The store directory {path} cannot be used: {reason}; make it a writable directory, or set "
        "store.url to another one."
    )


def _no_space(path: Path) -> bool:
    try:
        return os.statvfs(path.parent).f_bavail == 0
    except OSError:
        return False
