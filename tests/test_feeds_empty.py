"""A quiet market has an empty book: no fault where the venue's own snapshot says so."""

from typing import Any

import numpy as np

from app.clock import SystemClock
from app.feeds.emptiness import Emptiness
from app.feeds.rules.base import Update
from app.market import MarketId
from app.records import NO_ASK, NO_BID, State
from app.settings import Settings
from app.store import open_store
from tests.recorded_path import collecting
from tests.venues.binance_protocol import settings_for
from tests.venues.books import Book, formats
from tests.venues.direct import Direct, direct
from tests.venues.rig import rig, until
from tests.venues.scripted import Refusal, ScriptedVenue

A = "AAAUSDT"
ANSWER: dict[str, Any] = {"nonce": 7, "timestamp": None}
UNREAD: dict[str, Any] = {"nonce": None, "timestamp": None}


def test_a_market_that_begins_empty_is_believed() -> None:
    assert Emptiness().believes(ANSWER, True, None)
    assert Emptiness().believes(UNREAD, True, Update("x", whole=True))


def test_what_could_not_be_read_is_never_believed() -> None:
    emptiness = Emptiness()
    assert not any(emptiness.believes(UNREAD, True, None) for _ in range(5))


def test_levels_that_vanish_are_a_fault_until_a_snapshot_confirms_it() -> None:
    for fresh in (False, True):
        emptiness = Emptiness()
        emptiness.ended(40)
        assert not emptiness.believes(ANSWER, fresh, None)
        assert emptiness.believes(ANSWER, True, None)
        assert emptiness.present
        assert emptiness.believes(ANSWER, False, None)  # another change of nothing


def test_a_thin_book_may_come_and_go_once_the_venue_has_confirmed_it() -> None:
    emptiness = Emptiness()
    assert emptiness.believes(ANSWER, True, None)
    emptiness.ended(2)
    assert not emptiness.present
    assert emptiness.believes(ANSWER, False, None)
    emptiness.ended(3)
    assert not emptiness.believes(ANSWER, False, None)


async def _subscribed(made: Direct) -> None:
    await made.turn(lambda: made.wires and made.wires[-1].sent)


async def test_a_quiet_option_is_live_with_an_empty_book() -> None:
    form = formats()["deribit"]
    book, nothing = Book(), {"bids": [], "asks": []}
    assert form.whole is not None
    async with direct(form.exchange_id, [form.market]) as made:
        await _subscribed(made)
        asked = len(made.sent)
        empty = form.whole(book)
        empty["params"]["data"] |= nothing
        made.push(empty)
        feed = made.feeds[form.symbol]
        assert feed.status.state is State.LIVE
        assert made.top(form.symbol) == ([], [])
        made.push(form.change(book, book.apply({"90.00": "1.0000"}, {"110.00": "2.0000"})))
        assert made.top(form.symbol) == ([(90.0, 1.0)], [(110.0, 2.0)])
        made.push(form.change(book, book.apply({"90.00": "0"}, {"110.00": "0"})))
        assert made.top(form.symbol) == ([], [])
        assert feed.status.state is State.LIVE
        assert not feed.status.rejected
        assert not feed.status.gaps_by_reason
        assert len(made.sent) == asked  # nothing was subscribed again
        states = made.ring.depth.take()
        assert states.bids.tolist() == [0, 1, 0]
        assert set(states.epoch.tolist()) == {1}


async def test_withdrawn_orders_are_asked_after_once_and_then_believed() -> None:
    async with rig(2) as r:
        await r.live()
        await r.server.barrier()
        status, before = r.feeds[A].status, r.server.depth_requests
        r.ring.best.take()
        await r.server.withdrawn(A)
        await until(lambda: status.rejected["empty"], "the doubt")
        # The stream's next update is what ccxt fetches the snapshot at.
        book = r.server.books[A]

        async def quiet() -> None:
            book.last_id += 1
            await r.server._send(
                A, "depth@100ms", book.update(book.last_id, book.last_id, {1: 0}, {})
            )

        def believed() -> bool:
            view = r.feeds[A].book()
            return view is not None and not view.bids and not view.asks

        for _ in range(200):
            if believed():
                break
            await quiet()
            await r.server.barrier()
        assert believed()
        assert status.state is State.LIVE
        assert status.rejected == {"empty": 1}
        assert r.server.depth_requests == before + 1
        best = r.ring.best.take()
        mine = np.flatnonzero(best.market == 0)
        assert (best.bids[mine[-1]], best.asks[mine[-1]]) == (0, 0)
        await r.server.offered(A)
        await r.server.barrier()
        view = r.feeds[A].book()
        assert view is not None
        assert (len(view.bids), len(view.asks)) == (1, 1)
        assert not r.feeds["AABUSDT"].status.rejected


async def test_an_answer_that_cannot_be_read_stays_a_fault_at_the_start() -> None:
    server = ScriptedVenue(1)
    server.refusals[A].append(Refusal(200, "{}"))
    async with rig(server=server) as r:
        await r.live()
        assert r.feeds[A].status.rejected == {"snapshot": 1}
        await r.assert_true_book(A)


async def test_the_mid_of_a_market_that_is_empty_is_blank_and_the_market_live(tmp_path) -> None:
    server = ScriptedVenue(1)
    for side in (server.books[A].bids, server.books[A].asks):
        side.clear()
    await server.start()
    market = MarketId("loop", "AAA/USDT")
    settings = Settings.model_validate({"venues": {"loop": settings_for(server.port)}})
    store = open_store(f"sqlite:///{tmp_path}", clock=SystemClock())

    def summary() -> Any:
        batch = store.read_since(market, {"summary": 0}).batches.get("summary")
        return None if batch is None else batch[-1]

    def shown(state: State, has_quotes: bool) -> bool:
        last = summary()
        return (
            last is not None
            and last["state"] == state
            and (bool(last["bid"] > NO_BID), bool(last["ask"] < NO_ASK)) == (has_quotes,) * 2
        )

    book = server.books[A]

    async def quiet() -> None:
        book.last_id += 1
        await server._send(A, "depth@100ms", book.update(book.last_id, book.last_id, {1: 0}, {}))

    try:
        async with collecting(settings, store, SystemClock(), [market]) as collector:
            await until(lambda: server.of(A), "a subscription")
            feeds = collector._tasks
            await until(lambda: feeds, "the market")
            while not feeds[0].feed.status.states_depth:
                await quiet()
                await server.barrier()
            await until(lambda: shown(State.LIVE, False), "live without quotes")
            await server.offered(A)
            await until(lambda: shown(State.LIVE, True), "quotes")
            await server.withdrawn(A)
            await until(lambda: shown(State.LIVE, False), "blank again")
            assert not feeds[0].feed.status.rejected
    finally:
        store.close()
        await server.stop()
