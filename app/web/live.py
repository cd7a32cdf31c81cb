"""`/live`: one WebSocket a page; the protocol is docs/live.md."""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from app.clock import NS_PER_MS, NS_PER_S, Clock, monotonic_ns
from app.errors import InputError
from app.settings import WebSettings
from app.web.clients import Client
from app.web.hub import Hub
from app.web.spec import ViewSpec, view_number

PROTOCOL: Final = 1
MAX_MESSAGE: Final = 16 * 1024
MESSAGES_PER_S: Final = 40.0
MESSAGE_BURST: Final = 120.0
VIEW_COST: Final = 3.0  # of a view beside its message: it is computed
SEND_TIMEOUT_S: Final = 30.0  # a page that takes nothing for so long is gone
CLOSE_S: Final = 5.0  # a busy page needs a while to answer; cut off before, it does not learn why
_CLOSE_AT_END_S: Final = 0.5  # a worker that is told to end has no time
_TOO_BIG, _POLICY, _RESTART, _LATER = 1009, 1008, 1012, 1013
_RESTARTS: Final = "The server restarts."


class _Leave(Exception):  # noqa: N818  it ends a loop, it is no error
    def __init__(self, code: int, reason: str):
        super().__init__(reason)
        self.code, self.reason = code, reason


@dataclass
class _Budget:
    """How many messages a page may still send now."""

    left: float = MESSAGE_BURST
    at_ns: int = 0

    def spend(self, cost: float = 1.0) -> None:
        now = monotonic_ns()
        elapsed = (now - self.at_ns) / NS_PER_S if self.at_ns else 0.0
        self.left, self.at_ns = min(MESSAGE_BURST, self.left + elapsed * MESSAGES_PER_S), now
        if self.left < cost:
            raise _Leave(_POLICY, "Too many messages.")
        self.left -= cost


async def serve(
    socket: WebSocket, hub: Hub, clock: Clock, settings: WebSettings, server_run: str
) -> None:
    """Serve one page until it leaves."""
    await socket.accept()
    if hub.dismissing:
        await socket.close(_RESTART, _RESTARTS)
        return
    if len(hub.clients) >= settings.max_clients:
        message = "This server shows as many pages as it may; try again later."
        await socket.send_text(orjson.dumps({"type": "error", "message": message}).decode())
        await socket.close(_LATER, "full")
        return
    client = Client()
    client.say(
        {
            "type": "hello",
            "protocol": PROTOCOL,
            "server": server_run,
            "started_ms": hub.started_ns / NS_PER_MS,
            "time_ms": clock.now_ns() / NS_PER_MS,
        }
    )
    hub.join(client)
    sender = asyncio.create_task(_send(socket, hub, client))
    reader = asyncio.create_task(_read(socket, hub, client, settings))
    leave = _Leave(1000, "")
    try:
        done, _ = await asyncio.wait((sender, reader), return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            error = task.exception()
            if isinstance(error, _Leave):
                leave = error
            elif error is not None and not isinstance(
                error, WebSocketDisconnect | OSError | RuntimeError
            ):
                raise error
    finally:
        hub.leave(client)
        for task in (sender, reader):
            task.cancel()
            with contextlib.suppress(BaseException):
                await task
        if socket.client_state is WebSocketState.CONNECTED:
            wait_s = _CLOSE_AT_END_S if hub.dismissing else CLOSE_S
            with contextlib.suppress(OSError, RuntimeError, TimeoutError):
                async with asyncio.timeout(wait_s):
                    await socket.close(leave.code, leave.reason)


async def _send(socket: WebSocket, hub: Hub, client: Client) -> None:
    """Send what waits, one view after the other; the socket's own back-pressure sets the pace."""
    while True:
        await client.bell.wait()
        client.bell.clear()
        if hub.dismissing:
            raise _Leave(_RESTART, _RESTARTS)
        if client.stuck:
            raise _Leave(_POLICY, "The page does not read what it asks for.")
        while client.texts:
            await _within(socket.send_text(client.texts.popleft()))
        if client.watch_text is not None:
            text, client.watch_text = client.watch_text, None
            await _within(socket.send_text(text))
        for slot in list(client.slots.values()):
            while slot.frames:
                await _within(socket.send_bytes(slot.frames.popleft()))
            hub.refill(client, slot)


async def _within(sending: Any) -> None:
    try:
        # `wait_for` of Python 3.11 may swallow that the sender is cancelled: it would go on for ever.
        async with asyncio.timeout(SEND_TIMEOUT_S):
            await sending
    except TimeoutError:
        raise _Leave(_POLICY, "The page takes nothing.") from None


async def _read(socket: WebSocket, hub: Hub, client: Client, settings: WebSettings) -> None:
    budget = _Budget()
    while True:
        event = await socket.receive()
        if event["type"] == "websocket.disconnect":
            return
        budget.spend()
        text = event.get("text")
        if text is None:
            raise _Leave(_POLICY, "Commands are text.")
        if len(text) > MAX_MESSAGE:
            raise _Leave(_TOO_BIG, "A command has at most 16 kB.")
        number: int | None = None
        try:
            message = _object(text)
            with contextlib.suppress(InputError):
                number = view_number(message)
            if message.get("type") in ("view", "prepare", "resync", "retry"):
                budget.spend(VIEW_COST)
            _obey(message, hub, client, settings)
        except InputError as error:
            named = {} if number is None else {"id": number}
            client.say({"type": "error", **named, "message": str(error)})


def _object(text: str) -> Mapping[str, Any]:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise InputError("A command is one JSON object; this was not JSON.") from None
    if not isinstance(value, dict):
        raise InputError("A command is one JSON object.")
    return value


def _obey(message: Mapping[str, Any], hub: Hub, client: Client, settings: WebSettings) -> None:
    match message.get("type"):
        case "view":
            number = view_number(message)
            if number not in client.slots and len(client.slots) >= settings.max_views:
                raise InputError(f"A page may have {settings.max_views} views at once.")
            hub.view(client, number, ViewSpec.parse(message))
        case "prepare":
            hub.prepare(ViewSpec.parse(message))
        case "drop":
            hub.drop(client, view_number(message))
        case "resync":
            hub.resync(client, view_number(message))
        case "retry":
            hub.retry(client, view_number(message))
        case "watch":
            hub.watch(client, message.get("on") is True)
        case "ping":
            t = message.get("t")
            known = isinstance(t, int | float | str) and len(str(t)) <= 40
            client.say({"type": "pong", "t": t if known else None})
        case _:
            raise InputError(
                "The command's type is unknown: view, prepare, drop, resync, retry, watch or ping."
            )
