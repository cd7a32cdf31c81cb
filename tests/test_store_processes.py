"""The store among processes: killed writers, many readers, stuck readers, forks."""

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.clock import FakeClock
from app.store import SqliteStore, care, files
from tests.processes import wait_for
from tests.store_help import BTC, ETH, Heard, batch, file_of, market, opened, same
from tests.store_processes import KINDS, check, load

KILLS = 20


@contextmanager
def child(*args: object) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.store_processes", *map(str, args)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[1],
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_killed_writer_loses_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    """Kill −9 under load, twenty times; each successor takes the lease at once and goes on."""
    chance = random.Random(7)
    acknowledged: list[tuple[int, int]] = []
    for _ in range(KILLS):
        first = acknowledged[-1][0] + 2 if acknowledged else 1
        with child("write", tmp_path, first) as writer:
            assert writer.stdout is not None
            lines = [writer.stdout.readline() for _ in range(chance.randint(1, 120))]
            writer.send_signal(signal.SIGKILL)
            lines += writer.stdout.read().splitlines()
        acknowledged += [tuple(map(int, line.split())) for line in lines]  # type: ignore[misc]
        with opened(tmp_path, readonly=True) as reader:
            newest = reader.read_since(BTC, dict.fromkeys(KINDS, acknowledged[-1][1] - 1))
            for kind in KINDS:
                # At most the append that was under way when the writer died came after it.
                serials = check(kind, newest.batches[kind])
                assert acknowledged[-1][0] in (serials[0], serials[0] - (kind == "book"))
                assert len(serials) <= 2
    ids = [batch_id for _, batch_id in acknowledged]
    assert ids == sorted(set(ids))
    serials = [serial for serial, _ in acknowledged]
    with opened(tmp_path, readonly=True) as reader:
        assert reader.markets() == {BTC: market()}
        for kind in ("row", "column", "trade"):
            got = check(kind, reader.window(BTC, kind, 0, 1 << 62))
            assert got == sorted(set(got))
            assert set(serials) <= set(got)
            assert len(got) <= len(serials) + KILLS
    assert len(serials) > 10 * KILLS
    assert files.sidelined(file_of(tmp_path)) == []


def test_several_readers_follow_one_writer(tmp_path: Path) -> None:
    count = 1500
    with (
        child("read", tmp_path, count) as one,
        child("read", tmp_path, count) as two,
        opened(tmp_path) as store,
    ):
        store.put_market(market())
        for serial in range(1, count + 1):
            store.append(BTC, load(serial))
        for reader in (one, two):
            out, _ = reader.communicate(timeout=60)
            assert (reader.returncode, out) == (0, b"%d\n" % count)


def test_a_stuck_reader_holds_up_no_writer_and_its_log_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(care, "_log", heard := Heard())
    monkeypatch.setattr(care, "_WAL_STUCK_BYTES", 24 << 20)
    clock = FakeClock()
    log = Path(f"{file_of(tmp_path)}-wal")
    lengths = []
    with opened(tmp_path, clock, max_mb_per_market=8) as store:
        store.put_market(market())
        store.append(BTC, load(1))
        with child("stick", tmp_path) as reader:
            assert reader.stdout is not None
            assert reader.stdout.readline() == b"1\n"
            for serial in range(2, 3000):
                clock.advance(0.1)
                store.append(BTC, load(serial))
                lengths.append(log.stat().st_size)
                if heard.errors:
                    break
            # The file was given up; the new one is not held by the old one's reader.
            assert len(heard.errors) == 1
            for serial in range(10_000, 10_600):
                clock.advance(0.1)
                store.append(BTC, load(serial))
                lengths.append(log.stat().st_size)
            got = check("trade", store.window(BTC, "trade", 0, 1 << 62))
            assert got == list(range(10_000, 10_600))
            assert store.markets() == {BTC: market()}
    assert 24 << 20 < max(lengths) < 40 << 20
    assert "A reader of binance:BTC/USDT has not ended for so long" in heard.errors[0]
    assert len(heard.warnings) == 1
    assert "Look for a stopped process" in heard.warnings[0]


def test_an_append_waits_for_a_slow_checkpoint_before_the_log_outgrows_it(tmp_path: Path) -> None:
    log = Path(f"{file_of(tmp_path)}-wal")

    def write_much() -> None:
        for serial in range(2, 3000):
            store.append(BTC, load(serial))

    with opened(tmp_path) as store:
        store.append(BTC, load(1))
        writing = threading.Thread(target=write_much)
        with (
            child("checkpoint", tmp_path) as slow,
            store._care.caretaker.paused(file_of(tmp_path), 10),
        ):
            assert slow.stdout is not None
            assert slow.stdout.readline() == b"held\n"
            writing.start()
            wait_for(lambda: log.stat().st_size > 16 << 20, "a long log", 60)
            writing.join(0.5)
            assert writing.is_alive()
            slow.kill()
            slow.wait()
            assert log.stat().st_size < 24 << 20
        writing.join(60)
        assert not writing.is_alive()
        assert log.stat().st_size < 24 << 20


def test_the_log_shrinks_again_after_a_stuck_reader_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(care, "_log", heard := Heard())
    clock = FakeClock()
    log = Path(f"{file_of(tmp_path)}-wal")
    serial = 1
    with opened(tmp_path, clock) as store:
        store.append(BTC, load(serial))
        with child("stick", tmp_path) as reader:
            assert reader.stdout is not None
            assert reader.stdout.readline() == b"1\n"
            # The log may be large before the caretaker's complete checkpoint is known: it is looked at again.
            while log.stat().st_size < 64 << 20 and not heard.warnings:
                serial += 1
                store.append(BTC, load(serial))
            assert log.stat().st_size > 32 << 20
        assert len(heard.warnings) == 1
        for _ in range(1000):
            serial += 1
            store.append(BTC, load(serial))
        assert log.stat().st_size < 32 << 20
        assert len(check("row", store.window(BTC, "row", 0, 1 << 62))) == serial
    assert heard.errors == []


def _use_in_child(store: SqliteStore, k: int, results: "multiprocessing.Queue[object]") -> None:
    try:
        store.append(ETH, {"row": batch("row", [k])})
        results.put((len(store.window(BTC, "row", 0, 99)), store.version(BTC) > 0))
    except Exception as error:
        results.put(repr(error))


def test_a_store_made_before_a_fork_works_in_each_child(tmp_path: Path) -> None:
    fork = multiprocessing.get_context("fork")
    results: multiprocessing.Queue[object] = fork.Queue()
    clock = FakeClock()
    with opened(tmp_path, clock) as store:
        store.append(BTC, {"row": batch("row", [1])})
        store.version(BTC)
        lease = store.acquire(BTC, 60)
        children = [
            fork.Process(target=_use_in_child, args=(store, k, results)) for k in range(1, 4)
        ]
        for process in children:
            process.start()
        answers = [results.get(timeout=30) for _ in children]
        for process in children:
            process.join(30)
            assert process.exitcode == 0
        assert answers == [(1, True)] * 3
        # The parent's connections and lease are as they were.
        assert lease.renew(60)
        store.append(BTC, {"row": batch("row", [2])})
        assert store.window(BTC, "row", 0, 99)["end_ns"].tolist() == [1, 2]
        assert sorted(store.window(ETH, "row", 0, 99)["end_ns"].tolist()) == [1, 2, 3]


def test_a_fork_while_another_thread_holds_the_locks(tmp_path: Path) -> None:
    """Locks held at the time of the fork would stay held in the child for ever."""
    with opened(tmp_path) as store:
        store.append(BTC, {"row": batch("row", [1])})
        store.version(BTC)
        with store._lock, store._readers[BTC]._lock, store._writers[BTC]._lock:
            pid = os.fork()
            if pid == 0:
                signal.alarm(20)
                good = store.version(BTC) > 0 and len(store.window(BTC, "row", 0, 9)) == 1
                os._exit(0 if good else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_a_market_takes_few_descriptors(tmp_path: Path) -> None:
    def count() -> int:
        return len(os.listdir("/proc/self/fd"))

    clock = FakeClock()
    with opened(tmp_path, clock) as store:
        store.acquire(ETH, 10)
        before = count()
        store.append(BTC, load(1))
        assert count() - before == 3
        for serial in range(2, 1500):
            store.append(BTC, load(serial))
        store._care.caretaker.close()
        assert count() - before <= 5  # the caretaker's closed ones are kept by SQLite for reuse
        store.version(BTC)
        assert count() - before <= 8
        store.close()
        assert count() <= before


def test_readers_end_their_transactions(tmp_path: Path) -> None:
    with opened(tmp_path) as store, opened(tmp_path, readonly=True) as reader:
        sent = load(1)
        store.append(BTC, sent)
        assert same(reader.window(BTC, "row", 0, 9), sent["row"])
        reader.read_since(BTC, {"row": 0, "book": 0})
        reader.version(BTC)
        reader.markets()
        connection = store._writers[BTC]._connection
        assert connection is not None
        # A checkpoint that must wait for readers finds none.
        assert connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
