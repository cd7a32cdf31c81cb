"""The lag of prints and the mid before each, batch by batch, against the definitions at once."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from app.compute import live_lag, trades
from app.compute.decomposition import Removed, removed_by_event
from app.compute.live_mids import LiveMids
from app.compute.rows import RowBuilder
from app.compute.states import BookStates, TradePrints, no_states
from app.records import LEVELS, NO_ASK, NO_BID, NO_MID, ROW_NS

MS = 1_000_000
T0 = 1_700_000_000_000_000_000


def market_of(seed, seconds, lag_ms, markets=2):
    """Quotes that come and go, and prints of what left some milliseconds later; some one-sided."""
    rng = np.random.default_rng(seed)
    n = 40 * seconds
    price = np.zeros((n, 2, 1), np.int64)
    price[:, 0, 0] = 100 + rng.integers(-1, 2, n)
    price[:, 1, 0] = price[:, 0, 0] + rng.integers(1, 3, n)
    price[rng.random(n) < 0.05, 0, 0] = NO_BID
    price[rng.random(n) < 0.05, 1, 0] = NO_ASK
    size = np.where(np.abs(price) < 2**61, rng.integers(1, 30, (n, 2, 1)), 0)
    best = BookStates(
        rng.integers(0, markets, n).astype(np.int32),
        T0 + np.sort(rng.integers(1, seconds * 1000, n)) * MS,
        np.full(n, -1),
        np.cumsum(rng.random(n) < 0.01),
        np.ones(n, np.int32),
        price,
        size,
    )
    k = 30 * seconds
    pick = np.sort(rng.integers(0, n, k))
    side = rng.choice(np.array([-1, 0, 1, 1, -1], np.int8), k)
    prints = TradePrints(
        best.market[pick],
        best.time_ns[pick] + lag_ms * MS + rng.integers(0, 3, k) * MS,
        np.where(side > 0, 102, 100) + rng.integers(-1, 2, k),
        rng.integers(1, 40, k),
        side,
    )
    return best, prints.pick(np.argsort(prints.time_ns, kind="stable"))


def in_pieces(best, prints, cuts, end_ns):
    """Both streams cut at times, and the time of each cut."""
    low = T0 - 1
    for high in [*sorted(cuts), end_ns]:
        if high > low:
            b, p = (s.pick((s.time_ns > low) & (s.time_ns <= high)) for s in (best, prints))
            yield high, b, p
            low = high


def batch_volume(best, prints, market, first_row, last_row):
    """`trades.trade_lag` over the rows in question, from states and prints at once."""
    mine, theirs = best.pick(best.market == market), prints.pick(prints.market == market)
    row = -(-mine.time_ns[1:] // ROW_NS)
    removed, _, _ = removed_by_event(mine.price[:, :, 0], mine.size[:, :, 0], row)
    counts = (np.diff(mine.epoch) == 0) & (row >= first_row) & (row <= last_row)
    size = np.where(np.tile(counts, 2), removed.size, 0)
    whole = Removed(removed.row, removed.side, removed.price, size)
    time_ns = np.tile(mine.time_ns[1:], 2)
    return trades.trade_lag(
        whole, time_ns, theirs.time_ns, theirs.price, theirs.size, theirs.side, ROW_NS
    )


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(0, 40),
    st.lists(st.integers(0, 4000), max_size=12),
)
def test_the_live_lag_equals_the_batch_for_any_chunking(seed, lag_ms, cuts):
    best, prints = market_of(seed, 4, lag_ms)
    end = T0 + 4_500 * MS
    builder = RowBuilder(markets=1)
    for upto, b, p in in_pieces(best, prints, [T0 + c * MS for c in cuts], end):
        builder.update(b, no_states(LEVELS), p, upto)
    builder.update(no_states(1), no_states(LEVELS), prints.pick(slice(0, 0)), end + ROW_NS)
    for market in range(2):
        lag_ns, volume = batch_volume(best, prints, market, 0, 2**60)
        assert builder.lag.volume[market].tolist() == volume.tolist()
        assert builder.lag.lag_ns[market] == lag_ns
        assert builder.lag.lag_ms(market) == (lag_ns // MS if volume.any() else -1)


def test_a_lag_is_found_and_half_an_hour_later_forgotten(monkeypatch):
    """With blocks of a second and a look-back of three, only the last three seconds count."""
    monkeypatch.setattr(live_lag, "BLOCK_ROWS", 10)
    monkeypatch.setattr(live_lag, "BLOCKS", 3)
    best, prints = market_of(7, 12, 21, markets=1)
    builder = RowBuilder(markets=1)
    for second in range(1, 13):
        low, high = T0 + (second - 1) * 1000 * MS, T0 + second * 1000 * MS
        b, p = (s.pick((s.time_ns > low) & (s.time_ns <= high)) for s in (best, prints))
        builder.update(b, no_states(LEVELS), p, high)
    # The row that has just ended still waits for prints that belong to it.
    last = (T0 + 12_000 * MS) // ROW_NS - 1
    lag_ns, volume = batch_volume(best, prints, 0, last - 28, last)
    assert builder.lag.volume[0].tolist() == volume.tolist()
    assert builder.lag.lag_ns[0] == lag_ns
    assert volume.min() > 0
    builder.update(no_states(1), no_states(LEVELS), prints.pick(slice(0, 0)), T0 + 30_000 * MS)
    assert builder.lag.lag_ms(0) == -1
    assert not builder.lag._blocks.any()


def test_a_market_that_is_forgotten_begins_anew():
    best, prints = market_of(3, 4, 5)
    builder = RowBuilder(markets=2)
    builder.update(best, no_states(LEVELS), prints, T0 + 3_950 * MS)
    assert builder.lag.lag_ms(0) >= 0
    kept = builder.lag.volume[1].tolist()
    builder.forget(0)
    assert (builder.lag.lag_ms(0), builder.lag.lag_ms(5)) == (-1, -1)
    assert builder.lag.volume[1].tolist() == kept


def slow_mid(best, market, t_ns):
    """The last state of a market at or before a time, by walking through all of them."""
    found = NO_MID
    for k in range(len(best)):
        if best.market[k] == market and best.time_ns[k] <= t_ns:
            bid, ask = best.price[k, :, 0].tolist()
            found = bid + ask if NO_BID < bid < ask < NO_ASK else NO_MID
    return found


@settings(max_examples=15, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.lists(st.integers(0, 1100), max_size=12),
    st.lists(st.integers(0, 50), min_size=1, max_size=2),
)
def test_the_mid_before_a_print_equals_the_definition_for_any_chunking(seed, cuts, lags):
    best, prints = market_of(seed, 1, 3)
    live, got = LiveMids(), []
    lag_ns = np.array(lags, np.int64) * MS
    for _, b, p in in_pieces(best, prints, [T0 + c * MS for c in cuts], T0 + 1_200 * MS):
        got += live.before(b, p, lag_ns).tolist()
    lag = [lag_ns[m] if m < len(lag_ns) else 0 for m in prints.market.tolist()]
    want = [
        slow_mid(best, m, t - back)
        for m, t, back in zip(prints.market.tolist(), prints.time_ns.tolist(), lag, strict=True)
    ]
    assert got == want
    # Held are the states of the longest lag, and one of each market before them.
    assert (live._time_ns > prints.time_ns[-1] - trades.MAX_LAG_NS).sum() >= len(live) - 2


def test_mids_of_a_market_in_other_units_are_forgotten():
    best, prints = market_of(5, 1, 3)
    live = LiveMids()
    late = prints.pick(slice(-15, None))
    assert set(late.market.tolist()) == {0, 1}
    assert (live.before(best, late, np.zeros(2, np.int64)) != NO_MID).any()
    live.forget(0)
    again = live.before(best.pick(slice(0, 0)), late, np.zeros(0, np.int64))
    assert (again[late.market == 0] == NO_MID).all()
    assert (again[late.market == 1] != NO_MID).any()
