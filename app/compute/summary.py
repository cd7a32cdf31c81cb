"""One line a market at 1 Hz with default window and depth: what the watch list shows.

All markets are kept in blocks and updated together, so hundreds of lines cost a few vectorised
operations and load nothing into the web workers.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.compute.follow import BIN_NS
from app.compute.live_moves import LiveMoves
from app.compute.rows import Rows
from app.compute.scores import LiveScore
from app.compute.states import ends, stretches
from app.records import BANDS_BPS, NO_ASK, NO_BID, NO_MICRO, NO_SCORE, ROW_NS, SUMMARY, Batch

WINDOW_NS: Final = 10_000_000_000
CHANGE_S: Final = 900
_SLOTS: Final = WINDOW_NS // ROW_NS
_BAND: Final = BANDS_BPS.index(10.0)
_S_NS: Final = 1_000_000_000


@dataclass
class SummaryBuilder:
    """Rolling OFI of the last 10 s per market, its score and what it explains, the latest book figures."""

    markets: int = 64
    _slot: NDArray[np.int64] = field(init=False)  # [markets, slots] OFI of each of the last rows
    _slot_end: NDArray[np.int64] = field(init=False)  # [markets, slots] which row a slot holds
    _mid: NDArray[np.float64] = field(init=False)  # [markets, seconds] of the last 15 min
    _from: NDArray[np.int64] = field(init=False)  # windows must not begin before this time
    _last: NDArray[np.int64] = field(init=False)  # [markets, 7]: quotes, sizes, bands, micro-price
    _moves: LiveMoves = field(init=False)
    _scores: dict[int, LiveScore] = field(default_factory=dict)  # of markets that began

    def __post_init__(self) -> None:
        n = self.markets
        self._slot = np.zeros((n, _SLOTS), np.int64)
        self._slot_end = np.zeros((n, _SLOTS), np.int64)
        self._mid = np.full((n, CHANGE_S), np.nan)
        self._from = np.full(n, np.iinfo(np.int64).max, np.int64)
        nothing = np.array([NO_BID, NO_ASK, 0, 0, -1, -1, NO_MICRO], np.int64)
        self._last = np.tile(nothing, (n, 1))
        self._moves = LiveMoves(n)

    def grow(self, markets: int) -> None:
        """Make room for more market indices."""
        more = SummaryBuilder(markets - self.markets)
        for name in ("_slot", "_slot_end", "_mid", "_from", "_last"):
            setattr(self, name, np.concatenate([getattr(self, name), getattr(more, name)]))
        self._moves.grow(markets)
        self.markets = markets

    def begin(self, market: int, time_ns: int, since_ns: int | None = None) -> None:
        """Data of a market is whole from here on: it starts, or a gap of its best stream ended.

        Args:
            market: its index.
            time_ns: from when on.
            since_ns: when the gap began.
        """
        if since_ns is not None and market < self.markets:
            self._moves.lose(market, since_ns, time_ns)
        if market >= self.markets:
            self.grow(max(2 * self.markets, market + 1))
        self._from[market] = time_ns
        self._scores.setdefault(market, LiveScore())

    def forget(self, market: int) -> None:
        """The index has no market any more, or one in other units: it starts empty."""
        if market < self.markets:
            fresh = SummaryBuilder(1)
            for name in ("_slot", "_slot_end", "_mid", "_from", "_last"):
                getattr(self, name)[market] = getattr(fresh, name)[0]
            self._moves.forget(market)
            self._scores.pop(market, None)

    def add(self, rows: Rows) -> None:
        """Take in new rows."""
        if not len(rows.market):
            return
        if (top := int(rows.market.max())) >= self.markets:
            self.grow(max(2 * self.markets, top + 1))
        self._moves.add(rows, self._from)
        end = rows.record["end_ns"] // ROW_NS
        slot = end % _SLOTS
        self._slot[rows.market, slot] = rows.record["ofi_best"]
        self._slot_end[rows.market, slot] = end
        last = ends(stretches(rows.market), len(rows.market))
        record = rows.record[last]
        self._last[rows.market[last]] = np.stack(
            [
                record["bid"],
                record["ask"],
                record["bid_size"],
                record["ask_size"],
                record["band_bid"][:, _BAND],
                record["band_ask"][:, _BAND],
                record["micro"],
            ],
            axis=1,
        )

    def tick(self, time_ns: int, live: NDArray[np.bool_]) -> Batch:
        """The summaries of all markets at a whole second; `[markets]` SUMMARY records.

        Args:
            time_ns: the present; the window is the 10 s that end at the last whole row.
            live: `[markets]` which markets may show figures; the others are blank.
        """
        n = self.markets
        edge = time_ns // ROW_NS
        self._moves.close(edge * ROW_NS // BIN_NS, self._from)
        inside = (self._slot_end > edge - _SLOTS) & (self._slot_end <= edge)
        ofi = np.where(inside, self._slot, 0).sum(axis=1)
        full = live & (self._from <= edge * ROW_NS - WINDOW_NS)
        bid, ask = self._last[:, 0], self._last[:, 1]
        quoted = (bid > NO_BID) & (ask < NO_ASK)
        mid = np.where(quoted & live, (bid + ask) / 2.0, np.nan)
        second = time_ns // _S_NS
        record = np.zeros(n, SUMMARY)
        record["time_ns"] = time_ns
        record["bid"], record["ask"], record["ofi"] = bid, ask, ofi
        record["score"], record["percentile"] = NO_SCORE, -1.0
        self._judge(record, second, full)
        size = self._last[:, 2] + self._last[:, 3]
        whole = live & quoted & (size > 0)
        with np.errstate(invalid="ignore", divide="ignore"):
            imbalance = (self._last[:, 2] - self._last[:, 3]) / size
            before = self._mid[:, second % CHANGE_S]
            change = mid / before - 1.0
        record["queue_imbalance"] = np.where(whole, imbalance, -2.0)
        record["band_bid"], record["band_ask"] = self._last[:, 4], self._last[:, 5]
        record["change"] = np.where(np.isfinite(change), change, NO_SCORE)
        record["micro"] = np.where(whole, self._last[:, 6], NO_MICRO)
        record["explained"] = np.where(live, self._moves.r2, -1.0)
        record["explained_n"] = self._moves.bins
        # These follow trades, market by market.
        record["vpin"] = record["vpin_percentile"] = -1.0
        record["trade_lag_ms"] = -1
        self._mid[:, second % CHANGE_S] = mid
        return record

    def _judge(self, record: Batch, second: int, full: NDArray[np.bool_]) -> None:
        """Standard score and percentile rank of OFI, where its window is whole; the present excluded."""
        for index, live in self._scores.items():
            found = live.push(second, int(record["ofi"][index]) if full[index] else None)
            if found.percentile is not None:
                record["score"][index] = NO_SCORE if found.z is None else found.z
                record["percentile"][index] = found.percentile


def blank(record: Batch) -> None:
    """Take the figures out of the summary of a market that is not present: old ones would look new."""
    record["bid"], record["ask"], record["ofi"] = NO_BID, NO_ASK, 0
    record["band_bid"] = record["band_ask"] = -1
    record["vpin"] = record["vpin_percentile"] = -1.0
    record["change"] = NO_SCORE
