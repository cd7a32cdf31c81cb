"""What audits of one market found since its book last agreed with the venue's own."""

from app.clock import NS_PER_S
from app.feeds.audit import Place

# A book this young was built anew since: what differs as before is the venue's, whose answers disagree.
_YOUNG_NS = 10 * NS_PER_S
_WAIT_NS, _LONGEST_NS = 60 * NS_PER_S, 3600 * NS_PER_S


class Dispute:
    """Tells a book that went wrong from a venue whose answer and stream do not agree.

    A place that differs just after the book was built anew, as it did before, is disputed: no rebuild mends
    it. Any other place calls for one. Those that do not help become rarer, from a minute to an hour apart.
    """

    def __init__(self) -> None:
        self.unproved = False  # built anew, and not compared since
        self._before: frozenset[Place] = frozenset()
        self._disputed: frozenset[Place] = frozenset()
        self._in_vain = 0
        self._next_ns = 0

    def differs(self, places: frozenset[Place], age_ns: int, now_ns: int) -> bool:
        """Whether the book is to be built anew.

        Args:
            places: where it differs.
            age_ns: how old the book was when the venue was asked.
            now_ns: the present.
        """
        again = places & self._before if age_ns <= _YOUNG_NS else frozenset()
        self._disputed = (self._disputed & places) | again
        self._before = places
        if not places - self._disputed:
            self._in_vain, self._next_ns = 0, 0  # what else differed was mended
            return False
        if now_ns < self._next_ns:
            return False
        self._next_ns = now_ns + min(_LONGEST_NS, _WAIT_NS << min(self._in_vain, 10))
        self._in_vain += 1
        self.unproved = True
        return True
