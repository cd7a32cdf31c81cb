"""Callbacks that bind address, controls and what is shown; market data never pass here."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from dash import Dash, Input, Output, State, ctx, html, no_update

from app.market import Market, MarketId
from app.web.state import ViewState
from components.header import choices
from components.market_stack import market_stack
from components.states import empty_page, nothing_chosen
from components.watch_list import watch_grid
from components.words import DEPTHS, LOOKBACKS_S, RANGES_S, WINDOWS_S, levels

Markets = Callable[[], dict[MarketId, Market]]

_CONTROLS: Final = ("depth", "window", "range", "lookback", "zone")


def register(app: Dash, markets: Markets) -> None:
    """Bind the page's controls to its address, and the page to the first market that is stored."""
    _bind_view(app, markets)
    _bind_known(app, markets)

    @app.callback(  # type: ignore[untyped-decorator]
        Output("watch-holder", "children"), Input("painted", "data"), prevent_initial_call=True
    )
    def bring(_: Any) -> Any:
        return watch_grid()


def _bind_view(app: Dash, markets: Markets) -> None:
    """Address and controls in one callback, so that the two never run in a circle."""

    @app.callback(  # type: ignore[untyped-decorator]
        Output("url", "search"),
        Output("depth", "data"),
        Output("depth", "value"),
        Output("window", "data"),
        Output("window", "value"),
        Output("range", "data"),
        Output("range", "value"),
        Output("lookback", "data"),
        Output("lookback", "value"),
        Output("zone", "value"),
        Output("mantine", "forceColorScheme"),
        Output("view", "data-view"),
        Output("stacks", "children"),
        Output("stacks", "className"),
        Output("dropped", "children"),
        Input("url", "search"),
        Input("depth", "value"),
        Input("window", "value"),
        Input("range", "value"),
        Input("lookback", "value"),
        Input("zone", "value"),
        Input("theme", "n_clicks"),
        Input("frozen", "data"),
        Input("arrived", "data"),
        Input("wish", "data"),
        State("view", "data-view"),
    )
    def show(
        search: str | None,
        depth: Any,
        window: Any,
        span: Any,
        lookback: Any,
        zone: Any,
        _clicks: int | None,
        frozen: Any,
        _arrived: int | None,
        wish: Any,
        shown: str,
    ) -> tuple[Any, ...]:
        cause = ctx.triggered_id
        now = ViewState.from_search(search if isinstance(search, str) else "")
        known = markets()
        if cause in _CONTROLS:
            view = now.with_controls(
                depth=depth, window=window, range=span, lookback=lookback, tz=zone or now.zone
            )
        elif cause == "theme":
            view = now.other_theme()
        elif cause == "frozen" and isinstance(frozen, dict):
            # None is the store's first breath, not a wish of the user.
            view = now.frozen_at(frozen.get("end_ms"))
        elif cause == "wish" and isinstance(wish, dict):
            view = now.wished(wish)
        else:
            view = now
            if known and not view.markets and (not search or cause == "arrived"):
                view = replace(now, markets=(min(known),))
        return _page(view, known, search, shown)


def _page(
    view: ViewState, known: dict[MarketId, Market], search: str | None, shown: str
) -> tuple[Any, ...]:
    """All outputs for a view; parts that are on the page already are left alone."""
    wanted = view.to_search()
    names = [str(market) for market in view.markets]
    same = _shown_markets(shown) == names and bool(names)
    return (
        no_update if wanted == search else wanted,
        *_options(choices(DEPTHS, view.depth, levels), view.depth),
        *_options(choices(WINDOWS_S, view.window_s), view.window_s),
        *_options(choices(RANGES_S, view.range_s), view.range_s),
        *_options(choices(LOOKBACKS_S, view.lookback_s), view.lookback_s),
        view.zone,
        view.theme,
        view.to_json(),
        no_update if same else _stacks(view, known),
        f"stacks n{len(names)}",
        [html.P(sentence) for sentence in view.dropped],
    )


def _bind_known(app: Dash, markets: Markets) -> None:
    """The first market that a collector stores after the page was loaded."""

    @app.callback(  # type: ignore[untyped-decorator]
        Output("arrived", "data"),
        Output("look", "disabled"),
        Input("look", "n_intervals"),
        prevent_initial_call=True,
    )
    def look(looks: int) -> tuple[Any, Any]:
        return (looks, True) if markets() else (no_update, no_update)


def _options(pairs: list[tuple[int, str]], value: int) -> tuple[list[dict[str, str]], str]:
    return [{"value": str(number), "label": text} for number, text in pairs], str(value)


def _shown_markets(shown: str) -> list[str]:
    try:
        return list(json.loads(shown)["markets"])
    except (ValueError, TypeError, KeyError):
        return []


def _stacks(view: ViewState, known: dict[MarketId, Market]) -> Any:
    if view.markets:
        return [market_stack(market, str(market)) for market in view.markets]
    return nothing_chosen() if known else empty_page()
