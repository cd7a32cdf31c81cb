"""Every fault on every venue family: the product's own feeds on the demo exchange, in one event loop.

`play` breaks one market in one way and tells what became of it; the families play side by side.
"""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from app.clock import SystemClock
from app.demo.faults import Fault
from app.demo.publisher import Publisher
from app.demo.server import DemoExchange, venue_settings
from app.feeds.base import BookView
from app.feeds.ccxt_stream import CcxtVenue, open_venue
from app.feeds.market_feed import CcxtMarketFeed
from app.feeds.pace import Pace
from app.feeds.ring import Ring
from app.market import MarketId
from app.records import State, Stream
from app.settings import FeedSettings, VenueSettings
from tests.venues.fault_rows import FAMILIES, GAP, WHOLE, Family, Row, rows_of
from tests.venues.pulse import Pulse, pulse, steady

LEVELS = 20
QUICK = FeedSettings(stale_after_s=1.0, backoff_s=0.05, backoff_max_s=0.4, open_timeout_s=2.0)
_LIMIT_S = 25.0
_POLL_S = 0.004
_AT_ONCE_S = 0.4  # less than the silence after which a market is asked about
_AGAIN = 5
_HOUR_MS = 3_600_000


@dataclass
class Outcome:
    """What became of one fault; times in seconds, None where it did not come to that.

    `detected_s` is from the fault's first effect, `recovered_s` from the end of one that lasts.
    """

    family: str
    fault: str
    expected: str
    detected_s: float | None = None
    recovered_s: float | None = None
    gaps: list[str] = field(default_factory=list)
    equal: bool = False
    neighbour: str = "untouched"
    said: str = ""
    beside: str = ""  # what the neighbour had
    wrong: list[str] = field(default_factory=list)
    pauses_s: list[float] = field(default_factory=list)  # for which it was played again


@dataclass
class Stand:
    """One family: its venue opened, the two markets, and what the exchange knows of them."""

    name: str
    family: Family
    exchange: DemoExchange
    venue: CcxtVenue
    ring: Ring
    feeds: dict[str, CcxtMarketFeed]

    @property
    def feed(self) -> CcxtMarketFeed:
        """The market that is broken."""
        return self.feeds[self.family.symbol]

    @property
    def beside(self) -> CcxtMarketFeed:
        """Its neighbour."""
        return self.feeds[self.family.neighbour]

    def publisher(self, symbol: str) -> Publisher:
        """The venue's side of a market."""
        return self.exchange.publisher(self.family.venue, symbol)


def live(feed: CcxtMarketFeed) -> bool:
    """Whether a market is whole: live, with a book, no stream of the book or the quotes in a gap."""
    told = [feed.tracks[Stream.DEPTH]]
    if feed.status.fidelity_best is not None:
        told.append(feed.tracks[Stream.BEST])
    whole = all(t.state is State.LIVE and not t.in_gap and t.fault is None for t in told)
    trades = feed.tracks[Stream.TRADES]
    whole = whole and trades.fault is None and not trades.in_gap and trades.subscribed.is_set()
    return whole and feed.status.state is State.LIVE and feed.book() is not None


def best_levels(view: BookView, tick: float, lot: float) -> tuple[tuple[tuple[int, int], ...], ...]:
    """The best levels of both sides, bids first, in ticks and lots."""
    return tuple(
        tuple((round(p / tick), round(q / lot)) for p, q, *_ in side[:LEVELS])
        for side in (view.bids, view.asks)
    )


def same_book(feed: CcxtMarketFeed, publisher: Publisher) -> bool:
    """Whether the best levels are the engine's, exactly."""
    view, flow = feed.book(), publisher.town.flow
    if view is None:
        return False
    sides = (flow.engine.bids, flow.engine.asks)
    theirs = tuple(tuple(side.depth(LEVELS)) for side in sides)
    return best_levels(view, float(flow.spec.grid.tick), float(flow.spec.grid.lot)) == theirs


async def until(condition: Callable[[], object], seconds: float) -> bool:
    """Wait for a condition; whether it came true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(_POLL_S)
    return True


def busy_habit() -> Pace:
    """Of trades that never pause: what the demo's few a second make of it takes minutes to learn."""
    pace, now_ns = Pace(), SystemClock().now_ns()
    for k in range(64):
        pace.spoke(now_ns - 64 + k, beginning=not k)
    return pace


async def equal_now(feed: CcxtMarketFeed, publisher: Publisher, seconds: float = 4.0) -> bool:
    """Hold the market still and let everything arrive: then the books must be the same."""
    publisher.town.paused = True
    try:
        publisher.flush()
        return await until(lambda: same_book(feed, publisher), seconds)
    finally:
        publisher.town.paused = False
        feed.pace.spoke(SystemClock().now_ns(), beginning=True)  # the pause was ours


async def open_stand(name: str, exchange: DemoExchange, feed: FeedSettings = QUICK) -> Stand:
    """Open a family's venue and wait until both markets are live.

    Raises:
        AssertionError: they are not within the limit.
    """
    family, ring = FAMILIES[name], Ring()
    settings = VenueSettings(**venue_settings(exchange.port)[family.venue])
    venue = open_venue(family.venue, settings, feed, ring, SystemClock(), random.Random(name))
    assert isinstance(venue, CcxtVenue)
    await venue.open()
    feeds = {
        symbol: venue.add(MarketId(family.venue, symbol), index)
        for index, symbol in enumerate((family.symbol, family.neighbour))
    }
    stand = Stand(name, family, exchange, venue, ring, feeds)
    assert await until(lambda: all(live(f) for f in feeds.values()), _LIMIT_S), name
    return stand


class Watch:
    """What one market's feed showed since a moment."""

    def __init__(self, feed: CcxtMarketFeed):
        self.feed = feed
        self._gaps = feed.status.gaps_by_reason.copy()
        self._rejected = feed.status.rejected.total()
        self._epochs = {s: t.epoch for s, t in feed.tracks.items()}
        feed.status.streams[Stream.DEPTH].delays_ms.clear()

    def broke(self) -> bool:
        """Whether a fault was found."""
        return (
            self.feed.status.state is not State.LIVE
            or self.counted()
            or any(t.epoch > self._epochs[s] for s, t in self.feed.tracks.items())
        )

    def counted(self) -> bool:
        """Whether something was rejected."""
        return self.feed.status.rejected.total() > self._rejected

    def gaps(self) -> list[str]:
        """The reasons of the gaps that are marked."""
        return sorted((self.feed.status.gaps_by_reason - self._gaps).elements())

    def touched(self) -> bool:
        """Whether anything happened to it."""
        return bool(self.gaps()) or self.broke()

    def says(self) -> str:
        """Its gaps, and what it says now."""
        return f"{self.gaps()} {self.feed.status.state.name} {self.feed.status.detail}"

    def worst_delay_ms(self) -> float:
        """The greatest distance between the venue's times and ours."""
        delays = self.feed.status.streams[Stream.DEPTH].delays_ms
        return max((abs(d) for d in delays), default=0.0)


def _notice(stand: Stand, row: Row, watch: Watch) -> Callable[[], bool]:
    """How the user is told of a fault that makes no gap."""
    if row.kind == "delay":
        return lambda: watch.worst_delay_ms() > row.seconds * 600
    if row.kind == "clock":
        return lambda: watch.worst_delay_ms() > 0.9 * _HOUR_MS
    if row.kind == "one_sided":
        return lambda: (view := stand.feed.book()) is not None and not view.asks
    if row.kind == "no_time":
        states = stand.ring.depth

        def timeless() -> bool:
            taken = states.take()
            return bool((taken.venue_ms[taken.market == 0] < 0).any())

        return timeless
    return watch.counted


async def play(stand: Stand, row: Row) -> Outcome:
    """Break the market, watch the feed find it and mend itself, compare the books."""
    outcome = Outcome(stand.name, row.name, row.ends)
    await until(lambda: live(stand.feed) and live(stand.beside), _LIMIT_S)
    # Past its snapshot: a message that is no newer is ignored, whatever is wrong with it.
    states = stand.feed.status.states_depth
    await until(lambda: stand.feed.status.states_depth > states, _LIMIT_S)
    # Trades are asked after only where they are what is broken: else a minute is too short to wonder.
    stand.feed.prints.pace = busy_habit() if row.silent and row.stream == "trade" else Pace()
    if row.silent:
        # Silence is held against the habit of the stream: of now, not of what was played before.
        stand.feed.pace = Pace()
        await until(lambda: stand.feed.pace.known, _LIMIT_S)
    watch, beside = Watch(stand.feed), Watch(stand.beside)
    stand.ring.take()
    entry, hit = await _order(stand, row, outcome)
    for _ in range(_AGAIN):
        if not await _made_good(stand, row, watch, entry):
            break
        entry, hit = await _order(stand, row, outcome)
    found = watch.broke if row.ends == GAP else _notice(stand, row, watch)
    hidden = row.kind == "duplicate" and row.stream == "depth" and not stand.family.numbered
    expects = row.ends != WHOLE and not hidden
    if expects and await until(found, _LIMIT_S):
        outcome.detected_s = time.monotonic() - hit
        outcome.said = f"{stand.feed.status.state.name.lower()}: {stand.feed.status.detail}"
    await until(lambda: entry.done >= row.count, _LIMIT_S)
    # Trades may be whole although none came: the venue's lists showed that there were none.
    if row.silent and row.stream != "trade" and outcome.detected_s is not None:
        await _stays_down(stand, row, entry.since_ns, outcome)
    await _recovered(stand, row, watch, outcome, hit)
    outcome.equal = await equal_now(stand.feed, stand.publisher(stand.family.symbol))
    _beside(stand, row, beside, outcome)
    if not await equal_now(stand.beside, stand.publisher(stand.family.neighbour)):
        outcome.wrong.append("the neighbour's book is not the venue's")
    outcome.gaps = watch.gaps()
    _judge(outcome, row, expects)
    return outcome


async def _order(stand: Stand, row: Row, outcome: Outcome) -> tuple[Fault, float]:
    """Break the market; the fault as it goes on, and when it had its first effect."""
    family = stand.family
    order = Fault(
        row.kind, family.venue, family.symbol, row.stream, count=row.count, seconds=row.seconds
    )
    entry = stand.exchange.fault(order)
    if row.after:
        stand.exchange.fault(Fault(row.after, family.venue, family.symbol))
    if not await until(lambda: entry.done, _LIMIT_S):
        outcome.wrong.append("the fault did not happen")
    hit = time.monotonic()
    return entry, hit


async def _made_good(stand: Stand, row: Row, watch: Watch, entry: Fault) -> bool:
    """Whether a checksum had nothing to find: the book is right again with the next update.

    One in twenty losses of three updates is: their prices were told anew, or were as before. Then each
    state that came is one that the book had.
    """
    if row.kind not in ("drop", "reorder") or row.stream != "depth" or stand.family.numbered:
        return False
    await until(lambda: watch.broke() or entry.done >= row.count, _LIMIT_S)
    states = stand.feed.status.states_depth
    await until(lambda: watch.broke() or stand.feed.status.states_depth > states + 1, _LIMIT_S)
    right = await equal_now(stand.feed, stand.publisher(stand.family.symbol), _AT_ONCE_S)
    return right and not watch.broke()


async def _stays_down(stand: Stand, row: Row, since_ns: int, outcome: Outcome) -> None:
    """As long as nothing comes the market may not look whole, whatever the venue answers when asked."""
    clock, over_ns = SystemClock(), since_ns + round(row.seconds * 1e9)
    if clock.now_ns() >= over_ns:
        if row.kind != "half_open":  # its time is hardly longer than the silence that is allowed
            outcome.wrong.append("found only when it was over")
        return
    await until(lambda: clock.now_ns() >= over_ns or live(stand.feed), _LIMIT_S)
    if live(stand.feed) and clock.now_ns() < over_ns:
        outcome.wrong.append("live while nothing came")


async def _recovered(stand: Stand, row: Row, watch: Watch, outcome: Outcome, hit: float) -> None:
    """Until the market is whole again and stays so, with its gap marked and the fault over."""
    marked = watch.gaps if row.ends == GAP else (lambda: True)
    over = hit + (row.seconds if row.lasts else 0.0)
    await until(lambda: time.monotonic() >= over, _LIMIT_S)
    counted = -1
    while counted < len(watch.gaps()) or not live(stand.feed):
        if not await until(lambda: marked() and live(stand.feed), _LIMIT_S):
            outcome.recovered_s = None
            return
        outcome.recovered_s = time.monotonic() - over
        # Only the updates, and the trade, that follow tell whether the last ones were spoilt.
        counted = len(watch.gaps())
        states, trades = stand.feed.status.states_depth + 2, stand.feed.prints.count
        await until(lambda n=states: stand.feed.status.states_depth > n, _LIMIT_S)
        await until(lambda n=trades: stand.feed.prints.count > n, _LIMIT_S)


def _beside(stand: Stand, row: Row, beside: Watch, outcome: Outcome) -> None:
    if beside.touched():
        shared = row.link and stand.family.shared_link
        outcome.neighbour = "same link" if shared else "HIT"
        outcome.beside = beside.says()


def _judge(outcome: Outcome, row: Row, expects: bool) -> None:
    if expects and outcome.detected_s is None:
        outcome.wrong.append("not detected")
    if outcome.recovered_s is None:
        outcome.wrong.append("not recovered")
    if (row.ends == GAP) != bool(outcome.gaps):
        outcome.wrong.append(f"gaps {outcome.gaps}")
    if not outcome.equal:
        outcome.wrong.append("the book is not the venue's")
    if outcome.neighbour == "HIT":
        outcome.wrong.append(f"the neighbour was hit: {outcome.beside}")


async def play_all(
    exchange: DemoExchange,
    families: list[str],
    rng: random.Random | None = None,
    told: Callable[[Outcome], None] = lambda outcome: None,
    only: list[str] | None = None,
) -> list[Outcome]:
    """All rows of the families, side by side; in random order with a generator."""

    async def one(name: str, beats: Pulse) -> list[Outcome]:
        rows = [r for r in rows_of(FAMILIES[name]) if only is None or r.kind in only]
        if rng is not None:
            rng.shuffle(rows)
        stand = await open_stand(name, exchange)
        outcomes = []
        try:
            for row in rows:
                outcomes.append(await steady(beats, partial(play, stand, row)))
                told(outcomes[-1])
        finally:
            await stand.venue.close()
        return outcomes

    async with pulse() as beats:
        played = await asyncio.gather(*(one(name, beats) for name in families))
    return [outcome for outcomes in played for outcome in outcomes]
