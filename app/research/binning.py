"""From an archive to calendar bins: everything that sums or ends at an edge, in chunks of time.

Streams are read in batches and reduced at once, so memory is bounded by a chunk of bins, whatever the
length of the history. Sums are integers: the chunks and batches leave no trace in the result.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import gcd
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.archive import Reader, StateBatch, TradeBatch
from app.compute import bins
from app.compute.book import valid
from app.compute.decomposition import Decomposition, Removed, decompose
from app.compute.ofi import event_ofi, side_parts
from app.records import NO_ASK, NO_BID, ROW_NS
from app.research.sides import Sides

Ints = NDArray[np.int64]
CHUNK_NS = 600_000_000_000


@dataclass(frozen=True)
class Raw:
    """What the bins were made of, state by state, for estimates that follow events."""

    best: Sequence[StateBatch]
    depth: Sequence[StateBatch]
    trades: Sequence[TradeBatch]
    flow: Sequence[tuple[Ints, Ints]]  # times and contributions of the best stream's events


@dataclass(frozen=True)
class Bins:
    """Consecutive bins, in ticks and lots; n bins, M levels."""

    edge_ns: Ints  # [n + 1]
    coverage: NDArray[np.float64]  # [n]
    states_best: Ints  # [n] states, whether or not they had a predecessor
    states_depth: Ints
    ofi_best: Ints
    ofi: Ints  # [n, M]
    levels: Ints  # [n] levels known in both states of every event of the bin
    size_sum: Ints  # [n, 2, M] Σ of resting sizes over the depth states
    queue_sum: Ints  # [n] Σ (qb1 + qa1) over the best states
    quote: Ints  # [n + 1, 4] bid, ask, bid size, ask size at each edge
    trades: Ints
    trades_inferred: Ints  # of those: the source gave no side
    trades_undecided: Ints  # of those: no rule decides either; neither bought nor sold
    bought: Ints
    sold: Ints
    parts: Decomposition
    raw: "Raw"

    @property
    def start_ns(self) -> Ints:
        """Start of each bin."""
        return self.edge_ns[:-1]

    @property
    def end_ns(self) -> Ints:
        """End of each bin."""
        return self.edge_ns[1:]

    def valid(self) -> NDArray[np.bool_]:
        """Whether there is a mid at each edge, `[n + 1]`."""
        return valid(self.quote[:, 0], self.quote[:, 1])

    def mid_half_ticks(self) -> Ints:
        """Twice the mid in ticks at each edge, `[n + 1]`; 0 where there is none."""
        ok = self.valid()
        return np.where(ok, self.quote[:, 0] + np.where(ok, self.quote[:, 1], 0), 0)


class Source:
    """Batches of a stream, cut at the edges of chunks."""

    def __init__(self, batches: Iterator[Any]):
        self._batches = batches
        self._held: Any = None

    def upto(self, end_ns: int) -> Iterator[Any]:
        """What has a time at or before `end_ns` and was not given yet."""
        while True:
            batch = self._held if self._held is not None else next(self._batches, None)
            self._held = None
            if batch is None:
                return
            cut = int(np.searchsorted(batch.time_ns, end_ns, side="right"))
            if cut:
                yield batch.pick(slice(0, cut))
            if cut < len(batch):
                self._held = batch.pick(slice(cut, None))
                return


@dataclass
class Carry:
    """The last state of a stream."""

    last: StateBatch | None = None

    def join(self, batch: StateBatch) -> StateBatch:
        """The batch behind the last state: its first one is the predecessor of the batch."""
        before = self.last
        self.last = batch.pick(slice(-1, None))
        if before is None:
            return batch
        names = batch.__dataclass_fields__
        both = {n: np.concatenate([getattr(before, n), getattr(batch, n)]) for n in names}
        return StateBatch(**both)


@dataclass
class _Removals:
    """What left the best levels in a chunk, for the decomposition."""

    label: list[Ints] = field(default_factory=list)
    time: list[Ints] = field(default_factory=list)
    side: list[NDArray[np.int8]] = field(default_factory=list)
    price: list[Ints] = field(default_factory=list)
    size: list[Ints] = field(default_factory=list)
    added: list[Ints] = field(default_factory=list)


class Binner:
    """Reads one market's history as bins.

    Args:
        reader: the history.
        bin_ns: length of a bin.
        levels: depth levels wanted; capped at what is known.
        best_from_depth: take level 1 of depth for the best stream although there is one.
        align_ns: chunks hold whole multiples of this; a multiple of `bin_ns`.
    """

    def __init__(
        self,
        reader: Reader,
        bin_ns: int,
        levels: int,
        *,
        best_from_depth: bool = False,
        align_ns: int | None = None,
    ):
        self.reader, self._bin_ns = reader, bin_ns
        self._align_ns = align_ns or bin_ns
        self.levels = min(levels, reader.levels) if reader.has("depth") else 0
        from_depth = best_from_depth or not reader.has("best")
        # Level 1 of depth is then taken from the states that are read anyway.
        self.from_depth = from_depth
        self._shared = from_depth and self.levels > 0
        self._sequenced = reader.sequenced and from_depth
        self._row_ns = gcd(ROW_NS, bin_ns)
        best = reader.depth(1) if from_depth and not self._shared else reader.best()
        self._best = Source(iter(()) if self._shared else best)
        self._depth = Source(reader.depth(self.levels) if self.levels else iter(()))
        self._trades, self._sides = Source(reader.trades()), Sides(reader)
        self._best_carry, self._depth_carry = Carry(), Carry()
        self._quote = np.array([NO_BID, NO_ASK, 0, 0], np.int64)
        self._gaps = self._lost()

    def _lost(self) -> tuple[Ints, Ints]:
        """Gaps of all streams, and what lies before and after the history."""
        r = self.reader
        far = 2 * self._align_ns
        pairs = [(g.from_ns, g.to_ns) for g in r.gaps()]
        pairs += [(r.start_ns - far, r.start_ns), (r.end_ns, r.end_ns + far)]
        both = np.array(pairs, np.int64)
        return both[:, 0], both[:, 1]

    def _edges(self) -> Ints:
        """All edges; what happened at the very start lies in the bin that ends there."""
        r, ratio = self.reader, self._align_ns // self._bin_ns
        first, *_, last = bins.edges(r.start_ns - 1, r.end_ns, self._align_ns) // self._align_ns
        return np.arange(first * ratio, last * ratio + 1, dtype=np.int64) * self._bin_ns

    @property
    def total(self) -> int:
        """How many bins there will be."""
        return len(self._edges()) - 1

    def chunks(self) -> Iterator[Bins]:
        """All bins that hold something of the history, chunk by chunk."""
        edges = self._edges()
        step = max(1, CHUNK_NS // self._align_ns) * (self._align_ns // self._bin_ns)
        for a in range(0, len(edges) - 1, step):
            yield self._chunk(edges[a : a + step + 1])

    def _chunk(self, edge_ns: Ints) -> Bins:
        n, levels = len(edge_ns) - 1, self.levels
        sums = {name: np.zeros(n, np.int64) for name in _SUMS}
        quote = np.tile(self._quote, (n + 1, 1))
        removals = _Removals()
        raw_best, raw_depth = list(self._best.upto(int(edge_ns[-1]))), []
        flow = [self._add_best(batch, edge_ns, sums, quote, removals) for batch in raw_best]
        ofi, sizes = np.zeros((n, levels), np.int64), np.zeros((n, 2, levels), np.int64)
        known = np.full(n, levels, np.int64)
        for batch in self._depth.upto(int(edge_ns[-1])):
            raw_depth.append(batch)
            if self._shared:
                raw_best.append(_level_1(batch))
                flow.append(self._add_best(raw_best[-1], edge_ns, sums, quote, removals))
            self._add_depth(batch, edge_ns, sums, ofi, sizes, known)
        self._quote = quote[-1].copy()
        prints = self._sides.fill(raw_best, list(self._trades.upto(int(edge_ns[-1]))))
        for batch in prints:
            _add_trades(batch, edge_ns, sums)
        return Bins(
            edge_ns=edge_ns,
            coverage=bins.coverage(*self._gaps, edge_ns),
            ofi=ofi,
            levels=known,
            size_sum=sizes,
            quote=quote,
            parts=self._decomposed(edge_ns, removals, prints),
            raw=Raw(raw_best, raw_depth, prints, flow),
            **sums,
        )

    def _add_best(
        self,
        batch: StateBatch,
        edge_ns: Ints,
        sums: dict[str, Ints],
        quote: Ints,
        removals: _Removals,
    ) -> tuple[Ints, Ints]:
        """Times and contributions of the events that end with a state of the batch."""
        states = self._best_carry.join(batch)
        there = np.diff(states.epoch) == 0
        price, size = states.price[:, :, 0], states.size[:, :, 0]
        bid = side_parts(price[1:, 0], size[1:, 0], price[:-1, 0], size[:-1, 0])
        ask = side_parts(-price[1:, 1], size[1:, 1], -price[:-1, 1], size[:-1, 1])
        e = np.where(there, bid.net - ask.net, 0)
        time_ns = states.time_ns[1:]
        sums["ofi_best"] += bins.sums(time_ns, e, edge_ns)
        ones = np.ones(len(batch), np.int64)
        sums["states_best"] += bins.sums(batch.time_ns, ones, edge_ns)
        queue = batch.size[:, :, 0].sum(axis=1)
        sums["queue_sum"] += bins.sums(batch.time_ns, queue, edge_ns)
        _edge_quotes(batch, edge_ns, quote)
        label = states.state[1:] if self._sequenced else -(-time_ns // self._row_ns)
        for side, row, part in ((1, 0, bid), (-1, 1, ask)):
            happened = there & ((part.removed > 0) | (part.added > 0))
            removals.label.append(label[happened])
            removals.time.append(time_ns[happened])
            removals.side.append(np.full(int(happened.sum()), side, np.int8))
            removals.price.append(price[:-1, row][happened])
            removals.size.append(part.removed[happened])
            removals.added.append(part.added[happened])
        return time_ns, e

    def _add_depth(
        self,
        batch: StateBatch,
        edge_ns: Ints,
        sums: dict[str, Ints],
        ofi: Ints,
        sizes: Ints,
        known: Ints,
    ) -> None:
        states = self._depth_carry.join(batch)
        there = np.diff(states.epoch) == 0
        e = event_ofi(states.price, states.size)
        both = np.minimum(states.known[1:], states.known[:-1])
        e *= there[:, None] & (np.arange(self.levels) < both[:, None])
        time_ns = states.time_ns[1:]
        ofi += bins.sums(time_ns, e, edge_ns)
        short = np.flatnonzero(both < self.levels)
        np.minimum.at(known, np.searchsorted(edge_ns, time_ns[short]) - 1, both[short])
        sizes += bins.sums(batch.time_ns, batch.size, edge_ns)
        ones = np.ones(len(batch), np.int64)
        sums["states_depth"] += bins.sums(batch.time_ns, ones, edge_ns)

    def _decomposed(
        self, edge_ns: Ints, removals: _Removals, prints: list[TradeBatch]
    ) -> Decomposition:
        """Matched per row (or per state) and summed per bin."""
        labels, times = _joined(removals.label), _joined(removals.time)
        trade_time = _joined([p.time_ns for p in prints])
        trade_label = -(-trade_time // self._row_ns)
        if self._sequenced:
            trade_label = _joined([p.state for p in prints])
        every, index = np.unique(np.concatenate([labels, trade_label]), return_inverse=True)
        own, theirs = index[: len(labels)], index[len(labels) :]
        parts = decompose(
            len(every),
            Removed(own, _joined(removals.side), _joined(removals.price), _joined(removals.size)),
            *_added(own, removals),
            theirs,
            _joined([p.price for p in prints]),
            _joined([p.size for p in prints]),
            _joined([p.side for p in prints]).astype(np.int8),
        )
        where = np.zeros(len(every), np.int64)
        where[theirs] = trade_time
        where[own] = times
        at = np.searchsorted(edge_ns, where) - 1
        return _per_bin(parts, at, len(edge_ns) - 1)


_SUMS = (
    "states_best", "states_depth", "ofi_best", "queue_sum", "trades", "trades_inferred",
    "trades_undecided", "bought", "sold",
)  # fmt: skip


def _level_1(batch: StateBatch) -> StateBatch:
    return replace(batch, price=batch.price[:, :, :1], size=batch.size[:, :, :1])


def coarser(b: Bins, ratio: int) -> Bins:
    """Every `ratio` bins as one; their number is a multiple of it."""
    if ratio == 1:
        return b

    def total(values: Ints) -> Ints:
        n = len(values) // ratio  # not −1: without levels nothing tells it
        whole: Ints = values.reshape(n, ratio, *values.shape[1:]).sum(axis=1)
        return whole

    parts = Decomposition(*(total(getattr(b.parts, f)) for f in b.parts.__dataclass_fields__))
    return Bins(
        edge_ns=b.edge_ns[::ratio],
        # Ones stay exactly one.
        coverage=b.coverage.reshape(-1, ratio).mean(axis=1),
        ofi=total(b.ofi),
        levels=b.levels.reshape(-1, ratio).min(axis=1),
        size_sum=total(b.size_sum),
        quote=b.quote[::ratio],
        parts=parts,
        raw=b.raw,
        **{name: total(getattr(b, name)) for name in _SUMS},
    )


def _joined(parts: list[Any]) -> Any:
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def _added(own: Ints, removals: _Removals) -> tuple[Ints, Ints, Ints]:
    """Added lots of bid and of ask by event, and the label of each."""
    side, added = _joined(removals.side), _joined(removals.added)
    return np.where(side > 0, added, 0), np.where(side < 0, added, 0), own


def _per_bin(parts: Decomposition, at: Ints, n: int) -> Decomposition:
    def total(values: Ints) -> Ints:
        result = np.zeros(n, np.int64)
        np.add.at(result, at, values)
        return result

    return Decomposition(*(total(getattr(parts, f)) for f in parts.__dataclass_fields__))


def _edge_quotes(batch: StateBatch, edge_ns: Ints, quote: Ints) -> None:
    """The last quotes at or before each edge; earlier edges keep what they have."""
    at = bins.last_index(batch.time_ns, edge_ns)
    have = at >= 0
    at = at[have]
    quote[have] = np.column_stack(
        [
            batch.price[at, 0, 0],
            batch.price[at, 1, 0],
            batch.size[at, 0, 0],
            batch.size[at, 1, 0],
        ]
    )


def _add_trades(batch: TradeBatch, edge_ns: Ints, sums: dict[str, Ints]) -> None:
    ones = np.ones(len(batch), np.int64)
    sums["trades"] += bins.sums(batch.time_ns, ones, edge_ns)
    sums["trades_inferred"] += bins.sums(batch.time_ns, batch.inferred.astype(np.int64), edge_ns)
    undecided = (batch.side == 0).astype(np.int64)
    sums["trades_undecided"] += bins.sums(batch.time_ns, undecided, edge_ns)
    for name, sign in (("bought", 1), ("sold", -1)):
        size = np.where(batch.side == sign, batch.size, 0)
        sums[name] += bins.sums(batch.time_ns, size, edge_ns)
