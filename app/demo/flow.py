"""One simulated market: an engine, its participants, and the order of their acts in simulated time.

Two things move time: acts that participants have planned (a heap), and arrivals of the self-exciting
process (`hawkes`). Nothing here reads a clock; the same seed gives the same market at any speed.

The price moves because participants learn. `latent` is what the informed know, `fair` what the makers
believe. Makers see only orders: a taker's order makes them revise `fair` with a probability that grows
with its size and falls with how expected its direction was, so that what is predictable about the flow
is not profitable (Lillo, Farmer 2004: liquidity opposes predictable flow).
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from math import exp
from random import Random
from typing import NamedTuple, Protocol

from app.demo.engine import BUY, SELL, Engine, Fill
from app.demo.hawkes import Bursts, Kind
from app.demo.spec import MarketSpec

DRIFT_S = 0.1  # step of volatility
_SLOW_VOL_S, _FAST_VOL_S = 240.0, 12.0
_SLOW_VOL_SD, _FAST_VOL_SD = 0.45, 0.6


class Quote(NamedTuple):
    """Best prices in ticks and what they show in lots; size 0 where a side is empty."""

    bid: int
    bid_size: int
    ask: int
    ask_size: int


class Listener(Protocol):
    """Who hears what happens in a market."""

    def on_best(self, flow: "Flow", quote: Quote) -> None:
        """The best quotes changed."""

    def on_fill(self, flow: "Flow", fill: Fill) -> None:
        """Two orders traded."""


class Participant(Protocol):
    """Who trades; `owner` is the number on its orders."""

    owner: int

    def on_own_fill(self, flow: "Flow", fill: Fill) -> None:
        """One of its resting orders traded."""


@dataclass(slots=True)
class Conditions:
    """What a regime changes; 1 and 0 are ordinary times."""

    activity: float = 1.0  # of all arrivals
    volatility: float = 1.0
    maker_size: float = 1.0
    maker_spread_bps: float = 0.0  # at least this wide
    patience: float = 1.0  # how many patient orders there want to be
    taker_bias: float = 0.0  # share of noise takers on one side, signed
    learning: float = 1.0  # how readily makers revise
    news: float = 1.0  # share of news that comes


Act = Callable[[], None]


class Flow:
    """A market in simulated time; `advance` runs it."""

    def __init__(self, spec: MarketSpec, seed: str, first_update_id: int = 1):
        self.spec = spec
        self.rng = Random(seed)  # noqa: S311 - a simulation, wanted to be repeatable
        self.engine = Engine(first_update_id)
        self.time_s = 0.0
        self.fair = spec.price / float(spec.grid.tick)
        self.latent = self.fair
        self.conditions = Conditions()
        self.volatility = 1.0
        self.quote = Quote(0, 0, 0, 0)
        self.tick = float(spec.grid.tick)
        self.listeners: list[Listener] = []
        self.watchers: list[Callable[[], None]] = []  # called after each operation on the book
        self.participants: dict[int, Participant] = {}
        self.arrivals: dict[Kind, Act] = {}
        self.base_rates: Callable[[], list[float]] = lambda: [0.0] * len(Kind)
        self.bursts = Bursts()
        self._slow_vol = self.rng.gauss(0.0, _SLOW_VOL_SD)
        self._fast_vol = 0.0
        self._acts: list[tuple[float, int, Act]] = []
        self._planned = 0
        self._arrival_s: float | None = None
        self._bound = 0.0
        self.plan(0.0, self._drift)

    @property
    def bp(self) -> float:
        """Ticks in one basis point of the price."""
        return self.fair * 1e-4

    @property
    def mid(self) -> float:
        """The middle of the best quotes in ticks; the makers' belief while a side is empty."""
        q = self.quote
        return (q.bid + q.ask) / 2 if q.bid_size and q.ask_size else self.fair

    def plan(self, delay_s: float, act: Act) -> None:
        """Let something happen after a delay."""
        self._planned += 1
        heapq.heappush(self._acts, (self.time_s + delay_s, self._planned, act))

    def excite(self, kind: Kind, weight: float = 1.0) -> None:
        """Let something set off arrivals."""
        self.bursts.decay(self.time_s)
        self.bursts.excite(kind, weight)
        self._arrival_s = None

    def advance(self, until_s: float) -> None:
        """Run to a moment of simulated time."""
        while True:
            if self._arrival_s is None:
                self._next_arrival()
            arrival_s, act_s = self._arrival_s or 0.0, self._acts[0][0]
            if min(arrival_s, act_s) > until_s:
                break
            if act_s <= arrival_s:
                self.time_s, _, act = heapq.heappop(self._acts)
                act()
            else:
                self.time_s = arrival_s
                self._arrive()
        self.time_s = until_s

    def _next_arrival(self) -> None:
        self.bursts.decay(self.time_s)
        self._bound = sum(self.bursts.rates(self.base_rates()))
        self._arrival_s = self.time_s + self.rng.expovariate(self._bound)

    def _arrive(self) -> None:
        """Thin the candidate: accept a kind with its share of the bound."""
        self.bursts.decay(self.time_s)
        self._arrival_s = None
        u = self.rng.random() * self._bound
        for kind, rate in zip(Kind, self.bursts.rates(self.base_rates()), strict=True):
            u -= rate
            if u < 0:
                self.bursts.excite(kind)
                self.arrivals[kind]()
                return

    def _drift(self) -> None:
        """Move volatility: log-normal, at two speeds."""
        gauss = self.rng.gauss
        for_slow, for_fast = DRIFT_S / _SLOW_VOL_S, DRIFT_S / _FAST_VOL_S
        self._slow_vol += -for_slow * self._slow_vol + _SLOW_VOL_SD * (2 * for_slow) ** 0.5 * gauss(
            0.0, 1.0
        )
        self._fast_vol += -for_fast * self._fast_vol + _FAST_VOL_SD * (2 * for_fast) ** 0.5 * gauss(
            0.0, 1.0
        )
        self.volatility = self.conditions.volatility * exp(
            self._slow_vol + self._fast_vol - (_SLOW_VOL_SD**2 + _FAST_VOL_SD**2)
        )
        self._arrival_s = None
        self.plan(DRIFT_S, self._drift)

    # What participants do to the book. Each call is one operation of the engine.

    def limit(self, side: int, price: int, size: int, owner: int, peak: int = 0) -> int:
        """Place a limit order; returns its id."""
        order_id = self.engine.limit(side, price, size, owner, peak)
        self._settle()
        return order_id

    def market(self, side: int, size: int, owner: int) -> int:
        """Take liquidity; returns what found none."""
        rest = self.engine.market(side, size, owner)
        self._settle()
        return rest

    def cancel(self, order_id: int) -> None:
        """Withdraw an order, if it still rests."""
        if self.engine.cancel(order_id):
            self._settle()

    def _settle(self) -> None:
        """Tell everyone what the last operation did."""
        engine = self.engine
        for fill in engine.take_fills():
            owner = self.participants.get(fill.maker_owner)
            if owner is not None:
                owner.on_own_fill(self, fill)
            for listener in self.listeners:
                listener.on_fill(self, fill)
        bids, asks = engine.bids, engine.asks
        quote = Quote(bids.best or 0, bids.best_size, asks.best or 0, asks.best_size)
        if quote != self.quote:
            self.quote = quote
            for listener in self.listeners:
                listener.on_best(self, quote)
        for watcher in self.watchers:
            watcher()

    def best(self, side: int) -> tuple[int, int]:
        """Price and size of the best quote of a side (BUY: the bid)."""
        q = self.quote
        return (q.bid, q.bid_size) if side == BUY else (q.ask, q.ask_size)


def opposite(side: int) -> int:
    """The other side."""
    return SELL if side == BUY else BUY
