"""Known answers of recorded Binance traffic, through ccxt and the hook, at the ring."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest
import pytest_asyncio
from numpy.typing import NDArray

from app.feeds.base import FeedStatus
from app.feeds.ccxt_stream import open_venue
from app.feeds.ring import Ring, States, Trades
from app.market import Contract, Grid, Market, MarketId
from app.records import LEVELS, Fidelity, State
from app.settings import FeedSettings, VenueSettings
from tests.recorded import recorded
from tests.venues.binance_protocol import coin_margined_settings_for, settings_for
from tests.venues.binance_replay import (
    BTCUSD_PERP,
    COIN_MARGINED_FILE,
    FILE,
    BinanceReplay,
    Line,
    ReplayClock,
    load,
)
from tests.venues.rig import until

BTC = MarketId("binance", "BTC/USDT")
GRID = Grid(Decimal("0.01"), Decimal("0.00001"))
LOT = 100_000  # lots in a BTC

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True)
class Replayed:
    lines: list[Line]
    market: Market
    status: FeedStatus
    best: States
    depth: States
    trades: Trades


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def replayed() -> AsyncIterator[Replayed]:
    lines = load(recorded(FILE))
    clock, ring = ReplayClock(lines[0].time_ns), Ring()
    server = BinanceReplay(lines, clock=clock, applied=lambda: len(ring.depth) > 0)
    await server.start()
    table = VenueSettings(**settings_for(server.port))
    venue = open_venue("binance", table, FeedSettings(), ring, clock)
    try:
        await venue.open()
        feed = venue.add(BTC, 7)
        await until(server.finished.is_set, "the end of the file", 90.0)
        yield Replayed(lines, feed.market, feed.status, *ring.take())
    finally:
        await venue.close()
        await server.stop()


async def test_market_is_described_on_the_venues_grid(replayed: Replayed) -> None:
    assert replayed.market.grid == GRID
    assert replayed.market.size_unit == "BTC"


async def test_every_state_is_seen_in_one_epoch(replayed: Replayed) -> None:
    assert len(replayed.best) == 28_040
    assert len(replayed.depth) == 3_449  # the snapshot with the straddling update, then 3,448
    assert len(replayed.trades) == 9_757
    for states in (replayed.best, replayed.depth):
        assert set(states.epoch.tolist()) == {1}
        assert set(states.market.tolist()) == {7}
    status = replayed.status
    assert (status.states_best, status.states_depth, status.trades) == (28_040, 3_449, 9_757)
    assert status.state is State.LIVE
    assert (status.fidelity_best, status.fidelity_depth) == (Fidelity.EVENT, Fidelity.BATCHED)
    assert not status.new_gaps
    assert not status.rejected


async def test_states_carry_the_receive_times_and_ids_of_the_file(replayed: Replayed) -> None:
    quotes = [line for line in replayed.lines if line.stream.endswith("bookTicker")]
    assert replayed.best.time_ns.tolist() == [line.time_ns for line in quotes]
    depth = [line for line in replayed.lines if line.stream.endswith("@depth@100ms")]
    assert replayed.depth.time_ns.tolist()[1:] == [line.time_ns for line in depth[3:]]
    assert replayed.depth.update_id[0] == 50_093_239_224
    assert replayed.depth.venue_ms[0] == 1_723_161_255_408
    assert set(replayed.best.venue_ms.tolist()) == {-1}  # the venue sends none
    assert set(replayed.depth.known.tolist()) == {LEVELS}


async def test_trades_are_exact(replayed: Replayed) -> None:
    lots = GRID.to_lots(replayed.trades.size)
    assert int(lots.sum()) == 21_203_315
    assert int((lots * replayed.trades.side).sum()) == -1_873_079
    ids = replayed.trades.id
    assert (np.diff(ids) > 0).all()


async def test_rebuilt_best_quotes_equal_the_venues_at_the_same_update(replayed: Replayed) -> None:
    best = _integers(replayed.best)
    depth = _integers(replayed.depth)[:, :, :1]
    place = {int(u): k for k, u in enumerate(replayed.best.update_id)}
    pairs = [(k, place[int(u)]) for k, u in enumerate(replayed.depth.update_id) if int(u) in place]
    assert len(pairs) == 564
    assert all((depth[k] == best[j]).all() for k, j in pairs)


async def test_event_sums_by_an_independent_reference(replayed: Replayed) -> None:
    best = _reference(_integers(replayed.best), 0)
    assert best == -9_947_148
    depth = _integers(replayed.depth)
    sums = [_reference(depth, m) / LOT for m in range(10)]
    wanted = (
        "-87.42089 4.52942 4.36345 -22.78542 1.29104 2.90726 -4.55959 -2.29785 -2.79847 11.69565"
    )
    assert [f"{value:.5f}" for value in sums] == wanted.split()


def _integers(states: States, grid: Grid = GRID) -> NDArray[np.int64]:
    """`[n, 2, L, 2]` in ticks and lots."""
    prices = grid.to_ticks(states.levels[..., 0])
    return np.stack((prices, grid.to_lots(states.levels[..., 1])), axis=-1)


def _reference(levels: NDArray[np.int64], m: int) -> int:
    """Σe of one level by the formula with its indicators, state by state."""
    total = 0
    rows = levels[:, :, m].tolist()
    for ((pb0, qb0), (pa0, qa0)), ((pb, qb), (pa, qa)) in pairwise(rows):
        total += (pb >= pb0) * qb - (pb <= pb0) * qb0
        total -= (pa <= pa0) * qa - (pa >= pa0) * qa0
    return total


async def test_latecomer_gets_the_book_as_it_is_and_follows_it() -> None:
    """A second client in the middle of the replay builds the same book from a later snapshot."""
    lines = load(recorded(FILE))[:6000]
    first, second = Ring(), Ring()
    clock = ReplayClock(lines[0].time_ns)
    server = BinanceReplay(lines, speed=60.0, loop=True, applied=lambda: len(first.depth) > 0)
    await server.start()
    table = VenueSettings(**settings_for(server.port))
    early = open_venue("binance", table, FeedSettings(), first, clock)
    late = open_venue("late", table, FeedSettings(), second, clock)
    try:
        await early.open()
        await late.open()
        one = early.add(BTC, 0)
        await until(lambda: one.status.states_depth > 20)
        two = late.add(MarketId("late", BTC.symbol), 0)
        # Over the end of the file: the second pass continues the first without a gap.
        await until(lambda: two.status.states_depth > 500, seconds=40.0)
        assert not one.status.new_gaps
        assert not two.status.new_gaps
        a, b = first.depth.take(), second.depth.take()
        by_id = {int(u): k for k, u in enumerate(a.update_id)}
        common = [(by_id[int(u)], k) for k, u in enumerate(b.update_id) if int(u) in by_id]
        assert len(common) > 400
        assert all((a.levels[j] == b.levels[k]).all() for j, k in common[1:])
    finally:
        await early.close()
        await late.close()
        await server.stop()


async def test_coin_margined_perpetual_chains_by_previous_id() -> None:
    """The inverse contract: ids with holes, several updates buffered behind the snapshot."""
    lines = load(recorded(COIN_MARGINED_FILE))
    clock, ring = ReplayClock(lines[0].time_ns), Ring()
    server = BinanceReplay(
        lines, clock=clock, applied=lambda: len(ring.depth) > 0, symbol=BTCUSD_PERP
    )
    await server.start()
    table = VenueSettings(**coin_margined_settings_for(server.port))
    venue = open_venue("coinm", table, FeedSettings(), ring, clock)
    try:
        await venue.open()
        feed = venue.add(MarketId("coinm", "BTC/USD:BTC"), 0)
        assert (feed.market.contract, feed.market.contract_size) == (Contract.INVERSE, 100)
        assert feed.market.size_unit == "contracts"
        assert feed.status.fidelity_depth is Fidelity.EVENT
        await until(server.finished.is_set, "the end of the file", 90.0)
        best, depth, trades = ring.take()
    finally:
        await venue.close()
        await server.stop()
    assert not feed.status.new_gaps
    assert not feed.status.rejected
    grid = feed.market.grid
    quotes = _integers(best, grid)
    assert len(best) == 19_136
    assert _reference(quotes, 0) == -162_833
    lots = grid.to_lots(trades.size)
    assert len(trades) == 2_286
    assert int((lots * trades.side).sum()) == -12_035
    place = {int(u): k for k, u in enumerate(best.update_id)}
    tops = _integers(depth, grid)[:, :, :1]
    pairs = [(k, place[int(u)]) for k, u in enumerate(depth.update_id) if int(u) in place]
    assert len(pairs) == 1_124
    assert all((tops[k] == quotes[j]).all() for k, j in pairs)
