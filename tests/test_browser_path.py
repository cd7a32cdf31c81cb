"""The main job in a real browser: recorded market messages, in the exchange's own protocol, to pixels."""

import json
import re
import subprocess
from collections.abc import Iterator

import httpx
import pytest

from app.supervisor import free_port
from tests.browser import Watched, eventually, pixels
from tests.processes import demo_exchange, running
from tests.recorded import recorded
from tests.venues.binance_protocol import settings_for
from tests.venues.binance_replay import FILE

pytestmark = [pytest.mark.browser, pytest.mark.slow]

BTC, ETH = "binance:BTC/USDT", "demo:ETH/USDT"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`ofi run` on the replayed capture and, as a second market, on the demo exchange."""
    path, port, venue_port = recorded(FILE), free_port(), free_port()
    replay = ("tests.venues.binance_replay", "--file", path, "--port", venue_port, "--loop")
    environ = {
        "OFI_STORE__URL": f"sqlite:///{tmp_path_factory.mktemp('hot')}",
        "OFI_LOG__LEVEL": "error",
    }
    with demo_exchange() as (demo, _), running(*replay, stdout=subprocess.DEVNULL):
        venues = json.loads(demo["OFI_VENUES"]) | {"binance": settings_for(venue_port)}
        environ["OFI_VENUES"] = json.dumps(venues)
        with running("app.cli", "run", "--port", port, BTC, ETH, environ=environ):
            base = f"http://127.0.0.1:{port}"
            eventually(lambda: ready(base), 60)
            yield base


def ready(base: str) -> bool:
    try:
        return httpx.get(f"{base}/readyz").status_code == 200
    except httpx.TransportError:
        return False


def test_the_recorded_market_moves_on_the_page(page: Watched, url: str) -> None:
    page.open(f"{url}/?m={BTC}&range=60", BTC)
    before = pixels(page.page, ".row-book .plot")
    count = page.view(BTC)["drawn"]["count"]
    page.until(f"() => window.ofi.view('{BTC}').drawn.count > {count + 20}")
    assert pixels(page.page, ".row-book .plot") != before
    assert 55_000 < page.view(BTC)["tiles"]["mid"] < 65_000  # where the capture traded
    assert page.complaints == []


def test_market_depth_and_window_change_what_is_drawn(page: Watched, url: str) -> None:
    page.open(f"{url}/?m={BTC}&depth=5&window=5&range=60", BTC)
    ofi = pixels(page.page, ".row-ofi .plot")
    levels = pixels(page.page, ".row-levels .plot")
    page.open(f"{url}/?m={BTC}&depth=20&window=60&range=60", BTC)
    assert pixels(page.page, ".row-ofi .plot") != ofi
    assert pixels(page.page, ".row-levels .plot") != levels
    page.open(f"{url}/?m={ETH}&range=60", ETH)
    assert page.view(ETH)["info"]["base"] == "ETH"


def test_a_number_on_the_page_is_the_apis_at_that_time(page: Watched, url: str) -> None:
    window_s = 5
    page.open(f"{url}/?m={BTC}&window={window_s}&range=60", BTC)
    page.until(f"() => window.ofi.view('{BTC}').told?.ofi != null")
    shown, tiles = page.page.evaluate(
        """market => {
          const at = window.ofi.view(market);
          const text = document.querySelector('.stack [data-f=ofi]').textContent;
          return [text, at.told];
        }""",
        BTC,
    )
    end_ns = round(tiles["t"] * 1_000_000)
    query = {"market": BTC, "start": end_ns - window_s * 10**9, "end": end_ns, "limit": 10_000}
    answer = httpx.get(f"{url}/api/v1/features", params=query, timeout=60).json()
    ofi = [row[answer["columns"].index("ofi_best")] for row in answer["rows"]]
    assert sum(ofi) == pytest.approx(tiles["ofi"], abs=1e-9)
    printed = float(re.sub(r"[^0-9.\-]", "", shown.replace("\u2212", "-")))
    assert printed == pytest.approx(tiles["ofi"], rel=0.006, abs=0.006)
