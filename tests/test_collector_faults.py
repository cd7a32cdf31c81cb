"""What one venue or the store refuses costs the other markets nothing, and is told."""

import pytest

from app.clock import SystemClock
from app.collector import market_task
from app.errors import InputError, StoreFullError
from app.market import MarketId
from app.records import Fidelity, State
from app.settings import Settings
from app.store import open_store
from tests.recorded_path import collecting
from tests.venues.binance_protocol import settings_for
from tests.venues.bitbank import BitbankVenue
from tests.venues.rig import until
from tests.venues.scripted import ScriptedVenue

AAA = MarketId("loop", "AAA/USDT")
AAB = MarketId("loop", "AAB/USDT")
NO_BOOK = {"exchange": "mudrex"}  # whose book ccxt can neither stream nor ask for


class Refusing:
    """A store that refuses, while it is told to, to take over a market or to append."""

    def __init__(self, store):
        self._store = store
        self.full = False
        self.refusals = 0
        self.not_before = {}  # market → refusals before it is taken

    def __getattr__(self, name):
        return getattr(self._store, name)

    def _refuse(self):
        self.refusals += 1
        raise StoreFullError("The disk is full.")

    def acquire(self, market, ttl_s):
        if self.not_before.get(market, 0) > self.refusals:
            self._refuse()
        return self._store.acquire(market, ttl_s)

    def append(self, market, batches):
        if self.full:
            self._refuse()
        return self._store.append(market, batches)


@pytest.fixture
def store(tmp_path):
    opened = open_store(f"sqlite:///{tmp_path}", clock=SystemClock())
    yield Refusing(opened)
    opened.close()


def rows_of(store, market):
    return store.window(market, "row", 0, 2**62)


async def test_a_venue_without_a_book_does_not_keep_others_from_being_collected(store):
    server = ScriptedVenue(1)
    await server.start()
    venues = {"loop": settings_for(server.port), "none": NO_BOOK}
    settings = Settings.model_validate({"venues": venues})
    try:
        wanted = [MarketId("none", "BTC/USD"), AAA]
        async with collecting(settings, store, SystemClock(), wanted):
            await until(lambda: len(rows_of(store, AAA)), "rows of the other venue")
    finally:
        await server.stop()


async def test_only_venues_without_a_book_end_the_collector_with_the_reason(store):
    settings = Settings.model_validate({"venues": {"none": NO_BOOK}})
    with pytest.raises(InputError, match="neither as a stream nor by request"):
        async with collecting(settings, store, SystemClock(), [MarketId("none", "BTC/USD")]):
            pass


async def test_a_venue_that_cannot_be_streamed_is_collected_by_asking_it(store):
    server = BitbankVenue(1)
    await server.start()
    settings = Settings.model_validate({"venues": {"loop": server.settings()}})

    def status():
        batch = store.read_since(AAA, {"status": 0}).batches.get("status")
        return None if batch is None else batch[-1]

    try:
        async with collecting(settings, store, SystemClock(), [AAA]):
            await until(lambda: len(rows_of(store, AAA)), "rows of what was asked for")
            await until(lambda: status()["state"] == State.LIVE, "a live market")
        assert status()["fidelity_depth"] == Fidelity.SAMPLED
        assert server.times("aaa_usdt/depth")
    finally:
        await server.stop()


async def test_a_market_that_the_store_refuses_is_tried_again_beside_the_others(store):
    server = ScriptedVenue(2)
    await server.start()
    store.not_before[AAB] = 1
    settings = Settings.model_validate({"venues": {"loop": settings_for(server.port)}})
    try:
        async with collecting(settings, store, SystemClock(), [AAA, AAB]):
            await until(lambda: len(rows_of(store, AAA)), "rows of the market that was taken")
            await until(lambda: len(rows_of(store, AAB)), "rows of the one that was refused")
        assert store.refusals == 1
    finally:
        await server.stop()


async def test_what_a_refusing_store_made_us_give_up_is_one_gap_of_each_stream(store, monkeypatch):
    monkeypatch.setattr(market_task, "KEEP_APPENDS", 2)
    server = ScriptedVenue(1)
    await server.start()
    settings = Settings.model_validate({"venues": {"loop": settings_for(server.port)}})

    def gaps():
        return store.window(AAA, "gap", 0, 2**62)

    try:
        async with collecting(settings, store, SystemClock(), [AAA]):
            await until(lambda: len(rows_of(store, AAA)), "rows before")
            store.full = True
            lost = server.books["AAAUSDT"].last_id
            await until(lambda: store.refusals > 5, "refusals")
            last_before = rows_of(store, AAA)["end_ns"][-1]
            await server.step("AAAUSDT")
            await server.barrier()
            now = store.refusals
            await until(lambda: store.refusals > now + 2, "the update is given up")
            store.full = False
            await until(lambda: len(gaps()), "the gap")
            await server.step("AAAUSDT")
            await until(lambda: rows_of(store, AAA)["end_ns"][-1] > last_before, "rows after")
        told = gaps()
        assert server.books["AAAUSDT"].last_id > lost
        assert sorted(told["stream"].tolist()) == [0, 1, 2]
        assert set(told["reason"].tolist()) == {b"store"}
        assert (told["from_ns"] >= last_before).all()
        after = rows_of(store, AAA)
        first_after = after["end_ns"][after["end_ns"] > last_before][0]
        assert (told["to_ns"] <= first_after).all()
    finally:
        await server.stop()
