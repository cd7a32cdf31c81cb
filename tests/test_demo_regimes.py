from itertools import pairwise

import numpy as np
import pytest

from app.demo.engine import BUY, SELL
from app.demo.patient import PATIENT_OWNER
from app.demo.regimes import Kind
from app.demo.spec import BTC, LINK
from app.demo.tape import Recorder
from app.demo.world import World


def opened(seed, seconds=20):
    world = World(seed, (BTC,))
    world.advance(seconds)
    return world, world.towns["demo", "BTCUSDT"]


def near(flow, bps=10):
    engine, mid, reach = flow.engine, flow.mid, bps * flow.bp
    return sum(q for p, q in engine.bids.depth() + engine.asks.depth() if abs(p - mid) <= reach)


def watch(world, town, seconds):
    recorder = Recorder()
    town.flow.listeners.append(recorder)
    depths, spreads = [], []
    for _ in range(round(seconds * 5)):
        world.advance(world.time_s + 0.2)
        depths.append(near(town.flow))
        spreads.append((town.flow.quote.ask - town.flow.quote.bid) / town.flow.bp)
    town.flow.listeners.remove(recorder)
    return recorder.tape("", town.flow), np.array(depths), np.array(spreads)


def sold_and_bought(tape):
    signed = tape.trades[:, 1] * tape.trades[:, 2]
    return -signed[signed < 0].sum(), signed[signed > 0].sum()


def test_every_kind_comes_before_any_comes_again_and_the_list_has_its_times():
    world = World(1, (LINK,))
    director = world.director("LINKUSDT")
    seen = []
    director.announce = seen.append
    world.advance(1500)
    assert len(seen) >= 8
    assert {r.kind for r in seen[:6]} == set(Kind)
    for before, after in pairwise(seen):
        assert before.start_s < before.end_s < after.start_s < before.end_s + 120
    again = World(1, (LINK,))
    others = []
    again.director("LINKUSDT").announce = others.append
    again.advance(1500)
    assert seen == others


def test_calm_is_calm():
    world, town = opened(3)
    busy, _, _ = watch(world, town, 40)
    town.director.show(Kind.CALM)
    calm, _, _ = watch(world, town, 40)
    assert len(calm.quotes) < 0.7 * len(busy.quotes)


def test_a_crunch_empties_the_book_and_opens_the_spread_and_both_come_back():
    world, town = opened(3)
    _, depth, spread = watch(world, town, 20)
    regime = town.director.show(Kind.CRUNCH)
    _, thin, wide = watch(world, town, regime.end_s - regime.start_s)
    assert np.median(thin) < 0.35 * np.median(depth)
    assert np.median(wide) > 5 * np.median(spread)
    world.advance(world.time_s + 30)
    _, after, narrow = watch(world, town, 10)
    assert np.median(after) > 0.6 * np.median(depth)
    assert np.median(narrow) < 0.2 * np.median(wide)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_breakout_leaves_the_range_on_one_sided_flow(seed):
    world, town = opened(seed)
    before, _, _ = watch(world, town, 60)
    mids = before.quotes[:, [0, 2]].mean(axis=1)
    regime = town.director.show(Kind.BREAKOUT)
    tape, _, _ = watch(world, town, 33)
    end = town.flow.mid
    sold, bought = sold_and_bought(tape)
    if regime.side == BUY:
        assert end > mids.max()
        assert bought > 2 * sold
    else:
        assert end < mids.min()
        assert sold > 2 * bought


@pytest.mark.parametrize("seed", [1, 2])
def test_absorption_is_heavy_flow_that_does_not_move_the_price(seed):
    world, town = opened(seed)
    regime = town.director.show(Kind.ABSORPTION)
    start = town.flow.mid
    tape, _, _ = watch(world, town, regime.end_s - regime.start_s - 0.5)
    assert abs(town.flow.mid - start) < 1.0 * town.flow.bp
    pressed, against = sold_and_bought(tape)[:: -regime.side]
    assert pressed > 3 * against
    assert pressed > 20 * BTC.touch_lots
    joined = town.flow.best(regime.side)[1]
    assert joined > 20 * BTC.touch_lots


def test_quote_withdrawal_shows_large_orders_and_takes_them_back():
    world, town = opened(2)
    usual = np.median([town.flow.quote.bid_size, town.flow.quote.ask_size])
    regime = town.director.show(Kind.WITHDRAWAL)
    stacked = []
    for _ in range(round((regime.end_s - regime.start_s) * 10)):
        world.advance(world.time_s + 0.1)
        book = town.flow.engine.orders.values()
        stacked.append(sum(o.visible for o in book if o.owner == 6 and o.side == regime.side))
    shown = np.array(stacked)
    assert shown.max() > 15 * BTC.touch_lots > usual
    assert (shown == 0).any()
    # It went as a whole, more than once.
    assert np.count_nonzero((shown[1:] == 0) & (shown[:-1] > 0)) >= 2


def test_toxic_flow_is_one_sided_for_seconds_and_moves_the_price():
    world, town = opened(5)
    _, _, spread = watch(world, town, 20)
    regime = town.director.show(Kind.TOXIC)
    shares, moves, spreads = [], [], []
    while world.time_s < regime.end_s - 2:
        start = town.flow.mid
        tape, _, wide = watch(world, town, 2)
        sold, bought = sold_and_bought(tape)
        shares.append(abs(bought - sold) / (bought + sold))
        moves.append(abs(town.flow.mid - start) / town.flow.bp)
        spreads.extend(wide)
    assert np.median(spreads) > 2 * np.median(spread)
    assert np.median(shares) > 0.3
    assert np.mean(moves) > 0.5


def test_a_scene_on_command_ends_the_one_before():
    world, town = opened(1)
    first = town.director.show(Kind.CRUNCH)
    second = town.director.show(Kind.CALM)
    assert town.director.regime is second
    assert town.flow.conditions.patience == 1.0
    world.advance(first.end_s + 0.1)
    if first.end_s < second.end_s:
        assert town.director.regime is second
    world.advance(second.end_s + 0.1)
    assert town.director.regime is None


def test_what_a_scene_placed_is_gone_soon_after():
    world, town = opened(1)
    regime = town.director.show(Kind.ABSORPTION)
    world.advance(regime.end_s + 20)
    assert not any(o.owner == 6 for o in town.flow.engine.orders.values())
    assert any(
        o.owner == PATIENT_OWNER and o.side == SELL for o in town.flow.engine.orders.values()
    )
