"""One stream of a market stops while the others go on: it is found, and said for as long as it lasts."""

import asyncio
from collections.abc import AsyncIterator

import orjson
import pytest

from app.clock import SystemClock
from app.collector import Collector
from app.feeds.prints import Prints, Verdict, newest_ms
from app.feeds.track import Fault
from app.market import MarketId
from app.records import NO_ASK, NO_BID, State, Stream
from app.settings import Settings
from app.store import open_store
from app.web.history import History
from app.web.status import gaps_json
from tests.venues.binance_protocol import settings_for
from tests.venues.rig import QUICK, Rig, rig, until
from tests.venues.scripted import ScriptedVenue

A = "AAAUSDT"
AAA = MarketId("loop", "AAA/USDT")


@pytest.fixture
async def one() -> AsyncIterator[Rig]:
    async with rig(1) as r:
        await r.live()
        yield r


async def _best_quotes_are_missed(r: Rig, until_ns: int) -> None:
    """The market says so for all the time that nothing comes, and the book goes on."""
    feed = r.feeds[A]
    best, depth = feed.tracks[Stream.BEST], feed.tracks[Stream.DEPTH]
    states, seen = feed.status.states_depth, set()

    def over() -> bool:
        seen.add((feed.status.state, best.state, best.in_gap))
        return r.venue.clock.now_ns() > until_ns

    await r.step_until(over)
    assert seen == {(State.STALE, State.STALE, True)}
    assert depth.state is State.LIVE
    assert feed.status.states_depth > states
    assert feed.status.detail.startswith("No quote for ")


async def test_best_quotes_that_stop_are_a_gap_from_the_last_one_on(one: Rig) -> None:
    feed, best = one.feeds[A], one.feeds[A].tracks[Stream.BEST]
    await one.server.barrier()
    last_ns = best.last_ns
    one.server.mute = {"bookTicker"}
    await one.step_until(lambda: feed.status.state is State.STALE)
    states = one.ring.best.take()
    assert (states.bids[-1], states.asks[-1]) == (0, 0)  # no row carries the last quotes on
    assert len(set(states.epoch[-2:].tolist())) == 2  # and nothing is differenced across that
    # Longer than any back-off: also a subscription that never spoke is judged.
    await _best_quotes_are_missed(one, one.venue.clock.now_ns() + 1_500_000_000)
    one.server.mute = set()
    await one.step_until(lambda: feed.status.state is State.LIVE)
    (gap,) = (g for g in feed.status.new_gaps if g.stream is Stream.BEST)
    assert gap.from_ns == last_ns
    assert gap.to_ns >= best.whole_since_ns
    states = one.ring.best.take()
    assert states.epoch[-1] > 2
    assert states.bids[-1] == 1


async def test_best_quotes_that_stay_crossed_are_not_live(one: Rig) -> None:
    feed, best = one.feeds[A], one.feeds[A].tracks[Stream.BEST]
    await one.server.barrier()
    one.server.mute, book = {"bookTicker"}, one.server.books[A]

    async def cross() -> None:
        quote = book.quote()
        text = orjson.dumps({**quote, "b": quote["a"]}).decode()
        await one.server.publish(f"{A.lower()}@bookTicker", text)

    await cross()
    await until(lambda: feed.status.state is State.RESYNCING, "it is said at once")
    assert "best bid at or above the best ask" in feed.status.detail
    assert best.in_gap
    async with asyncio.timeout(15.0):
        while feed.status.state is not State.STALE:
            await cross()
            await one.server.step(A)
            await asyncio.sleep(0.01)
    assert feed.status.rejected["crossed"] > 5
    one.server.mute = set()
    await one.step_until(lambda: feed.status.state is State.LIVE)


async def test_a_lost_link_whose_quotes_do_not_come_back_is_not_live_by_its_book() -> None:
    async with rig(1) as r:
        await r.live()
        feed = r.feeds[A]
        r.server.mute = {"bookTicker"}
        await r.server.close(A)
        depth = feed.tracks[Stream.DEPTH]
        await r.step_until(
            lambda: feed.status.gaps_by_reason["reconnect"] and depth.state is State.LIVE
        )
        seen: set[State] = set()
        await r.step_until(lambda: seen.add(feed.status.state) or State.STALE in seen)
        assert State.LIVE not in seen


async def test_quotes_that_never_spoke_are_missed_too() -> None:
    server = ScriptedVenue(1)
    server.mute = {"bookTicker"}
    async with rig(server=server) as r:
        feed = r.feeds[A]
        await r.step_until(lambda: feed.status.state is State.STALE)
        server.mute = set()
        await r.step_until(lambda: feed.status.state is State.LIVE)
        assert not [g for g in feed.status.new_gaps if g.stream is Stream.BEST]


async def test_old_quotes_are_neither_stored_nor_shown_as_those_of_now(tmp_path) -> None:
    server, clock = ScriptedVenue(1), SystemClock()
    await server.start()
    store = open_store(f"sqlite:///{tmp_path}", clock=clock)
    settings = Settings.model_validate({"venues": {"loop": settings_for(server.port)}})
    collector = Collector(settings.model_copy(update={"feed": QUICK}), store, clock)
    running = asyncio.ensure_future(collector.run([AAA]))
    try:
        summary = lambda: store.window(AAA, "summary", 0, 2**62)[-1:]  # noqa: E731

        async def stepped_until(state: State, seconds: float = 15.0) -> None:
            async with asyncio.timeout(seconds):
                while not len(summary()) or summary()["state"][0] != state:
                    await server.step(A, trade=True)
                    await asyncio.sleep(0.02)

        await stepped_until(State.LIVE)
        (task,) = collector._tasks.values()
        async with asyncio.timeout(15.0):
            while task.feed.status.states_best < 5:
                await server.step(A, trade=True)
                await asyncio.sleep(0.01)
        server.mute = {"bookTicker"}
        await stepped_until(State.STALE)
        for _ in range(20):
            await server.step(A, trade=True)
            await asyncio.sleep(0.02)
        status, now_ns = task.report.status(task.feed.status, clock.now_ns()), clock.now_ns()
        rows = store.window(AAA, "row", 0, 2**62)
        assert (summary()["bid"][0], summary()["ask"][0]) == (NO_BID, NO_ASK)
        assert (rows["bid"][-1], rows["ask"][-1]) == (NO_BID, NO_ASK)
        assert rows["states_depth"][-1] > 0
        assert [(one.state, one.open) for one in task.incidents.entries] == [(State.STALE, True)]

        history = History(task.market)
        history.ingest({"row": rows, "status": status}, now_ns)
        known, best_ns = history.known(now_ns), int(status["stream_received_ns"][0, Stream.BEST])
        assert known.best.coverage(best_ns, now_ns) == 0.0
        assert known.depth.coverage(best_ns, now_ns) == 1.0  # what only the book says goes on
        assert history.settled().best.coverage(best_ns, now_ns) == 0.0
        assert [(g["stream"], g["from_ms"], g["to_ms"]) for g in gaps_json(history, 0, now_ns)] == [
            ("best", best_ns / 10**6, None)
        ]
    finally:
        collector.stop.set()
        await running
        store.close()
        await server.stop()


async def _step(r: Rig, condition, trade: bool, seconds: float = 15.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await r.server.step(A, trade=trade)
            await asyncio.sleep(0.01)


async def test_trades_that_stop_while_the_venue_prints_are_missed(one: Rig) -> None:
    feed, trades = one.feeds[A], one.feeds[A].tracks[Stream.TRADES]
    await one.server.barrier()
    last_ns = trades.last_ns
    one.server.mute = {"trade"}
    await one.step_until(lambda: trades.state is State.STALE)
    assert feed.status.state is State.STALE
    assert "venue lists newer ones" in feed.status.detail
    over_ns, seen = one.venue.clock.now_ns() + 2_500_000_000, set()
    await one.step_until(lambda: seen.add(trades.state) or one.venue.clock.now_ns() > over_ns)
    assert seen == {State.STALE}  # neither the link nor its own subscription proves anything
    one.server.mute = set()
    await one.step_until(lambda: feed.status.state is State.LIVE)
    (gap,) = (g for g in feed.status.new_gaps if g.stream is Stream.TRADES)
    assert gap.from_ns == last_ns
    depth = feed.tracks[Stream.DEPTH]
    assert depth.epoch == 1 or "reconnect" in feed.status.gaps_by_reason


async def test_a_market_without_trades_is_asked_about_and_never_called_dead(one: Rig) -> None:
    feed, trades = one.feeds[A], one.feeds[A].tracks[Stream.TRADES]
    over_ns, seen = one.venue.clock.now_ns() + 6_000_000_000, set()
    await _step(
        one,
        lambda: seen.add((feed.status.state, trades.state)) or one.venue.clock.now_ns() > over_ns,
        trade=False,
    )
    assert seen == {(State.LIVE, State.LIVE)}
    assert 1 <= one.server.trades_requests <= 2  # each answer makes the next question rarer
    assert not feed.status.gaps_by_reason


async def test_after_a_silence_two_lists_without_news_prove_a_quiet_market(one: Rig) -> None:
    feed, trades = one.feeds[A], one.feeds[A].tracks[Stream.TRADES]
    one.server.mute = {"trade"}
    await one.step_until(lambda: trades.state is State.STALE)
    one.server.mute, told = set(), feed.status.trades
    await _step(one, lambda: trades.state is State.LIVE, trade=False)
    assert feed.status.trades == told
    assert not trades.in_gap
    assert feed.status.state is State.LIVE


async def test_where_the_venue_lists_no_trades_their_silence_is_called_unproved(one: Rig) -> None:
    feed, trades = one.feeds[A], one.feeds[A].tracks[Stream.TRADES]
    one.venue.exchange.has["fetchTrades"] = False
    await _step(one, lambda: trades.state is State.STARTING, trade=False)
    assert "some may be missing" in trades.detail
    assert feed.status.state is State.LIVE
    assert not feed.status.gaps_by_reason
    await one.step_until(lambda: trades.state is State.LIVE)


async def test_trades_that_said_nothing_while_the_book_was_silent_are_doubted(one: Rig) -> None:
    feed, depth = one.feeds[A], one.feeds[A].tracks[Stream.DEPTH]
    await _step(one, lambda: depth.last_ns > feed.tracks[Stream.TRADES].last_ns, trade=False)
    heard_ns = feed.status.received_ns
    depth.fail(Fault("audit", "It was silent.", stale=True))
    await _step(one, lambda: feed.status.state is State.LIVE and not depth.in_gap, trade=False)
    (gap,) = (g for g in feed.status.new_gaps if g.stream is Stream.TRADES)
    assert gap.reason == "audit"
    assert gap.from_ns >= heard_ns
    assert not feed.tracks[Stream.TRADES].in_gap


async def test_trades_that_go_on_while_the_book_is_silent_are_not(one: Rig) -> None:
    feed, depth = one.feeds[A], one.feeds[A].tracks[Stream.DEPTH]
    one.server.mute = {"depth@100ms"}
    await one.step_until(lambda: depth.state is State.STALE)
    one.server.mute = set()
    await one.step_until(lambda: feed.status.state is State.LIVE and not depth.in_gap)
    assert {g.stream for g in feed.status.new_gaps} == {Stream.DEPTH}


def _printed(*times_ms: int | None) -> list[dict[str, int | None]]:
    return [{"timestamp": time} for time in times_ms]


def test_a_list_is_newer_by_the_venues_own_clock_and_by_more_than_it_rounds() -> None:
    prints = Prints()
    prints.begin(1)
    assert prints.compare(5_000) is Verdict.FIRST  # what later ones are held against
    assert prints.compare(5_000) is Verdict.WHOLE
    assert prints.compare(6_000) is Verdict.UNSURE
    assert prints.compare(6_001) is Verdict.MISSED
    prints.told(_printed(9_000, 8_000), 2)
    assert prints.compare(9_000) is Verdict.WHOLE
    assert prints.compare(10_001) is Verdict.MISSED
    prints.begin(3)  # subscribed anew: nothing that was told before says anything of it
    assert prints.compare(50_000) is Verdict.FIRST
    prints.told(_printed(None), 4)
    assert prints.compare(1) is Verdict.FIRST
    assert newest_ms([]) == 0
    assert newest_ms(_printed(None)) is None


def test_a_trade_that_came_before_its_confirmation_is_not_forgotten_by_it() -> None:
    prints = Prints()
    prints.told(_printed(9_000), 5)
    prints.begin(5)
    assert prints.compare(10_001) is Verdict.MISSED
