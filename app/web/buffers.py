"""A window over the newest records of something that only grows: contiguous, bounded, cheap."""

from typing import Any, Final

import numpy as np
from numpy.typing import DTypeLike, NDArray

_SMALLEST: Final = 64


class Sliding:
    """Elements are appended at the end and dropped at the front; `view` is always one array.

    The memory is at most half as much again as what was held lately: when the end is reached, what is
    held moves to the front, into a larger or smaller array where that is due. All of it is written when it
    is made: the system counts a page when it is first written, and the slack would creep in for an hour.
    """

    def __init__(self, dtype: DTypeLike, width: tuple[int, ...] = ()):
        self._data: NDArray[Any] = np.empty((_SMALLEST, *width), dtype)
        self._low = self._high = 0

    def __len__(self) -> int:
        return self._high - self._low

    @property
    def view(self) -> NDArray[Any]:
        """What is held, oldest first; valid until the next change."""
        return self._data[self._low : self._high]

    @property
    def nbytes(self) -> int:
        """Memory in use."""
        return self._data.nbytes

    def append(self, values: NDArray[Any]) -> None:
        """Add elements at the end."""
        n, held = len(values), len(self)
        if self._high + n > len(self._data):
            room = max(_SMALLEST, (held + n) * 5 // 4)
            data = self._data
            if (held + n) * 9 // 8 > len(data) or room < len(data) * 2 // 3:
                data = np.empty((room, *data.shape[1:]), data.dtype)
                data[held:] = np.zeros((), data.dtype)
            data[:held] = self.view.copy() if data is self._data else self.view
            self._data, self._low, self._high = data, 0, held
        self._data[self._high : self._high + n] = values
        self._high += n

    def drop_first(self, count: int) -> None:
        """Forget the oldest elements."""
        self._low += min(max(count, 0), len(self))
        self._rewind()

    def keep_first(self, count: int) -> None:
        """Forget all but the oldest elements."""
        self._high = self._low + min(max(count, 0), len(self))
        self._rewind()

    def _rewind(self) -> None:
        """What is empty begins at the front again."""
        if self._low == self._high:
            self._low = self._high = 0


def replace_tail(
    times: Sliding, others: list[Sliding], ends: NDArray[np.int64], start: int
) -> None:
    """Cut off what will be computed anew, from the first of `ends` on, and what lies before `start`."""
    keep = int(np.searchsorted(times.view, ends[0])) if len(ends) else len(times)
    old = int(np.searchsorted(times.view, start, side="right"))
    for part in (times, *others):
        part.keep_first(keep)
        part.drop_first(min(old, keep))
