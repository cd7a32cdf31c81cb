"""The micro-price of all markets as their best quotes come, event by event (docs/metrics.md, Micro-price).

Transitions are counted in blocks of a minute; a row's adjustment is that of the 30 blocks that ended
before its own, so it neither looks ahead nor depends on how the stream was cut. A state costs a few
vectorised operations shared by its batch; a block is closed, forgotten and solved once a minute.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.compute.microprice import LEAST_MOVES, STATES, solve, state
from app.compute.states import BookStates, Ints, ends, stretches
from app.records import MICRO_UNITS, NO_MICRO, Batch

BLOCK_NS: Final = 60_000_000_000
BLOCKS: Final = 30
_SQUARE: Final = STATES * STATES
_CELLS: Final = 2 * _SQUARE + STATES  # transitions without and with a move, and Σ moves by state
_MOST_TICKS: Final = 2**62 // MICRO_UNITS


@dataclass(frozen=True)
class _Entries:
    """What to add to cells: `key` = market · _CELLS + cell."""

    key: Ints
    value: Ints


@dataclass
class LiveMicro:
    """Counts of all markets over the look-back, and the adjustments that hold now.

    Args:
        markets: how many market indices to make room for; see `grow`.
        least: moves of mid before a micro-price is given.
    """

    markets: int
    least: int = LEAST_MOVES
    _total: Ints = field(init=False)  # [markets, _CELLS] of the closed blocks of the look-back
    _open: Ints = field(init=False)  # [markets, _CELLS] of the block that is open
    _adjust: NDArray[np.float64] = field(init=False)  # [markets, STATES] ticks; NaN not available
    _code: Ints = field(init=False)  # [markets] of the last state
    _twice: Ints = field(init=False)  # [markets] twice the mid of the last state
    _past: deque[tuple[int, _Entries]] = field(default_factory=deque)
    _block: int = -(2**62)

    def __post_init__(self) -> None:
        self._total = np.zeros((self.markets, _CELLS), np.int64)
        self._open = np.zeros((self.markets, _CELLS), np.int64)
        self._adjust = np.full((self.markets, STATES), np.nan)
        self._code = np.full(self.markets, -1, np.int64)
        self._twice = np.zeros(self.markets, np.int64)

    def grow(self, markets: int) -> None:
        """Make room for more market indices."""
        more = LiveMicro(markets - self.markets)
        for name in ("_total", "_open", "_adjust", "_code", "_twice"):
            setattr(self, name, np.concatenate([getattr(self, name), getattr(more, name)]))
        self.markets = markets

    def forget(self, market: int) -> None:
        """A market's prices and sizes are in other units from here on: it begins anew."""
        self._total[market] = self._open[market] = 0
        self._adjust[market], self._code[market] = np.nan, -1
        for k, (block, part) in enumerate(self._past):
            kept = part.key // _CELLS != market
            self._past[k] = (block, _Entries(part.key[kept], part.value[kept]))

    def update(
        self,
        best: BookStates,
        continues: NDArray[np.bool_],
        end_ns: Ints,
        market: NDArray[np.int32],
        record: Batch,
    ) -> None:
        """Fill in `record["micro"]` of rows, and count their states.

        Args:
            best: the best states of the rows, sorted by market, then time.
            continues: `[n]` whether a state has a predecessor of the same epoch.
            end_ns, market, record: the rows, with their quotes.
        """
        steps, moves, at = self._transitions(best, continues)
        row_block = (end_ns - 1) // BLOCK_NS
        block = int(row_block[0])
        if (row_block == block).all():
            self._advance(block)
            alone = bool((market[1:] > market[:-1]).all())
            record["micro"] = self._value(market, record, last=alone)
            self._add(steps)
            self._add(moves)
            return
        of_state = (best.time_ns - 1) // BLOCK_NS
        for block in np.unique(row_block).tolist():
            self._advance(block)
            rows = row_block == block
            record["micro"][rows] = self._value(market[rows], record[rows])
            mine = of_state == block
            for entries, where in ((steps, mine[at[0]]), (moves, mine[at[1]])):
                self._add(_Entries(entries.key[where], entries.value[where]))

    def _transitions(
        self, best: BookStates, continues: NDArray[np.bool_]
    ) -> tuple[_Entries, _Entries, tuple[Ints, Ints]]:
        """Steps from state to state, the moves of mid among them, and the states that end them."""
        if not len(best):
            none = np.zeros(0, np.int64)
            return _Entries(none, none), _Entries(none, none), (none, none)
        bid, ask = best.price[:, 0, 0], best.price[:, 1, 0]
        code = state(bid, best.size[:, 0, 0], ask, best.size[:, 1, 0])
        twice = np.where(code >= 0, bid + ask, 0)
        before, twice_before = self._before(best.market, code, twice)
        step = np.flatnonzero(continues & (code >= 0) & (before >= 0))
        before, move = before[step], (twice - twice_before)[step]
        moved = move != 0
        base = best.market[step].astype(np.int64) * _CELLS
        key = base + before * STATES + code[step] + _SQUARE * moved
        sums = base[moved] + 2 * _SQUARE + before[moved]
        ones = np.ones(len(key), np.int64)
        return _Entries(key, ones), _Entries(sums, move[moved]), (step, step[moved])

    def _before(self, market: NDArray[np.int32], code: Ints, twice: Ints) -> tuple[Ints, Ints]:
        """State and twice the mid before each state of the same market; keeps the last ones."""
        first = stretches(market)
        owner = market[first]
        if len(first) == len(market):
            result = self._code[owner], self._twice[owner]
            self._code[owner], self._twice[owner] = code, twice
            return result
        before, twice_before = np.empty_like(code), np.empty_like(twice)
        before[1:], twice_before[1:] = code[:-1], twice[:-1]
        before[first], twice_before[first] = self._code[owner], self._twice[owner]
        last = ends(first, len(market))
        self._code[owner], self._twice[owner] = code[last], twice[last]
        return before, twice_before

    def _add(self, entries: _Entries) -> None:
        if len(entries.key):
            np.add.at(self._open.reshape(-1), entries.key, entries.value)

    def _advance(self, block: int) -> None:
        """A block has begun: the one before it joins the look-back, old ones leave it."""
        if block <= self._block:
            return
        now, total = self._open.reshape(-1), self._total.reshape(-1)
        key = np.flatnonzero(now)
        if len(key):
            self._past.append((self._block, _Entries(key, now[key])))
            total[key] += now[key]
            now[key] = 0
        self._block = block
        while self._past and self._past[0][0] < block - BLOCKS:
            gone = self._past.popleft()[1]
            total[gone.key] -= gone.value
        self._solve()

    def _solve(self) -> None:
        cells = self._total[:, _SQUARE : 2 * _SQUARE]
        enough = np.flatnonzero(cells.sum(axis=1) >= self.least)
        self._adjust[:] = np.nan
        if len(enough):
            found = self._total[enough]
            still, moved = found[:, : 2 * _SQUARE].reshape(-1, 2, STATES, STATES).swapaxes(0, 1)
            self._adjust[enough] = solve(still, moved, found[:, 2 * _SQUARE :])

    def _value(self, market: NDArray[np.int32], record: Batch, *, last: bool = False) -> Ints:
        """The micro-price of quotes in `1 / MICRO_UNITS` ticks; NO_MICRO where not available.

        Args:
            last: each row ends with the last state of its market, whose code is known.
        """
        bid, ask = record["bid"], record["ask"]
        bid_size, ask_size = record["bid_size"], record["ask_size"]
        code = self._code[market] if last else state(bid, bid_size, ask, ask_size)
        adjust = self._adjust[market, code]
        known = np.isfinite(adjust) & (code >= 0)
        if not known.any():
            return np.full(len(market), NO_MICRO)
        twice = bid + ask
        known &= np.abs(twice) < _MOST_TICKS
        # Equal queues lie on the border of a state and its mirror: mid.
        move = np.where(known & (bid_size != ask_size), adjust * MICRO_UNITS, 0.0)
        value = twice * (MICRO_UNITS // 2) + np.rint(move).astype(np.int64)
        return np.where(known, value, NO_MICRO)
