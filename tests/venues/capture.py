"""A loopback server that replays a capture of REST and WebSocket traffic of deribit or okx to ccxt.

A capture has lines `<url> -> <time>: <answer>` of REST and `<time>: <frame>` of a WebSocket. Frames of the
channels that the client subscribed are sent in their order, each handled before the next.
"""

import asyncio
import gzip
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson
from aiohttp import WSMsgType, web

from app.clock import NS_PER_S
from tests.venues.binance_replay import ReplayClock


@dataclass(frozen=True)
class Frame:
    """A recorded frame: when it came, and what."""

    time_ns: int
    text: str

    @property
    def message(self) -> Any:
        """The frame, decoded."""
        return orjson.loads(self.text)


@dataclass(frozen=True)
class Answer:
    """A recorded answer of REST."""

    path: str
    query: frozenset[tuple[str, str]]
    body: dict[str, Any]


def _ns(text: str) -> int:
    seconds, _, fraction = text.partition(".")
    return int(seconds) * NS_PER_S + int(fraction.ljust(9, "0")[:9])


def _lines(path: Path) -> list[str]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [line.strip() for line in file if line.strip()]


def frames(path: Path) -> list[Frame]:
    """What the venue sent, in order."""
    sent = [line for line in _lines(path) if line[0].isdigit()]
    parts = [line.partition(": ") for line in sent]
    return [Frame(_ns(stamp), text) for stamp, _, text in parts]


def answers(path: Path) -> list[Answer]:
    """What REST answered, the last of each request."""
    found: dict[tuple[str, frozenset[tuple[str, str]]], Answer] = {}
    for line in _lines(path):
        url, arrow, rest = line.partition(" -> ")
        if arrow:
            where = urlsplit(url)
            query = frozenset(parse_qsl(where.query))
            body = orjson.loads(rest.partition(": ")[2])
            found[where.path, query] = Answer(where.path, query, body)
    return list(found.values())


class CaptureServer:
    """Serves a capture.

    Args:
        answers: of REST.
        frames: of the WebSocket.
        channel: the channel of a frame, None for those that are not replayed.
        asked: the channels that a message of the client subscribes, None where it subscribes nothing.
        confirm: the answer to such a message.
        wanted: how many channels are subscribed before the replay begins.
        clock: is set to the time of each frame before it is sent.
    """

    def __init__(
        self,
        answers: Sequence[Answer],
        frames: Sequence[Frame],
        channel: Callable[[Any], str | None],
        asked: Callable[[Any], list[str] | None],
        confirm: Callable[[Any], Any],
        wanted: int,
        clock: ReplayClock,
    ):
        self.answers, self.frames, self.clock = answers, frames, clock
        self.sent: dict[str, int] = {}
        self.subscribed: set[str] = set()
        self.finished = asyncio.Event()
        self.port = 0
        self._channel, self._asked, self._confirm, self._wanted = channel, asked, confirm, wanted
        self._runner: web.AppRunner | None = None
        self._pong = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/ws{rest:.*}", self._socket)
        app.router.add_get("/{path:.*}", self._rest)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._runner is not None:
            await self._runner.cleanup()

    async def _rest(self, request: web.Request) -> web.Response:
        """The recorded answer, or all that ask for more than the client did, put together."""
        query = set(request.query.items())
        same = [a for a in self.answers if a.path == request.path and query <= set(a.query)]
        if not same:
            return web.json_response({"error": f"not recorded: {request.path_qs}"}, status=404)
        lists = next(key for key, value in same[0].body.items() if isinstance(value, list))
        body = {**same[0].body, lists: [item for a in same for item in a.body[lists]]}
        return web.Response(body=orjson.dumps(body), content_type="application/json")

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        ws = web.WebSocketResponse(autoping=False, max_msg_size=1 << 20)
        await ws.prepare(request)
        async for message in ws:
            if message.type is WSMsgType.PING:
                await ws.pong(message.data)
            elif message.type is WSMsgType.PONG:
                self._pong.set()
            elif message.type is WSMsgType.TEXT and message.data == "ping":
                await ws.send_str("pong")
            elif message.type is WSMsgType.TEXT:
                said = orjson.loads(message.data)
                channels = self._asked(said)
                if channels is not None:
                    await ws.send_str(orjson.dumps(self._confirm(said)).decode())
                    self.subscribed |= set(channels)
                if len(self.subscribed) >= self._wanted and self._task is None:
                    self._task = asyncio.create_task(self._replay(ws))
        return ws

    async def _replay(self, ws: web.WebSocketResponse) -> None:
        for frame in self.frames:
            channel = self._channel(frame.message)
            if channel not in self.subscribed or channel is None:
                continue
            self.clock.time_ns = frame.time_ns
            await ws.send_str(frame.text)
            self.sent[channel] = self.sent.get(channel, 0) + 1
            self._pong.clear()
            await ws.ping(b"x")
            await self._pong.wait()
        self.finished.set()


def deribit_server(
    answers: Sequence[Answer], frames: Sequence[Frame], wanted: int, clock: ReplayClock
) -> CaptureServer:
    """Deribit's; the capture has `raw` channels, which need an account now: they are sent as `100ms`."""
    sent = [Frame(f.time_ns, f.text.replace('.raw","data"', '.100ms","data"')) for f in frames]
    return CaptureServer(
        answers,
        sent,
        lambda m: (m.get("params") or {}).get("channel"),
        lambda m: m["params"]["channels"] if m.get("method") == "public/subscribe" else None,
        lambda m: {"jsonrpc": "2.0", "id": m["id"], "result": m["params"]["channels"]},
        wanted,
        clock,
    )


def okx_server(
    answers: Sequence[Answer], frames: Sequence[Frame], wanted: int, clock: ReplayClock
) -> CaptureServer:
    """OKX's."""

    def name(arg: Any) -> str:
        return f"{arg['channel']}:{arg['instId']}"

    def channel(message: Any) -> str | None:
        return name(message["arg"]) if "data" in message else None

    return CaptureServer(
        answers,
        frames,
        channel,
        lambda m: [name(arg) for arg in m["args"]] if m.get("op") == "subscribe" else None,
        lambda m: {"event": "subscribe", "arg": m["args"][0]},
        wanted,
        clock,
    )
