"""The files of the store: names, connections, setting aside, and the limit on descriptors."""

import contextlib
import os
import resource
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from app.errors import MarketError
from app.market import MarketId

SUFFIX = ".sqlite"
DAMAGED = "damaged"
OLD = "old"
DRAFT = ".new-"  # and the process that makes it
_COMPANIONS = ("-wal", "-shm")
_SIDELINED_KEPT = 2  # files set aside that are kept per market; older ones are deleted
BUSY_TIMEOUT_S = 5.0


def market_path(directory: Path, market: MarketId) -> Path:
    """The file of a market."""
    return directory / f"{market.file_name}{SUFFIX}"


def market_files(directory: Path) -> Iterator[tuple[MarketId, Path]]:
    """The markets that have a file, in order of their ids."""
    try:
        names = sorted(os.listdir(directory))
    except FileNotFoundError:
        return
    for name in names:
        if name.endswith(SUFFIX):
            with contextlib.suppress(MarketError):
                yield MarketId.from_file_name(name.removesuffix(SUFFIX)), directory / name


def inode(path: Path) -> tuple[int, int] | None:
    """What tells a file from the one that replaced it; None when there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def stamp(path: Path) -> tuple[int, int, int] | None:
    """What changes when the file is replaced or written to; None when there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_mtime_ns


def disk_bytes(path: Path) -> int:
    """The size of a file with its write-ahead log; 0 where there is none."""
    total = 0
    for name in (path, path.with_name(f"{path.name}-wal")):
        with contextlib.suppress(FileNotFoundError):
            total += name.stat().st_size
    return total


def connect(path: Path, mode: str) -> sqlite3.Connection:
    """A connection without implicit transactions; `mode` is SQLite's: ro, rw, rwc.

    Never open a database file by other means in a process that has connections to it: closing such
    a descriptor drops SQLite's POSIX locks.
    """
    return sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?mode={mode}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=BUSY_TIMEOUT_S,
    )


def set_aside(path: Path, label: str, stamp_ns: int) -> Path:
    """Rename a database with its companions, so that a fresh one can take its place.

    Raises:
        OSError: the directory does not allow it.
    """
    target = path.with_name(f"{path.name}.{label}-{stamp_ns}")
    # The database goes first: without it nobody opens the companions any more.
    for end in ("", *_COMPANIONS):
        with contextlib.suppress(FileNotFoundError):
            os.replace(f"{path}{end}", f"{target}{end}")
    _thin_out(path)
    return target


def remove(path: Path) -> None:
    """Delete a database with its companions."""
    for end in ("", *_COMPANIONS):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{path}{end}")


def sidelined(path: Path) -> list[Path]:
    """What was set aside of a market's file, oldest first, without companions."""
    found = [
        p
        for label in (DAMAGED, OLD)
        for p in path.parent.glob(f"{_escaped(path.name)}.{label}-*")
        if not p.name.endswith(_COMPANIONS)
    ]
    return sorted(found, key=lambda p: int(p.name.rpartition("-")[2]))


def _thin_out(path: Path) -> None:
    for old in sidelined(path)[:-_SIDELINED_KEPT]:
        remove(old)


def _escaped(name: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)


def raise_descriptor_limit() -> int:
    """Raise the soft limit of open files to the hard one; each market takes three.

    Returns the limit now in force.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
    return 1 << 20 if soft == resource.RLIM_INFINITY else soft
