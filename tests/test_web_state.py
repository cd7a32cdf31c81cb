"""The view in the address: read, checked, written back."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.market import MarketId
from app.records import LEVELS
from app.web.options import MAX_NOTIONAL
from app.web.spec import ViewSpec
from app.web.state import COLOURS, LOOKBACK_S, MAX_MARKETS, RANGE_S, WINDOW_S, ViewState
from components.panes import PANES, templates

BTC = MarketId.parse("binance:BTC/USDT")
PERP = MarketId.parse("binanceusdm:BTC/USDT:USDT")

views = st.builds(
    ViewState,
    markets=st.lists(st.sampled_from([BTC, PERP]), unique=True).map(tuple),
    depth=st.integers(1, LEVELS),
    window_s=st.integers(*WINDOW_S),
    range_s=st.integers(*RANGE_S),
    end_ms=st.none() | st.integers(0, 4_000_000_000_000),
    theme=st.sampled_from(["dark", "light"]),
    lookback_s=st.integers(*LOOKBACK_S),
    tab=st.sampled_from(sorted(PANES)),
    zone=st.sampled_from(["utc", "local", "Asia/Kolkata", "Etc/GMT+5"]),
    colours=st.sampled_from(COLOURS),
    rate_hz=st.integers(1, 10),
)


@given(views)
def test_an_address_gives_back_its_view(view: ViewState) -> None:
    again = ViewState.from_search(view.to_search())
    assert again == view
    assert again.dropped == ()


@given(st.text(max_size=300))
def test_any_address_is_read_within_bounds(search: str) -> None:
    view = ViewState.from_search("?" + search)
    assert 1 <= view.depth <= LEVELS
    assert WINDOW_S[0] <= view.window_s <= WINDOW_S[1]
    assert RANGE_S[0] <= view.range_s <= RANGE_S[1]
    assert len(view.markets) <= MAX_MARKETS
    assert view.theme in ("dark", "light")
    json.loads(view.to_json())


@pytest.mark.parametrize(
    ("search", "sentence"),
    [
        ("?depth=99", "depth must be a whole number from 1 to 20; 10 is shown."),
        ("?window=0", "window must be a whole number from 1 to 3600; 10 is shown."),
        ("?range=1e9", "range must be a whole number from 60 to 14400; 900 is shown."),
        ("?end=-5", "the present is shown."),
        ("?depth=%D9%A3", "depth must be a whole number"),
        ("?lookback=60", "lookback must be a whole number from 600 to 7200; 1800 is shown."),
        ("?tab=../x", "tab must be one of flow"),
        ("?tz=%3Cb%3E", "tz must be utc, local or the name of a time zone; utc is shown."),
        ("?colours=pink", "colours must be one of blue-orange, green-red; blue-orange is shown."),
        ("?layout=book-%3Cb%3E", "The layout of the address cannot be read; the usual one"),
        ("?layout=" + "book-" * 40 + "a", "The layout of the address cannot be read"),
        ("?notional=1000000000001", "at most 1,000,000,000,000; 100000 is shown."),
        ("?theme=pink", "theme must be one of dark, light; dark is shown."),
        ("?m=javascript:alert(1)//%20x", "is not a symbol"),
        ("?m=../../etc/passwd", "is not a market"),
        ("?" + "m=a:B&" * 40, "The address has too many parts and was not read."),
        ("?m=" + "a" * 3000, "The address is longer than 2000 characters and was not read."),
    ],
)
def test_wrong_values_are_dropped_and_told(search: str, sentence: str) -> None:
    view = ViewState.from_search(search)
    assert any(sentence in one for one in view.dropped), view.dropped
    assert view == ViewState()


def test_a_layout_may_name_every_panel_of_the_page() -> None:
    panels = re.findall(r'data-row="([a-z]+)"', templates())
    assert len(panels) > 20
    layout = "-".join(f"{one}.40" for one in panels)
    view = ViewState.from_search(f"?layout={layout}")
    assert (view.layout, view.dropped) == (layout, ())


def test_the_largest_order_of_the_page_is_one_to_the_address_and_to_a_view() -> None:
    view = ViewState.from_search(f"?notional={MAX_NOTIONAL}")
    assert (view.dropped, view.options) == ((), {"notional": str(MAX_NOTIONAL)})
    asked = {"market": str(BTC), "tab": "trades", "notional": MAX_NOTIONAL}
    assert ViewSpec.parse(asked).notional == MAX_NOTIONAL


def test_more_markets_than_fit_are_told() -> None:
    search = "?" + "&".join(f"m=venue:M{k}" for k in range(6))
    view = ViewState.from_search(search)
    assert [str(market) for market in view.markets] == [f"venue:M{k}" for k in range(4)]
    assert "4 markets at once" in view.dropped[0]


def test_controls_are_checked_like_addresses() -> None:
    view = ViewState(markets=(BTC,), end_ms=5, theme="light", layout="book")
    wished = view.with_controls(depth="5", window="30", range="300", lookback="600", tz="local")
    assert (wished.depth, wished.window_s, wished.range_s) == (5, 30, 300)
    assert (wished.end_ms, wished.theme, wished.lookback_s) == (5, "light", 600)
    assert (wished.markets, wished.zone, wished.layout) == ((BTC,), "local", "book")
    assert view.with_controls(depth=None, window={}, range="x").depth == 10


def test_scripts_may_wish_for_what_is_theirs_and_nothing_else() -> None:
    view = ViewState(markets=(BTC,), depth=5, theme="light")
    wished = view.wished({"tz": "Asia/Tokyo", "colours": "green-red", "depth": 7, "magic": 5})
    assert (wished.zone, wished.colours) == ("Asia/Tokyo", "green-red")
    assert (wished.depth, wished.end_ms, wished.markets) == (7, None, (BTC,))
    assert not wished.dropped
    assert view.wished({"tz": {"a": 1}}).zone == "utc"
    more = view.wished({"m": [str(PERP), 7, "nonsense", str(BTC)], "layout": "book"})
    assert (more.markets, more.layout) == ((PERP, BTC), "book")
    assert view.wished({"m": "binance:BTC/USDT"}).markets == (BTC,)


def test_freezing_and_letting_go() -> None:
    view = ViewState()
    held = view.wished({"end": 1_700_000_000_123})
    assert held.end_ms == 1_700_000_000_123
    assert held.wished({"end": None}).end_ms is None
    for junk in ("x", float("nan"), 1e30, [1]):
        wrong = held.wished({"end": junk})
        assert wrong.end_ms is None
        assert wrong.dropped
