from collections import Counter
from random import Random

import numpy as np
import pytest

from app.demo.engine import BUY, SELL
from app.demo.flow import Conditions, Flow
from app.demo.hawkes import Bursts, Kind
from app.demo.spec import BTC, ETH, LINK, MARKETS, SOL
from app.demo.tape import Recorder
from app.demo.world import World


def run(seed, seconds, specs=(SOL,), steps=None):
    """A world and what each of its markets did."""
    world = World(seed, specs)
    recorders = {}
    for key, town in world.towns.items():
        recorders[key] = Recorder()
        town.flow.listeners.append(recorders[key])
    for until in steps or [seconds]:
        world.advance(until)
    return world, {k: r.tape("", world.towns[k].flow) for k, r in recorders.items()}


def same(a, b):
    return (
        np.array_equal(a.quotes, b.quotes)
        and np.array_equal(a.quote_s, b.quote_s)
        and np.array_equal(a.trades, b.trades)
    )


def test_a_seed_is_a_market():
    _, first = run(5, 30)
    _, again = run(5, 30)
    _, other = run(6, 30)
    for key in first:
        assert same(first[key], again[key])
        assert not same(first[key], other[key])


def test_the_pace_does_not_matter():
    rng = Random(3)
    uneven = [*sorted(rng.uniform(0, 30) for _ in range(200)), 30]
    world, first = run(5, 30)
    paced, again = run(5, 30, steps=uneven)
    assert world.time_s == paced.time_s == pytest.approx(30)
    for key in first:
        assert same(first[key], again[key])
        assert (
            world.towns[key].flow.engine.bids.depth() == paced.towns[key].flow.engine.bids.depth()
        )


def test_markets_do_not_disturb_each_other():
    _, alone = run(5, 20, (SOL,))
    _, together = run(5, 20, (BTC, SOL))
    for venue in ("demo", "demo2"):
        assert same(alone[venue, "SOLUSDT"], together[venue, "SOLUSDT"])


@pytest.mark.parametrize("spec", MARKETS, ids=lambda s: s.base)
def test_the_book_stays_a_book(spec):
    world = World(2, (spec,))
    for _ in range(60):
        world.advance(world.time_s + 1)
        for town in world.towns.values():
            engine, quote = town.flow.engine, town.flow.quote
            assert 0 < quote.bid < quote.ask
            assert quote == (*engine.bids.depth(1)[0], *engine.asks.depth(1)[0])
            # Deep enough to draw, small enough that a snapshot of a thousand levels is all of it.
            assert 15 <= len(engine.bids.keys) < 1000
            assert 15 <= len(engine.asks.keys) < 1000


def test_the_second_venue_follows_the_first():
    """Lagged: the follower's return goes with the leader's return before it, not with the one after."""
    world = World(4, (ETH,))
    leader, follower = (world.towns[v, "ETHUSDT"].flow for v in ("demo", "demo2"))
    mids = []
    for _ in range(3000):
        world.advance(world.time_s + 0.1)
        mids.append((leader.mid, follower.mid))
    a, b = np.diff(np.array(mids), axis=0).T
    ahead = np.corrcoef(a[:-3], b[3:])[0, 1] + np.corrcoef(a[:-2], b[2:])[0, 1]
    behind = np.corrcoef(a[3:], b[:-3])[0, 1] + np.corrcoef(a[2:], b[:-2])[0, 1]
    assert ahead > 0.2
    assert abs(behind) < ahead / 2
    assert np.abs(np.diff(np.array(mids), axis=1)).mean() / leader.bp < 2.0


def test_makers_skew_against_their_inventory():
    world = World(1, (BTC,))
    world.advance(5)
    town = world.towns["demo", "BTCUSDT"]
    town.flow.conditions = Conditions(learning=0.0, news=0.0)
    maker = town.desk.makers[0]
    sizes = {}
    for inventory in (-300_000.0, 300_000.0):
        drawn = []
        for _ in range(200):
            maker.inventory, maker._inventory_s = inventory, town.flow.time_s
            drawn.append((maker._size(BUY), maker._size(SELL)))
        sizes[inventory] = np.mean(drawn, axis=0)
    assert sizes[-300_000.0][0] > 1.5 * sizes[-300_000.0][1]
    assert sizes[300_000.0][1] > 1.5 * sizes[300_000.0][0]


def test_makers_withdraw_when_the_price_runs_away():
    world = World(1, (BTC,))
    world.advance(5)
    town = world.towns["demo", "BTCUSDT"]
    for _ in range(20):
        town.desk.move(BTC.jump_bps * 2)
    assert any(maker._away_until_s > town.flow.time_s for maker in town.desk.makers)


@pytest.mark.parametrize("side", [BUY, SELL])
def test_price_responds_to_one_sided_takers(side):
    """In a market that is otherwise asleep, whoever takes moves the price their way."""
    moves = []
    for seed in range(4):
        world = World(seed, (BTC,))
        world.advance(2)
        town = world.towns["demo", "BTCUSDT"]
        town.flow.conditions = Conditions(activity=0.02, news=0.0)
        start = town.flow.mid
        for _ in range(40):
            world.advance(world.time_s + 0.1)
            town.takers.take(side, 10.0, 99)
        moves.append(side * (town.flow.mid - start) / town.flow.bp)
    assert np.mean(moves) > 1.0
    assert min(moves) > -0.5


def test_icebergs_rest_in_the_book():
    world = World(1, (BTC,))
    flow = world.towns["demo", "BTCUSDT"].flow
    seen = set()
    for _ in range(240):
        world.advance(world.time_s + 1)
        seen |= {o.id for o in flow.engine.orders.values() if o.hidden}
    assert seen


def test_bursts_have_the_expected_number_of_children():
    """Simulated alone, the process reaches the mean rate that the branching matrix promises."""
    flow = Flow(LINK, "bursts")
    counts = Counter()
    flow.arrivals = {kind: (lambda k=kind: counts.update([k])) for kind in Kind}
    base = np.array([2.0, 1.0, 1.0, 3.0, 0.5])
    flow.base_rates = lambda: base.tolist()
    flow.advance(2000)
    bursts = Bursts()
    children = np.zeros((len(Kind), len(Kind)))
    for kind in Kind:
        for child, fast, slow in bursts._steps[kind]:
            children[kind, child] = fast / 25.0 + slow / 0.4
    assert max(abs(np.linalg.eigvals(children))) < 0.8
    expected = base @ np.linalg.inv(np.eye(len(Kind)) - children)
    measured = np.array([counts[kind] for kind in Kind]) / 2000
    assert measured == pytest.approx(expected, rel=0.15)


def test_arrivals_cluster():
    _, tapes = run(3, 120, (BTC,))
    counts = np.histogram(tapes["demo", "BTCUSDT"].trade_s, bins=np.arange(0, 121, 1.0))[0]
    assert counts.var() > 3 * counts.mean()
