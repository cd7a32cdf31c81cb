"""After a silence: the venue's answer to a question proves nothing of its stream."""

from app.feeds.audit import Top
from app.feeds.track import Fault


class Doubt:
    """Whether a stream that fell silent has spoken since.

    Where snapshots are fetched, the first book of a new subscription shows only that the venue answers
    questions: it is held until the stream says anything. What comes after it, by whatever way ccxt took,
    is an update.
    """

    def __init__(self) -> None:
        self._present = False
        self.held: Top | None = None  # the book that was fetched and is not believed yet

    def begin(self, fault: Fault | None) -> None:
        """The stream is subscribed again, because of `fault`; a doubt outlasts further attempts."""
        self._present = self._present or (fault is not None and fault.stale)
        self.held = None

    def end(self) -> None:
        """The stream has spoken."""
        self._present, self.held = False, None

    def holds(self, fetched: bool) -> bool:
        """Whether a book, `fetched` or of the stream, is to be held; if not, the doubt is over."""
        if self._present and fetched and self.held is None:
            return True
        self.end()
        return False
