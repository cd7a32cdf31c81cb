"""How long an event loop stood still: where a second of silence is a fault, a pause of the machine is one."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Protocol, TypeVar

_BEAT_S = 0.02
PAUSE_S = 0.5  # half of the silence that is allowed where this is used
_AGAIN = 3


class Played(Protocol):
    """What became of something that was played."""

    wrong: list[str]
    pauses_s: list[float]  # for which it was played again


P = TypeVar("P", bound=Played)


class Pulse:
    """Looks at the loop every 20 ms and keeps how late it came."""

    def __init__(self) -> None:
        self._late: list[tuple[float, float]] = []  # when, and by how much, in seconds

    async def _beat(self) -> None:
        due = time.monotonic() + _BEAT_S
        while True:
            await asyncio.sleep(_BEAT_S)
            now = time.monotonic()
            if now - due > _BEAT_S:
                self._late.append((now, now - due))
            due = now + _BEAT_S

    def stood_s(self, since: float) -> float:
        """The longest standstill that ended after `since`, a moment of `time.monotonic()`."""
        return max((late for at, late in self._late if at > since), default=0.0)


@asynccontextmanager
async def pulse() -> AsyncIterator[Pulse]:
    """A pulse that is taken for as long as the block runs."""
    made = Pulse()
    beating = asyncio.create_task(made._beat())
    try:
        yield made
    finally:
        beating.cancel()
        with suppress(asyncio.CancelledError):
            await beating


async def steady(pulse: Pulse, play: Callable[[], Awaitable[P]]) -> P:
    """Play again what went wrong while the loop stood still: its silence is taken for the venue's.

    What goes wrong while the loop runs on is wrong, and so is what does each time; the last one counts.
    """
    pauses_s: list[float] = []
    while True:
        began = time.monotonic()
        played = await play()
        stood_s = pulse.stood_s(began)
        if not played.wrong or stood_s < PAUSE_S or len(pauses_s) == _AGAIN:
            played.pauses_s = pauses_s
            return played
        pauses_s.append(stood_s)
