"""R² of 10 s moves for all markets at once: equal to what a page follows, market by market."""

import numpy as np
import pytest

from app.compute.follow import LEAST_BINS, Explained
from app.compute.rows import Rows
from app.compute.summary import SummaryBuilder
from tests.batch import sums_of
from tests.test_compute_follow import T0, gaps_of, random_rows

S = 10**9


def play(markets, seconds, outages=(), seed=0):
    """Rows of some markets through a builder, a tick a second; outages: (market, from s, to s)."""
    builder = SummaryBuilder(1)  # it grows
    market = np.repeat(np.arange(len(markets), dtype=np.int32), [len(r) for r in markets])
    record = np.concatenate(markets)
    rng = np.random.default_rng(seed)
    for index, rows in enumerate(markets):
        builder.begin(index, int(rows["start_ns"][0]))
    edge, out = T0, []
    for second in range(1, seconds + 1):
        now = T0 + second * S
        for upto in [*np.sort(rng.integers(edge, now, 2)).tolist(), now]:
            new = (record["end_ns"] > edge) & (record["end_ns"] <= upto)
            builder.add(Rows(market[new], record[new]))
            edge = upto
        live = np.ones(builder.markets, np.bool_)
        for index, begin, end in outages:
            live[index] &= not begin <= second < end
            if second == int(end):
                builder.begin(index, T0 + round(end * S), T0 + round(begin * S))
        out.append(builder.tick(now, live))
    return out


@pytest.mark.parametrize("seed", [1, 2])
def test_equals_what_a_page_follows(seed):
    markets = [random_rows(seed + k, 2300, moving) for k, moving in enumerate((0.3, 0.05, 0.9))]
    outages = [(0, 700, 713), (1, 1204, 1205)]
    lost = [gaps_of(r, *((a, b) for m, a, b in outages if m == k)) for k, r in enumerate(markets)]
    ticks = play(markets, 2250, outages, seed)
    for index, rows in enumerate(markets):
        follow = Explained()
        for second in (300, 900, 1300, 2250):
            follow.follow(sums_of(rows, 1), lost[index], T0 + second * S)
            want, got = follow.fit(), ticks[second - 1][index]
            assert (got["explained"] >= 0) == (want is not None)
            if want is not None:
                assert got["explained_n"] == want.bins
                assert got["explained"] == pytest.approx(want.r2, rel=1e-9)
        assert got["explained_n"] > 150


def test_a_short_gap_told_after_its_bin_ended_takes_the_bin_back():
    rows = random_rows(1, 500)
    whole, cut = play([rows], 420)[-1], play([rows], 420, [(0, 399.95, 400.0)])[-1]
    assert cut["explained_n"][0] == whole["explained_n"][0] - 1


def test_not_available_at_first_nor_where_nothing_moves():
    rows = random_rows(2, 500)
    still = rows.copy()
    still["bid"], still["ask"] = 100, 101
    ticks = play([rows, still], 400)
    # The bin in which the rows begin is not whole.
    assert [t["explained"][0] >= 0 for t in ticks].index(True) + 1 >= (LEAST_BINS + 1) * 10
    assert (ticks[-1]["explained"] >= 0).tolist()[:2] == [True, False]
