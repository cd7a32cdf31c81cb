"""The collector's loop: every 100 ms one batch from the ring, through compute, into the store."""

import asyncio
import contextlib
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from app import log
from app.clock import NS_PER_S, Clock
from app.collector.intake import finer_grids, take_in, with_mids, with_sides
from app.collector.market_task import COLUMN_NS, MarketTask
from app.collector.roster import LEASE_S, Roster
from app.compute.columns import Book, bands
from app.compute.live_mids import LiveMids
from app.compute.rows import RowBuilder, Rows
from app.compute.summary import SummaryBuilder, blank
from app.compute.trades import LiveLeeReady
from app.compute.vpin import LiveVpin
from app.errors import InputError, StoreBusyError, StoreError
from app.feeds.base import BookView
from app.feeds.ring import Ring
from app.market import Market, MarketId
from app.records import ROW_NS, Stream
from app.settings import Settings
from app.store.base import HotStore

_RENEW_NS = 4 * NS_PER_S
# With more markets than this, books are sampled at the column cadence and appends are grouped.
_FEW = 32
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
        self._store, self._clock = store, clock
        self._ring = ring or Ring()
        self._rows = RowBuilder()
        self._summary = SummaryBuilder()
        self._sides = LiveLeeReady()
        self._mids = LiveMids()
        self._roster = Roster(settings, store, clock, self._ring, self._forget)
        self._tasks = self._roster.tasks
        self._renewed_ns = self._summary_s = self._appended_ns = 0
        self.stop = asyncio.Event()

    async def run(self, markets: Iterable[MarketId]) -> None:
        """Collect `markets` until `stop` is set."""
        self._roster.make_doors(markets)
        if not self._roster.doors:
            raise InputError(
                " ".join(self._roster.faults)
                or "No market is named. Example: ofi run binance:BTC/USDT."
            )
        openers = [asyncio.create_task(self._roster.open(door)) for door in self._roster.doors]
        try:
            await self._loop(openers)
        finally:
            for opener in openers:
                opener.cancel()
            await asyncio.gather(*openers, return_exceptions=True)
            await self._roster.close()

    def _forget(self, index: int) -> None:
        """An index has no market any more."""
        self._rows.forget(index)
        self._sides.forget(index)
        self._mids.forget(index)
        self._summary.forget(index)

    async def _loop(self, openers: list[asyncio.Task[None]]) -> None:
        while not self.stop.is_set():
            now = self._clock.now_ns()
            edge = (now // ROW_NS + 1) * ROW_NS
            await self._clock.sleep((edge - now) / NS_PER_S)
            self.tick(self._clock.now_ns())
            if now // NS_PER_S != edge // NS_PER_S:
                with contextlib.suppress(StoreError):  # the next second brings the wishes again
                    self._roster.serve_wishes()
                    self._roster.keep(edge // NS_PER_S)
                    self._roster.hurry()
            for opener in openers:
                if opener.done():
                    opener.result()  # what ended it before its time must not pass unheard
            if not self._tasks and all(opener.done() for opener in openers):
                raise InputError(" ".join(self._roster.faults))

    def tick(self, now_ns: int) -> None:
        """Take what the feeds brought up to now, compute, and store."""
        views = self._sample(now_ns)
        rows, books = self._compute(now_ns, views)
        self._publish_rows(rows)
        self._publish_books(now_ns, views, books)
        self._publish_state(now_ns)
        # Few markets are stored at once for the shortest way to the page; many share transactions.
        if len(self._tasks) <= _FEW or now_ns - self._appended_ns >= COLUMN_NS:
            self._appended_ns = now_ns
            self._append(now_ns)
            self._roster.part()

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

    def _compute(self, now_ns: int, views: dict[int, BookView]) -> tuple[Rows, dict[int, Book]]:
        """Rows up to now, and the books of `views` in ticks and lots."""
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
        intake = with_mids(intake, self._mids, self._rows.lag.lag_ns)
        for index, batch in intake.trades.items():
            self._tasks[index].put("trade", batch)
            self._tasks[index].prints.append(batch)
        books = {i: self._tasks[i].full_book(view) for i, view in views.items()}
        in_bands = {i: bands(book) for i, book in books.items()}
        rows = self._rows.update(intake.best, intake.depth, intake.prints, now_ns, in_bands)
        return rows, books

    def _regrid(self, task: MarketTask, market: Market) -> None:
        """Go on with finer increments; what was stored in the old ones ends here."""
        _log.warning("grid changed", market=str(market.id), tick=str(market.grid.tick))
        task.market = market
        task.pending.clear()
        task.last_stored_ns = 0
        task.vpin = LiveVpin()
        task.prints, task.lost_prints = [], []
        self._rows.forget(task.index)
        self._summary.forget(task.index)
        self._sides.forget(task.index)
        self._mids.forget(task.index)
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

    def _publish_books(
        self, now_ns: int, views: dict[int, BookView], books: dict[int, Book]
    ) -> None:
        for index, task in self._tasks.items():
            if not task.book_due or now_ns - task.column_at_ns < COLUMN_NS:
                continue
            # A book that changed before it was due is published later, though nothing new came.
            view = views.get(index) or task.feed.book()
            if view is not None:
                task.put_book(view, books.get(index) or task.full_book(view), now_ns)

    def _publish_state(self, now_ns: int) -> None:
        for task in self._tasks.values():
            status = task.feed.status
            gaps = [status.new_gaps.popleft() for _ in range(len(status.new_gaps))]
            if status.fidelity_best is None:  # best is level 1 of depth, and shares its gaps
                shared = [gap for gap in gaps if gap.stream is Stream.DEPTH]
                gaps += [replace(gap, stream=Stream.BEST) for gap in shared]
            task.put_gaps(gaps)
            task.follow_trades()
            for gap in gaps:
                if gap.stream is Stream.BEST:
                    self._summary.begin(task.index, gap.to_ns, gap.from_ns)
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
                record["trade_lag_ms"] = self._rows.lag.lag_ms(index)
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
