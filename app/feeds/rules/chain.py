"""Follows the chains of updates on one connection."""

from collections import deque

from app.feeds.rules.base import NO_ID, Family, Hole, Update, Verdict

# Ids remembered per chain, to tell what is sent again from what comes late.
_REMEMBERED = 64


class Chains:
    """The chains of all markets of one connection; a chain begins at its first update or snapshot."""

    def __init__(self, family: Family):
        self._family = family
        self._recent: dict[str, deque[int]] = {}

    def judge(self, update: Update) -> Verdict | Hole:
        """Take an update's claim; it counts as seen whatever the verdict."""
        recent = self._recent.get(update.key)
        if update.whole:
            return self._begin(update, recent)
        if recent is None:
            if update.streamed:
                return Verdict.EARLY
            self._recent[update.key] = deque((update.last,), _REMEMBERED)
            return Verdict.FOLLOWS
        if update.last == NO_ID:
            return Verdict.FOLLOWS
        last = recent[-1]
        follows = _follows(update, last)
        if not follows and update.last in recent:
            return Verdict.DUPLICATE
        recent.append(update.last)
        if follows or last == NO_ID:
            return Verdict.FOLLOWS
        counts = update.previous is None and update.first != NO_ID
        return Hole(update.key, max(-1, update.first - last - 1) if counts else -1)

    def _begin(self, update: Update, recent: "deque[int] | None") -> Verdict | Hole:
        if recent is not None and self._family.only_whole and update.last < recent[-1]:
            return Hole(update.key)
        self._recent[update.key] = deque((update.last,), _REMEMBERED)
        return Verdict.FOLLOWS

    def forget(self, key: str) -> None:
        """Begin a market's chain anew."""
        self._recent.pop(key, None)


def _follows(update: Update, last: int) -> bool:
    if update.previous is not None:
        return update.previous == last
    return update.last > last if update.first == NO_ID else update.first == last + 1
