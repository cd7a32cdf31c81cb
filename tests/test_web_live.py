"""`/live` of the real server: two gunicorn workers over a store that a market keeps writing."""

import asyncio
import json
import socket
import struct
import time
from collections.abc import Iterator

import numpy as np
import psutil
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from app.clock import NS_PER_S
from tests.web_client import LivePage, fetch, live_page, read_on
from tests.web_collector import Collector, collecting
from tests.web_page import PageModel
from tests.web_server import (
    running_server,
    server_process,
)

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


async def test_a_snapshot_then_updates_without_a_hole(open_server: str) -> None:
    async with live_page(open_server) as page:
        hello = await page.receive()
        assert hello["type"] == "hello"
        assert hello["protocol"] == 1
        await page.view(1, BTC, **SMALL)
        answer = await page.until("view", id=1)
        first = await page.until("snapshot", key=answer["key"])
        assert first["market"] == BTC
        assert first["status"]["state"] == "live"
        assert len(page.arrays["t"]) in (240, 241)
        began = time.monotonic()
        seqs = [first["seq"]]
        while len(seqs) < 20:
            seqs.append((await page.until("update"))["seq"])
        assert np.diff(seqs).tolist() == [1] * 19
        # About ten a second, and fresh.
        assert time.monotonic() - began < 10
        times = page.frames[-1][0]["times"]
        assert times["sent_ms"] - times["row_ms"] < 2000
        assert max(page.sizes[1:]) < 20_000


async def test_one_page_may_watch_markets_and_summaries(open_server: str) -> None:
    async with live_page(open_server) as page:
        await page.view(1, BTC, **SMALL)
        await page.view(2, ETH, **SMALL, depth=3)
        await page.send(type="watch", on=True)
        await page.until("snapshot", market=BTC)
        await page.until("snapshot", market=ETH)
        rows = (await page.until("watch"))["markets"]
        assert [row["market"] for row in rows] == [BTC, ETH]
        await page.send(type="ping", t=42)
        assert (await page.until("pong"))["t"] == 42
        await page.send(type="drop", id=1)
        await page.send(type="ping", t=43)
        await page.until("pong", t=43)
        seen = len(page.frames)
        for _ in range(5):
            await page.until("update")
        assert {header["market"] for header, _ in page.frames[seen + 2 :]} == {ETH}


async def test_a_view_may_be_prepared_and_a_bad_wish_is_a_sentence(open_server: str) -> None:
    async with live_page(open_server) as page:
        await page.view(1, BTC, **SMALL)
        await page.until("snapshot", market=BTC)
        await page.send(type="prepare", market=ETH, **SMALL)
        await page.send(type="prepare", market=ETH, **SMALL | {"range_s": 1})
        assert "range_s" in (await page.until("error"))["message"]
        await page.view(2, ETH, **SMALL)
        await page.until("snapshot", market=ETH)


async def test_pages_of_one_worker_get_the_same_bytes(collector: Collector) -> None:
    with running_server(collector.store.directory, workers=1) as base:
        async with live_page(base) as one, live_page(base) as two:
            for page in (one, two):
                await page.view(1, BTC, **SMALL)
                await page.until("snapshot")
            for page in (one, two):
                for _ in range(8):
                    await page.until("update")
        frames = [
            {h["seq"]: h for h, _ in page.frames if h["type"] == "update"} for page in (one, two)
        ]
        common = frames[0].keys() & frames[1].keys()
        assert len(common) >= 4
        # Down to the time of sending: it was made once.
        assert all(frames[0][seq] == frames[1][seq] for seq in common)


async def test_resync(open_server: str) -> None:
    async with live_page(open_server) as page:
        await page.view(5, BTC, **SMALL)
        await page.until("snapshot")
        await page.until("update")
        await page.send(type="resync", id=5)
        again = await page.until("snapshot")
        assert (await page.until("update"))["seq"] == again["seq"] + 1


async def test_the_page_agrees_with_the_api(open_server: str) -> None:
    async with live_page(open_server) as page:
        await page.view(1, BTC, **SMALL, window_s=5)
        await page.until("snapshot")
        header = await page.until("update")
    tiles = header["tiles"]
    t = round(tiles["t"] * 1e6)
    query = {"market": BTC, "start": t - 5 * NS_PER_S, "end": t, "levels": 10}
    value = (await fetch(open_server + "/api/v1/features", params=query)).json()
    rows = [dict(zip(value["columns"], row, strict=True)) for row in value["rows"]]
    assert rows[-1]["end"] == str(t)
    assert rows[-1]["mid"] == tiles["mid"]
    assert rows[-1]["spread"] == tiles["spread"]
    assert sum(row["ofi_best"] for row in rows) == pytest.approx(tiles["ofi"], abs=1e-9)


async def test_the_past_is_shown_beside_the_present(open_server: str) -> None:
    end_ms = int(time.time() - 60) * 1000
    async with live_page(open_server) as page:
        await page.view(1, BTC, **SMALL, end_ms=end_ms)
        header = await page.until("snapshot")
        assert header["end_ms"] == end_ms
        assert page.arrays["t"][-1] == end_ms


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ("nonsense", "JSON"),
        ("[1, 2]", "JSON object"),
        ('{"type": "dance"}', "unknown"),
        ('{"type": "view", "id": 1}', "market"),
        ('{"type": "view", "market": "binance:BTC/USDT"}', "id must be"),
        ('{"type": "view", "id": 1, "market": "x"}', "venue:SYMBOL"),
        ('{"type": "view", "id": 1, "market": 5}', "market"),
        ('{"type": "view", "id": true, "market": "a:B"}', "id must be"),
        ('{"type": "view", "id": 1, "market": "a:B", "depth": 21}', "depth"),
        ('{"type": "view", "id": 1, "market": "a:B", "range_s": 1e9}', "range_s"),
        ('{"type": "view", "id": 1, "market": "a:B", "window_s": "1"}', "window_s"),
        ('{"type": "view", "id": 1, "market": "a:B", "end_ms": -5}', "end_ms"),
        ('{"type": "view", "id": 1, "market": "a:B", "mid_rows": 1.5}', "mid_rows"),
    ],
)
async def test_a_wrong_command_is_answered_and_the_page_lives(
    open_server: str, message: str, says: str
) -> None:
    async with live_page(open_server) as page:
        await page.socket.send(message)
        error = await page.until("error")
        assert says in error["message"]
        await page.send(type="ping", t=1)
        await page.until("pong")


async def test_a_hostile_market_is_only_ever_text(open_server: str) -> None:
    name = "binance:<img/src=x/onerror=alert(1)>"
    async with live_page(open_server) as page:
        await page.view(1, name)
        waits = await page.until("starting", id=1)
        assert name in waits["message"]
    answer = await fetch(open_server + "/api/v1/book", params={"market": name})
    assert answer.status_code == 404


async def flood(page: LivePage) -> None:
    """Far more commands than a page may send, and reading on."""
    for k in range(4000):
        await page.send(type="ping", t=k)
        if k % 50 == 0:
            await asyncio.sleep(0)
    await read_on(page)


async def test_caps(open_server: str) -> None:
    async with live_page(open_server) as page:
        for number in range(16):
            await page.view(number, ETH, **SMALL)
        await page.view(16, ETH, **SMALL)
        error = await page.until("error", id=16)
        assert "16 views" in error["message"]
    async with live_page(open_server) as page:
        await page.receive()
        await page.socket.send("x" * 17_000)
        with pytest.raises(ConnectionClosed) as closed:
            await page.until("never")
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009
    async with live_page(open_server) as page:
        with pytest.raises(ConnectionClosed) as closed:
            await flood(page)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1008


async def test_clients_beyond_the_cap_are_told(collector: Collector) -> None:
    with running_server(collector.store.directory, workers=1, OFI_WEB__MAX_CLIENTS="1") as base:
        async with live_page(base) as first:
            await first.receive()
            async with live_page(base) as second:
                assert "try again later" in (await second.receive())["message"]
                with pytest.raises(ConnectionClosed):
                    await second.receive()


async def test_a_socket_obeys_the_access_rules(open_server: str, locked_server: str) -> None:
    for address, origin in ((open_server, "http://evil.example"), ("http://evil.example", None)):
        host, port = "127.0.0.1", int(open_server.rsplit(":", 1)[1])
        with pytest.raises(InvalidStatus) as refused:
            async with live_page(address, origin=origin, host=host, port=port):
                pass
        assert refused.value.response.status_code == 403
    with pytest.raises(InvalidStatus):
        async with live_page(locked_server):
            pass
    async with live_page(open_server, origin=open_server) as page:
        await page.receive()
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    async with live_page(locked_server, additional_headers=bearer) as page:
        await page.receive()
    with pytest.raises(InvalidStatus):
        async with live_page(locked_server, additional_headers=bearer, origin="http://x.y"):
            pass


def raw_socket(base_url: str) -> socket.socket:
    """A WebSocket by hand: whoever reads nothing from it is a slow page indeed."""
    host, port = base_url.removeprefix("http://").split(":")
    plain = socket.create_connection((host, int(port)))
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    key = "dGhlIHNhbXBsZSBub25jZQ=="
    plain.sendall(
        f"GET /live HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    return plain


def send_raw(plain: socket.socket, message: dict[str, object]) -> None:
    data = json.dumps(message).encode()
    assert len(data) < 65_536
    head = b"\x81" + (
        bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + struct.pack("!H", len(data))
    )
    plain.sendall(head + bytes(4) + data)


async def test_a_page_that_does_not_read_costs_no_memory_and_holds_up_nobody(
    collector: Collector,
) -> None:
    with server_process(collector.store.directory, workers=1) as (base, process):
        (worker,) = psutil.Process(process.pid).children()
        stuck = [raw_socket(base) for _ in range(6)]
        for plain in stuck:
            for number in range(4):
                send_raw(
                    plain,
                    {
                        "type": "view",
                        "id": number,
                        "market": BTC,
                        "range_s": 300,
                        "depth": 1 + number,
                    },
                )
        async with live_page(base) as page:
            await page.view(1, BTC, range_s=300)
            await page.until("snapshot")
            for _ in range(20):
                await page.until("update")
            before = worker.memory_info().rss
            for _ in range(60):
                await page.until("update")
            grown = worker.memory_info().rss - before
            seqs = [h["seq"] for h, _ in page.frames if h["type"] == "update"]
            assert np.diff(seqs).tolist() == [1] * (len(seqs) - 1)
            assert grown < 12 << 20
            times = page.frames[-1][0]["times"]
            assert times["sent_ms"] - times["row_ms"] < 2000
        for plain in stuck:
            plain.close()


async def test_a_collector_that_stops_is_a_gap_and_the_page_goes_on(
    collector: Collector, open_server: str
) -> None:
    model = PageModel()
    async with live_page(open_server) as page:
        await page.view(1, BTC, **SMALL)
        data = b""
        while True:
            data = await asyncio.wait_for(page.socket.recv(), 10)
            if isinstance(data, bytes):
                break
        model.take(data)
        collector.hold.set()
        try:
            async with asyncio.timeout(20):
                while model.header["status"]["state"] != "down":
                    data = await page.socket.recv()
                    if isinstance(data, bytes):
                        model.take(data)
        finally:
            collector.hold.clear()
        assert model.header["gaps"][-1]["to_ms"] is None
        async with asyncio.timeout(20):
            while model.header["status"]["state"] != "live":
                data = await page.socket.recv()
                if isinstance(data, bytes):
                    model.take(data)
        assert model.holes == 0
        reasons = {gap["reason"] for gap in model.header["gaps"]}
        assert "collector restarted" in reasons
        assert np.isnan(model.arrays["mid"][-8:-4]).any()
