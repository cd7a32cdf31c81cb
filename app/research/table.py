"""Tables written piece by piece as Parquet, CSV or Arrow, under a temporary name until complete."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
from pyarrow import csv, fs, parquet

from app.archive.pending import Pending
from app.errors import InputError

FORMATS = (".parquet", ".csv", ".arrow")


def check(path: Path) -> None:
    """Refuse a file name whose format is unknown, before anything was computed.

    Raises:
        InputError: the suffix is unknown, or the folder does not exist.
    """
    if path.suffix not in FORMATS:
        raise InputError(f"--out was {str(path)!r}; it must end in {', '.join(FORMATS)}.")
    if not path.absolute().parent.is_dir():
        raise InputError(f"The folder of {str(path)!r} does not exist; make it first.")


class TableWriter:
    """Writes tables of one schema, one behind the other; memory holds one of them.

    Raises from all its methods:
        InputError: the file cannot be written.
    """

    def __init__(self, path: Path, schema: Any):
        check(path)
        self._path = path
        self._file = Pending(fs.LocalFileSystem(), str(path.absolute()))
        try:
            with self._mapping():
                self._writer = _open(Path(self._file.temporary), path.suffix, schema)
        except InputError:
            self._file.discard()  # made, but without room for its first bytes
            raise

    def write(self, table: Any) -> None:
        """Add rows."""
        if len(table):
            with self._mapping():
                self._writer.write_table(table)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                with self._mapping():
                    self._writer.close()
                    self._file.appear()
        finally:
            with suppress(OSError):  # closed already, or its last bytes find no room
                self._writer.close()
            self._file.discard()

    @contextmanager
    def _mapping(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            # Arrow wraps the system's words in its own.
            why = os.strerror(error.errno) if error.errno else str(error)
            raise InputError(
                f"{self._path} cannot be written: {why}. Look at the disk, or choose another --out."
            ) from None


def _open(path: Path, suffix: str, schema: Any) -> Any:
    if suffix == ".parquet":
        return parquet.ParquetWriter(path, schema, compression="zstd")
    if suffix == ".csv":
        return _CsvWriter(path, schema)
    return pa.ipc.new_file(path, schema)


class _CsvWriter:
    """Arrow quotes the header whatever it is told; ours is plain, as spreadsheets and diffs like it."""

    def __init__(self, path: Path, schema: Any):
        self._file = path.open("wb")
        self._file.write((",".join(schema.names) + "\n").encode())
        options = csv.WriteOptions(include_header=False, quoting_style="needed")
        self._writer = csv.CSVWriter(self._file, schema, write_options=options)

    def write_table(self, table: Any) -> None:
        self._writer.write_table(table)

    def close(self) -> None:
        try:
            self._writer.close()
        finally:
            self._file.close()
