"""A page without a browser: speaks `/live` and keeps what it is told, as the page's scripts do."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import numpy as np
from websockets.asyncio.client import ClientConnection, connect

from app.web.frames import decode

WAIT_S = 20.0


class LivePage:
    """One connection; `texts` and `frames` in order of arrival."""

    def __init__(self, socket: ClientConnection):
        self.socket = socket
        self.texts: list[dict[str, Any]] = []
        self.frames: list[tuple[dict[str, Any], dict[str, np.ndarray]]] = []
        self.sizes: list[int] = []

    async def send(self, **message: Any) -> None:
        """Send a command."""
        await self.socket.send(json.dumps(message))

    async def view(self, number: int, market: str, **more: Any) -> None:
        """Subscribe."""
        await self.send(type="view", id=number, market=market, **more)

    async def receive(self) -> dict[str, Any]:
        """The next message: a text, or the header of a frame."""
        data = await asyncio.wait_for(self.socket.recv(), WAIT_S)
        if isinstance(data, str):
            self.texts.append(json.loads(data))
            return self.texts[-1]
        self.frames.append(decode(data))
        self.sizes.append(len(data))
        return self.frames[-1][0]

    async def until(self, kind: str, **fields: Any) -> dict[str, Any]:
        """Receive until a message of a type, with such fields, comes."""
        async with asyncio.timeout(WAIT_S):
            while True:
                message = await self.receive()
                wanted = message["type"] == kind
                if wanted and all(message.get(k) == v for k, v in fields.items()):
                    return message

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays of the newest frame."""
        return self.frames[-1][1]


@asynccontextmanager
async def live_page(base_url: str, **options: Any) -> AsyncIterator[LivePage]:
    """Connect to a server's `/live`."""
    url = base_url.replace("http", "ws", 1) + "/live"
    async with connect(url, max_size=None, proxy=None, **options) as socket:
        yield LivePage(socket)


async def read_on(page: LivePage) -> None:
    """Read until the connection ends."""
    while True:
        await page.receive()


async def fetch(url: str, **options: Any) -> httpx.Response:
    """A GET beside the event loop."""
    return await asyncio.to_thread(httpx.get, url, **options)
