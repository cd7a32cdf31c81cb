"""The sockets of a worker as the hub sees them: what waits for each, and what a slow one loses."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from app.web.wishes import Frame

WAITING_FRAMES: Final = 3  # of a view and client
WAITING_TEXTS: Final = 64


@dataclass(eq=False)
class Slot:
    """One view of one client: the frames that wait to be sent."""

    number: int  # the page's own
    key: str
    frames: deque[bytes] = field(default_factory=deque)
    needs_snapshot: bool = True
    asked: bool = True  # whether the snapshot is on its way

    def offer(self, frame: Frame) -> bool:
        """Take a frame if it is of use; returns whether there is something to send."""
        if frame.snapshot and (frame.for_all or self.needs_snapshot):
            self.frames.clear()
            self.frames.append(frame.data)
            self.needs_snapshot = self.asked = False
            return True
        if frame.snapshot or self.needs_snapshot:
            return False
        if len(self.frames) >= WAITING_FRAMES:
            self.frames.clear()
            self.needs_snapshot = True
            return False
        self.frames.append(frame.data)
        return True


@dataclass(eq=False)
class Client:
    """One socket: what waits to be sent, and a bell for the one who sends it."""

    slots: dict[int, Slot] = field(default_factory=dict)
    texts: deque[str] = field(default_factory=deque)
    watching: bool = False
    watch_text: str | None = None
    bell: asyncio.Event = field(default_factory=asyncio.Event)
    stuck: bool = False  # it does not even read what it asked for

    def say(self, message: dict[str, Any]) -> None:
        """Queue a text."""
        self.stuck |= len(self.texts) >= WAITING_TEXTS
        self.texts.append(orjson.dumps(message).decode())
        self.bell.set()
