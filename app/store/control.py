"""`control.sqlite`: wishes, catalogues, bans and leases, shared by all processes of a host."""

import os
import socket
import sqlite3
import threading
import uuid
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from app import log
from app.clock import NS_PER_S, Clock
from app.errors import StoreBusyError
from app.market import Listing, MarketId
from app.store import catalogue, files
from app.store.transactions import Transactions

_log = log.get("store")
_T = TypeVar("_T")
NAME = "control.sqlite"  # no market's file: it has no colon
_SCHEMA = 4
HURRY_NS = 5 * NS_PER_S  # least time between two wishes to try a market now
_TABLES = (
    "CREATE TABLE IF NOT EXISTS requests (market TEXT PRIMARY KEY, asked_ns INTEGER NOT NULL, "
    "until_ns INTEGER NOT NULL, answer TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS leases (market TEXT PRIMARY KEY, owner TEXT NOT NULL, "
    "host TEXT NOT NULL, pid INTEGER NOT NULL, pid_start INTEGER NOT NULL, "
    "fence INTEGER NOT NULL, since_ns INTEGER NOT NULL, until_ns INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS hurries (market TEXT PRIMARY KEY, asked_ns INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS damages (market TEXT PRIMARY KEY, inode TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS bars (venue TEXT PRIMARY KEY, until_ns INTEGER NOT NULL)",
    *catalogue.TABLES,
)


class Control(Transactions):
    """Wishes and leases, in short transactions that wait for each other. Thread-safe by a lock."""

    def __init__(self, directory: Path, clock: Clock):
        super().__init__(directory / NAME)
        self._clock = clock
        self._lock = threading.Lock()
        self.owner = uuid.uuid4().hex

    def request(self, market: MarketId, ttl_s: float) -> None:
        """Note a wish, or prolong it; its place in the order stays while it has not run out."""
        now = self._clock.now_ns()
        until = now + round(ttl_s * NS_PER_S)

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM requests WHERE until_ns <= ?", (now,))
            connection.execute(
                "INSERT INTO requests VALUES (?, ?, ?, '') ON CONFLICT (market) DO UPDATE "
                "SET until_ns = max(until_ns, excluded.until_ns)",
                (str(market), now, until),
            )

        self._write(work)

    def requested(self) -> list[MarketId]:
        """The wishes that have not run out, oldest first."""
        if self._connection is None and files.inode(self.path) is None:
            return []
        now = self._clock.now_ns()
        rows = self._write(
            lambda connection: connection.execute(
                "SELECT market FROM requests WHERE until_ns > ? ORDER BY asked_ns, rowid", (now,)
            ).fetchall(),
            "BEGIN",
        )
        return [MarketId.parse(row[0]) for row in rows]

    def answer(self, market: MarketId, sentence: str) -> None:
        """Say why a wish is not served; forgotten with the wish."""
        self._write(
            lambda connection: connection.execute(
                "UPDATE requests SET answer = ? WHERE market = ?", (sentence, str(market))
            )
        )

    def answered(self, market: MarketId) -> str:
        """What was said of it; empty when nothing was."""
        if self._connection is None and files.inode(self.path) is None:
            return ""
        query = "SELECT answer FROM requests WHERE market = ? AND until_ns > ?"
        values = (str(market), self._clock.now_ns())
        row = self._write(lambda c: c.execute(query, values).fetchone(), "BEGIN")
        return str(row[0]) if row is not None else ""

    def offer(self, venue: str, listings: Iterable[Listing], ttl_s: float) -> None:
        """Replace what a venue offers."""
        until = self._clock.now_ns() + round(ttl_s * NS_PER_S)
        self._write(lambda connection: catalogue.replace(connection, venue, listings, until))

    def keep_offer(self, venue: str, ttl_s: float) -> None:
        """Prolong it."""
        until = self._clock.now_ns() + round(ttl_s * NS_PER_S)
        self._write(lambda connection: catalogue.prolong(connection, venue, until))

    def catalogue(self, query: str, limit: int) -> list[Listing]:
        """What is offered and fits a few words, the likeliest first."""
        if self._connection is None and files.inode(self.path) is None:
            return []
        now = self._clock.now_ns()
        return self._write(lambda c: catalogue.search(c, query, limit, now), "BEGIN")

    def bar(self, venue: str, until_ns: int) -> None:
        """Note until when a venue wants no request."""
        self._write(
            lambda connection: connection.execute(
                "INSERT OR REPLACE INTO bars VALUES (?, ?)", (venue, until_ns)
            )
        )

    def barred_until_ns(self, venue: str) -> int:
        """When it may be asked again; 0 when at once."""
        if self._connection is None and files.inode(self.path) is None:
            return 0
        query = "SELECT until_ns FROM bars WHERE venue = ?"
        row = self._write(lambda c: c.execute(query, (venue,)).fetchone(), "BEGIN")
        return int(row[0]) if row is not None and row[0] > self._clock.now_ns() else 0

    def hurry(self, market: MarketId) -> bool:
        """Note that a market's next attempt be made now; False when that was wished a moment ago."""
        now = self._clock.now_ns()

        def work(connection: sqlite3.Connection) -> bool:
            done = connection.execute(
                "INSERT INTO hurries VALUES (?, ?) ON CONFLICT (market) DO UPDATE "
                "SET asked_ns = excluded.asked_ns WHERE asked_ns NOT BETWEEN ? AND ?",
                (str(market), now, now - HURRY_NS, now),
            )
            connection.execute("DELETE FROM hurries WHERE asked_ns < ?", (now - 60 * NS_PER_S,))
            return done.rowcount == 1

        return self._write(work)

    def hurried(self, since_ns: int) -> list[MarketId]:
        """The markets that were to be tried at once, wished after a time."""
        if self._connection is None and files.inode(self.path) is None:
            return []
        query = "SELECT market FROM hurries WHERE asked_ns > ? ORDER BY asked_ns, rowid"
        rows = self._write(lambda c: c.execute(query, (since_ns,)).fetchall(), "BEGIN")
        return [MarketId.parse(row[0]) for row in rows]

    def acquire(self, market: MarketId, ttl_s: float, above: int = 0) -> int:
        """Take the lease and return its fence: larger than `above` and every earlier lease's.

        Raises:
            StoreBusyError: a live process holds it; names it and since when.
        """
        now = self._clock.now_ns()

        def work(connection: sqlite3.Connection) -> int:
            self._check_free(connection, market)
            # Fences grow over all markets, so that a lost lease table cannot repeat one.
            (top,) = connection.execute("SELECT max(fence) FROM leases").fetchone()
            fence = max(now, (top or 0) + 1, above + 1)
            connection.execute(
                "INSERT OR REPLACE INTO leases VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    str(market),
                    self.owner,
                    host_key(),
                    os.getpid(),
                    process_start(os.getpid()),
                    fence,
                    now,
                    now + round(ttl_s * NS_PER_S),
                ),
            )
            return fence

        return self._write(work)

    def check_free(self, market: MarketId) -> None:
        """For a writer without a lease.

        Raises:
            StoreBusyError: another live process holds the lease.
        """
        if self._connection is not None or files.inode(self.path) is not None:
            self._write(lambda connection: self._check_free(connection, market), "BEGIN")

    def _check_free(self, connection: sqlite3.Connection, market: MarketId) -> None:
        row = connection.execute(
            "SELECT owner, host, pid, pid_start, since_ns, until_ns FROM leases WHERE market = ?",
            (str(market),),
        ).fetchone()
        if row is None:
            return
        owner, host, pid, start, since, until = row
        if owner != self.owner and until > self._clock.now_ns() and _alive(host, pid, start):
            raise StoreBusyError(
                f"{market} is being written by the collector with process id {pid} since "
                f"{_when(since)}; stop it, or leave this market to it."
            )

    def renew(self, market: MarketId, fence: int, ttl_s: float) -> bool:
        """Hold the lease for longer; False when another has taken it."""
        until = self._clock.now_ns() + round(ttl_s * NS_PER_S)

        def work(connection: sqlite3.Connection) -> bool:
            done = connection.execute(
                "UPDATE leases SET until_ns = ? WHERE market = ? AND fence = ?",
                (until, str(market), fence),
            )
            return done.rowcount == 1

        return self._write(work)

    def release(self, market: MarketId, fence: int) -> None:
        """Let the lease run out now; its fence stays known."""
        self._write(
            lambda connection: connection.execute(
                "UPDATE leases SET until_ns = 0 WHERE market = ? AND fence = ?",
                (str(market), fence),
            )
        )

    def while_free(self, market: MarketId, work: Callable[[], None]) -> bool:
        """Do `work` while nobody can take the market's lease; not at all when somebody holds it."""

        def guarded(connection: sqlite3.Connection) -> bool:
            try:
                self._check_free(connection, market)
            except StoreBusyError:
                return False
            work()
            return True

        return self._write(guarded)

    def report_damage(self, market: MarketId, inode: tuple[int, int]) -> None:
        """Tell the writer that a reader found its file damaged."""
        self._write(
            lambda connection: connection.execute(
                "INSERT OR REPLACE INTO damages VALUES (?, ?)", (str(market), repr(inode))
            )
        )

    def take_damage(self, market: MarketId, inode: tuple[int, int]) -> bool:
        """Whether a reader found this very file damaged; asked once, the report is gone."""
        query = "SELECT inode FROM damages WHERE market = ?"
        row = self._write(lambda c: c.execute(query, (str(market),)).fetchone(), "BEGIN")
        if row is None:
            return False
        self._write(lambda c: c.execute("DELETE FROM damages WHERE market = ?", (str(market),)))
        return bool(row[0] == repr(inode))

    def close(self) -> None:
        """Give the descriptors back; the next call opens again."""
        with self._lock:
            self._drop()

    def _write(
        self, work: Callable[[sqlite3.Connection], _T], begin: str = "BEGIN IMMEDIATE"
    ) -> _T:
        with self._lock:
            return self._transact(work, begin)

    def _open(self) -> sqlite3.Connection:
        present = files.inode(self.path)
        if self._connection is not None and present == self._inode:
            return self._connection
        self._drop()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        connection = files.connect(self.path, "rwc")
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        self._connection, self._inode = connection, files.inode(self.path)
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = OFF")  # nothing here outlives the machine's run
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version == _SCHEMA:
            return
        connection.execute("BEGIN IMMEDIATE")
        if version:
            for name in ("requests", "leases", "hurries", "damages", "bars", *catalogue.NAMES):
                connection.execute(f"DROP TABLE IF EXISTS {name}")
        for statement in _TABLES:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {_SCHEMA}")
        connection.execute("COMMIT")

    def _begun(self, connection: sqlite3.Connection) -> None:
        """Nothing is remembered from one transaction to the next."""

    def _set_aside(self, why: str) -> None:
        self._drop()
        target = files.set_aside(self.path, files.DAMAGED, self._clock.now_ns())
        _log.warning(
            f"The store's list of leases and wishes was damaged ({why}): it was set aside as "
            f"{target.name}, and a fresh one begins.",
            path=str(target),
        )


class MarketLease:
    """The right to write a market; renewed by the holder, lost when it dies."""

    def __init__(
        self, control: Control, market: MarketId, fence: int, on_release: Callable[[], Any]
    ):
        self.market = market
        self.fence = fence
        self._control = control
        self._on_release = on_release

    def renew(self, ttl_s: float) -> bool:
        """Hold it for longer; False when it was lost to another."""
        return self._control.renew(self.market, self.fence, ttl_s)

    def release(self) -> None:
        """Give it up."""
        self._on_release()
        self._control.release(self.market, self.fence)


def host_key() -> str:
    """What process ids can be compared within: host, its present run, and the pid namespace."""
    parts = [socket.gethostname()]
    try:
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        parts.append(os.readlink("/proc/self/ns/pid"))
    except OSError:
        pass
    return " ".join(parts)


def process_start(pid: int) -> int:
    """When a process started, in ticks since boot; 0 where the platform does not say, −1 when gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return 0 if not Path("/proc/self/stat").exists() else -1
    except OSError:
        return -1
    # The name in parentheses may hold anything; the 22nd field counts from after it.
    fields = text.rpartition(")")[2].split()
    return -1 if fields[0] in "ZX" else int(fields[19])


def _alive(host: str, pid: int, start: int) -> bool:
    if host != host_key():
        # Another host, or this one before a reboot: only the lease's own end tells.
        return True
    found = process_start(pid)
    if found:
        return found == start
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _when(time_ns: int) -> str:
    moment = datetime.fromtimestamp(time_ns // NS_PER_S, UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
