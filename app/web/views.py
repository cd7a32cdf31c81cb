"""One distinct view of a market: its frames, computed and serialised once for all who watch it.

A view keeps what it has sent. An update recomputes the steps from the first that changed and replaces
the tail with them; a snapshot is all of it, so that a page that connects costs a copy.
"""

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.clock import NS_PER_MS, NS_PER_S
from app.compute import view as compute
from app.compute.follow import Explained, Weighing
from app.compute.windows import END, Depth, rolling_depth
from app.records import STREAMS
from app.store.base import HotStore
from app.web.buffers import Sliding, replace_tail
from app.web.estimates import estimates_json, withheld
from app.web.evidence import Finding
from app.web.frames import encode, largest, trade_arrays
from app.web.heatmap import Heatmap
from app.web.history import Changes, History
from app.web.options import BEST
from app.web.quality import Part, quality_part
from app.web.spec import TRADES, ViewSpec
from app.web.standing import Standing
from app.web.status import gaps_json, status_json, times_json
from app.web.trades import Trades
from app.web.turns import Turn

# Distribution, coverage, price grid, and the heartbeat of a silent market.
SLOW_NS: Final = NS_PER_S
MAX_TRADES: Final = 2_000  # of a snapshot, the largest
_REACH_STEP_NS: Final = 200 * NS_PER_S
_SERIES: Final = ("bid", "ask", "mid", "micro", "ofi", "multi", "integrated", "flow")


def needed_ns(spec: ViewSpec) -> int:
    """How far back a history must reach for a view: a look-back before the first step in range."""
    return _rounded(spec.range_ns + spec.lookback_ns + spec.window_ns + 12 * NS_PER_S)


def fine_ns(spec: ViewSpec) -> int:
    """How far back it must keep tenths of a second."""
    sub_second = compute.step_for(spec.range_ns) < NS_PER_S
    return _rounded(spec.window_ns + 60 * NS_PER_S + (spec.range_ns if sub_second else 0))


def estimates_of(
    history: History, spec: ViewSpec, end_ns: int, now_ns: int
) -> tuple[Explained, Weighing]:
    """What a view tells of its look-back, up to a time; costs nothing between windows."""
    history.follow(now_ns)
    explained = history.explained(spec.lookback_s, now_ns, end_ns)
    start_ns = end_ns - max(spec.range_ns, spec.lookback_ns if spec.main != BEST else 0)
    weighing = history.weighing(spec.depth, spec.lookback_s, now_ns, start_ns, end_ns)
    return explained, weighing


def _rounded(reach_ns: int) -> int:
    """A little further, so that another window seldom has to be read from the store anew."""
    return -(-reach_ns // _REACH_STEP_NS) * _REACH_STEP_NS


@dataclass(frozen=True)
class Now:
    """A view's present: when, what is not known, and the rolling figures of depth at the last row."""

    end_ns: int  # of the time axis
    now_ns: int  # by the clock
    gaps: compute.Gaps
    settled: compute.Gaps  # without an open outage: for the figures of the newest row
    depth: Depth | None  # at the newest row; None while there are none
    weighing: Weighing
    explained: Explained


@dataclass
class View:
    """A view and what of it was sent; `dirty` times say from where the next update begins."""

    key: str
    spec: ViewSpec
    history: History
    seq: int = 0
    t: Sliding = field(default_factory=lambda: Sliding("<i8"))
    rows_dirty_ns: int = 0
    gaps_dirty: bool = True
    status_dirty: bool = True
    sent_ns: int = 0
    turn: Turn = field(default_factory=Turn)
    slow_sent_ns: int = 0
    trades_sent_ns: int = 0
    horizon_ns: int = 0
    open_ns: tuple[int, ...] = (END,) * STREAMS
    past: compute.Lookback = field(default_factory=lambda: compute.Lookback(np.empty(0, np.int64)))
    slow: dict[str, Any] = field(default_factory=dict)
    everywhere: list[dict[str, Any]] = field(default_factory=list)  # incidents of all markets
    hist: NDArray[np.uint32] = field(default_factory=lambda: np.zeros(compute.BINS, np.uint32))
    finding: Finding | None = None
    finding_dirty: bool = False

    def __post_init__(self) -> None:
        self.step_ns = compute.step_for(self.spec.range_ns)
        self.heatmap = Heatmap(self.spec, self.step_ns)
        self.lines = {name: Sliding("<f8") for name in _SERIES}
        self.lines["levels"] = Sliding("<f4", (self.spec.depth,))
        self.trades = Trades(self.spec) if self.spec.tab == TRADES else None
        self.lines |= self.trades.lines if self.trades else {}
        self.standing = Standing(self.spec) if self.spec.main != BEST else None

    def note(self, changes: Changes, now_ns: int) -> None:
        """Remember what news changed."""
        self.rows_dirty_ns = min(self.rows_dirty_ns, changes.rows_ns)
        self.heatmap.changed(changes.columns_ns)
        self.gaps_dirty |= changes.gaps
        self.status_dirty |= changes.status
        open_ns = self.history.open_ns(now_ns)
        if open_ns != self.open_ns:
            # What lies behind the begin of an outage becomes unknown, or known again at its end.
            first_ns = min(*open_ns, *self.open_ns)
            self.rows_dirty_ns = min(self.rows_dirty_ns, first_ns)
            self.heatmap.changed(first_ns)
            self.open_ns, self.gaps_dirty, self.status_dirty = open_ns, True, True

    def tell(self, finding: Finding | None) -> None:
        """The newest answer to the view's question."""
        if finding is not self.finding:
            self.finding, self.finding_dirty = finding, True

    def due(self, now_ns: int, its_turn: bool) -> bool:
        """Whether a frame is to be sent now: when it is the view's turn, and for news that do not wait."""
        if its_turn or self.status_dirty:
            return True
        age = now_ns - self.sent_ns
        period = self.spec.period_ns
        # The heartbeat waits a little for a row that is late.
        if age >= max(SLOW_NS, period * 6 // 5):
            return True
        if self.gaps_dirty or self.finding_dirty:
            return age >= period * 9 // 10
        late = min(self.rows_dirty_ns, self.heatmap.dirty_ns) < END
        return late and age >= 2 * period

    def start(self, store: HotStore, now_ns: int) -> None:
        """Compute everything that is in range; the next frame must be a snapshot.

        Raises:
            StoreError: the store failed.
        """
        now = self._now(now_ns)
        self.rows_dirty_ns = 0
        self._extend_lines(now)
        self._slow(store, now)
        self.heatmap.regrid(store, self.history, now.end_ns, now.gaps.depth)
        self._sent(now_ns)

    def update(self, store: HotStore, now_ns: int) -> tuple[bytes, bool]:
        """The next frame, and whether it is a snapshot because the price rows changed.

        Raises:
            StoreError: the store failed.
        """
        now = self._now(now_ns)
        arrays: dict[str, NDArray[Any]] = {}
        more: dict[str, Any] = {}
        slow = now_ns - self.slow_sent_ns >= SLOW_NS
        if slow:
            self._slow(store, now)
            more, part = self._quality(now)
            arrays |= part | self._histograms()
        first = self._extend_lines(now)
        if slow and self.heatmap.regrid(store, self.history, now.end_ns, now.gaps.depth):
            self._sent(now_ns)
            return self._snapshot(now), True
        arrays |= self._line_arrays(first)
        arrays |= self.heatmap.update(self.history, now.end_ns, now.gaps.depth, now_ns)
        trades = self.history.trades.view
        arrays |= trade_arrays(trades[trades["time_ns"] > self.trades_sent_ns], self.history.scale)
        if self.gaps_dirty:
            more["gaps"] = self._gaps(now)
        if self.finding_dirty:
            more |= self._evidence()
            arrays |= self.finding.arrays if self.finding else {}
        self._sent(now_ns)
        return encode(self._header("update", now) | more, arrays | self._now_arrays(now)), False

    def snapshot(self, now_ns: int) -> bytes:
        """All of the view as of the last update; it carries that update's `seq`."""
        return self._snapshot(self._at(self.horizon_ns, now_ns))

    def _snapshot(self, now: Now) -> bytes:
        spec, market = self.spec, self.history.market
        header = self._header("snapshot", now) | {
            "base": market.base,
            "quote": market.quote,
            "unit": market.size_unit,
            "tick": float(market.grid.tick),
            "exact": market.grid.exact,
            "price_decimals": market.grid.price_decimals,
            "size_decimals": market.grid.size_decimals,
            "contract": str(market.contract),
            "depth": spec.depth,
            "window_s": spec.window_s,
            "lookback_s": spec.lookback_s,
            "range_s": spec.range_s,
            "end_ms": spec.end_ms,
            "step_ms": self.step_ns // NS_PER_MS,
            **self.heatmap.header(),
            "gaps": self._gaps(now),
            **self._evidence(),
        }
        trades = largest(
            self.history.trades.view, now.end_ns - spec.range_ns, self.trades_sent_ns, MAX_TRADES
        )
        arrays = self._line_arrays(0) | self.heatmap.arrays(self.history)
        arrays |= (
            trade_arrays(trades, self.history.scale) | self._histograms() | self._now_arrays(now)
        )
        arrays |= self.finding.arrays if self.finding else {}
        arrays |= self.trades.tape(self.history, self.trades_sent_ns) if self.trades else {}
        more, part = self._quality(now)
        return encode(header | more, arrays | part)

    def _evidence(self) -> dict[str, Any]:
        return {"evidence": self.finding.values} if self.finding else {}

    def _now(self, now_ns: int) -> Now:
        fixed = self.spec.end_ns
        return self._at(fixed if fixed is not None else self.history.advance(now_ns), now_ns)

    def _at(self, end_ns: int, now_ns: int) -> Now:
        history, spec, depth = self.history, self.spec, None
        gaps, settled = history.known(now_ns), history.settled()
        explained, weighing = estimates_of(history, spec, end_ns, now_ns)
        if history.has_rows:
            at = np.array([history.rows_end.view[-1]])
            depth = rolling_depth(history.rows, settled.depth, at, spec.window_ns, spec.depth)
        return Now(end_ns, now_ns, gaps, settled, depth, weighing, explained)

    def _gaps(self, now: Now) -> list[dict[str, Any]]:
        return gaps_json(self.history, now.end_ns - self.spec.range_ns, now.now_ns)

    def _sent(self, now_ns: int) -> None:
        self.seq += 1
        self.sent_ns = now_ns
        self.turn.sent(self._newest_ns(), self.spec.period_ns)
        self.gaps_dirty = self.status_dirty = self.finding_dirty = False
        if len(self.history.trades):
            self.trades_sent_ns = int(self.history.trades.view["time_ns"][-1])

    def _newest_ns(self) -> int:
        return int(self.history.rows_end.view[-1]) if self.history.has_rows else 0

    def _extend_lines(self, now: Now) -> int:
        """Recompute from the first step that changed; returns its index among those in view."""
        history, start = self.history, now.end_ns - self.spec.range_ns
        changed = max(min(self.rows_dirty_ns, self.horizon_ns), start)
        self.rows_dirty_ns, self.horizon_ns = END, now.end_ns
        ends = compute.step_ends(changed - 1, now.end_ns, self.step_ns)
        kept = [*self.lines.values(), *([self.trades.delta] if self.trades else [])]
        replace_tail(self.t, kept, ends, start)
        first = len(self.t)
        if history.has_rows and len(ends):
            steps = compute.Steps(
                history.rows, now.gaps, ends, now.end_ns, self.step_ns,
                self.spec.window_ns, self.spec.depth, history.scale,
            )  # fmt: skip
            values = compute.series(steps, now.weighing)
            if self.trades:
                before = int(self.t.view[-1]) if first else int(ends[0]) - self.step_ns
                values |= self.trades.series(steps, before)
            self.t.append(ends)
            for name, part in self.lines.items():
                part.append(values[name])
        return first

    def _slow(self, store: HotStore, now: Now) -> None:
        """What changes once a second."""
        history = self.history
        if history.has_rows:
            at = int(history.rows_end.view[-1])
            self.past = compute.lookback(
                history.rows, now.settled.best, at, self.spec.window_ns, self.spec.lookback_s
            )
            if self.standing:
                self.standing.look_back(history, now.settled.depth, at, now.weighing)
        figures, self.hist = compute.distribution(self.past, history.scale)
        start = now.end_ns - self.spec.range_ns
        begins = history.first_ns
        self.slow = {
            "distribution": figures,
            "coverage": now.gaps.coverage(start, now.end_ns),
            # A young market misses what came before it, which is no gap.
            "covered": now.gaps.coverage(max(start, begins or start), now.end_ns),
            "begins_ms": begins / NS_PER_MS if begins is not None else None,
        }
        self.slow |= self.trades.figures(history, store) if self.trades else {}
        self.slow_sent_ns = now.now_ns

    def _header(self, kind: str, now: Now) -> dict[str, Any]:
        history, spec = self.history, self.spec
        tiles, parts = compute.NO_TILES, None
        estimates = estimates_json(history, now.settled, now.weighing, now.explained)
        if not self._present(now):
            estimates = withheld(estimates, history)
        if now.depth is not None and self._present(now):
            rows, scale = history.rows, history.scale
            tiles = compute.tiles(rows, now.settled, self.past, spec.window_ns, now.depth, scale)
            parts = compute.decomposition(rows, now.settled, spec.window_ns, scale)
        return {
            "type": kind,
            "key": self.key,
            "seq": self.seq,
            "market": str(spec.market),
            "status": status_json(history, now.now_ns),
            "tiles": tiles | estimates,
            "decomposition": parts,
            "times": times_json(history, now.now_ns),
            **self.slow,
            **self._main(now),
        }

    def _main(self, now: Now) -> dict[str, Any]:
        if self.standing is None:
            return {}
        depth = now.depth if self._present(now) else None
        return self.standing.header(self.history, depth, now.weighing)

    def _histograms(self) -> dict[str, NDArray[Any]]:
        return {"hist": self.hist} | (self.standing.arrays() if self.standing else {})

    def _present(self, now: Now) -> bool:
        """Whether the newest row tells of now: a market that is not live shows no old figures."""
        return self.spec.end_ns is not None or self.history.present(now.now_ns)

    def _quality(self, now: Now) -> Part:
        return quality_part(self.history, self.spec, now.now_ns, now.end_ns, self.everywhere)

    def _line_arrays(self, first: int) -> dict[str, NDArray[Any]]:
        lines = {name: part.view[first:] for name, part in self.lines.items()}
        return {"t": self.t.view[first:] / NS_PER_MS} | lines

    def _now_arrays(self, now: Now) -> dict[str, NDArray[Any]]:
        if now.depth is None or not self._present(now):
            return {"now_levels": np.full(self.spec.depth, np.nan)}
        return {"now_levels": compute.in_unit(now.depth.ofi[0], self.history.scale.lot)}
