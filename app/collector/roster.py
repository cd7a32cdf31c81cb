"""Who is collected: the markets that settings name, those that viewers ask for, and when each ends."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from app import log
from app.clock import NS_PER_S, Clock
from app.collector.incidents import IncidentLog
from app.collector.latency import VenueClock
from app.collector.market_task import MarketTask
from app.collector.report import Report
from app.collector.resume import continued, last_data_ns, last_vpin
from app.collector.venues import VenueDoor, provisional
from app.errors import FeedError, MarketError, StoreBusyError, StoreError
from app.feeds.ring import Ring
from app.garbage import settle
from app.market import Market, MarketId
from app.settings import Settings
from app.store.base import HotStore

LEASE_S = 15.0
OFFER_S = 60.0  # a catalogue outlives its collector by so much at most
_OFFER_EVERY_S = 20
_RETRY_S = 2.0  # between two attempts to start a market that the store refuses
# Markets that viewers may add to those that were named, and wishes that are remembered as refused.
MOST_WISHES = 64
_MOST_REFUSALS = 1000
_REFUSED_NS = 60 * NS_PER_S  # then a wish that could not be served is tried again
_log = log.get("collector")


@dataclass
class Roster:
    """Markets in collection by the index under which their feeds write.

    Args:
        settings: venues, and how feeds judge and retry.
        store: where leases, wishes and catalogues are.
        clock: the time.
        ring: where feeds write.
        forget: told of an index that has no market any more; it may be given to another.
    """

    settings: Settings
    store: HotStore
    clock: Clock
    ring: Ring
    forget: Callable[[int], None]

    def __post_init__(self) -> None:
        self.tasks: dict[int, MarketTask] = {}
        self.doors: list[VenueDoor] = []
        self.faults: list[str] = []
        self._wished: set[MarketId] = set()
        self._ending: dict[MarketId, asyncio.Task[None]] = {}
        self._ended: set[MarketId] = set()  # in this run: what comes after is no restart
        self._refused: dict[MarketId, int] = {}
        self._clocks: dict[str, VenueClock] = {}
        self._hurried_ns = self.clock.now_ns()

    def make_doors(self, markets: Iterable[MarketId]) -> None:
        """A door for each venue that can be collected; a sentence in `faults` for each other."""
        by_venue: dict[str, list[MarketId]] = {}
        for market_id in dict.fromkeys(markets):
            by_venue.setdefault(market_id.venue, []).append(market_id)
        for name, wanted in by_venue.items():
            try:
                door = VenueDoor.make(name, wanted, self.settings, self.ring, self.clock)
            except (MarketError, FeedError) as error:
                self._fault("venue refused", name, error)
                continue
            self.doors.append(door)

    async def open(self, door: VenueDoor) -> None:
        """Open a venue, retrying for as long as it takes, then start its markets."""
        with contextlib.suppress(StoreError):
            door.feed.hold_until_ns = self.store.barred_until_ns(door.name)
        async for outage in door.opening():
            _log.error("venue down", venue=door.name, reason=outage.sentence)
            if all(d.unreachable for d in self.doors):
                _log.error(
                    "no venue can be reached",
                    reason="No venue can be reached. Check the network, or see a living market "
                    "without one: ofi demo.",
                )
            for market_id in door.wanted:
                self._write_down(door, market_id, outage.sentence, outage.next_try_ns)
            self._remember_bans()
        await self._announce(door)
        for market_id in door.wanted:
            await self._admit(door, market_id)
            await self.clock.sleep(0)  # hundreds of starts must not hold up what is live
        settle()  # a venue stays open, and describes thousands of markets

    async def _announce(self, door: VenueDoor) -> None:
        """Put what the venue trades into the catalogue: thousands of markets, so in a thread."""
        listings = door.feed.listings()
        try:
            await asyncio.to_thread(self.store.offer, door.name, listings, OFFER_S)
        except StoreError as error:
            _log.warning("catalogue not written", venue=door.name, reason=str(error))

    async def _admit(self, door: VenueDoor, market_id: MarketId) -> None:
        """Start a market; one that the store refuses is tried again while others are collected."""
        while True:
            try:
                self._start(door, market_id)
                return
            except (MarketError, StoreBusyError) as error:
                self._fault("market refused", str(market_id), error)
                return
            except StoreError as error:
                if not self.tasks:
                    raise
                _log.error("market not started", market=str(market_id), reason=str(error))
            await self.clock.sleep(_RETRY_S)

    def _start(self, door: VenueDoor, market_id: MarketId) -> None:
        market = door.feed.resolve(market_id)
        self._check_only(door, market)
        lease = self.store.acquire(market.id, LEASE_S)
        market, regridded = continued(market, self.store.market(market.id))
        now_ns = self.clock.now_ns()
        # What is in other increments goes with its file.
        last = 0 if regridded else last_data_ns(self.store, market.id, now_ns)
        vpin = last_vpin(self.store, market.id, last, now_ns)
        kept = self.store.read_since(market.id, {"incidents": 0}).batches.get("incidents")
        # From here on it is only written: a reader that outlasts the writer's opening holds a descriptor.
        self.store.rest(market_id)
        self.store.put_market(market)
        # Last of all, because it cannot be taken back: from here on the feed writes under the index.
        index = next(i for i in range(len(self.tasks) + 1) if i not in self.tasks)
        feed = door.feed.add(market.id, index)
        report = Report(self._clocks.setdefault(market.id.venue, VenueClock()), now_ns)
        task = MarketTask(
            market, index, feed, lease, now_ns, last, report=report, incidents=IncidentLog(kept)
        )
        task.resumed = market_id in self._ended
        task.vpin, task.regridded = vpin, regridded
        self.tasks[index] = task
        _log.info("market started", market=str(market.id), tick=str(market.grid.tick))

    def _check_only(self, door: VenueDoor, market: Market) -> None:
        """One collection a market: two names of a venue are one venue.

        Raises:
            MarketError: the market is collected under another name.
        """
        same = {other.name for other in self.doors if other.feed.identity == door.feed.identity}
        for task in self.tasks.values():
            known = task.market.id
            if known.symbol == market.id.symbol and known.venue in same:
                raise MarketError(
                    f"{market.id} is the same market as {known}, which is collected already: "
                    f"look at {known}."
                )

    # What viewers ask for

    def serve_wishes(self) -> None:
        """Start what viewers ask for at open venues; end what nobody asks for any more.

        Raises:
            StoreError: the wishes cannot be read; nothing has changed.
        """
        wishes = self.store.requested()
        now_ns = self.clock.now_ns()
        self._refused = {m: until for m, until in self._refused.items() if until > now_ns}
        wanted = frozenset(wishes)
        for task in self.tasks.values():
            if task.market.id in self._wished - wanted and task.market.id not in self._ending:
                self._end(task)
        have = {task.market.id for task in self.tasks.values()}
        doors = {door.name: door for door in self.doors if door.opened}
        for market_id in wishes:
            known = market_id in have or market_id in self._refused
            if not known and len(self._refused) < _MOST_REFUSALS:
                self._serve(doors.get(market_id.venue), market_id, now_ns)

    def _serve(self, door: VenueDoor | None, market_id: MarketId, now_ns: int) -> None:
        if door is None or market_id in door.wanted:
            return  # its own time comes, or another collector's
        try:
            if len(self._wished) >= MOST_WISHES:
                raise MarketError(
                    f"{market_id} waits: {MOST_WISHES} markets beyond those of the settings are "
                    "collected already; one that nobody looks at makes room."
                )
            self._start(door, market_id)
            self._wished.add(market_id)
        except (MarketError, StoreBusyError) as error:
            self._refused[market_id] = now_ns + _REFUSED_NS
            self.store.answer(market_id, str(error))
            _log.warning("wish refused", market=str(market_id), reason=str(error))

    def _end(self, task: MarketTask) -> None:
        market_id = task.market.id
        door = next(door for door in self.doors if door.name == market_id.venue)
        self._ending[market_id] = asyncio.ensure_future(door.feed.remove(market_id))
        _log.info("market ends: nobody asks for it any more", market=str(market_id))

    def part(self) -> None:
        """Let go of markets whose feeds have ended; call after a batch was stored, so that nothing of
        theirs is still on its way."""
        for task in list(self.tasks.values()):
            market_id = task.market.id
            ending = self._ending.get(market_id)
            if ending is None or not ending.done():
                continue
            del self._ending[market_id], self.tasks[task.index]
            self._wished.discard(market_id)
            self._ended.add(market_id)
            task.report.forget()
            self.forget(task.index)
            with contextlib.suppress(StoreError):
                task.lease.release()
            if (error := ending.exception()) is not None:
                _log.error("market did not end cleanly", market=str(market_id), reason=str(error))

    # Every second, and the end

    def keep(self, second: int) -> None:
        """Prolong the catalogues that hold, note bans.

        Raises:
            StoreError: they could not be written; the next call does it again.
        """
        self._remember_bans()
        if second % _OFFER_EVERY_S == 0:
            for door in self.doors:
                if door.opened:
                    self.store.keep_offer(door.name, OFFER_S)

    def hurry(self) -> None:
        """Try now what viewers do not want to wait for.

        Raises:
            StoreError: their wishes cannot be read.
        """
        since_ns, self._hurried_ns = self._hurried_ns, self.clock.now_ns()
        doors = {door.name: door for door in self.doors}
        for market_id in self.store.hurried(since_ns):
            if (door := doors.get(market_id.venue)) is not None:
                _log.info("tried at a viewer's wish", market=str(market_id))
                door.hurry(market_id)

    def _remember_bans(self) -> None:
        """A ban outlives the process: who asks again too early is banned for longer."""
        for door in self.doors:
            until_ns = door.feed.hold_until_ns
            if until_ns > door.barred_ns:
                with contextlib.suppress(StoreError):
                    self.store.bar(door.name, until_ns)
                    door.barred_ns = until_ns

    async def close(self) -> None:
        """End all feeds and give the leases back."""
        self._remember_bans()
        for ending in self._ending.values():
            ending.cancel()
        await asyncio.gather(*self._ending.values(), return_exceptions=True)
        await asyncio.gather(*(door.feed.close() for door in self.doors), return_exceptions=True)
        for task in self.tasks.values():
            with contextlib.suppress(StoreError):
                task.lease.release()

    def _fault(self, what: str, name: str, error: Exception) -> None:
        self.faults.append(str(error))
        _log.error(what, name=name, reason=str(error))

    def _write_down(
        self, door: VenueDoor, market_id: MarketId, sentence: str, next_try_ns: int
    ) -> None:
        """Tell viewers of a market whose venue could not even be opened."""
        with contextlib.suppress(StoreError):
            if market_id not in self.store.markets():
                self.store.put_market(provisional(market_id))
            record = door.down_status(self.clock.now_ns(), sentence, next_try_ns)
            self.store.append(market_id, {"status": record})
