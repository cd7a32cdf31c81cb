"""Effective, realised spread and adverse selection."""

import numpy as np
import pytest

from tests.batch import spread_parts

S = 10**9
MS = 10**6


def ints(*values):
    return np.array(values, np.int64)


def test_by_hand():
    # Bought 10 at 10002 against mid 10000; a second later mid is 10003. Sold 30 at 10002, mid 10003.
    mid_ns, mid = ints(0, 1 * S, 3 * S), np.array([10000.0, 10003.0, 10001.0])
    found = spread_parts(
        ints(S // 2, 2 * S), ints(10002, 10002), ints(10, 30), ints(1, -1).astype(np.int8),
        mid_ns, mid, 1, 0, 10 * S,
    )  # fmt: skip
    first, second = 2 * 2 / 10000 * 1e4, 2 * 1 / 10003 * 1e4
    realised_1, realised_2 = 2 * (10002 - 10003) / 10000 * 1e4, -2 * (10002 - 10001) / 10003 * 1e4
    assert found.trades == 2
    assert found.effective == pytest.approx((10 * first + 30 * second) / 40)
    assert found.realised == pytest.approx((10 * realised_1 + 30 * realised_2) / 40)
    assert found.adverse == pytest.approx(found.effective - found.realised)


def test_the_mid_is_taken_the_lag_before_the_print():
    mid_ns, mid = ints(0, 100 * MS), np.array([10000.0, 10004.0])
    at = (ints(110 * MS), ints(10002), ints(1), np.array([1], np.int8), mid_ns, mid, 1)
    assert spread_parts(*at, 20 * MS, 5 * S).effective == pytest.approx(4.0)
    late = spread_parts(*at, 0, 5 * S)
    assert (late.effective, late.negative_share) == (None, 1.0)


def test_not_available_above_five_percent_of_negative_effective_spreads():
    n = 100
    price = np.full(n, 10001)
    side = np.ones(n, np.int8)
    mid_ns, mid = ints(0), np.array([10000.0])
    time_ns = np.arange(n) * MS
    for bad, available in ((5, True), (6, False)):
        p = price.copy()
        p[:bad] = 9999
        found = spread_parts(time_ns, p, np.ones(n, np.int64), side, mid_ns, mid, 1, 0, 100 * S)
        assert (found.effective is not None) is available
        assert found.negative_share == bad / n


def test_what_cannot_be_known_does_not_count():
    mid_ns, mid = ints(0, S), np.array([10000.0, np.nan])
    common = (ints(1, 1), np.array([1, 1], np.int8), mid_ns, mid)
    # The second print's horizon lies past the data; the first print's later mid is not valid.
    found = spread_parts(ints(1, 9 * S), ints(10001, 10001), *common, 1, 0, 9 * S)
    assert (found.trades, found.effective) == (0, None)
    none = ints()
    assert (
        spread_parts(none, none, none, none.astype(np.int8), none, np.zeros(0), 1, 0, S).trades == 0
    )
