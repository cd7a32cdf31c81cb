"""What a worker holds of one market: the sums of its rows, trades, gaps, newest column and status.

Browsers never touch the store: one history per market in view is filled from it. Rows are kept as
running sums; older than what needs tenths of a second, one entry a second is left of them, which
changes nothing at whole seconds, because the sums run on.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.clock import NS_PER_S
from app.compute import windows
from app.compute.evidence import Follower, Question
from app.compute.follow import Explained, Weighing
from app.compute.view import Gaps, Scale
from app.compute.windows import BEGINNING, END, Intervals, RowSums, merged
from app.market import Market
from app.records import BANDS_BPS, STREAMS, Batch, Fidelity, State, Stream, empty
from app.web.buffers import Sliding
from app.web.clocks import SILENT_NS

BAND: Final = BANDS_BPS.index(10.0)
HEARD_NS: Final = 15 * NS_PER_S
SETTLED_NS: Final = 300_000_000  # rows older than a status by this have all arrived
MAX_TRADES: Final = 50_000
COLUMNS_NS: Final = 60 * NS_PER_S  # how many of the newest columns are kept
_LAME: Final = (State.STALE, State.RESYNCING, State.THROTTLED, State.DOWN)
_CASES: Final = 4  # of what is known: with and without an open outage, and those before


@dataclass(frozen=True)
class Changes:
    """What news changed: times from which each part differs, `END` where it does not."""

    rows_ns: int = END
    columns_ns: int = END
    gaps: bool = False
    status: bool = False

    @property
    def any(self) -> bool:
        """Whether there was anything."""
        return self.gaps or self.status or min(self.rows_ns, self.columns_ns) < END


@dataclass
class History:
    """One market, filled by `ingest`; see the module's first lines."""

    market: Market
    rows_end: Sliding = field(default_factory=lambda: Sliding("<i8"))
    rows_sums: Sliding = field(default_factory=lambda: Sliding("<i8", (windows.SUMS,)))
    rows_quotes: Sliding = field(default_factory=lambda: Sliding(windows.QUOTES))
    trades: Sliding = field(default_factory=lambda: Sliding(empty("trade").dtype))
    columns: Sliding = field(default_factory=lambda: Sliding(empty("column").dtype))
    gaps: Sliding = field(default_factory=lambda: Sliding(empty("gap").dtype))
    status: Batch = field(default_factory=lambda: empty("status"))
    last_row: Batch = field(default_factory=lambda: empty("row"))
    summary: Batch = field(default_factory=lambda: empty("summary"))
    fits: dict[int, Explained] = field(default_factory=dict)  # by look-back, s
    weighings: dict[tuple[int, int], Weighing] = field(default_factory=dict)  # by depth, look-back
    followers: dict[Question, Follower] = field(default_factory=dict)
    quality: Sliding = field(default_factory=lambda: Sliding(empty("quality").dtype))
    incidents: Batch = field(default_factory=lambda: empty("incidents"))
    begins_ns: int = 0  # of the first row, where the rows themselves are not held
    read_ns: int = 0  # when the newest row was read
    horizon_ns: int = 0
    gaps_told: int = 0  # changes of `gaps`
    followed_open_ns: tuple[int, ...] = (END,) * STREAMS
    _known: dict[tuple[object, ...], Gaps] = field(default_factory=dict)

    @property
    def scale(self) -> Scale:
        """The market's increments."""
        return Scale(self.market.grid.tick, self.market.grid.lot)

    @property
    def rows(self) -> RowSums:
        """The rows as running sums; not to be asked for while `has_rows` is False."""
        return RowSums(self.rows_end.view, self.rows_sums.view, self.rows_quotes.view)

    @property
    def has_rows(self) -> bool:
        """Whether any row is known."""
        return len(self.rows_end) > 1

    @property
    def first_ns(self) -> int | None:
        """When the first row that is held began: before a young market there is nothing to miss."""
        return int(self.rows_end.view[0]) if self.has_rows else None

    @property
    def nbytes(self) -> int:
        """Memory of the buffers."""
        parts = (self.rows_end, self.rows_sums, self.rows_quotes, self.trades, self.columns)
        return sum(part.nbytes for part in parts)

    def ingest(self, batches: dict[str, Batch], now_ns: int, fine_ns: int = 0) -> Changes:
        """Take in records of the store, oldest first; what was seen already is left out.

        Of rows up to `fine_ns` one entry a second is kept.
        """
        if "gap" in batches:
            self.gaps.append(batches["gap"])
            self.gaps_told += 1
        rows_ns = self._add_rows(batches["row"], now_ns, fine_ns) if "row" in batches else END
        columns_ns = END
        if "trade" in batches:
            self.trades.append(batches["trade"])
            self.trades.drop_first(len(self.trades) - MAX_TRADES)
        if "column" in batches:
            columns = batches["column"]
            self.columns.append(columns)
            times = self.columns.view["time_ns"]
            self.columns.drop_first(int(np.searchsorted(times, times[-1] - COLUMNS_NS)))
            columns_ns = int(columns["time_ns"][0])
        if "gap" in batches:
            rows_ns = min(rows_ns, int(batches["gap"]["from_ns"].min()))
        if "summary" in batches:
            self.summary = batches["summary"][-1:].copy()
        if "quality" in batches:
            self.quality.append(batches["quality"])
        if "incidents" in batches:
            self.incidents = batches["incidents"][-1:].copy()
        self._changed(rows_ns)
        changed = False
        if "status" in batches:
            status = batches["status"][-1:]
            changed = not len(self.status) or bool(
                (status["state"] != self.status["state"])
                | (status["detail"] != self.status["detail"])
            )
            self.status = status.copy()
        return Changes(rows_ns, columns_ns, "gap" in batches, changed)

    def _changed(self, time_ns: int) -> None:
        estimates: list[Explained | Weighing | Follower] = [
            *self.fits.values(),
            *self.weighings.values(),
            *self.followers.values(),
        ]
        for estimate in estimates:
            estimate.changed(time_ns)

    def follow(self, now_ns: int) -> None:
        """Tell the estimates of an outage that began or ended."""
        if not self.has_rows:
            return
        open_ns = self.open_ns(now_ns)
        if open_ns != self.followed_open_ns:
            self._changed(min(*open_ns, *self.followed_open_ns))
            self.followed_open_ns = open_ns

    def explained(self, lookback_s: int, now_ns: int, upto_ns: int) -> Explained:
        """The moves explained up to a time; costs nothing between bins. Call `follow` first."""
        found = self.fits.setdefault(lookback_s, Explained(lookback_s))
        if self.has_rows:
            found.follow(self.rows, self.known(now_ns).best, upto_ns)
        return found

    def weighing(
        self, depth: int, lookback_s: int, now_ns: int, since_ns: int, upto_ns: int
    ) -> Weighing:
        """The weights of integrated OFI at a depth for `(since, upto]`; call `follow` first."""
        key = depth, lookback_s
        found = self.weighings.setdefault(key, Weighing(depth, lookback_s))
        if self.has_rows:
            found.follow(self.rows, self.known(now_ns).depth, since_ns, upto_ns)
        return found

    def follower(self, question: Question) -> Follower:
        """What answers a question; call `follow` first."""
        return self.followers.setdefault(question, Follower(question))

    def keep_followers(self, asked: set[Question]) -> None:
        """Forget the answers of questions that nobody asks any longer."""
        self.followers = {q: kept for q, kept in self.followers.items() if q in asked}

    def keep_estimates(self, used: set[tuple[int, int]]) -> None:
        """Forget the estimates of depths and look-backs that no view shows any longer."""
        lookbacks = {lookback_s for _, lookback_s in used}
        self.fits = {key: kept for key, kept in self.fits.items() if key in lookbacks}
        self.weighings = {key: kept for key, kept in self.weighings.items() if key in used}

    def _add_rows(self, rows: Batch, now_ns: int, fine_ns: int) -> int:
        # Two rows of one interval cannot be; sums need strictly rising ends.
        before = self.rows_end.view[-1] if self.has_rows else -END
        new = np.diff(rows["end_ns"], prepend=before) > 0
        new &= rows["end_ns"] > before
        if not new.all():
            rows = rows[new]
        if not len(rows):
            return END
        if not self.has_rows:
            start = rows["start_ns"][:1]
            self.rows_end.append(start)
            self.rows_sums.append(np.zeros((1, windows.SUMS), np.int64))
            self.rows_quotes.append(windows.nothing(int(start[0])))
        first_ns, self.last_row, self.read_ns = int(rows["end_ns"][0]), rows[-1:].copy(), now_ns
        last = np.flatnonzero(_whole_seconds(rows["end_ns"], fine_ns))
        thinned = len(last) < len(rows)
        total = windows.increments(rows, np.append(0, last[:-1] + 1) if thinned else None)
        total[0] += self.rows_sums.view[-1]
        np.cumsum(total, axis=0, out=total)
        if thinned:
            rows = rows[last]
        self.rows_end.append(rows["end_ns"])
        self.rows_sums.append(total)
        self.rows_quotes.append(windows.quotes_of(rows, BAND))
        return first_ns

    def forget(self, before_ns: int, fine_ns: int) -> None:
        """Drop what is older than a time, and thin what is older than `fine_ns` to whole seconds."""
        if self.has_rows:
            self._drop_rows(before_ns)
            self._thin(fine_ns)
        for part in (self.trades, self.quality):
            part.drop_first(int(np.searchsorted(part.view["time_ns"], before_ns)))
        self._keep_gaps(self.gaps.view["to_ns"] >= before_ns)

    def forget_gaps(self, after_ns: int) -> None:
        """Drop the gaps that begin after a time: of a view of the past they are not yet."""
        self._keep_gaps(self.gaps.view["from_ns"] <= after_ns)

    def _keep_gaps(self, kept: NDArray[np.bool_]) -> None:
        if not kept.all():
            gaps = self.gaps.view[kept].copy()
            self.gaps.keep_first(0)
            self.gaps.append(gaps)
            self.gaps_told += 1

    def _drop_rows(self, before_ns: int) -> None:
        """Drop rows that ended before a time; the last of them stays as the beginning."""
        ends = self.rows_end.view
        count = min(int(np.searchsorted(ends, before_ns, side="right")) - 1, len(ends) - 2)
        for part in (self.rows_end, self.rows_sums, self.rows_quotes):
            part.drop_first(count)

    def _thin(self, fine_ns: int) -> None:
        keep = _whole_seconds(self.rows_end.view, fine_ns)
        old = int(np.searchsorted(self.rows_end.view, fine_ns))
        keep[0] = True
        if not old or keep[:old].sum() > 0.5 * old:
            return
        for part in (self.rows_end, self.rows_sums, self.rows_quotes):
            kept = part.view[keep].copy()
            part.keep_first(0)
            part.append(kept)

    def state(self, now_ns: int) -> State:
        """The feed's state; down when the collector has stopped reporting."""
        if not len(self.status):
            return State.STARTING
        if now_ns - int(self.status["time_ns"][0]) > SILENT_NS:
            return State.DOWN
        return State(int(self.status["state"][0]))

    def present(self, now_ns: int) -> bool:
        """Whether the newest figures are those of now: a venue whose polls are limited is still heard."""
        state = self.state(now_ns)
        if state is not State.THROTTLED:
            return state is State.LIVE
        polled = self.status["fidelity_depth"][0] == Fidelity.SAMPLED
        return bool(polled) and now_ns - self.last_good_ns() < HEARD_NS

    def last_good_ns(self) -> int:
        """When the market was last known to be well: from here an outage is hatched."""
        status = int(self.status["received_ns"][0]) if len(self.status) else 0
        row = int(self.last_row["received_ns"][0]) if len(self.last_row) else 0
        return max(status, row)

    def advance(self, now_ns: int) -> int:
        """Up to when everything is known that will be; never runs backwards."""
        times = [self.horizon_ns]
        if self.has_rows:
            times.append(int(self.rows_end.view[-1]))
        if self.state(now_ns) is not State.LIVE:
            times.append(now_ns)
        elif len(self.status):
            times.append(int(self.status["time_ns"][0]) - SETTLED_NS)
        self.horizon_ns = max(times)
        return self.horizon_ns

    def known(self, now_ns: int) -> Gaps:
        """Where each stream is not known, the time before the first row and an open outage included."""
        return self._gaps(self.open_ns(now_ns))

    def settled(self) -> Gaps:
        """The same without an outage of the market: what held for the newest row when it came."""
        return self._gaps(self._lame_ns())

    def open_ns(self, now_ns: int) -> tuple[int, ...]:
        """From when on each stream is not known at present, in the order of Stream; END where it is.

        A market that is not live is not known at all, unless its book goes on and another stream does not.
        """
        lame = self._lame_ns()
        reported = len(self.status) and now_ns - int(self.status["time_ns"][0]) <= SILENT_NS
        if self.state(now_ns) is State.LIVE or (reported and min(lame) < END):
            return lame
        return (self.last_good_ns(),) * STREAMS

    def _lame_ns(self) -> tuple[int, ...]:
        """From when on a stream is not known while the book goes on; END where it is."""
        whole = (END,) * STREAMS
        if not len(self.status):
            return whole
        status = self.status[0]
        if status["stream_state"][Stream.DEPTH] != State.LIVE:
            return whole
        lame = np.isin(status["stream_state"], _LAME)
        return tuple(np.where(lame, status["stream_received_ns"], END).tolist())

    def _gaps(self, open_ns: tuple[int, ...]) -> Gaps:
        begins = self.first_ns or self.begins_ns or END
        has_best = not len(self.status) or self.status["fidelity_best"][0] >= 0
        has_trades = not len(self.status) or bool(self.status["has_trades"][0])
        # Views ask many times for what seldom changes.
        outage = [max(each, begins) for each in open_ns]
        if not has_best:
            outage[Stream.BEST] = outage[Stream.DEPTH]
        case = (self.gaps_told, begins, *outage, has_best, has_trades)
        found = self._known.get(case)
        if found is None:
            # Without best quotes of its own, the best level is the first of depth (docs/metrics.md).
            best = (Stream.BEST,) if has_best else (Stream.BEST, Stream.DEPTH)
            first, second, third = ([(BEGINNING, begins), (each, END)] for each in outage)
            found = Gaps(
                self._intervals(best, first),
                self._intervals((Stream.DEPTH,), second),
                self._intervals((Stream.TRADES,), third if has_trades else [(BEGINNING, END)]),
            )
            self._known = (
                {**self._known, case: found} if len(self._known) < _CASES else {case: found}
            )
        return found

    def _intervals(self, streams: tuple[Stream, ...], more: list[tuple[int, int]]) -> Intervals:
        gaps = self.gaps.view
        mine = gaps[np.isin(gaps["stream"], streams)]
        starts, ends = np.array(more, np.int64).T
        return merged(
            np.concatenate([mine["from_ns"], starts]), np.concatenate([mine["to_ns"], ends])
        )


def _whole_seconds(ends_ns: NDArray[np.int64], fine_ns: int) -> NDArray[np.bool_]:
    """Which rows to keep: the last of each second up to `fine_ns`, and all after it."""
    keep = np.ones(len(ends_ns), np.bool_)
    old = int(np.searchsorted(ends_ns, fine_ns - fine_ns % NS_PER_S, side="right"))
    if old > 1:
        second = -(-ends_ns[:old] // NS_PER_S)
        keep[: old - 1] = second[1:] != second[:-1]
    return keep
