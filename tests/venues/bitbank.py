"""The part of bitbank's REST protocol that ccxt uses, on loopback: a venue that ccxt cannot stream."""

import time
from collections import deque
from typing import Any

import orjson
from aiohttp import web

from tests.venues.scripted import Refusal, Synthetic, symbols

_PRICE, _SIZE = 100, 10_000  # ticks and lots in one


class BitbankVenue:
    """Synthetic books behind `/{pair}/depth` and `/{pair}/transactions`; tests step them.

    `refusals[path]` answers the next requests for a path (`aaa_usdt/depth`); `listed` is how many of the
    latest trades an answer holds; `delay_s`, while set, holds every answer back.
    """

    def __init__(self, count: int = 1, listed: int = 60):
        self.books = {f"{s.base.lower()}_usdt": Synthetic(s, _rng(s.id)) for s in symbols(count)}
        self.trades: dict[str, list[dict[str, Any]]] = {pair: [] for pair in self.books}
        self.listed = listed
        self.refusals: dict[str, deque[Refusal]] = {}
        self.asked: list[tuple[str, int]] = []  # path, and when in ns
        self.altered: dict[str, dict[str, Any]] = {}  # by pair, what an answer says instead
        self.gate: Any = None  # an Event that answers wait for
        self.port = 0
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/spot/pairs", self._pairs)
        app.router.add_get("/{pair}/depth", self._depth)
        app.router.add_get("/{pair}/transactions", self._transactions)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def settings(self, **more: Any) -> dict[str, Any]:
        """The `[venues.NAME]` table."""
        root = f"http://127.0.0.1:{self.port}"
        urls = {"api": {"public": root, "markets": root}}
        return {"exchange": "bitbank", "ccxt": {"urls": urls, "rateLimit": 1, **more}}

    def trade(self, pair: str) -> dict[str, Any]:
        """Print a trade."""
        book = self.books[pair]
        printed = book.trade()
        trade = {
            "transaction_id": printed["t"],
            "side": "sell" if printed["m"] else "buy",
            "price": printed["p"],
            "amount": printed["q"],
            "executed_at": printed["T"],
        }
        self.trades[pair].append(trade)
        return trade

    def times(self, path: str) -> list[int]:
        """When a path was asked for."""
        return [at_ns for asked, at_ns in self.asked if asked == path]

    async def _pairs(self, request: web.Request) -> web.Response:
        pairs = [
            {
                "name": pair,
                "base_asset": pair.partition("_")[0],
                "quote_asset": "usdt",
                "maker_fee_rate_base": "0",
                "taker_fee_rate_base": "0",
                "maker_fee_rate_quote": "0",
                "taker_fee_rate_quote": "0",
                "unit_amount": "0.0001",
                "limit_max_amount": "1000",
                "market_max_amount": "10",
                "price_digits": 2,
                "amount_digits": 4,
                "is_enabled": True,
            }
            for pair in self.books
        ]
        return _json({"pairs": pairs})

    async def _depth(self, request: web.Request) -> web.Response:
        pair = request.match_info["pair"]
        if (refused := await self._refused(f"{pair}/depth")) is not None:
            return refused
        snapshot = self.books[pair].snapshot(200)
        now_ms = time.time_ns() // 1_000_000
        book = {
            "asks": snapshot["asks"],
            "bids": snapshot["bids"],
            "timestamp": now_ms,
            "sequenceId": str(snapshot["lastUpdateId"]),
        }
        return _json(book | self.altered.get(pair, {}))

    async def _transactions(self, request: web.Request) -> web.Response:
        pair = request.match_info["pair"]
        if (refused := await self._refused(f"{pair}/transactions")) is not None:
            return refused
        return _json({"transactions": self.trades[pair][-self.listed :][::-1]})

    async def _refused(self, path: str) -> web.Response | None:
        self.asked.append((path, time.monotonic_ns()))
        if self.gate is not None:
            await self.gate.wait()
        waiting = self.refusals.get(path)
        if not waiting:
            return None
        refusal = waiting.popleft()
        return web.Response(
            text=refusal.body,
            status=refusal.status,
            headers=dict(refusal.headers),
            content_type="application/json",
        )


def _rng(seed: str) -> Any:
    import random

    return random.Random(seed)


def _json(data: Any) -> web.Response:
    body = orjson.dumps({"success": 1, "data": data})
    return web.Response(body=body, content_type="application/json")
