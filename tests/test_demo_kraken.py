"""The Kraken-speaking venue: every checksum of its frames, and ccxt's book from them."""

import asyncio
import contextlib
import json
import zlib
from decimal import Decimal

import aiohttp
import pytest

from app.demo.kraken import checksum
from tests.demo_venue import client, demo, get, until

VENUE, PAIR = "demo-kraken", "BTC/USD"


@contextlib.asynccontextmanager
async def v2(exchange):
    """A bare WebSocket, greeted."""
    url = f"http://127.0.0.1:{exchange.port}/{VENUE}/v2"
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as connection:
        greeting = await connection.receive_json(timeout=5)
        assert (greeting["channel"], greeting["data"][0]["system"]) == ("status", "online")
        yield connection


async def ask(connection, method, **params):
    await connection.send_json({"method": method, "params": params, "req_id": 9})
    return await connection.receive_json(timeout=5)


async def texts(connection):
    found = []
    while True:
        try:
            found.append((await connection.receive(timeout=0.15)).data)
        except TimeoutError:
            return [text for text in found if "heartbeat" not in text]


class Client:
    """A client by the letter of Kraken's guide: decimals as printed, the book cut to its depth."""

    def __init__(self, depth):
        self.depth = depth
        self.sides = {"bids": {}, "asks": {}}

    def take(self, text):
        message = json.loads(text, parse_float=str, parse_int=str)
        (data,) = message["data"]
        if message["type"] == "snapshot":
            self.sides = {"bids": {}, "asks": {}}
        for name, book in self.sides.items():
            for level in data[name]:
                book.pop(Decimal(level["price"]), None)
                if Decimal(level["qty"]):
                    book[Decimal(level["price"])] = (level["price"], level["qty"])
            for price in self.best(name)[self.depth :]:
                del book[price]
        assert self.checksum() == int(data["checksum"])

    def best(self, name):
        return sorted(self.sides[name], reverse=name == "bids")

    def checksum(self):
        parts = [
            text.replace(".", "").lstrip("0")
            for name in ("asks", "bids")
            for price in self.best(name)[:10]
            for text in self.sides[name][price]
        ]
        return zlib.crc32("".join(parts).encode())


def true_book(exchange, depth):
    flow = exchange.publisher(VENUE, PAIR).town.flow
    grid = flow.spec.grid
    return {
        name: [(grid.price(p), grid.size(q)) for p, q in side.depth(depth)]
        for name, side in (("bids", flow.engine.bids), ("asks", flow.engine.asks))
    }


def test_the_checksum_of_krakens_guide():
    asks = "45285.2 0.00100000 45286.4 1.54571953 45286.6 1.54571109 45289.6 1.54560911 45290.2"
    asks += " 0.15890660 45291.8 1.54553491 45294.7 0.04454749 45296.1 0.35380000 45297.5"
    asks += " 0.09945542 45299.5 0.18772827"
    bids = "45283.5 0.10000000 45283.4 1.54582015 45282.1 0.10000000 45281.0 0.10000000 45280.3"
    bids += " 1.54592586 45279.0 0.07990000 45277.6 0.03310103 45277.5 0.30000000 45277.3"
    bids += " 1.54602737 45276.6 0.15445238"

    def units(text):
        digits = [int(part.replace(".", "")) for part in text.split()]
        return list(zip(digits[::2], digits[1::2], strict=True))

    assert checksum(units(asks), units(bids)) == 3310070434


@pytest.mark.parametrize("depth", [10, 25, 500])
async def test_every_checksum_holds_and_the_book_is_the_engines(depth):
    """The levels that move into a shallow book are told, and those that fall out are not."""
    async with demo() as exchange, v2(exchange) as connection:
        answer = await ask(connection, "subscribe", channel="book", symbol=[PAIR], depth=depth)
        assert answer["success"]
        assert answer["req_id"] == 9
        follower, frames = Client(depth), []
        for _ in range(5):
            for _ in range(10):
                exchange.advance(0.1)
            frames += (told := await texts(connection))
            for text in told:
                follower.take(text)
            for name, levels in true_book(exchange, depth).items():
                have = [
                    (price, Decimal(follower.sides[name][price][1]))
                    for price in follower.best(name)
                ]
                assert have == levels
        assert len(frames) > 100
        assert json.loads(frames[0])["type"] == "snapshot"
        entry = json.loads(frames[-1], parse_float=str)["data"][0]
        level = (entry["bids"] + entry["asks"])[0]
        assert len(level["qty"].partition(".")[2]) == 8  # trailing zeros and all


async def test_trades_open_with_history():
    async with demo() as exchange, v2(exchange) as connection:
        await ask(connection, "subscribe", channel="trade", symbol=[PAIR])
        (opening,) = [json.loads(text) for text in await texts(connection)]
        assert opening["type"] == "snapshot"
        assert 0 < len(opening["data"]) <= 50
        for _ in range(100):
            exchange.advance(0.1)
        later = [json.loads(text) for text in await texts(connection)]
        assert {message["type"] for message in later} == {"update"}
        numbers = [t["trade_id"] for m in [opening, *later] for t in m["data"]]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


async def test_ccxt_rebuilds_the_pair():
    async with demo() as exchange, client(exchange, VENUE) as ccxt:
        market = ccxt.market(PAIR)
        assert market["id"] == "XXBTZUSD"
        assert (market["precision"]["price"], market["precision"]["amount"]) == (0.1, 1e-8)
        watch = asyncio.create_task(ccxt.watch_order_book(PAIR, 500))
        trades = asyncio.create_task(ccxt.watch_trades(PAIR))
        await until(
            lambda: watch.done() and trades.done(), step=lambda: exchange.advance(0.1), seconds=20
        )
        exchange.advance(1.0)

        def equal():
            book = ccxt.orderbooks[PAIR]
            return all(
                [[round(p * 10), round(q * 1e8)] for p, q in book[name]]
                == [[int(p * 10), int(q * 10**8)] for p, q in levels]
                for name, levels in true_book(exchange, 500).items()
            )

        await until(equal)
        book = await ccxt.fetch_order_book(PAIR, 5)
        assert Decimal(str(book["bids"][0][0])) == true_book(exchange, 1)["bids"][0][0]
        assert abs(await ccxt.fetch_time() - exchange.now_ns() / 1e6) < 5_000


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"channel": "book", "symbol": ["NO/SUCH"], "depth": 10}, "pair not supported"),
        ({"channel": "book", "symbol": [PAIR], "depth": 7}, "depth not supported"),
        ({"channel": "candles", "symbol": [PAIR]}, "Unsupported channel"),
    ],
)
async def test_wrong_subscriptions_are_refused(params, problem):
    async with demo() as exchange, v2(exchange) as connection:
        answer = await ask(connection, "subscribe", **params)
        assert not answer["success"]
        assert problem in answer["error"]


async def test_twice_is_refused_and_gone_is_silent():
    async with demo() as exchange, v2(exchange) as connection:
        wanted = {"channel": "book", "symbol": [PAIR], "depth": 10}
        assert (await ask(connection, "subscribe", **wanted))["success"]
        await texts(connection)
        assert "Already subscribed" in (await ask(connection, "subscribe", **wanted))["error"]
        assert (await ask(connection, "unsubscribe", **wanted))["success"]
        exchange.advance(1)
        assert await texts(connection) == []
        assert "Not Found" in (await ask(connection, "unsubscribe", **wanted))["error"]


async def test_ping_instruments_and_rest():
    async with demo() as exchange, v2(exchange) as connection:
        assert (await ask(connection, "ping"))["method"] == "pong"
        assert (await ask(connection, "subscribe", channel="instrument"))["success"]
        pairs = (await connection.receive_json(timeout=5))["data"]["pairs"]
        (pair,) = [p for p in pairs if p["symbol"] == PAIR]
        assert (pair["price_precision"], pair["qty_precision"]) == (1, 8)
        await connection.send_str("{nonsense")
        assert "Malformed" in (await connection.receive_json(timeout=5))["error"]
        answer = await get(exchange, f"/{VENUE}/0/public/Depth?pair=NOSUCH")
        assert answer["error"] == ["EQuery:Unknown asset pair"]
        status = await get(exchange, f"/{VENUE}/0/public/SystemStatus")
        assert status["result"]["status"] == "online"


async def test_a_silent_connection_beats():
    async with demo() as exchange, v2(exchange) as connection:
        await ask(connection, "subscribe", channel="trade", symbol=[PAIR])
        await texts(connection)
        assert (await connection.receive_json(timeout=5)) == {"channel": "heartbeat"}
