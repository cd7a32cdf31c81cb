"""`ofi compute` against slow references; chunks and batches leave no trace; no NaN leaves."""

import json
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.archive import Archive, Reader, SegmentWriter
from app.compute.catalogue import column_names
from app.errors import InputError
from app.feeds.base import Gap
from app.market import Grid, MarketId
from app.records import NO_ASK, NO_BID, Stream
from app.research import binning, features
from app.research.binning import Binner
from app.research.increments import market_of
from app.research.units import duration, in_units
from tests import reference
from tests.research_help import ofi, ofi_json

S = 10**9
T0 = 1_700_000_000 * S
MARKET = market_of(MarketId.parse("test:AAA/USD"), Grid(Decimal("0.01"), Decimal("0.001")))


def world(seed, n=300, levels=3, *, sided=False):
    """Random states of both streams and trades, within 40 s; levels come and go."""
    rng = np.random.default_rng(seed)

    def states(count, depth):
        price = np.empty((count, 2, depth), np.int64)
        middle = 10_000 + np.cumsum(rng.integers(-1, 2, count))
        steps = np.cumsum(rng.integers(1, 3, (count, depth)), axis=1)
        price[:, 0], price[:, 1] = middle[:, None] - steps, middle[:, None] + steps[:, ::1]
        size = rng.integers(1, 50, (count, 2, depth))
        if sided:
            there = rng.integers(0, depth + 1, (count, 2))
            absent = np.arange(depth) >= there[:, :, None]
            size[absent] = 0
            price = np.where(absent, np.array([NO_BID, NO_ASK])[:, None], price)
        time_ns = T0 + np.sort(rng.integers(1, 40 * S, count))
        epoch = np.cumsum(rng.random(count) < 0.01)
        return time_ns, epoch, price, size

    return (
        states(n, 1),
        states(n, levels),
        (
            T0 + np.sort(rng.integers(1, 40 * S, n)),
            10_000 + rng.integers(-3, 4, n),
            rng.integers(1, 60, n),
            rng.choice([-1, 1], n).astype(np.int8),
        ),
    )


def archived(folder, best, depth, trades, gaps=(), end_ns=T0 + 40 * S):
    archive = Archive(folder)
    with SegmentWriter(archive, MARKET, T0 + 1, {}) as w:
        t, epoch, price, size = best
        none = np.full(len(t), -1)
        w.best(
            {
                "time_ns": t,
                "venue_ms": none,
                "update_id": none,
                "epoch": epoch,
                "bid": price[:, 0, 0],
                "bid_size": size[:, 0, 0],
                "ask": price[:, 1, 0],
                "ask_size": size[:, 1, 0],
            }
        )
        t, epoch, price, size = depth
        w.depth_states(t, epoch, price.shape[2], price, size)
        t, price, size, side = trades
        none = np.full(len(t), -1)
        w.trades(
            {
                "time_ns": t,
                "venue_ms": none,
                "price": price,
                "size": size,
                "side": side,
                "inferred": np.zeros(len(t), bool),
                "id": none,
                "state": none,
            }
        )
        for gap in gaps:
            w.gap(gap)
        w.commit(end_ns)
    return Reader(archive, MARKET.id)


def quote(price, size):
    """(bid, bid size, ask, ask size) as plain integers."""
    return int(price[0]), int(size[0]), int(price[1]), int(size[1])


def events(stream, m=0):
    """Times and contributions at a level, state by state."""
    t, epoch, price, size = stream
    result = []
    for k in range(1, len(t)):
        if epoch[k] == epoch[k - 1]:
            quotes = [
                (int(price[j, 0, m]), int(size[j, 0, m]), int(price[j, 1, m]), int(size[j, 1, m]))
                for j in (k - 1, k)
            ]
            result.append((int(t[k]), reference.contribution(*quotes)))
    return [list(x) for x in zip(*result, strict=True)]


def joined(binner):
    parts = list(binner.chunks())
    names = (
        "ofi_best",
        "states_best",
        "states_depth",
        "trades",
        "bought",
        "sold",
        "ofi",
        "size_sum",
    )
    return {n: np.concatenate([getattr(b, n) for b in parts]) for n in names} | {
        "parts": {n: np.concatenate([getattr(b.parts, n) for b in parts]) for n in features._PARTS},
        "quote": np.concatenate([b.quote[1:] for b in parts]),
    }


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.integers(0, 10**6), st.booleans())
def test_bins_equal_the_definitions(tmp_path_factory, seed, sided):
    best, depth, trades = world(seed, sided=sided)
    reader = archived(tmp_path_factory.mktemp("a"), best, depth, trades)
    found = joined(Binner(reader, S, 3))
    edges = [T0 + k * S for k in range(41)]
    assert found["ofi_best"].tolist() == reference.bin_sums(*events(best), edges)
    for m in range(3):
        assert found["ofi"][:, m].tolist() == reference.bin_sums(*events(depth, m), edges)
    for name, sign in (("bought", 1), ("sold", -1)):
        volume = [int(q) if s == sign else 0 for q, s in zip(trades[2], trades[3], strict=True)]
        assert found[name].tolist() == reference.bin_sums(trades[0].tolist(), volume, edges)
    parts = found["parts"]
    identity = parts["limit_bid"] - parts["limit_ask"] - parts["cancel_bid"] + parts["cancel_ask"]
    assert (identity + parts["market_buy"] - parts["market_sell"] == found["ofi_best"]).all()
    assert (parts["market_buy"] + parts["unmatched_buy"] == found["bought"]).all()
    assert (parts["market_sell"] + parts["unmatched_sell"] == found["sold"]).all()


def test_matching_is_per_row_of_100_ms(tmp_path):
    best, depth, trades = world(5)
    found = joined(Binner(archived(tmp_path, best, depth, trades), S, 3))
    t, epoch, price, size = best
    states = [
        tuple(int(v) for v in (p[0, 0], q[0, 0], p[1, 0], q[1, 0]))
        for p, q in zip(price, size, strict=True)
    ]
    row = [-(-int(v) // 10**8) for v in t]
    trade_row = [-(-int(v) // 10**8) for v in trades[0]]
    prints = list(zip(*(x.tolist() for x in trades[1:]), strict=True))
    total = dict.fromkeys(("Mb", "Ms"), 0)
    start = 0
    ends = [k for k in range(1, len(t)) if epoch[k] != epoch[k - 1]] + [len(t)]
    removed_rows = {}
    for end in ends:  # epoch by epoch: nothing is differenced across
        part = reference.decomposition(states[start:end], row[start + 1 : end], [], [])
        for r, values in part.items():
            removed_rows.setdefault(r, []).append(values)
        start = end
    # Without trades everything removed is cancelled; with them the same volume is split.
    removed = sum(v["Cb"] + v["Ca"] for parts in removed_rows.values() for v in parts)
    p = found["parts"]
    assert (
        sum(int(p[n].sum()) for n in ("cancel_bid", "cancel_ask", "market_buy", "market_sell"))
        == removed
    )
    one_epoch = (t, np.zeros_like(epoch), price, size)
    whole = joined(Binner(archived(tmp_path / "b", one_epoch, depth, trades), S, 3))["parts"]
    slow = reference.decomposition(states, row[1:], prints, trade_row)
    for short, name in (("Mb", "market_buy"), ("Ms", "market_sell")):
        total[short] = sum(v[short] for v in slow.values())
        assert whole[name].sum() == total[short] > 0


@pytest.mark.parametrize(("batch", "chunk"), [(7, 3 * S), (64, S), (1000, 11 * S)])
def test_batches_and_chunks_leave_no_trace(tmp_path, monkeypatch, batch, chunk):
    reader = archived(tmp_path, *world(1, sided=True))
    whole = joined(Binner(reader, S, 3))
    monkeypatch.setattr("app.archive.reader.BATCH_ROWS", batch)
    monkeypatch.setattr(binning, "CHUNK_NS", chunk)
    cut = joined(Binner(reader, S, 3))
    for name, value in whole.items():
        if name == "parts":
            assert all((value[n] == cut[name][n]).all() for n in value)
        else:
            assert (value == cut[name]).all(), name


def test_gaps_take_from_coverage_and_nothing_is_filled(tmp_path):
    gaps = [Gap(Stream.BEST, T0 + 5 * S, T0 + 6 * S + S // 2, "reconnect")]
    reader = archived(tmp_path, *world(2), gaps)
    table = pa.concat_tables(features.tables(Binner(reader, S, 3), MARKET, S)).to_pandas()
    assert table["coverage"].tolist()[4:8] == [1.0, 0.0, 0.5, 1.0]
    assert (
        table["ofi_integrated"].notna().sum() == 40 - 3 - 30
    )  # the first is not whole; thirty before


def test_unknown_levels_are_null_and_no_nan_leaves(tmp_path):
    best, depth, trades = world(3, sided=True)
    reader = archived(tmp_path, best, depth, trades)
    for table in features.tables(Binner(reader, S, 3), MARKET, S):
        for column in table.columns:
            values = column.drop_null().to_numpy()
            assert np.isfinite(values).all()
    out = tmp_path / "f.csv"
    where = ("--archive", tmp_path, "--market", "test:AAA/USD", "--bin", "1s", "--levels", "10")
    said = ofi_json("compute", *where, "--out", out)
    assert said["rows"] == 40
    assert "ofi_3" in said["columns"]
    assert "ofi_4" not in said["columns"]  # the archive knows three levels
    assert "nan" not in out.read_text().lower()


@pytest.mark.parametrize("suffix", ["csv", "parquet", "arrow"])
def test_every_format_holds_the_same(tmp_path, suffix):
    archived(tmp_path, *world(4))
    out = tmp_path / f"f.{suffix}"
    where = ("--archive", tmp_path, "--market", "test:AAA/USD", "--bin", "1s", "--levels", "3")
    ofi("compute", *where, "--out", out)
    read = {
        "csv": pd.read_csv,
        "parquet": pd.read_parquet,
        "arrow": lambda p: pa.ipc.open_file(p).read_all().to_pandas(),
    }[suffix]
    frame = read(out)
    assert list(frame.columns) == column_names(3)
    edges = [T0 + k * S for k in range(41)]
    lots = reference.bin_sums(*events(world(4)[0]), edges)
    assert frame["ofi_best"].tolist() == [v / 1000 for v in lots]
    assert frame["start"].tolist() == edges[:-1]
    assert not list(tmp_path.glob("*.tmp"))
    assert not list(tmp_path.glob(".*.tmp"))


def test_verification_is_json_without_nan(tmp_path):
    archived(tmp_path, *world(6))
    where = ("--archive", tmp_path, "--market", "test:AAA/USD", "--bin", "1s", "--window", "10s")
    text = ofi("verify", *where, "--json")
    result = json.loads(text, parse_constant=lambda c: pytest.fail(c))
    assert set(result["prediction"]) == {"1s", "5s", "10s", "30s", "60s"}
    assert result["prediction"]["60s"] is None
    assert result["best"]["windows"] == 4
    assert "not a forecast" in ofi("verify", *where)


@given(st.integers(-(10**12), 10**12), st.integers(0, 10))
def test_units_are_the_nearest_float_of_the_exact_decimal(lots, digits):
    step = Decimal(1).scaleb(-digits)
    assert in_units(np.array([lots]), step)[0] == float(lots * step)


WRITTEN = {"10s": 10 * S, "250ms": S // 4, "30min": 1800 * S, "1h": 3600 * S, "5": 5 * S}


@pytest.mark.parametrize(("text", "ns"), [*WRITTEN.items(), ("0.5s", S // 2)])
def test_durations(text, ns):
    assert duration(text) == ns


def test_what_happens_at_the_very_start_is_counted(tmp_path):
    best, depth, (time_ns, *rest) = world(7)
    time_ns = time_ns.copy()
    time_ns[0] = T0
    archive = Archive(tmp_path)
    reader = archived(tmp_path, best, depth, (time_ns, *rest))
    assert reader.start_ns == T0 + 1
    with SegmentWriter(archive, MARKET, T0, {}) as w:  # the same trades, known from T0 on
        columns = {"time_ns": time_ns, "price": rest[0], "size": rest[1], "side": rest[2]}
        none = np.full(len(time_ns), -1)
        columns |= {"venue_ms": none, "id": none, "state": none}
        w.trades(columns | {"inferred": np.zeros(len(none), bool)})
        with pytest.raises(InputError):
            w.commit(T0 + 40 * S)
    with SegmentWriter(Archive(tmp_path / "b"), MARKET, T0, {}) as w:
        w.trades(columns | {"inferred": np.zeros(len(none), bool)})
        w.commit(T0 + 40 * S)
    found = joined(Binner(Reader(Archive(tmp_path / "b"), MARKET.id), S, 3))
    assert found["trades"].sum() == len(time_ns)
    assert found["trades"][0] == 1


def test_coarser_bins_equal_bins_read_coarsely(tmp_path):
    reader = archived(tmp_path, *world(8, sided=True))
    coarse = list(Binner(reader, 4 * S, 3).chunks())
    fine = [binning.coarser(b, 4) for b in Binner(reader, S, 3, align_ns=4 * S).chunks()]
    for a, b in zip(coarse, fine, strict=True):
        for name in ("edge_ns", "ofi", "ofi_best", "levels", "size_sum", "quote", "trades"):
            assert (getattr(a, name) == getattr(b, name)).all(), name
        assert a.coverage == pytest.approx(b.coverage)
        assert (a.parts.market_buy == b.parts.market_buy).all()
