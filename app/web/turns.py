"""When it is the turn of views that are sent at one rate: with the first row of each period, all together.

A market in which nothing happens for a tenth of a second has no row of it. If that tenth begins a period,
its next row would bring a frame of its own a moment after those of the other markets, and a page that shows
them side by side would have to be drawn once more. So it is sent with them, with the rows that it has; a
market whose rows merely come later than the others' is waited for.
"""

from dataclasses import dataclass, field
from typing import Final

from app.clock import NS_PER_S
from app.records import ROW_NS

_PUNCTUAL: Final = (
    1  # looks at the store between the first row of a period and one that comes with it
)
_KEPT: Final = 1_000  # looks after which a rate at which nothing was sent is forgotten


@dataclass
class Turn:
    """What a view had: the number of its last period since the epoch, and the newest row then, ns."""

    number: int = 0
    row_ns: int = 0
    punctual: bool = True  # its rows come with those of the others

    def take(self, row_ns: int, period_ns: int) -> None:
        """The view is sent with a newest row; an older one than before: the clock was set back."""
        number = row_ns // period_ns
        self.number = number if row_ns < self.row_ns else max(self.number, number)
        self.row_ns = row_ns


@dataclass
class Turns:
    """The newest period of each rate that a row began, by the clock of the market's collector."""

    _look: int = 0
    _begun: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)  # number, look

    def look(self) -> None:
        """The store is about to be looked at."""
        self._look += 1

    def comes(self, turn: Turn, row_ns: int, period_ns: int, behind_ns: int) -> bool:
        """Whether a view with its newest row is to be sent; views of one rate and clock belong together."""
        own = row_ns // period_ns
        begun, met = self._begun.get((period_ns, behind_ns), (0, 0))
        if own > begun:
            begun, met = self._begun[period_ns, behind_ns] = own, self._look
        if own > turn.number:
            turn.punctual = own == begun and self._look - met <= _PUNCTUAL
            return True
        begins_ns = turn.number * period_ns
        if turn.row_ns < begins_ns <= row_ns < begins_ns + ROW_NS:
            turn.punctual = False  # it was sent as silent, and was not
        silent = turn.number < begun and met < self._look and turn.row_ns < row_ns
        # One that is further behind was left there by a clock that was set back, or by silence.
        if not silent or not turn.punctual or begun * period_ns - row_ns > NS_PER_S:
            return False
        turn.number = begun
        return True

    def forget(self) -> None:
        """Drop the rates at which nothing is sent any longer."""
        for key, (_, met) in list(self._begun.items()):
            if self._look - met > _KEPT:
                del self._begun[key]
