"""Opening a venue: retried with growing, jittered waits; its markets described when it answers."""

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np

from app.clock import NS_PER_S, Clock
from app.errors import FeedError, ThrottledError
from app.feeds import words
from app.feeds.backoff import Pause
from app.feeds.base import VenueFeed
from app.feeds.ccxt_stream import open_venue
from app.feeds.ring import Ring
from app.market import Grid, Market, MarketId
from app.records import STATUS, Batch, State
from app.settings import FeedSettings, Settings, VenueSettings


@dataclass(frozen=True)
class Outage:
    """A failed attempt to open a venue."""

    sentence: str
    next_try_ns: int


@dataclass
class VenueDoor:
    """A venue on the way to being open."""

    name: str
    wanted: list[MarketId]
    feed: VenueFeed
    _settings: FeedSettings
    _clock: Clock
    _random: random.Random = field(default_factory=lambda: random.Random(0))  # noqa: S311  jitter
    unreachable: bool = False
    opened: bool = False
    barred_ns: int = 0  # until when the store knows that the venue wants no request
    _since_ns: int = 0
    _attempts: int = 0

    def __post_init__(self) -> None:
        self._pause = Pause(self._clock)

    @classmethod
    def make(
        cls, name: str, wanted: list[MarketId], settings: Settings, ring: Ring, clock: Clock
    ) -> "VenueDoor":
        """Construct the venue's feed without asking the venue anything.

        Raises:
            MarketError: there is no such exchange; names the nearest ones.
        """
        venue = settings.venues.get(name, VenueSettings())
        feed = open_venue(name, venue, settings.feed, ring, clock)
        return cls(name, wanted, feed, settings.feed, clock, random.Random(name))  # noqa: S311

    async def opening(self) -> AsyncIterator[Outage]:
        """Try until the venue answers; yields each failure before waiting."""
        if (until_ns := self.feed.hold_until_ns) > (now := self._clock.now_ns()):
            self._since_ns, self.barred_ns = now, until_ns
            yield Outage(words.throttled(self.feed.title, until_ns), until_ns)
            await self._clock.sleep((until_ns - now) / NS_PER_S)
        while True:
            try:
                await self.feed.open()
            except FeedError as error:
                self.unreachable = not isinstance(error, ThrottledError)
                now = self._clock.now_ns()
                self._since_ns = self._since_ns or now
                wait_s = self._wait_s(error)
                self._attempts += 1
                if isinstance(error, ThrottledError) and error.retry_after_s:
                    self.feed.hold_until_ns = now + round(wait_s * NS_PER_S)
                yield Outage(str(error), now + round(wait_s * NS_PER_S))
                await self._pause.wait(wait_s, firm=isinstance(error, ThrottledError))
            else:
                self.unreachable, self.opened = False, True
                return

    def hurry(self, market_id: MarketId) -> None:
        """Try now what a market of the venue waits for, unless the venue asked to wait."""
        if self.opened:
            self.feed.hurry(market_id)
        else:
            self._pause.end()

    def _wait_s(self, error: FeedError) -> float:
        if isinstance(error, ThrottledError) and error.retry_after_s:
            return error.retry_after_s
        grown = self._settings.backoff_s * 2.0 ** min(self._attempts, 16)
        return min(self._settings.backoff_max_s, grown) * self._random.uniform(0.5, 1.0)

    def down_status(self, now_ns: int, sentence: str, next_try_ns: int) -> Batch:
        """A status for a market whose venue does not answer."""
        record = np.zeros(1, STATUS)
        record["time_ns"], record["since_ns"] = now_ns, self._since_ns
        record["state"] = State.DOWN
        record["fidelity_best"] = -1
        record["latency_p50_ms"] = record["latency_p99_ms"] = -1
        record["attempts"], record["next_try_ns"] = self._attempts, next_try_ns
        record["has_trades"] = True
        record["detail"] = sentence.encode()[:240]
        record["stream_state"] = State.DOWN
        record["stream_p50_ms"] = record["stream_p99_ms"] = -1
        return record


def provisional(market_id: MarketId) -> Market:
    """A description from the id alone, until the venue tells more."""
    pair = market_id.symbol.partition(":")[0]
    base, _, quote = pair.partition("/")
    return Market(market_id, base, quote, Grid(Decimal("0.01"), Decimal("0.00001"), exact=False))
