"""The lag of prints behind quotes, all markets together, row by row (docs/metrics.md, Trade lag).

Within a row a print moved back by less than a row's length falls into its own row or the one before, so
one sum of differences gives what each lag matches. Matched volume adds up over rows: blocks of a minute
are kept, their sum is the look-back's, and a batch costs the same however long that is.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.compute.decomposition import Removed
from app.compute.states import Ints, TradePrints
from app.compute.trades import MAX_LAG_NS
from app.records import ROW_NS

STEP_NS: Final = 1_000_000
LAGS: Final = MAX_LAG_NS // STEP_NS + 1
BLOCK_ROWS: Final = 60_000_000_000 // ROW_NS
BLOCKS: Final = 30  # of the look-back


@dataclass
class LiveLag:
    """`trades.trade_lag` of the last half hour for each market."""

    markets: int
    volume: Ints = field(init=False)  # [markets, LAGS] lots matched at each lag
    _blocks: Ints = field(init=False)  # [BLOCKS, markets, LAGS] by the minute
    _open: int = -1  # number of the newest block
    _removed: tuple[Ints, Removed] = field(init=False)  # of rows that prints may still belong to
    _prints: TradePrints | None = None

    def __post_init__(self) -> None:
        self.volume = np.zeros((self.markets, LAGS), np.int64)
        self._blocks = np.zeros((BLOCKS, self.markets, LAGS), np.int64)
        none = np.zeros(0, np.int64)
        self._removed = (none, Removed(none, none.astype(np.int8), none, none))

    def grow(self, markets: int) -> None:
        """Make room for more market indices."""
        more = markets - self.markets
        self.volume = np.concatenate([self.volume, np.zeros((more, LAGS), np.int64)])
        blocks = np.zeros((BLOCKS, more, LAGS), np.int64)
        self._blocks = np.concatenate([self._blocks, blocks], axis=1)
        self.markets = markets

    def forget(self, market: int) -> None:
        """A market's prices and sizes are in other units from here on."""
        self.volume[market], self._blocks[:, market] = 0, 0
        owner, removed = self._removed
        self._removed = _pick(owner, removed, owner != market)
        if self._prints is not None:
            self._prints = self._prints.pick(self._prints.market != market)

    @property
    def lag_ns(self) -> Ints:
        """`[markets]` the smallest lag that matches most; 0 where nothing matched."""
        return np.asarray(self.volume.argmax(axis=1) * STEP_NS, np.int64)

    def lag_ms(self, market: int) -> int:
        """The same of one market in ms; −1 while nothing was matched."""
        if market >= self.markets or not self.volume[market].any():
            return -1
        return int(self.volume[market].argmax()) * STEP_NS // 1_000_000

    def add(self, owner: Ints, removed: Removed, prints: TradePrints, edge_row: int) -> None:
        """Everything that happened up to the end of a row and was not given before.

        Args:
            owner: `[n]` market of each removal.
            removed: what left the best levels, sizes above 0; `row` is the row's end in units of `ROW_NS`.
            prints: with the taker's side; those without take no part.
            edge_row: number of the last row.
        """
        prints = prints.pick(prints.side != 0) if len(prints) else prints
        self._advance((edge_row - 1) // BLOCK_ROWS)
        if not len(prints) and self._prints is None:  # most batches
            self._removed = _pick(owner, removed, removed.row >= edge_row)
            return
        held_owner, held = self._removed
        owner = np.concatenate([held_owner, owner])
        names = ("row", "side", "price", "size")
        removed = Removed(*(np.concatenate([getattr(held, n), getattr(removed, n)]) for n in names))
        if self._prints is not None:
            prints = self._prints.join(prints)
        if len(owner) and len(prints):
            done = removed.row < edge_row
            self._match(*_pick(owner, removed, done), prints)
        self._removed = _pick(owner, removed, removed.row >= edge_row)
        waiting = prints.pick(-(-prints.time_ns // ROW_NS) >= edge_row)
        self._prints = waiting if len(waiting) else None

    def _match(self, owner: Ints, removed: Removed, prints: TradePrints) -> None:
        """Count what each lag matches in rows that are complete."""
        if not len(owner):
            return
        row = -(-prints.time_ns // ROW_NS)
        # From this lag on a print falls into the row before.
        turn = -(-(prints.time_ns - (row - 1) * ROW_NS) // STEP_NS)
        turn = np.minimum(turn, LAGS)
        # A taker's sale (−1) meets the bid (+1).
        theirs = (prints.market, -prints.side, prints.price)
        keys = [
            np.concatenate([mine, other, other]).astype(np.int64)
            for mine, other in zip((owner, removed.side, removed.price), theirs, strict=True)
        ]
        rows = np.concatenate([removed.row, row, row - 1])
        order = np.lexsort((keys[2], keys[1], rows, keys[0]))
        new = np.zeros(len(order), np.bool_)
        for key in (*keys, rows):
            sorted_key = key[order]
            new[1:] |= sorted_key[1:] != sorted_key[:-1]
        group = np.empty(len(order), np.int64)
        group[order] = np.cumsum(new)
        n, k = len(owner), len(prints)
        groups = int(group.max()) + 1
        left = np.zeros(groups, np.int64)
        np.add.at(left, group[:n], removed.size)
        traded = np.zeros((groups, LAGS + 1), np.int64)
        own, before = group[n : n + k], group[n + k :]
        np.add.at(traded[:, 0], own, prints.size)
        np.subtract.at(traded, (own, turn), prints.size)
        np.add.at(traded, (before, turn), prints.size)
        some = left > 0
        matched = np.minimum(np.cumsum(traded[some, :LAGS], axis=1), left[some, None])
        market, end = np.zeros(groups, np.int64), np.zeros(groups, np.int64)
        market[group[:n]], end[group[:n]] = owner, removed.row
        market, block = market[some], (end[some] - 1) // BLOCK_ROWS
        self._advance(int(block.max()))
        kept = block > self._open - BLOCKS
        np.add.at(self._blocks, (block[kept] % BLOCKS, market[kept]), matched[kept])
        np.add.at(self.volume, market[kept], matched[kept])

    def _advance(self, block: int) -> None:
        """Blocks that leave the look-back take away what they brought."""
        if block <= self._open:
            return
        for number in range(max(self._open + 1, block - BLOCKS + 1), block + 1):
            self.volume -= self._blocks[number % BLOCKS]
            self._blocks[number % BLOCKS] = 0
        self._open = block


def _pick(owner: Ints, removed: Removed, where: NDArray[np.bool_]) -> tuple[Ints, Removed]:
    kept = Removed(
        removed.row[where], removed.side[where], removed.price[where], removed.size[where]
    )
    return owner[where], kept
