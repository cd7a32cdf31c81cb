"""Whether a book that is asked for stands still, by the venue's own time, while its market trades on."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

_TELLING: Final = 5  # trades; one or two may have met what no book shows
_NEWER_MS: Final = 1000  # the two answers may round a time differently
_AGAIN: Final = 2  # answers that were the same after those trades


class Stillness:
    """Trades take from the book: one that shows none of several, in answer after answer, is a cache's.

    Only an answer that bears a time of the venue's own is judged, and all of its levels must stand still.
    """

    def __init__(self) -> None:
        self._last: tuple[Any, Any, Any] = (None, None, None)
        self._newer = self._again = 0
        self._telling_ns = 0  # when the trades were enough

    def same(self, answer: Mapping[str, Any]) -> bool:
        """Take a book in; whether it is the one before, by its own time and every level."""
        now = answer.get("timestamp"), answer["bids"], answer["asks"]
        if not now[0] or now != self._last:
            self._last = now
            self._newer = self._again = self._telling_ns = 0
            return False
        self._again += self._telling_ns > 0
        return True

    def printed(self, trades: Iterable[Mapping[str, Any]], now_ns: int) -> None:
        """Take in trades that were not listed before."""
        stamp_ms = self._last[0]
        if not stamp_ms:
            return
        times_ms = [trade.get("timestamp") or 0 for trade in trades]
        self._newer += sum(time_ms > stamp_ms + _NEWER_MS for time_ms in times_ms)
        if self._newer >= _TELLING and not self._telling_ns:
            self._telling_ns = now_ns

    def lasts(self, now_ns: int, least_ns: int) -> bool:
        """Whether the book has stood still for longer than `least_ns` after it must have moved."""
        return self._again >= _AGAIN and now_ns - self._telling_ns > least_ns
