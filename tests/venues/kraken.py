"""The part of Kraken's public protocol (WebSocket v2) that ccxt uses, on loopback, with one book."""

import asyncio
import random
from typing import Any
from zlib import crc32

import orjson
from aiohttp import WSMsgType, web
from orjson import Fragment

from tests.venues.scripted import Synthetic, symbols

SYMBOL = "AAA/USD"
_TIME = "2026-01-02T03:04:05.678901Z"


class KrakenVenue:
    """Serves `AAA/USD`: book with snapshot and changes, trades that begin with history."""

    def __init__(self, seed: int = 1) -> None:
        self.book = Synthetic(symbols(1)[0], random.Random(seed))
        self.sockets: dict[web.WebSocketResponse, set[str]] = {}
        self.depths: list[int] = []
        self.port = 0
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/0/public/Assets", self._assets)
        app.router.add_get("/0/public/AssetPairs", self._pairs)
        app.router.add_get("/v2", self._socket)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        for ws in list(self.sockets):
            await ws.close()
        if self._runner is not None:
            await self._runner.cleanup()

    def settings(self) -> dict[str, Any]:
        api = {
            "public": f"http://127.0.0.1:{self.port}",
            "ws": {"publicV2": f"ws://127.0.0.1:{self.port}/v2"},
        }
        return {"exchange": "kraken", "ccxt": {"urls": {"api": api}, "enableRateLimit": False}}

    async def step(self) -> None:
        """Change the book, print a trade."""
        update = self.book.step()
        await self._send("book", "update", [self._levels(update["b"], update["a"])])
        await self._send("trade", "update", [self._trade()])

    async def close(self) -> None:
        for ws in list(self.sockets):
            await ws.close()

    async def _send(self, channel: str, kind: str, data: list[Any]) -> None:
        text = orjson.dumps({"channel": channel, "type": kind, "data": data}).decode()
        for ws, channels in list(self.sockets.items()):
            if channel in channels and not ws.closed:
                await ws.send_str(text)

    def _levels(self, bids: list[Any], asks: list[Any]) -> dict[str, Any]:
        sides = {
            name: [{"price": Fragment(p), "qty": Fragment(q)} for p, q in side]
            for name, side in (("bids", bids), ("asks", asks))
        }
        return {"symbol": SYMBOL, **sides, "checksum": self.checksum(), "timestamp": _TIME}

    def checksum(self) -> int:
        """Kraken's: digits of price and size of the ten best asks, then bids, through CRC32."""
        whole = self.book.snapshot(10)
        text = "".join(
            number.replace(".", "").lstrip("0")
            for side in (whole["asks"], whole["bids"])
            for level in side
            for number in level
        )
        return crc32(text.encode())

    def _trade(self) -> dict[str, Any]:
        trade = self.book.trade()
        return {
            "symbol": SYMBOL,
            "side": "sell" if trade["m"] else "buy",
            "price": float(trade["p"]),
            "qty": float(trade["q"]),
            "ord_type": "market",
            "trade_id": trade["t"],
            "timestamp": _TIME,
        }

    async def _subscribe(self, ws: web.WebSocketResponse, request: dict[str, Any]) -> None:
        params = request["params"]
        channel = params["channel"]
        reply = {"method": "subscribe", "success": True, "req_id": request.get("req_id")}
        await ws.send_str(orjson.dumps({**reply, "result": params}).decode())
        if channel == "book":
            self.depths.append(params["depth"])
            whole = self.book.snapshot(params["depth"])
            data = [self._levels(whole["bids"], whole["asks"])]
        else:
            data = [self._trade() for _ in range(50)]
        text = orjson.dumps({"channel": channel, "type": "snapshot", "data": data}).decode()
        await ws.send_str(text)
        self.sockets[ws].add(channel)

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        self.sockets[ws] = set()
        beat = asyncio.create_task(self._heartbeat(ws))
        try:
            async for message in ws:
                if message.type is not WSMsgType.TEXT:
                    continue
                said = orjson.loads(message.data)
                if said["method"] == "subscribe":
                    await self._subscribe(ws, said)
                elif said["method"] == "ping":
                    await ws.send_str('{"method":"pong"}')
        finally:
            beat.cancel()
            del self.sockets[ws]
        return ws

    @staticmethod
    async def _heartbeat(ws: web.WebSocketResponse) -> None:
        while not ws.closed:
            await asyncio.sleep(1.0)
            await ws.send_str('{"channel":"heartbeat"}')

    @staticmethod
    async def _assets(request: web.Request) -> web.Response:
        asset = {"aclass": "currency", "decimals": 10, "display_decimals": 5, "status": "enabled"}
        result = {name: {**asset, "altname": name} for name in ("AAA", "USD")}
        return web.json_response({"error": [], "result": result})

    @staticmethod
    async def _pairs(request: web.Request) -> web.Response:
        pair = {
            "altname": "AAAUSD",
            "wsname": SYMBOL,
            "base": "AAA",
            "quote": "USD",
            "pair_decimals": 2,
            "lot_decimals": 4,
            "leverage_buy": [],
            "fees": [[0, 0.4]],
            "fees_maker": [[0, 0.25]],
            "ordermin": "0.0001",
            "costmin": "0.5",
            "tick_size": "0.01",
            "status": "online",
        }
        return web.json_response({"error": [], "result": {"AAAUSD": pair}})
