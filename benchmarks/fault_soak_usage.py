"""What the processes of `benchmarks.fault_soak` hold: memory, tasks, descriptors; over time, and told."""

import _sqlite3
import asyncio
import ctypes
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

_MB = 1 << 20
_FEWEST = 10  # samples that have a slope
_PARTS = 10
_MEASURES = (
    "MB",
    "  anonymous, MB",
    "  by malloc in use, MB",
    "  of it by SQLite, MB",
    "  blocks of Python in use, 1000",
)
Counts = tuple[int, int]


@dataclass(frozen=True)
class Usage:
    """What a process holds. Memory in MB; what is in use is less, by the holes between it."""

    tasks: int
    files: int
    resident: float
    anonymous: float  # of it: without files that are mapped
    allocated: float | None  # by malloc, and in use; None where the C library does not tell
    sqlite: float | None  # of it: caches and what else SQLite has; None where it does not tell
    blocks: float  # that Python has in use, in thousands


class _MallInfo(ctypes.Structure):
    _names = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"
    _fields_ = [(name, ctypes.c_size_t) for name in _names.split()]


def _told(library: str | None, name: str, gives: Any) -> Callable[[], Any] | None:
    """A function of a C library that takes nothing, None where it has no such one."""
    told = getattr(ctypes.CDLL(library), name, None)
    if told is not None:
        told.restype = gives
    return told


_MALLINFO = _told(None, "mallinfo2", _MallInfo)  # glibc, since 2.33
# In bytes; of the library that Python has loaded.
_SQLITE = _told(getattr(_sqlite3, "__file__", None), "sqlite3_memory_used", ctypes.c_int64)


def counts() -> Counts:
    """Tasks of the loop and descriptors of the process."""
    return len(asyncio.all_tasks()), len(os.listdir("/proc/self/fd"))


def more(now: Counts, before: Counts) -> Counts:
    """How many more there are."""
    return now[0] - before[0], now[1] - before[1]


def usage() -> Usage:
    """What this process holds now."""
    lines = (line.split() for line in Path("/proc/self/status").read_text().splitlines())
    kb = {words[0]: words[1] for words in lines if words[0] in ("VmRSS:", "RssAnon:")}
    info = _MALLINFO() if _MALLINFO else None
    return Usage(
        *counts(),
        int(kb["VmRSS:"]) / 1024,
        int(kb["RssAnon:"]) / 1024,
        # Large arrays are mapped one by one, and counted apart.
        (info.uordblks + info.hblkhd) / _MB if info else None,
        _SQLITE() / _MB if _SQLITE else None,
        sys.getallocatedblocks() / 1000,
    )


class Held:
    """What one process held over time."""

    def __init__(self, name: str, seconds: int):
        self.name = name
        # Of one size, and written, from the start, as all that the soak keeps: by second, the minute and
        # what `_MEASURES` names.
        self._samples = np.full((seconds, 1 + len(_MEASURES)), np.nan)
        self._noted = -1
        self.before: Counts | None = None
        self.after: Counts | None = None
        self.left: Counts = (0, 0)

    def note(self, elapsed_s: float, now: Usage) -> None:
        """Keep the first sample of each second."""
        if self._noted < int(elapsed_s) < len(self._samples):
            self._noted = int(elapsed_s)
            measures = now.resident, now.anonymous, now.allocated, now.sqlite, now.blocks
            known = (np.nan if measure is None else measure for measure in measures)
            self._samples[self._noted] = elapsed_s / 60, *known

    def back(self) -> bool:
        """Whether there are no more tasks and descriptors than after the first pause."""
        if self.before is None or self.after is None:
            return False
        return max(more(self.after, self.before)) <= 0

    def memory(self, since_min: float) -> list[str]:
        """Lines that tell of the memory since a minute."""
        # What it brings would count as the exchange's: not before the last sample.
        from benchmarks.soak import slope

        lines = []
        for k, what in enumerate(_MEASURES, 1):
            late = [(row[0], row[k]) for row in self._samples.tolist() if row[0] >= since_min]
            late = [(minute, value) for minute, value in late if not np.isnan(value)]
            if len(late) >= _FEWEST:
                name = what if what.startswith(" ") else f"{self.name}, {what}"
                first, last = late[0][1], late[-1][1]
                lines.append(f"{name:34}{first:10.1f}{last:10.1f}{slope(late):>28}")
        return lines

    def course(self) -> str:
        """A line of its memory in each tenth of the time: what comes and goes is no slope."""
        parts = (part[~np.isnan(part)] for part in np.array_split(self._samples[:, 1], _PARTS))
        medians = " ".join(f"{np.median(part):.1f}" for part in parts if len(part))
        return f"{self.name}, MB by tenths: {medians}"

    def counted(self) -> str:
        """A line that tells of tasks and descriptors."""
        pairs = zip(self.before or ("?", "?"), self.after or ("?", "?"), strict=True)
        tasks, files = (f"{a} → {b}" for a, b in pairs)
        left = "{} and {}".format(*self.left)
        return f"{self.name}: tasks {tasks}, descriptors {files}; left when closed: {left}"
