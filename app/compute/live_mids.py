"""The mid before each print, event by event: the last one at least `trade_lag` before it.

All markets together, batch by batch (docs/metrics.md, Spread decomposition). Only the states of the
longest lag are held, and each market's last one before them.
"""

import numpy as np
from numpy.typing import NDArray

from app.compute.book import valid
from app.compute.states import BookStates, Ints, TradePrints, stretches
from app.compute.trades import MAX_LAG_NS
from app.records import NO_MID


class LiveMids:
    """Mids of the best streams in half ticks; `records.NO_MID` where the book was not valid."""

    def __init__(self) -> None:
        none = np.zeros(0, np.int64)
        self._market, self._time_ns, self._twice = none.astype(np.int32), none, none
        self._newest_ns = 0

    def __len__(self) -> int:
        return len(self._market)

    def forget(self, market: int) -> None:
        """Prices of a market are in other units from here on."""
        self._keep(self._market != market)

    def before(self, best: BookStates, prints: TradePrints, lag_ns: Ints) -> Ints:
        """Twice the mid that each print met, `[prints]` half ticks; `NO_MID` where none is known.

        Whether a gap lies between the mid and the print is for the reader to see: gaps are told later.

        Args:
            best: best quotes of all markets that came with the prints, or since the last call.
            prints: in order of arrival.
            lag_ns: `[markets]` how long before the print; markets beyond it have no lag.
        """
        self._take(best)
        n, k = len(self), len(prints)
        self._newest_ns = max(
            self._newest_ns, *(int(s.time_ns.max()) for s in (best, prints) if len(s)), 0
        )
        result = np.full(k, NO_MID, np.int64)
        if n and k:
            lag = np.zeros(max(int(prints.market.max()) + 1, len(lag_ns)), np.int64)
            lag[: len(lag_ns)] = lag_ns
            market = np.concatenate([self._market, prints.market])
            time_ns = np.concatenate([self._time_ns, prints.time_ns - lag[prints.market]])
            is_state = np.arange(n + k) < n
            # At the same time the state comes first: it is at least the lag before.
            order = np.lexsort((~is_state, time_ns, market))
            at = np.maximum.accumulate(np.where(is_state[order], np.arange(n + k), -1))
            first = stretches(market[order])
            begin = np.repeat(first, np.diff(np.append(first, n + k)))
            known = at >= begin
            found = np.where(known, self._twice[np.where(known, order[at], 0)], NO_MID)
            back = np.empty(n + k, np.int64)
            back[order] = np.arange(n + k)
            result = found[back[n:]]
        self._forget_old()
        return result

    def _take(self, best: BookStates) -> None:
        if not len(best):
            return
        bid, ask = best.price[:, 0, 0], best.price[:, 1, 0]
        ok = valid(bid, ask)
        twice = np.where(ok, np.where(ok, bid, 0) + np.where(ok, ask, 0), NO_MID)
        market = np.concatenate([self._market, best.market])
        order = np.argsort(market, kind="stable")
        self._market = market[order]
        self._time_ns = np.concatenate([self._time_ns, best.time_ns])[order]
        self._twice = np.concatenate([self._twice, twice])[order]

    def _forget_old(self) -> None:
        """Of what is older than the longest lag only the last state of each market is still needed."""
        if not len(self):
            return
        old = self._time_ns <= self._newest_ns - MAX_LAG_NS
        followed = np.append(old[1:] & (self._market[1:] == self._market[:-1]), False)
        self._keep(~(old & followed))

    def _keep(self, where: NDArray[np.bool_]) -> None:
        self._market, self._time_ns = self._market[where], self._time_ns[where]
        self._twice = self._twice[where]
