"""Watches what no message can tell: a link that fell silent, a machine that slept."""

from collections.abc import Callable, Iterable
from typing import Any

from app.clock import NS_PER_S, Clock

_SLEPT_NS = NS_PER_S


class Watchdog:
    """Judges by the link, not by one market: quiet markets are silent for good reasons.

    Args:
        clock: the time.
        stale_after_s: a connected link on which nothing comes for so long, not even an answer to a
            ping, is given up.
        clients: the connections there are now.
        silent: called with a link that is given up, and for how many seconds it was silent.
        slept: called with the seconds that the machine was asleep.
        compare: called at each look, with the silence in ns after which a stream is stale, to hold the
            streams of each market against each other.
    """

    def __init__(
        self,
        clock: Clock,
        stale_after_s: float,
        clients: Callable[[], Iterable[Any]],
        silent: Callable[[Any, float], None],
        slept: Callable[[float], None],
        compare: Callable[[int], None],
    ):
        self._clock, self._stale_ns = clock, round(stale_after_s * NS_PER_S)
        self._clients, self._silent = clients, silent
        self._slept, self._compare = slept, compare
        self._asleep_ns = clock.slept_ns()
        self.every_s = min(1.0, stale_after_s / 4.0)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            before_ns = self._clock.now_ns()
            await self._clock.sleep(self.every_s)
            late_ns = self._clock.now_ns() - before_ns - round(self.every_s * NS_PER_S)
            if late_ns > round(self.every_s * NS_PER_S) and not self.woke():
                continue  # we were kept from listening: what has come meanwhile is read first
            self.look()

    def woke(self) -> bool:
        """Whether the machine slept since the last call; reports it. Cheap: asked at every frame, so
        that nothing that waited in a socket through the sleep is taken for news."""
        asleep_ns = self._clock.slept_ns()
        slept_ns = asleep_ns - self._asleep_ns
        if slept_ns < _SLEPT_NS:
            return False
        self._asleep_ns = asleep_ns
        self._slept(slept_ns / NS_PER_S)
        return True

    def look(self) -> None:
        """Judge once."""
        if self.woke():
            return
        self._compare(self._stale_ns)
        now_ns = self._clock.now_ns()
        for client in list(self._clients()):
            quiet_ns = now_ns - client.heard_ns
            if client.isConnected and not client.dead and quiet_ns > self._stale_ns:
                self._silent(client, quiet_ns / NS_PER_S)
