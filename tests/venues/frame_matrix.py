"""Every fault that frames can carry, in each venue's own format: ccxt's handlers and our rules, no server.

A family plays all its faults on one feed, one after the other: each begins where the one before was mended.
Its clock stands still between frames, so what is told is with which frame a fault was known, and no times.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from app.feeds.track import Track
from app.records import State, Stream
from tests.venues.direct import Direct, direct
from tests.venues.fault_rows import GAP, SEEN, WHOLE
from tests.venues.followed import answer, asked, begin, live, wire
from tests.venues.frame_faults import DELAY_S, FRAMES, Side
from tests.venues.frame_formats import frame_formats, neighbour_of
from tests.venues.frame_rows import AUDIT, FRAME_FAMILIES, Expected, FrameRow, frame_rows_of

WITH_IT, WITH_NEXT, WITH_AUDIT, NEVER = "itself", "the next", "an audit", "–"
_BEYOND = 2**53
_UPDATES = 3  # within which a market is whole


@dataclass
class FrameOutcome:
    """What became of one fault; `known` is with what frame it was, `shared` whether the neighbour was on the
    same connection."""

    family: str
    fault: str
    expected: Expected
    known: str = NEVER
    gaps: list[str] = field(default_factory=list)
    equal: bool = False
    neighbour: str = "untouched"
    shared: bool = False
    wrong: list[str] = field(default_factory=list)


class FrameStand:
    """A market of a family and its neighbour on one venue; where the venue has it so, on one connection."""

    def __init__(self, family: str, made: Direct):
        self.family, self.made = family, made
        form = frame_formats()[family]
        self.side, self.beside = Side(made, form), Side(made, neighbour_of(form))

    async def open(self) -> None:
        """Let both begin."""
        for side in (self.side, self.beside):
            await live(self.made, side.form, side.book)
            self.made.snapshots.pop(side.form.symbol, None)

    @property
    def shared_link(self) -> bool:
        """Whether both come by one connection."""
        return wire(self.made, self.side.form) is wire(self.made, self.beside.form)

    def asked(self) -> dict[str, int]:
        """How often each book was subscribed."""
        sides = (self.side, self.beside)
        return {side.form.symbol: asked(self.made, side.form) for side in sides}

    async def mend(self, before: dict[str, int], dialled: int) -> None:
        """Send the venue's books as they are by now, where they were subscribed again since `before`.

        Args:
            dialled: how many connections there were before.
        """
        lost = [side for side in (self.side, self.beside) if side.feed.book() is None]
        for side in lost:
            await self._asked_again(side, before[side.form.symbol])
        if len(self.made.wires) > dialled:
            self._renumber()
        for side in lost:
            symbol = side.form.symbol
            await begin(self.made, side.form, side.book, before[symbol] + 1)
            self.made.snapshots.pop(symbol, None)

    async def _asked_again(self, side: Side, times: int) -> None:
        await self.made.turn(lambda: asked(self.made, side.form) > times)

    async def settle(self) -> None:
        """Until no stream of either is in a gap: those beside the book end theirs with its next update."""
        for side in (self.side, self.beside):
            for _ in range(_UPDATES):
                await self._subscribed([t for t in side.feed.tracks.values() if t.in_gap])
                side.push(side.step())

    async def _subscribed(self, tracks: list[Track]) -> None:
        await self.made.turn(lambda: all(track.subscribed.is_set() for track in tracks))

    def _renumber(self) -> None:
        """A new connection counts its messages anew."""
        form = frame_formats()[self.family]
        self.side.form, self.beside.form = form, neighbour_of(form)


class _Watch:
    """What one market's feed showed since a moment."""

    def __init__(self, side: Side):
        self.feed = side.feed
        self._rejected = self.feed.status.rejected.copy()
        self._gaps = self.feed.status.gaps_by_reason.copy()
        self._epoch = self.feed.tracks[Stream.DEPTH].epoch

    def rejected(self) -> Counter[str]:
        """What was refused, by reason."""
        return self.feed.status.rejected - self._rejected

    def gaps(self) -> list[str]:
        """The reasons of the gaps that are marked."""
        return sorted(self.feed.status.gaps_by_reason - self._gaps)

    def broke(self) -> bool:
        """Whether there is no book that can be trusted."""
        return self.feed.book() is None

    def untouched(self) -> bool:
        """Whether nothing has happened to it."""
        live = self.feed.status.state is State.LIVE and not self.broke()
        same = self.feed.tracks[Stream.DEPTH].epoch == self._epoch
        return live and same and not self.rejected() and not self.gaps()


def _notice(stand: FrameStand, row: FrameRow, watch: _Watch) -> Callable[[], bool]:
    """How the user is told of a fault that makes no gap."""
    feed, ring = stand.side.feed, stand.made.ring
    if row.kind == "delay":
        delays = feed.status.streams[Stream.DEPTH].delays_ms
        stand.side.push(stand.side.step())
        usual_ms = delays[-1]
        return lambda: delays[-1] - usual_ms > DELAY_S * 900
    if row.kind == "one_sided":
        return lambda: (view := feed.book()) is not None and not view.asks
    if row.kind == "no_time":
        return lambda: bool((ring.depth.take().venue_ms < 0).any())
    return lambda: watch.rejected() == {"duplicate": 1}


async def play(stand: FrameStand, row: FrameRow) -> FrameOutcome:
    """Break the market, see what is told of it, send a new snapshot where one is asked for, compare."""
    expected = row.of(stand.family)
    assert expected is not None
    outcome = FrameOutcome(stand.family, row.name, expected)
    if row.kind == "big_ids":
        await _leap(stand)
    before, dialled, outcome.shared = stand.asked(), len(stand.made.wires), stand.shared_link
    watch, beside = _Watch(stand.side), _Watch(stand.beside)
    stand.made.ring.take()
    _spoil(stand, row, watch, outcome)
    if expected.ends == AUDIT:
        await _find(stand, watch, outcome)
    await stand.mend(before, dialled)
    stand.side.push(stand.side.step())
    stand.beside.push(stand.beside.step())
    await stand.settle()
    outcome.equal, outcome.gaps = stand.side.right(), watch.gaps()
    if not beside.untouched():
        outcome.neighbour = "same link" if len(stand.made.wires) > dialled else "HIT"
    if expected.ends == AUDIT:
        await _audit(stand)  # it agrees: a difference at the same price later is another one
    _judge(stand, watch, outcome)
    stand.side.refill()
    return outcome


async def _leap(stand: FrameStand) -> None:
    """The book is lost, and begins anew with ids beyond what a float can hold."""
    side, before = stand.side, stand.asked()
    side.push(side.untrue({"101.00": "1.0000"}, {}))
    side.book.previous_id, side.book.last_id = _BEYOND, _BEYOND + 1
    await stand.mend(before, len(stand.made.wires))


def _spoil(stand: FrameStand, row: FrameRow, watch: _Watch, outcome: FrameOutcome) -> None:
    side = stand.side
    noticed = _notice(stand, row, watch)
    played = FRAMES[row.kind](side)
    for place, frame in enumerate(played.frames):
        side.push(frame)
        known = watch.broke() or (outcome.expected.ends == SEEN and noticed())
        if known and outcome.known == NEVER:
            outcome.known = WITH_IT if place <= played.at else WITH_NEXT
            if place < played.at:
                outcome.wrong.append("known before it was there")
        if watch.broke():
            break
    if watch.broke():
        side.push(side.step())  # of a book that is lost
        if not watch.broke():
            outcome.wrong.append("served again without a snapshot")


async def _find(stand: FrameStand, watch: _Watch, outcome: FrameOutcome) -> None:
    """The book is served and is not the venue's; asked for it, the venue tells."""
    if watch.broke() or watch.rejected() or stand.side.right():
        outcome.wrong.append("there is nothing for an audit to find")
    await _audit(stand)
    if watch.broke() and watch.rejected() == {"audit": 1}:
        outcome.known = WITH_AUDIT


async def _audit(stand: FrameStand) -> None:
    """Ask the venue for the book, and compare."""
    side, auditor = stand.side, stand.made.venue._auditor
    auditor._margin_s = 0.0  # the clock stands still here
    stand.made.snapshots[side.form.symbol] = {**side.book.best(), "nonce": side.book.last_id}
    await auditor.audit(side.feed)
    stand.made.snapshots.pop(side.form.symbol)


def _judge(stand: FrameStand, watch: _Watch, outcome: FrameOutcome) -> None:
    expected, wrong = outcome.expected, outcome.wrong
    if not _as_expected(outcome):
        wrong.append(f"known with {outcome.known}")
    if outcome.gaps != ([expected.says] if expected.ends in (GAP, AUDIT) else []):
        wrong.append(f"gaps {outcome.gaps}")
    if expected.ends == WHOLE and watch.rejected():
        wrong.append(f"rejected {dict(watch.rejected())}")
    if not outcome.equal:
        wrong.append("the book is not the venue's")
    if outcome.neighbour != ("same link" if expected.link else "untouched"):
        wrong.append(f"the neighbour: {outcome.neighbour}")
    if not stand.beside.right():
        wrong.append("the neighbour's book is not the venue's")


def _as_expected(outcome: FrameOutcome) -> bool:
    """Whether it was known by what can tell, and by nothing else."""
    by_frames = {WITH_IT, WITH_NEXT}
    known = {GAP: by_frames, SEEN: {WITH_IT}, AUDIT: {WITH_AUDIT}, WHOLE: {NEVER}}
    return outcome.known in known[outcome.expected.ends]


async def play_frames(
    families: Sequence[str] = FRAME_FAMILIES, kinds: list[str] | None = None
) -> list[FrameOutcome]:
    """All rows of the families, one after the other."""
    outcomes: list[FrameOutcome] = []
    for family in families:
        form = frame_formats()[family]
        markets = [form.market, neighbour_of(form).market]
        async with direct(form.exchange_id, markets, answer(form)) as made:
            stand = FrameStand(family, made)
            await stand.open()
            rows = [r for r in frame_rows_of(family) if kinds is None or r.kind in kinds]
            outcomes += [await play(stand, row) for row in rows]
    return outcomes
