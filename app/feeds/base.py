"""What every source of market data offers to the collector, whether live, polled or replayed."""

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from app.market import Listing, Market, MarketId
from app.records import Fidelity, State, Stream

DELAYS_KEPT = 4096  # of a stream between two looks of the collector


@dataclass(frozen=True)
class Gap:
    """A stretch in which a stream of a market cannot be trusted (docs/metrics.md, Coverage)."""

    stream: Stream
    from_ns: int
    to_ns: int
    reason: str
    detail: str = ""
    missed: int = -1


@dataclass(frozen=True)
class BookView:
    """The present book of a market as the venue library holds it: live, so copy what is kept.

    `bids` and `asks` are sequences of (price, size, …), best first.
    """

    time_ns: int
    venue_ms: int
    update_id: int
    bids: Sequence[Sequence[float]]
    asks: Sequence[Sequence[float]]


@dataclass
class StreamStatus:
    """What the feed of one market knows of one of its streams."""

    state: State = State.STARTING
    since_ns: int = 0
    received_ns: int = 0
    states: int = 0  # that were taken, or trades
    gaps: int = 0
    # Receive minus venue time of what came since the collector looked; it empties them.
    delays_ms: deque[float] = field(default_factory=lambda: deque(maxlen=DELAYS_KEPT))


def _streams() -> dict[Stream, StreamStatus]:
    return {stream: StreamStatus() for stream in Stream}


@dataclass
class FeedStatus:
    """What the feed of one market knows of itself; the feed writes, the collector reads."""

    state: State = State.STARTING
    since_ns: int = 0
    detail: str = ""
    fidelity_best: Fidelity | None = None
    fidelity_depth: Fidelity = Fidelity.EVENT
    period_ms: float = 0.0
    received_ns: int = 0
    states_best: int = 0
    states_depth: int = 0
    trades: int = 0
    attempts: int = 0
    next_try_ns: int = 0
    has_trades: bool = True
    rejected: Counter[str] = field(default_factory=Counter)
    gaps_by_reason: Counter[str] = field(default_factory=Counter)
    # Finished gaps that the collector has not yet stored; it pops them from the left.
    new_gaps: deque[Gap] = field(default_factory=deque)
    # The beginning, for who waits for it: the connection was up, the first book came, so deep a side.
    linked_ns: int = 0
    booked_ns: int = 0
    book_levels: int = 0
    # Comparisons of the book with the venue's by request, those that differed, and requests for one that
    # brought no book.
    audits: int = 0
    audit_differences: int = 0
    audits_unanswered: int = 0
    streams: dict[Stream, StreamStatus] = field(default_factory=_streams)


class MarketFeed(Protocol):
    """One market of a venue: pushes into the ring under its index, keeps its status."""

    market: Market
    index: int
    status: FeedStatus

    def book(self) -> BookView | None:
        """The present book, or None while there is none that can be trusted."""

    def break_epoch(self, reason: str, detail: str = "") -> None:
        """Call the next state of each stream a beginning: something was lost on our side."""


class VenueFeed(Protocol):
    """All markets of one venue over one connection of the venue library."""

    name: str
    title: str  # how the venue calls itself
    identity: str  # two venues of the same identity are one, under two names
    hold_until_ns: int  # the venue wants no request before this time

    async def open(self) -> None:
        """Load what the venue trades.

        Raises:
            FeedError: the venue does not answer; the message says so in one sentence.
        """

    def resolve(self, market_id: MarketId) -> Market:
        """The market behind an id.

        Raises:
            MarketError: the venue has no such symbol; names the nearest ones.
        """

    def listings(self) -> list[Listing]:
        """What the open venue trades at present."""

    def add(self, market_id: MarketId, index: int) -> MarketFeed:
        """Start a supervised task for a market; it pushes under `index`."""

    def hurry(self, market_id: MarketId) -> None:
        """End the waits of a market before its next attempts, but none that the venue asked for."""

    async def remove(self, market_id: MarketId) -> None:
        """End a market's task without touching the others."""

    async def close(self) -> None:
        """End all tasks and connections."""
