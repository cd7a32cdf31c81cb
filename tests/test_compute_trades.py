"""Trades: CVD, Lee–Ready, the lag of prints."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from app.compute import trades
from app.compute.decomposition import Removed
from app.compute.states import BookStates, TradePrints
from app.records import NO_ASK, NO_BID

MS = 1_000_000


def ints(*values):
    return np.array(values, np.int64)


def sides(*values):
    return np.array(values, np.int8)


def inferred(time_ns, price, quote_ns, bid, ask):
    """What the rules make of prints without a side, all of one market in one batch."""
    n, k = len(quote_ns), len(time_ns)
    book = np.stack([bid, ask], axis=1)[:, :, None]
    small, none = np.zeros(n, np.int32), np.zeros(n, np.int64)
    states = BookStates(small, quote_ns, none, none, small + 1, book, np.ones_like(book))
    market, ones = np.zeros(k, np.int32), np.ones(k, np.int64)
    prints = TradePrints(market, time_ns, price, ones, np.zeros(k, np.int8))
    return trades.LiveLeeReady(1).sides(states, prints).tolist()


def test_the_delta_by_hand():
    assert trades.cvd(ints(5, -3, -4)).tolist() == [5, 2, -2]
    assert trades.cvd(ints(5, -3, -4), before=7).tolist() == [12, 9, 5]


def test_lee_ready_by_hand():
    quotes = ints(10, 20), ints(100, 101), ints(102, 105)
    # Above mid, below mid, at mid after a rise, at mid after a fall; then before any quote.
    assert inferred(ints(15, 15), ints(102, 100), *quotes) == [1, -1]
    assert inferred(ints(15, 15, 15), ints(100, 101, 101), *quotes) == [-1, 1, 1]
    assert inferred(ints(15, 16), ints(102, 101), *quotes) == [1, -1]
    assert inferred(ints(5, 6, 7), ints(50, 51, 50), *quotes) == [0, 1, -1]
    none = ints()
    assert inferred(none, none, none, none, none) == []


def test_lee_ready_sees_only_quotes_before_the_trade():
    # The quote at 20 is the trade's own consequence.
    assert inferred(ints(20), ints(102), ints(10, 20), ints(100, 103), ints(102, 105)) == [1]


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
    fast = inferred(np.array(times, np.int64), np.array(prices, np.int64), *columns)
    assert fast == slow_lee_ready(times, prices, book)


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


def _quotes_and_prints(rng, markets=3):
    """Random best quotes, some one-sided or crossed, and prints, half without a side."""
    n, k = 60, 50
    price = np.zeros((n, 2, 1), np.int64)
    price[:, 0, 0] = 100 + rng.integers(-2, 3, n)
    price[:, 1, 0] = price[:, 0, 0] + rng.integers(0, 4, n)
    price[rng.random(n) < 0.1, 0, 0] = NO_BID
    price[rng.random(n) < 0.1, 1, 0] = NO_ASK
    best = BookStates(
        rng.integers(0, markets, n).astype(np.int32),
        np.sort(rng.integers(0, 200, n)),
        np.full(n, -1),
        np.zeros(n, np.int64),
        np.ones(n, np.int32),
        price,
        np.ones((n, 2, 1), np.int64),
    )
    prints = TradePrints(
        rng.integers(0, markets, k).astype(np.int32),
        np.sort(rng.integers(0, 200, k)),
        100 + rng.integers(-3, 6, k),
        np.ones(k, np.int64),
        rng.choice(np.array([0, 0, 1, -1], np.int8), k),
    )
    return best, prints


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, 200), max_size=6))
def test_lee_ready_equals_the_definition_for_any_chunking(seed, cuts):
    best, prints = _quotes_and_prints(np.random.default_rng(seed))
    live, parts, low = trades.LiveLeeReady(markets=1), [], -1
    for cut in [*sorted(cuts), 200]:

        def between(stream, low=low, high=cut):
            return stream.pick((stream.time_ns > low) & (stream.time_ns <= high))

        parts.append(live.sides(between(best), between(prints)))
        low = cut
    got = np.concatenate(parts)
    for market in range(3):
        mine = prints.pick(prints.market == market)
        quotes = best.pick(best.market == market)
        bid, ask = quotes.price[:, 0, 0], quotes.price[:, 1, 0]
        ok = (bid > NO_BID) & (ask < NO_ASK) & (bid < ask)
        shown = zip(*(x[ok].tolist() for x in (quotes.time_ns, bid, ask)), strict=True)
        slow = slow_lee_ready(mine.time_ns.tolist(), mine.price.tolist(), list(shown))
        want = [own or rule for own, rule in zip(mine.side.tolist(), slow, strict=True)]
        assert got[prints.market == market].tolist() == want


def test_live_lee_ready_forgets_a_market_whose_units_changed():
    def prints(time_ns, price):
        one = np.ones(1, np.int64)
        return TradePrints(one.astype(np.int32), one * time_ns, one * price, one, sides(0))

    best, _ = _quotes_and_prints(np.random.default_rng(1))
    live = trades.LiveLeeReady()
    assert live.sides(best, prints(300, 200)).tolist() == [1]
    none = best.pick(slice(0, 0))
    assert live.sides(none, prints(301, 200)).tolist() == [1]
    live.forget(1)
    assert live.sides(none, prints(302, 20_000)).tolist() == [0]
    assert live.sides(none, prints(303, 19_000)).tolist() == [-1]
