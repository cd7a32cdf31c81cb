"""Writes one segment: tables under temporary names, renamed when everything is there."""

import errno
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from app.archive.pending import Pending
from app.archive.schema import TABLES, VERSION, writer_options
from app.archive.segments import Archive, Segment, segment_name
from app.archive.updatelog import ChangeEncoder, Columns, SnapshotEncoder
from app.errors import InputError, StoreError, StoreFullError
from app.feeds.base import Gap
from app.market import Market

Ints = NDArray[np.int64]
GROUP_ROWS = 1 << 17  # a row group is closed at the next keyframe after so many rows
MOST_ROWS = 1 << 19  # and a keyframe is forced after so many: memory stays bounded


class _Table:
    """One Parquet file that grows by row groups."""

    def __init__(self, archive: Archive, path: str, table: str, metadata: dict[str, str]):
        self._archive, self._table = archive, table
        self.file = Pending(archive.files, path)
        self._schema = TABLES[table].with_metadata(metadata)
        self._parts: list[Columns] = []
        self.rows = 0  # waiting
        self._writer: Any = None

    def add(self, columns: Columns) -> None:
        """Take rows; writes the groups that are large enough.

        Raises:
            StoreFullError, StoreError: they cannot be written.
        """
        n = len(next(iter(columns.values())))
        if not n:
            return
        self._parts.append(columns)
        self.rows += n
        if self.rows >= GROUP_ROWS:
            with _mapping(self._archive.root):
                self._flush_groups()

    def _joined(self) -> Columns:
        if len(self._parts) > 1:
            names = self._parts[0]
            self._parts = [{k: np.concatenate([p[k] for p in self._parts]) for k in names}]
        return self._parts[0]

    def _flush_groups(self) -> None:
        """Write what lies before the last keyframe (any row, in tables without keyframes)."""
        columns = self._joined()
        cuts = np.array([self.rows])
        if self._table == "depth":
            cuts = np.flatnonzero(columns["key"] & (np.diff(columns["state"], prepend=-1) != 0))
        begin = 0
        while True:
            # The first keyframe that makes the group large enough, else the last there is.
            at = min(int(np.searchsorted(cuts, begin + GROUP_ROWS)), len(cuts) - 1)
            if at < 0 or (end := int(cuts[at])) <= begin:
                break
            self._write({k: v[begin:end] for k, v in columns.items()})
            begin = end
        self._parts = [{k: v[begin:] for k, v in columns.items()}] if begin < self.rows else []
        self.rows -= begin

    def _write(self, columns: Columns) -> None:
        table = pa.table(
            [pa.array(columns[f.name], f.type) for f in self._schema], schema=self._schema
        )
        if self._writer is None:
            self._archive.files.create_dir(self.file.folder, recursive=True)
            self._writer = parquet.ParquetWriter(
                self.file.temporary,
                self._schema,
                filesystem=self._archive.files,
                **writer_options(self._table),
            )
        self._writer.write_table(table, row_group_size=max(1, len(table)))

    def close(self) -> bool:
        """Write the rest; whether there is a file."""
        if self._parts and self.rows:
            self._write(self._joined())
            self._parts, self.rows = [], 0
        if self._writer is not None:
            self._writer.close()
        return self._writer is not None

    def discard(self) -> None:
        if self._writer is not None:
            with suppress(OSError):  # closing writes a footer, and the disk may be full
                self._writer.close()
        self.file.discard()


class SegmentWriter:
    """Collects a segment of a market; `commit` makes it appear, leaving without it discards it.

    Args:
        archive: where to.
        market: what the ticks and lots mean.
        first_ns: time of the first message: names the segment.
        settings: the settings in force, recorded with the data.
        sequenced: trades will name the state that they caused.
        replace: a segment that begins at the same time is replaced.
    """

    def __init__(
        self,
        archive: Archive,
        market: Market,
        first_ns: int,
        settings: dict[str, Any],
        *,
        sequenced: bool = False,
        replace: bool = True,
    ):
        self.archive, self.market = archive, market
        self.name = segment_name(first_ns)
        self._first_ns = first_ns
        self._settings, self._sequenced, self._replace = settings, sequenced, replace
        note = {"ofi.market": json.dumps(market.to_json()), "ofi.settings": json.dumps(settings)}
        note["ofi.version"] = str(VERSION)
        self._tables = {
            name: _Table(archive, archive.table(market.id, name, self.name), name, note)
            for name in TABLES
        }
        manifest = archive.path(market.id, "segments", f"{self.name}.json")
        self._manifest = Pending(archive.files, manifest)
        self.counts = dict.fromkeys(TABLES, 0)
        self.fidelity: dict[str, str] = {}
        self._levels = 0
        self._snapshots = SnapshotEncoder()
        self._changes = ChangeEncoder()
        self._done = False

    def depth_states(
        self,
        time_ns: Ints,
        epoch: Ints,
        known: int,
        price: Ints,
        size: Ints,
        venue_ms: Ints | None = None,
        update_id: Ints | None = None,
    ) -> None:
        """Snapshots of the best levels, `[n, 2, L]`; absent levels have size 0."""
        if not len(time_ns):
            return
        unknown = np.full(len(time_ns), -1, np.int64)
        venue = unknown if venue_ms is None else venue_ms
        ids = unknown if update_id is None else update_id
        table = self._tables["depth"]
        for columns in self._snapshots.encode(
            time_ns, venue, ids, epoch, known, price, size, force_key=table.rows >= MOST_ROWS
        ):
            table.add(columns)
        self.counts["depth"] += len(time_ns)
        self._levels = max(self._levels, known)

    def depth_change(
        self,
        time_ns: int,
        venue_ms: int,
        update_id: int,
        epoch: int,
        known: int,
        changes: list[tuple[int, int, int]],
        bids: dict[int, int],
        asks: dict[int, int],
    ) -> None:
        """One state of a maintained book, see `ChangeEncoder.add`."""
        table = self._tables["depth"]
        self._changes.add(
            time_ns,
            venue_ms,
            update_id,
            epoch,
            known,
            changes,
            bids,
            asks,
            force_key=table.rows + len(self._changes) >= MOST_ROWS,
        )
        if len(self._changes) >= GROUP_ROWS // 4:
            table.add(self._changes.take())
        self.counts["depth"] += 1
        self._levels = max(self._levels, known)

    def best(self, columns: Columns) -> None:
        """Best quotes: the columns of `schema.BEST` but for `state`."""
        n = len(columns["time_ns"])
        state = np.arange(self.counts["best"], self.counts["best"] + n)
        self._tables["best"].add(columns | {"state": state})
        self.counts["best"] += n

    def trades(self, columns: Columns) -> None:
        """Trades: the columns of `schema.TRADES`."""
        self._tables["trades"].add(columns)
        self.counts["trades"] += len(columns["time_ns"])

    def gap(self, gap: Gap) -> None:
        """A stretch in which a stream cannot be trusted."""
        row: dict[str, Any] = {
            "stream": np.array([gap.stream.name.lower()], object),
            "from_ns": np.array([gap.from_ns]),
            "to_ns": np.array([gap.to_ns]),
            "reason": np.array([gap.reason], object),
            "detail": np.array([gap.detail], object),
            "missed": np.array([gap.missed]),
        }
        self._tables["gaps"].add(row)
        self.counts["gaps"] += 1

    def commit(self, end_ns: int) -> Segment:
        """Close and rename everything; the segment is complete up to `end_ns`.

        Raises:
            InputError: it overlaps another segment of the market.
            StoreFullError, StoreError: it cannot be written.
        """
        segment = Segment(
            self.name,
            self.market,
            self._first_ns,
            end_ns,
            self.counts,
            self.fidelity,
            self._sequenced,
            self._levels,
            self._settings,
        )
        self._check_overlap(segment)
        self._tables["depth"].add(self._changes.take())
        with _mapping(self.archive.root):
            self._rename(segment)
        self._done = True
        return segment

    def _rename(self, segment: Segment) -> None:
        files = self.archive.files
        for table in self._tables.values():
            if table.close():
                table.file.appear()
            elif files.get_file_info(table.file.path).is_file:
                files.delete_file(table.file.path)  # of the segment that this one replaces
        files.create_dir(self._manifest.folder, recursive=True)
        with files.open_output_stream(self._manifest.temporary) as file:
            file.write(json.dumps(segment.to_json(), indent=1).encode())
        self._manifest.appear()

    def _check_overlap(self, new: Segment) -> None:
        for old in self.archive.segments(self.market.id):
            if old.name == new.name and self._replace:
                continue
            if old.start_ns < new.end_ns and new.start_ns < old.end_ns:
                raise InputError(
                    f"The archive already holds {self.market.id} from {segment_name(old.start_ns)} "
                    f"to {segment_name(old.end_ns)}, which overlaps what is to be written; "
                    "write to another archive, or remove that segment."
                )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._done:
            self._manifest.discard()
            for table in self._tables.values():
                table.discard()


@contextmanager
def _mapping(root: str) -> Iterator[None]:
    """Errors of the file system as ours."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise StoreFullError(
                f"There is no space left for the archive {root}: free some, then retry."
            ) from None
        raise StoreError(
            f"The archive {root} cannot be written: {error}. Look at the disk, or choose another "
            "place with --archive."
        ) from None
