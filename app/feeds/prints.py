"""What a market's stream of trades has told, to be held against what the venue lists when asked."""

from collections.abc import Iterable, Mapping
from enum import Enum, auto
from typing import Any, Final

from app.feeds.pace import Pace

_NEWER_MS: Final = 1000  # the two ways may round a time differently


class Verdict(Enum):
    """What a list of the venue's says of the stream."""

    FIRST = auto()  # nothing yet
    MISSED = auto()
    UNSURE = auto()  # newer by no more than times are rounded
    WHOLE = auto()


class Prints:
    """Silence of trades proves nothing: a market may have none. What the venue lists does."""

    def __init__(self) -> None:
        self.pace = Pace()
        self.begun_ns = 0  # of the present subscription
        self.count = 0  # times that the stream spoke
        self.asked_ns = 0
        self.newest_ms: int | None = None  # by the venue's clock; None before anything tells

    def begin(self, subscribed_ns: int) -> None:
        """The stream was subscribed; nothing that came before says anything of it."""
        if subscribed_ns == self.begun_ns:
            return
        self.begun_ns = subscribed_ns
        if subscribed_ns > self.pace.last_ns:
            self.newest_ms = None
            self.pace.spoke(subscribed_ns, beginning=True)

    def told(self, trades: Iterable[Mapping[str, Any]], now_ns: int) -> None:
        """Trades have come by the stream."""
        self.count += 1
        self.newest_ms = newest_ms(trades)
        self.pace.spoke(now_ns, beginning=False)

    def compare(self, listed_ms: int) -> Verdict:
        """Hold the newest trade of a list against what was told.

        The first list after a subscription that did not speak yet is what later ones are held against.
        """
        if self.newest_ms is None:
            self.newest_ms = listed_ms
            return Verdict.FIRST
        if listed_ms > self.newest_ms + _NEWER_MS:
            return Verdict.MISSED
        return Verdict.UNSURE if listed_ms > self.newest_ms else Verdict.WHOLE


def newest_ms(trades: Iterable[Mapping[str, Any]]) -> int | None:
    """The newest time of some trades; 0 of none, None where they carry no times."""
    times = [trade.get("timestamp") for trade in trades]
    known = [int(time) for time in times if time]
    return max(known, default=0 if not times else None)
