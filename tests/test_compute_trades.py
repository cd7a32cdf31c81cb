"""Trades: imbalance, CVD, Lee–Ready, the lag of prints."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from app.compute import trades
from app.compute.decomposition import Removed

MS = 1_000_000


def ints(*values):
    return np.array(values, np.int64)


def sides(*values):
    return np.array(values, np.int8)


def test_imbalance_and_cvd_by_hand():
    time_ns, size, side = ints(1, 10, 11), ints(5, 3, 4), sides(1, -1, -1)
    assert trades.imbalance(time_ns, size, side, ints(0, 10, 20)).tolist() == [2, -4]
    assert trades.cvd(size, side).tolist() == [5, 2, -2]
    assert trades.cvd(size, side, before=7).tolist() == [12, 9, 5]


def test_lee_ready_by_hand():
    quote_ns, bid, ask = ints(10, 20), ints(100, 101), ints(102, 105)
    # Above mid, below mid, at mid after a rise, at mid after a fall; then before any quote.
    assert trades.lee_ready(ints(15, 15), ints(102, 100), quote_ns, bid, ask).tolist() == [1, -1]
    assert trades.lee_ready(ints(15, 15, 15), ints(100, 101, 101), quote_ns, bid, ask).tolist() == [
        -1,
        1,
        1,
    ]
    assert trades.lee_ready(ints(15, 16), ints(102, 101), quote_ns, bid, ask).tolist() == [1, -1]
    assert trades.lee_ready(ints(5, 6, 7), ints(50, 51, 50), quote_ns, bid, ask).tolist() == [
        0,
        1,
        -1,
    ]


def test_lee_ready_sees_only_quotes_before_the_trade():
    # The quote at 20 is the trade's own consequence.
    assert trades.lee_ready(
        ints(20), ints(102), ints(10, 20), ints(100, 103), ints(102, 105)
    ).tolist() == [1]


def test_the_tick_rule_remembers_earlier_trades():
    none = ints()
    assert trades.lee_ready(ints(1), ints(50), none, none, none, last_price=[49, 50]).tolist() == [
        1
    ]
    assert trades.lee_ready(none, none, none, none, none).tolist() == []


def slow_lee_ready(times, prices, quotes):
    result, last_move = [], 0
    for k, (t, p) in enumerate(zip(times, prices, strict=True)):
        if k and p != prices[k - 1]:
            last_move = 1 if p > prices[k - 1] else -1
        before = [q for q in quotes if q[0] < t]
        mid2 = before[-1][1] + before[-1][2] if before else None
        if mid2 is not None and 2 * p != mid2:
            result.append(1 if 2 * p > mid2 else -1)
        else:
            result.append(last_move)
    return result


prints = st.lists(st.tuples(st.integers(0, 30), st.integers(98, 106)), max_size=20).map(sorted)
quotes = st.lists(
    st.tuples(st.integers(0, 30), st.integers(98, 102), st.integers(103, 106)), max_size=10
).map(sorted)


@given(prints, quotes)
def test_lee_ready_equals_the_definition(pairs, book):
    times, prices = [t for t, _ in pairs], [p for _, p in pairs]
    columns = [np.array([q[k] for q in book], np.int64) for k in range(3)]
    fast = trades.lee_ready(np.array(times, np.int64), np.array(prices, np.int64), *columns)
    assert fast.tolist() == slow_lee_ready(times, prices, book)


def test_the_lag_of_prints_is_found():
    rng = np.random.default_rng(5)
    n, lag = 400, 23 * MS
    removed_ns = np.sort(rng.integers(0, 10**11, n))
    size = rng.integers(1, 100, n)
    price = rng.integers(90, 110, n)
    side = rng.choice([-1, 1], n).astype(np.int8)
    removed = Removed(np.zeros(n, np.int64), -side, price, size)
    found, volume = trades.trade_lag(
        removed, removed_ns, removed_ns + lag, price, size, side, row_ns=1 * MS
    )
    assert found == lag
    assert volume[23] == size.sum()
    assert len(volume) == 51
