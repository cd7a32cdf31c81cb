"""Slow work on market files, away from the appends: checkpoints and verification in one thread.

A checkpoint waits for the disk (measured 3 ms at p99.9 inside the append, more on slow disks); done
here it costs the appends nothing, because a writer and a passive checkpoint do not exclude each other.
"""

import queue
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from app import log
from app.store import files, schema
from app.store.faults import explain

_log = log.get("store")
_IDLE_S = 10.0  # the thread ends after so long without work, and comes back with the next


class Caretaker:
    """One daemon thread per store; each job opens a connection of its own for as long as it takes."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._checkpointing: defaultdict[Path, threading.Lock] = defaultdict(threading.Lock)
        self._thread: threading.Thread | None = None
        self._pending: set[Path] = set()

    def checkpoint(self, path: Path) -> None:
        """Move what is in the WAL into the database, soon."""
        with self._lock:
            if path in self._pending:
                return
            self._pending.add(path)
        self._submit(lambda: self._checkpoint(path))

    @contextmanager
    def paused(self, path: Path, timeout_s: float) -> Iterator[bool]:
        """This file is not checkpointed meanwhile; False when the one at hand took longer than that."""
        with self._lock:
            checkpointing = self._checkpointing[path]
        free = checkpointing.acquire(timeout=timeout_s)
        try:
            yield free
        finally:
            if free:
                checkpointing.release()

    def verify(self, path: Path, on_damage: Callable[[str], None]) -> None:
        """Read the whole file; `on_damage` is called with what is wrong, if anything is."""

        def work() -> None:
            fault = schema.fault(path)
            if fault is not None:
                on_damage(fault)

        self._submit(work)

    def close(self) -> None:
        """Finish the jobs at hand and end the thread."""
        with self._lock:
            thread = self._thread
        if thread is not None:
            self._jobs.put(None)
            thread.join()

    def _submit(self, job: Callable[[], None]) -> None:
        with self._lock:
            self._jobs.put(job)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="store caretaker", daemon=True
                )
                self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                job = self._jobs.get(timeout=_IDLE_S)
            except queue.Empty:
                job = None
            if job is None:
                with self._lock:
                    if self._jobs.empty():
                        self._thread = None
                        return
                continue
            try:
                job()
            except Exception as error:
                # The next append runs into the same trouble and reports it to its caller.
                _log.warning("Work on a store file failed.", error=str(error))

    def _checkpoint(self, path: Path) -> None:
        with self._lock:
            self._pending.discard(path)
        if files.inode(path) is None:
            return
        try:
            connection = files.connect(path, "rw")
            try:
                connection.execute("PRAGMA synchronous = NORMAL")
                with self.paused(path, -1):
                    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            finally:
                connection.close()
        except sqlite3.Error as error:
            _log.warning(str(explain(error, path)))
