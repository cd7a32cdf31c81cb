"""The embedded hot store: one SQLite file per market in a local directory."""

import os
import threading
import weakref
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from app import log
from app.clock import Clock
from app.errors import StoreCorruptError, StoreError
from app.market import Listing, Market, MarketId
from app.records import Batch
from app.store import files
from app.store.base import Cursor, News
from app.store.care import Care
from app.store.caretaker import Caretaker
from app.store.control import Control, MarketLease
from app.store.faults import explain_os
from app.store.reader import MarketReader, known
from app.store.retention import NS_PER_MINUTE, sweep
from app.store.writer import MarketWriter

_log = log.get("store")
_SWEEP_NS = 10 * NS_PER_MINUTE
_MAX_READERS = 1024
_DESCRIPTORS_PER_READER = 4
_FORKED: "weakref.WeakSet[SqliteStore]" = weakref.WeakSet()
_INHERITED: list[Any] = []  # of the parent process: never closed here, that would disturb its locks


class SqliteStore:
    """Hot state in a directory of SQLite files; local disks only.

    Nothing is opened before it is used, and nothing is carried over a fork: an instance made before
    a fork works in each child. Safe to use from several threads: each market has one connection for
    reading and one for writing, each behind its own lock, so threads wait for each other only when
    they use the same market in the same way.
    """

    def __init__(
        self,
        directory: Path,
        *,
        clock: Clock,
        keep_minutes: int = 240,
        max_mb_per_market: int = 256,
        readonly: bool = False,
    ):
        self.directory = directory.absolute()
        self.readonly = readonly
        self._clock = clock
        self._keep_minutes = keep_minutes
        self._max_mb = max_mb_per_market
        if self.directory.exists() and not self.directory.is_dir():
            raise StoreError(
                f"The store directory {self.directory} is a file; move it away, or set store.url to "
                "another directory."
            )
        limit = files.raise_descriptor_limit()
        self._max_readers = max(8, min(_MAX_READERS, limit // 4 // _DESCRIPTORS_PER_READER))
        self._begin()
        _FORKED.add(self)

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._readers: OrderedDict[MarketId, MarketReader] = OrderedDict()
        self._writers: dict[MarketId, MarketWriter] = {}
        self._swept_ns: int | None = None
        self._control = Control(self.directory, self._clock)
        self._care = Care(self._keep_minutes, self._max_mb, self._control, Caretaker())
        self._descriptions: dict[MarketId, tuple[object, Market | None]] = {}

    def _after_fork(self) -> None:
        _INHERITED.append((self._readers, self._writers, self._care))
        self._begin()

    def put_market(self, market: Market) -> None:
        """Describe a market; needed once before the first `append`, and when its grid changes."""
        self._writer(market.id).put_market(market)

    def append(self, market: MarketId, batches: Mapping[str, Batch]) -> Cursor:
        """Store batches in one transaction and return its id; acknowledged means readable.

        Raises:
            StoreFullError: the disk is full; nothing of the call was stored.
            StoreBusyError: another collector has taken the market over.
            StoreError: anything else that kept it from being stored.
        """
        return self._writer(market).append(batches)

    def read_since(self, market: MarketId, cursors: Mapping[str, Cursor]) -> News:
        """Records of the kinds named in `cursors` stored after them; 0 reads from the beginning.

        Raises:
            StoreCorruptError: the market's file is damaged.
        """
        for kind in cursors:
            known(kind)
        return self._reader(market).read_since(cursors)

    def window(self, market: MarketId, kind: str, start_ns: int, end_ns: int) -> Batch:
        """Records of a kind in `(start_ns, end_ns]` by `records.TIME_FIELD`, oldest first.

        Raises:
            StoreCorruptError: the market's file is damaged.
        """
        return self._reader(market).window(known(kind), start_ns, end_ns)

    def version(self, market: MarketId) -> int:
        """A number that changes with every append to the market; 0 while it has no file."""
        return self._reader(market).version()

    def rest(self, market: MarketId) -> None:
        """Release what reading a market holds; the next read takes it again.

        Of its two descriptors SQLite keeps one while this process also writes the file.
        """
        with self._lock:
            reader = self._readers.pop(market, None)
        if reader is not None:
            reader.close()

    def markets(self) -> dict[MarketId, Market]:
        """All markets that the store holds."""
        try:
            present = [
                (market_id, files.stamp(path))
                for market_id, path in files.market_files(self.directory)
            ]
        except OSError as error:
            raise explain_os(error, self.directory) from None
        found = {}
        for market_id, stamp in present:
            market = self._description(market_id, stamp)
            if market is not None:
                found[market_id] = market
        return found

    def market(self, market: MarketId) -> Market | None:
        """What the store says of one market; the files of the others are not touched."""
        stamp = files.stamp(files.market_path(self.directory, market))
        return None if stamp is None else self._description(market, stamp)

    def sizes(self) -> dict[MarketId, int]:
        """Bytes on disk of each market, with what is not yet merged into its file."""
        try:
            found = files.market_files(self.directory)
            return {market: files.disk_bytes(path) for market, path in found}
        except OSError as error:
            raise explain_os(error, self.directory) from None

    def _description(self, market_id: MarketId, stamp: object) -> Market | None:
        """What a market's file says of it; read anew only when the file's stamp has changed."""
        seen, market = self._descriptions.get(market_id, (None, None))
        if seen != stamp:
            market = self._reader(market_id).market()
            self._descriptions[market_id] = (stamp, market)
        return market

    def request(self, market: MarketId, ttl_s: float) -> None:
        """A viewer's wish that a market be collected, for so long."""
        self._control.request(market, ttl_s)

    def requested(self) -> list[MarketId]:
        """The wishes that have not run out, oldest first."""
        return self._control.requested()

    def answer(self, market: MarketId, sentence: str) -> None:
        """Why a wish is not served, for as long as it stands."""
        self._control.answer(market, sentence)

    def answered(self, market: MarketId) -> str:
        """The answer to a wish; empty when there is none."""
        return self._control.answered(market)

    def offer(self, venue: str, listings: Iterable[Listing], ttl_s: float) -> None:
        """What a venue trades and a collector can take in, for so long; replaces what was offered."""
        self._control.offer(venue, listings, ttl_s)

    def keep_offer(self, venue: str, ttl_s: float) -> None:
        """Go on offering the same for so long."""
        self._control.keep_offer(venue, ttl_s)

    def catalogue(self, query: str, limit: int) -> list[Listing]:
        """What is offered and fits a few words, the likeliest first."""
        return self._control.catalogue(query, limit)

    def bar(self, venue: str, until_ns: int) -> None:
        """Remember that a venue wants no request before a time."""
        self._control.bar(venue, until_ns)

    def barred_until_ns(self, venue: str) -> int:
        """When a venue may be asked again; 0 when it may be at once."""
        return self._control.barred_until_ns(venue)

    def hurry(self, market: MarketId) -> bool:
        """A viewer's wish that the next attempt at a market be made now; False when just wished."""
        return self._control.hurry(market)

    def hurried(self, since_ns: int) -> list[MarketId]:
        """The markets for which that was wished after a time."""
        return self._control.hurried(since_ns)

    def acquire(self, market: MarketId, ttl_s: float) -> MarketLease:
        """Take the right to write a market.

        Raises:
            StoreBusyError: another live collector holds it; the message names it.
        """
        writer = self._writer(market)
        fence = self._control.acquire(market, ttl_s, self._fence_of(market))
        writer.close()
        writer.fence = fence
        self._sweep()
        return MarketLease(self._control, market, fence, writer.close)

    def close(self) -> None:
        """Release files and connections."""
        with self._lock:
            handles: list[Any] = [*self._readers.values(), *self._writers.values(), self._control]
            self._readers.clear()
            self._writers.clear()
        self._care.caretaker.close()
        for handle in handles:
            handle.close()

    def _reader(self, market: MarketId) -> MarketReader:
        idle = None
        with self._lock:
            reader = self._readers.get(market)
            if reader is None:
                reader = MarketReader(
                    files.market_path(self.directory, market),
                    lambda inode: self._report(market, inode),
                )
                self._readers[market] = reader
                if len(self._readers) > self._max_readers:
                    _, idle = self._readers.popitem(last=False)
            else:
                self._readers.move_to_end(market)
        if idle is not None:
            idle.close()
        return reader

    def _fence_of(self, market: MarketId) -> int:
        try:
            return self._reader(market).fence()
        except StoreCorruptError:
            return 0  # the writer will set the file aside

    def _sweep(self) -> None:
        """Every ten minutes at most: files of markets that nobody has collected for long go."""
        now = self._clock.now_ns()
        with self._lock:
            if self._swept_ns is not None and now - self._swept_ns < _SWEEP_NS:
                return
            self._swept_ns = now
            mine = frozenset(self._writers)
        sweep(self.directory, self._control, now - self._keep_minutes * NS_PER_MINUTE, mine)

    def _report(self, market: MarketId, inode: tuple[int, int]) -> None:
        """Tell the writer; the reader's own error matters more than one of the report."""
        try:
            self._control.report_damage(market, inode)
        except StoreError as error:
            _log.warning(str(error), market=str(market))

    def _writer(self, market: MarketId) -> MarketWriter:
        if self.readonly:
            raise StoreError(
                "The store was opened for reading only; open it for writing to collect."
            )
        with self._lock:
            writer = self._writers.get(market)
            if writer is None:
                writer = self._writers[market] = MarketWriter(
                    files.market_path(self.directory, market),
                    market,
                    self._clock,
                    self._care,
                )
            return writer


def _forget_parent() -> None:
    for store in list(_FORKED):
        store._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_parent)
