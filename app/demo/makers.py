"""Market makers: they quote around what they believe, learn from takers, skew, refill and withdraw."""

from math import floor

from app.demo.engine import BUY, SELL, Fill
from app.demo.flow import Flow, opposite

FIRST_OWNER = 10
_INVENTORY_TOUCHES = 6.0  # inventory, in touch sizes, at which a maker stops quoting one side
_INVENTORY_HALF_S = 8.0  # makers hedge elsewhere
_LADDER = 4
_LADDER_BPS = (0.8, 1.6, 3.0, 4.5)
_ALARM_S = 3.0  # how long revisions in one direction keep a maker alarmed
_ALARMED = 9.0
_SCARED = 200
_SIGN_WEIGHT, _FORGET = 0.06, 0.002


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
        # Withdrawing is quick; the few who are late are picked off by the first to quote anew.
        pull_s = rng.uniform(0.001, 0.003) + (self._latency_s * 5 if rng.random() < 0.05 else 0.0)
        self._flow.plan(pull_s, lambda: self._retreat(-direction))
        self._flow.plan(
            pull_s + self._latency_s + rng.expovariate(1 / 0.02), lambda: self._requote(direction)
        )

    def withdraw(self, seconds: float) -> None:
        """Leave the market for a while."""
        self._away_until_s = max(self._away_until_s, self._flow.time_s + seconds)
        for side in (BUY, SELL):
            for orders in (self._touch[side], self._ladder[side]):
                for order_id in orders:
                    self._flow.cancel(order_id)
                orders.clear()
        self._flow.plan(seconds, lambda: self._requote(self._flow.rng.choice((BUY, SELL))))

    def _decay_inventory(self) -> None:
        now = self._flow.time_s
        self.inventory *= 0.5 ** ((now - self._inventory_s) / _INVENTORY_HALF_S)
        self._inventory_s = now

    def _retreat(self, side: int) -> None:
        """Replace the side that the belief has passed; what stood behind it goes too."""
        self.quote(side)
        flow = self._flow
        for order_id in self._ladder[side]:
            order = flow.engine.orders.get(order_id)
            if order is not None and side * (order.price - flow.fair) >= 0:
                flow.cancel(order_id)

    def _requote(self, first: int) -> None:
        """Quote both sides, the side towards which the price goes first."""
        for side in (first, opposite(first)):
            self.quote(side)

    def _plan_refill(self, side: int) -> None:
        if self._refilling[side]:
            return
        self._refilling[side] = True
        # Urgent when the price stands bare, a matter of course otherwise.
        bare = not any(i in self._flow.engine.orders for i in self._touch[side])
        delay_s = self._flow.rng.expovariate(1 / (0.015 if bare else 0.15))
        self._flow.plan(self._latency_s + delay_s, lambda: self._refill(side))

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
        old: list[int] = []
        if price != self._price[side]:
            old, held = held, []
        shown = sum(flow.engine.orders[i].visible for i in held)
        if size - shown > size * 0.1:
            order_id = flow.limit(side, price, size - shown, self.owner)
            if order_id in flow.engine.orders:
                held.append(order_id)
            else:
                self._plan_refill(side)
        self._touch[side] = held
        self._price[side] = price
        # The new order first, as an exchange's cancel-replace does: the price is never left bare.
        for order_id in old:
            self._leave(side, order_id)
        self._lay_ladder(side, price)

    def _target(self, side: int) -> int:
        flow = self._flow
        width = max(flow.spec.width_ticks, round(flow.conditions.maker_spread_bps * flow.bp))
        bid = floor(flow.fair - (width - 1) / 2)
        price = bid if side == BUY else bid + width
        # Too much inventory: step back from the best price on the side that would add to it.
        self._decay_inventory()
        load = side * self.inventory / (flow.spec.touch_lots * _INVENTORY_TOUCHES)
        if load > 1.0:
            price -= side * max(1, round(load * 0.1 * flow.bp))
        return max(1, price)

    def _size(self, side: int) -> int:
        flow = self._flow
        load = side * self.inventory / (flow.spec.touch_lots * _INVENTORY_TOUCHES)
        skew = min(1.6, max(0.15, 1.0 - load))
        size = flow.spec.touch_lots * flow.conditions.maker_size * skew
        return max(1, round(size * flow.rng.lognormvariate(-0.08, 0.4)))

    def _leave(self, side: int, order_id: int) -> None:
        """An order behind the new quote serves as depth for a moment; one before it goes at once."""
        flow = self._flow
        order = flow.engine.orders.get(order_id)
        if order is None:
            return
        if side * (order.price - flow.fair) > 0:
            flow.cancel(order_id)
        else:
            flow.plan(flow.rng.expovariate(1 / 0.1), lambda: flow.cancel(order_id))

    def _lay_ladder(self, side: int, price: int) -> None:
        flow, ladder = self._flow, self._ladder[side]
        if flow.rng.random() < 0.5 and len(ladder) >= _LADDER:
            return
        while len(ladder) >= _LADDER:
            flow.cancel(ladder.pop(0))
        offset = flow.rng.choice(_LADDER_BPS) * flow.bp * flow.rng.uniform(0.6, 1.4)
        behind = price - side * max(1, round(offset))
        if behind > 0:
            ladder.append(flow.limit(side, behind, self._size(side) // 5 + 1, self.owner))


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
        self._sign_cov, self._sign_var = 0.0, 0.03

    def open(self) -> None:
        """Quote for the first time."""
        for maker in self.makers:
            maker.quote(BUY)
            maker.quote(SELL)
        self._flow.plan(1.0, self._look_after)

    def learn(self, side: int, traded: int, touch: int) -> None:
        """A taker traded so many lots where the best level showed `touch`: maybe revise."""
        flow = self._flow
        surprise = 1 - side * self._predict(side)
        share = min(1.0, traded / max(1.0, 1.5 * min(touch, flow.spec.touch_lots)))
        chance = flow.conditions.learning * 1.5 * share**0.5 * surprise
        if flow.rng.random() < chance:
            size = flow.rng.gammavariate(4.0, 0.25) * flow.spec.jump_bps * (0.7 + share**0.5)
            self.move(side * size * flow.volatility**0.5)

    def _predict(self, side: int) -> float:
        """The expected sign of this order, −1..1, by a running regression on those before it."""
        mean = self._sign
        predicted = max(-0.9, min(0.9, mean * self._sign_cov / self._sign_var))
        self._sign_cov += _FORGET * (side * mean - self._sign_cov)
        self._sign_var += _FORGET * (mean * mean - self._sign_var)
        self._sign += _SIGN_WEIGHT * (side - mean)
        return predicted

    def shift(self, bps: float) -> None:
        """Change what the price is worth, known to all at once."""
        self._flow.latent += bps * self._flow.bp
        self.move(bps)

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
        flow.plan(flow.rng.uniform(0.001, 0.003), lambda: self._scare(-direction))
        if abs(self._alarm) > _ALARMED * flow.volatility**0.5:
            maker = flow.rng.choice(self.makers)
            maker.withdraw(flow.rng.expovariate(1 / 0.8))

    def _scare(self, side: int) -> None:
        """Most others whose orders the belief has passed see it come and withdraw them too."""
        flow = self._flow
        book = flow.engine.bids if side == BUY else flow.engine.asks
        passed: list[int] = []
        for key in reversed(book.keys):
            if key <= side * flow.fair or len(passed) > _SCARED:
                break
            passed.extend(book.levels[side * key].orders)
        for order_id in passed:
            if flow.rng.random() < 0.8:
                flow.cancel(order_id)

    def _look_after(self) -> None:
        """Makers look at their quotes now and then even when nothing happens."""
        flow = self._flow
        maker = flow.rng.choice(self.makers)
        maker.quote(flow.rng.choice((BUY, SELL)))
        flow.plan(flow.rng.expovariate(2.0 * len(self.makers)), self._look_after)
