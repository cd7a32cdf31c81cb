"""`ofi doctor`: each finding is seen, and each fault says what to do."""

import json
import socket

import pytest

from app.clock import SystemClock
from app.doctor import examine
from app.supervisor import free_port
from tests.venues.binance_protocol import settings_for
from tests.venues.scripted import ScriptedVenue


async def findings(tmp_path, **environ):
    environ.setdefault("OFI_STORE__URL", f"sqlite:///{tmp_path / 'hot'}")
    environ.setdefault("OFI_WEB__PORT", str(free_port()))
    return {f.what: f for f in await examine(environ, SystemClock())}


@pytest.fixture
async def venue():
    server = ScriptedVenue(1)
    await server.start()
    yield {"OFI_VENUES": json.dumps({"lo": settings_for(server.port)})}
    await server.stop()


async def test_all_is_well(tmp_path, venue):
    found = await findings(tmp_path, OFI_MARKETS="lo:AAA/USDT", **venue)
    assert {f.grade for f in found.values()} == {"ok"}
    assert "tick 0.01" in found["market lo:AAA/USDT"].seen
    assert found["clock"].seen.endswith("ms against lo")


async def test_every_fault_says_what_to_do(tmp_path, venue):
    (tmp_path / "file").write_text("in the way")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        found = await findings(
            tmp_path,
            OFI_MARKETS="lo:AAA/USD,binnance:BTC/USDT",
            OFI_WEB__PORT=str(taken.getsockname()[1]),
            OFI_STORE__URL=f"sqlite:///{tmp_path / 'file'}",
            **venue,
        )
    faults = {what for what, finding in found.items() if finding.grade == "fault"}
    assert faults == {"port", "store", "market lo:AAA/USD", "venue binnance"}
    assert "AAA/USDT" in found["market lo:AAA/USD"].seen
    assert "binance" in found["venue binnance"].seen


async def test_a_venue_that_is_down_and_no_markets(tmp_path):
    gone = {"OFI_VENUES": json.dumps({"lo": settings_for(free_port())})}
    down = await findings(tmp_path, OFI_MARKETS="lo:AAA/USDT", **gone)
    assert down["venue lo"].grade == "fault"
    assert down["venue lo"].todo
    assert (await findings(tmp_path))["venues"].grade == "note"


async def test_wrong_settings_are_a_finding_not_an_end(tmp_path):
    found = await findings(tmp_path, OFI_WEB__PROT="1")
    assert "did you mean 'port'" in found["settings"].seen
    assert "store" in found


async def test_an_open_address_without_a_token_is_a_fault(tmp_path):
    found = await findings(tmp_path, OFI_WEB__HOST="0.0.0.0")
    assert found["access"].grade == "fault"
    assert "OFI_WEB__TOKEN" in found["access"].seen
