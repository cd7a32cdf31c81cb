"""Trades: CVD, the taker's side by Lee–Ready, the lag of prints (docs/metrics.md, Trades)."""

import numpy as np
from numpy.typing import NDArray

from app.compute.book import valid
from app.compute.decomposition import Removed, matched_volume
from app.compute.states import BookStates, TradePrints
from app.records import NO_ASK, NO_BID

Ints = NDArray[np.int64]
Sides = NDArray[np.int8]
MAX_LAG_NS = 50_000_000


def cvd(net: Ints, before: int = 0) -> Ints:
    """Cumulative volume delta: the running sum of bought − sold, after each trade or bin."""
    return np.cumsum(net) + before


class LiveLeeReady:
    """The taker's side where the venue does not say, batch by batch, all markets together.

    The quote rule against the last valid mid *before* the print, the tick rule at mid; the last quote and
    price are carried over. Lee, Ready (1991), without their five-second delay: the clock is one.
    """

    def __init__(self, markets: int = 64):
        self._quote = np.tile(np.array([NO_BID, NO_ASK], np.int64), (markets, 1))
        self._price = np.zeros(markets, np.int64)
        self._seen = np.zeros(markets, np.bool_)
        self._sign = np.zeros(markets, np.int8)

    def forget(self, market: int) -> None:
        """Prices of a market are in other units from here on."""
        if market < len(self._seen):
            self._quote[market], self._seen[market] = (NO_BID, NO_ASK), False
            self._sign[market] = 0

    def sides(self, best: BookStates, prints: TradePrints) -> Sides:
        """The side of every print: the venue's, else inferred; 0 where neither rule decides.

        Args:
            best: best quotes of all markets that came with the prints, or since the last call.
            prints: in order of arrival; what has a side keeps it.
        """
        self._grow(1 + max((int(s.market.max()) for s in (best, prints) if len(s)), default=0))
        side = prints.side
        if len(prints):
            by_tick = self._by_tick(prints)
            if not side.all():
                twice, known = self._twice_from_mid(best, prints)
                inferred = np.where(known & (twice != 0), np.sign(twice), by_tick)
                side = np.where(side != 0, side, inferred).astype(np.int8)
        bid, ask = best.price[:, 0, 0], best.price[:, 1, 0]
        ok = valid(bid, ask)
        # Of several states of a market the last one stays.
        self._quote[best.market[ok]] = best.price[ok, :, 0]
        return side

    def _grow(self, markets: int) -> None:
        if markets > len(self._seen):
            more = LiveLeeReady(2 * markets - len(self._seen))
            for name in ("_quote", "_price", "_seen", "_sign"):
                setattr(self, name, np.concatenate([getattr(self, name), getattr(more, name)]))

    def _by_tick(self, prints: TradePrints) -> Sides:
        order = np.argsort(prints.market, kind="stable")
        market, price = prints.market[order], prints.price[order]
        first = np.flatnonzero(np.r_[True, market[1:] != market[:-1]])
        owner = market[first]
        before = np.r_[price[:1], price[:-1]]
        before[first] = np.where(self._seen[owner], self._price[owner], price[first])
        move = np.sign(price - before)
        sign = np.where(move != 0, move, 0).astype(np.int8)
        at = _last_where(move != 0, first)
        sign = np.where(at >= 0, sign[at], self._sign[market])
        last = np.r_[first[1:] - 1, len(market) - 1]
        self._price[owner], self._sign[owner] = price[last], sign[last]
        self._seen[owner] = True
        result = np.empty(len(sign), np.int8)
        result[order] = sign
        return result

    def _twice_from_mid(
        self, best: BookStates, prints: TradePrints
    ) -> tuple[Ints, NDArray[np.bool_]]:
        """Twice the distance of each print from the last mid before it, and whether there is one."""
        states = best.pick(valid(best.price[:, 0, 0], best.price[:, 1, 0]))
        n = len(states)
        market = np.concatenate([states.market, prints.market])
        time_ns = np.concatenate([states.time_ns, prints.time_ns])
        # At the same time the print comes first: only a quote before it counts.
        quoted = np.arange(len(market)) < n
        order = np.lexsort((quoted, time_ns, market))
        sorted_market = market[order]
        first = np.flatnonzero(np.r_[True, sorted_market[1:] != sorted_market[:-1]])
        at = _last_where(quoted[order], first)
        carried = self._quote[sorted_market]
        held = valid(carried[:, 0], carried[:, 1])
        twice_mid = np.where(held, carried.sum(axis=1), 0)
        known = held | (at >= 0)
        if n:
            found = states.price[np.minimum(order[at], n - 1), :, 0].sum(axis=1)
            twice_mid = np.where(at >= 0, found, twice_mid)
        back = np.empty(len(order), np.int64)
        back[order] = np.arange(len(order))
        mine = back[n:]
        return 2 * prints.price - twice_mid[mine], known[mine]


def _last_where(flag: NDArray[np.bool_], first: Ints) -> Ints:
    """The last flagged element up to each one within its group; −1 where there is none."""
    at = np.maximum.accumulate(np.where(flag, np.arange(len(flag)), -1))
    begin = np.repeat(first, np.diff(np.r_[first, len(flag)]))
    return np.where(at >= begin, at, -1)


def trade_lag(
    removed: Removed,
    removed_ns: Ints,
    time_ns: Ints,
    price: Ints,
    size: Ints,
    side: Sides,
    row_ns: int,
    step_ns: int = 1_000_000,
) -> tuple[int, Ints]:
    """The lag of prints behind quotes, in 0–50 ms, that maximises the matched volume of 1.6.

    Args:
        removed: what left the best levels, event by event; its `row` is ignored.
        removed_ns: when, `[n]`.
        time_ns, price, size, side: the prints.
        row_ns: length of the rows within which prints and removals are matched.
        step_ns: resolution of the search.

    Returns:
        The lag in ns (the smallest of equals) and the matched lots at every lag tried.
    """
    lags = np.arange(0, MAX_LAG_NS + 1, step_ns, dtype=np.int64)
    rows = -(-removed_ns // row_ns)
    at = Removed(rows, removed.side, removed.price, removed.size)
    volume = np.array(
        [matched_volume(at, -(-(time_ns - lag) // row_ns), price, size, side) for lag in lags],
        dtype=np.int64,
    )
    return int(lags[int(np.argmax(volume))]), volume
