"""The part of Binance's spot protocol that ccxt uses, on loopback; subclasses decide what is sent."""

import asyncio
import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import WSMsgType, web


@dataclass(frozen=True)
class Symbol:
    """A spot symbol: id `BTCUSDT`, its currencies and increments."""

    base: str
    quote: str
    tick: str
    lot: str

    @property
    def id(self) -> str:
        return self.base + self.quote

    def info(self) -> dict[str, Any]:
        return {
            "symbol": self.id,
            "status": "TRADING",
            "baseAsset": self.base,
            "quoteAsset": self.quote,
            "baseAssetPrecision": 8,
            "quotePrecision": 8,
            "quoteAssetPrecision": 8,
            "orderTypes": ["LIMIT", "MARKET"],
            "isSpotTradingAllowed": True,
            "isMarginTradingAllowed": False,
            "permissions": ["SPOT"],
            "filters": [
                {
                    "filterType": "PRICE_FILTER",
                    "minPrice": self.tick,
                    "maxPrice": "1000000.00000000",
                    "tickSize": self.tick,
                },
                {
                    "filterType": "LOT_SIZE",
                    "minQty": self.lot,
                    "maxQty": "9000.00000000",
                    "stepSize": self.lot,
                },
            ],
        }


@dataclass(frozen=True)
class CoinMargined(Symbol):
    """A coin-margined perpetual: id `BTCUSD_PERP`, contracts of so many units of the quote currency."""

    contract_size: int = 100

    @property
    def id(self) -> str:
        return f"{self.base}{self.quote}_PERP"

    def info(self) -> dict[str, Any]:
        return {
            "symbol": self.id,
            "pair": self.base + self.quote,
            "contractType": "PERPETUAL",
            "deliveryDate": 4133404800000,
            "contractStatus": "TRADING",
            "contractSize": self.contract_size,
            "marginAsset": self.base,
            "baseAsset": self.base,
            "quoteAsset": self.quote,
            "pricePrecision": 1,
            "quantityPrecision": 0,
            "filters": super().info()["filters"],
        }


class Connection:
    """One WebSocket of a client."""

    def __init__(self, ws: web.WebSocketResponse):
        self.ws = ws
        self.streams: set[str] = set()
        self.requests: list[dict[str, Any]] = []
        self.pings_unanswered = False  # tests: an answer to no ping
        self._pings = itertools.count(1)
        self._pongs: dict[bytes, asyncio.Future[None]] = {}

    async def barrier(self) -> None:
        """Return when the client has handled everything sent so far: it answers pings in order."""
        token = str(next(self._pings)).encode()
        pong = asyncio.get_running_loop().create_future()
        self._pongs[token] = pong
        try:
            await self.ws.ping(token)
            await asyncio.wait_for(pong, 10.0)
        except (ConnectionError, TimeoutError):
            pass  # a client that left has nothing to handle
        finally:
            self._pongs.pop(token, None)

    def pong(self, token: bytes) -> None:
        waiting = self._pongs.get(token)
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    def leave(self) -> None:
        for waiting in self._pongs.values():
            if not waiting.done():
                waiting.set_result(None)


class BinanceServer:
    """REST and WebSocket as ccxt's `binance` needs them; subclasses answer `depth` and publish."""

    def __init__(self, symbols: Iterable[Symbol], host: str = "127.0.0.1"):
        self.symbols = {symbol.id: symbol for symbol in symbols}
        self.host, self.port = host, 0
        self.connections: list[Connection] = []
        self.depth_requests = self.trades_requests = 0
        self._runner: web.AppRunner | None = None

    async def start(self, port: int = 0) -> None:
        app = web.Application()
        for root in ("/api/v3", "/dapi/v1"):
            app.router.add_get(f"{root}/exchangeInfo", self._exchange_info)
            app.router.add_get(f"{root}/depth", self._depth)
            app.router.add_get(f"{root}/aggTrades", self._trades)
            app.router.add_get(f"{root}/time", self._time)
            app.router.add_get(f"{root}/ping", self._ping)
        app.router.add_get("/stream/ws{tail:.*}", self._socket)
        app.router.add_get("/ws{tail:.*}", self._socket)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.host, port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        for connection in list(self.connections):
            await connection.ws.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def depth(self, symbol: str, limit: int) -> web.StreamResponse:
        """The snapshot of a symbol's book."""
        raise NotImplementedError

    def subscribed(self, connection: Connection, streams: list[str]) -> None:
        """Called before a subscription is confirmed."""

    def time_ms(self) -> int:
        return 0

    async def publish(self, stream: str, payload: str) -> int:
        """Send a message to everyone who subscribed to the stream; returns to how many."""
        reached = 0
        for connection in list(self.connections):
            if stream in connection.streams and not connection.ws.closed:
                try:
                    await connection.ws.send_str(payload)
                except ConnectionError:
                    continue
                reached += 1
        return reached

    async def barrier(self) -> None:
        """Return when all clients have handled what was sent to them."""
        waiting = [c.barrier() for c in list(self.connections) if c.streams and not c.ws.closed]
        if len(waiting) == 1:
            await waiting[0]
        elif waiting:
            await asyncio.gather(*waiting)

    async def _exchange_info(self, request: web.Request) -> web.Response:
        infos = [symbol.info() for symbol in self.symbols.values()]
        return _json({"timezone": "UTC", "serverTime": self.time_ms(), "symbols": infos})

    async def _depth(self, request: web.Request) -> web.StreamResponse:
        self.depth_requests += 1
        symbol = request.query.get("symbol", "")
        if symbol not in self.symbols:
            return _json({"code": -1121, "msg": "Invalid symbol."}, status=400)
        return await self.depth(symbol, int(request.query.get("limit", "100")))

    async def _trades(self, request: web.Request) -> web.StreamResponse:
        self.trades_requests += 1
        return _json(self.trades(request.query.get("symbol", "")))

    def trades(self, symbol: str) -> list[dict[str, Any]]:
        """The latest trades of a symbol, oldest first, as `aggTrades` lists them."""
        return []

    async def _time(self, request: web.Request) -> web.Response:
        return _json({"serverTime": self.time_ms()})

    async def _ping(self, request: web.Request) -> web.Response:
        return _json({})

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        ws = web.WebSocketResponse(autoping=False, max_msg_size=1 << 20)
        await ws.prepare(request)
        connection = Connection(ws)
        self.connections.append(connection)
        try:
            async for message in ws:
                await self._frame(connection, message.type, message.data)
        except ConnectionError:
            pass  # the client left while it was answered
        finally:
            self.connections.remove(connection)
            connection.leave()
        return ws

    async def _frame(self, connection: Connection, kind: WSMsgType, data: Any) -> None:
        if kind is WSMsgType.PING and not connection.pings_unanswered:
            await connection.ws.pong(data)
        elif kind is WSMsgType.PONG:
            connection.pong(bytes(data))
        elif kind is WSMsgType.TEXT:
            await self._request(connection, orjson.loads(data))

    async def _request(self, connection: Connection, request: dict[str, Any]) -> None:
        connection.requests.append(request)
        streams = list(request.get("params", []))
        if request.get("method") == "SUBSCRIBE":
            self.subscribed(connection, streams)
            await connection.ws.send_str(_reply(request))
            connection.streams.update(streams)
        elif request.get("method") == "UNSUBSCRIBE":
            connection.streams.difference_update(streams)
            await connection.ws.send_str(_reply(request))


def _reply(request: dict[str, Any]) -> str:
    return orjson.dumps({"result": None, "id": request.get("id")}).decode()


def _json(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(
        body=orjson.dumps(value), content_type="application/json", status=status, headers=headers
    )


def settings_for(port: int, host: str = "127.0.0.1") -> dict[str, Any]:
    """The `[venues.NAME]` table that points ccxt's binance at a server here."""
    return {
        "exchange": "binance",
        "ccxt": {
            "enableRateLimit": False,
            "urls": {
                "api": {
                    "public": f"http://{host}:{port}/api/v3",
                    "ws": {"spot": f"ws://{host}:{port}/stream/ws"},
                }
            },
            "options": {"fetchMarkets": {"types": ["spot"]}},
        },
    }


def coin_margined_settings_for(port: int, host: str = "127.0.0.1") -> dict[str, Any]:
    """The same for ccxt's binancecoinm, with depth updates as fast as the recorded ones."""
    return {
        "exchange": "binancecoinm",
        "ccxt": {
            "enableRateLimit": False,
            "urls": {
                "api": {
                    "dapiPublic": f"http://{host}:{port}/dapi/v1",
                    "ws": {"inverse": f"ws://{host}:{port}/ws"},
                }
            },
            "options": {"fetchMarkets": {"types": ["inverse"]}, "watchOrderBookRate": "0"},
        },
    }


def settings_toml(name: str, port: int, host: str = "127.0.0.1") -> str:
    """The same as text for `ofi.toml`."""
    return "\n".join(
        (
            f"[venues.{name}]",
            'exchange = "binance"',
            f"[venues.{name}.ccxt]",
            "enableRateLimit = false",
            f"[venues.{name}.ccxt.urls.api]",
            f'public = "http://{host}:{port}/api/v3"',
            f"[venues.{name}.ccxt.urls.api.ws]",
            f'spot = "ws://{host}:{port}/stream/ws"',
            f"[venues.{name}.ccxt.options.fetchMarkets]",
            'types = ["spot"]',
            "",
        )
    )
