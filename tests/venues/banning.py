"""A venue that bans whoever asks too much, and counts who asks on."""

from email.utils import formatdate
from typing import Any

from aiohttp import web

from app.clock import NS_PER_S, SystemClock
from tests.venues.scripted import ScriptedVenue


class BanningVenue(ScriptedVenue):
    """Answers the first snapshot request with a ban, and every one until the ban is over.

    Args:
        count: markets.
        ban_s: how long the ban lasts.
        dated: Retry-After is an HTTP date instead of seconds.
    """

    def __init__(self, count: int, ban_s: float, dated: bool = False):
        super().__init__(count)
        self._ban_s, self._dated = ban_s, dated
        self.banned_ns = 0  # until when
        self.refused: list[int] = []  # when it was asked during the ban

    async def depth(self, symbol: str, limit: int) -> web.StreamResponse:
        now_ns = SystemClock().now_ns()
        if not self.banned_ns:
            end_s = -(
                -(now_ns + round(self._ban_s * NS_PER_S)) // NS_PER_S
            )  # dates are whole seconds
            self.banned_ns = end_s * NS_PER_S
        if now_ns >= self.banned_ns:
            return await super().depth(symbol, limit)
        self.refused.append(now_ns)
        end_s = self.banned_ns // NS_PER_S
        left: Any = -((now_ns - self.banned_ns) // NS_PER_S)
        value = formatdate(end_s, usegmt=True) if self._dated else str(left)
        return web.Response(text="{}", status=418, headers={"Retry-After": value})
