"""When it is the turn of views that are sent at one rate: with the first row of each period, all together.

A market in which nothing happens for a tenth of a second has no row of it. If that tenth begins a period,
its next row would bring a frame of its own a moment after those of the other markets, and a page that shows
them side by side would have to be drawn once more. So it is sent with them, with the rows that it has; a
market whose rows merely come later than the others' is waited for.
"""

from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.clock import NS_PER_S
from app.records import ROW_NS

_KEPT: Final = 1_000  # looks after which a rate at which nothing was sent is forgotten


class _Rate(NamedTuple):
    """Views that belong together: how often they are sent, and how far their collector's clock is behind.

    To the second: that is measured for each market anew.
    """

    period_ns: int
    behind_s: int


class _Begun(NamedTuple):
    """The newest period, counted since the epoch, and the look at the store that met its first row."""

    number: int
    look: int


@dataclass
class Turn:
    """What a view had: the number of its last period, and the newest row then, ns."""

    number: int = 0
    row_ns: int = 0
    punctual: bool = True  # its rows come with those of the others

    def sent(self, row_ns: int, period_ns: int) -> None:
        """The view is sent with a newest row; an older one than before: the clock was set back."""
        number = row_ns // period_ns
        self.number = number if row_ns < self.row_ns else max(self.number, number)
        self.row_ns = row_ns

    def late(self, ends_ns: NDArray[np.int64], period_ns: int) -> bool:
        """Whether the first row of its last period is there now, and was not when the view was sent."""
        begins_ns = self.number * period_ns
        low_ns = max(begins_ns, self.row_ns + 1)
        first, end = np.searchsorted(ends_ns, (low_ns, begins_ns + ROW_NS))
        return bool(first < end)


@dataclass
class Turns:
    """The newest period of each rate that a row began, by the clock of the market's collector."""

    _look: int = 0
    _begun: dict[_Rate, _Begun] = field(default_factory=dict)

    def look(self) -> None:
        """The store is about to be looked at."""
        self._look += 1

    def take(self, turn: Turn, ends_ns: NDArray[np.int64], period_ns: int, behind_ns: int) -> bool:
        """Whether it is a view's turn, which it then has had; `ends_ns` of its market's rows, ascending."""
        row_ns = int(ends_ns[-1]) if len(ends_ns) else 0
        rate = _Rate(period_ns, round(behind_ns / NS_PER_S))
        own, begun = row_ns // period_ns, self._begun.get(rate, _Begun(0, 0))
        if own > begun.number:
            begun = self._begun[rate] = _Begun(own, self._look)
        if own > turn.number:
            turn.punctual = own == begun.number and self._look - begun.look <= 1
            return True
        if turn.late(ends_ns, period_ns):  # it was sent as silent, and was not
            turn.punctual = False
            return True
        silent = turn.number < begun.number and begun.look < self._look and turn.row_ns < row_ns
        # One that is further behind was left there by a clock that was set back, or by silence.
        if not silent or not turn.punctual or begun.number * period_ns - row_ns > NS_PER_S:
            return False
        turn.number = begun.number
        return True

    def forget(self) -> None:
        """Drop the rates at which nothing is sent any longer."""
        for rate, begun in list(self._begun.items()):
            if self._look - begun.look > _KEPT:
                del self._begun[rate]
