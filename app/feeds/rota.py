"""Takes turns at a venue that is asked instead of listened to: a bounded, fair round robin."""

import asyncio
import heapq
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from app.clock import NS_PER_S, Clock


@dataclass(eq=False)
class Job:
    """One thing that is asked for again and again.

    Args:
        fetch: asks once.
        take: takes the answer.
        failed: told of what `fetch` or `take` raised; the job is off the rota then.
        every_ns: the least time between two askings, asked each time.
    """

    fetch: Callable[[], Awaitable[Any]]
    take: Callable[[Any], None]
    failed: Callable[[Exception], None]
    every_ns: Callable[[], int]
    asked_ns: int = 0  # when the question was asked that has no answer yet; 0 when there is none
    turn: int = 0  # raised when the job goes on or off: an answer to an earlier turn is void
    on: bool = False


class Rota:
    """Jobs by the time they are due; who waits longest is next, however many there are.

    Args:
        clock: the time.
        places: how many are asked at a time; the venue library's own queue stays that short.
        hold_until_ns: nobody is asked before this time.
    """

    def __init__(self, clock: Clock, places: int, hold_until_ns: Callable[[], int]):
        self._clock, self._hold_until_ns, self._places = clock, hold_until_ns, places
        self._free = asyncio.Semaphore(places)
        self._due: list[tuple[int, int, Job, int]] = []
        self._count = 0
        self._news = asyncio.Event()
        self._asking: set[asyncio.Task[None]] = set()
        self.answered_ns = 0  # the last answer to anybody

    @property
    def asking(self) -> int:
        """Questions that have no answer yet."""
        return len(self._asking)

    def add(self, job: Job) -> None:
        """Put a job on, to be asked as soon as its turn comes."""
        job.turn, job.on, job.asked_ns = job.turn + 1, True, 0
        self._push(job, self._clock.now_ns())

    def remove(self, job: Job) -> None:
        """Take it off; an answer that is on its way is not taken."""
        job.turn, job.on, job.asked_ns = job.turn + 1, False, 0
        self._due = [item for item in self._due if item[2] is not job]
        heapq.heapify(self._due)

    async def run(self) -> None:
        """Until cancelled."""
        self._free = asyncio.Semaphore(self._places)
        try:
            while True:
                await self._free.acquire()
                job = await self._next()
                job.asked_ns = self._clock.now_ns()  # one that is never answered is found by it
                asking = asyncio.ensure_future(self._ask(job, job.turn))
                self._asking.add(asking)
                asking.add_done_callback(self._asking.discard)
        finally:
            for asking in self._asking:
                asking.cancel()
            await asyncio.gather(*self._asking, return_exceptions=True)

    async def _next(self) -> Job:
        while True:
            self._news.clear()
            wait_s: float | None = None
            if self._due:
                at_ns = max(self._due[0][0], self._hold_until_ns())
                wait_s = (at_ns - self._clock.now_ns()) / NS_PER_S
                if wait_s <= 0:
                    return heapq.heappop(self._due)[2]
            news = asyncio.ensure_future(self._news.wait())
            try:
                await asyncio.wait({news}, timeout=wait_s)
            finally:
                news.cancel()

    async def _ask(self, job: Job, turn: int) -> None:
        began_ns = job.asked_ns = self._clock.now_ns()
        try:
            answer = await job.fetch()
            self.answered_ns = self._clock.now_ns()
            if job.on and job.turn == turn:
                job.take(answer)
        except Exception as error:  # whatever a venue's code raises is this job's alone
            if job.on and job.turn == turn:
                self.remove(job)
                job.failed(error)
        finally:
            self._free.release()
        if job.on and job.turn == turn:
            job.asked_ns = 0
            self._push(job, began_ns + job.every_ns())

    def _push(self, job: Job, due_ns: int) -> None:
        self._count += 1
        heapq.heappush(self._due, (due_ns, self._count, job, job.turn))
        self._news.set()
