"""What all writers of a store share, and how each keeps its write-ahead log from growing."""

import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from app import log
from app.market import MarketId
from app.store.caretaker import Caretaker
from app.store.control import Control
from app.store.faults import explain

_log = log.get("store")
WAL_BYTES = 4 << 20  # written between two checkpoints; the log is cut back to this after one
_WAL_SLOW_BYTES = 4 * WAL_BYTES  # beyond it the append helps, for the caretaker does not keep up
_WAL_STUCK_BYTES = (
    64 << 20
)  # the least allowance for a log that a stuck reader keeps from being reused
_PATIENCE_S = 3.0  # for a checkpoint that waits for its disk; well below the time of a lease
_PAGE_BYTES = 4096


@dataclass(frozen=True)
class Care:
    """What all writers of a store share."""

    keep_minutes: int
    max_mb: int
    control: Control
    caretaker: Caretaker


class WalWatch:
    """Has the log checkpointed in time, and says when a stuck reader has let it outgrow its allowance.

    A log can be used anew only when all of it has been checkpointed and no reader looks into it: a
    reader that never ends its transaction lets it grow by some 0.2 MB/s at 10 appends/s. The writer
    goes on; when the log is as large as the market's whole allowance, the file is given up.
    """

    def __init__(self, path: Path, market: MarketId, care: Care):
        self._path = path
        self._log_path = f"{path}-wal"
        self._market = market
        self._caretaker = care.caretaker
        self._allowance = max(_WAL_STUCK_BYTES, care.max_mb << 20)
        self._written = 0
        self._warned = False
        self._complete_at = 0  # frames in the log at the last complete checkpoint done here

    def grown(self, connection: sqlite3.Connection, size: int) -> bool:
        """Note an append of `size` bytes; False when the file has to be given up."""
        # A commit writes whole pages: those of the data, and about two of the tree.
        self._written += size + 3 * _PAGE_BYTES
        if self._written < WAL_BYTES:
            return True
        self._written = 0
        length = _length(self._log_path)
        if length <= _WAL_SLOW_BYTES:
            self._warned, self._complete_at = False, 0
            self._caretaker.checkpoint(self._path)
            return True
        if not self._stuck(connection):
            self._warned = False
            return True
        if length > self._allowance:
            _log.error(
                f"A reader of {self._market} has not ended for so long that the log of changes grew "
                f"to {length >> 20} MB: the market's past is given up, and a fresh file begins.",
                market=str(self._market),
            )
            self._warned = False
            return False
        if not self._warned and length > _WAL_STUCK_BYTES // 2:
            self._warned = True
            _log.warning(
                f"A reader of {self._market} keeps the log of changes from being reused; it has "
                f"grown to {length >> 20} MB. Look for a stopped process that has the store open.",
                market=str(self._market),
            )
        return True

    def _stuck(self, connection: sqlite3.Connection) -> bool:
        """Checkpoint at once; whether a reader keeps the log from being used anew.

        The caretaker's own is waited for: a disk that takes less than is appended slows the appends.
        """
        try:
            with self._caretaker.paused(self._path, _PATIENCE_S):
                busy, frames, done = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        except sqlite3.Error as error:  # the append itself is stored; the next look tries again
            _log.warning(str(explain(error, self._path)), market=str(self._market))
            return False
        if busy:  # somebody is at it for longer than that: what was known stands
            return self._warned
        # After a complete checkpoint the next append begins the log anew, unless a reader is in it.
        stuck = bool(done < frames or 0 < self._complete_at < frames)
        self._complete_at = frames if done == frames else 0
        return stuck


def _length(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0
