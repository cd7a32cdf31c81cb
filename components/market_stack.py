"""One market: bar, reading strip, the panes of the tabs, quality strip."""

from dash import html
from dash.development.base_component import Component

from components.panel import about, field
from components.panes import PANES
from components.states import notes, waiting

# Name, words, and the heading of docs/metrics.md that defines the figure.
TILES = (
    ("spread", "Spread", "Spread"),
    ("weighted", "", "Weighted mid"),  # or the micro-price: the scripts say which
    ("ofi", "", "OFI of the best quotes"),
    ("multi", "", "Multilevel OFI"),
    ("queue", "Queue imbalance", "Queue imbalance"),
    ("depth", "Depth, 10\u00a0bps", "Depth within bands"),
    ("taker", "", "Trade imbalance"),
    ("vpin", "VPIN", "VPIN"),
    ("explained", "Moves explained", "Contemporaneous impact"),
)

_QUALITY = (
    ("fidelity", ""),
    ("latency", "Latency"),
    ("updates", "Updates"),
    ("coverage", "Coverage"),
    ("gaps", "Gaps"),
    ("rejected", "Rejected books"),
)


def _tile(name: str, label: str, metric: str) -> Component:
    return html.Dl(
        [
            html.Dt(about(label, metric, f"{name}-label")),
            html.Dd([field(name), field(f"{name}-unit", "unit")], className="v"),
            html.Dd(className="s", **{"data-f": f"{name}-sub"}),
        ],
        className=f"tile tile-{name}",
    )


def _bar() -> Component:
    identity = html.Div(
        [
            html.Div([field("mid", "px"), field("change", "change")], className="price"),
            html.Div(
                [
                    field("state", "pill state"),
                    # Pair, venue and kind, as the watch list has them; the scripts know the venues' names.
                    html.H2([html.B(**{"data-f": "name"}), " ", field("place")]),
                    field("age", "age"),
                ],
                className="who",
            ),
        ],
        className="id",
    )
    return html.Div([identity, *(_tile(*tile) for tile in TILES)], className="mkt")


def _reading() -> Component:
    return html.Div(
        [
            html.P(
                html.Span(
                    [html.B(**{"data-f": "what-verdict"}), " ", field("what-text")],
                    className="says",
                )
            ),
            html.P([html.B(**{"data-f": "trust-verdict"}), " ", field("trust-text")]),
            # The verdicts alone are read out: the figures beside them change too often.
            html.Span(className="unseen", **{"data-f": "spoken", "aria-live": "polite"}),
        ],
        className="read",
    )


def _quality() -> Component:
    items = [
        html.Span(
            [html.I(f"{label} ") if label else None, field(f"q-{name}")], className=f"q q-{name}"
        )
        for name, label in _QUALITY
    ]
    state = html.Button(
        field("q-state"),
        type="button",
        className="pill q-open",
        title="Open data quality",
        **{"data-do": "open-quality", "aria-label": "Feed state: open data quality"},
    )
    items.insert(4, html.Canvas(className="cover", role="img", **{"aria-label": "Gaps in view"}))
    updated = html.Span([html.I("Updated "), field("q-updated")], className="q q-updated")
    return html.Footer([state, *items, html.Span(className="grow"), updated], className="foot")


def _pane(tab: str, title: str) -> Component:
    # All tabs start hidden but the first: the scripts show the one that the page is on.
    return html.Div(
        className="tabpane",
        role="tabpanel",
        hidden=tab != next(iter(PANES)),
        **{"data-tab": tab, "aria-label": title},
    )


def market_stack() -> Component:
    """The stack of any market, a template: the scripts name the market and fill its places."""
    panes = [_pane(tab, pane.title) for tab, pane in PANES.items()]
    return html.Article(
        [
            _bar(),
            _reading(),
            html.Div([*panes, waiting(), notes()], className="panes"),
            _quality(),
        ],
        className="stack",
        **{"data-market": "", "data-state": "starting"},
    )
