"""Opening what users give: plain or gzip files, read in blocks, with progress and located errors."""

import csv
import gzip
import io
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv as arrow_csv

from app.errors import DataError

Progress = Callable[[int], None]  # told how many more bytes of the file were read
BLOCK_BYTES: Final = 1 << 20
LONGEST_LINE: Final = 1 << 26
_MAGIC = b"\x1f\x8b"
_SHOWN = 40


def no_progress(_: int) -> None:
    """For callers who do not watch."""


class _Counted(io.RawIOBase):
    """A file that tells how much of it was read."""

    def __init__(self, file: BinaryIO, progress: Progress):
        super().__init__()
        self._file, self._progress = file, progress

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        n = self._file.readinto(buffer)  # type: ignore[attr-defined]
        self._progress(n)
        return int(n)

    def close(self) -> None:
        self._file.close()
        super().close()


@contextmanager
def opened(path: Path, progress: Progress = no_progress) -> Iterator[BinaryIO]:
    """A plain or gzip file as a stream of its bytes.

    Raises:
        DataError: it does not exist, cannot be read, or is damaged gzip.
    """
    try:
        with path.open("rb") as probe:
            packed = probe.read(2) == _MAGIC
        with io.BufferedReader(_Counted(path.open("rb", buffering=0), progress), 1 << 18) as raw:
            if packed:
                with gzip.GzipFile(fileobj=raw, mode="rb") as plain:
                    yield io.BufferedReader(plain, 1 << 18)
            else:
                yield raw
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"is damaged: {error}; fetch it again.", str(path)) from None
    except FileNotFoundError:
        raise DataError("does not exist.", str(path)) from None
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}.", str(path)) from None


def csv_batches(
    path: Path,
    columns: Mapping[str, Any],
    *,
    header: bool,
    progress: Progress = no_progress,
) -> Iterator[Any]:
    """Record batches of a CSV file with the wanted columns, typed; bounded by `BLOCK_BYTES`.

    Args:
        columns: name → Arrow type. Without a header they are all columns of the file, in order;
            with one, those that are wanted.

    Raises:
        DataError: a value is not of its type, or a line has another number of columns: names both.
    """
    read: dict[str, Any] = {"block_size": BLOCK_BYTES, "use_threads": False}
    if not header:
        read["column_names"] = list(columns)
    convert = arrow_csv.ConvertOptions(
        column_types=dict(columns),
        include_columns=list(columns),
        strings_can_be_null=False,
        null_values=[],
        check_utf8=True,
    )
    with opened(path, progress) as file:
        try:
            with arrow_csv.open_csv(
                file, read_options=arrow_csv.ReadOptions(**read), convert_options=convert
            ) as reader:
                yield from reader
        except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
            _locate(path, columns, header=header)
            raise DataError(f"is not what it should be: {error}", str(path)) from None


def _locate(path: Path, columns: Mapping[str, Any], *, header: bool) -> None:
    """Find the first line that does not fit, slowly, and raise; returns when there is none."""
    with opened(path) as file:
        text = io.TextIOWrapper(file, "utf-8", errors="replace", newline="")
        names: list[str] = list(columns)
        for number, row in enumerate(csv.reader(text), start=1):
            if header and number == 1:
                names = row
                if missing := [c for c in columns if c not in row]:
                    raise DataError(f"has no column {missing[0]!r} in its header.", str(path), 1)
                continue
            if len(row) != len(names):
                raise DataError(
                    f"has {len(row)} columns where {len(names)} are expected.", str(path), number
                )
            for name, value in zip(names, row, strict=True):
                if name in columns and not _fits(value, columns[name]):
                    raise DataError(
                        f"{value[:_SHOWN]!r} is not {_kind(columns[name])}.",
                        str(path),
                        number,
                        name,
                    )


def _fits(value: str, kind: Any) -> bool:
    try:
        pa.array([value]).cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return False
    return True


def _kind(kind: Any) -> str:
    if pa.types.is_integer(kind):
        return "a whole number"
    return "a number" if not pa.types.is_boolean(kind) else "true or false"


def integers(column: Any) -> NDArray[np.int64]:
    """An Arrow integer column as numpy."""
    result: NDArray[np.int64] = column.to_numpy(zero_copy_only=False).astype(np.int64)
    return result


def unscaled(column: Any) -> NDArray[np.int64]:
    """An Arrow decimal128 column as its unscaled integers: seconds with nine digits become ns."""
    data = np.frombuffer(column.buffers()[1], dtype="<i8")
    return data.reshape(-1, 2)[column.offset : column.offset + len(column), 0].copy()


def require(ok: NDArray[np.bool_], before: int, path: Path, what: str, column: str) -> None:
    """Refuse the first value that is not `ok`.

    Args:
        before: lines of the file before these values.
        what: a sentence about it, to which nothing is added.
    """
    if not ok.all():
        raise DataError(what, str(path), before + int(np.argmin(ok)) + 1, column)
