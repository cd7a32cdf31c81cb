"""Books without a level: what the venue says of a quiet market, or a fault."""

from collections.abc import Mapping
from typing import Any, Final

from app.feeds.rules.base import Update

_FEW: Final = 2  # levels of both sides that may go with one change
_NEVER: Final = -1


class Emptiness:
    """Believes an empty book that a snapshot of the venue's own confirms.

    The first one is believed where a market begins so; where levels were there before, it is a fault, and
    the snapshot that is asked for then decides. An answer without an id or a time is none: ccxt makes an
    empty book of what it cannot read.
    """

    def __init__(self) -> None:
        self.present = False  # the book is empty, and that is believed
        self._called = False  # the last state was empty, and was called a fault
        self._confirmed = False
        self._levels = _NEVER  # of the last state

    def believes(self, book: Mapping[str, Any], fresh: bool, claim: Update | None) -> bool:
        """Whether a book without a level, `fresh` from a snapshot, is what the venue has."""
        if fresh:
            said = book.get("nonce") is not None or book.get("timestamp") is not None
            said = said or (claim is not None and claim.whole)
            awaited = self.present or self._called or self._levels == _NEVER
            self._called = True
            if not (said and awaited):
                return False
            self._confirmed = True
        elif not (self.present or (self._confirmed and 0 <= self._levels <= _FEW)):
            self._called = True
            return False
        self.present, self._called, self._levels = True, False, 0
        return True

    def ended(self, levels: int) -> None:
        """A state with so many levels has come."""
        self.present, self._called, self._levels = False, False, levels
