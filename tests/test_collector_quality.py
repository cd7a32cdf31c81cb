"""States, latencies, incidents and wishes of a collector over loopback venues."""

import asyncio
from contextlib import asynccontextmanager

from app.clock import NS_PER_S, SystemClock
from app.market import MarketId
from app.records import State, Stream
from app.settings import Settings
from app.store import control, open_store
from app.web.watch import summary_json
from tests.recorded_path import collecting
from tests.venues.binance_protocol import settings_for
from tests.venues.rig import until
from tests.venues.scripted import ScriptedVenue

AAA = MarketId("loop", "AAA/USDT")
PATIENT = {"stale_after_s": 10.0, "backoff_s": 60.0, "backoff_max_s": 60.0, "open_timeout_s": 4.0}
QUICK = PATIENT | {"backoff_s": 0.05, "backoff_max_s": 0.4}
HOUR_MS = 3_600_000


@asynccontextmanager
async def stored(tmp_path):
    store = open_store(f"sqlite:///{tmp_path}", clock=SystemClock())
    try:
        yield store
    finally:
        store.close()


def settings(port, feed):
    return Settings.model_validate({"feed": feed, "venues": {"loop": settings_for(port)}})


def latest(store, kind):
    batch = store.read_since(AAA, {kind: 0}).batches.get(kind)
    return None if batch is None else batch[-1]


def state_is(store, state):
    def check():
        status = latest(store, "status")
        return status is not None and status["state"] == state

    return check


def incidents(store):
    record = latest(store, "incidents")
    return [] if record is None else record["list"][: record["count"]]


async def live(server, store, also=lambda: True):
    """Step the venue until the market is live with all its streams, and something else is so."""

    def ready():
        status = latest(store, "status")
        return status is not None and (status["stream_state"] == State.LIVE).all() and also()

    async def step():
        while True:
            await server.step("AAAUSDT", trade=True)
            await asyncio.sleep(0.02)

    stepping = asyncio.ensure_future(step())
    try:
        await until(ready, "all streams live", 20)
    finally:
        stepping.cancel()


async def test_a_venue_that_is_down_is_tried_at_a_viewers_wish(tmp_path):
    server = ScriptedVenue(1)
    await server.start()
    port = server.port
    await server.stop()
    async with (
        stored(tmp_path) as store,
        collecting(settings(port, PATIENT), store, SystemClock(), [AAA]),
    ):
        await until(state_is(store, State.DOWN), "the venue is down", 20)
        again = ScriptedVenue(1)
        await again.start(port)
        try:
            assert latest(store, "status")["next_try_ns"] > SystemClock().now_ns()
            assert store.hurry(AAA)
            await live(again, store)
        finally:
            await again.stop()


async def test_a_market_that_lost_its_venue_is_tried_at_a_wish_and_tells_the_incident(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(control, "HURRY_NS", 0)
    server = ScriptedVenue(1)
    await server.start()
    port = server.port
    async with stored(tmp_path) as store:
        async with collecting(settings(port, PATIENT), store, SystemClock(), [AAA]):
            await live(server, store)
            assert len(incidents(store)) == 0
            await server.stop()
            await until(state_is(store, State.RESYNCING), "the loss", 20)
            assert store.hurry(AAA)
            await until(state_is(store, State.DOWN), "the failed attempt", 20)
            await until(lambda: len(incidents(store)), "the incident", 20)
            await until(lambda: incidents(store)[-1]["state"] == State.DOWN, "its gravity", 20)
            (one,) = incidents(store)
            assert one["to_ns"] == 0
            assert one["streams"] & 1 << Stream.DEPTH
            again = ScriptedVenue(1)
            await again.start(port)
            assert store.hurry(AAA)
            await live(again, store)
            await until(lambda: incidents(store)[-1]["to_ns"], "its end", 20)
        await again.stop()
        (one,) = incidents(store)
        assert one["reason"] == b"reconnect"
        assert 0 < one["to_ns"] - one["from_ns"] < 60 * NS_PER_S
        # The next collector goes on with the list, and tells of the time without one.
        second = ScriptedVenue(1)
        await second.start()
        try:
            async with collecting(settings(second.port, QUICK), store, SystemClock(), [AAA]):
                await live(second, store)
                await until(lambda: len(incidents(store)) == 2, "the restart", 20)
        finally:
            await second.stop()
        before, restart = incidents(store)
        assert before.tobytes() == one.tobytes()
        assert restart["reason"] == b"collector restarted"


async def test_a_venue_clock_off_by_an_hour_makes_no_latency_of_an_hour(tmp_path, monkeypatch):
    server = ScriptedVenue(1)
    real = server.books["AAAUSDT"].update

    def late(*args):
        message = real(*args)
        return message | {"E": message["E"] - HOUR_MS}

    monkeypatch.setattr(server.books["AAAUSDT"], "update", late)
    await server.start()
    async with stored(tmp_path) as store:
        try:
            async with collecting(settings(server.port, QUICK), store, SystemClock(), [AAA]):

                def judged():
                    return latest(store, "status")["stream_p50_ms"][Stream.DEPTH] >= 0

                await live(server, store, judged)
        finally:
            await server.stop()
        status = latest(store, "status")
        assert status["clock_off"]
        assert abs(status["clock_offset_ms"] + HOUR_MS) < 60_000
        assert 0 <= status["stream_p99_ms"][Stream.DEPTH] < 60_000


async def test_the_summary_of_a_market_that_is_not_there_is_blank(tmp_path):
    server = ScriptedVenue(1)
    await server.start()
    async with (
        stored(tmp_path) as store,
        collecting(settings(server.port, PATIENT), store, SystemClock(), [AAA]),
    ):

        def shown():
            record = store.read_since(AAA, {"summary": 0}).batches.get("summary")
            if record is None:
                return {}
            return summary_json(store.markets()[AAA], record[-1:], SystemClock().now_ns())

        await live(server, store, lambda: shown().get("mid"))
        await server.stop()
        await until(lambda: shown().get("state") == "resyncing", "the loss", 20)
        figures = {k: v for k, v in shown().items() if k in ("bid", "mid", "ofi", "vpin")}
        assert set(figures.values()) == {None}
