"""A slow, obvious order book: one list of orders, searched from the start for every match."""

from dataclasses import dataclass

from app.demo.engine import BUY


@dataclass
class SlowOrder:
    id: int
    side: int
    price: int
    visible: int
    hidden: int
    peak: int
    arrival: int


class SlowBook:
    def __init__(self):
        self.orders: list[SlowOrder] = []
        self.fills: list[tuple[int, int, int]] = []  # maker id, price, size
        self._clock = 0
        self._next_id = 1

    def limit(self, side, price, size, peak=0):
        order_id = self._next_id
        self._next_id += 1
        self._enter(order_id, side, price, size, peak)
        return order_id

    def market(self, side, size):
        return self._match(side, None, size)

    def cancel(self, order_id):
        for order in self.orders:
            if order.id == order_id:
                self.orders.remove(order)
                return order.visible + order.hidden
        return 0

    def replace(self, order_id, price, size):
        for order in self.orders:
            if order.id == order_id:
                if price == order.price and size <= order.visible + order.hidden:
                    order.visible = min(order.visible, size)
                    order.hidden = size - order.visible
                else:
                    self.orders.remove(order)
                    self._enter(order_id, order.side, price, size, order.peak)
                return True
        return False

    def depth(self, side):
        prices = sorted({o.price for o in self.orders if o.side == side}, reverse=side == BUY)
        return [
            (p, sum(o.visible for o in self.orders if o.side == side and o.price == p))
            for p in prices
        ]

    def queue(self, side, price):
        found = [o for o in self.orders if o.side == side and o.price == price]
        return [o.id for o in sorted(found, key=lambda o: o.arrival)]

    def _tick(self):
        self._clock += 1
        return self._clock

    def _enter(self, order_id, side, price, size, peak):
        rest = self._match(side, price, size)
        if rest:
            visible = min(peak, rest) if peak else rest
            self.orders.append(
                SlowOrder(order_id, side, price, visible, rest - visible, peak, self._tick())
            )

    def _match(self, side, price, size):
        while size:
            others = [
                o
                for o in self.orders
                if o.side == -side and (price is None or side * (price - o.price) >= 0)
            ]
            if not others:
                break
            best = min(others, key=lambda o: (side * o.price, o.arrival))
            traded = min(size, best.visible)
            size -= traded
            best.visible -= traded
            self.fills.append((best.id, best.price, traded))
            if not best.visible and best.hidden:
                best.visible = min(best.peak, best.hidden)
                best.hidden -= best.visible
                best.arrival = self._tick()
            elif not best.visible:
                self.orders.remove(best)
        return size
