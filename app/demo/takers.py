"""Those who do not wait: noise, and those who know where the price will go."""

from app.demo.engine import BUY, SELL
from app.demo.flow import Flow, opposite
from app.demo.makers import Desk
from app.demo.patient import Joiners

NOISE_OWNER = 3
INFORMED_OWNER = 4
_INFORMED = 0.5  # share of informed orders per mean revision between latent value and belief
_LEAKED = 0.2  # share of news that some know before the others
_PERSISTENCE = 0.56  # chance that a noise taker does what the one before did


class Takers:
    """Market orders: each is seen by the makers, who may learn from it."""

    def __init__(self, flow: Flow, desk: Desk, joiners: Joiners):
        self._flow = flow
        self._desk = desk
        self._joiners = joiners
        self._last = BUY

    @property
    def urgency(self) -> float:
        """How far the latent value is from the makers' belief, in mean revisions, signed."""
        flow = self._flow
        return (flow.latent - flow.fair) / (flow.spec.jump_bps * flow.bp)

    def arrive(self) -> None:
        """One order."""
        flow, rng = self._flow, self._flow.rng
        urgency = self.urgency
        if rng.random() < min(0.85, _INFORMED * abs(urgency)):
            self.take(BUY if urgency > 0 else SELL, 2.5, INFORMED_OWNER)
            return
        bias = flow.conditions.taker_bias
        if rng.random() < abs(bias):
            side = BUY if bias > 0 else SELL
        else:
            side = self._last if rng.random() < _PERSISTENCE else -self._last
            self._last = side
        self.take(side, 1.0, NOISE_OWNER)

    def take(self, side: int, scale: float, owner: int) -> None:
        """Take from the best level, seldom more than it shows."""
        flow, rng = self._flow, self._flow.rng
        _, touch = flow.best(opposite(side))
        if not touch:
            return
        size = flow.spec.take_lots * scale
        size *= rng.lognormvariate(0.0, 1.9)
        cap = touch if rng.random() < 0.85 else 1.3 * touch
        lots = max(1, round(min(size, cap)))
        traded = lots - flow.market(side, lots, owner)
        before = flow.fair
        self._desk.learn(side, traded, touch)
        if owner == NOISE_OWNER:
            # Nobody can tell it from information, so it becomes what the price is worth.
            flow.latent += flow.fair - before

    def news(self) -> None:
        """The value changes: everyone learns it at once, or some learn it a little earlier."""
        flow, rng = self._flow, self._flow.rng
        if rng.random() >= flow.conditions.news:
            return
        size = flow.spec.jump_bps * flow.volatility**0.5 * 0.8 * rng.paretovariate(2.5)
        bps = rng.choice((-1, 1)) * min(size, 10 * flow.spec.jump_bps * flow.volatility**0.5)
        flow.latent += bps * flow.bp
        if rng.random() < _LEAKED:
            flow.plan(rng.uniform(0.3, 1.5), self.reveal)
        else:
            self.reveal()

    def reveal(self) -> None:
        """What the informed know becomes known."""
        flow = self._flow
        self._desk.move((flow.latent - flow.fair) / flow.bp)
