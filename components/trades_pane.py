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
    ),
    Frame("cvd", "CVD and taker flow", "", "Cumulative volume delta", "trades"),
    Frame("made", "", "", "Decomposition", "trades"),
    Frame(
        "queue", "Queue imbalance", "Above zero: more size waits to buy.", "Queue imbalance", "best"
    ),
    Frame("spread", "Spread", "", "Spread", "best"),
    Frame("bands", "Depth near mid", "", "Depth within bands", "depth"),
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
        panel(frame, [chart(frame.name, frame.title or frame.metric)], _controls(frame.name))
        for frame in _ROWS
    ]
    hover = html.Div(className="readout", hidden=True, **{"aria-hidden": "true"})
    overlay = html.Canvas(className="overlay", **{"aria-hidden": "true"})
    charts = html.Div(
        [*rows, overlay, hover],
        className="trows",
        tabIndex=0,
        role="group",
        **{"aria-label": f"Trades and liquidity of {where}"},
    )
    side = html.Div(
        [
            panel(_COST, [html.Div(className="cost", **{"data-cost": ""})]),
            panel(_TAPE, [html.Div(className="tape", **{"data-tape": ""})]),
        ],
        className="tside",
    )
    return [html.Div([charts, side], className="trades")]
