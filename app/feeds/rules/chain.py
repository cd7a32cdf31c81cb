"""Follows the chains of updates on one connection, and of the trades of one market."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from app.feeds.rules.base import NO_ID, Family, Hole, TradeReader, Update, Verdict

# Ids remembered per chain, to tell what is sent again from what comes late.
_REMEMBERED = 64
# No connection loses so many trades and lives: the venue numbers them anew.
_ANEW = 1_000_000
_NEWER_MS = 1000  # what comes late may bear a time that is a little later


class Chains:
    """The chains of all markets of one connection; a chain begins at its first update or snapshot."""

    def __init__(self, family: Family):
        self._family = family
        self._recent: dict[str, deque[int]] = {}
        self._linked: set[str] = set()  # chains whose updates name the one before

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
        last = recent[-1]
        if update.last == NO_ID:
            # Where ids come, one without tells nothing of what was before it.
            return Verdict.FOLLOWS if last == NO_ID else Hole(update.key)
        if update.previous is not None:
            self._linked.add(update.key)
        follows = _follows(update, last, update.key in self._linked)
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
        self._linked.discard(key)


def _follows(update: Update, last: int, linked: bool) -> bool:
    if update.previous is not None:
        return update.previous == last
    if update.first != NO_ID:
        return update.first == last + 1
    # Where others named the one before, a larger id proves nothing.
    return update.last > last and not linked


class TradeChain:
    """The numbers of one market's trades since its stream was subscribed."""

    def __init__(self, read: TradeReader | None = None):
        """`read` is the family's; None where trades are not numbered without a hole: all follow then."""
        self._read = read
        self.last: int | None = None  # the highest number so far
        self._newest_ms = 0  # by the venue's clock
        # First and last of each hole.
        self._missing: deque[tuple[int, int]] = deque(maxlen=_REMEMBERED)

    def begin(self) -> None:
        """The stream is subscribed anew: nothing is known of what came before."""
        self.last, self._newest_ms = None, 0
        self._missing.clear()

    def grown(self, before: int | None) -> int:
        """By how many numbers it has gone on since its last one was `before`; 0 where it began anew since."""
        grown = 0 if before is None or self.last is None else self.last - before
        return grown if 0 < grown <= _ANEW else 0

    def judge(
        self, trades: Sequence[Mapping[str, Any]]
    ) -> Iterator[tuple[Mapping[str, Any], Verdict | Hole]]:
        """Trades of one message in the venue's order, each with what its number says."""
        numbers = [self._numbers(trade) for trade in trades]
        known = [number for number in numbers if number is not None]
        if len(known) < len(numbers):
            self.begin()
            yield from ((trade, Verdict.FOLLOWS) for trade in trades)
            return
        # ccxt sorts by time, and what happened at once by the text of the number.
        for at in sorted(range(len(trades)), key=known.__getitem__):
            time_ms = int(trades[at].get("timestamp") or 0)
            yield trades[at], self._judge(*known[at], time_ms)
            self._newest_ms = max(self._newest_ms, time_ms)

    def _numbers(self, trade: Mapping[str, Any]) -> tuple[int, int] | None:
        if self._read is None:
            return None
        try:
            first, last = self._read(trade["info"])
            return int(first), int(last)
        except (KeyError, TypeError, ValueError, OverflowError):
            return None

    def _judge(self, first: int, last: int, time_ms: int) -> Verdict | Hole:
        before = self.last
        if before is None or self._anew(first, before, time_ms):
            # What was numbered before its first may be late, and not twice.
            self._missing.clear()
            self._missing.append((first - _ANEW, first - 1))
            self.last = last
            return Verdict.FOLLOWS
        if first <= before:
            return Verdict.FOLLOWS if self._was_missing(first) else Verdict.DUPLICATE
        self.last = last
        if first == before + 1:
            return Verdict.FOLLOWS
        self._missing.append((before + 1, first - 1))
        return Hole("", first - before - 1)

    def _anew(self, first: int, before: int, time_ms: int) -> bool:
        """Whether the venue numbers anew: what is newer has a lower number, or one is out of all reach."""
        newer = time_ms > self._newest_ms + _NEWER_MS and self._newest_ms > 0
        return abs(first - before) > _ANEW or (first <= before and newer)

    def _was_missing(self, number: int) -> bool:
        """Whether a number was; it is missing no longer."""
        for hole in self._missing:
            start, end = hole
            if start <= number <= end:
                self._missing.remove(hole)
                parts = ((start, number - 1), (number + 1, end))
                self._missing.extend(part for part in parts if part[0] <= part[1])
                return True
        return False
