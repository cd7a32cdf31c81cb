"""The archive: what is written is read back exactly, by us and by plain readers; faults leave nothing."""

import json
from decimal import Decimal
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars
import pyarrow.dataset as ds
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from app.archive import Archive, Reader, SegmentWriter, schema, writer
from app.archive.rebuild import Rebuilder
from app.archive.updatelog import ChangeEncoder, SnapshotEncoder
from app.errors import InputError, StoreFullError
from app.feeds.base import Gap
from app.market import Grid, MarketId
from app.records import NO_ASK, NO_BID, Stream
from app.research.increments import market_of

S = 10**9
T0 = 1_700_000_000 * S
MARKET = market_of(MarketId.parse("test:AAA/USD"), Grid(Decimal("0.01"), Decimal("0.1")))


def snapshots(n, levels, seed=0, empty=0.1):
    """Random books, best first, with absent levels at the end of each side."""
    rng = np.random.default_rng(seed)
    price = np.empty((n, 2, levels), np.int64)
    price[:, 0], price[:, 1] = NO_BID, NO_ASK
    size = np.zeros((n, 2, levels), np.int64)
    book = ({}, {})
    for k in range(n):
        for side in (0, 1):
            for _ in range(rng.integers(0, 3)):
                p = int(rng.integers(80, 100) if side == 0 else rng.integers(101, 121))
                if rng.random() < empty:
                    book[side].clear()
                elif rng.random() < 0.4:
                    book[side].pop(p, None)
                else:
                    book[side][p] = int(rng.integers(1, 5))
            best = sorted(book[side], reverse=side == 0)[:levels]
            price[k, side, : len(best)] = best
            size[k, side, : len(best)] = [book[side][p] for p in best]
    return price, size


def rebuilt(columns, levels):
    first = np.flatnonzero(np.diff(columns["state"], prepend=-1))
    names = ("key", "side", "price", "size")
    return Rebuilder(levels).states(first, *(columns[n] for n in names))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 6), st.integers(1, 9))
def test_snapshots_come_back_whatever_the_batches(seed, levels, batch):
    n = 40
    price, size = snapshots(n, levels, seed)
    time_ns = T0 + np.arange(n) * 7 * S
    epoch = (np.arange(n) // 17).astype(np.int64)
    encoder, parts = SnapshotEncoder(), []
    none = np.full(n, -1, np.int64)
    for a in range(0, n, batch):
        s = slice(a, a + batch)
        parts += encoder.encode(time_ns[s], none[s], none[s], epoch[s], levels, price[s], size[s])
    columns = {k: np.concatenate([p[k] for p in parts]) for k in parts[0]}
    back_price, back_size = rebuilt(columns, levels)
    assert (back_price == price).all()
    assert (back_size == size).all()
    # A keyframe begins each epoch and each minute, and nothing else.
    keys = {int(s) for s in columns["state"][columns["key"]]}
    minute = time_ns // schema.KEYFRAME_NS
    expected = {
        k for k in range(n) if k == 0 or minute[k] != minute[k - 1] or epoch[k] != epoch[k - 1]
    }
    assert keys == expected


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_a_maintained_book_comes_back_at_any_depth(seed):
    rng = np.random.default_rng(seed)
    encoder, books = ChangeEncoder(), ({}, {})
    expected = []
    for k in range(60):
        changes = []
        for _ in range(rng.integers(0, 4)):
            side = int(rng.choice([1, -1]))
            p = int(rng.integers(50, 100) if side > 0 else rng.integers(101, 150))
            q = int(rng.integers(0, 3))
            book = books[0 if side > 0 else 1]
            book.pop(p, None)
            if q:
                book[p] = q
            changes.append((side, p, q))
        encoder.add(T0 + k * 5 * S, -1, k, 0, 50, changes, *books)
        expected.append((sorted(books[0].items(), reverse=True)[:3], sorted(books[1].items())[:3]))
    price, size = rebuilt(encoder.take(), 3)
    for k, sides in enumerate(expected):
        for side, levels in enumerate(sides):
            there = size[k, side] > 0
            found = zip(price[k, side][there].tolist(), size[k, side][there].tolist(), strict=True)
            assert list(found) == levels
            assert (price[k, side][~there] == (NO_BID, NO_ASK)[side]).all()


def write(archive, n=50, levels=4, first_ns=T0, seed=0):
    price, size = snapshots(n, levels, seed, empty=0.0)
    time_ns = first_ns + np.arange(n) * S
    with SegmentWriter(archive, MARKET, first_ns, {"format": "test"}) as w:
        w.fidelity = {"depth": "event"}
        w.depth_states(time_ns, np.zeros(n, np.int64), levels, price, size)
        w.best(
            {
                "time_ns": time_ns,
                "venue_ms": np.full(n, -1),
                "update_id": np.arange(n),
                "epoch": np.zeros(n, np.int64),
                "bid": price[:, 0, 0],
                "bid_size": size[:, 0, 0],
                "ask": price[:, 1, 0],
                "ask_size": size[:, 1, 0],
            }
        )
        w.trades(
            {
                "time_ns": time_ns,
                "venue_ms": np.full(n, -1),
                "price": np.arange(n) + 90,
                "size": np.arange(n) + 1,
                "side": np.where(np.arange(n) % 2, 1, -1).astype(np.int8),
                "inferred": np.zeros(n, bool),
                "id": np.arange(n),
                "state": np.arange(n),
            }
        )
        w.gap(Gap(Stream.DEPTH, first_ns + 3 * S, first_ns + 5 * S, "sequence", "a detail", 7))
        segment = w.commit(int(time_ns[-1]))
    return segment, price, size, time_ns


def test_a_segment_comes_back(tmp_path):
    archive = Archive(tmp_path)
    segment, price, size, _time_ns = write(archive)
    assert archive.markets() == [MARKET.id]
    assert archive.segments(MARKET.id) == [segment]
    assert segment.settings == {"format": "test"}
    reader = Reader(archive, MARKET.id)
    assert reader.market == MARKET
    depth = list(reader.depth(4))
    assert (np.concatenate([b.price for b in depth]) == price).all()
    assert (np.concatenate([b.size for b in depth]) == size).all()
    best = list(reader.best())
    assert (best[0].price[:, :, 0] == price[:, :, 0]).all()
    assert best[0].update_id.tolist() == list(range(50))
    trades = next(iter(reader.trades()))
    assert trades.state.tolist() == list(range(50))
    gap = Gap(Stream.DEPTH, T0 + 3 * S, T0 + 5 * S, "sequence", "a detail", 7)
    assert reader.gaps() == [gap]
    assert not list(tmp_path.rglob("*.tmp"))


def test_plain_readers_read_it_as_it_is(tmp_path):
    archive = Archive(tmp_path)
    _, price, _, time_ns = write(archive)
    folder = tmp_path / MARKET.id.file_name
    best = pd.read_parquet(folder / "best")
    assert best["bid"].tolist() == price[:, 0, 0].tolist()
    depth = ds.dataset(folder / "depth", format="parquet").to_table().to_pandas()
    assert depth.groupby("state")["time_ns"].first().tolist() == time_ns.tolist()
    note = parquet.read_schema(next((folder / "trades").iterdir())).metadata
    assert json.loads(note[b"ofi.settings"]) == {"format": "test"}
    assert json.loads(note[b"ofi.market"])["tick"] == "0.01"


def test_duckdb_and_polars_read_it_as_it_is(tmp_path):
    write(Archive(tmp_path))
    pattern = f"{tmp_path}/*/trades/*.parquet"
    total = duckdb.sql(f"select sum(size * side) from '{pattern}'").fetchall()[0][0]
    frame = polars.scan_parquet(pattern).select((polars.col("size") * polars.col("side")).sum())
    assert total == frame.collect().item() == 25


def test_small_row_groups_begin_with_keyframes_and_a_late_start_reads_few(tmp_path, monkeypatch):
    monkeypatch.setattr(writer, "GROUP_ROWS", 100)
    archive = Archive(tmp_path)
    _, price, size, time_ns = write(archive, n=900)
    path = next((tmp_path / MARKET.id.file_name / "depth").iterdir())
    with parquet.ParquetFile(path) as file:
        assert file.num_row_groups > 4
        for g in range(file.num_row_groups):
            assert file.read_row_group(g)["key"][0].as_py()
    start = int(time_ns[700])
    reader = Reader(archive, MARKET.id, start, int(time_ns[800]))
    depth = list(reader.depth(4))
    assert (np.concatenate([b.price for b in depth]) == price[700:801]).all()
    assert (np.concatenate([b.size for b in depth]) == size[700:801]).all()
    with parquet.ParquetFile(path) as file:
        assert len(reader._groups(file.metadata, "depth")) < file.num_row_groups


def test_memory_is_bounded_by_forced_keyframes(tmp_path, monkeypatch):
    monkeypatch.setattr(writer, "GROUP_ROWS", 50)
    monkeypatch.setattr(writer, "MOST_ROWS", 100)
    with SegmentWriter(Archive(tmp_path), MARKET, T0, {}) as w:
        price, size = snapshots(2000, 3, empty=0.0)
        for k in range(2000):  # all within one minute: no keyframe would come by itself
            s = slice(k, k + 1)
            w.depth_states(np.array([T0 + k]), np.zeros(1, np.int64), 3, price[s], size[s])
            assert w._tables["depth"].rows < 120
        w.commit(T0 + 2000)
    depth = list(Reader(Archive(tmp_path), MARKET.id).depth(3))
    assert (np.concatenate([b.price for b in depth]) == price).all()


def test_segments_of_one_market_are_joined_with_a_gap_between(tmp_path):
    archive = Archive(tmp_path)
    write(archive)
    later = T0 + 100 * S
    write(archive, first_ns=later, seed=1)
    reader = Reader(archive, MARKET.id)
    epochs = np.concatenate([b.epoch for b in reader.depth(1)])
    assert len(set(epochs.tolist())) == 2
    states = np.concatenate([b.state for b in reader.depth(1)])
    assert len(set(states.tolist())) == 100
    assert Gap(Stream.BEST, T0 + 49 * S, later, "collector restarted") in reader.gaps()


def test_the_same_segment_again_replaces_and_an_overlap_is_refused(tmp_path):
    archive = Archive(tmp_path)
    write(archive)
    write(archive)
    assert len(archive.segments(MARKET.id)) == 1
    with pytest.raises(InputError, match="overlaps"):
        write(archive, first_ns=T0 + 10 * S)
    assert len(list(tmp_path.rglob("*.parquet"))) == 4
    assert not list(tmp_path.rglob("*.tmp"))


def test_leaving_without_commit_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(writer, "GROUP_ROWS", 10)
    archive = Archive(tmp_path)
    price, size = snapshots(50, 2)
    with SegmentWriter(archive, MARKET, T0, {}) as w:
        times = T0 + np.arange(50) * 30 * S
        w.depth_states(times, np.zeros(50, np.int64), 2, price, size)
        assert list(tmp_path.rglob("*.tmp"))
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


def test_a_full_disk_is_said_and_leaves_no_segment(tmp_path, monkeypatch):
    archive = Archive(tmp_path)

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writer._Table, "close", full)
    with pytest.raises(StoreFullError, match="no space left"):
        write(archive)
    assert archive.segments(MARKET.id) == []


def test_a_disk_that_fills_up_while_writing_is_said_too(tmp_path, monkeypatch):
    monkeypatch.setattr(writer, "GROUP_ROWS", 10)
    archive = Archive(tmp_path)
    price, size = snapshots(50, 2)

    def fill():
        with SegmentWriter(archive, MARKET, T0, {}) as w:
            full = Path(w._tables["depth"].file.temporary)
            full.parent.mkdir(parents=True)
            full.symlink_to("/dev/full")
            times = T0 + np.arange(50) * 30 * S
            for _ in range(200):
                w.depth_states(times, np.zeros(50, np.int64), 2, price, size)
                times = times + 1500 * S

    with pytest.raises(StoreFullError, match="no space left"):
        fill()
    assert archive.segments(MARKET.id) == []
    assert not list(tmp_path.rglob("*.tmp"))


def test_what_is_not_there_or_damaged_is_said_in_one_sentence(tmp_path):
    archive = Archive(tmp_path)
    with pytest.raises(InputError, match="no market at all"):
        Reader(archive, MARKET.id)
    write(archive)
    with pytest.raises(InputError, match="it holds test:AAA/USD"):
        Reader(archive, MarketId.parse("test:BBB/USD"))
    with pytest.raises(InputError, match="nothing of it in the range"):
        Reader(archive, MARKET.id, T0 + 1000 * S, T0 + 2000 * S)
    with pytest.raises(InputError, match="cannot be opened"):
        Archive("nowhere://x")
    path = next((tmp_path / MARKET.id.file_name / "best").iterdir())
    path.write_bytes(b"PAR1 not really")
    with pytest.raises(InputError, match="cannot be read"):
        list(Reader(archive, MARKET.id).best())
    manifest = next((tmp_path / MARKET.id.file_name / "segments").iterdir())
    value = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(value | {"version": 99}))
    with pytest.raises(InputError, match="newer version"):
        archive.segments(MARKET.id)
    manifest.write_text("{")
    with pytest.raises(InputError, match="not a manifest"):
        archive.segments(MARKET.id)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_no_manifest_breaks_the_reader(tmp_path, noise):
    folder = tmp_path / MARKET.id.file_name / "segments"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "x.json").write_bytes(noise)
    with pytest.raises(InputError):
        Archive(tmp_path).segments(MARKET.id)
