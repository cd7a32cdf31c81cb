"""One of the markets on a direct feed, and the frames that break it: one function a fault."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from app.feeds.market_feed import CcxtMarketFeed
from tests.venues import mexc
from tests.venues.books import Book, Format, Sides
from tests.venues.direct import Direct
from tests.venues.followed import wire

DELAY_S = 0.8
_FEW = 30
Frame = str | bytes
Levels = dict[str, str]
# What venues call the times in a message; of Bitstamp one numbers the updates, too.
_TIMES = ("E", "T", "t", "ts", "time", "time_ms", "timestamp", "microtimestamp", "event_time")


def without_times(node: Any) -> Any:
    """A message without any time in it."""
    if isinstance(node, dict):
        return {key: without_times(value) for key, value in node.items() if key not in _TIMES}
    return [without_times(each) for each in node] if isinstance(node, list) else node


@dataclass
class Side:
    """A market: how its venue writes, what its book is, and the product's feed of it."""

    made: Direct
    form: Format
    book: Book = field(default_factory=Book)
    steps: int = 0

    @property
    def feed(self) -> CcxtMarketFeed:
        """The product's feed of it."""
        return self.made.feeds[self.form.symbol]

    def next(self, bids: Levels, asks: Levels) -> Frame:
        """The book changes; the venue's frame of it."""
        return self._frame(self.book, self.book.apply(bids, asks))

    def step(self, price: str = "99.70") -> Frame:
        """A bid gets a size that it never had."""
        self.steps += 1
        return self.next({price: f"{self.steps}.7000"}, {})

    def untrue(self, bids: Levels, asks: Levels) -> Frame:
        """A frame of a change that the book does not have, in an unbroken chain of ids."""
        other = replace(self.book, bids=dict(self.book.bids), asks=dict(self.book.asks))
        frame = self._frame(other, other.apply(bids, asks))
        self.book.apply({}, {})
        return frame

    def push(self, frame: Frame) -> None:
        """A frame comes, on the connection of the book."""
        self.made.push(frame, wire(self.made, self.form))

    def refill(self) -> None:
        """Orders come back to a side that has few."""
        full = Book()
        for price, size in full.bids.items():
            if len(self.book.bids) < _FEW:
                self.push(self.next({price: size}, {}))
        for price, size in full.asks.items():
            if len(self.book.asks) < _FEW:
                self.push(self.next({}, {price: size}))

    def right(self) -> bool:
        """Whether the best 20 levels are the venue's own."""
        return self.made.top(self.form.symbol) == self.book.top()

    def _frame(self, book: Book, sides: Sides) -> Frame:
        made = self.form.change(book, sides)
        return made if isinstance(made, str | bytes) else json.dumps(made)


@dataclass(frozen=True)
class Played:
    """Frames in their order; `at` is the one that is spoilt, −1 one before them that never comes."""

    frames: list[Frame]
    at: int = 0


def _drop(side: Side) -> Played:
    side.step("99.92")
    return Played([side.next({}, {"100.12": f"{side.steps}.2000"})], -1)


def _drop_last(side: Side) -> Played:
    side.step("99.92")
    return Played([], -1)


def _duplicate(side: Side) -> Played:
    return Played([side.step()] * 2, 1)


def _reorder(side: Side) -> Played:
    first, second = side.step("99.92"), side.step()
    return Played([second, first])


def _delay(side: Side) -> Played:
    held = [side.step(), side.step()]
    side.made.clock.advance(DELAY_S)
    return Played(held)


def _malformed(side: Side) -> Played:
    text = side.step()
    assert isinstance(text, str)
    return Played([text[:-1] + "<}"])


def _truncated(side: Side) -> Played:
    whole = side.step()
    return Played([whole[: len(whole) // 2]])


def _crossed(side: Side) -> Played:
    return Played([side.untrue({"101.00": "1.0000"}, {})])


def _one_sided(side: Side) -> Played:
    frames = [side.next({}, {price: "0"}) for price in list(side.book.asks)]
    return Played(frames, len(frames) - 1)


def _empty(side: Side) -> Played:
    frames = [side.next({price: "0"}, {}) for price in list(side.book.bids)]
    frames += _one_sided(side).frames
    return Played(frames, len(frames) - 1)


def _non_finite(side: Side) -> Played:
    """Where sizes are numbers, it is none of JSON's."""
    return Played([side.untrue({"99.70": "NaN"}, {})])


def _negative(side: Side) -> Played:
    return Played([side.untrue({"99.70": "-1.0000"}, {})])


def _no_time(side: Side) -> Played:
    frame = side.step()
    if isinstance(frame, bytes):
        return Played([mexc.without_time(frame)])
    return Played([json.dumps(without_times(json.loads(frame)))])


FRAMES: dict[str, Callable[[Side], Played]] = {
    "drop": _drop,
    "drop_last": _drop_last,
    "duplicate": _duplicate,
    "reorder": _reorder,
    "delay": _delay,
    "malformed": _malformed,
    "truncated": _truncated,
    "crossed": _crossed,
    "one_sided": _one_sided,
    "empty": _empty,
    "non_finite": _non_finite,
    "negative": _negative,
    "no_time": _no_time,
    "big_ids": _drop,
}
