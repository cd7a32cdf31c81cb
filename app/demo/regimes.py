"""Scenes that a viewer can recognise, every few minutes, each known afterwards with its times.

A scene changes the conditions under which everyone trades, or sends in someone with a plan. Order and
times come from the seed; every kind is shown once before any is shown again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from app.demo.engine import BUY, SELL
from app.demo.flow import Conditions, Flow, opposite
from app.demo.makers import Desk
from app.demo.patient import Patient
from app.demo.takers import INFORMED_OWNER, Takers

SCENE_OWNER = 6
FIRST_S = (65.0, 130.0)  # before the first scene
PAUSE_S = (50.0, 110.0)  # ordinary times between two


class Kind(StrEnum):
    """The scenes."""

    CALM = "calm"
    CRUNCH = "liquidity crunch"
    BREAKOUT = "breakout"
    ABSORPTION = "absorption"
    WITHDRAWAL = "quote withdrawal"
    TOXIC = "toxic flow"


@dataclass(frozen=True)
class Regime:
    """One scene, in simulated seconds. `side` is the direction of its pressure, 0 where it has none."""

    kind: Kind
    venue: str
    symbol: str
    side: int
    start_s: float
    end_s: float


class Director:
    """Puts on the scenes of one market."""

    def __init__(self, venue: str, flow: Flow, desk: Desk, patient: Patient, takers: Takers):
        self.announce: Callable[[Regime], None] = lambda _: None
        self.regime: Regime | None = None
        self._venue = venue
        self._flow = flow
        self._desk = desk
        self._patient = patient
        self._takers = takers
        self._deck: list[Kind] = []
        # A sequence of its own: scenes stay where they are when the flow is tuned.
        self._rng = Random(f"{venue}:{flow.spec.symbol}:{flow.rng.random()}")  # noqa: S311
        self._orders: list[int] = []
        self._wall = 0
        self._turn = 0  # counts scenes, so that a pause overtaken by a command ends without effect
        self._scenes: dict[Kind, tuple[tuple[float, float], Callable[[], None]]] = {
            Kind.CALM: ((50.0, 80.0), self._calm),
            Kind.CRUNCH: ((30.0, 45.0), self._crunch),
            Kind.BREAKOUT: ((35.0, 55.0), self._breakout),
            Kind.ABSORPTION: ((25.0, 40.0), self._absorption),
            Kind.WITHDRAWAL: ((40.0, 60.0), self._withdrawal),
            Kind.TOXIC: ((20.0, 35.0), self._toxic),
        }
        self._pause(self._rng.uniform(*FIRST_S))

    def show(self, kind: Kind) -> Regime:
        """Begin a scene now; one that is on ends."""
        if self.regime is not None:
            self._end(self.regime)
        self._turn += 1
        (low, high), script = self._scenes[kind]
        now, flow = self._flow.time_s, self._flow
        side = 0 if kind in (Kind.CALM, Kind.CRUNCH, Kind.TOXIC) else self._rng.choice((BUY, SELL))
        end_s = now + self._rng.uniform(low, high)
        regime = Regime(kind, self._venue, flow.spec.symbol, side, now, end_s)
        self.regime = regime
        self.announce(regime)
        script()
        flow.plan(end_s - now, lambda: self._end(regime))
        return regime

    def _pause(self, seconds: float) -> None:
        turn = self._turn
        self._flow.plan(seconds, lambda: self._next(turn))

    def _next(self, turn: int) -> None:
        if turn != self._turn:
            return
        if not self._deck:
            self._deck = list(Kind)
            self._rng.shuffle(self._deck)
        self.show(self._deck.pop())

    def _end(self, regime: Regime) -> None:
        if self.regime is not regime:
            return
        self.regime = None
        self._flow.conditions = Conditions()
        if regime.kind is Kind.ABSORPTION:
            self._resolve(regime.side)
        # What the scene had placed leaves in ones and twos, not at a stroke.
        for order_id in self._orders:
            self._flow.plan(self._rng.uniform(0.5, 15.0), _cancel(self._flow, order_id))
        self._orders = []
        self._pause(self._rng.uniform(*PAUSE_S))

    def _every(self, mean_s: float, act: Callable[[], None], until_s: float | None = None) -> None:
        """Do something again and again, at random moments, while this scene is on."""
        regime, flow = self.regime, self._flow

        def step() -> None:
            if self.regime is not regime or (until_s is not None and flow.time_s > until_s):
                return
            act()
            flow.plan(self._rng.expovariate(1 / mean_s), step)

        step()

    # The scenes.

    def _calm(self) -> None:
        """Little happens, and what happens moves little."""
        self._flow.conditions = Conditions(activity=0.3, volatility=0.35, news=0.4)

    def _crunch(self) -> None:
        """Makers show little and stand apart; patient orders near the price are withdrawn."""
        flow = self._flow
        wide_bps = max(0.9, 3.0 / flow.bp)
        reach_bps = max(12.0, 3.0 * flow.spec.depth_bps)
        flow.conditions = Conditions(
            maker_size=0.15, maker_spread_bps=wide_bps, patience=0.25, learning=0.5
        )
        self._patient.clear_near(reach_bps, 0.8)
        self._every(1.0, lambda: self._patient.clear_near(reach_bps, 0.3))

    def _breakout(self) -> None:
        """The price leaves where it was at a stroke, and someone goes on buying (selling)."""
        flow, side = self._flow, self._side
        flow.conditions = Conditions(activity=1.8, taker_bias=0.7 * side)
        start_s, start = flow.time_s, flow.fair
        lasts_s, goal_bps = self._rng.uniform(24.0, 32.0), self._rng.uniform(18.0, 28.0)

        def push() -> None:
            # A plan that is ahead of itself waits: whoever buys that much hides how much.
            done_bps = side * (flow.fair - start) / flow.bp
            if done_bps > goal_bps * (0.4 + 0.6 * (flow.time_s - start_s) / lasts_s):
                return
            flow.latent += side * flow.spec.jump_bps * flow.bp * self._rng.uniform(0.1, 0.4)
            self._takers.take(side, 8.0, INFORMED_OWNER)
            if self._rng.random() < 0.5:
                self._takers.reveal()

        for k in range(6):
            flow.plan(0.03 * k, lambda: self._desk.shift(side * goal_bps / 15))
        self._every(0.3 / flow.spec.pace, push, start_s + lasts_s)

    def _absorption(self) -> None:
        """A hidden order stands in the way: the flow is one-sided and the price stays."""
        flow, side = self._flow, self._side
        flow.conditions = Conditions(activity=1.5, taker_bias=0.85 * side, learning=0.0, news=0.0)
        touch, mean_s = flow.spec.touch_lots, 1.0 / flow.spec.pace
        price, _ = flow.best(opposite(side))
        if price:
            self._wall = flow.limit(opposite(side), price, 300 * touch, SCENE_OWNER, peak=touch)

        def crowd() -> None:
            price, size = flow.best(side)
            if size:
                lots = round(touch * 0.3 * self._rng.lognormvariate(0.0, 0.5)) + 1
                self._orders.append(flow.limit(side, price, lots, SCENE_OWNER))

        self._every(0.12 * mean_s, crowd)
        self._every(0.4 * mean_s, lambda: self._takers.take(side, 10.0, INFORMED_OWNER))

    def _resolve(self, side: int) -> None:
        """The hidden order is done: the price leaves past it, or those who pressed give up first."""
        flow, direction = self._flow, self._rng.choice((BUY, SELL))
        flow.cancel(self._wall)
        if direction != side:
            for order_id in self._orders:
                flow.plan(self._rng.uniform(0.0, 0.4), _cancel(flow, order_id))
            self._orders = []
        jumps = direction * self._rng.uniform(2.0, 4.0)
        flow.plan(0.45, lambda: self._desk.shift(jumps * flow.spec.jump_bps))

    def _withdrawal(self) -> None:
        """Large orders that are not meant to trade: shown, then gone before anyone reaches them."""
        flow, side, rng = self._flow, self._side, self._rng
        flow.conditions = Conditions(news=0.3)
        layers: list[int] = []

        def show() -> None:
            best, size = flow.best(side)
            if not size:
                return
            for k in range(8):
                price = best - side * round(k * 0.15 * flow.bp)
                # At the best price in several pieces, so that it goes piece by piece.
                for _ in range(3 if k == 0 else 1):
                    lots = round(flow.spec.touch_lots * rng.uniform(2.0, 4.0))
                    layers.append(flow.limit(side, max(1, price), lots, SCENE_OWNER))
            flow.plan(
                0.2, lambda: self._desk.shift(side * flow.spec.jump_bps * rng.uniform(1.0, 2.0))
            )
            flow.plan(rng.uniform(2.0, 4.5), vanish)

        def vanish() -> None:
            for order_id in layers:
                flow.plan(rng.uniform(0.0, 0.3), _cancel(flow, order_id))
            layers.clear()
            flow.plan(
                0.3, lambda: self._desk.shift(-side * flow.spec.jump_bps * rng.uniform(1.0, 2.0))
            )

        self._every(7.0, show)

    def _toxic(self) -> None:
        """Bursts of takers who know better, now up, now down; makers show less and stand apart."""
        flow, rng = self._flow, self._rng
        flow.conditions = Conditions(
            maker_size=0.45,
            maker_spread_bps=max(0.15, 1.5 / flow.bp),
            volatility=1.2,
            activity=1.5,
            learning=0.45,
            patience=0.6,
        )
        burst = {"side": 0.0, "until_s": 0.0, "limit": 0.0}

        def hit() -> None:
            if flow.time_s > burst["until_s"]:
                side = rng.choice((BUY, SELL))
                burst["side"], burst["until_s"] = side, flow.time_s + rng.expovariate(1 / 3.0)
                burst["limit"] = side * flow.fair + 3.0 * max(flow.bp, 1.0)
                flow.conditions.taker_bias = 0.85 * side
            side = int(burst["side"])
            if side * flow.fair < burst["limit"]:
                flow.latent += side * flow.spec.jump_bps * flow.bp * 0.2
            self._takers.take(side, 25.0, INFORMED_OWNER)
            if rng.random() < 0.15:
                self._takers.reveal()

        self._every(0.22 / flow.spec.pace, hit)

    @property
    def _side(self) -> int:
        return self.regime.side if self.regime is not None else BUY


def _cancel(flow: Flow, order_id: int) -> Callable[[], None]:
    return lambda: flow.cancel(order_id)
