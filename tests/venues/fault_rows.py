"""The table of faults: the families that are broken, and in what ways each of them can be."""

from dataclasses import dataclass

from app.demo.faults import LASTING_FAULTS

_SILENT = ("mute", "stall", "delist", "half_open")


@dataclass(frozen=True)
class Family:
    """Where a protocol is spoken: the market that is broken and its neighbour."""

    venue: str
    symbol: str
    neighbour: str
    shared_link: bool  # the markets share a connection
    fetches: bool  # snapshots come by request
    numbered: bool  # an update of the book that comes twice can be told
    quotes: bool = False  # best quotes have a stream of their own


FAMILIES = {
    "binance": Family("demo", "BTC/USDT", "ETH/USDT", False, True, True, True),
    "deribit": Family("demo-deribit", "BTC/USD:BTC", "ETH/USD:ETH", True, False, True),
    "kraken": Family("demo-kraken", "BTC/USD", "ETH/USD", True, False, False),
}
GAP, SEEN, WHOLE = "gap", "seen", "whole"


@dataclass(frozen=True)
class Row:
    """A fault of the table.

    `ends` is what must follow: a marked gap, a notice without one (`seen`), or nothing at all since nothing
    is wrong (`whole`). `after` is ordered besides, so that the fault is met; `link`: all who share the
    connection are hit.
    """

    name: str
    kind: str
    ends: str = GAP
    seconds: float = 1.0
    count: int = 1  # a single one can be made good by the next before anyone could know
    after: str = ""
    link: bool = False
    fetched: bool = False
    stream: str = "depth"

    @property
    def lasts(self) -> bool:
        """Whether it goes on for its seconds."""
        return self.kind in LASTING_FAULTS or self.kind == "half_open"

    @property
    def silent(self) -> bool:
        """Whether nothing comes while it goes on, and what is fetched meanwhile proves nothing."""
        return self.kind in _SILENT


ROWS = (
    Row("dropped updates", "drop", count=3),
    Row("duplicated update", "duplicate", SEEN),
    Row("reordered updates", "reorder", count=3),
    Row("delayed updates", "delay", SEEN, 0.8),
    Row("disconnect, close", "disconnect", link=True),
    Row("disconnect, reset", "reset", link=True),
    Row("half-open link", "half_open", seconds=1.5, link=True),
    Row("stall", "stall", seconds=5.0),
    Row("best quotes silent", "mute", seconds=8.0, stream="best"),
    Row("trades silent", "mute", seconds=8.0, stream="trade"),
    Row("dropped trades", "drop", count=3, stream="trade"),
    Row("duplicated trade", "duplicate", SEEN, stream="trade"),
    Row("malformed JSON", "malformed"),
    Row("truncated JSON", "truncated"),
    Row("crossed", "crossed"),
    Row("one-sided", "one_sided", SEEN, 0.5),
    Row("empty", "empty", seconds=0.5),
    Row("NaN amount", "non_finite"),
    Row("negative amount", "negative"),
    Row("snapshot, bad JSON", "bad_snapshot", after="drop", fetched=True),
    Row("snapshot, 429", "429", after="drop", fetched=True),
    Row("snapshot, 418", "418", after="drop", fetched=True),
    Row("snapshot, 503", "503", after="drop", fetched=True),
    Row("snapshot, timeout", "slow_snapshot", seconds=6.0, after="drop", fetched=True),
    Row("subscribe refused", "refuse", after="reset", link=True),
    Row("symbol delisted", "delist", seconds=5.0),
    Row("clock off by an hour", "clock", SEEN),
    Row("ids above 2^53", "big_ids", WHOLE),
    Row("no timestamps", "no_time", SEEN),
)


def rows_of(family: Family) -> list[Row]:
    """The faults that a family can have."""
    return [
        row
        for row in ROWS
        if (family.fetches or not row.fetched) and (family.quotes or row.stream != "best")
    ]
