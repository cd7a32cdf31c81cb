"""Order flow imbalance per event, from stacked integer book states (docs/metrics.md, Event contribution).

Sizes are lots and prices ticks, both int64, so every sum is exact and any chunking of a stream gives
the same result. Asks are handled as bids of the negated price: on both sides *better* then means
*higher*, and the two sides share one formula.
"""

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
_BLOCK = 1024  # states of one pass: at ten levels its buffers fill a third of a megabyte

_scratch = threading.local()


@dataclass(frozen=True)
class Parts:
    """What joined and what left one side of the book between two states, in lots."""

    added: Ints
    removed: Ints

    @property
    def net(self) -> Ints:
        """Added minus removed: the side's contribution."""
        return self.added - self.removed


def side_parts(price: Ints, size: Ints, price_before: Ints, size_before: Ints) -> Parts:
    """Added and removed size of one side per event and level.

    Args:
        price, size: the states after each event, any shape. A higher price is a better one: negate
            ask prices. Absent levels have size 0 and a price below every other.
        price_before, size_before: the states before, of the same shape.

    Returns:
        A and R of Cont, Kukanov, Stoikov (2014), section 2.1; `net` is the contribution.
    """
    rose, fell = price > price_before, price < price_before
    change = size - size_before
    same = ~(rose | fell)
    added = np.where(rose, size, np.where(same, np.maximum(change, 0), 0))
    removed = np.where(fell, size_before, np.where(same, np.maximum(-change, 0), 0))
    return Parts(added, removed)


def event_ofi(price: Ints, size: Ints) -> Ints:
    """Contribution of each event of one unbroken stream.

    Args:
        price: `[n, 2, M]` ticks; side (bid, ask), level (best first).
        size: `[n, 2, M]` lots.

    Returns:
        `[n − 1, M]` lots, buying pressure positive: element k is the event between states k and k+1.
        Xu, Gould, Howison (2018) for the levels beyond the best.
    """
    return net_between(price[1:], size[1:], price[:-1], size[:-1])


def _buffers(levels: int) -> Any:
    """Where a pass works: kept by thread, because fresh memory costs more than the arithmetic."""
    held: dict[int, Any] = _scratch.__dict__.setdefault("buffers", {})
    if levels not in held:
        ask = np.zeros((_BLOCK, 2, levels), np.bool_)
        ask[:, 1] = True
        masks = (np.empty_like(ask) for _ in range(3))
        sizes = (np.empty(ask.shape, np.int64) for _ in range(2))
        held[levels] = (ask, *masks, *sizes)
    return held[levels]


def _where(flag: Any, size: Ints, out: Any) -> None:
    """`size` where flagged, else 0: a mask of all bits costs less than a product with a truth value."""
    np.copyto(out, flag)
    np.negative(out, out=out)
    np.bitwise_and(out, size, out=out)


def net_between(price: Ints, size: Ints, price_before: Ints, size_before: Ints) -> Ints:
    """The same of pairs of states, which need not follow each other: all `[n, 2, M]`.

    Returns:
        `[n, M]` lots: element k is the event from the k-th state before to the k-th state.
    """
    n, _, levels = price.shape
    result = np.empty((n, levels), np.int64)
    # Operations on both sides at once: views of one side have inner loops of M elements, which cost
    # three times as much.
    ask, higher, lower, other, gain, loss = _buffers(levels)
    for a in range(0, n, _BLOCK):
        k = min(_BLOCK, n - a)
        at = slice(a, a + k)
        up, down, swap, g, r = higher[:k], lower[:k], other[:k], gain[:k], loss[:k]
        np.greater_equal(price[at], price_before[at], out=up)
        np.less_equal(price[at], price_before[at], out=down)
        # Of an ask, lower is better: exchange the two where they differ.
        np.bitwise_xor(up, down, out=swap)
        np.bitwise_and(swap, ask[:k], out=swap)
        np.bitwise_xor(up, swap, out=up)
        np.bitwise_xor(down, swap, out=down)
        _where(up, size[at], g)
        _where(down, size_before[at], r)
        np.subtract(g, r, out=g)
        np.subtract(g[:, 0], g[:, 1], out=result[at])
    return result
