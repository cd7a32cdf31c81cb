"""The tab *Book & flow* of one market: the linked rows with their axes, overlay and hover card."""

from dash import html
from dash.development.base_component import Component

from components.panel import Frame, Row, field, icon_button, row_panel

_ROWS = (
    Row(
        Frame("book", "Book heatmap", "Resting size by price.", "Mid"),
        Frame("book", "Depth now", "", "Depth within bands"),
        strip=True,
    ),
    Row(
        Frame("ofi", "", "", "OFI of the best quotes", "best"),
        Frame("ofi", "Distribution", "", "Percentile rank", "best"),
    ),
    Row(
        Frame(
            "levels",
            "OFI by level",
            "Depth-normalised, best level first. Blue adds buying, orange selling.",
            "Depth-normalised OFI",
        ),
        Frame("levels", "By level now", "", "OFI by level"),
    ),
    Row(
        Frame("flow", "Taker flow", "", "Trade imbalance", "trades"),
        Frame("flow", "What made this OFI", "", "Decomposition", "trades"),
        strip=True,
    ),
)


def _legend() -> Component:
    return html.Span(
        [
            html.Span([html.U(className="disc"), "bought"], className="up"),
            html.Span([html.U(className="ring"), "sold"], className="dn"),
            html.Span([html.U(className="line"), "micro-price"], className="leg-micro"),
        ],
        className="leg",
    )


def _line_legend() -> Component:
    """The name of the thin line over the OFI bars."""
    return html.Span(
        [html.Span([html.U(className="line"), field("legend-ofi")])], className="leg line-leg"
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


def flow_pane(where: str) -> list[Component]:
    """The rows of one market, named `where`; the scripts bring the axes into their place."""
    controls = {"book": (_legend(), _how(), _zoom_tools()), "ofi": (_line_legend(),)}
    panels = [row_panel(row, controls.get(row.frame.name, ())) for row in _ROWS]
    axes = html.Div(className="axes-place")
    hover = html.Div(className="readout", hidden=True, **{"aria-hidden": "true"})
    chips = [
        html.Span(className=f"chip {name}", hidden=True, **{"data-f": name, "aria-hidden": "true"})
        for name in ("chip-book", "chip-ofi")
    ]
    overlay = html.Canvas(className="overlay", **{"aria-hidden": "true"})
    return [
        html.Div(
            [*panels, axes, overlay, *chips, hover],
            className="rows",
            tabIndex=0,
            role="group",
            **{"aria-label": f"Charts of {where}"},
        )
    ]
