"""The collector over loopback venues: what the store holds is what the venue sent."""

import asyncio
from contextlib import asynccontextmanager

import orjson
import pytest

from app.clock import SystemClock
from app.collector import Collector
from app.errors import InputError
from app.feeds.ring import Ring
from app.market import MarketId
from app.records import ROW_NS
from app.settings import Settings
from app.store import open_store
from tests.recorded_path import collecting
from tests.venues.binance_protocol import settings_for
from tests.venues.kraken import KrakenVenue
from tests.venues.rig import until
from tests.venues.scripted import Refusal, ScriptedVenue

AAA = MarketId("loop", "AAA/USDT")
AAB = MarketId("loop", "AAB/USDT")
QUICK = {"stale_after_s": 1.0, "backoff_s": 0.05, "backoff_max_s": 0.4, "open_timeout_s": 4.0}


@asynccontextmanager
async def collected(tmp_path, server, venue, *markets):
    """A collector on a started server; yields the store."""
    clock = SystemClock()
    await server.start()
    settings = Settings.model_validate({"feed": QUICK, "venues": {"loop": venue()}})
    store = open_store(f"sqlite:///{tmp_path}", clock=clock)
    try:
        async with collecting(settings, store, clock, markets) as collector:
            await until(lambda: len(collector._tasks) == len(markets), "the markets")
            yield store, collector
    finally:
        store.close()
        await server.stop()


def rows_of(store, market=AAA):
    return store.window(market, "row", 0, 2**62)


async def settle(store, market, count, what):
    """Wait until the store's rows count as many depth states as the venue sent."""
    await until(lambda: rows_of(store, market)["states_depth"].sum() >= count, what)
    await asyncio.sleep(2 * ROW_NS / 1e9)


async def test_the_published_book_is_the_venues_exactly(tmp_path):
    server = ScriptedVenue(2)
    async with collected(tmp_path, server, lambda: settings_for(server.port), AAA, AAB) as (
        store,
        _,
    ):
        await until(lambda: len(rows_of(store)) and len(rows_of(store, AAB)), "first rows")
        for _ in range(50):
            await server.step("AAAUSDT", trade=True)
        await server.barrier()
        wanted = server.books["AAAUSDT"]

        def same():
            books = store.read_since(AAA, {"book": 0}).batches.get("book")
            return books is not None and int(books[-1]["update_id"]) == wanted.last_id

        await until(same, "the last book")
        book = store.read_since(AAA, {"book": 0}).batches["book"][-1]
        for side, levels in zip(("bid", "ask"), wanted.top(200), strict=True):
            n = int(book[f"{side}s"])
            pairs = zip(book[f"{side}_price"][:n], book[f"{side}_size"][:n], strict=True)
            assert [(int(p), int(q)) for p, q in pairs] == levels
        rows = rows_of(store)
        assert rows["trades"].sum() == 50
        parts = rows["added_bid"] - rows["removed_bid"] - rows["added_ask"] + rows["removed_ask"]
        assert (parts == rows["ofi_best"]).all()


async def test_without_a_best_stream_level_one_of_depth_is_best_and_shares_its_gaps(tmp_path):
    server = KrakenVenue()
    market = MarketId("loop", "AAA/USD")
    async with collected(tmp_path, server, server.settings, market) as (store, _):
        await until(lambda: len(rows_of(store, market)), "the snapshot")
        for _ in range(40):
            await server.step()
        await settle(store, market, 41, "all states")
        rows = rows_of(store, market)
        assert (rows["states_best"] == rows["states_depth"]).all()
        assert (rows["ofi_best"] == rows["ofi"][:, 0]).all()
        assert rows["ofi_best"].any()
        await server.close()
        await until(lambda: len(store.window(market, "gap", 0, 2**62)) >= 2, "the gaps", 20)
        gaps = store.window(market, "gap", 0, 2**62)
        best, depth = (gaps[gaps["stream"] == s] for s in (0, 1))
        assert best["from_ns"].tolist() == depth["from_ns"].tolist()
        assert best["to_ns"].tolist() == depth["to_ns"].tolist()


async def test_a_finer_price_refines_the_grid_and_begins_anew(tmp_path):
    server = ScriptedVenue(1)
    async with collected(tmp_path, server, lambda: settings_for(server.port), AAA) as (store, _):
        await until(lambda: len(rows_of(store)), "first rows")
        for _ in range(5):
            await server.step("AAAUSDT")
        book = server.books["AAAUSDT"]
        quote = book.quote() | {"b": "99.12345000"}
        await server.publish("aaausdt@bookTicker", orjson.dumps(quote).decode())
        await until(lambda: str(store.markets()[AAA].grid.tick) == "0.00001", "the finer grid")
        for _ in range(5):
            await server.step("AAAUSDT")
        await until(
            lambda: len(rows_of(store)) and rows_of(store)["bid"][-1] > 5_000_000, "finer rows"
        )
        assert (rows_of(store)["bid"] > 5_000_000).all()
        await until(
            lambda: b"grid changed" in store.window(AAA, "gap", 0, 2**62)["reason"], "the gap"
        )


async def test_a_full_ring_is_a_gap_and_never_a_wrong_difference(tmp_path):
    server, clock = ScriptedVenue(1), SystemClock()
    await server.start()
    settings = Settings.model_validate(
        {"feed": QUICK, "venues": {"loop": settings_for(server.port)}}
    )
    store = open_store(f"sqlite:///{tmp_path}", clock=clock)
    collector = Collector(settings, store, clock, Ring(capacity=16, trade_capacity=16))
    task = asyncio.create_task(collector.run([AAA]))
    try:
        await until(lambda: AAA in store.markets() and len(rows_of(store)), "first rows")
        for _ in range(200):
            await server.step("AAAUSDT")
        await server.barrier()
        gaps = lambda: store.window(AAA, "gap", 0, 2**62)  # noqa: E731
        for _ in range(200):
            if b"ring full" in gaps()["reason"]:
                break
            await server.step("AAAUSDT")
            await asyncio.sleep(0.01)
        assert b"ring full" in gaps()["reason"]
        rows = rows_of(store)
        lost = gaps()[gaps()["reason"] == b"ring full"]
        assert rows["states_depth"].sum() < 200 + 200
        assert (lost["to_ns"] > lost["from_ns"]).all()
    finally:
        collector.stop.set()
        await asyncio.wait_for(task, 20)
        store.close()
        await server.stop()


async def test_a_second_collector_is_told_who_has_the_market(tmp_path):
    server = ScriptedVenue(1)
    async with collected(tmp_path, server, lambda: settings_for(server.port), AAA):
        settings = Settings.model_validate({"venues": {"loop": settings_for(server.port)}})
        clock = SystemClock()
        other = open_store(f"sqlite:///{tmp_path}", clock=clock)
        with pytest.raises(InputError, match="loop:AAA/USDT"):
            async with collecting(settings, other, clock, [AAA]) as collector:
                await asyncio.wait_for(collector.stop.wait(), 10)
        other.close()


async def test_a_viewers_wish_is_collected_and_an_impossible_one_harms_nobody(tmp_path):
    server = ScriptedVenue(2)
    async with collected(tmp_path, server, lambda: settings_for(server.port), AAA) as (store, c):
        offered = [listing.id for listing in store.catalogue("usdt", 10)]
        assert offered == [AAA, AAB]
        store.request(MarketId("loop", "NONE/USDT"), 30.0)
        store.request(MarketId("other", "AAB/USDT"), 30.0)
        store.request(AAB, 30.0)
        await until(lambda: AAB in store.markets() and len(rows_of(store, AAB)), "the wish")
        assert {task.market.id for task in c._tasks.values()} == {AAA, AAB}
        before = rows_of(store)["states_depth"].sum()
        await server.step("AAAUSDT")
        await until(lambda: rows_of(store)["states_depth"].sum() > before, "the named market")


async def test_what_nobody_asks_for_any_more_ends_and_others_go_on(tmp_path):
    server = ScriptedVenue(2)
    async with collected(tmp_path, server, lambda: settings_for(server.port), AAA) as (store, c):

        def wished():
            store.request(AAB, 1.5)
            return AAB in store.markets() and len(rows_of(store, AAB))

        await until(wished, "the wish")
        index = next(i for i, task in c._tasks.items() if task.market.id == AAB)
        followed = [clock._last for clock in c._roster._clocks["loop"]._clocks.values()]
        async with asyncio.timeout(10.0):
            while not any(len(markets) == 2 for markets in followed):
                store.request(AAB, 1.5)
                await server.step("AAAUSDT")
                await server.step("AABUSDT")
                await asyncio.sleep(0.02)
        await until(lambda: {task.market.id for task in c._tasks.values()} == {AAA}, "its end")
        assert all(
            len(markets) <= 1 for markets in followed
        )  # nothing is kept of who came and went
        await until(lambda: not server.of("AABUSDT"), "its connection closes")
        before = rows_of(store)["states_depth"].sum()
        await server.step("AAAUSDT")
        await until(lambda: rows_of(store)["states_depth"].sum() > before, "the named market")
        assert not len(store.window(AAA, "gap", 0, 2**62))
        had = len(rows_of(store, AAB))
        server.books["AABUSDT"].step()
        store.request(AAB, 30.0)
        await until(lambda: len(rows_of(store, AAB)) > had, "it is collected again")
        assert next(i for i, task in c._tasks.items() if task.market.id == AAB) == index
        await until(lambda: len(store.window(AAB, "gap", 0, 2**62)), "the time between")
        gaps = store.window(AAB, "gap", 0, 2**62)
        assert set(gaps["reason"].tolist()) == {b"start"}
        rows = rows_of(store, AAB)
        assert (rows["ofi_best"][had] == 0).all()  # nothing is differenced across the pause


async def test_one_market_under_two_names_is_collected_once(tmp_path):
    server, clock = ScriptedVenue(2), SystemClock()
    await server.start()
    venue = settings_for(server.port)
    settings = Settings.model_validate({"feed": QUICK, "venues": {"loop": venue, "twin": venue}})
    store = open_store(f"sqlite:///{tmp_path}", clock=clock)
    twin, twin_b = MarketId("twin", "AAA/USDT"), MarketId("twin", "AAB/USDT")
    try:
        async with collecting(settings, store, clock, [AAA, twin, AAA, twin_b]) as collector:
            found = lambda: {task.market.id for task in collector._tasks.values()}  # noqa: E731
            await until(lambda: len(found()) == 2 and collector._roster.faults, "both markets")
            first = next(m for m in found() if m.symbol == "AAA/USDT")
            other = AAA if first == twin else twin
            assert found() == {first, twin_b}
            assert collector._roster.faults == [
                f"{other} is the same market as {first}, which is collected already: "
                f"look at {first}."
            ]
            store.request(AAB, 30.0)
            await until(lambda: store.answered(AAB), "the answer")
            assert "same market as twin:AAB/USDT" in store.answered(AAB)
    finally:
        store.close()
        await server.stop()


async def test_a_ban_is_remembered_over_a_restart(tmp_path):
    server, clock = ScriptedVenue(1), SystemClock()
    await server.start()
    server.refusals["AAAUSDT"].append(Refusal(418, headers=(("Retry-After", "3"),)))
    settings = Settings.model_validate(
        {"feed": QUICK, "venues": {"loop": settings_for(server.port)}}
    )
    url = f"sqlite:///{tmp_path}"
    first = open_store(url, clock=clock)
    async with collecting(settings, first, clock, [AAA]):
        await until(lambda: first.barred_until_ns("loop"), "the ban is written down")
    until_ns = first.barred_until_ns("loop")
    first.close()
    asked = server.depth_requests, server.sockets
    second = open_store(url, clock=clock)
    try:
        async with collecting(settings, second, clock, [AAA]):
            now = lambda: (server.depth_requests, server.sockets)  # noqa: E731
            ends = until_ns - 10**8
            await until(lambda: now() != asked or clock.now_ns() > ends, "the ban ends", 20)
            assert clock.now_ns() > ends, "it was asked during the ban"
            await until(lambda: len(rows_of(second)), "rows after the ban", 20)
    finally:
        second.close()
        await server.stop()
