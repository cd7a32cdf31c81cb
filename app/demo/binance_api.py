"""How clients reach the Binance-speaking venues: REST endpoints and WebSocket commands."""

from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from app.demo.answers import answer, spoiled_snapshot
from app.demo.binance import SNAPSHOT_LIMIT, SUFFIXES, BinancePublisher
from app.demo.connection import Connection
from app.demo.publisher import Publisher

if TYPE_CHECKING:
    from app.demo.server import DemoExchange

_DEFAULT_LIMIT = 100
_MAX_STREAMS = 1024


def settings(venue: str, host: str, port: int) -> dict[str, Any]:
    """ccxt's constructor for a venue of this protocol."""
    return {
        "rateLimit": 5,
        "urls": {
            "api": {
                "public": f"http://{host}:{port}/{venue}/api/v3",
                # ccxt takes a URL with /stream in it for spot.
                "ws": {"spot": f"ws://{host}:{port}/{venue}/stream/ws"},
            }
        },
        "options": {"fetchMarkets": {"types": ["spot"]}, "defaultType": "spot"},
    }


class BinanceApi:
    """Binance's endpoints of one venue."""

    def __init__(self, exchange: "DemoExchange", venue: str):
        self._exchange = exchange
        self._venue = venue

    def mount(self, router: web.UrlDispatcher) -> None:
        """Add the routes."""
        base, stream = f"/{self._venue}/api/v3", f"/{self._venue}/stream/ws"
        router.add_get(f"{base}/ping", self._ping)
        router.add_get(f"{base}/time", self._time)
        router.add_get(f"{base}/exchangeInfo", self._exchange_info)
        router.add_get(f"{base}/depth", self._depth)
        router.add_get(f"{base}/aggTrades", self._trades)
        router.add_get(stream, self._stream)
        router.add_get(f"{stream}/{{n}}", self._stream)

    async def _ping(self, _: web.Request) -> web.Response:
        return answer({})

    async def _time(self, _: web.Request) -> web.Response:
        return answer({"serverTime": self._exchange.venue_ns(self._venue) // 1_000_000})

    async def _exchange_info(self, _: web.Request) -> web.Response:
        markets = [
            publisher.info()
            for publisher in self._exchange.of_venue(self._venue)
            if isinstance(publisher, BinancePublisher)
        ]
        return answer(
            {
                "timezone": "UTC",
                "serverTime": self._exchange.venue_ns(self._venue) // 1_000_000,
                "rateLimits": [],
                "exchangeFilters": [],
                "symbols": markets,
            }
        )

    async def _depth(self, request: web.Request) -> web.Response:
        """A snapshot, unless a fault is ordered for it."""
        symbol = request.query.get("symbol", "")
        publisher = self._exchange.publishers.get((self._venue, symbol))
        if publisher is None or publisher.delisted:
            return answer({"code": -1121, "msg": "Invalid symbol."}, 400)
        text = request.query.get("limit", str(_DEFAULT_LIMIT))
        if not text.isdecimal() or len(text) > 6 or not int(text):
            return answer({"code": -1100, "msg": "Illegal characters found in 'limit'."}, 400)
        spoiled = await spoiled_snapshot(self._exchange, self._venue, symbol)
        return spoiled or answer(publisher.book(min(int(text), SNAPSHOT_LIMIT)))

    async def _trades(self, request: web.Request) -> web.Response:
        """The latest trades, oldest first; each stands alone."""
        publisher = self._exchange.publishers.get((self._venue, request.query.get("symbol", "")))
        if publisher is None or publisher.delisted:
            return answer({"code": -1121, "msg": "Invalid symbol."}, 400)
        return answer(list(publisher.printed))

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        return await BinanceConnection(self._exchange, self._venue, request).serve()


class BinanceConnection(Connection):
    """Subscriptions by stream name: `btcusdt@depth@100ms`."""

    def answer(self, text: str | bytes) -> None:
        """SUBSCRIBE, UNSUBSCRIBE, LIST_SUBSCRIPTIONS."""
        self.say(self._reply(text))

    def _reply(self, text: str | bytes) -> dict[str, Any]:
        try:
            command = orjson.loads(text)
            number, method = command.get("id"), command.get("method")
            names = command.get("params") or []
            if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
                return _error(number, "params is not a list of stream names")
        except (orjson.JSONDecodeError, AttributeError):
            return _error(None, "the message is not a JSON object")
        if method == "SUBSCRIBE":
            if problem := self._subscribe(names):
                return _error(number, problem)
        elif method == "UNSUBSCRIBE":
            for name in names:
                if name in self.streams:
                    self.leave(name)
        elif method == "LIST_SUBSCRIPTIONS":
            return {"result": list(self.streams), "id": number}
        else:
            return _error(number, f"unknown method {str(method)[:40]!r}")
        return {"result": None, "id": number}

    def _subscribe(self, names: list[str]) -> str | None:
        found: dict[str, tuple[Publisher, str]] = {}
        for name in names:
            symbol, _, suffix = name.partition("@")
            publisher = self.exchange.publishers.get((self.venue, symbol.upper()))
            stream = next((key for key, known in SUFFIXES.items() if known == suffix), None)
            if publisher is None or stream is None:
                return f"there is no stream {name[:80]!r}"
            if self.refused(publisher):
                return "refused by a demo fault"
            found[name] = (publisher, stream)
        if len(self.streams | found) > _MAX_STREAMS:
            return f"more than {_MAX_STREAMS} streams on one connection"
        for publisher, stream in found.values():
            # A market that is gone is accepted and stays silent, as at Binance.
            publisher.join(self, stream)
        self.streams.update(found)
        return None


def _error(number: Any, text: str) -> dict[str, Any]:
    return {"error": {"code": 2, "msg": f"Invalid request: {text}"}, "id": number}
