import asyncio
import json
from decimal import Decimal
from itertools import pairwise

import aiohttp
import pytest
from aiohttp import WSMsgType

from app.demo.engine import BUY
from app.demo.publisher import Decimals
from app.demo.server import DemoExchange
from app.demo.spec import BTC, MARKETS
from app.errors import InputError, MarketError, ServerError
from app.market import Grid
from tests.demo_venue import client, demo, get, post, socket, until

SYMBOLS = [spec.symbol for spec in MARKETS]


def units(levels, grid):
    """ccxt's floats as ticks and lots."""
    return [(round(p / float(grid.tick)), round(q / float(grid.lot))) for p, q, *_ in levels]


def engine_of(exchange, venue, symbol):
    return exchange.publisher(venue, symbol).town.flow.engine


async def received(connection, count):
    messages = [await connection.receive(timeout=5) for _ in range(count)]
    assert all(m.type is WSMsgType.TEXT for m in messages)
    return [json.loads(m.data) for m in messages]


async def quiet(connection):
    """Everything that has arrived."""
    messages = []
    while True:
        try:
            messages.append(json.loads((await connection.receive(timeout=0.15)).data))
        except TimeoutError:
            return messages


@pytest.mark.parametrize("venue", ["demo", "demo2"])
async def test_ccxt_rebuilds_the_engines_book(venue):
    """All four markets, over ten simulated seconds, checked at the same update id, level by level."""
    async with demo() as exchange, client(exchange, venue) as ccxt:
        assert sorted(ccxt.markets) == sorted(SYMBOLS)
        watches = [asyncio.create_task(ccxt.watch_order_book(symbol)) for symbol in SYMBOLS]
        await until(lambda: all(w.done() for w in watches), step=lambda: exchange.advance(0.1))
        for _ in range(5):
            for _ in range(20):
                exchange.advance(0.1)
                await asyncio.sleep(0)

            def caught_up():
                return all(
                    ccxt.orderbooks[s]["nonce"] == engine_of(exchange, venue, s).update_id
                    for s in SYMBOLS
                )

            await until(caught_up)
            for spec in MARKETS:
                book, engine = ccxt.orderbooks[spec.symbol], engine_of(exchange, venue, spec.symbol)
                assert units(book["bids"], spec.grid) == engine.bids.depth()
                assert units(book["asks"], spec.grid) == engine.asks.depth()


async def test_ccxt_sees_best_quotes_and_trades():
    async with demo() as exchange, client(exchange) as ccxt:
        quotes = asyncio.create_task(ccxt.watch_bids_asks(["BTC/USDT"]))
        trades = asyncio.create_task(ccxt.watch_trades("BTC/USDT"))
        await until(
            lambda: quotes.done() and trades.done(), step=lambda: exchange.advance(0.1), seconds=20
        )
        market = ccxt.market("BTC/USDT")
        assert (market["precision"]["price"], market["precision"]["amount"]) == (0.01, 0.00001)
        assert market["spot"]
        ticker = quotes.result()["BTC/USDT"]
        assert 0 < ticker["bid"] < ticker["ask"]
        trade = trades.result()[-1]
        assert trade["side"] in ("buy", "sell")
        assert trade["amount"] > 0


async def test_update_ids_chain_and_best_quotes_agree_with_the_rebuilt_book():
    streams = ("btcusdt@depth@100ms", "btcusdt@bookTicker", "btcusdt@trade")
    async with demo() as exchange, socket(exchange, *streams) as connection:
        before = await get(exchange, "/demo/api/v3/depth?symbol=BTCUSDT&limit=5000")
        for _ in range(100):
            exchange.advance(0.1)
        messages = await quiet(connection)
    depth = [m for m in messages if m.get("e") == "depthUpdate"]
    tickers = {m["u"]: m for m in messages if "e" not in m}
    trades = [m for m in messages if m.get("e") == "trade"]
    assert len(depth) > 80
    assert len(tickers) > 100
    assert len(trades) > 20
    assert depth[0]["U"] <= before["lastUpdateId"] + 1 <= depth[0]["u"] + 1
    for a, b in pairwise(depth):
        assert a["U"] <= a["u"]
        assert b["U"] == a["u"] + 1
    assert [t["t"] for t in trades] == list(range(trades[0]["t"], trades[0]["t"] + len(trades)))
    book = {side: dict(before[name]) for side, name in (("b", "bids"), ("a", "asks"))}
    agreed = 0
    for update in depth:
        for side in ("b", "a"):
            for price, size in update[side]:
                book[side].pop(price, None)
                if Decimal(size):
                    book[side][price] = size
        if ticker := tickers.get(update["u"]):
            bid, ask = max(book["b"], key=Decimal), min(book["a"], key=Decimal)
            assert (ticker["b"], ticker["B"]) == (bid, book["b"][bid])
            assert (ticker["a"], ticker["A"]) == (ask, book["a"][ask])
            agreed += 1
    assert agreed > 10


async def test_a_trade_names_its_taker():
    async with demo() as exchange, socket(exchange, "btcusdt@trade") as connection:
        flow = exchange.publisher("demo", "BTC/USDT").town.flow
        ask = flow.quote.ask
        flow.market(BUY, 1, owner=99)
        (trade,) = await received(connection, 1)
        assert trade["m"] is False
        assert trade["p"] == exchange.publisher("demo", "BTCUSDT").exact.price(ask)
        assert trade["q"] == "0.00001000"
        assert trade["s"] == "BTCUSDT"


async def test_depth_keeps_its_cadence_in_real_time():
    async with demo(speed=1.0) as exchange, socket(exchange, "btcusdt@depth@100ms") as connection:
        messages = await received(connection, 15)
        times = [m["E"] for m in messages]
        gaps = [b - a for a, b in pairwise(times)]
        assert all(gap % 100 == 0 or gap % 100 in (1, 99) for gap in gaps)
        assert sum(gaps) / len(gaps) < 150
        assert abs(times[-1] - exchange.now_ns() // 1_000_000) < 1000


async def test_speed_changes_the_market_not_the_cadence():
    async with demo(speed=20.0) as exchange, socket(exchange, "btcusdt@depth@100ms") as connection:
        start = exchange.world.time_s
        messages = await received(connection, 8)
        assert exchange.world.time_s - start > 8
        gaps = [b["E"] - a["E"] for a, b in pairwise(messages)]
        assert min(gaps) >= 99
        await post(exchange, "/demo/speed", {"speed": 0})
        book = await get(exchange, "/demo/book?symbol=BTC/USDT")
        last = [*messages, *await quiet(connection)][-1]
        assert last["u"] == book["lastUpdateId"]


async def test_unsubscribing_ends_a_stream():
    async with demo() as exchange, socket(exchange, "btcusdt@bookTicker") as connection:
        await connection.send_json(
            {"method": "UNSUBSCRIBE", "params": ["btcusdt@bookTicker"], "id": 2}
        )
        assert await connection.receive_json(timeout=5) == {"result": None, "id": 2}
        exchange.advance(2)
        assert await quiet(connection) == []
        await connection.send_json({"method": "LIST_SUBSCRIPTIONS", "id": 3})
        assert await connection.receive_json(timeout=5) == {"result": [], "id": 3}


@pytest.mark.parametrize(
    "text",
    [
        '{"method": "SUBSCRIBE", "params": ["nosuch@trade"], "id": 1}',
        '{"method": "SUBSCRIBE", "params": ["btcusdt@kline_1m"], "id": 1}',
        '{"method": "SUBSCRIBE", "params": "btcusdt@trade", "id": 1}',
        '{"method": "BUY", "id": 1}',
        "[1, 2]",
        "not json",
    ],
)
async def test_wrong_commands_are_answered_with_an_error(text):
    async with demo() as exchange, socket(exchange) as connection:
        await connection.send_str(text)
        answer = await connection.receive_json(timeout=5)
        assert "Invalid request" in answer["error"]["msg"]


async def test_rest_says_what_is_wrong():
    async with demo() as exchange:
        assert await get(exchange, "/demo/api/v3/ping") == {}
        assert "serverTime" in await get(exchange, "/demo2/api/v3/time")
        answer = await get(exchange, "/demo/api/v3/depth?symbol=NOSUCH", status=400)
        assert answer["code"] == -1121
        await get(exchange, "/demo/api/v3/depth?symbol=BTCUSDT&limit=x", status=400)
        assert len((await get(exchange, "/demo/api/v3/depth?symbol=BTCUSDT"))["bids"]) == 100
        answer = await get(exchange, "/demo/book?symbol=NOSUCH", status=400)
        assert "BTCUSDT" in answer["error"]


async def test_the_true_book_is_exact():
    async with demo() as exchange:
        book = await get(exchange, "/demo/book?symbol=BTC/USDT&limit=3")
        depth = engine_of(exchange, "demo", "BTC/USDT").bids.depth(3)
        assert [(Decimal(p), Decimal(q)) for p, q in book["bids"]] == [
            (BTC.grid.price(p), BTC.grid.size(q)) for p, q in depth
        ]


async def test_only_loopback():
    with pytest.raises(ServerError, match="no access control"):
        await DemoExchange().start(host="0.0.0.0")
    async with (
        demo() as exchange,
        aiohttp.ClientSession() as session,
        session.get(
            f"http://127.0.0.1:{exchange.port}/demo/status", headers={"Host": "evil.example"}
        ) as answer,
    ):
        assert answer.status == 403


async def test_a_taken_port_and_a_wrong_speed_are_named():
    async with demo() as exchange:
        with pytest.raises(ServerError, match=str(exchange.port)):
            await DemoExchange().start(port=exchange.port, warm_s=0.1)
        with pytest.raises(InputError, match="speed"):
            exchange.set_speed(-1)
        with pytest.raises(MarketError, match="NOSUCH"):
            exchange.publisher("demo", "NOSUCH")


async def test_scenes_on_command_are_listed_with_their_times():
    async with demo() as exchange:
        shown = await post(exchange, "/demo/regime", {"symbol": "BTC/USDT", "kind": "breakout"})
        (listed,) = await get(exchange, "/demo/regimes")
        assert listed == shown
        assert listed["kind"] == "breakout"
        assert listed["symbol"] == "BTC/USDT"
        assert listed["side"] in (-1, 1)
        answer = await post(exchange, "/demo/regime", {"symbol": "BTC/USDT", "kind": "x"}, 400)
        assert "liquidity crunch" in answer["error"]


def test_decimals_are_exact():
    text = Decimals(Grid(Decimal("0.01"), Decimal("0.00001")))
    assert text.price(6183763) == "61837.63000000"
    assert text.size(378826) == "3.78826000"
    assert text.price(1) == "0.01000000"
