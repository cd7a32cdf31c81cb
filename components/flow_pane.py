"""The tab *Book & flow* of one market: the linked rows with their axes, overlay and hover card."""

from dash import html
from dash.development.base_component import Component

from components.legend import key, legend, sides, zoom_tools
from components.panel import Frame, Row, field, row_panel

_ROWS = (
    Row(
        Frame("book", "Book heatmap", "Resting size by price.", "Mid"),
        Frame("book", "Depth now", "and its running sum", "Depth within bands", unit=""),
        strip=True,
        corner="unit-quote",
    ),
    Row(
        Frame("ofi", "", "", "OFI of the best quotes", "best", unit=""),
        Frame("ofi", "Distribution", "", "Percentile rank", "best"),
    ),
    Row(
        Frame(
            "levels",
            "OFI by level",
            "Best level first. Blue, up: buying; orange, down: selling.",
            "Depth-normalised OFI",
            unit="depth-normalised",
        ),
        Frame("levels", "By level", "", "OFI by level", unit="", more=" now"),
    ),
    Row(
        Frame(
            "flow",
            "Taker flow",
            "Taker volume bought minus sold. Above zero: buying.",
            "Trade imbalance",
            "trades",
            unit="",
        ),
        Frame("flow", "What made this OFI", "", "Decomposition", "best trades"),
        strip=True,
    ),
)


def _how() -> Component:
    """How the heatmap is drawn, in words; opens the menu that changes it."""
    return html.Button(
        type="button",
        className="btn small how",
        title="Price rows and colours",
        **{
            "data-f": "how-book",
            "data-do": "panel-menu",
            "aria-haspopup": "menu",
            "aria-label": "Price rows and colours of the heatmap",
        },
    )


def flow_pane(where: str) -> list[Component]:
    """The rows of one market, named `where`; the scripts bring the axes into their place."""
    trades = legend(*sides(), key("line", "micro-price", "leg-micro"))
    lines = legend(key("line", field("legend-ofi")), class_name="line-leg")
    controls = {"book": (trades, _how(), zoom_tools()), "ofi": (lines,)}
    panels = [row_panel(row, controls.get(row.frame.name, ())) for row in _ROWS]
    axes = html.Div(className="axes-place")
    hover = html.Div(className="readout", hidden=True, **{"aria-hidden": "true"})
    chips = [
        html.Span(
            html.Span(),
            className=f"chip {name}",
            hidden=True,
            **{"data-f": name, "aria-hidden": "true"},
        )
        for name in ("chip-book", "chip-ofi")
    ]
    mid = html.Span(
        className="mid-line", hidden=True, **{"data-f": "mid-line", "aria-hidden": "true"}
    )
    sigmas = [
        html.Span(
            words,
            className="sigma",
            hidden=True,
            **{"data-f": f"sigma-{name}", "aria-hidden": "true"},
        )
        for name, words in (("up", "+3σ"), ("down", "\u22123σ"))
    ]
    overlay = html.Canvas(className="overlay", **{"aria-hidden": "true"})
    layer = html.Div(html.Div(chips), className="chip-layer")
    return [
        html.Div(
            [*panels, mid, *sigmas, axes, overlay, layer, hover],
            className="rows",
            tabIndex=0,
            role="group",
            **{"aria-label": f"Charts of {where}", "data-rows": ""},
        )
    ]
