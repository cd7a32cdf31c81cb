"""Micro-price and VPIN as columns of `ofi compute`, from the definitions."""

import numpy as np
import pytest

from app.compute.vpin import LiveVpin
from app.records import TRADE
from app.research import binning
from app.research.binning import Binner
from app.research.estimates import Estimates
from tests import batch
from tests.test_research_features import T0, S, archived, world

BIN_NS = 7 * S
MINUTE = 60 * S


@pytest.fixture(scope="module")
def long_world():
    """Two hours of `world`: times stretched, with more states and trades."""
    best, depth, trades = world(5, n=9_000, levels=4)

    def stretched(times):
        return T0 + (times - T0) * 200

    return (
        (stretched(best[0]), *best[1:]),
        (stretched(depth[0]), *depth[1:]),
        (stretched(trades[0]), *trades[1:]),
    )


def columns(reader, bin_ns=BIN_NS):
    binner = Binner(reader, bin_ns, 4)
    found, parts, ends = Estimates(reader, (5, 90)), [], []
    for b in binner.chunks():
        parts.append(found.add(b))
        ends.append(b.end_ns)
    return np.concatenate(ends), {k: np.concatenate([p[k] for p in parts]) for k in parts[0]}


@pytest.fixture
def reader(tmp_path, long_world):
    return archived(tmp_path, *long_world, end_ns=T0 + 8000 * S)


def test_any_chunking_gives_the_same(reader, monkeypatch):
    whole = columns(reader)[1]
    monkeypatch.setattr(binning, "CHUNK_NS", 98 * S)
    for name, values in columns(reader)[1].items():
        np.testing.assert_array_equal(values, whole[name], name)


def test_the_micro_price_is_that_of_the_minutes_before(reader, long_world):
    ends, found = columns(reader)
    time_ns, epoch, price, size = long_world[0]
    price, size = price[:, :, 0], size[:, :, 0]
    given = 0
    for end, value in list(zip(ends.tolist(), found["micro_price"].tolist(), strict=True))[::29]:
        begin = (end - 1) // MINUTE * MINUTE
        low, high = np.searchsorted(time_ns, (begin - 30 * MINUTE, begin), side="right").tolist()
        part = slice(max(low - 1, 0), high)
        args = (price[part, 0], size[part, 0], price[part, 1], size[part, 1])
        counts = batch.count(*args, np.diff(epoch[part]) == 0)
        adjust = batch.adjustments(counts)
        k = int(np.searchsorted(time_ns, end, side="right"))
        now = (price[k - 1 : k, 0], size[k - 1 : k, 0], price[k - 1 : k, 1], size[k - 1 : k, 1])
        want = np.nan if adjust is None else float(batch.microprice(adjust, *now)[0])
        assert value / 1e4 == pytest.approx(want, abs=1e-4, nan_ok=True)
        given += np.isfinite(want)
    assert given > 10


def test_vpin_is_that_of_the_last_full_bucket(reader, long_world):
    time_ns, price, size, side = long_world[2]
    trades = np.zeros(len(time_ns), TRADE)
    trades["time_ns"], trades["price"], trades["size"], trades["side"] = time_ns, price, size, side
    full = LiveVpin().add(trades)
    ends, found = columns(reader)
    for end, value in zip(ends.tolist(), found["vpin"].tolist(), strict=True):
        before = full[full["end_ns"] <= end]
        known = len(before) and before["vpin"][-1] >= 0
        assert value == pytest.approx(before["vpin"][-1] if known else np.nan, nan_ok=True)
    assert (full["vpin"] >= 0).sum() > 3
