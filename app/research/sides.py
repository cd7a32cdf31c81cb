"""Sides of takers that a source does not give, inferred as live (docs/metrics.md, Side of the taker)."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from app.archive import Reader, StateBatch, TradeBatch
from app.compute.states import BookStates, TradePrints, no_states, no_trades
from app.compute.trades import LiveLeeReady


class Sides:
    """Fills in sides stretch by stretch; the last quote and price are carried: any cutting gives the same."""

    def __init__(self, reader: Reader):
        self.needed = not reader.sided
        self._rule = LiveLeeReady(1)

    def fill(self, best: Sequence[StateBatch], prints: list[TradeBatch]) -> list[TradeBatch]:
        """The trades of a stretch with a side each, where a rule decides; marked where the source gave none.

        Args:
            best: every best state of the same stretch.
            prints: its trades, in order.
        """
        if not self.needed:
            return prints
        n = [len(batch) for batch in prints]
        states = book_states([batch for batch in best if len(batch)])
        side = self._rule.sides(states, _prints(prints))
        cut = np.split(side, np.cumsum(n)[:-1]) if n else []
        return [
            replace(batch, side=mine, inferred=batch.inferred | (batch.side == 0))
            for batch, mine in zip(prints, cut, strict=True)
        ]


def book_states(parts: Sequence[StateBatch]) -> BookStates:
    """States of an archive as those of market 0, for classes that run live."""
    if not parts:
        return no_states(1)
    time_ns, epoch, price, size = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("time_ns", "epoch", "price", "size")
    )
    n = len(time_ns)
    market, known = np.zeros(n, np.int32), np.ones(n, np.int32)
    return BookStates(market, time_ns, np.full(n, -1), epoch, known, price, size)


def _prints(parts: Sequence[TradeBatch]) -> TradePrints:
    if not parts:
        return no_trades()
    names = ("time_ns", "price", "size", "side")
    columns = [np.concatenate([getattr(part, name) for part in parts]) for name in names]
    return TradePrints(np.zeros(len(columns[0]), np.int32), *columns)
