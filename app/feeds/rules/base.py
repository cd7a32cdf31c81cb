"""The words of the rules: what an update claims of itself, and what a venue family is.

A family's `read` looks at a raw message, before ccxt does, and says which book updates it holds. It may
raise on what it cannot read: a message that names a market and cannot be read is a fault of that market.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple

NO_ID = -1
# The key of a chain that runs through all messages of a connection.
CONNECTION = ""

Side = Sequence[Sequence[Any]]


class Update(NamedTuple):
    """One book update, as the venue's message tells of it.

    `key` is the venue's own id of the market, or `CONNECTION`. `previous` is the id of the update
    before it, where the venue says so; else `first..last` follow the last id without a hole; without
    `first` ids only grow. `whole` marks a snapshot: it begins a chain; `streamed` that snapshots come in
    the stream, so that changes before one belong to no book. `checksum` is the venue's of the book
    after the update.
    """

    key: str
    first: int = NO_ID
    last: int = NO_ID
    previous: int | None = None
    whole: bool = False
    streamed: bool = False
    checksum: int | None = None


class Verdict(Enum):
    """What to do with an update that breaks no chain."""

    FOLLOWS = "follows"
    DUPLICATE = "duplicate"  # sent before: keep it from ccxt, nothing is missing
    EARLY = "early"  # of a book whose snapshot has not come: keep it from ccxt


@dataclass(frozen=True)
class Hole:
    """A break of the chain: `missed` updates are not there (−1: it cannot be told)."""

    key: str
    missed: int = -1


Reader = Callable[[Any], Sequence[Update]]
# The first and the last number of a trade, of the venue's own message, where the market's trades are numbered
# without a hole. May raise on a message without them.
TradeReader = Callable[[Mapping[str, Any]], tuple[int, int]]


@dataclass(frozen=True)
class Audit:
    """How much of a book is compared with the venue's answer from time to time, in levels of a side.

    `asked` is a depth that the venues offer, 0 for the one of the venue's facts. The best `proved` ones are
    spared where updates carry a checksum; a market all of whose `compared` levels are proved so is not
    audited.
    """

    asked: int = 0
    compared: int = 10
    proved: int = 0


def ids_of(market: Mapping[str, Any]) -> tuple[str, ...]:
    """What a venue's messages call a market, of ccxt's structure of it."""
    return tuple(str(market[key]) for key in ("id", "baseName") if market.get(key))


@dataclass(frozen=True)
class Family:
    """How a family of venues numbers and checks its book updates: one row of `families.FAMILIES`.

    `names` are what its messages call a market, the keys of its updates among them: on one connection
    no two markets may share a key. `checksum` computes what the venue computed, from the sides of the
    book (bids, asks; best first).
    """

    read: Reader
    names: Callable[[Mapping[str, Any]], tuple[str, ...]] = ids_of
    # A book's subscription can end on a connection that goes on; a new one brings a new snapshot.
    leaves: bool = False
    # Changes tell nothing of the subscription that they belong to: the venue must confirm the end of one
    # before the next begins, or a change on its way would pass for the new book's.
    drains: bool = False
    # ccxt would merge a snapshot into the book that is there.
    merges_snapshots: bool = False
    # Each message is a whole book, ordered by `last`; a late one is a hole.
    only_whole: bool = False
    checksum: Callable[[Side, Side], int] | None = None
    trade: TradeReader | None = None
    # Whether a message is the history with which a subscription of trades opens. None: where there is such a
    # history (`venues.FACTS`) the first message is it.
    history: Callable[[Any], bool] | None = None
    # What neither ids nor checksums prove of a book.
    audit: Audit | None = None
    # ccxt's own check is off where ours takes its place.
    options: dict[str, Any] = field(default_factory=dict)
