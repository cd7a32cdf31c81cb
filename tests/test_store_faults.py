"""Damaged files, full disks, directories that cannot be used: one sentence each, and the rest goes on."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app import records
from app.clock import FakeClock
from app.errors import StoreCorruptError, StoreError, StoreFullError
from app.store import SqliteStore, files, schema, writer
from tests.store_help import BTC, ETH, Heard, batch, file_of, market, opened, same

ROWS = 400


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Heard:
    heard = Heard()
    monkeypatch.setattr(writer, "_log", heard)
    return heard


def filled(directory: Path, clock: FakeClock) -> int:
    """A file with rows, closed; returns the last id."""
    with opened(directory, clock) as store:
        store.put_market(market())
        last = 0
        for k in range(ROWS):
            clock.advance(0.1)
            last = store.append(BTC, {"row": batch("row", [k + 1], k)})
    clock.advance(1)
    return last


def poke(path: Path, at: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


DAMAGES = {
    "header": lambda path: poke(path, 0, b"\xff" * 64),
    "no database": lambda path: path.write_bytes(b"hello\n" * 2000),
    "empty": lambda path: path.write_bytes(b""),
    "first page": lambda path: poke(path, 100, b"\xff" * 3996),
    "cut to a page": lambda path: os.truncate(path, 4096),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_file_damaged_at_its_beginning_is_absent_to_readers_and_replaced_by_the_writer(
    tmp_path: Path, damage: str, heard: Heard
) -> None:
    clock = FakeClock()
    last = filled(tmp_path, clock)
    DAMAGES[damage](file_of(tmp_path))
    with opened(tmp_path, clock, readonly=True) as reader, opened(tmp_path, clock) as store:
        assert len(reader.window(BTC, "row", 0, 1000)) == 0
        assert reader.markets() == {}
        store.put_market(market())
        sent = batch("row", [1000])
        assert store.append(BTC, {"row": sent}) > last
        assert same(reader.window(BTC, "row", 0, 1000), sent)
        assert reader.markets() == {BTC: market()}
    assert len(heard.warnings) == 1
    assert heard.warnings[0].startswith("The store file of binance:BTC/USDT could not be used")
    (aside,) = files.sidelined(file_of(tmp_path))
    assert aside.name in heard.warnings[0]


def test_damage_in_the_middle_is_told_to_the_reader_and_mended_by_the_writer(
    tmp_path: Path, heard: Heard
) -> None:
    clock = FakeClock()
    last = filled(tmp_path, clock)
    path = file_of(tmp_path)
    for page in range(20, path.stat().st_size // 4096 - 3):
        poke(path, page * 4096, b"\xff" * 12)  # the heads of the pages of rows, but the newest
    with opened(tmp_path, clock) as store, opened(tmp_path, clock, readonly=True) as reader:
        # The writer touches none of these pages: it would never notice by itself.
        assert store.append(BTC, {"row": batch("row", [1000])}) > last
        with pytest.raises(StoreCorruptError, match=f"The store file {path} is damaged"):
            reader.window(BTC, "row", 0, 2000)
        for k in range(200):
            clock.advance(0.1)
            store.append(BTC, {"row": batch("row", [1001 + k])})
            if k == 70:
                store._care.caretaker.close()  # it has read the file by now
        assert len(heard.warnings) == 1
        got = reader.window(BTC, "row", 0, 2000)["end_ns"].tolist()
        assert got == list(range(got[0], 1201))
        assert len(got) > 100
        assert reader.markets() == {BTC: market()}
    assert len(files.sidelined(path)) == 1


def test_damage_that_the_writer_meets_costs_only_the_past(tmp_path: Path, heard: Heard) -> None:
    clock = FakeClock()
    last = filled(tmp_path, clock)
    path = file_of(tmp_path)
    with opened(tmp_path, clock) as store:
        for page in range(10, path.stat().st_size // 4096):
            poke(path, page * 4096, b"\xff" * 12)
        sent = batch("row", [1000])
        assert store.append(BTC, {"row": sent}) > last
        assert same(store.window(BTC, "row", 0, 1000), sent)
        assert store.markets() == {BTC: market()}
    assert len(heard.warnings) == 1
    assert len(files.sidelined(path)) == 1


def test_ids_grow_beyond_a_file_that_cannot_be_read(tmp_path: Path, heard: Heard) -> None:
    clock = FakeClock()
    last = filled(tmp_path, clock)
    path = file_of(tmp_path)
    path.write_bytes(b"hello\n" * 2000)
    os.utime(path, ns=(clock.now_ns(), clock.now_ns()))
    clock.advance(-7200)
    with opened(tmp_path, clock) as store:
        assert store.append(BTC, {"row": batch("row", [1])}) > last


def test_records_of_a_wrong_length_are_damage(tmp_path: Path, heard: Heard) -> None:
    clock = FakeClock()
    filled(tmp_path, clock)
    connection = files.connect(file_of(tmp_path), "rw")
    connection.execute("UPDATE k_row SET data = x'0102' WHERE t0 = 7")
    connection.close()
    assert schema.fault(file_of(tmp_path)) == "row records have a wrong length"
    with opened(tmp_path, clock) as store:
        with pytest.raises(StoreCorruptError, match="its row records have a wrong length"):
            store.window(BTC, "row", 0, 1000)
        for k in range(130):
            store.append(BTC, {"row": batch("row", [1000 + k])})
            if k == 70:
                store._care.caretaker.close()
        assert len(store.window(BTC, "row", 0, 2000)) > 50
    assert len(heard.warnings) == 1


def test_a_reader_that_was_mistaken_costs_nothing(tmp_path: Path, heard: Heard) -> None:
    clock = FakeClock()
    filled(tmp_path, clock)
    with opened(tmp_path, clock) as store:
        store.append(BTC, {"row": batch("row", [1000])})
        inode = files.inode(file_of(tmp_path))
        assert inode is not None
        store._report(BTC, inode)
        for k in range(130):
            store.append(BTC, {"row": batch("row", [1001 + k])})
        store._care.caretaker.close()
        store.append(BTC, {"row": batch("row", [2000])})
        assert len(store.window(BTC, "row", 0, 2000)) == ROWS + 132
    assert heard.warnings == []


def test_a_file_of_another_version_is_set_aside(
    tmp_path: Path, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeClock()
    with monkeypatch.context() as patch:
        patch.setattr(schema, "FINGERPRINT", schema.FINGERPRINT ^ 1)
        filled(tmp_path, clock)
    with opened(tmp_path, clock) as store:
        assert store.markets() == {}
        assert len(store.window(BTC, "row", 0, 1000)) == 0
        store.append(BTC, {"row": batch("row", [1])})
        assert len(store.window(BTC, "row", 0, 1000)) == 1
    (aside,) = files.sidelined(file_of(tmp_path))
    assert ".old-" in aside.name
    assert "written by another version" in heard.warnings[0]


def test_the_fingerprint_knows_the_records() -> None:
    assert schema.fingerprint(records.KINDS) == schema.FINGERPRINT
    changed = dict(records.KINDS) | {"gap": records.TRADE}
    assert schema.fingerprint(changed) != schema.FINGERPRINT
    assert 0 < schema.FINGERPRINT < 1 << 31


def test_only_the_last_files_set_aside_are_kept(tmp_path: Path, heard: Heard) -> None:
    clock = FakeClock()
    for _ in range(5):
        filled(tmp_path, clock)
        poke(file_of(tmp_path), 0, b"\xff" * 64)
    with opened(tmp_path, clock) as store:
        store.append(BTC, {"row": batch("row", [1])})
    kept = files.sidelined(file_of(tmp_path))
    assert len(kept) == 2
    assert len(heard.warnings) == 5
    assert heard.warnings[-1].count(kept[-1].name) == 1
    assert {p.name for p in tmp_path.glob("binance*")} >= {p.name for p in kept}
    assert len(list(tmp_path.glob("*.damaged-*"))) == 2


@contextmanager
def small_disk(megabytes: int) -> Iterator[Path]:
    """A file system of its own; only root can make one."""
    with tempfile.TemporaryDirectory() as name:
        made = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", name],
            capture_output=True,
            check=False,
        )
        if made.returncode:
            pytest.skip("mounting a small tmpfs needs root")
        try:
            yield Path(name)
        finally:
            subprocess.run(["umount", "--lazy", name], check=True)


def test_a_full_disk_stores_nothing_of_the_call_and_goes_on_when_there_is_space() -> None:
    clock = FakeClock()
    with small_disk(6) as disk, opened(disk / "hot", clock) as store:
        store.put_market(market())
        kept = []
        ballast = disk / "ballast"
        with pytest.raises(StoreFullError) as caught:  # noqa: PT012
            for k in range(4000):
                sent = {"row": batch("row", [k + 1], k), "column": batch("column", [k + 1], k)}
                store.append(BTC, sent)
                kept.append(k + 1)
                if k == 100:
                    ballast.write_bytes(b"x" * (1 << 20))
        assert str(caught.value).startswith(f"The disk below {disk / 'hot'} is full: nothing of")
        assert len(kept) > 101
        for kind, field in (("row", "end_ns"), ("column", "time_ns")):
            assert store.window(BTC, kind, 0, 5000)[field].tolist() == kept
        with pytest.raises(StoreFullError):
            store.append(BTC, {"row": batch("row", list(range(5000, 6000)))})
        with pytest.raises(StoreFullError):
            store.put_market(market(ETH))
        ballast.unlink()
        store.append(BTC, {"row": batch("row", [6001]), "column": batch("column", [6001])})
        for kind, field in (("row", "end_ns"), ("column", "time_ns")):
            assert store.window(BTC, kind, 0, 7000)[field].tolist() == [*kept, 6001]
        store.put_market(market(ETH))
        assert set(store.markets()) == {BTC, ETH}


LIMITED = """
import resource, signal, sys
from pathlib import Path
from app.clock import FakeClock
from app.errors import StoreError
from tests.store_help import BTC, batch, opened
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with opened(Path(sys.argv[1])) as store:
    store.append(BTC, {"row": batch("row", [1])})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    kept = [1]
    try:
        for k in range(2, 4000):
            store.append(BTC, {"row": batch("row", [k])})
            kept.append(k)
    except StoreError as error:
        print(type(error).__name__, error)
    assert store.window(BTC, "row", 0, 5000)["end_ns"].tolist() == kept
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    store.append(BTC, {"row": batch("row", [5000])})
    assert store.window(BTC, "row", 0, 5000)["end_ns"].tolist() == [*kept, 5000]
    print(len(kept))
"""


def test_a_write_that_the_system_refuses_stores_nothing_of_the_call(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    sentence, count = done.stdout.splitlines()[-2:]
    assert sentence.startswith(
        f"StoreError The store file {file_of(tmp_path)} failed: disk I/O error"
    )
    assert 5 < int(count) < 3999


FORBIDDEN = """
import os, sys
from pathlib import Path
from app.errors import StoreError
from tests.store_help import BTC, batch, opened
os.setgroups([]); os.setegid(65534); os.seteuid(65534)
with opened(Path(sys.argv[1])) as store:
    for call in (lambda: store.append(BTC, {"row": batch("row", [1])}), lambda: store.request(BTC, 1)):
        try:
            call()
        except StoreError as error:
            print(error)
    print(len(store.window(BTC, "row", 0, 9)))
"""


@pytest.mark.parametrize("there", [True, False])
def test_a_directory_that_must_not_be_written_is_named(there: bool) -> None:
    if os.geteuid():
        pytest.skip("taking another user's rights needs root")
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)  # the other user may look in, not write
        hot = Path(name) if there else Path(name) / "hot"
        done = subprocess.run(
            [sys.executable, "-c", FORBIDDEN, str(hot)], capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stderr
    append, request, rows = done.stdout.splitlines()
    for sentence in (append, request):
        assert str(hot) in sentence
        assert "set store.url to another" in sentence
    assert rows == "0"


def test_errors_of_an_unknown_kind_keep_their_text(tmp_path: Path) -> None:
    import sqlite3

    from app.store.faults import explain

    error = explain(sqlite3.OperationalError("odd"), tmp_path / "x")
    assert type(error) is StoreError
    assert "odd" in str(error)


def test_a_locked_file_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "BUSY_TIMEOUT_S", 0.05)
    with opened(tmp_path) as store:
        store.append(BTC, {"row": batch("row", [1])})
        other = files.connect(file_of(tmp_path), "rw")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="has been locked by another process"):
            store.append(BTC, {"row": batch("row", [2])})
        other.execute("ROLLBACK")
        other.close()
        store.append(BTC, {"row": batch("row", [3])})
        assert store.window(BTC, "row", 0, 9)["end_ns"].tolist() == [1, 3]


def test_closing_twice_and_using_a_closed_store(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        assert isinstance(store, SqliteStore)
        store.append(BTC, {"row": batch("row", [1])})
        store.close()
        store.close()
        assert len(store.window(BTC, "row", 0, 9)) == 1  # it opens again by itself
