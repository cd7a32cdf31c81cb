"""The histories of markets that a worker holds: of those in view, and of a few that may be next.

What takes long when a market comes into view is to read its last hours. So the markets that were in view
last keep theirs, and where a store holds few markets they are read before anybody asks, one at a time
while there is nothing else to do. What rests is brought up to date every few seconds, which costs a
millisecond or two, and is let go when nobody looks at anything.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from app import log
from app.clock import NS_PER_S
from app.errors import StoreError
from app.market import Market, MarketId
from app.store.sqlite import SqliteStore
from app.web.clocks import CollectorClocks
from app.web.history import Changes
from app.web.loading import Kept, load
from app.web.spec import ViewSpec
from app.web.views import estimates_of, fine_ns, needed_ns

RESTING: Final = 8  # markets that nobody looks at
PACE_NS: Final = NS_PER_S // 2  # between two that are read before anybody asks
REFRESH_NS: Final = 5 * NS_PER_S
STALE_NS: Final = 60 * NS_PER_S  # what rested for so long without a look at it is sooner read anew
_RETRY_NS: Final = 30 * NS_PER_S
_log = log.get("web")


@dataclass
class Followed(Kept):
    """A market's history, and when it was looked at."""

    version: int = -1
    read_ns: int = 0  # when the store was asked last, by our clock
    used_ns: int = 0  # when it was in view last; then, too, the store was asked


@dataclass
class Histories:
    """See the module's first lines; owned by one thread."""

    store: SqliteStore
    clocks: CollectorClocks
    held: dict[MarketId, Followed] = field(default_factory=dict)
    _paced_ns: int = 0
    _failed_ns: dict[MarketId, int] = field(default_factory=dict)

    def present_ns(self, market: MarketId, own_ns: int) -> int:
        """The present by the clock of a market's collector.

        Raises:
            StoreError: the store failed.
        """
        if market not in self.held:
            return self.clocks.look(self.store, market, own_ns)[1]
        return self.clocks.now_ns(market, own_ns)

    def follow(
        self, market: Market, specs: Collection[ViewSpec], now_ns: int, own_ns: int
    ) -> tuple[Followed, Changes]:
        """A market's history with all that the store has by now, as far back as views need it.

        It is another than before where more of it is needed, or its clock or its increments changed.

        Raises:
            StoreError: the store failed.
        """
        followed = self._up_to_date(market, specs, now_ns, own_ns)
        followed.read_ns = own_ns
        changes, version = Changes(), self.store.version(market.id)
        if version != followed.version:
            followed.version = version
            changes = self._read(followed, now_ns)
        return followed, changes

    def rest(
        self, known: Mapping[MarketId, Market], specs: Collection[ViewSpec], own_ns: int
    ) -> None:
        """Bring one market that nobody looks at up to date, or read one more; at most a few in a second."""
        used = {spec.market for spec in specs}
        if not used or 0 <= own_ns - self._paced_ns < PACE_NS:
            return
        self._paced_ns = own_ns
        market = self._due(used, known, own_ns)
        if market is None:
            return
        try:
            self._prepare(known[market], specs, own_ns)
        except StoreError as error:
            self._fail(market, own_ns)
            _log.warning("not kept ready", market=str(market), reason=str(error))
        except Exception:  # nobody has asked for it: what is in view goes on
            self._fail(market, own_ns)
            _log.exception("not kept ready", market=str(market))

    def tidy(self, specs: Collection[ViewSpec], own_ns: int) -> None:
        """Forget what no view needs any longer."""
        used = {spec.market for spec in specs}
        resting = sorted(self.held.keys() - used, key=lambda market: self.held[market].used_ns)
        for market in resting[: -RESTING if used else None]:
            del self.held[market]
        for market, followed in self.held.items():
            mine = [spec for spec in specs if spec.market == market] or specs
            followed.reach_ns, followed.fine_ns = _needed(mine)
            followed.history.keep_estimates({(spec.depth, spec.lookback_s) for spec in mine})
            at_ns = own_ns - followed.behind_ns
            followed.history.forget(at_ns - followed.reach_ns, at_ns - followed.fine_ns)

    def _due(
        self, used: set[MarketId], known: Mapping[MarketId, Market], own_ns: int
    ) -> MarketId | None:
        """The resting market that was brought up to date longest ago, else one to be read; None for none."""
        for market, followed in sorted(self.held.items(), key=lambda item: item[1].read_ns):
            if market in known and market not in used and own_ns - followed.read_ns >= REFRESH_NS:
                return market
        if len(known.keys() - used) > RESTING:
            return None
        for market in known:
            failed_ns = self._failed_ns.get(market, own_ns - _RETRY_NS)
            if market not in self.held and own_ns - failed_ns >= _RETRY_NS:
                return market
        return None

    def _fail(self, market: MarketId, own_ns: int) -> None:
        self.held.pop(market, None)
        self._failed_ns[market] = own_ns

    def _prepare(self, market: Market, specs: Collection[ViewSpec], own_ns: int) -> None:
        now_ns = self.present_ns(market.id, own_ns)
        followed, _ = self.follow(market, specs, now_ns, own_ns)
        end_ns = followed.history.advance(now_ns)
        for spec in specs:
            estimates_of(followed.history, spec, end_ns, now_ns)

    def _up_to_date(
        self, market: Market, specs: Collection[ViewSpec], now_ns: int, own_ns: int
    ) -> Followed:
        """What is held of a market where it serves, else all of it anew."""
        (reach, fine), behind_ns = _needed(specs), own_ns - now_ns
        held = self.held.get(market.id)
        if (
            held is not None
            and held.serves(market, reach, fine, behind_ns)
            and (held.used_ns == held.read_ns or own_ns - held.read_ns < STALE_NS)
        ):
            return held
        loaded = load(self.store, market, now_ns - reach, now_ns - fine, now_ns)
        self.held[market.id] = Followed(loaded, reach, fine, behind_ns)
        return self.held[market.id]

    def _read(self, followed: Followed, now_ns: int) -> Changes:
        history, batches = followed.history, followed.loaded.news(self.store)
        if "status" in batches:
            written_ns = int(batches["status"]["time_ns"][-1])
            own_ns = now_ns + followed.behind_ns
            self.clocks.saw(history.market.id, "status", written_ns, own_ns)
        return history.ingest(batches, now_ns)


def _needed(specs: Collection[ViewSpec]) -> tuple[int, int]:
    """How far back views need a history, and how far in tenths of a second."""
    return max(map(needed_ns, specs)), max(map(fine_ns, specs))
