"""The tab *Trades & liquidity* of one market: flow and book through time, what an order costs, the tape."""

from collections.abc import Sequence

from dash import html
from dash.development.base_component import Component

from components.panel import Frame, chart, field, icon_button, panel

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
_COST = Frame("cost", "Cost of an order", "Average against mid.", "Slippage", "")
_TAPE = Frame("tape", "Tape", "", "Side of the taker", "")


def _key(class_name: str, words: str, tone: str = "") -> Component:
    return html.Span([html.U(className=class_name), words], className=tone or None)


def _legend(*keys: Component) -> Component:
    return html.Span(list(keys), className="leg")


def _tools() -> Component:
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


def _controls(name: str) -> Sequence[Component]:
    sides = _legend(_key("disc", "bought", "up"), _key("ring", "sold", "dn"))
    if name == "price":
        return (sides, _tools())
    if name == "queue":
        return (
            html.Span(
                [
                    html.Span([html.U(className="line"), "best"]),
                    html.Span([html.U(className="line faint"), field("legend-queue")]),
                ],
                className="leg line-leg",
            ),
        )
    if name == "made":
        return (
            _legend(
                _key("p1", "added"),
                _key("p2", "pulled"),
                _key("p3", "traded"),
            ),
        )
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
