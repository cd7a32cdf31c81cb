"""The Deribit-speaking venue: its own frames, and ccxt's book from them."""

import asyncio
import contextlib
import itertools
import json

import aiohttp
import pytest

from tests.demo_venue import client, demo, get, until

VENUE, PERPETUAL = "demo-deribit", "BTC-PERPETUAL"
BOOK, TRADES, QUOTE = f"book.{PERPETUAL}.100ms", f"trades.{PERPETUAL}.100ms", f"quote.{PERPETUAL}"


@contextlib.asynccontextmanager
async def rpc(exchange):
    """A bare WebSocket; `call` sends a request, `frames` reads what has arrived."""
    url = f"http://127.0.0.1:{exchange.port}/{VENUE}/ws/api/v2"
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as connection:
        yield connection


async def call(connection, method, number=1, **params):
    await connection.send_json(
        {"jsonrpc": "2.0", "id": number, "method": f"public/{method}", "params": params}
    )
    return await connection.receive_json(timeout=5)


async def frames(connection):
    found = []
    while True:
        try:
            found.append(json.loads((await connection.receive(timeout=0.15)).data))
        except TimeoutError:
            return found


def rebuilt(messages):
    """The book that a client builds from the notifications, by side."""
    sides = {"bids": {}, "asks": {}}
    for message in messages:
        for name, book in sides.items():
            for action, price, amount in message["params"]["data"][name]:
                if action == "delete":
                    assert amount == 0
                    del book[price]  # only what was told is taken away
                else:
                    assert (action == "change") == (price in book)
                    book[price] = amount
    return sides


def true_book(exchange, symbol=PERPETUAL):
    flow = exchange.publisher(VENUE, symbol).town.flow
    grid = flow.spec.grid
    return [
        {float(grid.price(p)): float(grid.size(q)) for p, q in side.depth()}
        for side in (flow.engine.bids, flow.engine.asks)
    ]


async def test_a_book_opens_with_a_snapshot_and_its_changes_chain():
    async with demo() as exchange, rpc(exchange) as connection:
        answer = await call(connection, "subscribe", 7, channels=[BOOK])
        assert answer["id"] == 7
        assert answer["result"] == [BOOK]
        for _ in range(30):
            exchange.advance(0.1)
        messages = await frames(connection)
        data = [message["params"]["data"] for message in messages]
        assert {message["params"]["channel"] for message in messages} == {BOOK}
        assert [d["type"] for d in data] == ["snapshot", *["change"] * (len(data) - 1)]
        assert len(data) > 20
        assert "prev_change_id" not in data[0]
        for before, after in itertools.pairwise(data):
            assert after["prev_change_id"] == before["change_id"]
        assert list(rebuilt(messages).values()) == true_book(exchange)


async def test_a_second_client_joins_without_breaking_the_chain_of_the_first():
    async with demo() as exchange, rpc(exchange) as one, rpc(exchange) as two:
        await call(one, "subscribe", channels=[BOOK])
        exchange.advance(0.1)
        exchange.world.advance(exchange.world.time_s + 0.05)  # changes that nobody was told of
        await call(two, "subscribe", channels=[BOOK])
        exchange.advance(0.3)
        for connection in (one, two):
            messages = await frames(connection)
            data = [message["params"]["data"] for message in messages]
            for before, after in itertools.pairwise(data):
                assert after["prev_change_id"] == before["change_id"]
            assert list(rebuilt(messages).values()) == true_book(exchange)


async def test_trades_and_quotes():
    async with demo() as exchange, rpc(exchange) as connection:
        await call(connection, "subscribe", channels=[TRADES, QUOTE])
        for _ in range(100):
            exchange.advance(0.1)
        messages = await frames(connection)
        trades = [
            trade
            for message in messages
            if message["params"]["channel"] == TRADES
            for trade in message["params"]["data"]
        ]
        assert trades
        numbers = [trade["trade_seq"] for trade in trades]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert all(trade["amount"] % 10 == 0 and trade["amount"] > 0 for trade in trades)
        assert {trade["direction"] for trade in trades} <= {"buy", "sell"}
        quotes = [m["params"]["data"] for m in messages if m["params"]["channel"] == QUOTE]
        bids, asks = true_book(exchange)
        assert quotes[-1]["best_bid_price"] == max(bids)
        assert quotes[-1]["best_ask_amount"] == asks[min(asks)]


async def test_ccxt_rebuilds_the_perpetual():
    async with demo() as exchange, client(exchange, VENUE) as ccxt:
        market = ccxt.market("BTC/USD:BTC")
        assert (market["inverse"], market["swap"], market["contractSize"]) == (True, True, 10)
        assert (market["precision"]["price"], market["precision"]["amount"]) == (0.5, 10)
        watch = asyncio.create_task(ccxt.watch_order_book("BTC/USD:BTC"))
        trades = asyncio.create_task(ccxt.watch_trades("BTC/USD:BTC"))
        await until(
            lambda: watch.done() and trades.done(), step=lambda: exchange.advance(0.1), seconds=20
        )

        def equal():
            book = ccxt.orderbooks["BTC/USD:BTC"]
            return [
                {level[0]: level[1] for level in book[side]} for side in ("bids", "asks")
            ] == true_book(exchange)

        exchange.advance(1.0)
        await until(equal)
        assert abs(await ccxt.fetch_time() - exchange.now_ns() / 1e6) < 5_000
        book = await ccxt.fetch_order_book("BTC/USD:BTC", 3)
        assert (
            book["bids"]
            == [list(level) for level in sorted(true_book(exchange)[0].items())][:-4:-1]
        )


async def test_rest_and_the_socket_answer_the_same_methods():
    async with demo() as exchange, rpc(exchange) as connection:
        base = f"/{VENUE}/api/v2/public/"
        for method, query in (
            ("get_instruments", "currency=ETH"),
            ("get_currencies", ""),
            ("ticker", f"instrument_name={PERPETUAL}"),
            ("get_book_summary_by_currency", "currency=BTC"),
            ("get_order_book", f"instrument_name={PERPETUAL}"),
            ("hello", ""),
        ):
            rest = (await get(exchange, f"{base}{method}?{query}"))["result"]
            params = dict([query.split("=")]) if query else {}
            spoken = (await call(connection, method, **params))["result"]
            for told in (rest, spoken):
                for entry in told if isinstance(told, list) else [told]:
                    entry.pop("timestamp", None)
                    entry.pop("creation_timestamp", None)
            assert rest == spoken
            assert rest
        answer = await get(exchange, f"{base}ticker?instrument_name=NOSUCH", status=400)
        assert answer["error"]["code"] == 13020


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"id": 1, "method": "public/buy"}, -32601),
        ({"id": 1, "method": "public/subscribe", "params": {"channels": "x"}}, -32602),
        (
            {
                "id": 1,
                "method": "public/subscribe",
                "params": {"channels": [f"book.{PERPETUAL}.raw"]},
            },
            13778,
        ),
        ({"id": 1, "method": "public/set_heartbeat", "params": {"interval": 1}}, -32602),
        (["no object"], -32700),
    ],
)
async def test_wrong_requests_are_answered_with_an_error(request_, code):
    async with demo() as exchange, rpc(exchange) as connection:
        await connection.send_json(request_)
        assert (await connection.receive_json(timeout=5))["error"]["code"] == code


async def test_unknown_channels_are_left_out_and_unsubscribed_ones_are_silent():
    async with demo() as exchange, rpc(exchange) as connection:
        answer = await call(connection, "subscribe", channels=["book.NOSUCH.100ms", TRADES])
        assert answer["result"] == [TRADES]
        assert (await call(connection, "unsubscribe", channels=[TRADES, BOOK]))["result"] == [
            TRADES
        ]
        exchange.advance(5)
        assert await frames(connection) == []


async def test_a_client_that_does_not_answer_the_heartbeat_is_closed(monkeypatch):
    monkeypatch.setattr("app.demo.deribit_api._BEAT_S", (0.05, 3600.0))
    async with demo() as exchange, rpc(exchange) as connection:
        assert (await call(connection, "set_heartbeat", interval=0.2))["result"] == "ok"
        kinds = [(await connection.receive_json(timeout=5))["params"]["type"] for _ in range(2)]
        assert kinds == ["heartbeat", "test_request"]
        await call(connection, "test")
        kinds = [(await connection.receive_json(timeout=5))["params"]["type"] for _ in range(2)]
        assert kinds == ["heartbeat", "test_request"]
        assert (await connection.receive(timeout=5)).type is aiohttp.WSMsgType.CLOSE
