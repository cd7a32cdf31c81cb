"""One market: bar, reading strip, linked rows, quality strip."""

from dash import dcc, html
from dash.development.base_component import Component

from app.market import MarketId
from components.figures import graph_config, stack_figure
from components.panel import Row, field, icon_button, row_panel
from components.states import notes, waiting
from components.words import venue_name

_ROWS = (
    Row("book", "Book heatmap", "Resting size by price; more is stronger.", "Depth now", "", True),
    Row("ofi", "", "", "Distribution", "last 30 min"),
    Row(
        "levels",
        "OFI by level",
        "Depth-normalised, best level first. Blue adds buying, orange selling.",
        "By level now",
        "",
    ),
    Row("flow", "Taker flow", "", "What made this OFI", "", True),
)

_TILES = (
    ("spread", "Spread"),
    ("weighted", "Weighted mid"),
    ("ofi", ""),
    ("multi", ""),
    ("queue", "Queue imbalance"),
    ("depth", "Depth, 10\u00a0bps"),
    ("taker", ""),
    ("vpin", "VPIN"),
    ("explained", "Moves explained"),
)

_QUALITY = (
    ("fidelity", ""),
    ("latency", "Latency"),
    ("updates", "Updates"),
    ("coverage", "Coverage"),
    ("gaps", "Gaps"),
    ("rejected", "Rejected books"),
)


def _tile(name: str, label: str) -> Component:
    title = html.Dt(label) if label else html.Dt(**{"data-f": f"{name}-label"})
    return html.Dl(
        [
            title,
            html.Dd([field(name), field(f"{name}-unit", "unit")], className="v"),
            html.Dd(className="s", **{"data-f": f"{name}-sub"}),
        ],
        className=f"tile tile-{name}",
    )


def _bar(market: MarketId) -> Component:
    identity = html.Div(
        [
            html.Div([field("mid", "px"), field("change", "change")], className="price"),
            html.Div(
                [
                    field("state", "pill state"),
                    html.H2([html.B(market.symbol), " ", html.Span(venue_name(market))]),
                    field("age", "age"),
                ],
                className="who",
            ),
        ],
        className="id",
    )
    return html.Div([identity, *(_tile(*tile) for tile in _TILES)], className="mkt")


def _reading() -> Component:
    return html.Div(
        [
            html.P([html.B(**{"data-f": "what-verdict"}), " ", field("what-text")]),
            html.P([html.B(**{"data-f": "trust-verdict"}), " ", field("trust-text")]),
            # The verdicts alone are read out: the figures beside them change too often.
            html.Span(className="unseen", **{"data-f": "spoken", "aria-live": "polite"}),
        ],
        className="read",
    )


def _legend() -> Component:
    return html.Span(
        [
            html.Span([html.U(className="disc"), "bought"], className="up"),
            html.Span([html.U(className="ring"), "sold"], className="dn"),
        ],
        className="leg",
    )


def _line_legend() -> Component:
    """The name of the thin line over the OFI bars."""
    return html.Span(
        [html.Span([html.U(className="line"), field("legend-ofi")])], className="leg line-leg"
    )


def _zoom_tools() -> Component:
    return html.Span(
        [
            icon_button("minus", "Zoom out in time", "zoom-out", class_name="small"),
            icon_button("plus", "Zoom in on time", "zoom-in", class_name="small"),
            html.Button(
                "Back to live",
                type="button",
                className="btn small to-live",
                hidden=True,
                title="Undo zoom and pan (0, or a double click)",
                **{"data-do": "reset-zoom"},
            ),
        ],
        className="tools",
    )


def _quality() -> Component:
    items = [
        html.Span(
            [html.I(f"{label} ") if label else None, field(f"q-{name}")], className=f"q q-{name}"
        )
        for name, label in _QUALITY
    ]
    items.insert(4, html.Canvas(className="cover", role="img", **{"aria-label": "Gaps in view"}))
    updated = html.Span([html.I("Updated "), field("q-updated")], className="q q-updated")
    return html.Footer([*items, html.Span(className="grow"), updated], className="foot")


def market_stack(market: MarketId, key: str) -> Component:
    """The stack of one market.

    `key` distinguishes its figure from those of other markets; the scripts find the stack by its
    `data-market` and subscribe to what it shows.
    """
    legends = {"book": _legend(), "ofi": _line_legend()}
    panels = [
        row_panel(
            row,
            legend=legends.get(row.kind),
            tools=_zoom_tools() if row.kind == "book" else None,
        )
        for row in _ROWS
    ]
    graph = dcc.Graph(
        id={"type": "axes", "market": key},
        figure=stack_figure(key),
        config=graph_config(),
        className="axes",
    )
    hover = html.Div(className="readout", hidden=True, **{"aria-hidden": "true"})
    chips = [
        html.Span(className=f"chip {name}", hidden=True, **{"data-f": name, "aria-hidden": "true"})
        for name in ("chip-book", "chip-ofi")
    ]
    overlay = html.Canvas(className="overlay", **{"aria-hidden": "true"})
    return html.Article(
        [
            _bar(market),
            _reading(),
            html.Div(
                [*panels, graph, overlay, *chips, waiting(), notes(), hover],
                className="rows",
                tabIndex=0,
                role="group",
                **{"aria-label": f"Charts of {market.symbol} on {venue_name(market)}"},
            ),
            _quality(),
        ],
        className="stack",
        **{"data-market": str(market), "data-state": "starting"},
    )
