import asyncio
import json
import time
from collections import Counter

import aiohttp
import pytest
from aiohttp import WSMsgType

from app.demo.faults import KINDS, Fault, Schedule
from app.errors import InputError
from tests.demo_venue import client, demo, get, post, socket, until

DEPTH = "btcusdt@depth@100ms"


async def arrived(connection):
    frames = []
    while True:
        try:
            frames.append(await connection.receive(timeout=0.15))
        except TimeoutError:
            return frames
        if frames[-1].type is not WSMsgType.TEXT:
            return frames


async def updates(exchange, connection, count=5):
    """Some depth updates, as they came over the wire."""
    for _ in range(count):
        exchange.advance(0.1)
    return [frame.data for frame in await arrived(connection)]


async def test_drop_leaves_a_hole_of_exactly_one_update():
    async with demo() as exchange, socket(exchange, DEPTH) as connection:
        (first,) = [json.loads(d) for d in await updates(exchange, connection, 1)]
        done = await post(exchange, "/demo/fault", {"kind": "drop", "symbol": "BTC/USDT"})
        assert done["symbol"] == "BTCUSDT"
        rest = [json.loads(d) for d in await updates(exchange, connection, 4)]
        assert len(rest) == 3
        assert rest[0]["U"] > first["u"] + 1
        assert rest[1]["U"] == rest[0]["u"] + 1
        (listed,) = await get(exchange, "/demo/faults")
        assert listed["done"] == 1


async def test_duplicate_sends_the_same_bytes_again():
    async with demo() as exchange, socket(exchange, DEPTH) as connection:
        exchange.fault(Fault("duplicate"))
        data = await updates(exchange, connection, 3)
        assert Counter(Counter(data).values()) == {2: 1, 1: 2}


@pytest.mark.parametrize("kind", ["malformed", "truncated"])
async def test_malformed_is_no_json(kind):
    async with demo() as exchange, socket(exchange, DEPTH) as connection:
        exchange.fault(Fault(kind))
        data = await updates(exchange, connection, 2)
        with pytest.raises(json.JSONDecodeError):
            json.loads(data[0])
        assert json.loads(data[1])["e"] == "depthUpdate"


async def test_crossed_has_a_bid_above_the_best_ask_in_an_unbroken_chain():
    async with demo() as exchange, socket(exchange, DEPTH) as connection:
        exchange.fault(Fault("crossed"))
        a, b = (json.loads(d) for d in await updates(exchange, connection, 2))
        quote = exchange.publisher("demo", "BTCUSDT").town.flow.quote
        assert float(a["b"][0][0]) > quote.ask * 0.01
        assert b["U"] == a["u"] + 1


@pytest.mark.parametrize(("stream", "name"), [("depth", DEPTH), ("best", "btcusdt@bookTicker")])
async def test_non_finite_sizes(stream, name):
    async with demo() as exchange, socket(exchange, name) as connection:
        exchange.fault(Fault("non_finite", stream=stream))
        data = await updates(exchange, connection, 20)
        assert [d for d in data if '"NaN"' in d] == data[:1]


async def test_a_fault_concerns_its_market_only():
    async with demo() as exchange, socket(exchange, DEPTH, "ethusdt@depth@100ms") as connection:
        exchange.fault(Fault("drop", "demo", "ETHUSDT", count=100))
        exchange.fault(Fault("drop", "demo2", "BTCUSDT", count=100))
        symbols = {json.loads(d)["s"] for d in await updates(exchange, connection)}
        assert symbols == {"BTCUSDT"}


async def test_stall_is_silence_on_an_open_connection():
    async with demo(speed=1.0) as exchange, socket(exchange, DEPTH) as connection:
        assert (await connection.receive(timeout=5)).type is WSMsgType.TEXT
        exchange.fault(Fault("stall", "demo", "BTCUSDT", seconds=0.8))
        start = time.monotonic()
        await arrived(connection)
        before = json.loads((await connection.receive(timeout=5)).data)
        assert 0.5 < time.monotonic() - start < 3.0
        after = json.loads((await connection.receive(timeout=5)).data)
        assert after["U"] == before["u"] + 1
        assert not connection.closed


async def test_disconnect_says_goodbye_and_reset_does_not():
    async with demo() as exchange:
        async with socket(exchange, DEPTH) as connection:
            done = await post(exchange, "/demo/fault", {"kind": "disconnect"})
            assert done["done"] == 1
            frame = await connection.receive(timeout=5)
            assert frame.type is WSMsgType.CLOSE
            assert frame.data == 1001
        async with socket(exchange, DEPTH) as connection:
            exchange.fault(Fault("reset"))
            frame = await connection.receive(timeout=5)
            assert frame.type is not WSMsgType.TEXT
            assert frame.data != 1001
        await until(lambda: not exchange.connections)


async def test_disconnect_spares_other_markets():
    async with demo() as exchange, socket(exchange, "ethusdt@trade") as connection:
        exchange.fault(Fault("disconnect", "demo", "BTCUSDT"))
        exchange.fault(Fault("disconnect", "demo2"))
        assert await arrived(connection) == []
        assert exchange.faults.history[0].done == 0


async def test_a_refused_subscription_is_an_error_once():
    async with demo() as exchange, socket(exchange) as connection:
        exchange.fault(Fault("refuse"))
        for expected in ("error", "result"):
            await connection.send_json({"method": "SUBSCRIBE", "params": [DEPTH], "id": 7})
            answer = await connection.receive_json(timeout=5)
            assert expected in answer
            assert answer["id"] == 7


@pytest.mark.parametrize("kind", ["429", "418", "503"])
async def test_refused_snapshots_carry_retry_after(kind):
    async with demo() as exchange, aiohttp.ClientSession() as session:
        exchange.fault(Fault(kind, symbol="BTCUSDT", count=2, seconds=7))
        url = f"http://127.0.0.1:{exchange.port}/demo/api/v3/depth?symbol="
        for status in (int(kind), int(kind), 200):
            async with session.get(url + "ETHUSDT") as answer:
                assert answer.status == 200
            async with session.get(url + "BTCUSDT") as answer:
                assert answer.status == status
                assert answer.headers.get("Retry-After") == (None if status == 200 else "7")


async def test_a_bad_snapshot_is_broken_json_with_status_200():
    async with demo() as exchange, aiohttp.ClientSession() as session:
        exchange.fault(Fault("bad_snapshot"))
        url = f"http://127.0.0.1:{exchange.port}/demo/api/v3/depth?symbol=BTCUSDT"
        async with session.get(url) as answer:
            assert answer.status == 200
            with pytest.raises(json.JSONDecodeError):
                json.loads(await answer.text())


async def test_plain_ccxt_recovers_from_a_drop_to_the_engines_book():
    """What a client must do after a hole, done by hand: the next call fetches a new snapshot."""
    async with demo() as exchange, client(exchange) as ccxt:

        async def watch():
            while True:
                try:
                    await ccxt.watch_order_book("BTC/USDT")
                except Exception as error:
                    errors.append(error)

        errors = []
        task = asyncio.create_task(watch())
        try:
            await until(lambda: "BTC/USDT" in ccxt.orderbooks, step=lambda: exchange.advance(0.1))
            await until(
                lambda: ccxt.orderbooks["BTC/USDT"]["nonce"], step=lambda: exchange.advance(0.1)
            )
            exchange.fault(Fault("drop", symbol="BTCUSDT"))
            await until(lambda: errors, step=lambda: exchange.advance(0.1))
            engine = exchange.publisher("demo", "BTCUSDT").town.flow.engine

            def equal():
                book = ccxt.orderbooks.get("BTC/USDT")
                return book is not None and book["nonce"] == engine.update_id

            await until(equal, step=lambda: exchange.advance(0.1))
            book = ccxt.orderbooks["BTC/USDT"]
            assert [
                (round(p * 100), round(q * 1e5)) for p, q in book["bids"]
            ] == engine.bids.depth()
            assert "orderbook" in str(errors[0]).lower() or "checksum" in str(errors[0]).lower()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def test_the_schedule_shows_every_kind_and_is_a_matter_of_the_seed():
    markets = [("demo", "BTCUSDT"), ("demo2", "ETHUSDT")]
    first, again = Schedule(1, markets), Schedule(1, markets)
    faults = [first.next() for _ in range(40)]
    assert faults == [again.next() for _ in range(40)]
    assert [f.kind for f in faults[: len(KINDS)]] == list(KINDS)
    assert {(f.venue, f.symbol) for f in faults} == set(markets)


async def test_scheduled_faults_happen():
    async with demo(speed=1.0, faults_every_s=0.05) as exchange:
        await until(lambda: len(exchange.faults.history) >= 5)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"kind": "explode"}, "There is no fault 'explode'"),
        ({}, '"kind"'),
        ([], "object"),
        ({"kind": "drop", "sybmol": "BTC/USDT"}, "no 'sybmol'"),
        ({"kind": "drop", "stream": "x"}, "no stream 'x'"),
        ({"kind": "drop", "count": 0}, "'count' was 0"),
        ({"kind": "stall", "seconds": 1e9}, "'seconds'"),
        ({"kind": "drop", "count": True}, "'count' was True"),
    ],
)
async def test_wrong_faults_are_refused_with_a_sentence(body, message):
    with pytest.raises(InputError) as error:
        Fault.parse(body)
    assert message in str(error.value)
    async with demo() as exchange:
        answer = await post(exchange, "/demo/fault", body, status=400)
        assert message in answer["error"]


async def test_a_form_of_a_foreign_page_cannot_command():
    async with demo() as exchange, aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{exchange.port}/demo/fault"
        async with session.post(url, data='{"kind": "reset"}') as answer:
            assert answer.status == 400
        assert not exchange.faults.history
