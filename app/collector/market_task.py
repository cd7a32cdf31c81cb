"""What the collector keeps for one market between two batches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from app.clock import NS_PER_S
from app.collector.incidents import IncidentLog
from app.collector.report import Report
from app.compute.columns import Book, book_record, column
from app.compute.vpin import LiveVpin
from app.feeds.base import BookView, Gap, MarketFeed
from app.market import Market
from app.records import GAP, TRADE, Batch, Fidelity, State, Stream
from app.store.base import Lease

COLUMN_NS = 250_000_000
_HEARD_NS = 15 * NS_PER_S
KEEP_APPENDS = 600  # so many appends that the store refused are kept before data are given up


@dataclass
class MarketTask:
    """A market in collection."""

    market: Market
    index: int
    feed: MarketFeed
    lease: Lease
    stored_ns: int  # the last append that the store took
    last_stored_ns: int = 0  # newest data of an earlier run; 0 when there is none or it is told
    resumed: bool = False  # it was collected earlier in this run
    began: bool = False  # a row of this run has been published
    sampled_ns: int = 0  # time of the last book that was looked at
    book_due: bool = False  # it has not been published yet
    column_at_ns: int = 0  # when a column was last published, at either cadence
    column_1s_ns: int = 0
    status_ns: int = 0
    status_seen: tuple[State, str, int] = (State.STARTING, "", 0)
    report: Report = field(default_factory=Report)
    incidents: IncidentLog = field(default_factory=IncidentLog)
    incidents_due: bool = True  # they changed since they were last published
    told_gaps: list[Gap] = field(default_factory=list)  # ours, that are incidents too
    vpin: LiveVpin = field(default_factory=LiveVpin)
    prints: list[Batch] = field(default_factory=list)  # trades, and gaps of them, not yet taken in
    lost_prints: list[tuple[int, int]] = field(default_factory=list)
    regridded: bool = False  # an earlier run left data in other increments
    pending: dict[str, list[Batch]] = field(default_factory=dict)
    refusals: int = 0  # appends in a row that the store refused
    lost_ns: tuple[int, int] | None = None  # what was given up since the last append

    def put(self, kind: str, batch: Batch) -> None:
        """Queue records for the next append."""
        if len(batch):
            self.pending.setdefault(kind, []).append(batch)

    def take(self) -> dict[str, Batch]:
        """Everything queued, one batch a kind."""
        batches = {kind: np.concatenate(parts) for kind, parts in self.pending.items()}
        self.pending.clear()
        return batches

    def refused(self, batches: Mapping[str, Batch], now_ns: int) -> None:
        """The store refused what was taken: it is kept for a while, then given up."""
        self.refusals += 1
        if self.refusals <= KEEP_APPENDS:
            for kind, batch in batches.items():
                self.put(kind, batch)
        else:
            self.lost_ns = (self.stored_ns, now_ns)

    def stored(self, now_ns: int) -> None:
        """The store took an append; what was given up before it is told as a gap."""
        self.stored_ns, self.refusals = now_ns, 0
        if self.lost_ns is not None:
            detail = "The store refused the data for too long."
            lost = [Gap(stream, *self.lost_ns, "store", detail) for stream in Stream]
            self.put_gaps(lost)
            self.told_gaps += lost
            self.lost_ns = None

    def put_gaps(self, gaps: Sequence[Gap]) -> None:
        """Queue gap records."""
        if not gaps:
            return
        self.lost_prints += [(g.from_ns, g.to_ns) for g in gaps if g.stream is Stream.TRADES]
        record = np.zeros(len(gaps), GAP)
        for k, gap in enumerate(gaps):
            record[k] = (
                gap.stream,
                gap.from_ns,
                gap.to_ns,
                gap.missed,
                gap.reason.encode()[:24],
                gap.detail.encode()[:160],
            )
        self.put("gap", record)

    def look(self, gaps: Sequence[Gap], now_ns: int) -> None:
        """Follow what goes wrong; `gaps` are those that ended since the last call."""
        told, self.told_gaps = self.told_gaps, []
        self.incidents_due |= self.incidents.look(self.feed.status, [*told, *gaps], now_ns)

    def publish_status(self, now_ns: int) -> None:
        """Queue what the feed says of itself, and what went wrong."""
        self.put("status", self.report.status(self.feed.status, now_ns))
        self.put("quality", self.report.quality(self.feed.status, now_ns))
        if self.incidents_due:
            self.incidents_due = False
            self.put("incidents", self.incidents.record(now_ns))

    def restart_gaps(self, first_ns: int) -> list[Gap]:
        """The stretch between an earlier run's last data and this run's first, told once."""
        last, self.last_stored_ns = self.last_stored_ns, 0
        if not last or first_ns <= last:
            return []
        why = (
            ("start", "Nobody asked for this market; it was not collected.")
            if self.resumed
            else ("collector restarted", "The collector was not running.")
        )
        if self.regridded:
            why = ("grid changed", "The venue quotes in other increments than before the restart.")
        return [Gap(stream, last, first_ns, *why) for stream in Stream]

    def full_book(self, view: BookView) -> Book:
        """The view in ticks and lots."""
        grid = self.market.grid
        bid, ask = _columns(view.bids), _columns(view.asks)
        return Book(
            view.time_ns,
            grid.to_ticks(bid[:, 0]),
            grid.to_lots(bid[:, 1]),
            grid.to_ticks(ask[:, 0]),
            grid.to_lots(ask[:, 1]),
        )

    def put_book(self, view: BookView, book: Book, now_ns: int) -> None:
        """Queue the book, `view` in ticks and lots, and its heatmap columns."""
        record = column(book)
        self.put("column", record)
        self.put("book", book_record(book, view.venue_ms, view.update_id))
        self.book_due, self.column_at_ns = False, now_ns
        if view.time_ns // NS_PER_S != self.column_1s_ns // NS_PER_S:
            self.column_1s_ns = view.time_ns
            self.put("column_1s", record)

    def follow_trades(self) -> None:
        """Take in trades and their gaps, and queue the buckets of VPIN that were filled."""
        if self.prints or self.lost_prints:
            trades = np.concatenate(self.prints) if self.prints else np.zeros(0, TRADE)
            self.put("bucket", self.vpin.add(trades, self.lost_prints))
            self.prints, self.lost_prints = [], []

    def toxicity(self) -> tuple[float, float]:
        """VPIN and its percentile as of the last full bucket; −1 where not available."""
        bucket = self.vpin.last
        values = (bucket.vpin, bucket.percentile) if bucket is not None else (None, None)
        vpin, percentile = (-1.0 if value is None else value for value in values)
        return vpin, percentile

    def present(self, now_ns: int) -> bool:
        """Whether the market's figures are those of now: a venue whose polls are limited is still heard."""
        status = self.feed.status
        if status.state is not State.THROTTLED:
            return status.state is State.LIVE
        heard = now_ns - status.received_ns < _HEARD_NS
        return status.fidelity_depth is Fidelity.SAMPLED and heard

    def status_due(self, now_ns: int) -> bool:
        """Whether a status is to be written: each second, and at once when the state changes."""
        status = self.feed.status
        seen = (status.state, status.detail, status.attempts)
        if seen == self.status_seen and now_ns - self.status_ns < NS_PER_S:
            return False
        self.status_seen, self.status_ns = seen, now_ns
        return True


def _columns(side: Sequence[Sequence[float]]) -> NDArray[np.float64]:
    """Price and size of a side as `[n, 2]`; the side may hold more values a level."""
    return np.array([(level[0], level[1]) for level in side], np.float64).reshape(-1, 2)
