"""One WebSocket of a client: what it subscribed to, and a bounded queue towards it."""

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from app import log
from app.demo.faults import Fault
from app.demo.publisher import Publisher

if TYPE_CHECKING:
    from app.demo.server import DemoExchange

_MAX_PENDING_BYTES = 16 * 1024 * 1024
_log = log.get("demo")


class Connection:
    """Answers commands and sends the subscribed streams; a client that is too slow is cut off.

    A frozen connection is a link that is dead on our side: it stays open, hears and says nothing.
    """

    def __init__(self, exchange: "DemoExchange", venue: str, request: web.Request):
        self.venue = venue
        self.exchange = exchange
        self.streams: dict[str, tuple[Publisher, str]] = {}
        self.frozen = False
        self._request = request
        self._socket = web.WebSocketResponse(
            compress=False, autoping=False, heartbeat=180.0, max_msg_size=1 << 20
        )
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._wake = asyncio.Event()

    def answer(self, text: str | bytes) -> None:
        """Take a command and `send` what is to be said to it."""
        raise NotImplementedError

    def greet(self) -> None:
        """What is said when a client has come."""

    def leave(self, name: str) -> None:
        """End a subscription by the venue's name of it."""
        publisher, stream = self.streams.pop(name)
        publisher.leave(self, stream)

    async def idle(self) -> None:
        """What is said now and then, for as long as the client stays."""

    async def serve(self) -> web.WebSocketResponse:
        """Until the client leaves."""
        await self._socket.prepare(self._request)
        self.exchange.connections.add(self)
        tasks = [asyncio.create_task(work, name="demo") for work in (self._pump(), self.idle())]
        self.greet()
        try:
            while not self._socket.closed:
                message = await self._socket.receive()
                if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.CLOSING):
                    break
                if not self.frozen:
                    await self._heard(message)
        finally:
            self.exchange.connections.discard(self)
            self._end_subscriptions()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return self._socket

    async def _heard(self, message: WSMessage) -> None:
        if message.type is WSMsgType.PING:
            with contextlib.suppress(ConnectionError, RuntimeError):
                await self._socket.pong(message.data)
        elif message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
            self.answer(message.data)

    def say(self, value: Any) -> None:
        """Queue a value as JSON."""
        self.send(orjson.dumps(value))

    def send(self, data: bytes) -> None:
        """Queue a message; too many waiting ends the connection."""
        if self.frozen:
            return
        self._pending.append(data)
        self._pending_bytes += len(data)
        self._wake.set()
        if self._pending_bytes > _MAX_PENDING_BYTES:
            _log.warning("client too slow, cut off", venue=self.venue)
            self.reset()

    def concerned(self, fault: Fault) -> bool:
        """Whether a fault of connections is meant for this one."""
        symbols = {publisher.symbol for publisher, _ in self.streams.values()}
        return fault.concerns(self.venue) and (fault.symbol is None or fault.symbol in symbols)

    def disconnect(self) -> None:
        """Say goodbye, as a venue does before maintenance; what waits is lost."""
        self._pending.clear()
        self._end_subscriptions()
        task = asyncio.ensure_future(
            self._socket.close(code=WSCloseCode.GOING_AWAY, message=b"demo fault")
        )
        task.add_done_callback(lambda t: t.cancelled() or t.exception())

    def reset(self) -> None:
        """Cut the transport without a word."""
        self._pending.clear()
        self._end_subscriptions()
        if self._request.transport is not None:
            self._request.transport.abort()

    def freeze(self) -> None:
        """Be dead without being closed."""
        self.frozen = True
        self._pending.clear()
        self._end_subscriptions()

    def refused(self, publisher: Publisher) -> bool:
        """Whether a subscription to a market is refused by a fault; it may also freeze the link."""
        faults, symbol = self.exchange.faults, publisher.symbol
        if faults.lasting("half_open", self.venue, symbol, self.exchange.now_ns()):
            self.freeze()
        return faults.once(("refuse",), self.venue, symbol) is not None

    def _end_subscriptions(self) -> None:
        for name in list(self.streams):
            self.leave(name)

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
