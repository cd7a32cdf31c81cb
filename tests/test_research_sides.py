"""Trades whose source gives no side: inferred by Lee–Ready, marked, and the same for any cutting."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.archive import Archive, Reader
from app.compute import spread
from app.research import binning, execution, features
from app.research.binning import Binner
from tests import reference
from tests.research_help import ofi, ofi_json
from tests.test_compute_trades import slow_lee_ready
from tests.test_research_features import T0, S, archived, world
from tests.test_research_tardis import ID, QUOTES, TRADES, write

MARKET = ("--market", ID)


def unsided(seed, share=0.6, *, sided=True):
    """A world in which the source leaves out the side of most trades; others keep theirs."""
    best, depth, (time_ns, price, size, side) = world(seed, sided=sided)
    hidden = np.random.default_rng(seed + 1).random(len(side)) < share
    return best, depth, (time_ns, price, size, np.where(hidden, 0, side).astype(np.int8))


def wanted(best, trades):
    """Sides by the definition, print by print."""
    time_ns, _, price, size = best
    there = (size[:, :, 0] > 0).all(axis=1)
    quotes = list(zip(*(x[there].tolist() for x in (time_ns, *price[:, :, 0].T)), strict=True))
    inferred = slow_lee_ready(trades[0].tolist(), trades[1].tolist(), quotes)
    return [own or other for own, other in zip(trades[3].tolist(), inferred, strict=True)]


def features_of(reader, levels, bin_ns=S):
    parts = features.tables(Binner(reader, bin_ns, levels), reader.market, bin_ns)
    return pd.concat([part.to_pandas() for part in parts], ignore_index=True)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6))
def test_bins_hold_the_sides_of_the_definition(tmp_path_factory, seed):
    best, depth, trades = unsided(seed)
    frame = features_of(archived(tmp_path_factory.mktemp("a"), best, depth, trades), 3)
    side, edges = wanted(best, trades), [T0 + k * S for k in range(41)]
    times, size = trades[0].tolist(), trades[2].tolist()
    for name, sign in (("bought", 1), ("sold", -1)):
        lots = [q if s == sign else 0 for q, s in zip(size, side, strict=True)]
        assert frame[name].tolist() == [v / 1000 for v in reference.bin_sums(times, lots, edges)]
    hidden = [int(s == 0) for s in trades[3].tolist()]
    assert frame["trades_inferred"].tolist() == reference.bin_sums(times, hidden, edges)


@pytest.mark.parametrize(("batch", "chunk"), [(7, 3 * S), (64, S), (1000, 11 * S)])
def test_batches_and_chunks_leave_no_trace(tmp_path, monkeypatch, batch, chunk):
    best, depth, trades = (
        (T0 + (times - T0) * 10, *rest) for times, *rest in unsided(1)
    )  # seven minutes
    reader = archived(tmp_path, best, depth, trades, end_ns=T0 + 400 * S)
    once, cost = features_of(reader, 3), execution.execution(reader, False, 10 * 10**9)
    assert once["trades_inferred"].sum() > 100
    monkeypatch.setattr("app.archive.reader.BATCH_ROWS", batch)
    monkeypatch.setattr(binning, "CHUNK_NS", chunk)
    pd.testing.assert_frame_equal(features_of(reader, 3), once, check_exact=True)
    lag_ns = round(cost["trade_lag_ms"] * 1e6)
    monkeypatch.setattr(execution, "_lag", lambda *_: lag_ns)
    monkeypatch.setattr(execution, "PIECE_NS", 60 * S)
    for h, parts in execution.execution(reader, False, 10 * 10**9)["spread"].items():
        for name, value in cost["spread"][h].items():
            assert parts[name] == (value and pytest.approx(value, rel=1e-9)), name


def test_the_cost_of_takers_is_that_of_the_inferred_sides(tmp_path):
    best, depth, trades = unsided(4, sided=False)
    reader = archived(tmp_path, best, depth, trades)
    found = execution.execution(reader, False, 10 * 10**9)
    mid = best[2][:, :, 0].sum(axis=1) / 2
    side = np.array(wanted(best, trades), np.int8)
    lag_ns = round(found["trade_lag_ms"] * 1e6)
    for h in (1, 5):
        total = spread.Totals()
        total.add(*trades[:3], side, best[0], mid, h, lag_ns, reader.end_ns)
        parts = found["spread"][f"{h}s"]
        assert parts["trades"] == total.parts(h).trades > 200
        assert parts["negative_share"] == total.parts(h).negative_share


def files(tmp_path, *sides):
    quotes = write(tmp_path / "q.csv", QUOTES, [(1, "3,101,99,2"), (5, "3,103,101,2")])
    rows = [(t, f"{k},{side},{p},1") for k, (t, side, p) in enumerate(sides)]
    return quotes, write(tmp_path / "t.csv", TRADES, rows)


def test_tardis_trades_of_unknown_side(tmp_path):
    """Before any quote, above mid, below, at mid after a rise; then against the later quote."""
    trades = files(
        tmp_path,
        *[(1, "unknown", 100), (2, "unknown", 101), (3, "unknown", 99), (4, "unknown", 100)],
        *[(6, "unknown", 101), (7, "sell", 103)],
    )
    archive = tmp_path / "a"
    ofi_json("import", "tardis", *trades, *MARKET, "--archive", archive)
    stored = next(Reader(Archive(archive), ID).trades())
    assert stored.side.tolist() == [0, 0, 0, 0, 0, -1]  # the archive holds what the file says
    out = tmp_path / "f.csv"
    ofi("compute", "--archive", archive, *MARKET, "--bin", "10s", "--levels", "1", "--out", out)
    row = pd.read_csv(out).sum(numeric_only=True)
    # Undecided, bought, sold, bought (rise to mid), sold; the venue's own word stands.
    assert (row["trades"], row["trades_inferred"]) == (6, 5)
    assert (row["bought"], row["sold"]) == (2, 3)
    where = ("verify", "--archive", archive, *MARKET, "--bin", "1s", "--window", "10s")
    said = json.loads(ofi(*where, "--json"))
    assert (said["trades"], said["trades_inferred"], said["trades_undecided"]) == (6, 5, 1)
    assert said["sums"]["trade_imbalance"] == -1
    text = " ".join(ofi(*where).split())
    assert "no side for 5 of the 6 trades" in text
    assert "1 of them undecided" in text


def test_nothing_is_said_of_sides_that_the_venue_gives(tmp_path):
    trades = files(tmp_path, (2, "buy", 101), (3, "sell", 99))
    archive = tmp_path / "a"
    ofi_json("import", "tardis", *trades, *MARKET, "--archive", archive)
    where = ("verify", "--archive", archive, *MARKET, "--bin", "1s", "--window", "10s")
    assert json.loads(ofi(*where, "--json"))["trades_inferred"] == 0
    assert "Lee–Ready" not in ofi(*where)
