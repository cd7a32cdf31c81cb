"""Who waits for what on one connection of ccxt."""

from collections import UserDict
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from app.feeds.ccxt_hook import HookedClient


class Owner(Protocol):
    """Whoever subscribes: learns on which client and under which hashes ccxt waits for it."""

    attempt: int  # raised when it is let go: what it left in ccxt's queue is void

    def asked(self) -> None:
        """The venue was asked, and has confirmed where it does so."""

    def attach(self, client: "HookedClient", message_hash: str) -> None:
        """ccxt waits for `message_hash` on `client` on behalf of this owner."""


class Owners(UserDict[str, Owner]):
    """Owners by the hash under which ccxt waits; knows of which markets they are."""

    _markets: frozenset[str] | None = None

    @property
    def markets(self) -> frozenset[str]:
        """The ids of their markets; asked for at every update where markets share an id."""
        if self._markets is None:
            named = (getattr(owner, "market", None) for owner in self.values())
            self._markets = frozenset(market for market in named if market is not None)
        return self._markets

    def __setitem__(self, message_hash: str, owner: Owner) -> None:
        self._markets = None
        super().__setitem__(message_hash, owner)

    def __delitem__(self, message_hash: str) -> None:
        self._markets = None
        super().__delitem__(message_hash)
