"""When a stream that does not begin anew gets another connection: once, until something good has come."""

from app.errors import FeedError
from app.feeds.track import Fault

# Attempts to begin anew on the same connection before it is opened again.
_ATTEMPTS = 3


def tells(fault: Fault) -> bool:
    """Whether a fault tells anything against the connection.

    A refusal is an answer, and what a request beside the connection brought is of that request.
    """
    return not (fault.asked or _refused(fault))


def _refused(fault: Fault) -> bool:
    # A venue that says "already" still has the subscription that was lost here.
    return type(fault.error) is FeedError and "already" not in str(fault.error).lower()


class Renewal:
    """Counts the attempts of a stream that brought nothing good."""

    def __init__(self) -> None:
        self.in_vain = 0  # on a connection that has not answered since
        self._done = False

    def ended(self, fault: Fault, whole: bool) -> None:
        """An attempt has ended; `whole`: something good had come since the one before."""
        if whole:
            self.in_vain, self._done = 0, False
        elif fault.link or (_refused(fault) and not fault.asked):
            self.in_vain = 0  # the next connection is another one; or this one has answered
        elif not fault.asked:
            self.in_vain += 1

    def due(self, fault: Fault) -> bool:
        """Whether it is the connection's turn: others are fine on it, so it is not to blame for ever."""
        return tells(fault) and self.in_vain >= _ATTEMPTS and not self._done

    def done(self) -> None:
        """It was opened again for this."""
        self._done = True
