"""The interface of the hot store: state shared between the collector and the web workers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from app.market import Listing, Market, MarketId
from app.records import Batch

Cursor = int  # id of the last batch seen: ms << 10 | n, strictly increasing per market
ID_SHIFT = 10


@dataclass(frozen=True)
class News:
    """What a market gained after a set of cursors."""

    batches: Mapping[str, Batch]  # kind → records, oldest first; kinds without news are absent
    cursors: Mapping[str, Cursor]  # to be given to the next `read_since`


class Lease(Protocol):
    """The right to write a market; renewed by the holder, lost when it dies."""

    def renew(self, ttl_s: float) -> bool:
        """Hold it for longer; False when it was lost to another."""

    def release(self) -> None:
        """Give it up."""


class HotStore(Protocol):
    """Hot state. One writer per market, any number of readers in other processes."""

    def put_market(self, market: Market) -> None:
        """Describe a market; needed once before the first `append`, and when its grid changes.

        A grid with other increments ends the market's history: what was stored is in units that no
        longer mean anything, so it is dropped.
        """

    def append(self, market: MarketId, batches: Mapping[str, Batch]) -> Cursor:
        """Store batches in one transaction and return its id; acknowledged means readable.

        Raises:
            StoreFullError: the disk is full; nothing of the call was stored.
            StoreError: anything else that kept it from being stored.
        """

    def read_since(self, market: MarketId, cursors: Mapping[str, Cursor]) -> News:
        """Records of the kinds named in `cursors` stored after them; 0 reads from the beginning."""

    def window(self, market: MarketId, kind: str, start_ns: int, end_ns: int) -> Batch:
        """Records of a kind in `(start_ns, end_ns]` by `records.TIME_FIELD`, oldest first."""

    def rest(self, market: MarketId) -> None:
        """Release what reading a market holds; the next read takes it again."""

    def markets(self) -> dict[MarketId, Market]:
        """All markets that the store holds."""

    def market(self, market: MarketId) -> Market | None:
        """What the store says of one market; None where it holds none."""

    def request(self, market: MarketId, ttl_s: float) -> None:
        """A viewer's wish that a market be collected, for so long."""

    def requested(self) -> list[MarketId]:
        """The wishes that have not run out, oldest first."""

    def answer(self, market: MarketId, sentence: str) -> None:
        """Why a wish is not served, for as long as it stands."""

    def answered(self, market: MarketId) -> str:
        """The answer to a wish; empty when there is none."""

    def offer(self, venue: str, listings: Iterable[Listing], ttl_s: float) -> None:
        """What a venue trades and a collector can take in, for so long; replaces what was offered."""

    def keep_offer(self, venue: str, ttl_s: float) -> None:
        """Go on offering the same for so long."""

    def catalogue(self, query: str, limit: int) -> list[Listing]:
        """What is offered and fits a few words, the likeliest first."""

    def bar(self, venue: str, until_ns: int) -> None:
        """Remember that a venue wants no request before a time."""

    def barred_until_ns(self, venue: str) -> int:
        """When a venue may be asked again; 0 when it may be at once."""

    def hurry(self, market: MarketId) -> bool:
        """A viewer's wish that the next attempt at a market be made now.

        False when it was wished a moment ago: attempts that follow each other closely help nobody.
        """

    def hurried(self, since_ns: int) -> list[MarketId]:
        """The markets for which that was wished after a time."""

    def acquire(self, market: MarketId, ttl_s: float) -> Lease:
        """Take the right to write a market.

        Raises:
            StoreBusyError: another live collector holds it.
        """

    def close(self) -> None:
        """Release files and connections."""
