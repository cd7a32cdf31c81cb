"""The page's callbacks over HTTP, as a browser calls them and as nobody should."""

import json
from decimal import Decimal
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.market import Grid, Market, MarketId
from app.settings import Settings
from app.web.page import create_page

BTC = Market(
    MarketId.parse("binance:BTC/USDT"), "BTC", "USDT", Grid(Decimal("0.01"), Decimal("0.001"))
)


async def call(known: dict[MarketId, Market], changed: str, **values: Any) -> httpx.Response:
    """Trigger the view's callback with inputs by `id.property`."""
    server = FastAPI(docs_url=None, openapi_url=None)
    app = create_page(server, Settings(), lambda: known)
    output = next(key for key in app.callback_map if key.startswith("..url.search"))
    spec = app.callback_map[output]

    def filled(one: dict[str, str]) -> dict[str, Any]:
        return one | {"value": values.get(one["id"])}

    parts = [part.rsplit(".", 1) for part in output.strip(".").split("...")]
    body = {
        "output": output,
        "outputs": [{"id": name, "property": prop} for name, prop in parts],
        "inputs": [filled(one) for one in spec["inputs"]],
        "state": [filled(one) for one in spec["state"]],
        "changedPropIds": [changed] if changed else [],
    }
    transport = httpx.ASGITransport(app=server)
    async with httpx.AsyncClient(transport=transport, base_url="http://page") as client:
        return await client.post("/_dash-update-component", json=body)


async def test_a_bare_address_shows_the_first_market() -> None:
    answer = (await call({BTC.id: BTC}, "url.search", url="")).json()["response"]
    assert answer["url"]["search"].startswith("?m=binance:BTC/USDT&depth=10")
    assert json.loads(answer["view"]["data-view"])["markets"] == ["binance:BTC/USDT"]
    assert json.loads(answer["view"]["data-view"])["window_s"] == 10
    assert answer["stacks"]["className"] == "stacks n1"


async def test_an_empty_store_shows_what_it_waits_for() -> None:
    answer = (await call({}, "url.search", url="")).json()["response"]
    assert "Waiting for the first market" in json.dumps(answer["stacks"]["children"])


async def test_a_control_changes_the_address_and_leaves_the_stacks() -> None:
    shown = json.dumps({"markets": ["binance:BTC/USDT"]})
    values = {"depth": "5", "window": "10", "range": "900", "lookback": "1800", "zone": "utc"}
    url = "?m=binance:BTC/USDT&depth=10&theme=light"
    answer = (await call({BTC.id: BTC}, "depth.value", url=url, view=shown, **values)).json()
    response = answer["response"]
    assert "depth=5" in response["url"]["search"]
    assert "theme=light" in response["url"]["search"]
    assert "children" not in response["stacks"]


async def test_a_wish_for_markets_brings_their_stacks() -> None:
    shown = json.dumps({"markets": ["binance:BTC/USDT"]})
    wish = {"m": ["binance:BTC/USDT", "kraken:ETH/USD"]}
    url = "?m=binance:BTC/USDT&depth=5"
    answer = (await call({BTC.id: BTC}, "wish.data", url=url, view=shown, wish=wish)).json()
    response = answer["response"]
    assert response["url"]["search"].startswith("?m=binance:BTC/USDT&m=kraken:ETH/USD&depth=5")
    assert len(response["stacks"]["children"]) == 2


async def test_freezing_is_part_of_the_address() -> None:
    url = "?m=binance:BTC/USDT"
    held = await call({BTC.id: BTC}, "frozen.data", url=url, frozen={"end_ms": 1_700_000_000_000})
    assert "end=1700000000000" in held.json()["response"]["url"]["search"]
    first = await call({BTC.id: BTC}, "frozen.data", url=f"{url}&end=5", frozen=None)
    assert "end=5" in first.json()["response"]["url"]["search"]


@pytest.mark.parametrize("junk", [7, ["a"], {"a": 1}, "\x00", "x" * 5000])
async def test_junk_from_a_page_gives_a_page(junk: Any) -> None:
    names = ("url", "zone", "depth", "window", "range", "theme", "frozen", "arrived", "view")
    names += ("lookback", "wish")
    for changed in (
        "url.search",
        "markets.value",
        "depth.value",
        "frozen.data",
        "theme.n_clicks",
        "wish.data",
    ):
        answer = await call({BTC.id: BTC}, changed, **dict.fromkeys(names, junk))
        assert answer.status_code == 200, changed
        assert "data-view" in answer.json()["response"]["view"]
