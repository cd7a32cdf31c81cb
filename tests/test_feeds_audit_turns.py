"""When each market is audited: once a period, within a share of the rate limit, without a crowd."""

import asyncio
import contextlib
import heapq
from collections.abc import AsyncIterator, Iterator
from itertools import count, pairwise
from types import SimpleNamespace
from typing import Any

import pytest

from app.clock import FakeClock
from app.feeds.audit import Tape
from app.feeds.auditor import _MOST, Auditor
from app.feeds.venues import VenueFacts
from app.records import State, Stream

S = 10**9
BOOK = {"bids": [[10.0, 1.0]], "asks": [[11.0, 1.0]]}


class Leaps(FakeClock):
    """Time leaps to the end of the next sleep once nothing else runs."""

    def __init__(self) -> None:
        super().__init__()
        self._sleeping: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = count()

    async def sleep(self, seconds: float) -> None:
        """Until time has leapt there."""
        ends: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        end_ns = self.time_ns + round(seconds * S)
        heapq.heappush(self._sleeping, (end_ns, next(self._order), ends))
        await ends

    async def leap(self, seconds: float) -> None:
        """Let time go by."""
        until_ns = self.time_ns + round(seconds * S)
        while True:
            for _ in range(10):
                await asyncio.sleep(0)
            if not self._sleeping or self._sleeping[0][0] > until_ns:
                break
            self.time_ns, _, ends = heapq.heappop(self._sleeping)
            if not ends.done():
                ends.set_result(None)
        self.time_ns = until_ns


class Market:
    """A market that is live, and whose book does not move."""

    def __init__(self, number: int):
        self.symbol, self.market, self.checked = f"M{number}", SimpleNamespace(id=number), False
        self.status = SimpleNamespace(audits=0, audit_differences=0, audits_unanswered=0)
        track = SimpleNamespace(state=State.LIVE, fault=None, in_gap=False, epoch=1)
        self.tracks = {Stream.DEPTH: track}
        self.tapes, self.dispute = 0, None

    @contextlib.contextmanager
    def taped(self, levels: int, proved: int) -> Iterator[Tape]:
        """What its book had."""
        assert not self.tapes  # there is only one at a time
        self.tapes = 1
        try:
            yield Tape([(BOOK["bids"], BOOK["asks"])])
        finally:
            self.tapes = 0


class Asked:
    """The venue: when it was asked about which market, and the most tapes that were open at a time."""

    def __init__(self, markets: int, rate_limit_ms: float, differing: bool = False):
        self.clock = Leaps()
        self.markets = [Market(number) for number in range(markets)]
        self.times: dict[str, list[int]] = {}
        self.crowd = 0
        self.differing = differing
        exchange = SimpleNamespace(rateLimit=rate_limit_ms, fetch_order_book=self._fetch)
        venue: Any = SimpleNamespace(
            exchange=exchange, name="v", title="V", queued=0, questions_held=False
        )
        feeds: Any = self.markets
        self.auditor = Auditor(venue, self.clock, lambda: feeds, VenueFacts())

    async def _fetch(self, symbol: str, *_: Any) -> Any:
        self.times.setdefault(symbol, []).append(self.clock.now_ns())
        self.crowd = max(self.crowd, sum(market.tapes for market in self.markets))
        await self.clock.sleep(0.1)
        answers = sum(len(times) for times in self.times.values())
        size = 1.0 + answers % 2 if self.differing else 1.0
        return {"bids": [[10.0, size]], "asks": BOOK["asks"]}

    def requests(self) -> list[int]:
        """The times of all."""
        return sorted(time for times in self.times.values() for time in times)


@contextlib.asynccontextmanager
async def auditing(asked: Asked) -> AsyncIterator[None]:
    running = asyncio.ensure_future(asked.auditor.run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert not any(market.tapes for market in asked.markets)


@pytest.mark.parametrize("markets", [1, 20, 100, 200])
async def test_each_market_is_audited_once_a_minute_at_a_limit_of_50_ms(markets: int) -> None:
    asked = Asked(markets, 50.0)
    async with auditing(asked):
        await asked.clock.leap(600.0)
    periods = [b - a for times in asked.times.values() for a, b in pairwise(times)]
    assert len(asked.times) == markets
    assert min(periods) >= 60 * S
    assert max(periods) <= 66 * S
    spaces = [b - a for a, b in pairwise(asked.requests())]
    assert not spaces or min(spaces) >= S // 4  # a fifth of the limit
    assert asked.crowd <= min(_MOST, 5)


@pytest.mark.parametrize("differing", [False, True])
async def test_more_than_the_limit_bears_is_audited_as_often_as_it_bears(differing: bool) -> None:
    """Also where answers come late, and each book is asked for twice."""
    asked = Asked(100, 1000.0, differing)
    async with auditing(asked):
        await asked.clock.leap(3600.0)
    assert 600 <= len(asked.requests()) <= 720
    if not differing:
        assert len(asked.times) == 100  # the one that waited longest is first
        assert {len(times) for times in asked.times.values()} <= {7, 8}


async def test_tapes_that_are_open_are_few_however_slow_the_answers() -> None:
    asked = Asked(300, 1.0)
    asked.auditor._every_s = 1.0
    async with auditing(asked):
        await asked.clock.leap(60.0)
    assert asked.crowd == _MOST


async def test_period_that_the_limit_does_not_bear_is_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = Asked(100, 1000.0)
    async with auditing(asked):
        await asked.clock.leap(60.0)
    told = [line for line in capsys.readouterr().out.splitlines() if "audits are rarer" in line]
    assert len(told) == 1
    assert "every_s=500" in told[0]
