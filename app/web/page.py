"""The page: Dash on the given FastAPI server."""

from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path

import dash_mantine_components as dmc
from dash import Dash, dcc, html
from dash.development.base_component import Component
from fastapi import FastAPI
from starlette.routing import Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.market import Market, MarketId
from app.settings import Settings
from app.web.callbacks import first_view, register
from app.web.state import MAX_MARKETS, ViewState
from components.dialogs import keys_dialog, layout_dialog, picker_dialog, table_dialog
from components.figures import axes_holder
from components.header import bottom_bar, header, selects, tab_bar
from components.market_stack import market_stack
from components.markup import to_html
from components.panes import templates
from components.states import empty_page
from components.watch_list import watch_holder, watch_list

TITLE = "Order flow"
ASSETS = Path(__file__).resolve().parents[2] / "assets"
# How often the page looks for markets that a collector has added since.
NEW_MARKETS_MS = 5_000

_INDEX = """<!DOCTYPE html>
<html lang="en" data-mantine-color-scheme="%(theme)s">
<head>
{%metas%}
<meta name="description" content="Live order flow imbalance: who is pushing the price.">
<title>{%title%}</title>
<link rel="icon" href="assets/logo.svg" type="image/svg+xml">
<link rel="preload" href="assets/inter.woff2" as="font" type="font/woff2" crossorigin>
{%css%}
%(modules)s
<script type="module" src="assets/main.mjs"></script>
</head>
<body>
%(shell)s
%(templates)s
{%app_entry%}
<footer id="scripts">{%config%}<template>{%scripts%}{%renderer%}</template></footer>
</body>
</html>"""

# What stands in the HTML until an address is known.
_FIRST = "%first%"
_THEME_NAME = "%theme%"

# The controls speak the page's language.
_INK = [
    "#E9EDF3", "#CDD4DD", "#A9B3C1", "#8490A0", "#5D6876",
    "#47525F", "#303A48", "#232B37", "#1A202A", "#10151C",
]  # fmt: skip
_DARK = [
    "#E9EDF3", "#A9B3C1", "#8490A0", "#5D6876", "#303A48",
    "#232B37", "#10141B", "#0A0D12", "#0A0D12", "#06080B",
]  # fmt: skip
_THEME = {
    "primaryColor": "ink",
    "primaryShade": {"light": 9, "dark": 0},
    "autoContrast": True,
    "colors": {"ink": _INK, "dark": _DARK},
    "fontFamily": "var(--font)",
    "fontFamilyMonospace": "var(--mono)",
    "fontSizes": {"xs": "11px", "sm": "12px", "md": "12.5px", "lg": "15px", "xl": "22px"},
    "spacing": {"xs": "4px", "sm": "8px", "md": "12px", "lg": "16px", "xl": "24px"},
    "radius": {"xs": "3px", "sm": "4px", "md": "6px", "lg": "8px"},
    "defaultRadius": "md",
    "breakpoints": {"sm": "48em", "md": "75em", "lg": "120em"},
    "respectReducedMotion": True,
    "cursorType": "pointer",
    "focusRing": "auto",
}


def _shell() -> Component:
    """All that is not Dash's: it is there as soon as the HTML is, and drawn before Dash is loaded."""
    charts = html.Div(
        [
            tab_bar(ViewState().tab),
            html.Main(id="stacks", className="stacks", tabIndex=-1),
        ],
        className="content",
    )
    return html.Div(
        [
            header(),
            html.Div(id="dropped", role="status"),
            html.P(id="told", role="status"),
            html.Div([watch_list(), charts], className="body"),
            bottom_bar(),
            picker_dialog(),
            layout_dialog(),
            table_dialog(),
            keys_dialog(),
        ],
        className="app",
        id="app",
        **{"data-first": _FIRST},
    )


def _templates() -> str:
    made = {"stack": market_stack(), "empty": empty_page()}
    own = (f'<template id="{name}">{to_html(part)}</template>' for name, part in made.items())
    return "\n".join([*own, templates()])


def _layout(markets: Mapping[MarketId, Market]) -> Component:
    first = ViewState()
    return dmc.MantineProvider(
        [
            dcc.Location(id="url", refresh=False),
            dcc.Store(id="arrived", data=None),
            dcc.Store(id="wish", data=None),
            # Asks only while nothing is stored; the watch list tells what comes later.
            dcc.Interval(id="look", interval=NEW_MARKETS_MS, disabled=bool(markets)),
            html.Div(id="view", hidden=True, **{"data-view": ""}),
            html.Div(
                [
                    *selects(first.depth, first.window_s, first.range_s, first.lookback_s),
                    watch_holder(),
                    *(axes_holder(k) for k in range(MAX_MARKETS)),
                ],
                id="made",
                hidden=True,
            ),
        ],
        id="mantine",
        forceColorScheme=first.theme,
        theme=_THEME,
    )


class _Page(Dash):  # type: ignore[misc]
    """Dash, with the view of the address in the HTML: the scripts need not wait for a callback."""

    markets: Callable[[], dict[MarketId, Market]]

    def interpolate_index(self, **parts: str) -> str:
        """The HTML of the page for the address of the present request."""
        known = self.markets()
        view = first_view(str(self.backend.request_adapter().args), known)
        page = str(super().interpolate_index(**parts))
        first = escape(view.to_json())
        return page.replace(_THEME_NAME, view.theme, 1).replace(_FIRST, first, 1)


def create_page(
    server: FastAPI, settings: Settings, markets: Callable[[], dict[MarketId, Market]]
) -> Dash:
    """The Dash application on `server`, with its assets and callbacks.

    `markets` gives what the store holds; it is called for every page load and every few seconds of
    an open page, and must be cheap. Data reach the page by `/live` alone (docs/live.md).
    """
    app = _Page(
        __name__,
        server=server,
        title=TITLE,
        update_title=None,
        assets_folder=str(ASSETS),
        # `live/` holds modules that main.mjs imports; Dash would load them as classic scripts too.
        assets_path_ignore=["^live$"],
        # The page loads this one itself, before all that is Dash's.
        assets_ignore=r"^main\.mjs$",
        index_string=_index(),
        serve_locally=True,
        enable_mcp=False,
        suppress_callback_exceptions=False,
    )
    _without_dash_socket(app, server)
    _ask_again_for_assets(server)
    app.markets = markets
    app.layout = lambda: _layout(markets())
    register(app, markets)
    return app


def _index() -> str:
    filled = {
        "theme": _THEME_NAME,
        "modules": _preloads(),
        "shell": to_html(_shell()),
        "templates": _templates(),
    }
    page = _INDEX
    for name, text in filled.items():
        page = page.replace(f"%({name})s", text)
    return page


def _preloads() -> str:
    """All modules at once: found one import after the other they would cost a round trip a level.

    Not the painter's first one: it is no module of the page.
    """
    names = {path.name for path in (ASSETS / "live").glob("*.js")} - {"painter_thread.js"}
    return "\n".join(
        f'<link rel="modulepreload" href="assets/live/{name}">' for name in sorted(names)
    )


def _ask_again_for_assets(server: FastAPI) -> None:
    """Let browsers revalidate assets: modules import each other without a version in their address."""
    for route in server.router.routes:
        if isinstance(route, Mount) and route.path == "/assets":
            route.app = _revalidated(route.app)


def _revalidated(files: ASGIApp) -> ASGIApp:
    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        async def with_header(message: Message) -> None:
            if message["type"] == "http.response.start":
                message.setdefault("headers", []).append((b"cache-control", b"no-cache"))
            await send(message)

        await files(scope, receive, with_header)

    return serve


def _without_dash_socket(app: Dash, server: FastAPI) -> None:
    """Close Dash's own WebSocket: every page would hold it open, unused, beside `/live`."""
    app.backend.websocket_capability = False
    path = app.config.routes_pathname_prefix + "_dash-ws-callback"
    routes = server.router.routes
    routes[:] = [route for route in routes if getattr(route, "path", None) != path]
