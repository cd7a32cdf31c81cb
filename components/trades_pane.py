"""The tab *Trades & liquidity* of one market: flow and book through time, what an order costs, the tape."""

from collections.abc import Sequence

from dash import html
from dash.development.base_component import Component

from components.legend import key, legend, sides, zoom_tools
from components.panel import Frame, chart, field, panel

_ROWS = (
    Frame(
        "price",
        "Price and trades",
        "Mid, and the largest trades by size.",
        "Side of the taker",
        "best",
        unit="",
    ),
    Frame(
        "cvd",
        "CVD",
        "Running sum of bought minus sold; both as bars. Rising: takers buy.",
        "Cumulative volume delta",
        "trades",
        unit="",
        more=" and taker flow",
    ),
    Frame(
        "made",
        "",
        "Up above zero, down below; the line is their sum.",
        "Decomposition",
        "best trades",
        unit="",
    ),
    Frame(
        "queue",
        "Queue imbalance",
        "Above zero: more size waits to buy.",
        "Queue imbalance",
        "best",
        unit="\u22121 to 1",
    ),
    Frame("spread", "Spread", "Best ask minus best bid, over mid.", "Spread", "best", unit="bps"),
    Frame(
        "bands",
        "Depth near mid",
        "Size within 5, 10, 25, 50\u00a0bps of mid: bids above zero, asks below.",
        "Depth within bands",
        "depth",
        unit="",
    ),
)
_COST = Frame("cost", "Cost of an order", "Average against mid.", "Slippage", "depth")
_TAPE = Frame("tape", "Tape", "", "Side of the taker", "trades")


def _controls(name: str) -> Sequence[Component]:
    if name == "price":
        return (legend(*sides()), zoom_tools())
    if name == "queue":
        faint = key("line faint", field("legend-queue"))
        return (legend(key("line", "best"), faint, class_name="line-leg"),)
    if name == "made":
        return (legend(key("p1", "added"), key("p2", "pulled"), key("p3", "traded")),)
    return ()


def trades_pane(where: str) -> list[Component]:
    """The panels of one market; `where` names it for those who do not see the page."""
    rows = [
        panel(
            frame,
            [chart(frame.name, frame.title or frame.metric)],
            _controls(frame.name),
            row=True,
        )
        for frame in _ROWS
    ]
    hover = html.Div(className="readout", hidden=True, **{"aria-hidden": "true"})
    overlay = html.Canvas(className="overlay", **{"aria-hidden": "true"})
    charts = html.Div(
        [*rows, overlay, hover],
        className="trows",
        tabIndex=0,
        role="group",
        **{"aria-label": f"Trades and liquidity of {where}", "data-rows": ""},
    )
    side = html.Div(
        [
            panel(_COST, [html.Div(className="cost", **{"data-cost": ""})]),
            panel(_TAPE, [html.Div(className="tape", **{"data-tape": ""})]),
        ],
        className="tside",
    )
    return [html.Div([charts, side], className="trades")]
