"""The blocked kernel: every size around a block, views, one side absent, any chunking."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.compute import ofi
from app.compute.ofi import event_ofi
from app.records import NO_ASK, NO_BID
from tests.batch import side_net


def books(n, levels, seed=0):
    rng = np.random.default_rng(seed)
    price = rng.integers(-4, 5, (n, 2, levels))
    size = rng.integers(0, 50, (n, 2, levels))
    absent = rng.random((n, 2, levels)) < 0.1
    price = np.where(absent, np.array([NO_BID, NO_ASK])[:, None], price)
    return price, np.where(absent, 0, size)


def plain(price, size):
    bid = side_net(price[1:, 0], size[1:, 0], price[:-1, 0], size[:-1, 0])
    return bid - side_net(-price[1:, 1], size[1:, 1], -price[:-1, 1], size[:-1, 1])


@pytest.mark.parametrize("n", [0, 1, 2, 1023, 1024, 1025, 1026, 2049, 2500])
@pytest.mark.parametrize("levels", [1, 3, 10])
def test_every_size_around_a_block(n, levels):
    price, size = books(n, levels)
    found = event_ofi(price, size)
    assert found.shape == (max(n - 1, 0), levels)
    assert (found == plain(price, size)).all()


def test_views_and_extremes():
    price, size = books(2400, 8)
    some = price[::2, :, ::3], size[::2, :, ::3]
    assert (event_ofi(*some) == plain(*some)).all()
    huge = np.full((2, 2, 1), 2**60)
    assert event_ofi(np.array([[[1], [9]], [[2], [9]]]), huge)[0, 0] == 2**60


@given(st.lists(st.integers(1, 60), min_size=1, max_size=8), st.integers(0, 10**6))
def test_any_chunking_gives_the_same(lengths, seed):
    price, size = books(sum(lengths) + 1, 2, seed)
    whole, parts, a = event_ofi(price, size), [], 0
    for length in lengths:  # each chunk begins with the last state of the one before
        parts.append(event_ofi(price[a : a + length + 1], size[a : a + length + 1]))
        a += length
    assert (np.concatenate(parts) == whole).all()


def test_the_block_is_small_enough_for_the_cache():
    assert ofi._BLOCK * 2 * 10 * 8 * 4 < 1 << 20
