"""Malformed input is refused with file, line and column, and leaves no segment behind."""

import gzip
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.archive import Archive
from app.errors import DataError, InputError, OfiError
from app.market import MarketId
from tests.research_help import import_lobster, lobster_files, ofi, raw_lines

MESSAGE = [34200.1, 1, 7, 10, 1000100, 1]
BOOK = [1000200, 5, 1000100, 10]


def lobster_fault(tmp_path, messages, books):
    with pytest.raises(DataError) as caught:
        import_lobster(tmp_path, messages, books, tmp_path / "a")
    assert Archive(tmp_path / "a").segments(MarketId.parse("test:AAA/USD")) == []
    assert not list(tmp_path.rglob("*.tmp"))
    return caught.value


def changed(row, column, value):
    return [value if k == column else v for k, v in enumerate(row)]


@pytest.mark.parametrize(
    ("column", "value", "name", "what"),
    [
        (0, "noon", "time", "'noon' is not a number"),
        (0, 34199, "time", "sort the file by time"),
        (0, "34200.1234567891", "time", "is not a number"),
        (1, 9, "type", "event type from 1 to 7"),
        (1, 1.5, "type", "not a whole number"),
        (3, "", "size", "not a whole number"),
        (5, 0, "direction", "neither"),
    ],
)
def test_lobster_messages(tmp_path, column, value, name, what):
    bad = changed(MESSAGE, column, value)
    error = lobster_fault(tmp_path, [MESSAGE, MESSAGE, bad, MESSAGE], [BOOK] * 4)
    assert error.file.endswith("message.csv")
    assert (error.line, error.column) == (3, name)
    assert what in str(error)


@pytest.mark.parametrize(
    ("column", "value", "name"),
    [
        (0, 1000250, "ask price 1"),
        (1, 0, "ask size 1"),
        (2, -5, "bid price 1"),
        (3, "x", "bid size 1"),
    ],
)
def test_lobster_books(tmp_path, column, value, name):
    error = lobster_fault(tmp_path, [MESSAGE] * 3, [BOOK, changed(BOOK, column, value), BOOK])
    assert error.file.endswith("orderbook.csv")
    assert (error.line, error.column) == (2, name)


def test_lobster_traded_price_off_the_tick(tmp_path):
    trade = [34200.1, 4, 7, 10, 1000150, 1]
    error = lobster_fault(tmp_path, [MESSAGE, trade], [BOOK] * 2)
    assert (error.line, error.column) == (2, "price")


def test_lobster_files_of_different_length_or_shape(tmp_path):
    error = lobster_fault(tmp_path, [MESSAGE] * 3, [BOOK] * 2)
    assert "more lines than its companion" in str(error)
    assert (error.line, error.file.endswith("message.csv")) == (3, True)
    assert lobster_fault(tmp_path, [MESSAGE], [BOOK[:3]]).line == 1
    short = lobster_fault(tmp_path, [MESSAGE, MESSAGE[:5]], [BOOK] * 2)
    assert (short.line, "5 columns where 6" in str(short)) == (2, True)


def test_a_crossed_book_is_a_gap_and_no_difference_is_taken_over_it(tmp_path):
    times = [changed(MESSAGE, 0, 34200 + k) for k in range(4)]
    crossed = [1000100, 5, 1000200, 10]
    books = [BOOK, crossed, changed(BOOK, 3, 90), changed(BOOK, 3, 95)]
    out = import_lobster(tmp_path, times, books, tmp_path / "a", "--json")
    assert json.loads(out)["counts"]["gaps"] == 1
    table = tmp_path / "f.csv"
    ofi(
        "compute",
        "--archive",
        tmp_path / "a",
        "--market",
        "test:AAA/USD",
        "--bin",
        "1s",
        "--out",
        table,
    )
    header, *rows = [line.split(",") for line in table.read_text().splitlines()]
    assert sum(float(r[header.index("ofi_best")]) for r in rows) == 5
    assert [float(r[header.index("coverage")]) for r in rows] == [0.0, 0.0, 0.0, 1.0]


DEPTH = {
    "e": "depthUpdate",
    "E": 1,
    "s": "X",
    "U": 5,
    "u": 6,
    "b": [["1.5", "2"]],
    "a": [["1.6", "3"]],
}
TRADE = {"e": "trade", "E": 1, "T": 1, "t": 9, "p": "1.5", "q": "2", "m": True}
SNAPSHOT = {"lastUpdateId": 5, "bids": [["1.4", "1"]], "asks": [["1.7", "1"]]}


def raw_fault(tmp_path, lines, *more):
    path = tmp_path / "raw.jsonl"
    path.write_text("".join(f"{line}\n" for line in lines))
    with pytest.raises(DataError) as caught:
        ofi(
            "import",
            "binance-raw",
            path,
            "--market",
            "binance:A/B",
            "--archive",
            tmp_path / "a",
            *more,
        )
    assert not list(tmp_path.rglob("*.tmp"))
    return caught.value


@pytest.mark.parametrize(
    ("line", "where", "what"),
    [
        ("x {}", "1", "receive time in ns"),
        ('5 {"a":', "8", "not JSON"),
        ("5 [1]", "3", "not a JSON object"),
        ("5 " + json.dumps(TRADE | {"p": "nan"}), None, "no trade message"),
        ("5 " + json.dumps(TRADE | {"q": "-1"}), None, "no trade message"),
        ("5 " + json.dumps({k: v for k, v in TRADE.items() if k != "q"}), "q", "has no field 'q'"),
        ("5 " + json.dumps(DEPTH | {"b": [["1.5"]]}), None, "no depth message"),
        ("3 " + json.dumps(TRADE), "1", "before the line above"),
        ("9" * 5000 + " {}", "1", "receive time in ns"),
        ("9" * 19 + " {}", "1", "receive time in ns"),
        ("5 " + json.dumps(TRADE | {"t": 10**30}), None, "larger than any number of a market"),
        ("5 " + json.dumps(TRADE | {"q": "9" * 40}), None, "larger than any number of a market"),
        ("5 " + json.dumps(TRADE | {"p": "1e30"}), None, "larger than any number of a market"),
    ],
)
def test_binance_lines(tmp_path, line, where, what):
    error = raw_fault(tmp_path, [f"4 {json.dumps(TRADE)}", line])
    assert (error.line, error.column) == (2, where)
    assert what in str(error)


def test_binance_values_off_the_given_increments(tmp_path):
    error = raw_fault(tmp_path, [f"4 {json.dumps(TRADE)}"], "--tick", "1", "--lot", "1")
    assert (error.line, error.column) == (1, "tick")


def test_binance_nothing_but_answers(tmp_path):
    assert "holds no market data" in str(raw_fault(tmp_path, ['4 {"result": null, "id": 1}']))


def update(first, last, **more):
    return DEPTH | {"U": first, "u": last} | more


def test_a_hole_in_the_chain_is_a_gap_until_the_next_snapshot(tmp_path):
    path = raw_lines(
        tmp_path / "raw.jsonl",
        [
            (10**9, SNAPSHOT),
            (2 * 10**9, update(5, 7)),
            (3 * 10**9, update(8, 9)),
            (4 * 10**9, update(12, 13)),  # 10 and 11 are missing
            (5 * 10**9, update(14, 15)),
            (6 * 10**9, SNAPSHOT | {"lastUpdateId": 14}),
            (7 * 10**9, update(16, 17)),
        ],
    )
    where = ("--market", "binance:A/B", "--archive", tmp_path / "a")
    found = json.loads(ofi("import", "binance-raw", path, *where, "--json"))
    assert found["counts"] == {"depth": 4, "best": 0, "trades": 0, "gaps": 1}
    out = tmp_path / "gaps.csv"
    ofi("export", *where, "--what", "gaps", "--out", out)
    assert out.read_text().splitlines()[1] == '"depth",3000000000,6000000000,"sequence","",-1'


def test_updates_that_wait_for_a_snapshot_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr("app.research.binance_raw._WAITING", 4)
    early = [(k * 10**9, update(k, k)) for k in range(1, 20)]
    late = [(20 * 10**9, SNAPSHOT | {"lastUpdateId": 17}), (21 * 10**9, update(20, 20))]
    path = raw_lines(tmp_path / "raw.jsonl", early + late)
    where = ("--market", "binance:A/B", "--archive", tmp_path / "a")
    found = json.loads(ofi("import", "binance-raw", path, *where, "--json"))
    assert found["counts"]["depth"] == 3  # 18 to 20: those before were in the snapshot

    late[0] = (20 * 10**9, SNAPSHOT | {"lastUpdateId": 10})  # older than what was kept
    path = raw_lines(tmp_path / "raw.jsonl", early + late)
    found = json.loads(ofi("import", "binance-raw", path, *where, "--json"))
    assert found["counts"]["depth"] == 0


def test_increments_are_made_finer_when_a_later_line_needs_it(tmp_path, monkeypatch):
    monkeypatch.setattr("app.research.binance_raw._SAMPLE_LINES", 1)
    rows = [(k, TRADE | {"t": k, "p": p}) for k, p in ((1, "100"), (2, "100.5"), (3, "100.125"))]
    path = raw_lines(tmp_path / "raw.jsonl", rows)
    where = ("--market", "binance:A/B", "--archive", tmp_path / "a")
    found = json.loads(ofi("import", "binance-raw", path, *where, "--json"))
    assert found["market"]["tick"] == "0.025"
    out = tmp_path / "trades.csv"
    ofi("export", *where, "--what", "trades", "--out", out)
    assert [line.split(",")[2] for line in out.read_text().splitlines()[1:]] == [
        "100",
        "100.5",
        "100.125",
    ]


def test_damaged_and_missing_files(tmp_path):
    whole = gzip.compress(b"4 " + json.dumps(TRADE).encode() * 200)
    path = tmp_path / "raw.gz"
    path.write_bytes(whole[: len(whole) // 2])
    where = ("--market", "binance:A/B", "--archive", tmp_path / "a")
    with pytest.raises(DataError, match="damaged"):
        ofi("import", "binance-raw", path, *where)
    with pytest.raises(DataError, match="does not exist"):
        ofi("import", "binance-raw", tmp_path / "none", *where)


ALMOST = [b"4 {}", b'4 {"e":"trade"}', b"", b"4 1"]
FIXTURE = [HealthCheck.function_scoped_fixture]


@settings(max_examples=60, deadline=None, suppress_health_check=FIXTURE)
@given(st.lists(st.one_of(st.binary(max_size=60), st.sampled_from(ALMOST)), max_size=4))
def test_no_bytes_break_the_importers(tmp_path, lines):
    path = tmp_path / "noise"
    path.write_bytes(b"\n".join(lines))
    where = ("--market", "binance:A/B", "--archive", tmp_path / "a")
    with pytest.raises(OfiError):
        ofi("import", "binance-raw", path, *where)
    with pytest.raises(OfiError):
        ofi("import", "tardis", path, *where)
    message, _ = lobster_files(tmp_path, [], [BOOK])
    message.write_bytes(path.read_bytes())
    files = ("--message", message, "--orderbook", tmp_path / "orderbook.csv")
    with pytest.raises(OfiError):
        ofi("import", "lobster", *files, *where, "--date", "2012-06-21")


@pytest.mark.parametrize(
    ("args", "what"),
    [
        (("--bin", "soon"), "not a duration"),
        (("--bin", "7s"), "whole number of bins"),
        (("--stream", "both"), "best or depth"),
        (("--start", "yesterday"), "write it as"),
        (("--market", "AMZN"), "not a market"),
    ],
)
def test_wrong_arguments_are_said_in_one_sentence(tmp_path, args, what):
    rows = [changed(MESSAGE, 0, 34200 + k) for k in range(3)]
    import_lobster(tmp_path, rows, [BOOK] * 3, tmp_path / "a")
    given = ("--archive", tmp_path / "a", "--market", "test:AAA/USD", *args)
    with pytest.raises(InputError, match=what):
        ofi("verify", *given)
    with pytest.raises(InputError, match="must end in"):
        ofi("compute", *given[:4], "--out", tmp_path / "f.xlsx")
    with pytest.raises(InputError, match="is one of"):
        ofi("export", *given[:4], "--what", "all", "--out", tmp_path / "f.csv")
