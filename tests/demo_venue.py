"""Helpers for tests that talk to the demo exchange."""

import asyncio
import contextlib
import time

import aiohttp
import ccxt.pro

from app.demo.server import DemoExchange, venue_settings


@contextlib.asynccontextmanager
async def demo(**options):
    """A running exchange; speed 0 unless told otherwise, so that tests move time."""
    exchange = DemoExchange()
    await exchange.start(**{"seed": 1, "speed": 0.0, "warm_s": 5.0, **options})
    try:
        yield exchange
    finally:
        await exchange.stop()


@contextlib.asynccontextmanager
async def client(exchange, venue="demo"):
    """The unchanged ccxt.pro exchange, pointed at a venue of the demo."""
    settings = venue_settings(exchange.port)[venue]
    found = getattr(ccxt.pro, settings["exchange"])(settings["ccxt"])
    try:
        await found.load_markets()
        yield found
    finally:
        await found.close()


@contextlib.asynccontextmanager
async def socket(exchange, *streams, venue="demo"):
    """A bare WebSocket, subscribed."""
    url = f"http://127.0.0.1:{exchange.port}/{venue}/stream/ws"
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as connection:
        if streams:
            await connection.send_json({"method": "SUBSCRIBE", "params": list(streams), "id": 1})
            assert await connection.receive_json(timeout=5) == {"result": None, "id": 1}
        yield connection


async def get(exchange, path, status=200):
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{exchange.port}{path}") as answer,
    ):
        assert answer.status == status, await answer.text()
        return await answer.json()


async def post(exchange, path, body, status=200):
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"http://127.0.0.1:{exchange.port}{path}", json=body) as answer,
    ):
        assert answer.status == status, await answer.text()
        return await answer.json()


async def until(condition, seconds=10.0, step=lambda: None):
    """Wait until a condition holds; `step` is called between two looks."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        step()
        await asyncio.sleep(0.01)
