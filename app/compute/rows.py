"""Feature rows: every 100 ms in which something happened, for all markets in one batch.

The batch *is* the streaming path: the last state of each market is carried over, integers make any
chunking equal bit for bit, and the same code serves live, replay, import and tests. A row covers
`(start, end]` on whole multiples of `records.ROW_NS`; it is emitted once the watermark has passed its
end, and what arrived later waits for the next call.
"""

from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from app.compute.carry import Last, predecessors
from app.compute.decomposition import Removed, matched_by_row
from app.compute.live_lag import LiveLag
from app.compute.live_micro import LiveMicro
from app.compute.ofi import net_between, side_parts
from app.compute.states import (
    BookStates,
    Columns,
    Ints,
    TradePrints,
    ends,
    no_states,
    no_trades,
    stretches,
)
from app.records import BANDS_BPS, LEVELS, NO_ASK, NO_BID, ROW, ROW_NS, Batch

_Stream = TypeVar("_Stream", bound=Columns)


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
    lag: LiveLag = field(init=False)
    _best: Last = field(init=False)
    _depth: Last = field(init=False)
    _quote: Ints = field(init=False)  # [markets, 4]: bid, ask, bid size, ask size
    _bands: Ints = field(init=False)  # [markets, 2, bands]
    _micro: LiveMicro = field(init=False)
    _waiting: tuple[BookStates, BookStates, TradePrints] = field(init=False)

    def __post_init__(self) -> None:
        self._best = Last.none(self.markets, 1)
        self._depth = Last.none(self.markets, LEVELS)
        self._quote = np.tile(np.array([NO_BID, NO_ASK, 0, 0], np.int64), (self.markets, 1))
        self._bands = np.full((self.markets, 2, len(BANDS_BPS)), -1, np.int64)
        self._micro = LiveMicro(self.markets)
        self.lag = LiveLag(self.markets)
        self._waiting = (no_states(1), no_states(LEVELS), no_trades())

    def _grow(self, markets: int) -> None:
        extra = markets - self.markets
        self._best, self._depth = self._best.grow(markets), self._depth.grow(markets)
        quote = np.tile(np.array([NO_BID, NO_ASK, 0, 0], np.int64), (extra, 1))
        self._quote = np.concatenate([self._quote, quote])
        bands = np.full((extra, 2, len(BANDS_BPS)), -1, np.int64)
        self._bands = np.concatenate([self._bands, bands])
        self._micro.grow(markets)
        self.lag.grow(markets)
        self.markets = markets

    def forget(self, market: int) -> None:
        """The market was removed, or its grid changed: nothing is differenced across this point."""
        if market >= self.markets:
            return
        self._best.forget(market)
        self._depth.forget(market)
        self._micro.forget(market)
        self.lag.forget(market)
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
        rows, left = self._rows(now[0], now[1], now[2], bands or {})
        self.lag.add(*left, now[2], edge // ROW_NS)
        return rows

    def _rows(
        self, best: BookStates, depth: BookStates, trades: TradePrints, bands: dict[int, Ints]
    ) -> tuple[Rows, tuple[Ints, Removed]]:
        """The rows, and what left the best levels: market and, by number of row, what."""
        best, depth, trades = _by_market(best), _by_market(depth), _by_market(trades)
        keys = [_key(s.market, s.time_ns) for s in (best, depth, trades)]
        every = _distinct(keys)
        record = np.zeros(len(every), ROW)
        market = (every >> 40).astype(np.int32)
        if not len(every):
            return Rows(market, record), _left(None, every)
        record["end_ns"] = (every & (1 << 40) - 1) * ROW_NS
        record["start_ns"] = record["end_ns"] - ROW_NS
        record["latency_us"] = -1
        self._depth_part(record, depth, every, keys[1])
        removed, continues = self._best_part(record, best, every, keys[0])
        self._carry_quotes(record, market)
        self._micro.update(best, continues, record["end_ns"], market, record)
        _trade_part(record, trades, every, keys[2])
        _match_part(record, removed, trades, every, keys[2])
        self._band_part(record, market, bands)
        return Rows(market, record), _left(removed, every)

    def _best_part(
        self, record: Batch, best: BookStates, every: Ints, key: Ints
    ) -> tuple[Removed | None, NDArray[np.bool_]]:
        """Fill in what best states say.

        Returns:
            What left the best levels, labelled by row, and which states continue the one before.
        """
        if not len(best):
            return None, np.zeros(0, np.bool_)
        before = predecessors(best, self._best)
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
            record[name][at] = _sum_groups(np.where(before.there, part, 0), first)
        record["ofi_best"] = (
            record["added_bid"]
            - record["removed_bid"]
            - record["added_ask"]
            + record["removed_ask"]
        )
        record["states_best"][at] = last - first + 1
        record["queue_sum"][at] = _sum_groups(best.size[:, 0, 0] + best.size[:, 1, 0], first)
        for side, price, size in ((0, "bid", "bid_size"), (1, "ask", "ask_size")):
            record[price][at] = best.price[last, side, 0]
            record[size][at] = best.size[last, side, 0]
        # The best stream often has no venue time; then the depth state's latency stands.
        later = (best.latency_us[last] >= 0) & (best.time_ns[last] >= record["received_ns"][at])
        record["latency_us"][at] = np.where(later, best.latency_us[last], record["latency_us"][at])
        record["received_ns"][at] = np.maximum(best.time_ns[last], record["received_ns"][at])
        row = np.repeat(at, last - first + 1)
        removed = Removed(
            np.concatenate([row, row]),
            np.repeat(np.array([1, -1], np.int8), len(row)),
            np.concatenate([before.price[:, 0, 0], before.price[:, 1, 0]]),
            np.concatenate([bid.removed * before.there, ask.removed * before.there]),
        )
        return removed, before.there

    def _depth_part(self, record: Batch, depth: BookStates, every: Ints, key: Ints) -> None:
        record["levels"] = LEVELS
        if not len(depth):
            return
        before = predecessors(depth, self._depth)
        net = net_between(depth.price, depth.size, before.price, before.size)
        known = np.where(before.there, np.minimum(depth.known, before.known), depth.known)
        levels = np.arange(LEVELS)
        net *= before.there[:, None] & (levels < known[:, None])
        at, first, last = _groups(every, key)
        record["ofi"][at] = _sum_groups(net, first)
        record["bid_size_sum"][at] = _sum_groups(depth.size[:, 0], first)
        record["ask_size_sum"][at] = _sum_groups(depth.size[:, 1], first)
        record["levels"][at] = np.minimum.reduceat(known, first)
        record["states_depth"][at] = last - first + 1
        record["received_ns"][at] = depth.time_ns[last]
        record["latency_us"][at] = depth.latency_us[last]

    def _carry_quotes(self, record: Batch, market: NDArray[np.int32]) -> None:
        """A row without best states keeps the quotes of the row before: last value at the edge."""
        names = ("bid", "ask", "bid_size", "ask_size")
        have = record["states_best"] > 0
        first = stretches(market)
        last = ends(first, len(market))
        every = np.arange(len(record))
        # Index of the latest row of the same market with quotes, −1 where the carry holds them.
        index = np.where(have, every, -1)
        if len(first) < len(market):
            start = np.repeat(first, last - first + 1)
            index = np.maximum.accumulate(index)
            index = np.where(index >= start, index, -1)
        carried = self._quote[market]
        for k, name in enumerate(names):
            record[name] = np.where(index >= 0, record[name][index], carried[:, k])
        owner = market[last]
        for k, name in enumerate(names):
            self._quote[owner, k] = record[name][last]

    def _band_part(self, record: Batch, market: NDArray[np.int32], bands: dict[int, Ints]) -> None:
        before = self._bands[market]
        record["band_bid"], record["band_ask"] = before[:, 0], before[:, 1]
        for index, value in bands.items():
            if index < self.markets:
                self._bands[index] = value
        if bands:
            last = ends(stretches(market), len(market))
            now = self._bands[market[last]]
            record["band_bid"][last], record["band_ask"][last] = now[:, 0], now[:, 1]


def _left(removed: Removed | None, every: Ints) -> tuple[Ints, Removed]:
    """Market of each removal, and the removals by number of row."""
    if removed is None:
        none = np.zeros(0, np.int64)
        return none, Removed(none, none.astype(np.int8), none, none)
    some = removed.size > 0
    key = every[removed.row[some]]
    row, size = key & (1 << 40) - 1, removed.size[some]
    return key >> 40, Removed(row, removed.side[some], removed.price[some], size)


def _by_market(states: _Stream) -> _Stream:
    market = states.market  # type: ignore[attr-defined]
    if len(market) < 2 or bool((market[1:] >= market[:-1]).all()):
        return states
    return states.pick(np.argsort(market, kind="stable"))


def _key(market: NDArray[np.int32], time_ns: Ints) -> Ints:
    """Market and row in one sortable number; a row is named by its end in units of ROW_NS."""
    return (market.astype(np.int64) << 40) | -(-time_ns // ROW_NS)


def _distinct(keys: list[Ints]) -> Ints:
    """The keys of all streams, each once, sorted; those of one stream are sorted already."""
    some = [key for key in keys if len(key)]
    if not some:
        return keys[0]
    every = some[0]
    if len(some) > 1:
        every = np.concatenate(some)
        every.sort()
    return every[stretches(every)]


def _groups(every: Ints, key: Ints) -> tuple[Ints, Ints, Ints]:
    """Rows that have elements, and the first and last element of each (elements sorted by key)."""
    first = stretches(key)
    whole = len(first) == len(every)  # every row has some
    at = np.arange(len(every)) if whole else np.searchsorted(every, key[first])
    return at, first, ends(first, len(key))


def _sum_groups(values: Ints, first: Ints) -> Ints:
    """Sums of the stretches that begin at `first`, along the first axis."""
    if len(first) == len(values):
        return values
    result: Ints = np.add.reduceat(values, first)
    return result


def _trade_part(record: Batch, trades: TradePrints, every: Ints, key: Ints) -> None:
    if not len(trades):
        return
    at, first, last = _groups(every, key)
    record["bought"][at] = np.add.reduceat(np.where(trades.side > 0, trades.size, 0), first)
    record["sold"][at] = np.add.reduceat(np.where(trades.side < 0, trades.size, 0), first)
    record["trades"][at] = last - first + 1
    record["received_ns"][at] = np.maximum(record["received_ns"][at], trades.time_ns[last])


def _match_part(
    record: Batch, removed: Removed | None, trades: TradePrints, every: Ints, key: Ints
) -> None:
    """What left the best levels and traded at the same price in the same row (docs/metrics.md)."""
    if removed is None or not len(trades):
        return
    row = np.searchsorted(every, key)
    record["matched_bid"], record["matched_ask"] = matched_by_row(
        len(record), removed, row, trades.price, trades.size, trades.side
    )
