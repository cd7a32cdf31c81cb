"""The real server: two gunicorn workers over a store that a market keeps writing."""

import asyncio
import base64
import hashlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from app.clock import SystemClock
from app.store import open_store
from app.supervisor import free_port
from app.web.access import COOKIE
from tests.web_client import fetch, live_page, read_on
from tests.web_collector import Collector, collecting
from tests.web_market import fill
from tests.web_server import (
    gunicorn_command,
    running_server,
    server_environ,
    server_process,
)
from tests.web_walk import walks

pytestmark = [pytest.mark.timeout(120)]
BTC, ETH = "binance:BTC/USDT", "kraken:ETH/USD"
TOKEN = "correct-horse-battery"
SMALL = {"range_s": 60, "mid_rows": 20}


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    with collecting(tmp_path_factory.mktemp("hot")) as writer:
        yield writer


@pytest.fixture(scope="module")
def open_server(collector: Collector) -> Iterator[str]:
    with running_server(collector.store.directory) as base_url:
        yield base_url


@pytest.fixture(scope="module")
def locked_server(collector: Collector) -> Iterator[str]:
    with running_server(collector.store.directory, token=TOKEN) as base_url:
        yield base_url


def test_the_page_is_served_and_nothing_else(open_server: str) -> None:
    page = httpx.get(open_server)
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    nowhere = (
        "/docs", "/redoc", "/openapi.json", "/anything", "/a/b/c", "/_mcp", "/index.html", "/.env",
        "/assets", "/assets/../app/web/server.py", "/assets/%2e%2e/pyproject.toml", "/healthz/",
        "/_dash-component-suites/os/path.py", "/_dash-component-suites/dash/x.js",
    )  # fmt: skip
    for path in nowhere:
        answer = httpx.get(open_server + path)
        assert answer.status_code == 404, path
        assert answer.json() == {"error": "There is nothing at this address."}
    assert httpx.post(open_server + "/api/v1/markets").status_code == 405
    hostile = httpx.get(open_server + "/?m=<script>alert(1)</script>").text
    assert "<script>alert" not in hostile
    # Dash numbers every page, and the view of the address stands in one attribute; nothing else differs.
    varies = r'"end_id":"[^"]*"|data-first="[^"]*"'
    assert len({re.sub(varies, "", text) for text in (hostile, page.text)}) == 1


def test_inline_scripts_of_the_page_are_allowed_by_their_hashes(open_server: str) -> None:
    page = httpx.get(open_server)
    policy = page.headers["content-security-policy"]
    scripts = next(part for part in policy.split(";") if part.strip().startswith("script-src"))
    assert "unsafe" not in scripts
    inline = re.findall(r"<script((?![^>]*\bsrc=)[^>]*)>(.*?)</script>", page.text, re.DOTALL)
    run = [code for attributes, code in inline if "application/json" not in attributes]
    assert run
    for code in run:
        digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in scripts


def test_health(open_server: str) -> None:
    assert httpx.get(open_server + "/healthz").json() == {"status": "ok"}
    assert httpx.get(open_server + "/readyz").json() == {"status": "ready"}


def test_a_cookie_of_one_worker_opens_all(locked_server: str) -> None:
    assert httpx.get(locked_server).status_code == 401
    assert httpx.get(locked_server + "/healthz").status_code == 200
    assert httpx.get(locked_server + "/readyz").status_code == 200
    entered = httpx.get(f"{locked_server}/?m={BTC}&token={TOKEN}", headers={"accept": "text/html"})
    assert entered.status_code == 303
    assert TOKEN not in entered.headers["location"]
    cookie = {"cookie": f"{COOKIE}={entered.cookies[COOKIE]}"}
    for _ in range(12):  # a new connection each time: both workers
        assert httpx.get(locked_server, headers=cookie).status_code == 200
        assert httpx.get(locked_server + "/_dash-layout", headers=cookie).status_code == 200
    assert httpx.get(locked_server + "/_dash-layout").status_code == 401


async def test_a_killed_worker_is_replaced_and_pages_come_back(collector: Collector) -> None:
    with server_process(collector.store.directory, workers=2) as (base, process):
        workers = psutil.Process(process.pid).children()
        async with live_page(base) as page:
            await page.view(1, BTC, **SMALL)
            await page.until("snapshot")
            for worker in workers:
                worker.send_signal(signal.SIGKILL)
            with pytest.raises(ConnectionClosed):
                await read_on(page)
        async with asyncio.timeout(30):
            while True:
                try:
                    async with live_page(base) as page:
                        await page.view(1, BTC, **SMALL)
                        await page.until("snapshot")
                        await page.until("update")
                        break
                except (OSError, ConnectionClosed, InvalidStatus):
                    await asyncio.sleep(0.1)
        assert {w.pid for w in psutil.Process(process.pid).children()}.isdisjoint(
            w.pid for w in workers
        )


async def test_pages_leave_a_server_that_ends(
    collector: Collector, capfd: pytest.CaptureFixture[str]
) -> None:
    with server_process(collector.store.directory, workers=1) as (base, process):
        async with live_page(base) as page:
            await page.view(1, BTC, **SMALL)
            await page.until("snapshot")
            process.send_signal(signal.SIGTERM)
            with pytest.raises(ConnectionClosed) as closed:
                await read_on(page)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012
        assert closed.value.rcvd.reason == "The server restarts."
        assert await asyncio.to_thread(process.wait, 15) == 0
    assert "SIGKILL" not in capfd.readouterr().err


async def test_a_store_that_is_not_there_yet(tmp_path: Path) -> None:
    with running_server(tmp_path / "later", workers=1) as base:
        assert (await fetch(base)).status_code == 200
        assert (await fetch(base + "/readyz")).status_code == 503
        assert (await fetch(base + "/api/v1/markets")).json() == {"markets": []}
        async with live_page(base) as page:
            await page.view(1, BTC, **SMALL)
            waits = await page.until("starting", id=1)
            assert "has not answered yet" in waits["message"]
            assert waits["progress"] == 0
            clock = SystemClock()
            store = open_store(f"sqlite:///{tmp_path / 'later'}", clock=clock)
            (walk,) = walks(1)
            fill(store, walk, 2, clock.now_ns())
            assert (await page.until("snapshot"))["market"] == BTC
            store.close()


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({"OFI_WEB__HOST": "0.0.0.0"}, "OFI_WEB__TOKEN"),
        ({"OFI_WEB__PROT": "1"}, "unknown"),
        ({"OFI_STORE__URL": "mysql://x"}, "store"),
    ],
)
def test_what_keeps_the_server_from_starting_is_said(
    tmp_path: Path, environ: dict[str, str], says: str
) -> None:
    port = free_port()
    done = subprocess.run(
        gunicorn_command(port, 1),
        env=server_environ(tmp_path, port, None) | environ,
        cwd=Path(__file__).resolve().parents[1],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert says in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()


def test_a_token_is_asked_for_even_when_gunicorn_was_told_another_address(tmp_path: Path) -> None:
    address = next(
        (a.address for n in psutil.net_if_addrs().values() for a in n
         if a.family == socket.AF_INET and not a.address.startswith("127.")), None,
    )  # fmt: skip
    if address is None:
        pytest.skip("this machine has no address but loopback")
    port = free_port()
    command = [part.replace("127.0.0.1", "0.0.0.0") for part in gunicorn_command(port, 1)]
    process = subprocess.Popen(
        command, env=server_environ(tmp_path, port, None), start_new_session=True,
        cwd=Path(__file__).resolve().parents[1],
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                httpx.get(f"http://127.0.0.1:{port}/healthz")
                break
            except httpx.HTTPError:
                time.sleep(0.1)
        answer = httpx.get(f"http://{address}:{port}/", headers={"host": "localhost"})
        assert answer.status_code == 403
        assert "OFI_WEB__TOKEN" in answer.json()["error"]
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_importing_the_server_opens_nothing() -> None:
    code = "import app.web.server as s; print(s.server._app)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, timeout=60, check=True,
        cwd=Path(__file__).resolve().parents[1], env=os.environ | {"OFI_WEB__PROT": "1"},
    )  # fmt: skip
    assert done.stdout.strip() == b"None"
