"""From the ring's floats to integers: sides that the venue leaves out are inferred, and marked."""

from decimal import Decimal

import numpy as np

from app.collector.intake import take_in, with_sides
from app.compute.trades import LiveLeeReady
from app.feeds.ring import Ring
from app.market import Grid
from app.records import LEVELS

GRIDS = {0: Grid(Decimal("0.5"), Decimal("0.1")), 1: Grid(Decimal("0.5"), Decimal("0.1"))}


def batch(ring, trades, *, quotes=True):
    """Quotes of both markets at time 10, then trades `(market, time, price, size, side)`."""
    if quotes:
        for market in (0, 1):
            sides = ([(100.0, 1.0)], [(101.0, 1.0)])
            ring.best.push(market, 10, -1, -1, 0, LEVELS, *sides)
    for market, time_ns, price, size, side in trades:
        ring.trades.push(market, time_ns, -1, price, size, side, -1)
    return take_in(GRIDS, *ring.take(), frozenset())


def test_sides_that_the_venue_leaves_out_are_inferred_and_marked():
    ring, rule = Ring(64, 64), LiveLeeReady()
    given = [(0, 20, 101.0, 0.3, 0), (1, 21, 100.0, 0.2, 1), (0, 22, 100.0, 0.1, 0)]
    done = with_sides(batch(ring, given), rule)
    assert done.prints.side.tolist() == [1, 1, -1]
    assert done.prints.price.tolist() == [202, 200, 200]
    assert done.trades[0]["side"].tolist() == [1, -1]
    assert done.trades[0]["inferred"].all()
    assert not done.trades[1]["inferred"].any()
    # The quote is carried over; at mid the last move of the price decides.
    later = with_sides(batch(ring, [(0, 30, 100.5, 0.3, 0)], quotes=False), rule)
    assert later.prints.side.tolist() == [1]
    assert later.trades[0]["inferred"].tolist() == [True]


def test_sides_of_the_venue_stay_as_they_are():
    intake = batch(Ring(64, 64), [(0, 20, 101.0, 0.3, -1)])
    done = with_sides(intake, LiveLeeReady())
    assert done is intake
    np.testing.assert_array_equal(done.prints.side, [-1])
