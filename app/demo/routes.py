"""The demo exchange's HTTP: its venues' endpoints, and what the demo says of itself."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from app.demo.answers import answer
from app.demo.binance import SNAPSHOT_LIMIT
from app.demo.binance_api import BinanceApi
from app.demo.deribit_api import DeribitApi
from app.demo.faults import Fault
from app.demo.kraken_api import KrakenApi
from app.demo.spec import LEADER, VENUES
from app.errors import InputError

if TYPE_CHECKING:
    from app.demo.server import DemoExchange

_LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
Api = type[BinanceApi] | type[DeribitApi] | type[KrakenApi]
_APIS: dict[str, Api] = {"binance": BinanceApi, "deribit": DeribitApi, "kraken": KrakenApi}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def application(exchange: "DemoExchange") -> web.Application:
    """All routes of an exchange."""
    app = web.Application(middlewares=[_guard], client_max_size=1 << 16)
    for venue, there in VENUES.items():
        _APIS[there.protocol](exchange, venue).mount(app.router)
    admin = Admin(exchange)
    app.router.add_get("/demo/book", admin.book)
    app.router.add_get("/demo/faults", admin.faults)
    app.router.add_get("/demo/regimes", admin.regimes)
    app.router.add_get("/demo/status", admin.status)
    app.router.add_post("/demo/fault", admin.fault)
    app.router.add_post("/demo/regime", admin.regime)
    app.router.add_post("/demo/speed", admin.speed)
    return app


class Admin:
    """What the demo says of itself, and commands."""

    def __init__(self, exchange: "DemoExchange"):
        self._exchange = exchange

    async def book(self, request: web.Request) -> web.Response:
        """The engine's book, exact: `?symbol=BTC/USDT&venue=demo&limit=5000`."""
        venue = request.query.get("venue", LEADER)
        publisher = self._exchange.publisher(venue, request.query.get("symbol", ""))
        limit = request.query.get("limit", str(SNAPSHOT_LIMIT))
        if not limit.isdecimal():
            raise InputError(f"The limit was {limit[:20]!r}: give a number of levels.")
        return answer(
            {
                "venue": venue,
                "symbol": publisher.town.flow.spec.symbol,
                "time_ms": self._exchange.wall_ns(self._exchange.world.time_s) // 1_000_000,
                **publisher.book(int(limit[:9])),
            }
        )

    async def faults(self, _: web.Request) -> web.Response:
        """The faults so far, oldest first."""
        return answer([fault.to_json() for fault in self._exchange.faults.history])

    async def regimes(self, _: web.Request) -> web.Response:
        """The scenes so far, oldest first, with the times between which they were served."""
        return answer([times.to_json() for times in self._exchange.regimes])

    async def status(self, _: web.Request) -> web.Response:
        """Seed, speed and simulated time."""
        exchange = self._exchange
        return answer(
            {
                "seed": exchange.world.seed,
                "speed": exchange.speed,
                "time_s": exchange.world.time_s,
                "connections": len(exchange.connections),
            }
        )

    async def fault(self, request: web.Request) -> web.Response:
        """`{"kind": "drop", "symbol": "BTC/USDT"}`: let something go wrong."""
        return answer(self._exchange.fault(Fault.parse(await _body(request))).to_json())

    async def regime(self, request: web.Request) -> web.Response:
        """`{"symbol": "BTC/USDT", "kind": "breakout"}`: begin a scene now."""
        body = await _body(request)
        if not isinstance(body, dict) or set(body) != {"symbol", "kind"}:
            raise InputError('The body is {"symbol": …, "kind": …}.')
        self._exchange.show(str(body["symbol"]), str(body["kind"]))
        return answer(self._exchange.regimes[-1].to_json())

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
        return answer({"error": "The demo exchange answers on loopback only."}, 403)
    try:
        return await handler(request)
    except InputError as error:
        return answer({"error": str(error)}, 400)


async def _body(request: web.Request) -> Any:
    # A form from a foreign page cannot send this type without asking first.
    if request.content_type != "application/json":
        raise InputError("Send the command as application/json.")
    try:
        return orjson.loads(await request.read())
    except orjson.JSONDecodeError:
        raise InputError("The body is not valid JSON.") from None
