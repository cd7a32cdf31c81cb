"""One WebSocket of a client: what it subscribed to, and a bounded queue towards it."""

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import WSCloseCode, WSMsgType, web

from app import log
from app.demo.binance import SUFFIXES, Publisher
from app.demo.faults import Fault

if TYPE_CHECKING:
    from app.demo.server import DemoExchange

_MAX_PENDING_BYTES = 16 * 1024 * 1024
_MAX_STREAMS = 1024  # as Binance
_log = log.get("demo")


class Connection:
    """Answers commands and sends the subscribed streams; a client that is too slow is cut off."""

    def __init__(self, exchange: "DemoExchange", venue: str, request: web.Request):
        self.venue = venue
        self._exchange = exchange
        self._request = request
        self._socket = web.WebSocketResponse(compress=False, heartbeat=180.0, max_msg_size=1 << 20)
        self._streams: dict[str, tuple[Publisher, str]] = {}
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._wake = asyncio.Event()

    async def serve(self) -> web.WebSocketResponse:
        """Until the client leaves."""
        await self._socket.prepare(self._request)
        self._exchange.connections.add(self)
        pump = asyncio.create_task(self._pump(), name="demo pump")
        try:
            async for message in self._socket:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    self.send(orjson.dumps(self._answer(message.data)))
        finally:
            self._exchange.connections.discard(self)
            self._unsubscribe(list(self._streams))
            pump.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await pump
        return self._socket

    def send(self, data: bytes) -> None:
        """Queue a message; too many waiting ends the connection."""
        self._pending.append(data)
        self._pending_bytes += len(data)
        self._wake.set()
        if self._pending_bytes > _MAX_PENDING_BYTES:
            _log.warning("client too slow, cut off", venue=self.venue)
            self.reset()

    def concerned(self, fault: Fault) -> bool:
        """Whether a fault of connections is meant for this one."""
        symbols = {publisher.symbol for publisher, _ in self._streams.values()}
        return fault.concerns(self.venue) and (fault.symbol is None or fault.symbol in symbols)

    def disconnect(self) -> None:
        """Say goodbye, as a venue does before maintenance; what waits is lost."""
        self._pending.clear()
        self._unsubscribe(list(self._streams))
        task = asyncio.ensure_future(
            self._socket.close(code=WSCloseCode.GOING_AWAY, message=b"demo fault")
        )
        task.add_done_callback(lambda t: t.cancelled() or t.exception())

    def reset(self) -> None:
        """Cut the transport without a word."""
        self._pending.clear()
        self._unsubscribe(list(self._streams))
        if self._request.transport is not None:
            self._request.transport.abort()

    async def _pump(self) -> None:
        while not self._socket.closed:
            await self._wake.wait()
            self._wake.clear()
            batch, self._pending, self._pending_bytes = self._pending, [], 0
            for data in batch:
                try:
                    await self._socket.send_frame(data, WSMsgType.TEXT)
                except (ConnectionError, RuntimeError):
                    # The client is gone; `serve` ends when the read side sees it.
                    return

    def _answer(self, text: str | bytes) -> dict[str, Any]:
        try:
            command = orjson.loads(text)
            number, method = command.get("id"), command.get("method")
            names = command.get("params") or []
            if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
                return _error(number, "params is not a list of stream names")
        except (orjson.JSONDecodeError, AttributeError):
            return _error(None, "the message is not a JSON object")
        if method == "SUBSCRIBE":
            if self._exchange.faults.once(("refuse",), self.venue, _symbol(names)):
                return _error(number, "refused by a demo fault")
            if problem := self._subscribe(names):
                return _error(number, problem)
        elif method == "UNSUBSCRIBE":
            self._unsubscribe(names)
        elif method == "LIST_SUBSCRIPTIONS":
            return {"result": list(self._streams), "id": number}
        else:
            return _error(number, f"unknown method {str(method)[:40]!r}")
        return {"result": None, "id": number}

    def _subscribe(self, names: list[str]) -> str | None:
        found = {}
        for name in names:
            symbol, _, suffix = name.partition("@")
            publisher = self._exchange.publishers.get((self.venue, symbol.upper()))
            stream = next((key for key, known in SUFFIXES.items() if known == suffix), None)
            if publisher is None or stream is None:
                return f"there is no stream {name[:80]!r}"
            found[name] = (publisher, stream)
        if len(self._streams | found) > _MAX_STREAMS:
            return f"more than {_MAX_STREAMS} streams on one connection"
        for publisher, stream in found.values():
            publisher.subscribers[stream].add(self)
        self._streams.update(found)
        return None

    def _unsubscribe(self, names: list[str]) -> None:
        for name in names:
            if name in self._streams:
                publisher, stream = self._streams.pop(name)
                publisher.subscribers[stream].discard(self)


def _symbol(names: list[str]) -> str | None:
    return names[0].partition("@")[0].upper() if names else None


def _error(number: Any, text: str) -> dict[str, Any]:
    return {"error": {"code": 2, "msg": f"Invalid request: {text}"}, "id": number}
