"""Child processes of the store's tests: writers that are killed, readers beside a writer.

Run as `python -m tests.store_processes ROLE DIRECTORY …`; they talk by lines on stdout.
"""

import faulthandler
import fcntl
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

from app import records
from app.clock import SystemClock
from app.records import Batch
from app.store import SqliteStore, open_store
from tests.store_help import BTC, batch, file_of, market

KINDS = ("row", "column", "trade", "book")
_CHECKPOINT_BYTE = 121  # of the file "-shm": SQLite's lock of who checkpoints


def load(serial: int) -> dict[str, Batch]:
    """What the writer appends as its `serial`-th batch: times are serials, bytes follow from them."""
    return {kind: batch(kind, [serial], serial) for kind in KINDS}


def check(kind: str, got: Batch) -> list[int]:
    """The serials of records as read; fails when one is not whole."""
    serials = [int(t) for t in got[records.TIME_FIELD[kind]]]
    for serial, record in zip(serials, got, strict=True):
        expected = batch(kind, [serial], serial)
        assert np.array(record, dtype=got.dtype).tobytes() == expected.tobytes(), (kind, serial)
    return serials


def _open(directory: str) -> SqliteStore:
    return open_store(f"sqlite:///{Path(directory)}", clock=SystemClock())


def write(directory: str, first: str) -> None:
    """Append without end; print the serial and id of each append after it is acknowledged."""
    store = _open(directory)
    store.acquire(BTC, 60)
    store.put_market(market())
    serial = int(first)
    while True:
        batch_id = store.append(BTC, load(serial))
        os.write(1, b"%d %d\n" % (serial, batch_id))
        serial += 1


def read(directory: str, until: str) -> None:
    """Follow the rows until a serial; print how many were read. None is missed, torn or doubled."""
    store = _open(directory)
    cursors = {"row": 0, "trade": 0}
    seen: dict[str, list[int]] = {"row": [], "trade": []}
    version = -1
    while not seen["row"] or seen["row"][-1] < int(until):
        while store.version(BTC) == version:
            time.sleep(0.001)
        version = store.version(BTC)
        news = store.read_since(BTC, cursors)
        cursors = dict(news.cursors)
        assert cursors["row"] == cursors["trade"]  # one transaction sees all kinds alike
        for kind, got in news.batches.items():
            seen[kind] += check(kind, got)
    for serials in seen.values():
        assert serials == list(range(1, len(serials) + 1))
    print(len(seen["row"]), flush=True)
    store.close()


def stick(directory: str) -> None:
    """Begin to read and never end; the process is then stopped or killed from outside."""
    from app.store import files

    connection = files.connect(files.market_path(Path(directory), BTC), "ro")
    connection.execute("BEGIN")
    print(connection.execute("SELECT count(*) FROM k_row").fetchone()[0], flush=True)
    sys.stdin.read()


def checkpoint(directory: str) -> None:
    """Hold the lock of a checkpoint, as one does whose disk takes its time."""
    with open(f"{file_of(Path(directory))}-shm", "r+b") as shared:
        fcntl.lockf(shared, fcntl.LOCK_EX, 1, _CHECKPOINT_BYTE)
        print("held", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    faulthandler.register(signal.SIGUSR1)
    {"write": write, "read": read, "stick": stick, "checkpoint": checkpoint}[sys.argv[1]](
        *sys.argv[2:]
    )
