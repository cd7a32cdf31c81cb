"""What a market feed does beside the venue's faults: epochs, the ring, sleep, removal, turns."""

import asyncio
import random
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from app.clock import FakeClock, SystemClock
from app.errors import VenueDownError
from app.feeds.backoff import Backoff
from app.feeds.base import FeedStatus
from app.feeds.ccxt_hook import WatchedBook, WatchedCountedBook, WatchedIndexedBook
from app.feeds.market_feed import CcxtMarketFeed
from app.feeds.ring import Ring
from app.feeds.router import Router
from app.feeds.supervisor import StreamSupervisor
from app.feeds.track import Fault, Track
from app.feeds.venues import DEFAULT, facts_of
from app.market import Grid, Market, MarketId
from app.records import State, Stream
from app.settings import FeedSettings
from tests.venues.rig import QUICK, rig, until

A, B = "AAAUSDT", "AABUSDT"


class SleepyClock(SystemClock):
    """A clock of a machine that can be put to sleep by a test."""

    asleep_ns = 0

    def now_ns(self) -> int:
        return super().now_ns() + self.asleep_ns

    def slept_ns(self) -> int:
        return self.asleep_ns


async def test_machine_sleep_is_a_gap_of_every_stream() -> None:
    clock = SleepyClock()
    async with rig(1, clock=clock) as r:
        await r.live()
        clock.asleep_ns += 3_600 * 10**9
        status = r.feeds[A].status
        await r.step_until(lambda: status.gaps_by_reason["machine slept"] == 3)
        await r.step_until(lambda: status.state is State.LIVE)
        await r.assert_true_book(A)
        gaps = {g.stream: g for g in status.new_gaps}
        assert set(gaps) == set(Stream)
        assert all(g.to_ns - g.from_ns >= 3_600 * 10**9 for g in gaps.values())
        assert gaps[Stream.DEPTH].detail == "This machine slept for 3600 s."


async def test_collector_can_end_the_epochs() -> None:
    async with rig(1) as r:
        await r.live()
        await r.server.barrier()
        r.ring.take()
        feed = r.feeds[A]
        before = feed.tracks[Stream.DEPTH].epoch
        feed.break_epoch("ring full", "Lost on our side.")
        assert feed.book() is None
        for _ in range(50):
            await r.server.step(A, trade=True)
        await r.server.barrier()
        assert feed.status.gaps_by_reason == {"ring full": 3}
        depth = r.ring.depth.take()
        assert set(depth.epoch.tolist()) == {before + 1}
        assert feed.book() is not None


async def test_full_ring_is_counted_and_ends_the_epoch() -> None:
    async with rig(1, ring=Ring(capacity=64)) as r:
        await r.live()
        for _ in range(100):
            await r.server.step(A)
        await r.server.barrier()
        seen = r.ring.depth.take()
        assert len(seen) == 64
        assert r.ring.dropped()[0] > 0
        await r.server.step(A)
        await r.server.barrier()
        after = r.ring.depth.take()
        assert len(after) == 1
        assert after.epoch[0] > seen.epoch[-1]
        status = r.feeds[A].status
        gap = next(g for g in status.new_gaps if g.stream is Stream.DEPTH)
        assert (gap.reason, gap.from_ns, gap.to_ns) == (
            "ring full",
            seen.time_ns[-1],
            after.time_ns[0],
        )


async def test_removing_a_market_leaves_the_others() -> None:
    async with rig(2) as r:
        await r.live()
        await r.venue.remove(MarketId("loop", "AAA/USDT"))
        gone = r.feeds.pop(A)
        await until(lambda: not r.server.of(A), "the connection is closed")
        states = gone.status.states_depth
        for _ in range(20):
            await r.server.step(A)
            await r.server.step(B)
        await r.server.barrier()
        assert gone.status.states_depth == states
        await r.assert_true_book(B)
        assert not r.feeds[B].status.gaps_by_reason
        r.feeds[A] = r.venue.add(MarketId("loop", "AAA/USDT"), 5)
        await r.live(A)
        await r.assert_true_book(A)


async def test_subscription_lost_without_a_word_is_found_by_the_other_stream() -> None:
    async with rig(1) as r:
        r.venue._book_check.look = lambda *_: None  # which asks the venue, and may be first
        await r.live()
        for connection in r.server.of(A):
            connection.streams.discard(f"{A.lower()}@depth@100ms")
        status = r.feeds[A].status
        await r.step_until(lambda: status.gaps_by_reason["reconnect"])
        assert "while the market moved" in status.new_gaps[0].detail
        await r.step_until(lambda: status.state is State.LIVE)
        await r.assert_true_book(A)
        for connection in r.server.of(A):
            connection.streams.discard(f"{A.lower()}@bookTicker")
        await r.step_until(lambda: any(g.stream is Stream.BEST for g in status.new_gaps))


async def test_many_markets_start_in_turns_and_all_come_up() -> None:
    async with rig(12) as r:
        status = r.feeds["AALUSDT"].status  # the last of them
        await until(lambda: "before this one; Binance limits how fast" in status.detail)
        assert " of 12 markets have started, " in status.detail
        await r.live()
        for symbol in r.feeds:
            await r.assert_true_book(symbol)
        assert len(r.server.connections) == 12  # the three streams of a market share one


async def test_closing_leaves_no_task_behind() -> None:
    before = asyncio.all_tasks()
    async with rig(3) as r:
        await r.live()
        r.server.handshake = (503, {})
        await r.server.close(A)  # one market is in the middle of its back-off
        await until(lambda: r.feeds[A].status.state is State.DOWN)
    await until(lambda: asyncio.all_tasks() == before, "tasks end", 3.0)


# The supervisor by itself, with a clock that tests move


class _Venue:
    title, first_timeout_s, hold_until_ns, queued = "Kraken", 5.0, 0, 0

    def __init__(self, clock: FakeClock):
        self.clock, self.starts = clock, asyncio.Semaphore(1)

    def started(self) -> tuple[int, int]:
        return 0, 1


async def _supervise(
    failures: int, settings: FeedSettings
) -> tuple[FakeClock, Track, list[tuple[State, str]]]:
    clock, status = FakeClock(), FeedStatus()
    shown: list[tuple[State, str]] = []
    track = Track(Stream.DEPTH, status, lambda: shown.append((track.state, track.detail)))
    calls = 0
    done = asyncio.Event()

    async def watch() -> None:
        nonlocal calls
        calls += 1
        if calls <= failures:
            raise VenueDownError("Kraken is not answering.")
        track.good(clock.now_ns())
        done.set()

    async def detach(_: StreamSupervisor, __: Fault) -> None:
        return

    supervisor = StreamSupervisor(
        venue=_Venue(clock),
        track=track,
        market="kraken:BTC/USD",
        watch=watch,
        detach=detach,
        prepare=track.ready,
        backoff=Backoff(settings.backoff_s, settings.backoff_max_s, random.Random(3)),
    )
    task = asyncio.ensure_future(supervisor.run())
    await asyncio.wait_for(done.wait(), 5.0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    return clock, track, shown


async def test_attempts_follow_the_backoff_and_are_shown() -> None:
    clock, track, shown = await _supervise(8, FeedSettings(backoff_s=1.0, backoff_max_s=16.0))
    steps = [1, 2, 4, 8, 16, 16, 16, 16]
    assert len(clock.sleeps) == 8
    assert all(s / 2 <= wait <= s for wait, s in zip(clock.sleeps, steps, strict=True))
    assert track.state is State.LIVE
    down = [detail for state, detail in shown if state is State.DOWN]
    assert len(down) >= 2
    assert all("is not answering" in d and "The next attempt" in d for d in down)


async def test_cancelling_ends_the_supervisor_at_once() -> None:
    clock, track, _ = await _supervise(0, QUICK)
    assert clock.sleeps == []
    assert track.attempts == 0


# The hook's reports, one by one


def _feed(facts: Any = None) -> tuple[Ring, Router, CcxtMarketFeed]:
    ring, clock = Ring(), FakeClock()
    market = Market(MarketId("v", "A/B"), "A", "B", Grid(Decimal("0.01"), Decimal("0.01")))
    facts = facts or DEFAULT
    feed = CcxtMarketFeed(market, 0, ring, clock, facts)
    router = Router(clock, "none", lambda *_: None)
    router.add(feed)
    return ring, router, feed


class _Frame:
    def __init__(self) -> None:
        self.heard_ns, self.url = 0, "ws://x"
        self.owners: dict[str, Any] = {}


def _book(kind: type[WatchedBook], bids: list[Any], asks: list[Any]) -> WatchedBook:
    book = kind({})
    book.reset({"bids": bids, "asks": asks, "symbol": "A/B"})
    return book


def test_update_told_under_several_hashes_is_one_state() -> None:
    ring, router, _ = _feed()
    book, frame = _book(WatchedBook, [[1.0, 1.0]], [[2.0, 1.0]]), _Frame()
    for _ in range(2):
        router.begin(frame)  # type: ignore[arg-type]
        router.resolved(frame, book, "book:A/B")  # type: ignore[arg-type]
        router.resolved(frame, book, "books")  # type: ignore[arg-type]
        router.resolved(frame, book, "book:A/B")  # type: ignore[arg-type]  # a second change in it
        router.end(frame)  # type: ignore[arg-type]
    assert len(ring.depth) == 4


def test_snapshot_between_changes_begins_an_epoch_but_a_stream_of_snapshots_does_not() -> None:
    ring, _, feed = _feed()
    book = _book(WatchedBook, [[1.0, 1.0]], [[2.0, 1.0]])
    for frame, fresh in enumerate((True, False, False, True, True, True, False)):
        if fresh:
            book.reset({"bids": [[1.0, 1.0]], "asks": [[2.0, 1.0]], "symbol": "A/B"})
        feed.on_book(book, (frame, "h"), 1_000 + frame, None)
    epochs = ring.depth.take().epoch
    assert np.diff(epochs).tolist() == [0, 0, 1, 0, 0, 0]
    assert feed.status.gaps_by_reason == {"snapshot": 1}


def test_counted_and_indexed_books_become_price_levels() -> None:
    ring, _, feed = _feed()
    counted = _book(WatchedCountedBook, [[1.0, 5.0, 2], [0.5, 1.0, 1]], [[2.0, 1.0, 1]])
    feed.on_book(counted, (1, "h"), 1, None)
    orders = [[1.0, 5.0, "a"], [1.0, 2.0, "b"], [0.5, 1.0, "c"]]
    indexed = _book(WatchedIndexedBook, orders, [[2.0, 1.0, "d"]])
    feed.on_book(indexed, (2, "h"), 2, None)
    states = ring.depth.take()
    assert states.levels[0, 0, :2].tolist() == [[1.0, 5.0], [0.5, 1.0]]
    assert states.levels[1, 0, :2].tolist() == [[1.0, 7.0], [0.5, 1.0]]
    assert states.bids.tolist() == [2, 2]
    assert states.known.tolist() == [2, 2]  # undocumented depth: what was seen


def test_limit_cuts_only_where_a_depth_was_subscribed() -> None:
    levels = [[float(k), 1.0] for k in range(1, 9)]
    full = WatchedBook({"bids": levels}, 3)
    assert len(full.limit()["bids"]) == 8
    assert len(WatchedBook({"bids": levels}, 3, cut=True).limit()["bids"]) == 3


def test_trades_are_told_once_and_the_cache_is_emptied() -> None:
    ring, router, feed = _feed()
    trade = {
        "symbol": "A/B",
        "price": 1.5,
        "amount": 2.0,
        "side": "sell",
        "timestamp": 7,
        "id": "12",
        "takerOrMaker": None,
    }
    cache = [trade, {**trade, "id": str(2**60), "side": None}, {**trade, "amount": float("nan")}]
    frame = _Frame()
    router.begin(frame)  # type: ignore[arg-type]
    router.resolved(frame, cache, "trades")  # type: ignore[arg-type]
    router.resolved(frame, cache, "trades:A/B")  # type: ignore[arg-type]
    got = ring.trades.take()
    assert cache == []
    assert got.id.tolist() == [12, -1]
    assert got.side.tolist() == [-1, 0]
    assert feed.status.rejected == {"non-finite": 1}


def test_history_before_a_subscription_is_not_counted() -> None:
    ring, _, feed = _feed(facts_of("kraken"))
    trade = {"price": 1.5, "amount": 2.0, "side": "buy", "id": "1"}
    feed.on_trades([trade] * 50, 1)
    feed.on_trades([trade], 2)
    assert len(ring.trades.take()) == 1
