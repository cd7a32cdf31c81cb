"""What the two processes of `benchmarks.fault_soak` tell each other, and the handle on the collector's.

By lines on pipes: the collector is given its `Work` first, then orders; each of its own is a `Report`.
"""

import asyncio
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import orjson

from app.cli import ALLOCATOR
from benchmarks.fault_soak_usage import Counts, Usage

LEVELS = 20  # of each side that are compared
MODULE = "benchmarks.fault_soak_collector"
SPOKE, COUNT, STOP = "spoke", "count", "stop"  # the orders; the first names a market
_ANSWER_S = 5.0
_STOP_S = 40.0  # longer than a collector, that cannot end, waits for itself
_POLL_S = 0.004
_LONGEST = 1 << 20  # bytes of a line
_WORDS = 3  # of its errors, the last lines
Top = tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]


@dataclass(frozen=True)
class Work:
    """What to collect: settings as JSON, the folder of the store, tick and lot of each market."""

    settings: str
    folder: str
    grids: dict[str, tuple[float, float]]


@dataclass(frozen=True)
class Seen:
    """One market: state, whether it is whole, and the hash of the best levels in ticks and lots.

    Hashes of integers are the same in every process.
    """

    state: str
    detail: str
    whole: bool
    top: int | None  # None while there is no book that can be trusted


@dataclass(frozen=True)
class Report:
    """A moment of the collector."""

    at: float  # on the monotonic clock, that all processes share
    done: int  # orders so far
    markets: dict[str, Seen]
    usage: Usage | None = None

    @classmethod
    def parse(cls, value: dict[str, Any]) -> Self:
        """From JSON."""
        seen = {market: Seen(**told) for market, told in value["markets"].items()}
        usage = Usage(**value["usage"]) if value["usage"] else None
        return cls(value["at"], value["done"], seen, usage)


class CollectorProcess:
    """The product's collector in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process):
        self._process = process
        self.report: Report | None = None
        self.hearers: list[Callable[[Report], None]] = []
        self.ended = asyncio.Event()
        self.left: Counts = (0, 0)  # tasks and descriptors, when all of it was closed
        self._asked = 0
        self._words: deque[str] = deque(maxlen=_WORDS)
        assert process.stdout is not None
        assert process.stderr is not None
        self._readers = [
            asyncio.create_task(self._hear(process.stdout)),
            asyncio.create_task(self._listen(process.stderr)),
        ]

    @classmethod
    async def start(cls, work: Work) -> Self:
        """Start it; its environment is that of the product's own."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", MODULE),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, **ALLOCATOR},
            limit=_LONGEST,
        )
        collector = cls(process)
        collector._say(orjson.dumps(work))
        return collector

    async def until(self, condition: Callable[[Report], object], seconds: float) -> bool:
        """Wait for a report, of a moment from now on, of which a condition holds; whether it came in time."""
        asked = time.monotonic()
        while not self.ended.is_set() and time.monotonic() <= asked + seconds:
            if self.report is not None and self.report.at >= asked and condition(self.report):
                return True
            await asyncio.sleep(_POLL_S)
        return False

    async def order(self, *words: str) -> Report | None:
        """Give an order; the report once it is done, None if none comes."""
        self._asked += 1
        number = self._asked
        self._say(" ".join(words).encode())

        def answers(report: Report) -> bool:
            return report.done >= number and report.usage is not None

        return self.report if await self.until(answers, _ANSWER_S) else None

    async def stop(self) -> list[str]:
        """End it, however it is; what was wrong."""
        early, wrong = self.ended.is_set(), []
        self._say(STOP.encode())
        try:
            async with asyncio.timeout(_STOP_S):
                code = await self._process.wait()
        except TimeoutError:
            wrong.append(f"the collector did not end within {_STOP_S:.0f} s")
            self._process.kill()
            code = await self._process.wait()
        await asyncio.gather(*self._readers)
        if code and not wrong:
            how = signal.Signals(-code).name if code < 0 else f"code {code}"
            when = "before its time" if early else "when it was closed"
            last = " | ".join(self._words) or "without a word"
            wrong.append(f"the collector ended {when} with {how}: {last}")
        elif early:
            wrong.append("the collector ended before its time")
        return wrong

    def _say(self, line: bytes) -> None:
        pipe = self._process.stdin
        if pipe is not None and not (self.ended.is_set() or pipe.is_closing()):
            pipe.write(line + b"\n")

    async def _hear(self, reports: asyncio.StreamReader) -> None:
        """Take its reports as they come, until there are no more."""
        try:
            while line := await reports.readline():
                value = orjson.loads(line)
                if "left" in value:
                    self.left = tuple(value["left"])
                    continue
                self.report = Report.parse(value)
                for hearer in self.hearers:
                    hearer(self.report)
        finally:
            self.ended.set()

    async def _listen(self, errors: asyncio.StreamReader) -> None:
        """Pass its errors on, and keep the last ones."""
        while line := await errors.readline():
            text = line.decode(errors="replace").rstrip()
            print(text, file=sys.stderr)
            self._words.append(text.strip())
