"""Feature rows: every 100 ms in which something happened, for all markets in one batch.

The batch *is* the streaming path: the last state of each market is carried over, integers make any
chunking equal bit for bit, and the same code serves live, replay, import and tests. A row covers
`(start, end]` on whole multiples of `records.ROW_NS`; it is emitted once the watermark has passed its
end, and what arrived later waits for the next call.
"""

from dataclasses import dataclass, field, fields
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from app.compute.ofi import side_net, side_parts
from app.records import BANDS_BPS, LEVELS, NO_ASK, NO_BID, ROW, ROW_NS, Batch

Ints = NDArray[np.int64]
_Stream = TypeVar("_Stream", bound="_Columns")
_SENTINEL = np.array([NO_BID, NO_ASK], dtype=np.int64)


class _Columns:
    """Arrays of equal length that are sliced and joined together."""

    def __len__(self) -> int:
        return len(getattr(self, "time_ns"))  # noqa: B009  every subclass has it

    def pick(self, where: Any) -> Self:
        """The elements at an index, a mask or a slice."""
        return type(self)(**{f.name: getattr(self, f.name)[where] for f in fields(self)})  # type: ignore[arg-type]

    def join(self, other: Self) -> Self:
        """This, then the other."""
        if not len(other):
            return self
        if not len(self):
            return other
        both = ((getattr(self, f.name), getattr(other, f.name)) for f in fields(self))  # type: ignore[arg-type]
        return type(self)(*(np.concatenate(pair) for pair in both))


@dataclass(frozen=True)
class BookStates(_Columns):
    """States of one stream in order of arrival, in ticks and lots."""

    market: NDArray[np.int32]  # [n]
    time_ns: Ints
    latency_us: Ints  # receive minus venue time; −1 unknown
    epoch: Ints
    known: NDArray[np.int32]  # levels of each side that the venue lets us know
    price: Ints  # [n, 2, L]; absent levels have a sentinel
    size: Ints  # [n, 2, L]


@dataclass(frozen=True)
class TradePrints(_Columns):
    """Trades in order of arrival, in lots."""

    market: NDArray[np.int32]
    time_ns: Ints
    size: Ints
    side: NDArray[np.int8]  # +1 the taker bought, −1 sold


def no_states(levels: int) -> BookStates:
    """An empty batch of states."""
    ints, small = np.zeros(0, np.int64), np.zeros(0, np.int32)
    book = np.zeros((0, 2, levels), np.int64)
    return BookStates(small, ints, ints, ints, small, book, book)


def no_trades() -> TradePrints:
    """An empty batch of trades."""
    ints = np.zeros(0, np.int64)
    return TradePrints(np.zeros(0, np.int32), ints, ints, np.zeros(0, np.int8))


@dataclass
class _Last:
    """The last state of each market of one stream: the predecessor of its next one."""

    epoch: Ints
    known: NDArray[np.int32]
    price: Ints  # [markets, 2, L]
    size: Ints

    @classmethod
    def none(cls, markets: int, levels: int) -> Self:
        price = np.empty((markets, 2, levels), np.int64)
        price[:] = _SENTINEL[:, None]
        return cls(
            np.full(markets, -1, np.int64),
            np.zeros(markets, np.int32),
            price,
            np.zeros((markets, 2, levels), np.int64),
        )

    def grow(self, markets: int) -> "_Last":
        more = _Last.none(markets - len(self.epoch), self.price.shape[2])
        return _Last(
            *(np.concatenate([getattr(self, f.name), getattr(more, f.name)]) for f in fields(self))
        )

    def forget(self, market: int) -> None:
        self.epoch[market] = -1


@dataclass(frozen=True)
class Rows:
    """Rows of several markets: `record[i]` belongs to `market[i]`; sorted by market, then time."""

    market: NDArray[np.int32]
    record: Batch


@dataclass
class RowBuilder:
    """Turns batches of states and trades into rows; holds what must be carried from one to the next.

    Args:
        markets: how many market indices to make room for; it grows as needed.
    """

    markets: int = 64
    _best: _Last = field(init=False)
    _depth: _Last = field(init=False)
    _quote: Ints = field(init=False)  # [markets, 4]: bid, ask, bid size, ask size
    _bands: Ints = field(init=False)  # [markets, 2, bands]
    _waiting: tuple[BookStates, BookStates, TradePrints] = field(init=False)

    def __post_init__(self) -> None:
        self._best = _Last.none(self.markets, 1)
        self._depth = _Last.none(self.markets, LEVELS)
        self._quote = np.tile(np.array([NO_BID, NO_ASK, 0, 0], np.int64), (self.markets, 1))
        self._bands = np.full((self.markets, 2, len(BANDS_BPS)), -1, np.int64)
        self._waiting = (no_states(1), no_states(LEVELS), no_trades())

    def _grow(self, markets: int) -> None:
        extra = markets - self.markets
        self._best, self._depth = self._best.grow(markets), self._depth.grow(markets)
        quote = np.tile(np.array([NO_BID, NO_ASK, 0, 0], np.int64), (extra, 1))
        self._quote = np.concatenate([self._quote, quote])
        bands = np.full((extra, 2, len(BANDS_BPS)), -1, np.int64)
        self._bands = np.concatenate([self._bands, bands])
        self.markets = markets

    def forget(self, market: int) -> None:
        """The market was removed, or its grid changed: nothing is differenced across this point."""
        if market >= self.markets:
            return
        self._best.forget(market)
        self._depth.forget(market)
        self._quote[market] = (NO_BID, NO_ASK, 0, 0)
        self._bands[market] = -1
        best, depth, trades = self._waiting
        self._waiting = (
            best.pick(best.market != market),
            depth.pick(depth.market != market),
            trades.pick(trades.market != market),
        )

    def update(
        self,
        best: BookStates,
        depth: BookStates,
        trades: TradePrints,
        upto_ns: int,
        bands: dict[int, Ints] | None = None,
    ) -> Rows:
        """Rows that end at or before `upto_ns`.

        Args:
            best: states of the best streams (`L` = 1); for markets without one, level 1 of depth.
            depth: states of the depth streams (`L` = `records.LEVELS`).
            trades: prints.
            upto_ns: watermark: nothing received up to this time is still to come.
            bands: depth within `records.BANDS_BPS` of mid per market, `[2, bands]` lots, as of the
                watermark; markets that are absent keep their last value.
        """
        waiting = self._waiting
        streams = (waiting[0].join(best), waiting[1].join(depth), waiting[2].join(trades))
        edge = upto_ns // ROW_NS * ROW_NS
        now: list[Any] = []
        later: list[Any] = []
        for stream in streams:
            due = stream.time_ns <= edge
            everything = bool(due.all())
            now.append(stream if everything else stream.pick(due))
            later.append(stream.pick(slice(0, 0)) if everything else stream.pick(~due))
        self._waiting = (later[0], later[1], later[2])
        top = max((int(s.market.max()) for s in now if len(s)), default=-1)
        if top >= self.markets:
            self._grow(max(2 * self.markets, top + 1))
        return self._rows(now[0], now[1], now[2], bands or {})

    def _rows(
        self, best: BookStates, depth: BookStates, trades: TradePrints, bands: dict[int, Ints]
    ) -> Rows:
        best, depth, trades = _by_market(best), _by_market(depth), _by_market(trades)
        keys = [_key(s.market, s.time_ns) for s in (best, depth, trades)]
        every = np.unique(np.concatenate(keys))
        record = np.zeros(len(every), ROW)
        market = (every >> 40).astype(np.int32)
        if not len(every):
            return Rows(market, record)
        record["end_ns"] = (every & (1 << 40) - 1) * ROW_NS
        record["start_ns"] = record["end_ns"] - ROW_NS
        record["latency_us"] = -1
        self._depth_part(record, depth, every, keys[1])
        self._best_part(record, best, every, keys[0])
        self._carry_quotes(record, market)
        _trade_part(record, trades, every, keys[2])
        self._band_part(record, market, bands)
        return Rows(market, record)

    def _best_part(self, record: Batch, best: BookStates, every: Ints, key: Ints) -> None:
        if not len(best):
            return
        before = _predecessors(best, self._best)
        bid = side_parts(
            best.price[:, 0, 0], best.size[:, 0, 0], before.price[:, 0, 0], before.size[:, 0, 0]
        )
        ask = side_parts(
            -best.price[:, 1, 0], best.size[:, 1, 0], -before.price[:, 1, 0], before.size[:, 1, 0]
        )
        at, first, last = _groups(every, key)
        for name, part in (
            ("added_bid", bid.added),
            ("removed_bid", bid.removed),
            ("added_ask", ask.added),
            ("removed_ask", ask.removed),
        ):
            record[name][at] = np.add.reduceat(np.where(before.there, part, 0), first)
        record["ofi_best"] = (
            record["added_bid"]
            - record["removed_bid"]
            - record["added_ask"]
            + record["removed_ask"]
        )
        record["states_best"][at] = last - first + 1
        for side, price, size in ((0, "bid", "bid_size"), (1, "ask", "ask_size")):
            record[price][at] = best.price[last, side, 0]
            record[size][at] = best.size[last, side, 0]
        # The best stream often has no venue time; then the depth state's latency stands.
        later = (best.latency_us[last] >= 0) & (best.time_ns[last] >= record["received_ns"][at])
        record["latency_us"][at] = np.where(later, best.latency_us[last], record["latency_us"][at])
        record["received_ns"][at] = np.maximum(best.time_ns[last], record["received_ns"][at])

    def _depth_part(self, record: Batch, depth: BookStates, every: Ints, key: Ints) -> None:
        record["levels"] = LEVELS
        if not len(depth):
            return
        before = _predecessors(depth, self._depth)
        net = side_net(depth.price[:, 0], depth.size[:, 0], before.price[:, 0], before.size[:, 0])
        net -= side_net(
            -depth.price[:, 1], depth.size[:, 1], -before.price[:, 1], before.size[:, 1]
        )
        known = np.where(before.there, np.minimum(depth.known, before.known), depth.known)
        levels = np.arange(LEVELS)
        net *= before.there[:, None] & (levels < known[:, None])
        at, first, last = _groups(every, key)
        record["ofi"][at] = np.add.reduceat(net, first)
        record["bid_size_sum"][at] = np.add.reduceat(depth.size[:, 0], first)
        record["ask_size_sum"][at] = np.add.reduceat(depth.size[:, 1], first)
        record["levels"][at] = np.minimum.reduceat(known, first)
        record["states_depth"][at] = last - first + 1
        record["received_ns"][at] = depth.time_ns[last]
        record["latency_us"][at] = depth.latency_us[last]

    def _carry_quotes(self, record: Batch, market: NDArray[np.int32]) -> None:
        """A row without best states keeps the quotes of the row before: last value at the edge."""
        names = ("bid", "ask", "bid_size", "ask_size")
        have = record["states_best"] > 0
        new_market = np.r_[True, market[1:] != market[:-1]]
        # Index of the latest row of the same market with quotes, −1 where the carry holds them.
        index = np.where(have, np.arange(len(record)), -1)
        start = np.maximum.accumulate(np.where(new_market, np.arange(len(record)), 0))
        index = np.maximum.accumulate(index)
        index = np.where(index >= start, index, -1)
        carried = self._quote[market]
        for k, name in enumerate(names):
            record[name] = np.where(index >= 0, record[name][index], carried[:, k])
        ends = np.r_[np.flatnonzero(new_market)[1:] - 1, len(record) - 1]
        self._quote[market[ends]] = np.stack([record[name][ends] for name in names], axis=1)

    def _band_part(self, record: Batch, market: NDArray[np.int32], bands: dict[int, Ints]) -> None:
        before = self._bands[market]
        record["band_bid"], record["band_ask"] = before[:, 0], before[:, 1]
        for index, value in bands.items():
            if index < self.markets:
                self._bands[index] = value
        ends = np.r_[np.flatnonzero(market[1:] != market[:-1]), len(record) - 1]
        record["band_bid"][ends] = self._bands[market[ends], 0]
        record["band_ask"][ends] = self._bands[market[ends], 1]


@dataclass(frozen=True)
class _Before:
    there: NDArray[np.bool_]  # [n] whether a predecessor of the same epoch exists
    known: NDArray[np.int32]
    price: Ints
    size: Ints


def _predecessors(states: BookStates, last: _Last) -> _Before:
    """The state before each one of the same market (sorted by market); updates `last`."""
    n = len(states)
    first = np.flatnonzero(np.r_[True, states.market[1:] != states.market[:-1]])
    owner = states.market[first]

    def shifted(values: Any, carried: Any) -> Any:
        before = np.empty_like(values)
        before[1:] = values[:-1]
        before[first] = carried[owner]
        return before

    there = shifted(states.epoch, last.epoch) == states.epoch
    result = _Before(
        there,
        shifted(states.known, last.known),
        shifted(states.price, last.price),
        shifted(states.size, last.size),
    )
    end = np.r_[first[1:] - 1, n - 1]
    last.epoch[owner] = states.epoch[end]
    last.known[owner] = states.known[end]
    last.price[owner] = states.price[end]
    last.size[owner] = states.size[end]
    return result


def _by_market(states: _Stream) -> _Stream:
    market = states.market  # type: ignore[attr-defined]
    if len(market) < 2 or bool((market[1:] >= market[:-1]).all()):
        return states
    return states.pick(np.argsort(market, kind="stable"))


def _key(market: NDArray[np.int32], time_ns: Ints) -> Ints:
    """Market and row in one sortable number; a row is named by its end in units of ROW_NS."""
    return (market.astype(np.int64) << 40) | -(-time_ns // ROW_NS)


def _groups(every: Ints, key: Ints) -> tuple[Ints, Ints, Ints]:
    """Rows that have elements, and the first and last element of each (elements sorted by key)."""
    first = np.flatnonzero(np.r_[True, key[1:] != key[:-1]])
    last = np.r_[first[1:] - 1, len(key) - 1]
    return np.searchsorted(every, key[first]), first, last


def _trade_part(record: Batch, trades: TradePrints, every: Ints, key: Ints) -> None:
    if not len(trades):
        return
    at, first, last = _groups(every, key)
    record["bought"][at] = np.add.reduceat(np.where(trades.side > 0, trades.size, 0), first)
    record["sold"][at] = np.add.reduceat(np.where(trades.side < 0, trades.size, 0), first)
    record["trades"][at] = last - first + 1
    record["received_ns"][at] = np.maximum(record["received_ns"][at], trades.time_ns[last])
