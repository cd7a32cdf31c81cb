"""What can go wrong around `ofi run`, with real processes: one clear sentence each, the rest alive."""

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager

import httpx
import psutil
import pytest

from app.clock import SystemClock
from app.market import MarketId
from app.store import open_store
from app.supervisor import free_port
from tests.processes import ROOT, demo_exchange, running, wait_for
from tests.venues.binance_protocol import settings_for

pytestmark = pytest.mark.slow

BTC = "demo:BTC/USDT"


@pytest.fixture(scope="module")
def demo():
    with demo_exchange() as (environ, _):
        yield environ


def ofi(*words, **environ):
    """Run a command that is expected to end by itself."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("OFI_")}
    return subprocess.run(
        [sys.executable, "-m", "app.cli", *map(str, words)],
        cwd=ROOT,
        env=clean | environ,
        capture_output=True,
        text=True,
        timeout=60,
    )


def one_sentence(result, code):
    """The last line on stderr is ours, and nothing there is a traceback."""
    assert result.returncode == code, result.stderr
    assert "Traceback" not in result.stderr
    lines = [line for line in result.stderr.splitlines() if line.startswith("ofi: ")]
    assert len(lines) == 1, result.stderr
    return lines[0].removeprefix("ofi: ")


@contextmanager
def run(tmp_path, environ, *words):
    """`ofi run` over a store in `tmp_path`; yields its base URL and a reader of its log."""
    port, log = free_port(), tmp_path / "log"
    extra = {**environ, "OFI_STORE__URL": f"sqlite:///{tmp_path / 'hot'}"}
    with (
        log.open("wb") as file,
        running("app.cli", "run", "--port", port, *words, environ=extra, stderr=file) as process,
    ):
        yield f"http://127.0.0.1:{port}", log.read_text, process


def state_of(base, market):
    try:
        markets = httpx.get(f"{base}/api/v1/markets").json()["markets"]
    except httpx.TransportError:
        return None
    return next((m["state"] for m in markets if m["market"] == market), None)


def test_an_unknown_setting():
    assert "did you mean 'port'" in one_sentence(ofi("run", BTC, OFI_WEB__PROT="1"), 2)


def test_no_market_at_all():
    assert "ofi run binance:BTC/USDT" in one_sentence(ofi("run"), 2)


def test_a_port_in_use():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        sentence = one_sentence(ofi("run", BTC, "--port", port), 1)
    assert f"Port {port}" in sentence
    assert "--port" in sentence


def test_an_open_address_without_a_token():
    sentence = one_sentence(ofi("run", BTC, "--host", "0.0.0.0", "--port", free_port()), 1)
    assert "OFI_WEB__TOKEN" in sentence


def test_a_store_that_is_a_file(tmp_path, demo):
    (tmp_path / "file").write_text("not a directory")
    result = ofi("collect", BTC, OFI_STORE__URL=f"sqlite:///{tmp_path / 'file'}", **demo)
    assert str(tmp_path / "file") in one_sentence(result, 1)


@pytest.mark.parametrize(
    ("market", "near"),
    [("demo:BTC/USD", "BTC/USDT"), ("binnance:BTC/USDT", "binance")],
)
def test_a_wrong_name_alone_ends_the_command(tmp_path, demo, market, near):
    result = ofi("collect", market, OFI_STORE__URL=f"sqlite:///{tmp_path}", **demo)
    assert near in one_sentence(result, 2)


def test_a_wrong_symbol_and_a_venue_that_is_down_beside_a_living_market(tmp_path, demo):
    venues = json.loads(demo["OFI_VENUES"]) | {"gone": settings_for(free_port())}
    environ = {"OFI_VENUES": json.dumps(venues)}
    with run(tmp_path, environ, BTC, "demo:BTC/USD", "gone:ETH/USDT") as (base, log, _):
        wait_for(lambda: state_of(base, BTC) == "live", "the living market")
        wait_for(lambda: state_of(base, "gone:ETH/USDT") == "down", "the dead venue")
        wait_for(lambda: "demo:BTC/USD" in log() and "market refused" in log(), "the wrong symbol")
        assert "Traceback" not in log()


def test_no_network_points_to_the_demo(tmp_path):
    environ = {"OFI_VENUES": json.dumps({"gone": settings_for(free_port())})}
    with run(tmp_path, environ, "gone:ETH/USDT") as (base, log, _):
        wait_for(lambda: "ofi demo" in log(), "the sentence")
        wait_for(lambda: state_of(base, "gone:ETH/USDT") == "down", "the page")
        assert "No venue can be reached" in log()
        assert "Traceback" not in log()


def test_a_corrupt_file_is_set_aside_while_everything_runs(tmp_path, demo):
    with run(tmp_path, demo, BTC, "demo:ETH/USDT") as (base, log, _):
        wait_for(lambda: state_of(base, BTC) == "live", "the market")
        for path in (tmp_path / "hot").glob(f"{MarketId.parse(BTC).file_name}.sqlite*"):
            if not path.name.endswith("-shm"):
                with path.open("r+b") as file:
                    file.write(os.urandom(path.stat().st_size))

        def set_aside():
            httpx.get(f"{base}/api/v1/features", params={"market": BTC})  # someone looks at it
            return list((tmp_path / "hot").glob("*damaged*"))

        wait_for(set_aside, "the damaged file set aside")
        wait_for(lambda: state_of(base, BTC) == "live", "the market again")
        assert state_of(base, "demo:ETH/USDT") == "live"
        assert "Traceback" not in log()


def test_a_full_disk_is_said_and_outlived(tmp_path, demo):
    """A file-size limit stands in for the full disk: SQLite meets the same error from the kernel."""
    market, clock = MarketId.parse(BTC), SystemClock()
    url, log = f"sqlite:///{tmp_path / 'hot'}", tmp_path / "log"
    store = open_store(url, clock=clock, readonly=True)
    with log.open("wb") as file:
        arguments = ("app.cli", "collect", "--store", url, BTC)
        with running(*arguments, environ=demo, stderr=file) as process:
            rows = lambda: len(store.window(market, "row", 0, 2**62))  # noqa: E731
            wait_for(lambda: market in store.markets() and rows() > 5, "rows")
            limits = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (4096, limits[1]))
            wait_for(lambda: "not stored" in log.read_text(), "the sentence")
            full = rows()
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, limits)
            wait_for(lambda: rows() > full + 5, "rows again")
            assert process.poll() is None
    ends = store.window(market, "row", 0, 2**62)["end_ns"]
    store.close()
    assert len(set(ends.tolist())) == len(ends)
    assert "Traceback" not in log.read_text()


def test_a_killed_collector_and_a_killed_worker_come_back(tmp_path, demo):
    with run(tmp_path, demo, BTC) as (base, log, process):
        wait_for(lambda: state_of(base, BTC) == "live", "the market")
        family = psutil.Process(process.pid).children(recursive=True)
        collector = next(p for p in family if "collect" in p.cmdline())
        worker = next(
            p for p in family if p.parent() and "gunicorn" in " ".join(p.parent().cmdline())
        )
        worker.send_signal(signal.SIGKILL)
        collector.send_signal(signal.SIGKILL)
        wait_for(lambda: "starts again" in log(), "the restart is said")
        store = open_store(f"sqlite:///{tmp_path / 'hot'}", clock=SystemClock(), readonly=True)
        gaps = lambda: store.window(MarketId.parse(BTC), "gap", 0, 2**62)  # noqa: E731
        wait_for(lambda: b"collector restarted" in gaps()["reason"], "the gap")
        store.close()
        wait_for(lambda: state_of(base, BTC) == "live", "the market again")
        assert httpx.get(f"{base}/healthz").status_code == 200


def test_ctrl_c_ends_all_within_three_seconds_and_leaves_nothing(tmp_path, demo):
    with run(tmp_path, demo, BTC) as (base, log, process):
        wait_for(lambda: state_of(base, BTC) == "live", "the market")
        family = psutil.Process(process.pid).children(recursive=True)
        assert len(family) >= 4  # collector, gunicorn, two workers
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        assert time.monotonic() - began < 3
        assert not [p for p in family if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
        assert "Traceback" not in log()
