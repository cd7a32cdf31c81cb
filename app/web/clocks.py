"""The clocks of collectors, as this process's own clock tells them.

A process takes the wall time once, at its start (`app/clock.py`). Where the machine's clock was set between
the start of a collector and ours, their times differ for good: a record of this moment would look an hour
old, or come from the future. So a record's age is not judged by its time alone: a difference on which two
new records in a row agree is one of the clocks, and all that concerns the market is asked for in its
collector's time. A record that only comes late does not agree with the next one.
"""

from dataclasses import dataclass, field
from typing import Final

from app.clock import NS_PER_S
from app.market import MarketId
from app.records import Batch
from app.store.base import HotStore

SILENT_NS: Final = 5 * NS_PER_S  # a status this old: the collector is not there
_AGREE_NS: Final = 2 * NS_PER_S  # records are written once a second


@dataclass(frozen=True)
class _Sight:
    """The newest record of a kind, and how far its time was behind ours when it was first seen."""

    written_ns: int
    apart_ns: int


@dataclass
class CollectorClocks:
    """How far the clock of each market's collector is behind ours; shared by all threads of a worker."""

    _behind_ns: dict[MarketId, int] = field(default_factory=dict)
    _seen: dict[tuple[MarketId, str], _Sight] = field(default_factory=dict)

    def now_ns(self, market: MarketId, now_ns: int) -> int:
        """The present by the clock of a market's collector; ours where nothing tells them apart."""
        return now_ns - self._behind_ns.get(market, 0)

    def saw(self, market: MarketId, kind: str, written_ns: int, now_ns: int) -> None:
        """The newest record of a kind that is written once a second, whether or not it was seen before."""
        apart_ns = now_ns - written_ns
        before = self._seen.get((market, kind))
        if before is not None and before.written_ns == written_ns:
            return
        if market not in self._behind_ns:
            # From the future: nobody can know yet whether it is of now. It counts as too old.
            ahead = apart_ns < -SILENT_NS
            self._behind_ns[market] = apart_ns - 2 * SILENT_NS if ahead else 0
        elif (
            before is not None
            and abs(apart_ns - self._behind_ns[market]) > SILENT_NS
            and abs(apart_ns - before.apart_ns) <= _AGREE_NS
        ):
            self._behind_ns[market] = apart_ns
        self._seen[market, kind] = _Sight(written_ns, apart_ns)

    def look(self, store: HotStore, market: MarketId, now_ns: int) -> tuple[Batch | None, int]:
        """A market's newest status, if it has one, and the present by its collector's clock.

        Raises:
            StoreError: the store failed.
        """
        status = store.read_since(market, {"status": 0}).batches.get("status")
        if status is not None:
            self.saw(market, "status", int(status["time_ns"][-1]), now_ns)
        return status, self.now_ns(market, now_ns)
