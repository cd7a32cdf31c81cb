"""Compares a book that nothing checks with what the venue answers when asked for it.

A book moves while the question is on its way, so one answer proves little: a price is suspect when its
answered size is none of the sizes that our book had there during the request, and a difference is what stays
suspect when asked again.
"""

from collections.abc import Iterable, Sequence
from itertools import islice
from math import inf
from typing import Any

from app.feeds.numbers import copied
from app.feeds.rules.base import Audit
from app.feeds.venues import VenueFacts

Levels = Sequence[Sequence[float]]  # of price and size
Top = tuple[Levels, Levels]  # bids, asks; best first
Place = tuple[str, float]  # side and price


class Tape:
    """The states that a book had for a while, as the sizes that each price had.

    A busy book has hundreds of states a second, and from one to the next a level or two differ: kept whole
    they would be tens of megabytes for each question.

    Args:
        states: what it had so far.
        proved: the best levels of a side that something else may prove.
    """

    def __init__(self, states: Iterable[Top] = (), proved: int = 0):
        self._proved = proved
        self._begun = False
        self._present: list[dict[float, float]] = [{}, {}]
        self.sizes: tuple[dict[float, set[float]], dict[float, set[float]]] = ({}, {})
        self.best: tuple[set[float], set[float]] = (set(), set())
        for state in states:
            self.note(*state)

    def note(self, bids: Levels, asks: Levels) -> None:
        """Take a state in; the levels may change afterwards."""
        for side, levels in enumerate((bids, asks)):
            now = {float(level[0]): float(level[1]) for level in levels}
            before, sizes = self._present[side], self.sizes[side]
            for price, size in now.items() - before.items():
                # A price that comes later had no size before.
                sizes.setdefault(price, {0.0} if self._begun else set()).add(size)
            for price in before.keys() - now.keys():
                sizes[price].add(0.0)
            self.best[side].update(islice(now, self._proved))
            self._present[side] = now
        self._begun = True


def suspects(
    answer: Top,
    ours: Tape,
    *,
    proved: bool = False,
    sampled: bool = False,
    open_: frozenset[Place] = frozenset(),
) -> frozenset[Place]:
    """Where an answer agrees with none of our states.

    Args:
        answer: the venue's best levels; prices beyond its last one are not judged, a side without any is
            empty.
        ours: the states that our book had during the request, at least as deep.
        proved: whether the best levels that something else may prove were proved.
        sampled: whether ours are some of the states that the venue's book had: a price whose size moved
            meanwhile may have had any other in between.
        open_: places that are judged also where they were proved.
    """
    found: set[Place] = set()
    for side, name, sign in ((0, "bid", -1.0), (1, "ask", 1.0)):
        told = {level[0]: level[1] for level in answer[side]}
        last = max((sign * price for price in told), default=inf)
        sizes = ours.sizes[side]
        prices = set(told) | {price for price in sizes if sign * price <= last}
        spared = ours.best[side] - {at for of, at in open_ if of == name} if proved else set()
        for price in prices - spared:
            had = sizes.get(price, {0.0})
            if told.get(price, 0.0) not in had and not (sampled and len(had) > 1):
                found.add((name, price))
    return frozenset(found)


def says_nothing(answer: Top, found: frozenset[Place]) -> bool:
    """Whether an answer without a level is none: of a book that had some, `found` are suspect by it."""
    return bool(found) and not any(answer)


async def fetched(exchange: Any, facts: VenueFacts, symbol: str, audit: Audit) -> Top:
    """The venue's best levels, as many as are compared; raises whatever its code raises."""
    asked = audit.asked or facts.asked_levels
    book = await exchange.fetch_order_book(symbol, asked, dict(facts.asked_with))
    return copied(book["bids"][: audit.compared]), copied(book["asks"][: audit.compared])
