"""Components: pure functions from values to what Dash renders."""

import json
import re
from decimal import Decimal
from html import unescape
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import pytest
from dash.development.base_component import Component
from fastapi import FastAPI

from app.market import Contract, Grid, Market, MarketId
from app.settings import Settings
from app.web.page import ASSETS, create_page
from app.web.state import ViewState
from components.dialogs import KEYS, keys_dialog, layout_dialog, picker_dialog, table_dialog
from components.figures import ROWS, axis_name, stack_figure
from components.flow_pane import flow_pane
from components.header import bottom_bar, choices, header, selects, tab_bar
from components.market_stack import market_stack
from components.panes import PANES, WHERE
from components.states import empty_page
from components.watch_list import watch_holder, watch_list
from components.words import duration, levels

TOKENS = Path(__file__).resolve().parents[1] / "assets" / "tokens.css"


def market(text: str, contract: Contract = Contract.SPOT) -> Market:
    market_id = MarketId.parse(text)
    return Market(market_id, "BTC", "USDT", Grid(Decimal("0.1"), Decimal("0.001")), contract)


def walk(component: Any) -> list[Component]:
    """A component and everything below it."""
    if not isinstance(component, Component):
        return []
    children = getattr(component, "children", None)
    below = children if isinstance(children, list | tuple) else [children]
    return [component, *(one for child in below for one in walk(child))]


def attributes(component: Component) -> dict[str, Any]:
    return component.to_plotly_json()["props"]


def whole_stack() -> list[Component]:
    """The template of a stack, and of the tab that it comes with."""
    return [market_stack(), *flow_pane(WHERE)]


def test_every_control_has_a_name() -> None:
    stack = whole_stack()
    page = header()
    controls = [c for part in (*stack, page) for c in walk(part) if c._type in ("Button", "Canvas")]
    assert len(controls) > 10
    for control in controls:
        props = attributes(control)
        hidden = props.get("aria-hidden") == "true"
        inside = props.get("children")
        words = any(
            isinstance(one, str) for one in (inside if isinstance(inside, list) else [inside])
        )
        assert hidden or words or props.get("aria-label"), props
    made = [c for part in selects(10, 10, 900, 1800) for c in walk(part)]
    assert all(attributes(c)["label"] for c in made if c._type == "Select")


def test_every_slot_has_what_dash_makes_for_it() -> None:
    parts = [header(), tab_bar("flow"), watch_list()]
    slots = [attributes(c).get("data-slot") for part in parts for c in walk(part)]
    made = [*selects(10, 10, 900, 1800), watch_holder()]
    assert {one for one in slots if one} == {attributes(one)["data-into"] for one in made}


def test_dialogs_are_named_by_their_titles_and_can_be_closed() -> None:
    for dialog in (picker_dialog(), layout_dialog(), table_dialog(), keys_dialog()):
        props = attributes(dialog)
        titles = [c for c in walk(dialog) if attributes(c).get("id") == props["aria-labelledby"]]
        assert [c._type for c in titles] == ["H2"]
        closers = [c for c in walk(dialog) if attributes(c).get("data-close") == props["id"]]
        assert [attributes(c)["aria-label"] for c in closers] == ["Close"]


def test_every_key_of_the_help_is_bound_and_every_bound_key_is_in_the_help() -> None:
    said = {key for _, pairs in KEYS for keys, _ in pairs for key in keys.split()}
    text = (ASSETS / "live" / "keys.js").read_text(encoding="utf-8")
    table = text[text.index("const table") : text.index("document.addEventListener")]
    bound = set(re.findall(r'"([^"\s]{1,2})":', table)) | set(
        re.findall(r"\b([a-z]): actions", table)
    )
    assert {key.lower() for key in said if len(key) == 1} - set("–↑↓←→14") == bound - {"+"}
    for name, shown in (("ArrowUp", "↑"), ("ArrowLeft", "←"), ("Home", "Home"), ("End", "End")):
        assert name in table
        assert shown in said


def test_the_bottom_bar_offers_only_tabs_that_are_there() -> None:
    tabs = [attributes(c)["data-tab"] for c in walk(bottom_bar()) if "data-tab" in attributes(c)]
    assert "flow" in tabs
    assert set(tabs) <= PANES.keys()


def test_canvases_are_images_with_names() -> None:
    named = [attributes(c) for part in whole_stack() for c in walk(part) if c._type == "Canvas"]
    assert all(p.get("role") == "img" or p.get("aria-hidden") == "true" for p in named)


def test_a_stack_has_every_place_once() -> None:
    parts = [c for part in whole_stack() for c in walk(part)]
    places = [attributes(c)["data-f"] for c in parts if "data-f" in attributes(c)]
    assert len(places) == len(set(places))
    assert {"name", "place"} <= set(places)


def test_the_figure_gives_each_row_its_axes_and_one_time() -> None:
    layout = stack_figure("rev").to_dict()["layout"]
    assert layout["uirevision"] == "rev"
    assert layout["xaxis5"]["matches"] == "x"
    for row in ROWS:
        assert layout[axis_name(row.value)]["side"] == "right"
        assert layout[axis_name(row.cross)]["anchor"] == row.value
    assert not layout["yaxis"]["fixedrange"]
    assert layout["yaxis3"]["fixedrange"]


def test_a_linked_value_is_among_the_choices() -> None:
    assert choices((1, 10), 7) == [(1, "1\u00a0s"), (7, "7\u00a0s"), (10, "10\u00a0s")]
    assert choices((1, 5), 5, levels) == [(1, "best level"), (5, "5 levels")]
    assert duration(7200) == "2\u00a0h"
    assert duration(90) == "90\u00a0s"


def test_empty_states_say_what_to_do() -> None:
    assert "ofi run" in json.dumps(empty_page().to_plotly_json(), default=str)


def test_the_page_holds_no_socket_of_dash() -> None:
    server = FastAPI(docs_url=None, openapi_url=None)
    app = create_page(server, Settings(), dict)
    paths = [getattr(route, "path", "") for route in server.router.routes]
    assert not [path for path in paths if "ws-callback" in path]
    assert "websocket" not in app._config()
    html = app.index_string
    assert re.search(r"\son\w+=", html) is None
    assert re.findall("<script[^>]*>[^<]*", html) == [
        '<script type="module" src="assets/main.mjs">'
    ]


async def test_the_html_says_the_view_of_its_address() -> None:
    server = FastAPI(docs_url=None, openapi_url=None)
    create_page(server, Settings(), lambda: {m.id: m for m in [market("kraken:BTC/USD")]})
    transport = httpx.ASGITransport(app=server)

    async def first(address: str) -> tuple[str, dict[str, Any]]:
        async with httpx.AsyncClient(transport=transport, base_url="http://page") as client:
            text = (await client.get(address)).text
        (found,) = re.findall(r'data-first="([^"]*)"', text)
        return text, json.loads(unescape(found))

    assert (await first("/"))[1]["markets"] == ["kraken:BTC/USD"]
    text, view = await first('/?m=a:%22%3E%3Cscript%3Ealert(1)&depth=3&theme=light&tz=%"')
    assert (view["depth"], view["theme"], view["zone"]) == (3, "light", "utc")
    assert view["markets"] == ['a:"><script>alert(1)']
    assert "<script>alert" not in text
    assert '<html lang="en" data-mantine-color-scheme="light">' in text


async def test_modules_are_preloaded_and_revalidated() -> None:
    server = FastAPI(docs_url=None, openapi_url=None)
    app = create_page(server, Settings(), dict)
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app=server), base_url="http://page")
    names = re.findall(r'rel="modulepreload" href="([^"]+)"', app.index_string)
    assert len(names) > 20
    for name in names:
        answer = await client.get("/" + name)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-cache"
        assert "javascript" in answer.headers["content-type"]
    await client.aclose()
    # Every import of a module is among them, so that none is loaded late. The painter's thread is begun by
    # its address; it is no module of the page.
    files = {path.name: path.read_text(encoding="utf-8") for path in (ASSETS / "live").glob("*.js")}
    imported = {one for text in files.values() for one in re.findall(r'from "\./([^"]+)"', text)}
    assert imported <= files.keys()
    begun = set(re.findall(r'new URL\("\./([^"]+)", import\.meta\.url\)', files["easel.js"]))
    assert begun == {"painter_thread.js"}
    assert files.keys() == imported | begun | {"app.js"}
    assert {Path(name).name for name in names} == files.keys() - begun


def _themes() -> dict[str, dict[str, str]]:
    text = TOKENS.read_text(encoding="utf-8")
    blocks = dict(re.findall(r'color-scheme="(dark|light)"\] \{(.*?)\n\}', text, re.DOTALL))
    return {name: dict(re.findall(r"--([\w-]+): ([^;]+);", body)) for name, body in blocks.items()}


def _luminance(colour: str) -> float:
    channels = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_colours_are_readable(theme: str) -> None:
    tokens = _themes()[theme]
    for word, ground in product(("text", "text2", "text3", "buy", "sell"), ("panel", "raised")):
        assert _contrast(tokens[word], tokens[ground]) >= 4.5, (word, ground)
    for word in ("live", "warn", "down"):
        assert _contrast(tokens[word], tokens["panel"]) >= 4.5, word
    for mark in ("buy-fill", "sell-fill"):
        assert _contrast(tokens[mark], tokens["panel"]) >= 3, mark
    assert _contrast(tokens["primary"], tokens["ink"]) >= 4.5
    assert _themes()["dark"].keys() == _themes()["light"].keys()


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_green_and_red_are_readable_and_not_what_comes(theme: str) -> None:
    text = TOKENS.read_text(encoding="utf-8")
    blocks = re.findall(r'([^\n]*)\[data-colours="green-red"\] \{(.*?)\n\}', text, re.DOTALL)
    (own,) = [body for selector, body in blocks if ("light" in selector) == (theme == "light")]
    found = dict(re.findall(r"--([\w-]+): ([^;]+);", own))
    assert found.keys() == {"buy", "sell", "buy-fill", "sell-fill"}
    panel = _themes()[theme]["panel"]
    assert all(_contrast(found[name], panel) >= 4.5 for name in ("buy", "sell"))
    assert all(_contrast(found[name], panel) >= 3 for name in ("buy-fill", "sell-fill"))
    assert ViewState().colours == "blue-orange"
