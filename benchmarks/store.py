"""The hot store: what an append and an hour's window cost, against plainer ways in the same run.

`python -m benchmarks.store` prints one line a figure, each with its ratio to the baseline named there.
Baselines: *files*, one file per market and kind, every batch appended by `os.write`, read by
`np.fromfile` (no transactions, no retention); *one database*, one SQLite file for all markets,
in WAL mode, a row a batch. Takes some 20 s.
"""

import os
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np

from app import records
from app.clock import FakeClock, monotonic_ns
from app.market import Grid, Market, MarketId
from app.records import Batch
from app.store import SqliteStore, files, schema

MARKETS = tuple(MarketId("bench", f"M{k}/USDT") for k in range(4))
ROWS = 36_000  # an hour at ten a second
BUSY_ROWS = 3_600  # row by row beside a busy thread an hour would take many seconds
S_NS = 1_000_000_000


@dataclass(frozen=True)
class Figure:
    """A measured value and the same of a baseline."""

    what: str
    value: float
    unit: str
    baseline: float
    against: str

    def __str__(self) -> str:
        ratio = self.value / self.baseline
        return (
            f"{self.what:<44} {self.value:9.2f} {self.unit:<3} {ratio:7.2f} × {self.against} "
            f"({self.baseline:.2f} {self.unit})"
        )


def batches(k: int, now_ns: int) -> dict[str, Batch]:
    """What the collector appends: a row, the status, and every so often a column and the book."""
    out = {"row": records.empty("row", 1), "status": records.empty("status", 1)}
    if k % 3 == 0:
        out["column"] = records.empty("column", 1)
    if k % 10 == 0:
        out |= {kind: records.empty(kind, 1) for kind in ("column_1s", "book", "summary")}
    for kind, batch in out.items():
        batch[records.TIME_FIELD[kind]] = now_ns
    return out


def timed(work: Callable[[], object]) -> float:
    """Milliseconds that `work` takes."""
    start = monotonic_ns()
    work()
    return (monotonic_ns() - start) / 1e6


def best_of(times: int, work: Callable[[], object]) -> float:
    """The least of several times: the machine is shared."""
    return min(timed(work) for _ in range(times))


class PlainFiles:
    """A file per market and kind."""

    def __init__(self, directory: Path):
        self._directory = directory
        self._open: dict[tuple[MarketId, str], int] = {}

    def append(self, market: MarketId, given: dict[str, Batch]) -> None:
        for kind, batch in given.items():
            key = (market, kind)
            if key not in self._open:
                flags = os.O_CREAT | os.O_APPEND | os.O_WRONLY
                self._open[key] = os.open(self._path(market, kind), flags)
            os.write(self._open[key], batch.tobytes())

    def window(self, market: MarketId, kind: str, start_ns: int, end_ns: int) -> Batch:
        whole = np.fromfile(self._path(market, kind), dtype=records.KINDS[kind])
        times = whole[records.TIME_FIELD[kind]]
        return whole[(times > start_ns) & (times <= end_ns)]

    def _path(self, market: MarketId, kind: str) -> Path:
        return self._directory / f"{market.file_name}.{kind}"


class OneDatabase:
    """One SQLite file for all markets."""

    def __init__(self, directory: Path):
        path = directory / "all.sqlite"
        self._connection = files.connect(path, "rwc")
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.execute(
            "CREATE TABLE records (market TEXT, kind TEXT, t INTEGER, data BLOB)"
        )
        self._connection.execute("CREATE INDEX by_time ON records (market, kind, t)")

    def append(self, market: MarketId, given: dict[str, Batch]) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        for kind, batch in given.items():
            self._connection.execute(
                "INSERT INTO records VALUES (?, ?, ?, ?)",
                (str(market), kind, int(batch[records.TIME_FIELD[kind]][-1]), batch.tobytes()),
            )
        self._connection.execute("COMMIT")

    def window(self, market: MarketId, kind: str, start_ns: int, end_ns: int) -> Batch:
        found = self._connection.execute(
            "SELECT data FROM records WHERE market = ? AND kind = ? AND t > ? AND t <= ? ORDER BY t",
            (str(market), kind, start_ns, end_ns),
        ).fetchall()
        return records.decode(kind, b"".join([row[0] for row in found]))


def fill(append: Callable[[MarketId, dict[str, Batch]], object], clock: FakeClock) -> list[float]:
    """An hour of one market and a tenth of it of the others; microseconds of each append."""
    took = []
    for k in range(ROWS):
        clock.advance(0.1)
        markets = MARKETS if k % 10 == 0 else MARKETS[:1]
        for market in markets:
            given = batches(k, clock.now_ns())
            start = monotonic_ns()
            append(market, given)
            took.append((monotonic_ns() - start) / 1e3)
    return took


@contextmanager
def busy_thread() -> Iterator[None]:
    """A thread that keeps Python's lock busy, as an event loop under load does."""
    stop = threading.Event()

    def spin() -> None:
        while not stop.is_set():
            sum(range(10_000))

    thread = threading.Thread(target=spin)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def row_by_row(path: Path, start_ns: int, end_ns: int) -> Batch:
    """The window as a plain query reads it: a step of SQLite for each row."""
    connection = files.connect(path, "ro")
    found = connection.execute(
        "SELECT data FROM k_row WHERE t1 > ? AND t0 <= ? ORDER BY id", (start_ns, end_ns)
    ).fetchall()
    connection.close()
    return records.decode("row", b"".join([row[0] for row in found]))


def measure(directory: Path) -> list[Figure]:
    """All figures."""
    spans = {}
    results: dict[str, list[float]] = {}
    windows: dict[str, float] = {}
    for name in ("store", "files", "one database"):
        place = directory / name
        place.mkdir()
        clock = FakeClock()
        start_ns = clock.now_ns()
        if name == "store":
            store = SqliteStore(place, clock=clock)
            store.put_market(Market(MARKETS[0], "M0", "USDT", Grid(Decimal("0.1"), Decimal("0.1"))))
            way: SqliteStore | PlainFiles | OneDatabase = store
        else:
            way = PlainFiles(place) if name == "files" else OneDatabase(place)
        results[name] = fill(way.append, clock)
        spans[name] = (start_ns, clock.now_ns())
        assert len(way.window(MARKETS[0], "row", *spans[name])) == ROWS
        read = way.window
        windows[name] = best_of(
            5, lambda read=read, span=spans[name]: read(MARKETS[0], "row", *span)
        )
    figures = []
    for share, title in ((50, "append, median"), (99, "append, 99th percentile")):
        for other in ("files", "one database"):
            mine, theirs = (float(np.percentile(results[n], share)) for n in ("store", other))
            figures.append(Figure(title, mine, "µs", theirs, other))
    figures += [
        Figure("window of an hour of rows", windows["store"], "ms", windows[other], other)
        for other in ("files", "one database")
    ]
    return (
        figures + beside_a_busy_thread(store, spans["store"][1]) + small(store, spans["store"][1])
    )


def beside_a_busy_thread(store: SqliteStore, end_ns: int) -> list[Figure]:
    """Joining in SQLite against stepping through rows, when another thread wants Python's lock."""
    start_ns = end_ns - BUSY_ROWS * S_NS // 10
    path = files.market_path(store.directory, MARKETS[0])
    with busy_thread():
        mine = best_of(3, lambda: store.window(MARKETS[0], "row", start_ns, end_ns))
        plain = best_of(1, lambda: row_by_row(path, start_ns, end_ns))
    return [Figure("six minutes of rows beside a busy thread", mine, "ms", plain, "row by row")]


def small(store: SqliteStore, end_ns: int) -> list[Figure]:
    """What followers do all the time: looking for news, and reading the newest."""
    market = MARKETS[0]
    cursors = {"row": store.append(market, batches(1, end_ns)), "status": 0}
    connection = sqlite3.connect(files.market_path(store.directory, market))
    query = "SELECT max(id) FROM " + schema.SQL["row"].last_id.rpartition(" ")[2]

    def looks(look: Callable[[], object]) -> float:
        def many() -> None:
            for _ in range(1000):
                look()

        return best_of(5, many)  # milliseconds for a thousand are microseconds for one

    plain = looks(lambda: connection.execute(query).fetchone())
    connection.close()
    return [
        Figure("look for news", looks(lambda: store.version(market)), "µs", plain, "a query"),
        Figure(
            "read the newest row and status",
            looks(lambda: store.read_since(market, {**cursors, "row": cursors["row"] - 1})),
            "µs",
            plain,
            "a query",
        ),
    ]


def main() -> None:
    """Print all figures."""
    with tempfile.TemporaryDirectory() as name:
        for figure in measure(Path(name)):
            print(figure)


if __name__ == "__main__":
    main()
