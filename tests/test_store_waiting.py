"""Waiting for news."""

import asyncio
from pathlib import Path

import pytest

from app.clock import FakeClock, SystemClock
from app.errors import StoreError
from app.market import MarketId
from app.store import wait_for_news
from tests.store_help import BTC, ETH, batch, opened


async def test_only_the_markets_that_changed_are_told(tmp_path: Path) -> None:
    clock = FakeClock()
    with opened(tmp_path, clock) as writer, opened(tmp_path, clock, readonly=True) as reader:
        writer.append(BTC, {"row": batch("row", [1])})
        seen = {BTC: 0, ETH: 0}
        news = await wait_for_news(reader, seen, clock=clock)
        assert set(news) == {BTC}
        assert await wait_for_news(reader, seen | news, clock=clock, timeout_s=0.1) == {}
        assert clock.sleeps == [pytest.approx(0.02)] * 5
        writer.append(ETH, {"row": batch("row", [1])})
        assert set(await wait_for_news(reader, seen | news, clock=clock)) == {ETH}


async def test_news_wakes_who_waits(tmp_path: Path) -> None:
    clock = SystemClock()
    with opened(tmp_path) as writer, opened(tmp_path, readonly=True) as reader:
        writer.append(BTC, {"row": batch("row", [1])})
        seen = {BTC: reader.version(BTC)}
        waiter = asyncio.create_task(wait_for_news(reader, seen, clock=clock, timeout_s=20))
        await asyncio.sleep(0.05)
        assert not waiter.done()
        writer.append(BTC, {"row": batch("row", [2])})
        news = await waiter
        assert news == {BTC: reader.version(BTC)}
        assert news != seen


async def test_a_failing_store_is_heard() -> None:
    class Broken:
        def version(self, market: MarketId) -> int:
            raise StoreError("The store failed.")

    with pytest.raises(StoreError):
        await wait_for_news(Broken(), {BTC: 1}, clock=FakeClock())
