"""The layout of a market's file.

A file is one market: a table per kind of record, keyed by the id of the append. `t0` and `t1` are the
first and last time in the batch. `kinds` holds how far times fall back behind earlier appends, which
makes searching by time exact although ids need not follow times (late gaps, replays, stepped clocks).
"""

import json
import os
import sqlite3
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import numpy as np

from app.market import Market
from app.records import KINDS, LATEST_ONLY, VERSION
from app.store import files

SCHEMA: Final = 1
APPLICATION_ID: Final = 0x4F464948  # OFIH
UNORDERED_NS: Final = 1 << 62  # a disorder from which on times are no help in searching
HISTORY: Final = tuple(kind for kind in KINDS if kind not in LATEST_ONLY)


def fingerprint(kinds: Mapping[str, np.dtype[Any]]) -> int:
    """A number for the layout of file and records: builds that differ must not read each other's."""
    text = repr([SCHEMA, VERSION, {kind: dtype.descr for kind, dtype in kinds.items()}])
    return zlib.crc32(text.encode()) >> 1


FINGERPRINT: Final = fingerprint(KINDS)


@dataclass(frozen=True)
class Statements:
    """The SQL on one kind's table; texts are made once, SQLite's statement cache knows them."""

    create: str = (
        "CREATE TABLE TABLE_ (id INTEGER PRIMARY KEY, t0 INTEGER NOT NULL, t1 INTEGER NOT NULL, "
        "data BLOB NOT NULL)"
    )
    insert: str = "INSERT INTO TABLE_ VALUES (?, ?, ?, ?)"
    replace: str = "UPDATE TABLE_ SET id = ?, t0 = ?, t1 = ?, data = ?"
    forget: str = (
        "DELETE FROM TABLE_ WHERE id IN (SELECT id FROM TABLE_ WHERE id < ? ORDER BY id LIMIT ?)"
    )
    # Each step of a query gives Python's lock away, and beside a busy thread it is five milliseconds
    # until it comes back: an hour of single rows took 35 ms alone and 3–9 s so. Joined in SQLite, a
    # chunk is one step (30 ms alone, 60 ms so). The length tells whether joining was faithful.
    join: str = (
        "SELECT max(id), sum(length(data)), CAST(group_concat(data, '') AS BLOB) FROM "
        "(SELECT id, data FROM TABLE_ WHERE id > ? AND id <= ? AND t1 > ? AND t0 <= ? "
        "ORDER BY id LIMIT ?)"
    )
    single: str = (
        "SELECT data FROM TABLE_ WHERE id > ? AND id <= ? AND t1 > ? AND t0 <= ? ORDER BY id"
    )
    odd_sizes: str = "SELECT count(*) FROM TABLE_ WHERE length(data) = 0 OR length(data) % ?"
    # Apart, each is one step in the tree; together SQLite would read the whole table.
    first_id: str = "SELECT min(id) FROM TABLE_"
    last_id: str = "SELECT max(id) FROM TABLE_"
    nth_id: str = "SELECT id FROM TABLE_ ORDER BY id LIMIT 1 OFFSET ?"
    last_time: str = "SELECT t1 FROM TABLE_ ORDER BY id DESC LIMIT 1"
    t0_from: str = "SELECT t0 FROM TABLE_ WHERE id >= ? ORDER BY id LIMIT 1"
    t1_until: str = "SELECT t1 FROM TABLE_ WHERE id <= ? ORDER BY id DESC LIMIT 1"


def _statements(kind: str) -> Statements:
    return Statements(
        **{f.name: str(f.default).replace("TABLE_", f"k_{kind}") for f in fields(Statements)}
    )


SQL: Final = {kind: _statements(kind) for kind in KINDS}


def fits(connection: sqlite3.Connection) -> bool:
    """Whether this build wrote the file.

    Raises:
        sqlite3.Error: the file is damaged or no database.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return bool(application == APPLICATION_ID and version == FINGERPRINT)


def create(path: Path) -> None:
    """Make an empty file for a market; it appears complete or not at all.

    Raises:
        sqlite3.Error, OSError: it cannot be made.
    """
    draft = path.with_name(f"{path.name}{files.DRAFT}{os.getpid()}")
    files.remove(draft)
    try:
        connection = files.connect(draft, "rwc")
        try:
            _fill(connection)
        finally:
            connection.close()
        os.replace(draft, path)
    finally:
        files.remove(draft)


def _fill(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = OFF")  # nothing in it yet that the disk must not lose
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID")
    connection.execute("INSERT INTO meta VALUES ('fence', 0), ('market', '')")
    connection.execute(
        "CREATE TABLE kinds (kind TEXT PRIMARY KEY, disorder_ns INTEGER NOT NULL) WITHOUT ROWID"
    )
    for kind in KINDS:
        connection.execute("INSERT INTO kinds VALUES (?, 0)", (kind,))
        connection.execute(SQL[kind].create)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {FINGERPRINT}")
    connection.execute("COMMIT")


def read_market(connection: sqlite3.Connection) -> Market | None:
    """The description in a market's file; None before `put_market`."""
    (text,) = connection.execute("SELECT value FROM meta WHERE name = 'market'").fetchone()
    return Market.from_json(json.loads(text)) if text else None


def write_market(connection: sqlite3.Connection, market: Market) -> None:
    """Replace the description."""
    connection.execute(
        "UPDATE meta SET value = ? WHERE name = 'market'", (json.dumps(market.to_json()),)
    )


def last_id(connection: sqlite3.Connection) -> int:
    """The largest id in the file; 0 when nothing was appended."""
    ids = [connection.execute(SQL[kind].last_id).fetchone()[0] for kind in KINDS]
    return max((int(i) for i in ids if i is not None), default=0)


def read_fence(connection: sqlite3.Connection) -> int:
    """The lease under which the file was last written; 0 for none."""
    (fence,) = connection.execute("SELECT value FROM meta WHERE name = 'fence'").fetchone()
    return int(fence)


def fault(path: Path) -> str | None:
    """What is wrong with a market's file, read through from beginning to end; None when it is sound."""
    try:
        connection = files.connect(path, "ro")
        try:
            if not fits(connection):
                return "it was written by another version or another program"
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                return str(verdict)
            for kind, dtype in KINDS.items():
                if connection.execute(SQL[kind].odd_sizes, (dtype.itemsize,)).fetchone()[0]:
                    return f"{kind} records have a wrong length"
        finally:
            connection.close()
    except sqlite3.Error as error:
        return str(error)
    return None
