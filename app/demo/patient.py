"""Those who wait: orders resting at all depths, and small ones that come and go near the best price."""

from collections.abc import Container, Sequence
from math import floor

from app.demo.engine import BUY, SELL
from app.demo.flow import Flow, opposite

PATIENT_OWNER = 1
JOINER_OWNER = 2
ICEBERG_OWNER = 7
_ICEBERG_EVERY_S = 50.0
_PRUNE_S = 2.0
_SHAPE = 2.2  # of the gamma distribution of distances: most rest at (shape − 1) × scale
_WALL_SHARE = 0.012
_JOINERS = 45  # small orders that are there in ordinary times


class Pool:
    """Order ids from which a random one can be taken in constant time."""

    def __init__(self) -> None:
        self._ids: list[int] = []

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, order_id: int) -> None:
        """Keep an id."""
        self._ids.append(order_id)

    def prune(self, live: Container[int]) -> None:
        """Forget the ids of orders that traded or were withdrawn otherwise."""
        self._ids = [i for i in self._ids if i in live]

    def pick(self, u: float) -> int:
        """Remove and return a random id, `u` uniform in [0, 1)."""
        ids = self._ids
        k = int(u * len(ids))
        ids[k], ids[-1] = ids[-1], ids[k]
        return ids.pop()


class Patient:
    """Orders at all depths, more of them some basis points away than at the touch or far out."""

    def __init__(self, flow: Flow):
        self._flow = flow
        self._pool = Pool()
        flow.plan(_PRUNE_S, self._prune)

    def _prune(self) -> None:
        self._pool.prune(self._flow.engine.orders)
        self._flow.plan(_PRUNE_S, self._prune)

    def seed(self) -> None:
        """Fill the book as if it had long been there."""
        for _ in range(self._flow.spec.depth_orders):
            for side in (BUY, SELL):
                self._place(side)

    def arrive(self) -> None:
        """Place or withdraw one, such that their number stays near what conditions want."""
        flow = self._flow
        wanted = 2 * flow.spec.depth_orders * flow.conditions.patience
        if flow.rng.random() < 0.5 * len(self._pool) / max(1.0, wanted) and len(self._pool):
            flow.cancel(self._pool.pick(flow.rng.random()))
        else:
            self._place(flow.rng.choice((BUY, SELL)))

    def clear_near(self, bps: float, share: float) -> None:
        """Withdraw a share of all but the makers' orders within a distance of the mid."""
        flow = self._flow
        reach, mid = bps * flow.bp, flow.mid
        near = [
            order.id
            for order in flow.engine.orders.values()
            if order.owner in (PATIENT_OWNER, JOINER_OWNER) and abs(order.price - mid) < reach
        ]
        for order_id in near:
            if flow.rng.random() < share:
                flow.cancel(order_id)

    def _place(self, side: int) -> None:
        flow, rng = self._flow, self._flow.rng
        wall = rng.random() < _WALL_SHARE
        scale = flow.spec.depth_bps
        distance = (
            rng.gammavariate(_SHAPE, scale) if rng.random() < 0.9 else rng.uniform(0, 14) * scale
        )
        price = round(flow.fair - side * max(1.0, distance * flow.bp))
        if wall or rng.random() < 0.15:
            price = _round_price(price, flow.bp, 4 if wall else 1)
        best, best_size = flow.best(opposite(side))
        if best_size and side * (price - best) >= 0:
            price = best - side  # patient orders do not take
        size = flow.spec.touch_lots * 0.09 * rng.lognormvariate(0.0, 1.1) * (25 if wall else 1)
        if price > 0:
            self._pool.add(flow.limit(side, price, max(1, round(size)), PATIENT_OWNER))


class Joiners:
    """Small orders at and just behind the best prices."""

    def __init__(self, flow: Flow):
        self._flow = flow
        self._pools = {BUY: Pool(), SELL: Pool()}
        flow.plan(_PRUNE_S, self._prune)

    def _prune(self) -> None:
        for pool in self._pools.values():
            pool.prune(self._flow.engine.orders)
        self._flow.plan(_PRUNE_S, self._prune)

    @property
    def crowding(self) -> float:
        """How many there are against what is usual: the pull on each grows with it."""
        return (len(self._pools[BUY]) + len(self._pools[SELL])) / (2 * _JOINERS)

    def join(self) -> None:
        """One more order."""
        flow, rng = self._flow, self._flow.rng
        side = rng.choice((BUY, SELL))
        best, best_size = flow.best(side)
        other, other_size = flow.best(opposite(side))
        if not best_size or not other_size or rng.random() > flow.conditions.patience:
            return
        spread, u = abs(other - best), rng.random()
        if spread > 1 and u < 0.25:
            price = best + side * rng.randint(1, max(1, min(spread - 1, floor(0.02 * flow.bp))))
        elif u < 0.6:
            price = best
        else:
            price = best - side * max(1, round(rng.expovariate(1.0) * 0.3 * flow.bp))
        size = max(1, round(flow.spec.touch_lots * 0.05 * rng.lognormvariate(0.0, 1.2)))
        if price > 0 and side * (price - other) < 0:
            self._pools[side].add(flow.limit(side, price, size, JOINER_OWNER))

    def pull(self) -> None:
        """One order less."""
        flow = self._flow
        side = flow.rng.choice((BUY, SELL))
        pool = self._pools[side] if len(self._pools[side]) else self._pools[opposite(side)]
        if len(pool):
            flow.cancel(pool.pick(flow.rng.random()))


class Icebergs:
    """Now and then a large order that shows a little of itself at the best price."""

    def __init__(self, flow: Flow):
        self._flow = flow
        flow.plan(flow.rng.expovariate(1 / _ICEBERG_EVERY_S), self._place)

    def _place(self) -> None:
        flow, rng = self._flow, self._flow.rng
        flow.plan(rng.expovariate(1 / _ICEBERG_EVERY_S), self._place)
        side = rng.choice((BUY, SELL))
        best, size = flow.best(side)
        if size:
            touch = flow.spec.touch_lots
            total, peak = round(touch * rng.uniform(3.0, 8.0)), round(touch * rng.uniform(0.2, 0.5))
            order_id = flow.limit(side, best, max(1, total), ICEBERG_OWNER, max(1, peak))
            flow.plan(rng.uniform(10.0, 40.0), lambda: flow.cancel(order_id))


def _round_price(price: int, bp: float, coarse: int) -> int:
    """The nearest price that people like: one, two or five times a power of ten of ticks."""
    step = _nice(max(1.0, coarse * bp / 2))
    return max(step, round(price / step) * step)


def _nice(ticks: float, steps: Sequence[int] = (1, 2, 5, 10)) -> int:
    power = 1
    while power * 10 <= ticks:
        power *= 10
    return max((s * power for s in steps if s * power <= ticks), default=1)
