"""Feeds a venue's frames, many of them damaged, through ccxt and our hook, and watches what is served."""

import asyncio
import math
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

from app.collector.intake import take_in
from app.feeds.ring import States
from app.feeds.track import Fault
from app.records import State, Stream
from tests.venues.books import Format
from tests.venues.direct import Direct, Wire, direct
from tests.venues.followed import answer

_STRANGE: tuple[Any, ...] = (
    *(0, -1, 2**53 + 1, 2**63, -(2**70), 1e300, -1e-300, 1e15, "NaN", "Infinity", "-1", "1e400"),
    *("", "x", None, True, [], {}, [[]], [None], {"price": None}),
)
_LITERALS = ("NaN", "-Infinity", "1e999", "-5", "9" * 400, '"', "null", "[" * 900, "{" * 90_000)
Top = tuple[list[Any], list[Any]]
PROVED = 10  # levels: Kraken's checksum knows no more
_AHEAD = 2
_TRADING = 40  # states between two looks at the ring


@dataclass(frozen=True)
class Sequence:
    """Frames of one book in their order; `frames[0]` begins it, or `snapshot` does where it is fetched."""

    name: str
    exchange_id: str
    market: dict[str, Any]
    frames: list[str]
    snapshot: dict[str, Any] | None = None
    told: int = 3  # frames with which it begins
    form: Format | None = None
    tops: tuple[Top, ...] = ()  # the best levels after each frame, where they are known

    @property
    def symbol(self) -> str:
        """ccxt's name of the market."""
        return str(self.market["symbol"])


@dataclass
class Result:
    """What a run did and saw."""

    pushed: int = 0
    mutated: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    begun: int = 0
    served: int = 0
    proved: int = 0  # how often a book was held against the true one
    wrong: list[str] = field(default_factory=list)


# Mutations of a text


def _flip(text: str, rng: random.Random) -> str:
    data = bytearray(text.encode())
    for _ in range(rng.randint(1, 4)):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return data.decode("utf-8", "replace")


def _cut(text: str, rng: random.Random) -> str:
    return text[: rng.randrange(len(text))]


def _splice(text: str, rng: random.Random) -> str:
    begin, end = sorted(rng.randrange(len(text)) for _ in range(2))
    end = min(end, begin + 40)
    return text[:begin] + rng.choice(["", text[begin:end] * 2]) + text[end:]


def _literal(text: str, rng: random.Random) -> str:
    place = rng.choice([k for k, c in enumerate(text) if c in ":,["])
    end = next((k for k in range(place + 1, len(text)) if text[k] in ",]}"), len(text))
    return text[: place + 1] + rng.choice(_LITERALS) + text[end:]


# Mutations of a message


def _places(node: Any) -> list[tuple[Any, Any]]:
    """Every container and key below a node."""
    keys = (
        list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
    )
    found = [(node, key) for key in keys]
    for key in keys:
        found += _places(node[key])
    return found


def _of_message(change: Callable[[list[tuple[Any, Any]], random.Random], None]) -> Any:
    def mutate(text: str, rng: random.Random) -> str:
        message = orjson.loads(text)
        change(_places(message), rng)
        return orjson.dumps(message).decode() if not _too_big(message) else str(message)

    return mutate


def _too_big(message: Any) -> bool:
    """Whether orjson cannot write it: numbers above 64 bits, and those that JSON has not."""
    values = [node[key] for node, key in _places(message)]
    return any(isinstance(v, int) and not -(2**63) <= v < 2**64 for v in values)


def _strange(places: list[tuple[Any, Any]], rng: random.Random) -> None:
    node, key = rng.choice(places)
    node[key] = rng.choice(_STRANGE)


def _swap(places: list[tuple[Any, Any]], rng: random.Random) -> None:
    (one, first), (other, second) = rng.sample(places, 2) if len(places) > 1 else places * 2
    one[first], other[second] = other[second], one[first]
    if _cyclic(one) or _cyclic(other):
        one[first], other[second] = other[second], one[first]


def _cyclic(node: Any, seen: tuple[int, ...] = ()) -> bool:
    if not isinstance(node, dict | list):
        return False
    if id(node) in seen:
        return True
    children = node.values() if isinstance(node, dict) else node
    return any(_cyclic(child, (*seen, id(node))) for child in children)


def _drop(kind: type) -> Any:
    def change(places: list[tuple[Any, Any]], rng: random.Random) -> None:
        held = [place for place in places if isinstance(place[0], kind)]
        if held:
            node, key = rng.choice(held)
            del node[key]

    return change


def _negate(places: list[tuple[Any, Any]], rng: random.Random) -> None:
    numbers = [(n, k) for n, k in places if _number(n[k]) is not None]
    if numbers:
        node, key = rng.choice(numbers)
        value = node[key]
        node[key] = f"-{value}" if isinstance(value, str) else -value


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except ValueError:
        return None


MUTATIONS: dict[str, Callable[[str, random.Random], str]] = {
    "byte flips": _flip,
    "truncated": _cut,
    "spliced": _splice,
    "literal": _literal,
    "strange value": _of_message(_strange),
    "swapped": _of_message(_swap),
    "field dropped": _of_message(_drop(dict)),
    "element dropped": _of_message(_drop(list)),
    "negative": _of_message(_negate),
}


# What must be found, if not harmless: other damage may leave one good number in the place of another.
CERTAIN = {"duplicate", "reordered", "truncated", "field dropped"}
# Leaves out a side without change, so that one which is missing cannot be told.
SPARSE = {"gate"}


class Fuzz:
    """One sequence on one venue, again and again from its beginning, with damage in between."""

    def __init__(self, sequence: Sequence, rng: random.Random, result: Result):
        self._sequence, self._rng, self._result = sequence, rng, result
        self._at = 0
        self._doubtful = False

    async def run(self, frames: int) -> None:
        """Push so many damaged frames."""
        sequence = self._sequence
        async with direct(sequence.exchange_id, [sequence.market], self._answer) as made:
            if sequence.snapshot is not None:
                made.snapshots[sequence.symbol] = sequence.snapshot
            goal = self._result.mutated.total() + frames
            await self._begin(made)
            while self._result.mutated.total() < goal:
                await self._step(made)
            await self._mended(made)

    def _answer(self, made: Direct) -> None:
        if self._sequence.form is not None:
            answer(self._sequence.form)(made)
            return

        def said(wire: Wire, message: Any) -> None:
            if isinstance(message, dict) and message.get("method") == "SUBSCRIBE":
                made.push({"result": None, "id": message["id"]}, wire)

        made.said = said

    async def _step(self, made: Direct) -> None:
        if self._at >= len(self._sequence.frames):
            await self._mended(made)
        frames = self._sequence.frames
        text = frames[self._at]
        kind = self._rng.random()
        if kind < 0.6:
            self._push(made, text)
            self._at += 1
            self._prove(made)
        elif kind < 0.65:
            self._damaged(made, "duplicate", self._sequence.frames[self._rng.randrange(self._at)])
        elif kind < 0.7:
            self._damaged(
                made,
                "reordered",
                self._sequence.frames[(self._at + 1) % len(self._sequence.frames)],
            )
        else:
            name = self._rng.choice(sorted(MUTATIONS))
            self._damaged(made, name, MUTATIONS[name](text, self._rng))
            self._at += self._rng.random() < 0.5
        if self._down(made):
            await self._begin(made)

    def _damaged(self, made: Direct, name: str, text: str) -> None:
        self._result.mutated[name] += 1
        sparse = name == "field dropped" and self._sequence.name in SPARSE
        self._doubtful |= name not in CERTAIN or sparse
        self._push(made, text)

    def _prove(self, made: Direct) -> None:
        """After a good frame, a book that is served is the true one."""
        if self._doubtful or self._down(made) or not self._sequence.tops:
            return
        self._result.proved += 1
        served = made.top(self._sequence.symbol, PROVED)
        # The next ones may have come before, and follow.
        true = self._sequence.tops[self._at - 1 : self._at + _AHEAD]
        if served not in true:
            self._result.wrong.append(f"{self._sequence.name}: {served} is not {true[0]}")

    def _push(self, made: Direct, text: str) -> None:
        live = [wire for wire in made.wires if not wire.closed]
        if live:
            self._result.pushed += 1
            made.push(text, live[-1])
        self._look(made)

    def _down(self, made: Direct) -> bool:
        feed = made.feeds[self._sequence.symbol]
        return feed.book() is None or any(t.fault is not None for t in feed.tracks.values())

    async def _begin(self, made: Direct) -> None:
        """Wait for the next subscription, then give the book its beginning."""
        feed = made.feeds[self._sequence.symbol]
        if self._result.begun:
            feed.tracks[Stream.DEPTH].fail(_again())  # if nothing else did
            self._end_numbered(made)
        self._result.begun += 1
        for _ in range(20):
            await made.turn(lambda: all(t.fault is None for t in feed.tracks.values()))
            await made.turn(feed.tracks[Stream.DEPTH].dialled.is_set)
            await made.turn(lambda: any(not wire.closed and wire.sent for wire in made.wires))
            binance = self._sequence.exchange_id.startswith("binance")
            if binance:  # ccxt drops what comes before its answer
                await made.turn(lambda: feed.symbol in made.venue.exchange.orderbooks)
            self._at = 0
            for _ in range(20):  # a snapshot that is fetched takes turns of the loop
                if not self._at:
                    for text in self._sequence.frames[: self._sequence.told]:
                        self._push(made, text)
                        self._at += 1
                await made.turn(lambda: True)
                await _breathe()
                if not self._down(made):
                    self._doubtful = False
                    return
        raise AssertionError(f"{self._sequence.name} did not begin anew: {feed.status}")

    def _end_numbered(self, made: Direct) -> None:
        """Where the messages of a connection are numbered, a beginning needs another one."""
        if self._sequence.exchange_id == "coinbase":
            self._push(made, '{"channel": "heartbeats", "sequence_num": 1000000, "events": []}')

    async def _mended(self, made: Direct) -> None:
        """From a clean beginning to a clean end, the book is right."""
        feed = made.feeds[self._sequence.symbol]
        await self._begin(made)
        for text in self._sequence.frames[self._at :]:
            self._push(made, text)
        if feed.status.state is not State.LIVE or self._down(made):
            self._result.wrong.append(f"{self._sequence.name}: not live after clean frames")
        self._result.faults.update(feed.status.rejected)
        feed.status.rejected.clear()
        feed.status.new_gaps.clear()
        await self._begin(made)

    def _look(self, made: Direct) -> None:
        """No book that is served, and no state that was taken, is impossible."""
        feed = made.feeds[self._sequence.symbol]
        view = feed.book()
        if view is not None:
            self._result.served += 1
            self._check([lv[:2] for lv in view.bids[:50]], [lv[:2] for lv in view.asks[:50]])
        if self._result.pushed % _TRADING == 0:
            best, depth, trades = made.ring.take()
            for states in (best, depth):
                self._check_states(states)
            take_in({0: feed.market.grid}, best, depth, trades, frozenset())

    def _check_states(self, states: States) -> None:
        for k in range(len(states)):
            sides = [
                states.levels[k, s, : (states.bids, states.asks)[s][k]].tolist() for s in (0, 1)
            ]
            self._check(*sides)

    def _check(self, bids: list[Any], asks: list[Any]) -> None:
        crossed = bool(bids and asks) and bids[0][0] >= asks[0][0]
        numbers = [float(number) for level in (*bids, *asks) for number in level]
        if crossed or not all(map(math.isfinite, numbers)):
            self._result.wrong.append(f"{self._sequence.name}: {bids[:2]} {asks[:2]}")


def _again() -> Fault:
    return Fault("reconnect", link=True)


async def _breathe() -> None:
    for _ in range(4):
        await asyncio.sleep(0)


async def fuzz(sequences: list[Sequence], frames: int, seed: int) -> Result:
    """Push `frames` damaged frames, spread over the sequences.

    Raises:
        AssertionError: an exception was not handled, or a book did not begin anew.
    """
    result = Result()
    for place, sequence in enumerate(sequences):
        share = frames // len(sequences) + (place < frames % len(sequences))
        await Fuzz(sequence, random.Random(f"{seed} {sequence.name}"), result).run(share)
    return result
