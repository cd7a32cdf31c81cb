"""All markets of both venues, advanced together on a fixed grid of simulated time."""

from collections import deque
from dataclasses import dataclass

from app.demo.engine import BUY, SELL
from app.demo.flow import Flow
from app.demo.hawkes import Kind
from app.demo.makers import Desk
from app.demo.patient import Icebergs, Joiners, Patient
from app.demo.regimes import Director
from app.demo.spec import MARKETS, MarketSpec
from app.demo.takers import Takers

VENUES = ("demo", "demo2")
STEP_S = 0.005  # markets see each other on this grid; also what makes a run independent of its pace
_LAG_S = 0.15
_ARBITRAGE_BPS = 0.6
ARBITRAGE_OWNER = 5


@dataclass
class Town:
    """One market with everyone in it."""

    venue: str
    flow: Flow
    desk: Desk
    patient: Patient
    joiners: Joiners
    takers: Takers
    director: Director | None  # of a market that leads


def settle_town(spec: MarketSpec, venue: str, seed: int, *, leads: bool = True) -> Town:
    """A market with its participants, its book filled. One that does not lead has no news of its own."""
    activity = 1.0 if leads else 0.6
    flow = Flow(spec, f"{seed}:{venue}:{spec.symbol}", first_update_id=1_000_000)
    desk, patient, joiners = Desk(flow), Patient(flow), Joiners(flow)
    Icebergs(flow)
    takers = Takers(flow, desk, joiners)
    flow.arrivals = {
        Kind.TAKE: takers.arrive,
        Kind.JOIN: joiners.join,
        Kind.PULL: joiners.pull,
        Kind.DEEP: patient.arrive,
        Kind.NEWS: takers.news if leads else takers.arrive,
    }

    def base_rates() -> list[float]:
        a = activity * flow.conditions.activity * flow.volatility**0.7
        informed = 1.0 + 0.35 * min(4.0, abs(takers.urgency))
        return [
            spec.take_rate * a * informed,
            spec.join_rate * a,
            spec.join_rate * a * joiners.crowding,
            spec.deep_rate * activity,
            spec.news_rate * a if leads else 0.0,
        ]

    flow.base_rates = base_rates
    patient.seed()
    desk.open()
    director = Director(venue, flow, desk, patient, takers) if leads else None
    return Town(venue, flow, desk, patient, joiners, takers, director)


class Follower:
    """Ties a market of the second venue to the first: makers look across, arbitrage closes the rest."""

    def __init__(self, leader: Town, follower: Town):
        self._leader = leader
        self._follower = follower
        self._seen: deque[tuple[float, float]] = deque(maxlen=64)
        follower.flow.plan(0.05, self._look)

    def note(self) -> None:
        """Remember the leader's mid; called on every step."""
        flow = self._leader.flow
        self._seen.append((flow.time_s, flow.mid))

    def _look(self) -> None:
        """The makers of the second venue see the first as it was a moment ago."""
        flow = self._follower.flow
        past = [mid for time_s, mid in self._seen if time_s <= flow.time_s - _LAG_S]
        if past:
            gap_bps = (past[-1] - flow.fair) / flow.bp
            flow.latent = past[-1]
            # Its informed know no more than this.
            if abs(gap_bps) > max(0.15, 0.3 / flow.bp):
                self._follower.desk.move(gap_bps)
        flow.plan(flow.rng.expovariate(1 / 0.06), self._look)

    def arbitrage(self) -> None:
        """Buy where it is cheap and sell where it is dear, when the quotes of the venues cross."""
        a, b = self._leader.flow, self._follower.flow
        for buy, sell in ((a, b), (b, a)):
            edge = (sell.quote.bid - buy.quote.ask) / a.bp
            if edge > _ARBITRAGE_BPS and sell.quote.bid_size and buy.quote.ask_size:
                size = max(1, min(sell.quote.bid_size, buy.quote.ask_size) // 12)
                buy.market(BUY, size, ARBITRAGE_OWNER)
                sell.market(SELL, size, ARBITRAGE_OWNER)


class World:
    """Every market of every venue. `advance` is deterministic for a seed at any pace."""

    def __init__(self, seed: int, specs: tuple[MarketSpec, ...] = MARKETS):
        self.seed = seed
        self.towns: dict[tuple[str, str], Town] = {}
        self._followers: list[Follower] = []
        self._step = 0
        for spec in specs:
            pair = [settle_town(spec, venue, seed, leads=venue == VENUES[0]) for venue in VENUES]
            for town in pair:
                self.towns[town.venue, spec.venue_symbol] = town
            self._followers.append(Follower(*pair))

    @property
    def time_s(self) -> float:
        """Simulated seconds since the beginning."""
        return self._step * STEP_S

    def director(self, symbol: str) -> Director | None:
        """Who puts on the scenes of a market, by Binance's symbol."""
        town = self.towns.get((VENUES[0], symbol))
        return town.director if town is not None else None

    def advance(self, until_s: float) -> None:
        """Run to the last step of the grid that is not after a moment."""
        last = int(until_s / STEP_S + 1e-9)
        towns, followers = list(self.towns.values()), self._followers
        while self._step < last:
            self._step += 1
            now = self.time_s
            for town in towns:
                town.flow.advance(now)
            for follower in followers:
                follower.note()
            if self._step % 10 == 0:
                for follower in followers:
                    follower.arbitrage()
