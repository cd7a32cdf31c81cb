"""Reads a market's history back, in batches of bounded size, in order of time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pyarrow import ArrowException, parquet

from app.archive.rebuild import Rebuilder
from app.archive.schema import TABLES
from app.archive.segments import Archive, Segment
from app.errors import InputError
from app.feeds.base import Gap
from app.market import MarketId
from app.records import Stream

Ints = NDArray[np.int64]
BATCH_ROWS = 1 << 16
_SHIFT = 40  # epochs and states of different segments must differ
_FOREVER = 2**62


class _Sliced:
    """Arrays of equal length."""

    def __len__(self) -> int:
        return len(getattr(self, "time_ns"))  # noqa: B009  every subclass has it

    def pick(self, where: Any) -> Self:
        """The elements at a slice or a mask."""
        return type(self)(**{f.name: getattr(self, f.name)[where] for f in fields(self)})  # type: ignore[arg-type]


@dataclass(frozen=True)
class StateBatch(_Sliced):
    """States of one stream; absent levels have size 0 and a sentinel price."""

    time_ns: Ints
    venue_ms: Ints
    update_id: Ints
    state: Ints  # unique in the market
    epoch: Ints  # unique in the market
    known: Ints
    price: Ints  # [n, 2, L]
    size: Ints


@dataclass(frozen=True)
class TradeBatch(_Sliced):
    """Trades; `state` is the number of the state that a trade caused, or −1."""

    time_ns: Ints
    venue_ms: Ints
    price: Ints
    size: Ints
    side: NDArray[np.int8]
    inferred: NDArray[np.bool_]
    id: Ints
    state: Ints


class Reader:
    """The history of one market.

    Raises:
        InputError: the archive does not hold the market, or its segments have different increments.
    """

    def __init__(
        self, archive: Archive, market: MarketId, start_ns: int = 0, end_ns: int = _FOREVER
    ):
        self._archive = archive
        every = archive.require(market)
        self.segments = [s for s in every if s.end_ns > start_ns and s.start_ns < end_ns]
        if not self.segments:
            raise InputError(f"The archive has {market}, but nothing of it in the range asked for.")
        self.market = self.segments[0].market
        if any(s.market.grid != self.market.grid for s in self.segments):
            raise InputError(
                f"The segments of {market} have different increments; choose a range within one."
            )
        self.start_ns = max(start_ns, self.segments[0].start_ns)
        self.end_ns = min(end_ns, self.segments[-1].end_ns)

    @property
    def levels(self) -> int:
        """Levels of depth known in every segment; 0 where one has no depth."""
        return min(s.levels for s in self.segments)

    def has(self, table: str) -> bool:
        """Whether every segment has something in a table."""
        return all(s.counts.get(table, 0) > 0 for s in self.segments)

    @property
    def sequenced(self) -> bool:
        """Whether trades name the state that they caused."""
        return all(s.sequenced for s in self.segments)

    @cached_property
    def sided(self) -> bool:
        """Whether the source gave the side of every trade of the segments."""
        sides = (c["side"] for s in self.segments for c in self._columns("trades", s, ("side",)))
        return all(bool(side.all()) for side in sides)

    def best(self) -> Iterator[StateBatch]:
        """The best stream: its own where the archive has one, else level 1 of depth."""
        if not self.has("best"):
            yield from self.depth(1)
            return
        for index, segment in enumerate(self.segments):
            for c in self._columns("best", segment):
                price = np.stack([c["bid"], c["ask"]], axis=1)[:, :, None]
                size = np.stack([c["bid_size"], c["ask_size"]], axis=1)[:, :, None]
                known = np.ones(len(price), np.int64)
                head = (c["time_ns"], c["venue_ms"], c["update_id"])
                names = (_unique(c["state"], index), _unique(c["epoch"], index))
                yield self._within(StateBatch(*head, *names, known, price, size))

    def depth(self, levels: int) -> Iterator[StateBatch]:
        """The best `levels` of every depth state."""
        for index, segment in enumerate(self.segments):
            builder = Rebuilder(levels)
            for c in _whole_states(self._columns("depth", segment)):
                first = np.flatnonzero(np.diff(c["state"], prepend=-1))
                price, size = builder.states(first, c["key"], c["side"], c["price"], c["size"])
                batch = StateBatch(
                    c["time_ns"][first],
                    c["venue_ms"][first],
                    c["update_id"][first],
                    _unique(c["state"][first], index),
                    _unique(c["epoch"][first], index),
                    c["known"][first].astype(np.int64),
                    price,
                    size,
                )
                yield self._within(batch)

    def changes(self) -> Iterator[dict[str, NDArray[Any]]]:
        """Rows of the update log, no state cut in two; from a keyframe at or before the start on."""
        for segment in self.segments:
            yield from _whole_states(self._columns("depth", segment))

    def trades(self) -> Iterator[TradeBatch]:
        """The trades."""
        for index, segment in enumerate(self.segments):
            for c in self._columns("trades", segment):
                c["state"] = np.where(c["state"] >= 0, _unique(c["state"], index), -1)
                yield self._within(TradeBatch(**c))

    def gaps(self) -> list[Gap]:
        """The gaps, and what lies between the segments."""
        result = []
        for segment in self.segments:
            for c in self._columns("gaps", segment):
                rows = zip(*(c[f.name].tolist() for f in TABLES["gaps"]), strict=True)
                result += [
                    Gap(Stream[stream.upper()], start, end, reason, detail, missed)
                    for stream, start, end, reason, detail, missed in rows
                ]
        for before, after in zip(self.segments, self.segments[1:], strict=False):
            if after.start_ns > before.end_ns:
                result += [
                    Gap(stream, before.end_ns, after.start_ns, "collector restarted")
                    for stream in Stream
                ]
        return result

    def _within(self, batch: Any) -> Any:
        if not len(batch):
            return batch
        if batch.time_ns[0] > self.start_ns - 1 and batch.time_ns[-1] <= self.end_ns:
            return batch
        return batch.pick((batch.time_ns >= self.start_ns) & (batch.time_ns <= self.end_ns))

    def _columns(
        self, table: str, segment: Segment, names: Sequence[str] | None = None
    ) -> Iterator[dict[str, NDArray[Any]]]:
        """The columns of a table, row group by row group from the one that holds the start."""
        if not segment.counts.get(table, 0):
            return
        path = self._archive.table(segment.market.id, table, segment.name)
        try:
            with parquet.ParquetFile(path, filesystem=self._archive.files) as file:
                groups = self._groups(file.metadata, table)
                wanted = names or TABLES[table].names
                for batch in file.iter_batches(BATCH_ROWS, row_groups=groups, columns=wanted):
                    yield {n: batch.column(n).to_numpy(zero_copy_only=False) for n in wanted}
        except (OSError, ArrowException) as error:
            raise InputError(f"{path} cannot be read: {error}.") from None

    def _groups(self, metadata: Any, table: str) -> list[int]:
        """Row groups that may hold the range: each begins with a keyframe, so reading starts there."""
        every = list(range(metadata.num_row_groups))
        if table == "gaps":
            return every
        column = TABLES[table].get_field_index("time_ns")
        low = [metadata.row_group(g).column(column).statistics.min for g in every]
        before = [g for g in every if low[g] < self.start_ns]
        first = before[-1] if before else 0
        return [g for g in every[first:] if low[g] <= self.end_ns]


def _unique(number: NDArray[Any], segment: int) -> Ints:
    """A number within a segment as one within the market."""
    return number.astype(np.int64) + (segment << _SHIFT)


def _whole_states(
    batches: Iterator[dict[str, NDArray[Any]]],
) -> Iterator[dict[str, NDArray[Any]]]:
    """The same rows, but no state is cut between two batches."""
    held: dict[str, NDArray[Any]] | None = None
    for batch in batches:
        joined = batch
        if held is not None:
            joined = {k: np.concatenate([held[k], v]) for k, v in batch.items()}
        state = joined["state"]
        cut = int(np.searchsorted(state, state[-1], side="left"))
        held = {k: v[cut:] for k, v in joined.items()}
        if cut:
            yield {k: v[:cut] for k, v in joined.items()}
    if held is not None:
        yield held
