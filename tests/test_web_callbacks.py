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


async def call(
    known: dict[MarketId, Market], changed: str, *more: str, **values: Any
) -> httpx.Response:
    """Trigger the view's callback with inputs by `id.property`, one or several at once."""
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
        "changedPropIds": [changed, *more] if changed else [],
    }
    transport = httpx.ASGITransport(app=server)
    async with httpx.AsyncClient(transport=transport, base_url="http://page") as client:
        return await client.post("/_dash-update-component", json=body)


async def test_a_bare_address_shows_the_first_market() -> None:
    answer = (await call({BTC.id: BTC}, "url.search", url="")).json()["response"]
    assert answer["url"]["search"].startswith("?m=binance:BTC/USDT&depth=10")
    assert json.loads(answer["view"]["data-view"])["markets"] == ["binance:BTC/USDT"]
    assert json.loads(answer["view"]["data-view"])["window_s"] == 10


async def test_an_empty_store_gives_an_empty_view() -> None:
    answer = (await call({}, "url.search", url="")).json()["response"]
    view = json.loads(answer["view"]["data-view"])
    assert view["markets"] == []


async def test_the_first_market_that_arrives_is_shown() -> None:
    answer = (await call({BTC.id: BTC}, "arrived.data", url="?depth=3", arrived=2)).json()
    view = json.loads(answer["response"]["view"]["data-view"])
    assert (view["markets"], view["depth"]) == (["binance:BTC/USDT"], 3)


async def test_an_address_without_a_market_keeps_what_else_it_says() -> None:
    url = "?range=120&theme=light&tab=evidence"
    changed = ["url.search", "arrived.data", "wish.data"]  # Dash's first call names every input
    response = (await call({BTC.id: BTC}, *changed, url=url)).json()["response"]
    assert response["url"]["search"].startswith("?m=binance:BTC/USDT&depth=10")
    view = json.loads(response["view"]["data-view"])
    assert view["markets"] == ["binance:BTC/USDT"]
    assert (view["range_s"], view["theme"], view["tab"]) == (120, "light", "evidence")


async def test_a_market_that_is_none_gives_way_to_the_first_and_is_told() -> None:
    answer = (await call({BTC.id: BTC}, "url.search", url="?m=nonsense&depth=3")).json()["response"]
    view = json.loads(answer["view"]["data-view"])
    assert (view["markets"], view["depth"]) == (["binance:BTC/USDT"], 3)
    assert "nonsense" in view["dropped"][0]


async def test_a_control_changes_what_it_is_for_in_the_address() -> None:
    values = {"depth": "5", "window": "10", "range": "900", "lookback": "1800", "zone": "utc"}
    url = "?m=binance:BTC/USDT&depth=10&window=60&theme=light"
    answer = (await call({BTC.id: BTC}, "depth.value", url=url, **values)).json()
    search = answer["response"]["url"]["search"]
    # A value that another control has not been told yet is not undone.
    assert "depth=5&window=60" in search
    assert "theme=light" in search


async def test_a_wish_for_markets_brings_them() -> None:
    wish = {"m": ["binance:BTC/USDT", "kraken:ETH/USD"], "window": 30, "theme": "light"}
    url = "?m=binance:BTC/USDT&depth=5"
    answer = (await call({BTC.id: BTC}, "wish.data", url=url, wish=wish)).json()
    response = answer["response"]
    assert response["url"]["search"].startswith("?m=binance:BTC/USDT&m=kraken:ETH/USD&depth=5")
    view = json.loads(response["view"]["data-view"])
    assert view["markets"] == wish["m"]
    assert (view["window_s"], view["theme"]) == (30, "light")


async def test_a_wish_for_nothing_but_junk_shows_the_first_market_and_tells() -> None:
    wish = {"m": ["nonsense"], "n": 4}
    answer = (await call({BTC.id: BTC}, "wish.data", url="?m=kraken:ETH/USD", wish=wish)).json()
    view = json.loads(answer["response"]["view"]["data-view"])
    assert view["markets"] == ["binance:BTC/USDT"]
    assert "nonsense" in view["dropped"][0]


async def test_freezing_is_part_of_the_address() -> None:
    url = "?m=binance:BTC/USDT"
    held = await call({BTC.id: BTC}, "wish.data", url=url, wish={"end": 1_700_000_000_000})
    assert "end=1700000000000" in held.json()["response"]["url"]["search"]
    live = await call({BTC.id: BTC}, "wish.data", url=f"{url}&end=5", wish={"end": None})
    assert "end=" not in live.json()["response"]["url"]["search"]


async def test_a_wish_and_a_control_that_come_together_are_both_granted() -> None:
    values = {"depth": "5", "window": "10", "range": "900", "lookback": "1800", "zone": "utc"}
    values |= {"url": "?m=binance:BTC/USDT", "wish": {"n": 3, "tab": "evidence"}}
    answer = await call({BTC.id: BTC}, "depth.value", "wish.data", **values)
    response = answer.json()["response"]
    assert "depth=5" in response["url"]["search"]
    assert "tab=evidence" in response["url"]["search"]
    assert json.loads(response["view"]["data-view"])["heard"] == 3


async def test_only_the_answer_to_a_wish_says_that_it_was_heard() -> None:
    values = {"depth": "5", "window": "10", "range": "900", "lookback": "1800", "zone": "utc"}
    values |= {"url": "?m=binance:BTC/USDT", "wish": {"n": 3, "tab": "evidence"}}
    answer = (await call({BTC.id: BTC}, "depth.value", **values)).json()["response"]
    assert json.loads(answer["view"]["data-view"])["heard"] is None
    assert "tab=" not in answer["url"]["search"]


@pytest.mark.parametrize("changed", ["depth.value", "wish.data"])
async def test_what_is_chosen_at_a_bare_address_keeps_the_first_market(changed: str) -> None:
    answer = (await call({BTC.id: BTC}, changed, url="", depth="5", wish={"depth": 5})).json()
    assert answer["response"]["url"]["search"].startswith("?m=binance:BTC/USDT&depth=5")


@pytest.mark.parametrize("junk", [7, ["a"], {"a": 1}, "\x00", "x" * 5000])
async def test_junk_from_a_page_gives_a_page(junk: Any) -> None:
    names = ("url", "zone", "depth", "window", "range", "arrived", "lookback", "wish")
    for changed in (
        "url.search",
        "depth.value",
        "zone.value",
        "arrived.data",
        "wish.data",
    ):
        answer = await call({BTC.id: BTC}, changed, **dict.fromkeys(names, junk))
        assert answer.status_code == 200, changed
        assert "data-view" in answer.json()["response"]["view"]
