"""The demo exchange's HTTP: Binance's market data endpoints, and what the demo says of itself."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from app.demo.binance import SNAPSHOT_LIMIT
from app.demo.connection import Connection
from app.demo.faults import SNAPSHOT_FAULTS, Fault
from app.demo.world import VENUES
from app.errors import InputError

if TYPE_CHECKING:
    from app.demo.server import DemoExchange

_LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
_DEFAULT_LIMIT = 100
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def application(exchange: "DemoExchange") -> web.Application:
    """All routes of an exchange."""
    app = web.Application(middlewares=[_guard], client_max_size=1 << 16)
    for venue in VENUES:
        api = Api(exchange, venue)
        base = f"/{venue}/api/v3"
        app.router.add_get(f"{base}/ping", api.ping)
        app.router.add_get(f"{base}/time", api.time)
        app.router.add_get(f"{base}/exchangeInfo", api.exchange_info)
        app.router.add_get(f"{base}/depth", api.depth)
        app.router.add_get(f"/{venue}/stream/ws", api.stream)
        app.router.add_get(f"/{venue}/stream/ws/{{n}}", api.stream)
    admin = Admin(exchange)
    app.router.add_get("/demo/book", admin.book)
    app.router.add_get("/demo/faults", admin.faults)
    app.router.add_get("/demo/regimes", admin.regimes)
    app.router.add_get("/demo/status", admin.status)
    app.router.add_post("/demo/fault", admin.fault)
    app.router.add_post("/demo/regime", admin.regime)
    app.router.add_post("/demo/speed", admin.speed)
    return app


class Api:
    """Binance's endpoints of one venue."""

    def __init__(self, exchange: "DemoExchange", venue: str):
        self._exchange = exchange
        self._venue = venue

    async def ping(self, _: web.Request) -> web.Response:
        """Alive."""
        return _json({})

    async def time(self, _: web.Request) -> web.Response:
        """The exchange's clock."""
        return _json({"serverTime": self._exchange.now_ns() // 1_000_000})

    async def exchange_info(self, _: web.Request) -> web.Response:
        """What is traded, on which grid."""
        markets = [p.info() for (v, _), p in self._exchange.publishers.items() if v == self._venue]
        return _json(
            {
                "timezone": "UTC",
                "serverTime": self._exchange.now_ns() // 1_000_000,
                "rateLimits": [],
                "exchangeFilters": [],
                "symbols": markets,
            }
        )

    async def depth(self, request: web.Request) -> web.Response:
        """A snapshot, unless a fault is ordered for it."""
        symbol = request.query.get("symbol", "")
        publisher = self._exchange.publishers.get((self._venue, symbol))
        if publisher is None:
            return _json({"code": -1121, "msg": "Invalid symbol."}, 400)
        text = request.query.get("limit", str(_DEFAULT_LIMIT))
        if not text.isdecimal() or len(text) > 6 or not int(text):
            return _json({"code": -1100, "msg": "Illegal characters found in 'limit'."}, 400)
        fault = self._exchange.faults.once(SNAPSHOT_FAULTS, self._venue, symbol)
        if fault is not None:
            return _fault_answer(fault)
        return _json(publisher.snapshot(min(int(text), SNAPSHOT_LIMIT)))

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """A WebSocket."""
        return await Connection(self._exchange, self._venue, request).serve()


class Admin:
    """What the demo says of itself, and commands."""

    def __init__(self, exchange: "DemoExchange"):
        self._exchange = exchange

    async def book(self, request: web.Request) -> web.Response:
        """The engine's book, exact: `?symbol=BTC/USDT&venue=demo&limit=5000`."""
        venue = request.query.get("venue", VENUES[0])
        publisher = self._exchange.publisher(venue, request.query.get("symbol", ""))
        limit = request.query.get("limit", str(SNAPSHOT_LIMIT))
        if not limit.isdecimal():
            raise InputError(f"The limit was {limit[:20]!r}: give a number of levels.")
        return _json(
            {
                "venue": venue,
                "symbol": publisher.town.flow.spec.symbol,
                "time_ms": self._exchange.wall_ns(self._exchange.world.time_s) // 1_000_000,
                **publisher.snapshot(int(limit[:9])),
            }
        )

    async def faults(self, _: web.Request) -> web.Response:
        """The faults so far, oldest first."""
        return _json([fault.to_json() for fault in self._exchange.faults.history])

    async def regimes(self, _: web.Request) -> web.Response:
        """The scenes so far, oldest first, with the times between which they were served."""
        return _json([times.to_json() for times in self._exchange.regimes])

    async def status(self, _: web.Request) -> web.Response:
        """Seed, speed and simulated time."""
        exchange = self._exchange
        return _json(
            {
                "seed": exchange.world.seed,
                "speed": exchange.speed,
                "time_s": exchange.world.time_s,
                "connections": len(exchange.connections),
            }
        )

    async def fault(self, request: web.Request) -> web.Response:
        """`{"kind": "drop", "symbol": "BTC/USDT"}`: let something go wrong."""
        return _json(self._exchange.fault(Fault.parse(await _body(request))).to_json())

    async def regime(self, request: web.Request) -> web.Response:
        """`{"symbol": "BTC/USDT", "kind": "breakout"}`: begin a scene now."""
        body = await _body(request)
        if not isinstance(body, dict) or set(body) != {"symbol", "kind"}:
            raise InputError('The body is {"symbol": …, "kind": …}.')
        self._exchange.show(str(body["symbol"]), str(body["kind"]))
        return _json(self._exchange.regimes[-1].to_json())

    async def speed(self, request: web.Request) -> web.Response:
        """`{"speed": 2}`: change the pace; 0 stops time, with every change delivered."""
        body = await _body(request)
        speed = body.get("speed") if isinstance(body, dict) else None
        if isinstance(speed, bool) or not isinstance(speed, int | float):
            raise InputError('The body is {"speed": NUMBER}.')
        self._exchange.set_speed(float(speed))
        return await self.status(request)


@web.middleware
async def _guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Only names of loopback as host, so that no page of the web can reach in by a DNS trick."""
    name = request.host.rsplit(":", 1)[0] if not request.host.endswith("]") else request.host
    if name not in _LOOPBACK_NAMES:
        return _json({"error": "The demo exchange answers on loopback only."}, 403)
    try:
        return await handler(request)
    except InputError as error:
        return _json({"error": str(error)}, 400)


async def _body(request: web.Request) -> Any:
    # A form from a foreign page cannot send this type without asking first.
    if request.content_type != "application/json":
        raise InputError("Send the command as application/json.")
    try:
        return orjson.loads(await request.read())
    except orjson.JSONDecodeError:
        raise InputError("The body is not valid JSON.") from None


def _fault_answer(fault: Fault) -> web.Response:
    if fault.kind == "bad_snapshot":
        return web.Response(
            body=b'{"lastUpdateId": 1, "bids": [["', content_type="application/json"
        )
    headers = {"Retry-After": str(max(1, round(fault.seconds)))}
    texts = {"429": "Too many requests.", "418": "IP banned.", "503": "Service unavailable."}
    return _json({"code": -1003, "msg": texts[fault.kind]}, int(fault.kind), headers)


def _json(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(
        body=orjson.dumps(value), status=status, headers=headers, content_type="application/json"
    )
