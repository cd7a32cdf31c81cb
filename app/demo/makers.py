"""Market makers: they quote around what they believe, learn from takers, skew, refill and withdraw."""

from math import floor

from app.demo.engine import BUY, SELL, Fill
from app.demo.flow import Flow, opposite

FIRST_OWNER = 10
_INVENTORY_TOUCHES = 6.0  # inventory, in touch sizes, at which a maker stops quoting one side
_INVENTORY_HALF_S = 20.0  # makers hedge elsewhere
_LADDER = 4
_LADDER_BPS = (0.25, 0.7, 1.6, 3.0)
_ALARM_S = 3.0  # how long revisions in one direction keep a maker alarmed
_ALARMED = 5.0


class Maker:
    """One market maker: an order at each best price, a few behind it."""

    def __init__(self, flow: Flow, owner: int, latency_s: float):
        self.owner = owner
        self.inventory = 0.0  # lots
        self._inventory_s = 0.0
        self._flow = flow
        self._latency_s = latency_s
        self._touch: dict[int, list[int]] = {BUY: [], SELL: []}
        self._price: dict[int, int] = {BUY: 0, SELL: 0}
        self._ladder: dict[int, list[int]] = {BUY: [], SELL: []}
        self._refilling: dict[int, bool] = {BUY: False, SELL: False}
        self._away_until_s = 0.0

    def on_own_fill(self, flow: Flow, fill: Fill) -> None:
        """Count the inventory and plan to refill the queue."""
        self._decay_inventory()
        self.inventory += -fill.taker_side * fill.size
        side = opposite(fill.taker_side)
        if not self._refilling[side]:
            self._refilling[side] = True
            flow.plan(self._latency_s + flow.rng.expovariate(1 / 0.12), lambda: self._refill(side))

    def revise(self, direction: int) -> None:
        """The belief moved: pull the side that is now wrong, then quote anew."""
        rng = self._flow.rng
        slow = rng.random() < 0.1
        pull_s = self._latency_s * (6.0 if slow else 1.0) * rng.uniform(0.3, 1.0)
        self._flow.plan(pull_s, lambda: self._pull(-direction))
        self._flow.plan(
            pull_s + self._latency_s + rng.expovariate(1 / 0.02), lambda: self._requote(direction)
        )

    def withdraw(self, seconds: float) -> None:
        """Leave the market for a while."""
        self._away_until_s = max(self._away_until_s, self._flow.time_s + seconds)
        for side in (BUY, SELL):
            self._pull(side)
            for order_id in self._ladder[side]:
                self._flow.cancel(order_id)
            self._ladder[side].clear()
        self._flow.plan(seconds, lambda: self._requote(self._flow.rng.choice((BUY, SELL))))

    def _decay_inventory(self) -> None:
        now = self._flow.time_s
        self.inventory *= 0.5 ** ((now - self._inventory_s) / _INVENTORY_HALF_S)
        self._inventory_s = now

    def _pull(self, side: int) -> None:
        for order_id in self._touch[side]:
            self._flow.cancel(order_id)
        self._touch[side].clear()

    def _requote(self, first: int) -> None:
        """Quote both sides, the side towards which the price goes first."""
        for side in (first, opposite(first)):
            self.quote(side)

    def _refill(self, side: int) -> None:
        self._refilling[side] = False
        self.quote(side)

    def quote(self, side: int) -> None:
        """Bring the order at the best price to where the belief wants it, with a ladder behind."""
        flow = self._flow
        if flow.time_s < self._away_until_s:
            return
        price = self._target(side)
        size = self._size(side)
        held = [i for i in self._touch[side] if i in flow.engine.orders]
        if price != self._price[side]:
            for order_id in held:
                self._leave(side, order_id)
            held = []
        shown = sum(flow.engine.orders[i].visible for i in held)
        if size - shown > size * 0.1:
            held.append(flow.limit(side, price, size - shown, self.owner))
        self._touch[side] = held
        self._price[side] = price
        self._lay_ladder(side, price)

    def _target(self, side: int) -> int:
        flow = self._flow
        width = max(1, round(flow.spec.width_ticks * flow.conditions.maker_width))
        bid = floor(flow.fair - (width - 1) / 2)
        price = bid if side == BUY else bid + width
        # Too much inventory: step back from the best price on the side that would add to it.
        self._decay_inventory()
        load = side * self.inventory / (flow.spec.touch_lots * _INVENTORY_TOUCHES)
        if load > 0.5:
            price -= side * max(1, round(load * 0.1 * flow.bp))
        return max(1, price)

    def _size(self, side: int) -> int:
        flow = self._flow
        load = side * self.inventory / (flow.spec.touch_lots * _INVENTORY_TOUCHES)
        skew = min(1.6, max(0.15, 1.0 - load))
        size = flow.spec.touch_lots * flow.conditions.maker_size * skew
        return max(1, round(size * flow.rng.lognormvariate(-0.15, 0.55)))

    def _leave(self, side: int, order_id: int) -> None:
        """An order behind the new quote serves as depth for a moment; one before it goes at once."""
        flow = self._flow
        order = flow.engine.orders[order_id]
        if side * (order.price - flow.fair) > 0:
            flow.cancel(order_id)
        else:
            flow.plan(flow.rng.expovariate(1 / 0.5), lambda: flow.cancel(order_id))

    def _lay_ladder(self, side: int, price: int) -> None:
        flow, ladder = self._flow, self._ladder[side]
        if flow.rng.random() < 0.5 and len(ladder) >= _LADDER:
            return
        while len(ladder) >= _LADDER:
            flow.cancel(ladder.pop(0))
        offset = flow.rng.choice(_LADDER_BPS) * flow.bp * flow.rng.uniform(0.6, 1.4)
        behind = price - side * max(1, round(offset))
        if behind > 0:
            ladder.append(flow.limit(side, behind, self._size(side) // 3 + 1, self.owner))


class Desk:
    """The makers of a market and the belief that they share."""

    def __init__(self, flow: Flow):
        self._flow = flow
        self.makers = [
            Maker(flow, FIRST_OWNER + k, latency_s=0.003 * 2.2**k) for k in range(flow.spec.makers)
        ]
        for maker in self.makers:
            flow.participants[maker.owner] = maker
        self._alarm = 0.0
        self._alarm_s = 0.0
        self._sign = 0.0  # moving average of takers' signs

    def open(self) -> None:
        """Quote for the first time."""
        for maker in self.makers:
            maker.quote(BUY)
            maker.quote(SELL)
        self._flow.plan(1.0, self._look_after)

    def learn(self, side: int, traded: int, touch: int) -> None:
        """A taker traded so many lots where the best level showed `touch`: maybe revise."""
        flow = self._flow
        expected = 0.5 * (1 + side * self._sign)
        self._sign += 0.06 * (side - self._sign)
        share = min(1.0, traded / max(1.0, 1.5 * min(touch, flow.spec.touch_lots)))
        chance = flow.conditions.learning * 0.75 * share**0.5 * 2 * (1 - expected)
        if flow.rng.random() < chance:
            self.move(side * flow.rng.expovariate(1.0) * flow.spec.jump_bps * flow.volatility)

    def move(self, bps: float) -> None:
        """Shift the belief and let every maker act on it."""
        flow = self._flow
        if bps == 0.0:
            return
        flow.fair = max(10.0, flow.fair + bps * flow.bp)
        direction = BUY if bps > 0 else SELL
        self._alarm *= 0.5 ** ((flow.time_s - self._alarm_s) / _ALARM_S)
        self._alarm_s = flow.time_s
        self._alarm += direction * min(3.0, abs(bps) / flow.spec.jump_bps)
        for maker in self.makers:
            maker.revise(direction)
        if abs(self._alarm) > _ALARMED * flow.volatility**0.5:
            maker = flow.rng.choice(self.makers)
            maker.withdraw(flow.rng.expovariate(1 / 0.8))

    def _look_after(self) -> None:
        """Makers look at their quotes now and then even when nothing happens."""
        flow = self._flow
        maker = flow.rng.choice(self.makers)
        maker.quote(flow.rng.choice((BUY, SELL)))
        flow.plan(flow.rng.expovariate(2.0 * len(self.makers)), self._look_after)
