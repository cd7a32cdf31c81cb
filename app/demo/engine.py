"""A matching engine with price–time priority, exact in integer ticks and lots.

Orders match against the best opposite price first and, at one price, in order of arrival. An iceberg
shows `peak` lots at a time; when they are gone the next ones join the end of the queue. Every operation
that changes the visible book raises `update_id` by one, and all level changes of the operation share it,
so a book rebuilt from the changes is the engine's book at that id.
"""

from bisect import bisect_left, insort
from collections import OrderedDict
from dataclasses import dataclass
from typing import NamedTuple

BUY = 1
SELL = -1
_UNBOUNDED = -(2**62)


@dataclass(slots=True)
class Order:
    """A resting order. `visible` and `hidden` are what is left of it, in lots."""

    id: int
    side: int
    price: int
    visible: int
    hidden: int
    peak: int  # 0 shows everything
    owner: int


class Fill(NamedTuple):
    """One resting order traded against an incoming one, at the resting order's price."""

    maker_id: int
    maker_owner: int
    taker_owner: int
    taker_side: int
    price: int
    size: int


class Level:
    """The queue at one price, oldest first, and the sum of what it shows."""

    __slots__ = ("orders", "visible")

    def __init__(self) -> None:
        self.orders: OrderedDict[int, Order] = OrderedDict()
        self.visible = 0


class BookSide:
    """One side of the book. `keys` are `side × price`, ascending, so that the best is the last."""

    __slots__ = ("changed", "keys", "levels", "side")

    def __init__(self, side: int):
        self.side = side
        self.keys: list[int] = []
        self.levels: dict[int, Level] = {}
        self.changed: set[int] = set()  # prices touched since they were last drained

    @property
    def best(self) -> int | None:
        """The best price in ticks, None when the side is empty."""
        return self.side * self.keys[-1] if self.keys else None

    @property
    def best_size(self) -> int:
        """What the best level shows in lots, 0 when the side is empty."""
        return self.levels[self.side * self.keys[-1]].visible if self.keys else 0

    def depth(self, limit: int | None = None) -> list[tuple[int, int]]:
        """(price, visible size) of the best `limit` levels, best first."""
        keys = self.keys if limit is None else self.keys[-limit:] if limit else []
        return [(self.side * key, self.levels[self.side * key].visible) for key in reversed(keys)]

    def add(self, order: Order) -> None:
        """Put an order at the end of the queue of its price."""
        level = self.levels.get(order.price)
        if level is None:
            level = self.levels[order.price] = Level()
            insort(self.keys, self.side * order.price)
        level.orders[order.id] = order
        level.visible += order.visible
        self.changed.add(order.price)

    def remove(self, order: Order) -> None:
        """Take an order out of its queue."""
        level = self.levels[order.price]
        del level.orders[order.id]
        level.visible -= order.visible
        self.changed.add(order.price)
        if not level.orders:
            self._drop(order.price)

    def _drop(self, price: int) -> None:
        del self.levels[price]
        key = self.side * price
        if self.keys[-1] == key:
            self.keys.pop()
        else:
            del self.keys[bisect_left(self.keys, key)]

    def drain(self) -> list[tuple[int, int]]:
        """(price, visible size now) of every price touched since the last call, 0 where it went."""
        levels, changed = self.levels, self.changed
        self.changed = set()
        return [(p, levels[p].visible if p in levels else 0) for p in sorted(changed)]


class Engine:
    """One order book and the rules by which orders meet in it.

    `fills` collects what traded until the caller takes it with `take_fills`.
    """

    __slots__ = ("_next_order", "asks", "bids", "fills", "orders", "update_id")

    def __init__(self, first_update_id: int = 0):
        self.bids = BookSide(BUY)
        self.asks = BookSide(SELL)
        self.orders: dict[int, Order] = {}
        self.fills: list[Fill] = []
        self.update_id = first_update_id
        self._next_order = 1

    def limit(self, side: int, price: int, size: int, owner: int = 0, peak: int = 0) -> int:
        """Trade up to `price`, rest what is left; returns the order's id.

        The id is in `orders` only if something rests.

        Raises:
            ValueError: size or price is not positive, or peak is negative.
        """
        _check(size, price, peak)
        order_id = self._next_order
        self._next_order += 1
        self._enter(order_id, side, price, size, owner, peak)
        self.update_id += 1
        return order_id

    def market(self, side: int, size: int, owner: int = 0) -> int:
        """Trade at any price; returns the lots that found no counterpart and lapse."""
        _check(size, 1, 0)
        rest = self._match(side, _UNBOUNDED, size, owner)
        if rest < size:
            self.update_id += 1
        return rest

    def cancel(self, order_id: int) -> int:
        """Withdraw an order; returns the lots withdrawn, 0 when it no longer rests."""
        order = self.orders.pop(order_id, None)
        if order is None:
            return 0
        (self.bids if order.side == BUY else self.asks).remove(order)
        self.update_id += 1
        return order.visible + order.hidden

    def replace(self, order_id: int, price: int, size: int) -> bool:
        """Change an order's price and size (its total, visible and hidden).

        It keeps its place in the queue only when the price stays and the size does not grow.
        Returns False when it no longer rests.
        """
        order = self.orders.get(order_id)
        if order is None:
            return False
        _check(size, price, 0)
        book = self.bids if order.side == BUY else self.asks
        if price == order.price and size <= order.visible + order.hidden:
            visible = min(order.visible, size)
            book.levels[price].visible += visible - order.visible
            book.changed.add(price)
            order.visible, order.hidden = visible, size - visible
        else:
            del self.orders[order_id]
            book.remove(order)
            self._enter(order_id, order.side, price, size, order.owner, order.peak)
        self.update_id += 1
        return True

    def take_fills(self) -> list[Fill]:
        """What traded since the last call, in order."""
        fills = self.fills
        if fills:
            self.fills = []
        return fills

    def _enter(
        self, order_id: int, side: int, price: int, size: int, owner: int, peak: int
    ) -> None:
        rest = self._match(side, -side * price, size, owner)
        if rest:
            visible = min(peak, rest) if peak else rest
            order = Order(order_id, side, price, visible, rest - visible, peak, owner)
            self.orders[order_id] = order
            (self.bids if side == BUY else self.asks).add(order)

    def _match(self, side: int, bound: int, size: int, owner: int) -> int:
        """Trade `size` against the opposite side while its key is at least `bound`."""
        book = self.asks if side == BUY else self.bids
        keys = book.keys
        while size and keys and keys[-1] >= bound:
            price = book.side * keys[-1]
            level = book.levels[price]
            book.changed.add(price)
            size = self._match_level(level, price, side, size, owner)
            if not level.orders:
                del book.levels[price]
                keys.pop()
        return size

    def _match_level(self, level: Level, price: int, side: int, size: int, owner: int) -> int:
        queue = level.orders
        while size and queue:
            order = next(iter(queue.values()))
            traded = min(size, order.visible)
            size -= traded
            order.visible -= traded
            level.visible -= traded
            self.fills.append(Fill(order.id, order.owner, owner, side, price, traded))
            if order.visible:
                break
            if order.hidden:
                order.visible = min(order.peak, order.hidden)
                order.hidden -= order.visible
                level.visible += order.visible
                queue.move_to_end(order.id)
            else:
                del queue[order.id]
                del self.orders[order.id]
        return size


def _check(size: int, price: int, peak: int) -> None:
    if size <= 0 or price <= 0 or peak < 0:
        raise ValueError(
            f"An order needs a positive size and price, was size {size}, price {price}, "
            f"peak {peak}: correct the order."
        )
