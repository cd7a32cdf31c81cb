"""The collector's loop: every 100 ms one batch from the ring, through compute, into the store."""

import asyncio
import contextlib
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from app import log
from app.clock import NS_PER_S, Clock
from app.collector.incidents import IncidentLog
from app.collector.intake import finer_grids, take_in, with_sides
from app.collector.latency import VenueClock
from app.collector.market_task import COLUMN_NS, MarketTask
from app.collector.report import Report
from app.collector.venues import VenueDoor, last_data_ns, provisional
from app.compute.columns import bands
from app.compute.rows import RowBuilder, Rows
from app.compute.summary import SummaryBuilder, blank
from app.compute.trades import LiveLeeReady
from app.compute.vpin import LiveVpin
from app.errors import FeedError, InputError, MarketError, StoreBusyError, StoreError
from app.feeds.base import BookView
from app.feeds.ring import Ring
from app.market import Market, MarketId
from app.records import ROW_NS, Stream
from app.settings import Settings
from app.store.base import HotStore

LEASE_S = 15.0
OFFER_S = 60.0  # a catalogue outlives its collector by so much at most
_RENEW_NS = 4 * NS_PER_S
_OFFER_EVERY_S = 20
# With more markets than this, books are sampled at the column cadence and appends are grouped.
_FEW = 32
_RETRY_S = 2.0  # between two attempts to start a market that the store refuses
# Markets that viewers may add to those that were named, and wishes that are remembered as impossible.
_MOST_WISHES = 16
_MOST_REFUSALS = 1000
_log = log.get("collector")


class Collector:
    """Collects markets until told to stop.

    Raises from `run`:
        InputError: no market is left that could be collected; the message says why for each.
        StoreError: the store cannot be used at all.
    """

    def __init__(
        self, settings: Settings, store: HotStore, clock: Clock, ring: Ring | None = None
    ) -> None:
        self._settings, self._store, self._clock = settings, store, clock
        self._ring = ring or Ring()
        self._rows = RowBuilder()
        self._summary = SummaryBuilder()
        self._sides = LiveLeeReady()
        self._tasks: dict[int, MarketTask] = {}
        self._doors: list[VenueDoor] = []
        self._renewed_ns = self._summary_s = self._appended_ns = 0
        self._clocks: dict[str, VenueClock] = {}
        self._hurried_ns = clock.now_ns()
        self._wished = 0
        self._refused: set[MarketId] = set()
        self.stop = asyncio.Event()

    async def run(self, markets: Iterable[MarketId]) -> None:
        """Collect `markets` until `stop` is set."""
        by_venue: dict[str, list[MarketId]] = {}
        for market_id in markets:
            by_venue.setdefault(market_id.venue, []).append(market_id)
        faults = self._make_doors(by_venue)
        if not self._doors:
            raise InputError(
                " ".join(faults) or "No market is named. Example: ofi run binance:BTC/USDT."
            )
        openers = [asyncio.create_task(self._open(door, faults)) for door in self._doors]
        try:
            await self._loop(openers, faults)
        finally:
            for opener in openers:
                opener.cancel()
            await asyncio.gather(*openers, return_exceptions=True)
            await self._close()

    def _make_doors(self, by_venue: dict[str, list[MarketId]]) -> list[str]:
        """A door for each venue that can be streamed; the sentences for the others."""
        faults: list[str] = []
        for name, wanted in by_venue.items():
            try:
                door = VenueDoor.make(name, wanted, self._settings, self._ring, self._clock)
            except (MarketError, FeedError) as error:
                faults.append(str(error))
                _log.error("venue refused", venue=name, reason=str(error))
                continue
            self._doors.append(door)
        return faults

    async def _open(self, door: VenueDoor, faults: list[str]) -> None:
        """Open a venue, retrying for as long as it takes, then start its markets."""
        async for outage in door.opening():
            unreachable = all(d.unreachable for d in self._doors)
            _log.error("venue down", venue=door.name, reason=outage.sentence)
            if unreachable:
                _log.error(
                    "no venue can be reached",
                    reason="No venue can be reached. Check the network, or see a living market "
                    "without one: ofi demo.",
                )
            for market_id in door.wanted:
                self._write_down(door, market_id, outage.sentence, outage.next_try_ns)
        await self._announce(door)
        for market_id in door.wanted:
            await self._admit(door, market_id, faults)

    async def _announce(self, door: VenueDoor) -> None:
        """Put what the venue trades into the catalogue: thousands of markets, so in a thread."""
        listings = door.feed.listings()
        try:
            await asyncio.to_thread(self._store.offer, door.name, listings, OFFER_S)
        except StoreError as error:
            _log.warning("catalogue not written", venue=door.name, reason=str(error))

    async def _admit(self, door: VenueDoor, market_id: MarketId, faults: list[str]) -> None:
        """Start a market; one that the store refuses is tried again while others are collected."""
        while True:
            try:
                self._start(door, door.feed.resolve(market_id))
                return
            except (MarketError, StoreBusyError) as error:
                faults.append(str(error))
                _log.error("market refused", market=str(market_id), reason=str(error))
                return
            except StoreError as error:
                if not self._tasks:
                    raise
                _log.error("market not started", market=str(market_id), reason=str(error))
            await self._clock.sleep(_RETRY_S)

    def _start(self, door: VenueDoor, market: Market) -> None:
        lease = self._store.acquire(market.id, LEASE_S)
        self._store.put_market(market)
        now_ns = self._clock.now_ns()
        last = last_data_ns(self._store, market.id, now_ns)
        kept = self._store.read_since(market.id, {"incidents": 0}).batches.get("incidents")
        # Last of all, because it cannot be taken back: from here on the feed writes under the index.
        index = max(self._tasks, default=-1) + 1
        feed = door.feed.add(market.id, index)
        report = Report(self._clocks.setdefault(market.id.venue, VenueClock()), now_ns)
        self._tasks[index] = MarketTask(
            market, index, feed, lease, now_ns, last, report=report, incidents=IncidentLog(kept)
        )
        _log.info("market started", market=str(market.id), tick=str(market.grid.tick))

    def _serve_wishes(self) -> None:
        """Start what viewers ask for: markets of open venues, as many as there is room for."""
        have = {task.market.id for task in self._tasks.values()}
        doors = {door.name: door for door in self._doors if door.opened}
        for market_id in self._store.requested():
            door = doors.get(market_id.venue)
            if door is None or market_id in have or market_id in self._refused:
                continue
            if self._wished >= _MOST_WISHES or len(self._refused) >= _MOST_REFUSALS:
                return
            try:
                self._start(door, door.feed.resolve(market_id))
                self._wished += 1
            except (MarketError, StoreBusyError) as error:
                self._refused.add(market_id)
                _log.warning("wish refused", market=str(market_id), reason=str(error))

    def _keep_offers(self, second: int) -> None:
        if second % _OFFER_EVERY_S == 0:
            for door in self._doors:
                if door.opened:
                    self._store.keep_offer(door.name, OFFER_S)

    def _hurry(self) -> None:
        """Try now what viewers do not want to wait for."""
        since_ns, self._hurried_ns = self._hurried_ns, self._clock.now_ns()
        doors = {door.name: door for door in self._doors}
        for market_id in self._store.hurried(since_ns):
            if (door := doors.get(market_id.venue)) is not None:
                _log.info("tried at a viewer's wish", market=str(market_id))
                door.hurry(market_id)

    def _write_down(
        self, door: VenueDoor, market_id: MarketId, sentence: str, next_try_ns: int
    ) -> None:
        """Tell viewers of a market whose venue could not even be opened."""
        with contextlib.suppress(StoreError):
            if market_id not in self._store.markets():
                self._store.put_market(provisional(market_id))
            record = door.down_status(self._clock.now_ns(), sentence, next_try_ns)
            self._store.append(market_id, {"status": record})

    async def _loop(self, openers: list[asyncio.Task[None]], faults: list[str]) -> None:
        while not self.stop.is_set():
            now = self._clock.now_ns()
            edge = (now // ROW_NS + 1) * ROW_NS
            await self._clock.sleep((edge - now) / NS_PER_S)
            self.tick(self._clock.now_ns())
            if now // NS_PER_S != edge // NS_PER_S:
                with contextlib.suppress(StoreError):  # the next second brings the wishes again
                    self._serve_wishes()
                    self._keep_offers(edge // NS_PER_S)
                    self._hurry()
            for opener in openers:
                if opener.done():
                    opener.result()  # what ended it before its time must not pass unheard
            if not self._tasks and all(opener.done() for opener in openers):
                raise InputError(" ".join(faults))

    def tick(self, now_ns: int) -> None:
        """Take what the feeds brought up to now, compute, and store."""
        views = self._sample(now_ns)
        rows = self._compute(now_ns, views)
        self._publish_rows(rows)
        self._publish_books(now_ns, views)
        self._publish_state(now_ns)
        # Few markets are stored at once for the shortest way to the page; many share transactions.
        if len(self._tasks) <= _FEW or now_ns - self._appended_ns >= COLUMN_NS:
            self._appended_ns = now_ns
            self._append(now_ns)

    def _sample(self, now_ns: int) -> dict[int, BookView]:
        """The books that changed since they were last looked at."""
        often = len(self._tasks) <= _FEW
        views = {}
        for index, task in self._tasks.items():
            if not often and now_ns - task.sampled_ns < COLUMN_NS:
                continue
            view = task.feed.book()
            if view is not None and view.time_ns > task.sampled_ns:
                task.sampled_ns, task.book_due = view.time_ns, True
                views[index] = view
        return views

    def _compute(self, now_ns: int, views: dict[int, BookView]) -> Rows:
        best, depth, trades = self._ring.take()
        for index, count in self._ring.dropped().items():
            if (full := self._tasks.get(index)) is not None:
                _log.warning("ring full", market=str(full.market.id), updates=count)
        grids = {index: task.market.grid for index, task in self._tasks.items()}
        derived = frozenset(
            i for i, task in self._tasks.items() if task.feed.status.fidelity_best is None
        )
        intake = take_in(grids, best, depth, trades, derived)
        if intake.off_grid:
            finer = finer_grids(grids, intake.off_grid, best, depth, trades)
            for index, grid in finer.items():
                self._regrid(self._tasks[index], self._tasks[index].market.with_grid(grid))
            intake = take_in(grids | finer, best, depth, trades, derived)
        intake = with_sides(intake, self._sides)
        for index, batch in intake.trades.items():
            self._tasks[index].put("trade", batch)
            self._tasks[index].vpin.add(batch)
        in_bands = {i: bands(self._tasks[i].full_book(view)) for i, view in views.items()}
        return self._rows.update(intake.best, intake.depth, intake.prints, now_ns, in_bands)

    def _regrid(self, task: MarketTask, market: Market) -> None:
        """Go on with finer increments; what was stored in the old ones ends here."""
        _log.warning("grid changed", market=str(market.id), tick=str(market.grid.tick))
        task.market = market
        task.pending.clear()
        task.last_stored_ns = 0
        task.vpin = LiveVpin()
        self._rows.forget(task.index)
        self._sides.forget(task.index)
        self._store.put_market(market)
        task.feed.break_epoch("grid changed", "The venue quotes in finer increments.")

    def _publish_rows(self, rows: Rows) -> None:
        self._summary.add(rows)
        for index in np.unique(rows.market).tolist():
            task = self._tasks[index]
            record = rows.record[rows.market == index]
            if task.last_stored_ns:
                restart = task.restart_gaps(int(record["start_ns"][0]))
                task.put_gaps(restart)
                task.told_gaps += restart
            if not task.began:
                task.began = True
                self._summary.begin(index, int(record["start_ns"][0]))
            task.put("row", record)

    def _publish_books(self, now_ns: int, views: dict[int, BookView]) -> None:
        for index, task in self._tasks.items():
            if not task.book_due or now_ns - task.column_at_ns < COLUMN_NS:
                continue
            # A book that changed before it was due is published later, though nothing new came.
            view = views.get(index) or task.feed.book()
            if view is not None:
                task.put_book(view, now_ns)

    def _publish_state(self, now_ns: int) -> None:
        for task in self._tasks.values():
            status = task.feed.status
            gaps = [status.new_gaps.popleft() for _ in range(len(status.new_gaps))]
            if status.fidelity_best is None:  # best is level 1 of depth, and shares its gaps
                shared = [gap for gap in gaps if gap.stream is Stream.DEPTH]
                gaps += [replace(gap, stream=Stream.BEST) for gap in shared]
            task.put_gaps(gaps)
            for gap in gaps:
                if gap.stream is Stream.BEST:
                    self._summary.begin(task.index, gap.to_ns)
            task.look(gaps, now_ns)
            if task.status_due(now_ns):
                task.publish_status(now_ns)
        if now_ns // NS_PER_S != self._summary_s:
            self._summary_s = now_ns // NS_PER_S
            self._publish_summary(now_ns)

    def _publish_summary(self, now_ns: int) -> None:
        top = max(self._tasks, default=-1) + 1
        if top > self._summary.markets:
            self._summary.grow(2 * top)
        live = np.zeros(self._summary.markets, np.bool_)
        for index, task in self._tasks.items():
            live[index] = task.present(now_ns)
        records = self._summary.tick(now_ns, live)
        for index, task in self._tasks.items():
            record = records[index : index + 1].copy()
            record["state"] = task.feed.status.state
            if live[index]:
                record["vpin"], record["vpin_percentile"] = task.toxicity()
            else:
                blank(record)
            task.put("summary", record)

    def _append(self, now_ns: int) -> None:
        renew = now_ns - self._renewed_ns >= _RENEW_NS
        self._renewed_ns = now_ns if renew else self._renewed_ns
        failed = ""
        for task in self._tasks.values():
            batches = task.take()
            try:
                if renew and not task.lease.renew(LEASE_S):
                    raise StoreBusyError(f"{task.market.id} was taken over by another collector.")
                if batches:
                    self._store.append(task.market.id, batches)
                    task.stored(now_ns)
            except StoreError as error:
                failed = str(error)
                task.refused(batches, now_ns)
        if failed:
            _log.error("not stored", reason=failed)

    async def _close(self) -> None:
        await asyncio.gather(*(door.feed.close() for door in self._doors), return_exceptions=True)
        for task in self._tasks.values():
            with contextlib.suppress(StoreError):
                task.lease.release()
