"""How clients reach the Kraken-speaking venue: REST endpoints and WebSocket v2 requests."""

import asyncio
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from app.demo.answers import answer, spoiled_snapshot
from app.demo.connection import Connection
from app.demo.kraken import DEPTHS, KrakenPublisher, kraken_time

if TYPE_CHECKING:
    from app.demo.server import DemoExchange

# REST has names of its own for the assets.
_ASSETS = {"BTC": ("XXBT", "XBT"), "ETH": ("XETH", "ETH"), "USD": ("ZUSD", "USD")}
_DEFAULT_DEPTH, _DEFAULT_COUNT, _MAX_COUNT = 10, 100, 500
_BEAT_S = 1.0


def settings(venue: str, host: str, port: int) -> dict[str, Any]:
    """ccxt's constructor for a venue of this protocol."""
    base = f"{host}:{port}/{venue}"
    api = {"public": f"http://{base}", "ws": {"publicV2": f"ws://{base}/v2"}}
    return {"rateLimit": 5, "urls": {"api": api}}


class KrakenApi:
    """Kraken's endpoints of one venue."""

    def __init__(self, exchange: "DemoExchange", venue: str):
        self._exchange = exchange
        self._venue = venue

    def mount(self, router: web.UrlDispatcher) -> None:
        """Add the routes."""
        base = f"/{self._venue}/0/public"
        router.add_get(f"{base}/Time", self._time)
        router.add_get(f"{base}/SystemStatus", self._status)
        router.add_get(f"{base}/Assets", self._assets)
        router.add_get(f"{base}/AssetPairs", self._pairs)
        router.add_get(f"{base}/Depth", self._depth)
        router.add_get(f"{base}/Trades", self._trades)
        router.add_get(f"/{self._venue}/v2", self._stream)

    def _markets(self) -> dict[str, KrakenPublisher]:
        """The pairs by REST's name of them."""
        found = {}
        for publisher in self._exchange.of_venue(self._venue):
            if isinstance(publisher, KrakenPublisher) and not publisher.delisted:
                spec = publisher.town.flow.spec
                found[_ASSETS[spec.base][0] + _ASSETS[spec.quote][0]] = publisher
        return found

    async def _time(self, _: web.Request) -> web.Response:
        now_ns = self._exchange.venue_ns(self._venue)
        return _result({"unixtime": now_ns // 10**9, "rfc1123": kraken_time(now_ns)})

    async def _status(self, _: web.Request) -> web.Response:
        return _result(
            {"status": "online", "timestamp": kraken_time(self._exchange.venue_ns(self._venue))}
        )

    async def _assets(self, _: web.Request) -> web.Response:
        asset = {"aclass": "currency", "decimals": 10, "display_decimals": 5, "status": "enabled"}
        return _result({name: {**asset, "altname": short} for name, short in _ASSETS.values()})

    async def _pairs(self, _: web.Request) -> web.Response:
        return _result({name: _pair(publisher) for name, publisher in self._markets().items()})

    async def _depth(self, request: web.Request) -> web.Response:
        """A snapshot, unless a fault is ordered for it."""
        name = request.query.get("pair", "")
        publisher = self._markets().get(name)
        if publisher is None:
            return answer({"error": ["EQuery:Unknown asset pair"]})
        count = request.query.get("count", str(_DEFAULT_COUNT))
        if not count.isdecimal() or not 1 <= int(count[:9]) <= _MAX_COUNT:
            return answer({"error": ["EGeneral:Invalid arguments:count"]})
        if spoiled := await spoiled_snapshot(self._exchange, self._venue, publisher.symbol):
            return spoiled
        book = publisher.book(int(count))
        now_s = self._exchange.venue_ns(self._venue) // 10**9
        sides = {side: [[p, q, now_s] for p, q in book[side]] for side in ("asks", "bids")}
        return _result({name: sides})

    async def _trades(self, request: web.Request) -> web.Response:
        """The latest trades, oldest first."""
        name = request.query.get("pair", "")
        publisher = self._markets().get(name)
        if publisher is None:
            return answer({"error": ["EQuery:Unknown asset pair"]})
        listed = [
            [t["price"], t["qty"], t["time_ns"] / 1e9, t["side"][0], "m", "", t["trade_id"]]
            for t in publisher.printed
        ]
        return _result({name: listed, "last": str(self._exchange.venue_ns(self._venue))})

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        return await KrakenConnection(self._exchange, self._venue, request).serve()


class KrakenConnection(Connection):
    """Subscriptions by channel and symbol; a heartbeat while nothing else is said."""

    _silent = True
    _depths: dict[str, int]

    def greet(self) -> None:
        """The status, with which every connection opens."""
        self._depths = {}
        data = {
            "version": "2.0.10",
            "system": "online",
            "api_version": "v2",
            "connection_id": id(self),
        }
        self.say({"channel": "status", "type": "update", "data": [data]})

    def send(self, data: bytes) -> None:
        """As everywhere; what is said stands for a heartbeat."""
        self._silent = False
        super().send(data)

    async def idle(self) -> None:
        """A heartbeat for each second without a word."""
        while True:
            await asyncio.sleep(_BEAT_S)
            if self._silent and self.streams:
                self.say({"channel": "heartbeat"})
            self._silent = True

    def answer(self, text: str | bytes) -> None:
        """subscribe, unsubscribe, ping."""
        began = kraken_time(self.exchange.venue_ns(self.venue))
        try:
            command = orjson.loads(text)
            method, params = command.get("method"), command.get("params") or {}
            times = {"req_id": command["req_id"]} if "req_id" in command else {}
        except (orjson.JSONDecodeError, AttributeError):
            self.say({"error": "Malformed request", "success": False, "time_in": began})
            return
        times |= {"time_in": began, "time_out": kraken_time(self.exchange.venue_ns(self.venue))}
        if method == "ping":
            self.say({"method": "pong", **times})
        elif method not in ("subscribe", "unsubscribe"):
            self.say({"error": "Unsupported method", "success": False, **times})
        elif params.get("channel") == "instrument":
            self._instruments(method, times)
        else:
            for symbol in params.get("symbol") or []:
                self._one(method, params, str(symbol), times)

    def _one(self, method: str, params: dict[str, Any], symbol: str, times: dict[str, Any]) -> None:
        """A subscription to one symbol, begun or ended."""
        channel = params.get("channel")
        depth = params.get("depth", self._depths.get(symbol, _DEFAULT_DEPTH))
        name = f"{channel} {symbol}"
        publisher = self.exchange.publishers.get((self.venue, symbol))
        problem = None
        if channel not in ("book", "trade"):
            problem = f"Unsupported channel {str(channel)[:20]}"
        elif not isinstance(publisher, KrakenPublisher) or publisher.delisted:
            problem = f"Currency pair not supported {symbol[:20]}"
        elif depth not in DEPTHS:
            problem = "Subscription depth not supported"
        elif method == "subscribe" and name in self.streams:
            problem = "Already subscribed to one or more symbols"
        elif method == "unsubscribe" and name not in self.streams:
            problem = "Subscription Not Found"
        elif method == "subscribe" and self.refused(publisher):
            problem = "Refused by a demo fault"
        if problem is not None or not isinstance(publisher, KrakenPublisher):
            self.say(
                {"error": problem, "method": method, "success": False, "symbol": symbol, **times}
            )
            return
        about = {"channel": channel, "symbol": symbol, "snapshot": True}
        about |= {"depth": depth} if channel == "book" else {}
        self.say({"method": method, "result": about, "success": True, **times})
        if method == "unsubscribe":
            self.leave(name)
        elif not self.frozen:
            self.streams[name] = (publisher, "depth" if channel == "book" else "trade")
            self._open(publisher, channel == "book", depth)

    def _open(self, publisher: KrakenPublisher, book: bool, depth: int) -> None:
        if book:
            self._depths[publisher.symbol] = depth
            publisher.open_book(self, depth)
        else:
            publisher.open_trades(self)

    def _instruments(self, method: str, times: dict[str, Any]) -> None:
        """The one channel that is about all markets: a snapshot, since nothing of it changes."""
        result = {"channel": "instrument", "snapshot": True}
        self.say({"method": method, "result": result, "success": True, **times})
        if method == "subscribe":
            pairs = [
                publisher.pair()
                for publisher in self.exchange.of_venue(self.venue)
                if isinstance(publisher, KrakenPublisher)
            ]
            assets = [{"id": name, "status": "enabled", "precision": 10} for name in _ASSETS]
            data = {"assets": assets, "pairs": pairs}
            self.say({"channel": "instrument", "type": "snapshot", "data": data})


def _pair(publisher: KrakenPublisher) -> dict[str, Any]:
    """A pair's entry in `AssetPairs`."""
    spec = publisher.town.flow.spec
    (base, short), (quote, short_quote) = _ASSETS[spec.base], _ASSETS[spec.quote]
    return {
        "altname": short + short_quote,
        "wsname": f"{short}/{short_quote}",
        "aclass_base": "currency",
        "base": base,
        "aclass_quote": "currency",
        "quote": quote,
        "lot": "unit",
        "cost_decimals": 5,
        "pair_decimals": publisher.price_digits,
        "lot_decimals": publisher.size_digits,
        "lot_multiplier": 1,
        "leverage_buy": [],
        "leverage_sell": [],
        "fees": [[0, 0.4]],
        "fees_maker": [[0, 0.25]],
        "fee_volume_currency": "ZUSD",
        "margin_call": 80,
        "margin_stop": 40,
        "ordermin": "0.0001",
        "costmin": "0.5",
        "tick_size": str(spec.grid.tick),
        "status": "online",
    }


def _result(value: Any) -> web.Response:
    return answer({"error": [], "result": value})
