"""Stoikov's micro-price: by hand, against stepping the chain, symmetric, live as in batch."""

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.compute import microprice as mp
from tests import batch, reference


def ints(*values):
    return np.array(values, np.int64)


def quotes(n, seed=0):
    """Queues that empty: the mid moves towards the thinner one."""
    rng = np.random.default_rng(seed)
    bid, width, rows = 1000, 1, []
    for _ in range(n):
        qb, qa = rng.integers(1, 30, 2)
        rows.append((bid, qb, bid + width, qa))
        if rng.random() < 0.4:
            bid += 1 if rng.random() < qb / (qb + qa) else -1
            width = int(rng.integers(1, 4))
    return np.array(rows, np.int64).T


def test_states_by_hand():
    bid, ask = ints(100, 100, 100, 100, 100, 101), ints(101, 102, 110, 101, 101, 101)
    qb, qa = ints(1, 9, 5, 35, 65, 1), ints(99, 1, 5, 65, 35, 1)
    # Buckets 0, 9 (9/10 belongs to the bucket that ends there… of its mirror 1/10), 5, 3, 6; not valid.
    found = mp.state(bid, qb, ask, qa).tolist()
    assert found == [0 * 4 + 0, 8 * 4 + 1, 5 * 4 + 3, 3 * 4 + 0, 6 * 4 + 0, -1]


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 9))
def test_a_mirrored_book_is_in_the_mirrored_state(qb, qa, width):
    there = int(mp.state(ints(100), ints(qb), ints(100 + width), ints(qa))[0])
    back = int(mp.state(ints(-100 - width), ints(qa), ints(-100), ints(qb))[0])
    if qb != qa:
        assert back == mp._MIRROR[there]


def test_equals_stepping_the_chain():
    bid, qb, ask, qa = quotes(6000)
    counts = batch.count(bid, qb, ask, qa, np.ones(5999, bool))
    found = batch.adjustments(counts)
    states = mp.state(bid, qb, ask, qa).tolist()
    twice = (bid + ask).tolist()
    seen = Counter()
    for k in range(len(states) - 1):
        a, b, move = states[k], states[k + 1], (twice[k + 1] - twice[k]) / 2
        seen[a, b, move] += 1
        seen[int(mp._MIRROR[a]), int(mp._MIRROR[b]), -move] += 1
    slow = reference.micro_adjustment(seen, set(states), steps=400)
    for state, value in slow.items():
        assert found[state] == pytest.approx(value, abs=1e-8)
    assert counts.moves == sum(a != b for a, b in itertools.pairwise(twice))


def test_it_lies_inside_the_spread_and_leans_to_the_thin_side():
    bid, qb, ask, qa = quotes(20_000)
    g = batch.adjustments(batch.count(bid, qb, ask, qa, np.ones(19_999, bool)))
    value = batch.microprice(
        g, ints(100, 100, 100), ints(29, 1, 5), ints(101, 101, 101), ints(1, 29, 5)
    )
    assert 100.5 < value[0] < 101.5
    assert value[1] == pytest.approx(201 - value[0])  # the mirror
    assert value[2] == 100.5  # equal queues
    one_tick = g.reshape(10, 4)[:, 0]
    assert (np.diff(one_tick) > -0.05).all()
    assert one_tick == pytest.approx(-one_tick[::-1])


def test_not_available_before_a_thousand_moves_nor_for_unseen_states():
    bid, qb, ask, qa = quotes(800)
    counts = batch.count(bid, qb, ask, qa, np.ones(799, bool))
    assert counts.moves < 1000
    assert batch.adjustments(counts) is None
    g = batch.adjustments(counts, least=1)
    assert np.isnan(
        batch.microprice(g, ints(100), ints(5), ints(104), ints(9))[0]
    )  # spread 4 unseen
    assert np.isnan(batch.microprice(g, ints(100), ints(5), ints(100), ints(9))[0])  # not valid


def test_a_state_that_never_moves_does_not_break_the_chain():
    bid, qb, ask, qa = (
        np.r_[part, [tail] * 3]
        for part, tail in zip(quotes(6000), (1000, 10, 1009, 10), strict=True)
    )
    epochs = np.ones(len(bid) - 1, bool)
    epochs[5999] = False
    g = batch.adjustments(batch.count(bid, qb, ask, qa, epochs))
    assert np.isfinite(g[np.isfinite(g)]).all()
    assert np.isnan(g[5 * 4 + 3])


def test_nothing_is_counted_across_an_epoch():
    bid, qb, ask, qa = quotes(3000)
    epochs = np.ones(2999, bool)
    epochs[[999, 1999]] = False
    whole = batch.count(bid, qb, ask, qa, epochs)
    parts = [
        batch.count(*(side[a : a + 1000] for side in (bid, qb, ask, qa)), np.ones(999, bool))
        for a in range(0, 3000, 1000)
    ]
    for name in ("still", "moved", "move_sum"):
        assert (sum(getattr(p, name) for p in parts) == getattr(whole, name)).all()
