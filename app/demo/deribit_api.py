"""How clients reach the Deribit-speaking venue: JSON-RPC over WebSocket and the same methods over HTTP."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from app.demo.answers import answer, spoiled_snapshot
from app.demo.connection import Connection
from app.demo.deribit import CHANNELS, DeribitPublisher

if TYPE_CHECKING:
    from app.demo.server import DemoExchange

_LONG = {"BTC": "Bitcoin", "ETH": "Ethereum"}
_BEAT_S = (10.0, 3600.0)  # Deribit's bounds of a heartbeat's interval
_DEFAULT_DEPTH = 5


class RpcError(Exception):
    """An error of JSON-RPC."""

    def __init__(self, code: int, message: str, **data: str):
        super().__init__(message)
        self.value = {"code": code, "message": message, **({"data": data} if data else {})}


def settings(venue: str, host: str, port: int) -> dict[str, Any]:
    """ccxt's constructor for a venue of this protocol."""
    base = f"{host}:{port}/{venue}"
    return {
        "rateLimit": 5,
        "urls": {"api": {"rest": f"http://{base}", "ws": f"ws://{base}/ws/api/v2"}},
    }


class DeribitApi:
    """The public methods of one venue, the same over both transports."""

    def __init__(self, exchange: "DemoExchange", venue: str):
        self._exchange = exchange
        self._venue = venue
        self.methods: dict[str, Callable[[dict[str, Any]], Any]] = {
            "hello": lambda _: {"version": "1.2.26"},
            "test": lambda _: {"version": "1.2.26"},
            "status": lambda _: {"locked": "false"},
            "get_time": lambda _: exchange.venue_ns(venue) // 1_000_000,
            "get_currencies": self._currencies,
            "get_instruments": self._instruments,
            "get_instrument": lambda p: self.market(p).instrument(),
            "ticker": lambda p: self.market(p).ticker(),
            "get_order_book": self._order_book,
            "get_last_trades_by_instrument": self._last_trades,
            "get_book_summary_by_instrument": lambda p: [self._summary(self.market(p))],
            "get_book_summary_by_currency": self._summaries,
        }

    def mount(self, router: web.UrlDispatcher) -> None:
        """Add the routes."""
        router.add_get(f"/{self._venue}/api/v2/public/{{method}}", self._http)
        router.add_get(f"/{self._venue}/ws/api/v2", self._stream)

    def call(self, method: str, params: dict[str, Any]) -> Any:
        """Answer a method.

        Raises:
            RpcError: there is no such method or instrument.
        """
        found = self.methods.get(method)
        if found is None:
            raise RpcError(-32601, "Method not found")
        return found(params)

    def envelope(self, began_ns: int, **parts: Any) -> dict[str, Any]:
        """An answer with the times that Deribit adds."""
        now_ns = self._exchange.venue_ns(self._venue)
        times = {"usIn": began_ns // 1000, "usOut": now_ns // 1000}
        return {
            "jsonrpc": "2.0",
            **parts,
            **times,
            "usDiff": times["usOut"] - times["usIn"],
            "testnet": False,
        }

    def market(self, params: dict[str, Any]) -> DeribitPublisher:
        """The market that a request names.

        Raises:
            RpcError: there is none.
        """
        name = str(params.get("instrument_name"))
        found = self._exchange.publishers.get((self._venue, name))
        if not isinstance(found, DeribitPublisher) or found.delisted:
            raise RpcError(13020, "instrument_not_found")
        return found

    def _all(self, params: dict[str, Any]) -> list[DeribitPublisher]:
        currency = params.get("currency", "any")
        return [
            publisher
            for publisher in self._exchange.of_venue(self._venue)
            if isinstance(publisher, DeribitPublisher)
            and not publisher.delisted
            and currency in ("any", publisher.town.flow.spec.base)
        ]

    def _currencies(self, _: dict[str, Any]) -> list[dict[str, Any]]:
        bases = dict.fromkeys(p.town.flow.spec.base for p in self._all({}))
        return [
            {
                "currency": base,
                "currency_long": _LONG.get(base, base),
                "coin_type": base,
                "fee_precision": 4,
                "min_confirmations": 1,
                "min_withdrawal_fee": 0.0005,
                "withdrawal_fee": 0.0005,
                "withdrawal_priorities": [],
            }
            for base in bases
        ]

    def _instruments(self, params: dict[str, Any]) -> list[dict[str, Any]]:
        return [publisher.instrument() for publisher in self._all(params)]

    def _order_book(self, params: dict[str, Any]) -> dict[str, Any]:
        market = self.market(params)
        try:
            depth = int(params.get("depth", _DEFAULT_DEPTH))
        except ValueError:
            raise RpcError(-32602, "Invalid params", param="depth") from None
        engine = market.town.flow.engine
        return {
            **market.ticker(),
            "change_id": engine.update_id,
            "bids": market.levels(engine.bids, depth),
            "asks": market.levels(engine.asks, depth),
        }

    def _last_trades(self, params: dict[str, Any]) -> dict[str, Any]:
        """The newest first."""
        return {"trades": list(self.market(params).printed)[::-1], "has_more": False}

    @staticmethod
    def _summary(market: DeribitPublisher) -> dict[str, Any]:
        ticker, spec = market.ticker(), market.town.flow.spec
        return {
            "instrument_name": market.symbol,
            "base_currency": spec.base,
            "quote_currency": spec.quote,
            "creation_timestamp": ticker["timestamp"],
            "bid_price": ticker["best_bid_price"],
            "ask_price": ticker["best_ask_price"],
            "mid_price": ticker["mark_price"],
            "mark_price": ticker["mark_price"],
            "last": ticker["last_price"],
            "open_interest": ticker["open_interest"],
            "high": None,
            "low": None,
            "price_change": None,
            "volume": 0.0,
            "volume_usd": 0.0,
        }

    def _summaries(self, params: dict[str, Any]) -> list[dict[str, Any]]:
        return [self._summary(market) for market in self._all(params)]

    async def _http(self, request: web.Request) -> web.Response:
        began_ns = self._exchange.venue_ns(self._venue)
        method, params = request.match_info["method"], dict(request.query)
        if method == "get_order_book":
            name = params.get("instrument_name", "")
            if spoiled := await spoiled_snapshot(self._exchange, self._venue, name):
                return spoiled
        try:
            return answer(self.envelope(began_ns, result=self.call(method, params)))
        except RpcError as error:
            return answer(self.envelope(began_ns, error=error.value), 400)

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        return await DeribitConnection(self, self._exchange, self._venue, request).serve()


class DeribitConnection(Connection):
    """Subscriptions by channel, heartbeats, and every method of the API."""

    def __init__(self, api: DeribitApi, exchange: "DemoExchange", venue: str, request: web.Request):
        super().__init__(exchange, venue, request)
        self._api = api
        self._beat_s = 0.0
        self._tested = True  # the client answered the last test
        self._beating = asyncio.Event()

    def answer(self, text: str | bytes) -> None:
        """One request of JSON-RPC."""
        began_ns, number = self.exchange.venue_ns(self.venue), None
        opened: list[str] = []
        try:
            command = orjson.loads(text)
            number = command.get("id")
            params = command.get("params") or {}
            method = str(command.get("method")).removeprefix("public/")
            result, opened = self._result(method, params)
        except (orjson.JSONDecodeError, AttributeError):
            self.say(self._api.envelope(began_ns, error=RpcError(-32700, "Parse error").value))
            return
        except RpcError as error:
            self.say(self._api.envelope(began_ns, id=number, error=error.value))
            return
        self.say(self._api.envelope(began_ns, id=number, result=result))
        for name in opened:
            publisher, stream = self.streams[name]
            publisher.join(self, stream)

    def _result(self, method: str, params: dict[str, Any]) -> tuple[Any, list[str]]:
        """The result, and the channels that open after it is said."""
        if method == "subscribe":
            opened = self._subscribe(_names(params))
            return [name for name in _names(params) if name in self.streams], opened
        if method in ("unsubscribe", "unsubscribe_all"):
            names = list(self.streams) if method == "unsubscribe_all" else _names(params)
            gone = [name for name in names if name in self.streams]
            for name in gone:
                self.leave(name)
            return ("ok" if method == "unsubscribe_all" else gone), []
        if method == "set_heartbeat":
            self._beat_s = _interval(params)
            self._beating.set()
            return "ok", []
        if method == "disable_heartbeat":
            self._beat_s = 0.0
            return "ok", []
        self._tested |= method == "test"
        return self._api.call(method, params), []

    def _subscribe(self, names: list[str]) -> list[str]:
        opened = []
        for name in names:
            channel, _, rest = name.partition(".")
            symbol, _, interval = rest.partition(".")
            if interval == "raw":
                raise RpcError(13778, "raw_subscriptions_not_available_for_unauthorized")
            stream = CHANNELS.get(channel)
            publisher = self.exchange.publishers.get((self.venue, symbol))
            wanted = "" if stream == "best" else "100ms"
            # What there is not is left out of the answer, without an error.
            if publisher is None or publisher.delisted or not stream or interval != wanted:
                continue
            if self.refused(publisher):
                raise RpcError(-32602, "Invalid params", reason="refused by a demo fault")
            if name not in self.streams and not self.frozen:
                self.streams[name] = (publisher, stream)
                opened.append(name)
        return opened

    async def idle(self) -> None:
        """Test whether the client is there, as often as it asked for; one that is not is closed."""
        while True:
            await self._beating.wait()
            if not self._beat_s:
                self._beating.clear()
                continue
            await asyncio.sleep(self._beat_s)
            if not self._tested:
                self.disconnect()
                return
            self._tested = False
            for kind in ("heartbeat", "test_request"):
                self.say({"jsonrpc": "2.0", "method": "heartbeat", "params": {"type": kind}})


def _names(params: dict[str, Any]) -> list[str]:
    names = params.get("channels")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise RpcError(-32602, "Invalid params", param="channels", reason="invalid format")
    return names


def _interval(params: dict[str, Any]) -> float:
    seconds = params.get("interval")
    if not isinstance(seconds, int | float) or not _BEAT_S[0] <= seconds <= _BEAT_S[1]:
        raise RpcError(-32602, "Invalid params", param="interval")
    return float(seconds)
