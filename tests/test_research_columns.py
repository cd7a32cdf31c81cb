"""Columns of `ofi compute` against their definitions: sums that add up, scores, sizes, unknown levels."""

import json
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.archive import Archive, Reader, SegmentWriter
from app.compute.catalogue import METRICS
from app.feeds.base import Gap
from app.records import Stream
from app.research import binning, features
from app.research.binning import Binner
from tests import reference
from tests.research_help import ofi, ofi_json
from tests.test_research_features import MARKET, T0, S, archived, events, quote, world

SUMMED = [
    *("states_best", "states_depth", "trades", "trades_inferred", "bought", "sold"),
    *("trade_imbalance", "ofi_best", "ofi_1", "ofi_2", "ofi_3", "ofi_multilevel"),
    *next(m.columns for m in METRICS if m.name == "Decomposition"),
]


def frame_of(reader, bin_ns):
    parts = features.tables(Binner(reader, bin_ns, 3), reader.market, bin_ns)
    return pd.concat([part.to_pandas() for part in parts], ignore_index=True)


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.integers(0, 10**6), st.sampled_from([2, 4, 5, 8, 20]), st.integers(1, 39))
def test_sums_over_split_windows_add_up(tmp_path_factory, seed, ratio, cut):
    """By name: a bin is the sum of those that it is split into, and a range of its two parts."""
    best, depth, (time_ns, price, size, side) = world(seed)
    side = np.where(np.arange(len(side)) % 3, side, 0).astype(np.int8)  # a third has no side
    reader = archived(tmp_path_factory.mktemp("a"), best, depth, (time_ns, price, size, side))
    fine, coarse = frame_of(reader, S), frame_of(reader, ratio * S)
    assert set(SUMMED) <= set(fine.columns)
    at = fine["end"].to_numpy() - 1
    for name in SUMMED:
        lots = (fine[name] * 1000).round().astype(np.int64)
        whole = lots.groupby(at // (ratio * S)).sum()
        assert whole.tolist() == (coarse[name] * 1000).round().astype(np.int64).tolist(), name
        assert lots.any() or name.startswith("market"), name  # few trades meet a removal
    # The running sum is that of the whole, wherever it is looked at.
    assert fine["cvd"].iloc[-1] == coarse["cvd"].iloc[-1]
    split = (
        Reader(reader._archive, MARKET.id, T0 + cut * S + 1),
        Reader(reader._archive, MARKET.id, 0, T0 + cut * S),
    )
    parts = [frame_of(part, S) for part in split]
    for name in ("trades", "trades_inferred", "states_best", "states_depth"):
        assert sum(part[name].sum() for part in parts) == fine[name].sum(), name


@pytest.mark.parametrize("bin_ns", [10 * S, S // 4 * 10])
def test_scores_equal_the_definition(tmp_path, monkeypatch, bin_ns):
    """Of each bin's OFI among those of windows as long that ended at the whole seconds before it."""
    best, depth, trades = ((T0 + (times - T0) * 20, *rest) for times, *rest in world(9))
    gap = Gap(Stream.BEST, T0 + 200 * S, T0 + 203 * S, "reconnect")
    reader = archived(tmp_path, best, depth, trades, [gap], T0 + 800 * S)
    frame = frame_of(reader, bin_ns)
    times, e = events(best)

    def flow(t):
        start = t - bin_ns
        if start < T0 or t > T0 + 800 * S or (start < gap.to_ns and t > gap.from_ns):
            return None
        return sum(v for at, v in zip(times, e, strict=True) if start < at <= t)

    seconds = {t: flow(t) for t in range(T0, T0 + 801 * S, S)}
    scored = 0
    for end, z, rank in frame[["end", "ofi_score", "ofi_percentile"]].itertuples(index=False):
        past = [v for t, v in seconds.items() if end - 1800 * S <= t < end and v is not None]
        value = flow(end)
        if value is None or len(past) < 300:
            assert np.isnan([z, rank]).all()
            continue
        want = reference.score(value, past)
        assert (z, rank) == (pytest.approx(want[0]), pytest.approx(want[1]))
        scored += 1
    assert scored > 40
    monkeypatch.setattr(binning, "CHUNK_NS", 7 * bin_ns)
    names = ["ofi_score", "ofi_percentile"]
    pd.testing.assert_frame_equal(frame_of(reader, bin_ns)[names], frame[names], check_exact=True)


def test_the_mean_size_makes_the_normalised_flow(tmp_path):
    best, depth, trades = world(2)
    frame = frame_of(archived(tmp_path, best, depth, trades), S)
    time_ns, _, _, size = depth
    for end, mean in frame[["end", "depth_mean"]].itertuples(index=False):
        inside = size[(time_ns > end - S) & (time_ns <= end)]
        want = inside.sum() / 2 / (3 * len(inside)) / 1000 if len(inside) else np.nan
        assert mean == pytest.approx(want, nan_ok=True)


def test_fidelity_stands_beside_the_figures(tmp_path):
    archived(tmp_path, *world(1))
    manifest = next(tmp_path.rglob("segments/*.json"))
    value = json.loads(manifest.read_text())
    value["fidelity"] = {"best": "event", "depth": "batched"}
    manifest.write_text(json.dumps(value))
    where = ("--archive", tmp_path, "--market", "test:AAA/USD", "--bin", "1s", "--window", "10s")
    assert ofi_json("verify", *where)["fidelity"] == value["fidelity"]
    again = ofi_json("verify", *where, "--stream", "depth")
    assert again["fidelity"] == {"best": "batched", "depth": "batched"}
    assert "300 best (event) and 300 depth (batched) states" in " ".join(
        ofi("verify", *where).split()
    )


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.integers(0, 10**6), st.lists(st.integers(1, 3), min_size=2, max_size=6))
def test_levels_that_become_unknown_are_null_and_never_zero(tmp_path_factory, seed, known):
    """A level counts in a bin where both states of each of its events know it."""
    _, (time_ns, _, price, size), _ = world(seed)
    epoch = np.zeros(len(time_ns), np.int64)
    folder = tmp_path_factory.mktemp("a")
    cuts = np.array_split(np.arange(len(time_ns)), len(known))
    with SegmentWriter(Archive(folder), MARKET, T0 + 1, {}) as w:
        for part, levels in zip(cuts, known, strict=True):
            cut = slice(part[0], part[-1] + 1)
            shown = price[cut].copy(), size[cut].copy()
            shown[1][:, :, levels:] = 0  # what is not known is not sent
            w.depth_states(time_ns[cut], epoch[cut], levels, *shown)
        w.commit(T0 + 40 * S)
    most = max(known)
    binner = Binner(Reader(Archive(folder), MARKET.id), S, 3)
    assert binner.levels == most
    parts = features.tables(binner, MARKET, S)
    frame = pd.concat([part.to_pandas() for part in parts], ignore_index=True)
    knows = np.repeat(known, [len(part) for part in cuts])
    both = np.minimum(knows[1:], knows[:-1])
    for m in range(most):
        states = [quote(price[k, :, m], size[k, :, m]) for k in range(len(price))]
        e = [reference.contribution(*pair) for pair in pairwise(states)]
        for end, found in frame[["end", f"ofi_{m + 1}"]].itertuples(index=False):
            inside = [k for k, t in enumerate(time_ns[1:].tolist()) if end - S < t <= end]
            if any(both[k] <= m for k in inside):
                assert np.isnan(found)
            else:
                assert round(found * 1000) == sum(e[k] for k in inside)
