"""All markets of all venues, advanced together on a fixed grid of simulated time."""

from collections import deque
from dataclasses import dataclass

from app.demo.engine import BUY, SELL
from app.demo.flow import Flow
from app.demo.hawkes import Kind
from app.demo.makers import Desk
from app.demo.patient import Icebergs, Joiners, Patient
from app.demo.regimes import Director
from app.demo.spec import LEADER, MARKETS, VENUES, MarketSpec
from app.demo.takers import Takers

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
    paused: bool = False  # time stands still here alone, to compare books; it catches up afterwards


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
    """Ties a market of another venue to the first: makers look across, arbitrage closes the rest."""

    def __init__(self, leader: Town, follower: Town):
        self._leader = leader
        self._follower = follower
        ticks = [town.flow.spec.grid.tick for town in (leader, follower)]
        self._scale = float(ticks[0] / ticks[1])  # ticks of the follower in one of the leader
        self._seen: deque[tuple[float, float]] = deque(maxlen=64)
        follower.flow.plan(0.05, self._look)

    def note(self) -> None:
        """Remember the leader's mid; called on every step."""
        flow = self._leader.flow
        self._seen.append((flow.time_s, flow.mid))

    def _look(self) -> None:
        """The makers of the other venue see the first as it was a moment ago."""
        flow = self._follower.flow
        past = [mid for time_s, mid in self._seen if time_s <= flow.time_s - _LAG_S]
        if past:
            there = past[-1] * self._scale
            gap_bps = (there - flow.fair) / flow.bp
            flow.latent = there
            # Its informed know no more than this.
            if abs(gap_bps) > max(0.15, 0.3 / flow.bp):
                self._follower.desk.move(gap_bps)
        flow.plan(flow.rng.expovariate(1 / 0.06), self._look)

    def arbitrage(self) -> None:
        """Take at the follower what its venue sells too cheaply or buys too dearly.

        The other leg rests at the leader among its makers' quotes: market orders there would be flow
        without news, of every venue that follows, and hide what its own takers know.
        """
        if self._leader.paused or self._follower.paused:
            return
        a, b = self._leader.flow, self._follower.flow
        for buy, sell in ((a, b), (b, a)):
            dear, cheap = sell.quote.bid * sell.tick, buy.quote.ask * buy.tick
            edge_bps = (dear - cheap) / (a.bp * a.tick)
            if edge_bps > _ARBITRAGE_BPS and sell.quote.bid_size and buy.quote.ask_size:
                # As much of the asset on both sides, whatever a lot is there.
                lots = buy.spec.base_per_lot(cheap), sell.spec.base_per_lot(dear)
                size = min(buy.quote.ask_size * lots[0], sell.quote.bid_size * lots[1]) / 12
                if buy is b:
                    b.market(BUY, max(1, int(size / lots[0])), ARBITRAGE_OWNER)
                else:
                    b.market(SELL, max(1, int(size / lots[1])), ARBITRAGE_OWNER)


class World:
    """Every market of every venue. `advance` is deterministic for a seed at any pace."""

    def __init__(self, seed: int, specs: tuple[MarketSpec, ...] = MARKETS):
        self.seed = seed
        self.towns: dict[tuple[str, str], Town] = {}
        self._followers: list[Follower] = []
        self._step = 0
        for spec in specs:
            leader = self._settle(spec, LEADER)
            for venue, there in VENUES.items():
                if venue == LEADER:
                    continue
                for listed in (s for s in there.markets if s.base == spec.base):
                    self._followers.append(Follower(leader, self._settle(listed, venue)))

    def _settle(self, spec: MarketSpec, venue: str) -> Town:
        town = settle_town(spec, venue, self.seed, leads=venue == LEADER)
        self.towns[venue, spec.venue_symbol] = town
        return town

    @property
    def time_s(self) -> float:
        """Simulated seconds since the beginning."""
        return self._step * STEP_S

    def director(self, symbol: str) -> Director | None:
        """Who puts on the scenes of a market of the first venue, by its symbol there."""
        town = self.towns.get((LEADER, symbol))
        return town.director if town is not None else None

    def advance(self, until_s: float) -> None:
        """Run to the last step of the grid that is not after a moment."""
        last = int(until_s / STEP_S + 1e-9)
        towns, followers = list(self.towns.values()), self._followers
        while self._step < last:
            self._step += 1
            now = self.time_s
            for town in towns:
                if not town.paused:
                    town.flow.advance(now)
            for follower in followers:
                follower.note()
            if self._step % 10 == 0:
                for follower in followers:
                    follower.arbitrage()
