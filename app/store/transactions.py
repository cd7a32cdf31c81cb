"""One way of working on a database of ours: in a transaction, on a connection opened when needed."""

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from app import log
from app.errors import StoreCorruptError
from app.store.faults import explain, explain_os

_T = TypeVar("_T")
_log = log.get("store")


class Transactions(ABC):
    """A file, and at most one connection to it; whoever uses it holds the lock of its subclass."""

    def __init__(self, path: Path):
        self.path = path
        self._connection: sqlite3.Connection | None = None
        self._inode: tuple[int, int] | None = None

    @abstractmethod
    def _open(self) -> sqlite3.Connection:
        """The connection, opened anew when the file below it was deleted or replaced."""

    @abstractmethod
    def _set_aside(self, why: str) -> None:
        """The file is damaged: make room for a fresh one."""

    @abstractmethod
    def _begun(self, connection: sqlite3.Connection) -> None:
        """Called inside each transaction before its work."""

    def _transact(
        self, work: Callable[[sqlite3.Connection], _T], begin: str = "BEGIN IMMEDIATE"
    ) -> _T:
        """Run `work` in one transaction; a damaged file is set aside, and the work done once more.

        Raises:
            StoreError: what kept it from being done; nothing of it was.
        """
        for attempt in (0, 1):
            try:
                connection = self._open()
                connection.execute(begin)
                self._begun(connection)
                result = work(connection)
                connection.execute("COMMIT")
                return result
            except sqlite3.Error as error:
                fault = explain(error, self.path)
                self._rollback()
                if not isinstance(fault, StoreCorruptError) or attempt:
                    raise fault from None
                self._set_aside(str(error))
            except OSError as error:
                self._rollback()
                raise explain_os(error, self.path.parent) from None
            except BaseException:
                self._rollback()
                raise
        raise AssertionError  # the second attempt returns or raises

    def _rollback(self) -> None:
        if self._connection is not None and self._connection.in_transaction:
            try:
                self._connection.execute("ROLLBACK")
            except sqlite3.Error:
                self._drop()

    def _drop(self) -> None:
        if self._connection is not None:
            try:
                self._connection.close()
            except sqlite3.Error as error:
                _log.warning(str(explain(error, self.path)))
        self._connection = self._inode = None
