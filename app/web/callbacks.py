"""Callbacks that bind address and controls, and bring what Dash makes; market data never pass here."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from dash import Dash, Input, Output, ctx, no_update

from app.market import Market, MarketId
from app.web.state import MAX_MARKETS, ViewState
from components.figures import axes
from components.header import choices
from components.watch_list import watch_grid
from components.words import DEPTHS, LOOKBACKS_S, RANGES_S, WINDOWS_S, levels

Markets = Callable[[], dict[MarketId, Market]]

# Controls of Dash, and what each is called in an address.
_CONTROLS: Final = {
    "depth": "depth",
    "window": "window",
    "range": "range",
    "lookback": "lookback",
    "zone": "tz",
}


def register(app: Dash, markets: Markets) -> None:
    """Bind the page's controls to its address, and the page to the first market that is stored."""
    _bind_view(app, markets)
    _bind_known(app, markets)
    _bind_later(app)


def first_view(search: str, known: dict[MarketId, Market]) -> ViewState:
    """The view that an address opens: one that names no market shows the first that is stored."""
    return _placed(ViewState.from_search(search), known)


def _placed(view: ViewState, known: dict[MarketId, Market]) -> ViewState:
    return view if view.markets or not known else replace(view, markets=(min(known),))


def _bind_later(app: Dash) -> None:
    """What comes after the first drawing, which it would hold up: the grid, and axes over the charts."""

    @app.callback(  # type: ignore[untyped-decorator]
        Output("watch-holder", "children"),
        Input("watch-holder", "data-wanted"),
        prevent_initial_call=True,
    )
    def bring(_: Any) -> Any:
        return watch_grid()

    for k in range(MAX_MARKETS):

        @app.callback(  # type: ignore[untyped-decorator]
            Output(f"axes-{k}", "children"),
            Input(f"axes-{k}", "data-wanted"),
            prevent_initial_call=True,
        )
        def bring_axes(_: Any, k: int = k) -> Any:
            return axes(k)


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
        Input("url", "search"),
        Input("depth", "value"),
        Input("window", "value"),
        Input("range", "value"),
        Input("lookback", "value"),
        Input("zone", "value"),
        Input("arrived", "data"),
        Input("wish", "data"),
    )
    def show(
        search: str | None,
        depth: Any,
        window: Any,
        span: Any,
        lookback: Any,
        zone: Any,
        _: int | None,
        wish: Any,
    ) -> tuple[Any, ...]:
        # Dash asks once for all that changed in a moment.
        causes = {one["prop_id"].split(".")[0] for one in ctx.triggered}
        address = search if isinstance(search, str) else ""
        known = markets()
        view = ViewState.from_search(address)
        controls = {
            "depth": depth,
            "window": window,
            "range": span,
            "lookback": lookback,
            "zone": zone,
        }
        chosen = {_CONTROLS[name]: controls[name] for name in causes & controls.keys()}
        if chosen := {name: value for name, value in chosen.items() if value is not None}:
            view = view.with_controls(**chosen)
        heard = None
        if "wish" in causes and isinstance(wish, dict):
            view, heard = view.wished(wish), wish.get("n")
        return _page(_placed(view, known), search, heard)


def _page(view: ViewState, search: str | None, heard: Any) -> tuple[Any, ...]:
    """All outputs for a view; `heard` is the number of the wish that it grants."""
    wanted = view.to_search()
    return (
        no_update if wanted == search else wanted,
        *_options(choices(DEPTHS, view.depth, levels), view.depth),
        *_options(choices(WINDOWS_S, view.window_s), view.window_s),
        *_options(choices(RANGES_S, view.range_s), view.range_s),
        *_options(choices(LOOKBACKS_S, view.lookback_s), view.lookback_s),
        view.zone,
        view.theme,
        view.to_json(heard if isinstance(heard, int) else None),
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
