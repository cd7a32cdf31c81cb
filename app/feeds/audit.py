"""Compares a book that nothing checks with what the venue answers when asked for it.

A book moves while the question is on its way, so one answer proves little: a price is suspect when its
answered size is none of the sizes that our book had there during the request, and a difference is what stays
suspect when asked again.
"""

from collections.abc import Iterable, Sequence

Levels = Sequence[tuple[float, float]]
Top = tuple[Levels, Levels]  # bids, asks; best first
Place = tuple[str, float]  # side and price


def suspects(answer: Top, ours: Iterable[Top], proved: int = 0) -> frozenset[Place]:
    """Where an answer agrees with none of our states.

    Args:
        answer: the venue's best levels; prices beyond its last one are not judged.
        ours: the states that our book had during the request, at least as deep.
        proved: the best levels of a side that need no comparison: those of each of our states.
    """
    states = list(ours)
    found: set[Place] = set()
    for side, name, sign in ((0, "bid", -1.0), (1, "ask", 1.0)):
        told = dict(answer[side])
        if not told:
            continue
        last = max(sign * price for price in told)
        held = [dict(state[side]) for state in states]
        known = {price for state in states for price, _ in state[side][:proved]}
        prices = set(told) | {p for each in held for p in each if sign * p <= last}
        for price in prices - known:
            size = told.get(price, 0.0)
            if all(each.get(price, 0.0) != size for each in held):
                found.add((name, price))
    return frozenset(found)
