"""Decomposition of OFI_best: by hand, by dictionaries, and both identities exactly."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from app.compute.decomposition import Removed, decompose, matched_volume, removed_by_event
from app.compute.ofi import event_ofi
from tests import reference

NAMES = {
    "Lb": "limit_bid",
    "La": "limit_ask",
    "Cb": "cancel_bid",
    "Ca": "cancel_ask",
    "Mb": "market_buy",
    "Ms": "market_sell",
    "Ub": "unmatched_buy",
    "Us": "unmatched_sell",
}


def decomposed(states, rows, trades, trade_rows, n):
    array = np.array(states, np.int64)
    price, size = array[:, [0, 2]], array[:, [1, 3]]
    row = np.array(rows, np.int64)
    removed, bid, ask = removed_by_event(price, size, row)
    prints = np.array(trades, np.int64).reshape(-1, 3)
    result = decompose(
        n,
        removed,
        bid,
        ask,
        row,
        np.array(trade_rows, np.int64),
        prints[:, 0],
        prints[:, 1],
        prints[:, 2].astype(np.int8),
    )
    return result, event_ofi(price[:, :, None], size[:, :, None])[:, 0]


def ofi(parts):
    """The identity that gives OFI_best."""
    limit, cancel = parts.limit_bid - parts.limit_ask, parts.cancel_bid - parts.cancel_ask
    return limit - cancel + parts.market_buy - parts.market_sell


def test_by_hand():
    # The bid of 10 loses 6: 4 were sold to it, so 2 were cancelled; 1 more was sold beyond the book.
    states = [(100, 10, 102, 5), (100, 4, 102, 5), (100, 9, 102, 5), (100, 9, 103, 7)]
    result, e = decomposed(
        states, [0, 0, 0], [(100, 4, -1), (99, 1, -1), (102, 5, 1)], [0, 0, 0], 1
    )
    assert (result.market_sell[0], result.cancel_bid[0], result.limit_bid[0]) == (4, 2, 5)
    assert (result.unmatched_sell[0], result.market_buy[0], result.cancel_ask[0]) == (1, 5, 0)
    assert ofi(result)[0] == e.sum() == -6 + 5 + 5


def test_a_print_in_another_row_is_not_matched():
    states = [(100, 10, 102, 5), (100, 4, 102, 5)]
    result, _ = decomposed(states, [0], [(100, 6, -1)], [1], 2)
    assert result.market_sell.tolist() == [0, 0]
    assert result.cancel_bid.tolist() == [6, 0]
    assert result.unmatched_sell.tolist() == [0, 6]


state = st.tuples(st.integers(98, 101), st.integers(1, 9), st.integers(102, 105), st.integers(1, 9))
trade = st.tuples(st.integers(98, 105), st.integers(1, 9), st.sampled_from([-1, 0, 1]))


@given(st.lists(state, min_size=2, max_size=25), st.lists(trade, max_size=15), st.data())
def test_equals_the_definition_and_keeps_both_identities(states, trades, data):
    n = 4
    rows = sorted(
        data.draw(
            st.lists(st.integers(0, n - 1), min_size=len(states) - 1, max_size=len(states) - 1)
        )
    )
    trade_rows = data.draw(
        st.lists(st.integers(0, n - 1), min_size=len(trades), max_size=len(trades))
    )
    result, e = decomposed(states, rows, trades, trade_rows, n)
    slow = reference.decomposition(states, rows, trades, trade_rows)
    for row in range(n):
        for short, name in NAMES.items():
            assert getattr(result, name)[row] == slow.get(row, {}).get(short, 0), (row, name)
        inside = [k for k, r in enumerate(rows) if r == row]
        assert ofi(result)[row] == e[inside].sum()
        for side, market, rest in (
            (1, "market_buy", "unmatched_buy"),
            (-1, "market_sell", "unmatched_sell"),
        ):
            volume = sum(
                q for (_, q, s), r in zip(trades, trade_rows, strict=True) if s == side and r == row
            )
            assert getattr(result, market)[row] + getattr(result, rest)[row] == volume
    both = result.market_buy.sum() + result.market_sell.sum()
    row = np.array(rows, np.int64)
    array = np.array(states, np.int64)
    removed, _, _ = removed_by_event(array[:, [0, 2]], array[:, [1, 3]], row)
    prints = np.array(trades, np.int64).reshape(-1, 3)
    assert both == matched_volume(
        removed,
        np.array(trade_rows, np.int64),
        prints[:, 0],
        prints[:, 1],
        prints[:, 2].astype(np.int8),
    )


def test_nothing_happened():
    none = np.zeros(0, np.int64)
    removed = Removed(none, none.astype(np.int8), none, none)
    result = decompose(3, removed, none, none, none, none, none, none, none.astype(np.int8))
    assert ofi(result).tolist() == [0, 0, 0]
