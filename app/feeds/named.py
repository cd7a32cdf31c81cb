"""Finds the market that a venue's message means, by the ids that the venue has for it."""

import re
from collections.abc import Iterable, Sequence

from app.feeds.ccxt_hook import HookedClient
from app.feeds.market_feed import CcxtMarketFeed

# Shorter ids are looked for as values only.
_TELLING = 5
# What an id goes on with; before it, a colon or an underscore ends the name of a channel
# (Bitstamp: diff_order_book_btcusd). Where it may as well be within another id, both are named.
_BEFORE, _AFTER = r"[A-Za-z0-9/-]", r"[A-Za-z0-9_/:-]"


class Names:
    """The markets of a venue by every id that messages call them; spot and swap may share one."""

    def __init__(self) -> None:
        self._by_id: dict[str, list[CcxtMarketFeed]] = {}

    def add(self, feed: CcxtMarketFeed, ids: Iterable[str]) -> None:
        """Know a market under its ids."""
        for each in set(ids):
            self._by_id.setdefault(each, []).append(feed)

    def remove(self, feed: CcxtMarketFeed) -> None:
        """Forget a market."""
        for each, feeds in list(self._by_id.items()):
            if feed in feeds:
                feeds.remove(feed)
                if not feeds:
                    del self._by_id[each]

    def find(self, key: str, client: HookedClient) -> CcxtMarketFeed | None:
        """The market that an id means on a connection."""
        feeds = self._by_id.get(key)
        if not feeds:
            return None
        if len(feeds) == 1:
            return feeds[0]
        owned = client.owners.markets
        return next((feed for feed in feeds if str(feed.market.id) in owned), None)

    def named_in(self, text: str, feeds: Sequence[CcxtMarketFeed]) -> list[CcxtMarketFeed]:
        """Those of `feeds` that a text names by one id, however broken it is; none where it names several."""
        named = [
            {id(feed): feed for feed in known if feed in feeds}
            for each, known in self._by_id.items()
            if _mentions(text, each)
        ]
        all_named = {key for each in named for key in each}
        return next(
            (list(each.values()) for each in named if each and len(each) == len(all_named)), []
        )


def _mentions(text: str, name: str) -> bool:
    if name.isdecimal() or name.casefold() not in text.casefold():
        return False
    if len(name) < _TELLING:  # keys and other values look like it
        return re.search(rf':\s*"{re.escape(name)}"', text) is not None
    whole = f"(?<!{_BEFORE}){re.escape(name)}(?!{_AFTER})"
    return re.search(whole, text, re.IGNORECASE) is not None
