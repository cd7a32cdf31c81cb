"""Wishes and leases, among stores and processes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app.clock import FakeClock
from app.errors import StoreBusyError, StoreError
from app.store import control, files
from tests.store_help import BTC, ETH, Heard, batch, opened, same


def test_requests_run_out_and_keep_their_order(tmp_path: Path) -> None:
    clock = FakeClock()
    with opened(tmp_path, clock) as viewer, opened(tmp_path, clock) as collector:
        assert collector.requested() == []
        viewer.request(ETH, 10)
        clock.advance(1)
        viewer.request(BTC, 5)
        clock.advance(1)
        viewer.request(ETH, 1)  # a shorter wish does not cut a longer one short
        assert collector.requested() == [ETH, BTC]
        clock.advance(5)
        assert collector.requested() == [ETH]
        clock.advance(4)
        assert collector.requested() == []
        viewer.request(BTC, 5)
        viewer.request(ETH, 5)
        assert collector.requested() == [BTC, ETH]


def test_a_second_collector_is_told_who_holds_the_market(tmp_path: Path) -> None:
    clock = FakeClock()
    with opened(tmp_path, clock) as first, opened(tmp_path, clock) as second:
        lease = first.acquire(BTC, 10)
        with pytest.raises(StoreBusyError) as caught:
            second.acquire(BTC, 10)
        assert str(caught.value) == (
            f"binance:BTC/USDT is being written by the collector with process id {os.getpid()} "
            "since 2023-11-14 22:13:20 UTC; stop it, or leave this market to it."
        )
        with pytest.raises(StoreBusyError):
            second.append(BTC, {"row": batch("row", [1])})
        second.acquire(ETH, 10)
        lease.release()
        second.acquire(BTC, 10)
        assert not lease.renew(10)


def test_a_lease_runs_out_unless_it_is_renewed(tmp_path: Path) -> None:
    clock = FakeClock()
    with opened(tmp_path, clock) as first, opened(tmp_path, clock) as second:
        lease = first.acquire(BTC, 10)
        clock.advance(9)
        assert lease.renew(10)
        clock.advance(9)
        with pytest.raises(StoreBusyError):
            second.acquire(BTC, 10)
        clock.advance(1)
        assert lease.renew(10)  # late, but nobody has taken it
        clock.advance(10)
        second.acquire(BTC, 10)
        assert not lease.renew(10)


def test_who_lost_the_lease_cannot_write_any_more(tmp_path: Path) -> None:
    clock = FakeClock()
    with opened(tmp_path, clock) as first, opened(tmp_path, clock) as second:
        first.acquire(BTC, 10)
        first.append(BTC, {"row": batch("row", [1])})
        clock.advance(11)
        second.acquire(BTC, 10)
        good = batch("row", [2])
        last = second.append(BTC, {"row": good})
        for _ in range(2):
            with pytest.raises(StoreBusyError, match="has taken over binance:BTC/USDT"):
                first.append(BTC, {"row": batch("row", [3])})
        assert same(second.read_since(BTC, {"row": last - 1}).batches["row"], good)
        clock.advance(11)
        first.acquire(BTC, 10)
        assert first.append(BTC, {"row": batch("row", [4])}) > last
        with pytest.raises(StoreBusyError):
            second.append(BTC, {"row": batch("row", [5])})
        assert first.window(BTC, "row", 0, 9)["end_ns"].tolist() == [1, 2, 4]


def test_a_writer_without_a_lease_gives_way_to_one_with(tmp_path: Path) -> None:
    with opened(tmp_path) as loose, opened(tmp_path) as leased:
        loose.append(BTC, {"row": batch("row", [1])})
        leased.acquire(BTC, 10)
        leased.append(BTC, {"row": batch("row", [2])})
        with pytest.raises(StoreBusyError):
            loose.append(BTC, {"row": batch("row", [3])})


def test_the_holder_may_take_its_own_lease_again(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        old = store.acquire(BTC, 10)
        new = store.acquire(BTC, 10)
        assert not old.renew(10)
        assert new.renew(10)
        store.append(BTC, {"row": batch("row", [1])})


def test_leases_outlive_the_loss_of_their_list_and_a_clock_set_back(tmp_path: Path) -> None:
    clock = FakeClock()
    with opened(tmp_path, clock) as store:
        store.acquire(BTC, 10)
        store.append(BTC, {"row": batch("row", [1])})
    files.remove(tmp_path / control.NAME)
    clock.advance(-3600)
    with opened(tmp_path, clock) as store:
        store.acquire(BTC, 10)
        store.append(BTC, {"row": batch("row", [2])})
        assert store.window(BTC, "row", 0, 9)["end_ns"].tolist() == [1, 2]


def test_a_damaged_list_of_leases_is_set_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "_log", heard := Heard())
    (tmp_path / control.NAME).write_bytes(
        b"no database at all, but long enough to look like one" * 50
    )
    with opened(tmp_path) as store:
        store.acquire(BTC, 10)
        store.request(BTC, 10)
        assert store.requested() == [BTC]
    assert len(files.sidelined(tmp_path / control.NAME)) == 1
    assert len(heard.warnings) == 1
    assert "was set aside as control.sqlite.damaged-" in heard.warnings[0]


HOLDER = """
import sys
from app.clock import FakeClock
from app.store import open_store
from tests.store_help import BTC
store = open_store("sqlite:///" + sys.argv[1], clock=FakeClock())
store.acquire(BTC, 3600)
print("held", flush=True)
sys.stdin.read()
"""


def test_the_lease_of_a_killed_process_is_free_at_once(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with opened(tmp_path) as store:
            with pytest.raises(StoreBusyError, match=f"process id {holder.pid} "):
                store.acquire(BTC, 10)
            holder.send_signal(signal.SIGKILL)
            os.waitid(os.P_PID, holder.pid, os.WEXITED | os.WNOWAIT)  # dead, but still a zombie
            store.acquire(BTC, 10)


@pytest.mark.parametrize(
    ("change", "free"),
    [
        ("pid_start = pid_start + 1", True),  # another process has the number now
        ("pid = 4194304, pid_start = 1", True),  # beyond the largest number there is
        ("host = 'elsewhere', pid = 4194304", False),  # who knows what runs there
    ],
)
def test_a_holder_is_known_by_host_number_and_start(
    tmp_path: Path, change: str, free: bool
) -> None:
    with opened(tmp_path) as first, opened(tmp_path) as second:
        first.acquire(BTC, 10)
        connection = files.connect(tmp_path / control.NAME, "rw")
        connection.execute(f"UPDATE leases SET {change}")
        connection.close()
        if free:
            second.acquire(BTC, 10)
        else:
            with pytest.raises(StoreBusyError):
                second.acquire(BTC, 10)


RACER = """
import sys
from app.clock import FakeClock
from app.errors import StoreBusyError
from app.market import MarketId
from app.store import open_store
store = open_store("sqlite:///" + sys.argv[1], clock=FakeClock())
sys.stdin.readline()
won = []
for k in range(40):
    store.request(MarketId("v", f"M{k}/X"), 60)
    try:
        store.acquire(MarketId("v", f"M{k}/X"), 60)
        won.append(k)
    except StoreBusyError:
        pass
print(won, flush=True)
sys.stdin.readline()
"""


def test_of_racing_collectors_each_market_has_one(tmp_path: Path) -> None:
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    won: list[int] = []
    for racer in racers:
        assert racer.stdout is not None
        won += eval(racer.stdout.readline())
    with opened(tmp_path) as store:
        assert len(store.requested()) == 40
    for racer in racers:
        racer.communicate("done\n", timeout=20)
        assert racer.returncode == 0
    assert sorted(won) == list(range(40))


def test_a_store_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x")
    with pytest.raises(StoreError, match="is a file; move it away"), opened(tmp_path / "f"):
        pass
    with opened(tmp_path / "f" / "hot") as store:
        for call in (
            lambda: store.request(BTC, 5),
            lambda: store.append(BTC, {"row": batch("row", [1])}),
        ):
            with pytest.raises(StoreError, match=r"The store directory .*/f/hot cannot be used"):
                call()


def test_a_wish_to_try_now_is_heard_once_and_not_too_often(tmp_path: Path) -> None:
    clock = FakeClock()
    with opened(tmp_path, clock) as viewer, opened(tmp_path, clock) as collector:
        since = clock.now_ns()
        assert collector.hurried(since) == []
        clock.advance(1)
        assert viewer.hurry(BTC)
        assert not viewer.hurry(BTC)
        assert viewer.hurry(ETH)
        assert collector.hurried(since) == [BTC, ETH]
        assert collector.hurried(clock.now_ns()) == []
        clock.advance(control.HURRY_NS / 1e9 + 0.001)
        assert viewer.hurry(BTC)
        assert collector.hurried(clock.now_ns() - 1) == [BTC]
