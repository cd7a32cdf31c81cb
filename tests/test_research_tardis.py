"""Tardis CSV files: books rebuilt, snapshots, quotes, trades; refused with file, line and column."""

import gzip
import json

import numpy as np
import pytest

from app.archive import Archive, Reader
from app.errors import DataError, InputError
from app.market import MarketId
from app.records import NO_ASK
from tests.research_help import ofi, ofi_json

ID = MarketId.parse("binance:BTC/USDT")
L2 = "exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount"
QUOTES = "exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount"
TRADES = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount"
SNAPSHOT = (
    "exchange,symbol,timestamp,local_timestamp,asks[0].price,asks[0].amount,bids[0].price,"
    "bids[0].amount,asks[1].price,asks[1].amount,bids[1].price,bids[1].amount"
)
T = 1_700_000_000_000_000


def write(path, header, rows):
    lines = [header, *(f"binance,BTCUSDT,{T + t},{T + t + 9},{rest}" for t, rest in rows)]
    data = "\n".join(lines).encode() + b"\n"
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def whole(batches):
    """All batches as one."""
    parts = list(batches)
    names = parts[0].__dataclass_fields__
    return type(parts[0])(**{n: np.concatenate([getattr(p, n) for p in parts]) for n in names})


BOOK = [
    (1, "false,bid,99,1"),  # before the first snapshot: cannot be applied
    (5, "true,bid,100.5,2"),
    (5, "true,bid,100,1"),
    (5, "true,ask,101,3"),
    (5, "true,ask,101.5,4"),
    (7, "false,bid,100.5,0"),
    (7, "false,ask,101,2.5"),
    (8, "false,bid,100.75,1"),
    (20, "true,bid,90,1"),  # the recorder reconnected
    (20, "true,ask,91,1"),
    (21, "false,ask,91,2"),
]


def imported(tmp_path, *paths):
    archive = tmp_path / "a"
    where = ("--market", str(ID), "--archive", archive)
    return ofi_json("import", "tardis", *paths, *where), Reader(Archive(archive), ID)


def test_incremental_book(tmp_path):
    found, reader = imported(tmp_path, write(tmp_path / "l2.csv.gz", L2, BOOK))
    assert found["counts"] == {"depth": 5, "best": 0, "trades": 0, "gaps": 1}
    assert (found["market"]["tick"], found["market"]["lot"]) == ("0.25", "0.5")
    b = whole(reader.depth(2))
    assert (b.time_ns - T * 1000).tolist() == [5000, 7000, 8000, 20000, 21000]
    assert (b.price[:, 0] * 0.25)[:3].tolist() == [
        [100.5, 100],
        [100, b.price[1, 0, 1] * 0.25],
        [100.75, 100],
    ]
    assert (b.size[:, :, 0] * 0.5).tolist() == [[2, 3], [1, 2.5], [1, 2.5], [1, 1], [1, 2]]
    assert b.price[3, 1, 1] == NO_ASK
    assert len(set(b.epoch.tolist())) == 2
    gap = reader.gaps()[0]
    assert (gap.from_ns, gap.to_ns, gap.reason) == (T * 1000 + 8000, T * 1000 + 20000, "reconnect")


def test_a_message_is_one_state_whatever_the_blocks(tmp_path, monkeypatch):
    path = write(tmp_path / "l2.csv", L2, BOOK)
    _, reader = imported(tmp_path, path)
    once = whole(reader.depth(2))
    monkeypatch.setattr("app.research.files.BLOCK_BYTES", 140)
    _, reader = imported(tmp_path, path)
    cut = whole(reader.depth(2))
    assert (cut.price == once.price).all()
    assert (cut.size == once.size).all()


def test_quotes_trades_and_snapshots(tmp_path):
    quotes = write(
        tmp_path / "q.csv", QUOTES, [(1, "3,101,100,2"), (4, ",,100,2"), (6, "3,101,100.5,1")]
    )
    prints = [(2, "77,buy,101,0.5"), (3, "x-1,unknown,100.5,1"), (9, "79,sell,100,2")]
    trades = write(tmp_path / "t.csv", TRADES, prints)
    book = write(
        tmp_path / "s.csv", SNAPSHOT, [(1, "101,3,100,2,101.5,1,99,9"), (5, "101,3,100,1,,,99,9")]
    )
    found, reader = imported(tmp_path, quotes, trades, book)
    assert found["counts"] == {"depth": 2, "best": 3, "trades": 3, "gaps": 0}
    assert found["fidelity"] == {"best": "event", "trades": "event", "depth": "sampled"}
    assert (int(found["start_ns"]), int(found["end_ns"])) == (T * 1000 + 1000, T * 1000 + 9000)
    best = whole(reader.best())
    assert best.size[1, 1, 0] == 0
    assert best.price[1, 1, 0] == NO_ASK
    prints = whole(reader.trades())
    assert prints.side.tolist() == [1, 0, -1]
    assert prints.id.tolist() == [77, -1, 79]
    depth = whole(reader.depth(2))
    assert depth.price[1, 1, 1] == NO_ASK


def test_the_clock_can_be_the_receivers(tmp_path):
    path = write(tmp_path / "t.csv", TRADES, [(2, "77,buy,101,0.5"), (3, "78,sell,101,0.5")])
    where = ("--market", str(ID), "--archive", tmp_path / "a", "--clock", "receive")
    found = ofi_json("import", "tardis", path, *where)
    assert int(found["start_ns"]) == (T + 2 + 9) * 1000
    with pytest.raises(InputError, match="venue or receive"):
        ofi("import", "tardis", path, *where[:4], "--clock", "sun")


@pytest.mark.parametrize(
    ("header", "row", "column", "what"),
    [
        (L2, "true,middle,100,1", "side", "bid, ask"),
        (L2, "perhaps,bid,100,1", "is_snapshot", "true or false"),
        (L2, "true,bid,nan,1", "price", "not a number"),
        (L2, "true,bid,100,-1", "amount", "not a number"),
        (TRADES, "1,buy,100,much", "amount", "not a number"),
        (TRADES, "1,hold,100,1", "side", "buy, sell"),
        (QUOTES, "1,101,cheap,1", "bid_price", "not a number"),
    ],
)
def test_faults_are_located(tmp_path, header, row, column, what):
    good = {L2: "true,bid,100,1", TRADES: "1,buy,100,1", QUOTES: "1,101,100,1"}[header]
    path = write(tmp_path / "x.csv", header, [(1, good), (2, row)])
    with pytest.raises(DataError, match=what) as caught:
        imported(tmp_path, path)
    assert (caught.value.line, caught.value.column) == (3, column)


GOOD = {
    L2: "true,bid,100,1",
    TRADES: "1,buy,100,1",
    QUOTES: "1,101,100,1",
    SNAPSHOT: "101,3,100,2,101.5,1,99,9",
}
# Values that no file of any kind may hold, by the end of the column's name; others are free text.
BAD = {
    "timestamp": ["", "soon", "1.5", "-1", "9" * 17],
    "is_snapshot": ["", "2"],
    "side": ["", "BUY"],
    "price": ["cheap", "nan", "-1", "1e300", "0x10", "1,5"],
    "amount": ["much", "inf", "-1", "1e300"],
}
FAULTS = [
    (header, column, bad)
    for header in GOOD
    for column in header.split(",")
    for ending, values in BAD.items()
    for bad in values
    if column.endswith(ending)
]


@pytest.mark.parametrize("sample", [1, 5_000])
@pytest.mark.parametrize(("header", "column", "bad"), FAULTS)
def test_every_column_of_every_kind_is_refused_where_it_is_wrong(
    tmp_path, monkeypatch, header, column, bad, sample
):
    """Whether the fault lies among the lines that increments are inferred from, or after them."""
    monkeypatch.setattr("app.research.tardis._SAMPLE_LINES", sample)
    rows = [["x", "AAA", str(T + k), str(T + k + 9), *GOOD[header].split(",")] for k in range(6)]
    rows[4][header.split(",").index(column)] = f'"{bad}"' if "," in bad else bad
    path = tmp_path / "x.csv"
    path.write_text("\n".join([header, *map(",".join, rows)]) + "\n")
    with pytest.raises(DataError) as caught:
        imported(tmp_path, path)
    error = caught.value
    assert (error.file, error.line, error.column) == (str(path), 6, column)
    assert str(error).startswith(f"{path}, line 6, column {column}")
    assert not list((tmp_path / "a").rglob("*.parquet"))


@pytest.mark.parametrize("header", GOOD)
def test_a_line_that_breaks_off_is_refused(tmp_path, header):
    lines = [f"x,AAA,{T + k},{T + k + 9},{GOOD[header]}" for k in range(4)]
    lines[2] = lines[2].rpartition(",")[0]
    path = tmp_path / "x.csv"
    path.write_text("\n".join([header, *lines]) + "\n")
    with pytest.raises(DataError, match="columns where") as caught:
        imported(tmp_path, path)
    assert (caught.value.file, caught.value.line) == (str(path), 4)


def test_faults_after_the_sample_are_located_too(tmp_path, monkeypatch):
    monkeypatch.setattr("app.research.tardis._SAMPLE_LINES", 1)
    rows = [(1, "1,buy,100,1"), (2, "2,buy,100,1"), (3, "3,buy,inf,1")]
    path = write(tmp_path / "x.csv", TRADES, rows)
    with pytest.raises(DataError, match="finite") as caught:
        imported(tmp_path, path)
    assert (caught.value.line, caught.value.column) == (4, "price")
    backwards = write(tmp_path / "y.csv", TRADES, [(9, "1,buy,100,1"), (2, "2,buy,100,1")])
    with pytest.raises(DataError, match="sort the file") as caught:
        imported(tmp_path, backwards)
    assert (caught.value.line, caught.value.column) == (3, "local_timestamp")
    short = write(tmp_path / "z.csv", TRADES, [(1, "1,buy,100,1"), (2, "2,buy,100")])
    with pytest.raises(DataError) as caught:
        imported(tmp_path, short)
    assert caught.value.line == 3


def test_numbers_that_no_market_has_are_refused_where_they_stand(tmp_path, monkeypatch):
    monkeypatch.setattr("app.research.tardis._SAMPLE_LINES", 1)
    path = write(tmp_path / "x.csv", TRADES, [(1, "1,buy,100,1"), (2, "2,buy,1e300,1")])
    with pytest.raises(DataError, match="larger than any number") as caught:
        imported(tmp_path, path)
    assert (caught.value.line, caught.value.column) == (3, "price")
    far = 9 * 10**18 - T
    path = write(tmp_path / "y.csv", TRADES, [(1, "1,buy,100,1"), (far, "2,buy,100,1")])
    with pytest.raises(DataError, match="in microseconds") as caught:
        imported(tmp_path, path)
    assert (caught.value.line, caught.value.column) == (3, "timestamp")


@pytest.mark.parametrize("level", [2, 10**11])
def test_levels_without_those_before_them_are_refused(tmp_path, level):
    header = f"{SNAPSHOT},asks[{level}].price,asks[{level}].amount"
    path = write(tmp_path / "x.csv", header, [(1, "101,1,100,1,102,1,99,1,103,1")])
    with pytest.raises(DataError, match="every level from 0") as caught:
        imported(tmp_path, path)
    assert caught.value.line == 1


def test_a_later_value_between_the_increments_makes_them_finer(tmp_path, monkeypatch):
    monkeypatch.setattr("app.research.tardis._SAMPLE_LINES", 1)
    path = write(tmp_path / "x.csv", TRADES, [(1, "1,buy,100,1"), (2, "2,buy,100.01,0.001")])
    found, reader = imported(tmp_path, path)
    assert (found["market"]["tick"], found["market"]["lot"]) == ("0.01", "0.001")
    assert whole(reader.trades()).price.tolist() == [10000, 10001]
    fixed = ("--tick", "1", "--market", str(ID), "--archive", tmp_path / "b")
    with pytest.raises(DataError, match="not a multiple of the tick 1"):
        ofi("import", "tardis", path, *fixed)


def test_what_the_files_are_must_be_clear(tmp_path):
    unknown = tmp_path / "x.csv"
    unknown.write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="header is unknown"):
        imported(tmp_path, unknown)
    one = write(tmp_path / "t.csv", TRADES, [(2, "77,buy,101,0.5")])
    with pytest.raises(InputError, match="One file per stream"):
        imported(tmp_path, one, one)
    empty = write(tmp_path / "e.csv", TRADES, [])
    with pytest.raises(DataError, match="holds no data"):
        imported(tmp_path, empty)


def test_a_second_run_replaces_the_first(tmp_path):
    path = write(tmp_path / "t.csv", TRADES, [(2, "77,buy,101,0.5")])
    first, _ = imported(tmp_path, path)
    second, reader = imported(tmp_path, path)
    assert json.dumps(first) == json.dumps(second)
    assert len(reader.segments) == 1
