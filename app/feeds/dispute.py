"""What questions about one market's book found since it last agreed with the venue's own."""

from app.clock import NS_PER_S
from app.feeds.audit import Place

_WAIT_NS, _LONGEST_NS = 60 * NS_PER_S, 3600 * NS_PER_S


class Dispute:
    """Tells a book that went wrong from a venue whose answer and stream do not agree.

    A place that differs when the book is first compared after it was built anew, as it did before, is
    disputed: no rebuild mends it. Any other place calls for one. Those that do not help become rarer, from a
    minute to an hour apart.
    """

    def __init__(self) -> None:
        self.due = False  # built anew, and the venue was not asked since
        self._unproved = False  # nor has it answered
        self._before: frozenset[Place] = frozenset()
        self._disputed: frozenset[Place] = frozenset()
        self._in_vain = 0
        self._next_ns = 0

    @property
    def places(self) -> frozenset[Place]:
        """Where the book differed last, or differs for good."""
        return self._before | self._disputed

    def new(self, places: frozenset[Place]) -> frozenset[Place]:
        """Those of some places that are not disputed."""
        return places - self._disputed

    def rebuilds(self, places: frozenset[Place]) -> None:
        """The book is built anew, since it differs at some places and the stream was silent."""
        self._before = places
        self.due = self._unproved = True

    def differs(self, places: frozenset[Place], now_ns: int) -> bool:
        """Whether the book is to be built anew, by the places where it differs."""
        # However late the answer is: a slow rate limit must not hide a dispute.
        again = places & self._before if self._unproved else frozenset()
        self._disputed = (self._disputed & places) | again
        self._before, self._unproved = places, False
        if not places - self._disputed:
            self._in_vain, self._next_ns = 0, 0  # what else differed was mended
            return False
        if now_ns < self._next_ns:
            return False
        self._next_ns = now_ns + min(_LONGEST_NS, _WAIT_NS << min(self._in_vain, 10))
        self._in_vain += 1
        self.due = self._unproved = True
        return True
