"""Venues that are asked: real ccxt against loopback REST servers that speak bitbank's and Binance's way."""

import asyncio
import contextlib
import random
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from app.clock import SystemClock
from app.feeds.ccxt_poll import PolledVenue
from app.feeds.ccxt_stream import open_venue
from app.feeds.polled_market import PolledMarketFeed
from app.feeds.ring import Ring
from app.feeds.venues import DEFAULT
from app.market import MarketId
from app.records import LEVELS, Fidelity, State, Stream
from app.settings import FeedSettings, VenueSettings
from tests.venues.binance_protocol import settings_for
from tests.venues.bitbank import BitbankVenue
from tests.venues.rig import QUICK, until
from tests.venues.scripted import Refusal, ScriptedVenue

A, B = MarketId("loop", "AAA/USDT"), MarketId("loop", "AAB/USDT")
PAIR = "aaa_usdt"


@dataclass
class Asked:
    server: Any
    venue: PolledVenue
    ring: Ring
    feeds: dict[MarketId, PolledMarketFeed] = field(default_factory=dict)
    unhandled: list[Any] = field(default_factory=list)


@contextlib.asynccontextmanager
async def polling(
    count: int = 1, settings: FeedSettings = QUICK, server: Any = None, **ccxt: Any
) -> AsyncIterator[Asked]:
    """A polled venue with its markets; checks that no exception went unhandled."""
    server = server or BitbankVenue(count)
    await server.start()
    table = (
        server.settings(**ccxt)
        if isinstance(server, BitbankVenue)
        else {**settings_for(server.port), "poll": True}
    )
    ring = Ring()
    venue = open_venue(
        "loop", VenueSettings(**table), settings, ring, SystemClock(), random.Random(1)
    )
    assert isinstance(venue, PolledVenue)
    made = Asked(server, venue, ring)
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: made.unhandled.append(context))
    try:
        await venue.open()
        for index, listing in enumerate(sorted(venue.listings(), key=lambda x: x.id)):
            made.feeds[listing.id] = venue.add(listing.id, index)
        yield made
    finally:
        await venue.close()
        await server.stop()
        loop.set_exception_handler(None)
    assert not made.unhandled


def live(rig: Asked, *ids: MarketId) -> bool:
    feeds = [rig.feeds[m] for m in ids] if ids else list(rig.feeds.values())
    return all(
        f.status.state is State.LIVE and f.tracks[Stream.TRADES].state is State.LIVE for f in feeds
    )


async def test_the_book_is_the_venues_and_says_that_it_is_sampled() -> None:
    async with polling() as rig:
        feed, book = rig.feeds[A], rig.server.books[PAIR]
        await until(lambda: live(rig))
        for _ in range(3):
            book.step()
            before = feed.status.states_depth
            await until(lambda before=before: feed.status.states_depth >= before + 2, "two samples")
            view = feed.book()
            assert view is not None
            for side, levels in zip((view.bids, view.asks), book.top(LEVELS), strict=True):
                pairs = [(round(p * 100), round(q * 10_000)) for p, q in side[:LEVELS]]
                assert pairs == levels
        status = feed.status
        assert status.fidelity_depth is Fidelity.SAMPLED
        assert status.fidelity_best is None
        # No oftener than half a second, though one may come late and so closer to the next; the achieved
        # period is what passed between the states.
        states = rig.ring.depth.take()
        apart_ms = np.diff(states.time_ns) / 1e6
        assert status.period_ms == pytest.approx(apart_ms[-16:].mean(), rel=0.3)
        asked = np.diff(rig.server.times(f"{PAIR}/depth")) / 1e6
        assert asked[1:].mean() > 450
        assert len(set(states.epoch.tolist())) == 1
        assert not status.gaps_by_reason


async def test_trades_are_told_once_and_those_before_the_start_not_at_all() -> None:
    server = BitbankVenue(1)
    for _ in range(5):
        server.trade(PAIR)
    async with polling(server=server) as rig:
        status = rig.feeds[A].status
        await until(lambda: live(rig))
        for _ in range(3):
            told = [server.trade(PAIR) for _ in range(4)]
            wanted = status.trades + 4
            await until(lambda wanted=wanted: status.trades >= wanted, "the trades")
            got = rig.ring.trades.take()
            assert got.id.tolist() == [t["transaction_id"] for t in told]
            assert got.price.tolist() == [float(t["price"]) for t in told]
            assert got.side.tolist() == [1 if t["side"] == "buy" else -1 for t in told]
        assert not status.gaps_by_reason


async def test_more_trades_than_the_venue_lists_are_a_gap_in_trades_alone() -> None:
    async with polling(server=BitbankVenue(1, listed=10)) as rig:
        feed, server = rig.feeds[A], rig.server
        await until(lambda: live(rig))
        for _ in range(8):
            server.trade(PAIR)
        await until(lambda: feed.status.trades == 8, "the first trades")
        before_ns = feed.tracks[Stream.TRADES].last_ns
        for _ in range(25):
            server.trade(PAIR)
        await until(lambda: feed.status.trades == 18, "those that are listed")
        (gap,) = feed.status.new_gaps
        assert (gap.stream, gap.reason) == (Stream.TRADES, "sequence")
        assert gap.detail.startswith("More trades happened between two answers")
        assert before_ns <= gap.from_ns < gap.to_ns
        server.trade(PAIR)
        await until(lambda: feed.status.trades == 19, "the next one")
        assert len(feed.status.new_gaps) == 1


async def test_every_market_gets_its_turn_within_the_venues_limit() -> None:
    # 12 books at 10 requests a second, and trades besides: slower than one a second.
    async with polling(12, rateLimit=100) as rig:
        await until(lambda: live(rig), "all markets", 20)
        rig.server.asked.clear()
        await asyncio.wait_for(_asked(rig.server, 64), 30)
        counts = [len(rig.server.times(f"{pair}/depth")) for pair in rig.server.books]
        assert max(counts) - min(counts) <= 1
        at_ns = sorted(at for _, at in rig.server.asked)
        assert (at_ns[-1] - at_ns[0]) / 1e9 > 63 * 0.1 * 0.9
        await until(lambda: "rate limit" in rig.feeds[A].status.detail, "the reason", 20)
        detail = rig.feeds[A].status.detail
        assert detail.startswith("The rate limit of bitbank, shared by 12 markets")
        assert rig.feeds[A].status.state is State.LIVE


async def _asked(server: BitbankVenue, count: int) -> None:
    await until(lambda: len(server.asked) >= count, f"{count} requests", 30)


@pytest.mark.parametrize("status", [418, 429])
async def test_a_limit_stops_all_questions_until_it_ends(status: int) -> None:
    async with polling(2) as rig:
        await until(lambda: live(rig))
        refusal = Refusal(status, headers=(("Retry-After", "2"),))
        rig.server.refusals[f"{PAIR}/depth"] = deque([refusal])
        both = list(rig.feeds.values())
        await until(lambda: all(f.status.state is State.THROTTLED for f in both), "both wait")
        assert "bitbank limits requests until" in both[1].status.detail
        until_ns = rig.venue.hold_until_ns
        clock = rig.venue.clock
        # What was on its way when the answer came arrives; then nothing does.
        await until(lambda: not rig.venue._rota.asking, "the questions on their way")
        count = len(rig.server.asked)
        await until(
            lambda: len(rig.server.asked) > count or clock.now_ns() > until_ns - 10**8, "the end"
        )
        assert clock.now_ns() > until_ns - 10**8
        await until(lambda: live(rig), "both again")
        for feed in both:
            gaps = {g.stream: g for g in feed.status.new_gaps}
            assert {g.reason for g in gaps.values()} == {"throttled"}
            assert gaps[Stream.DEPTH].to_ns >= until_ns
        epochs = rig.ring.depth.take().epoch
        assert set(epochs.tolist()) == {1, 2}


@pytest.mark.parametrize(
    ("altered", "reason"),
    [
        ({"bids": [["101.00", "1"]], "asks": [["100.00", "1"]]}, "crossed"),
        ({"bids": [["99.00", "NaN"]]}, "non-finite"),
        ({"bids": [["99.00", "-1"]]}, "non-finite"),
        ({"bids": [["98.00", "one"]]}, "handler"),
    ],
)
async def test_what_cannot_be_a_book_is_a_gap_of_that_market(altered: Any, reason: str) -> None:
    async with polling(2) as rig:
        await until(lambda: live(rig))
        rig.server.altered[PAIR] = altered
        feed = rig.feeds[A]
        await until(lambda: feed.status.rejected[reason], "it is found")
        assert feed.book() is None
        del rig.server.altered[PAIR]
        await until(lambda: live(rig) and feed.status.gaps_by_reason, "the book is back")
        assert feed.status.gaps_by_reason == {reason: 1}
        assert not rig.feeds[B].status.gaps_by_reason
        assert feed.book() is not None


async def test_an_empty_answer_is_asked_after_and_then_believed() -> None:
    async with polling(2) as rig:
        await until(lambda: live(rig))
        rig.server.altered[PAIR] = {"bids": [], "asks": []}
        feed = rig.feeds[A]
        await until(lambda: feed.status.rejected["snapshot"], "the doubt")

        def sides() -> tuple[int, int] | None:
            view = feed.book()
            return None if view is None else (len(view.bids), len(view.asks))

        await until(lambda: live(rig) and sides() == (0, 0), "belief")
        states = feed.status.states_depth
        await until(lambda: feed.status.states_depth >= states + 2, "more of the same")
        assert feed.status.rejected == {"snapshot": 1}
        assert feed.status.gaps_by_reason == {"snapshot": 1}
        del rig.server.altered[PAIR]
        await until(lambda: sides() not in (None, (0, 0)), "levels")
        assert feed.status.gaps_by_reason == {"snapshot": 1}
        assert not rig.feeds[B].status.gaps_by_reason


@pytest.mark.parametrize(
    "refusal", [Refusal(503), Refusal(200, '{"success":1,"data"'), Refusal(200, '{"success":0}')]
)
async def test_a_failed_question_backs_off_and_others_go_on(refusal: Refusal) -> None:
    async with polling(2) as rig:
        await until(lambda: live(rig))
        rig.server.refusals[f"{PAIR}/depth"] = deque([refusal] * 2)
        feed, other = rig.feeds[A], rig.feeds[B]
        await until(lambda: feed.status.state is not State.LIVE, "it is seen")
        states = other.status.states_depth
        await until(lambda: live(rig) and feed.status.gaps_by_reason, "it is back")
        await until(lambda: other.status.states_depth > states, "the other")
        assert not other.status.gaps_by_reason
        assert feed.status.gaps_by_reason.total() == 1


async def test_a_venue_that_falls_silent_is_stale_and_comes_back() -> None:
    async with polling(1) as rig:
        await until(lambda: live(rig))
        rig.server.gate = asyncio.Event()
        feed = rig.feeds[A]
        await until(lambda: feed.status.state is State.STALE, "stale")
        assert feed.status.detail.startswith("No answer for")
        rig.server.gate.set()
        rig.server.gate = None
        await until(lambda: live(rig), "it is back")
        assert feed.status.gaps_by_reason["reconnect"] == 2  # book and trades


async def test_a_removed_market_is_not_asked_for_again() -> None:
    async with polling(2) as rig:
        await until(lambda: live(rig))
        await rig.venue.remove(A)
        gone = rig.feeds.pop(A)
        states, count = gone.status.states_depth, len(rig.server.times(f"{PAIR}/depth"))
        other = rig.feeds[B].status
        wanted = other.states_depth + 3
        await until(lambda: other.states_depth >= wanted, "the other goes on")
        assert gone.status.states_depth == states
        assert len(rig.server.times(f"{PAIR}/depth")) <= count + 1
        again = rig.feeds[A] = rig.venue.add(A, 5)
        await until(lambda: live(rig), "it is asked again")
        assert again.status.states_depth


async def test_removing_a_market_while_the_watchdog_looks_harms_nobody() -> None:
    async with polling(2) as rig:
        await until(lambda: live(rig))
        removing = asyncio.ensure_future(rig.venue.remove(A))
        while not removing.done():
            rig.venue._watchdog.look()
            await asyncio.sleep(0)
        del rig.feeds[A]
        assert live(rig)


async def test_watching_goes_on_after_an_error_in_it() -> None:
    async with polling(1) as rig:
        await until(lambda: live(rig))
        watchdog, look = rig.venue._watchdog, rig.venue._watchdog.look

        def broken() -> None:
            watchdog.look = look  # type: ignore[method-assign]
            raise KeyError("once")

        watchdog.look = broken  # type: ignore[method-assign]
        await until(lambda: watchdog.look == look, "the error")
        rig.server.gate = asyncio.Event()
        await until(lambda: rig.feeds[A].status.state is State.STALE, "it is still watched")
        rig.server.gate.set()


async def test_a_venue_that_numbers_its_books_anew_is_followed() -> None:
    server = ScriptedVenue(1)
    async with polling(server=server) as rig:
        feed, book = rig.feeds[A], server.books["AAAUSDT"]
        depth = feed.tracks[Stream.DEPTH]
        await until(lambda: depth.state is State.LIVE)
        before_ns = depth.last_ns
        book.last_id = 1
        await until(lambda: feed.status.gaps_by_reason["sequence"], "the gap")
        await until(lambda: depth.state is State.LIVE, "it is followed")
        view = feed.book()
        assert view is not None
        assert view.update_id == 1
        (gap,) = (g for g in feed.status.new_gaps if g.reason == "sequence")
        assert gap.from_ns >= before_ns
        assert gap.to_ns - gap.from_ns > 10**9
        assert "older numbers" in gap.detail


async def test_closing_leaves_no_task_behind() -> None:
    before = asyncio.all_tasks()
    async with polling(3) as rig:
        await until(lambda: live(rig))
        rig.server.refusals[f"{PAIR}/depth"] = deque([Refusal(503)] * 100)
        await until(lambda: rig.feeds[A].status.state is State.DOWN)
    await until(lambda: asyncio.all_tasks() == before, "tasks end", 3.0)


async def test_a_venue_that_streams_can_be_told_to_poll() -> None:
    async with polling(server=ScriptedVenue(2)) as rig:
        server: ScriptedVenue = rig.server
        await until(lambda: rig.feeds[A].status.states_depth >= 2, "samples")
        assert rig.feeds[A].status.fidelity_depth is Fidelity.SAMPLED
        assert not server.sockets
        server.books["AAAUSDT"].step()
        newest = server.books["AAAUSDT"].last_id
        await until(lambda: rig.feeds[A].book().update_id == newest, "the newest book")


def test_an_older_book_from_a_cache_is_not_taken() -> None:
    ring = Ring()
    market = open_venue("v", VenueSettings(exchange="bitbank"), QUICK, ring, SystemClock())
    assert isinstance(market, PolledVenue)
    feed = PolledMarketFeed(_market(), 0, ring, SystemClock(), DEFAULT)
    for nonce, bid in ((5, 1.0), (4, 9.0), (6, 1.5)):
        feed.take_book({"bids": [[bid, 1.0]], "asks": [[10.0, 1.0]], "nonce": nonce})
    states = ring.depth.take()
    assert states.levels[:, 0, 0, 0].tolist() == [1.0, 1.5]
    assert feed.status.rejected == {"snapshot": 1}


def test_trades_without_ids_are_told_apart_by_what_they_say() -> None:
    ring = Ring()
    feed = PolledMarketFeed(_market(), 0, ring, SystemClock(), DEFAULT)
    one = {"timestamp": 1, "price": 2.0, "amount": 1.0, "side": "buy", "id": None}
    two = {**one, "timestamp": 2}
    feed.take_trades([one])
    feed.take_trades([one, one, two])
    assert ring.trades.take().venue_ms.tolist() == [1, 2]


def _market() -> Any:
    from app.market import Grid, Market

    return Market(A, "AAA", "USDT", Grid(Decimal("0.01"), Decimal("0.01")))
