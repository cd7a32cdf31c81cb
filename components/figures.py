"""The plotly figure of a market stack: axes, ticks, zoom and pan over the canvases.

One figure spans all rows, so that one time axis carries the zoom of every row and one price axis that
of heatmap and depth profile. The scripts own ranges, ticks and row positions (`assets/live/axes.js`)
and draw the data; the traces here are empty, and only hold the subplots open.
"""

from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go
from dash import dcc, html
from dash.development.base_component import Component

FONT = '"Inter UI", Inter, system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif'
# Left share of the width that the time plots take until the scripts have measured the page.
PLOT_SHARE = 0.75


@dataclass(frozen=True)
class RowAxes:
    """Which plotly axes a row uses: time, value, and the cross-section's own."""

    kind: str
    time: str
    value: str
    cross: str


ROWS = (
    RowAxes("book", "x", "y", "x2"),
    RowAxes("ofi", "x", "y2", "x3"),
    RowAxes("levels", "x", "y3", "x4"),
    RowAxes("flow", "x5", "y4", "x6"),
)

# What a graph loads when it is drawn first; the scripts load it before (assets/live/parts.js).
_GRAPH_PARTS = ("plotly/package_data/plotly.min.js", "dash/dcc/async-graph.js")


def axis_name(axis: str) -> str:
    """The layout key of an axis id: `x2` → `xaxis2`."""
    return f"{axis[0]}axis{axis[1:]}"


def _bare() -> dict[str, Any]:
    return {
        "showgrid": False,
        "zeroline": False,
        "showline": False,
        "ticks": "",
        "showticklabels": False,
        "tickfont": {"family": FONT, "size": 11},
        "fixedrange": True,
        "range": [0, 1],
        "tickmode": "array",
        "tickangle": 0,
        # Measuring every label costs plotly more than drawing the axis.
        "ticklabeloverflow": "allow",
        "automargin": False,
        "tickvals": [],
        "ticktext": [],
    }


def stack_figure(revision: str) -> go.Figure:
    """The empty figure of a stack.

    `revision` is plotly's `uirevision`: constant for a market and a view, so that a zoom survives
    whatever Dash renders anew.
    """
    layout: dict[str, Any] = {
        "margin": {"l": 0, "r": 0, "t": 0, "b": 0, "pad": 0, "autoexpand": False},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "showlegend": False,
        "hovermode": False,
        "dragmode": "pan",
        "uirevision": revision,
        "font": {"family": FONT, "size": 11},
        "autosize": True,
        # The usual template asks for a title's distance, for which plotly measures every label.
        "template": go.layout.Template(),
    }
    height = 1 / len(ROWS)
    for k, row in enumerate(ROWS):
        bottom = 1 - (k + 1) * height
        # Level numbers do not zoom: all of them are always in view.
        value = {"side": "right", "anchor": row.time, "showticklabels": True}
        layout[axis_name(row.value)] = (
            _bare()
            | value
            | {"domain": [bottom, bottom + height * 0.85], "fixedrange": row.kind == "levels"}
        )
        layout[axis_name(row.cross)] = _bare() | {"domain": [PLOT_SHARE, 1], "anchor": row.value}
    time = {
        "domain": [0, PLOT_SHARE],
        "fixedrange": False,
        "showgrid": True,
        "gridwidth": 1,
        "showticklabels": True,
        "ticks": "outside",
        "ticklen": 3,
    }
    layout["xaxis"] = _bare() | time | {"anchor": "y"}
    layout["xaxis5"] = _bare() | time | {"anchor": "y4", "matches": "x"}
    layout["xaxis2"] |= {"showticklabels": True, "ticks": "outside", "ticklen": 3}
    traces = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": [None],
            "y": [None],
            "xaxis": x,
            "yaxis": row.value,
        }
        for row in ROWS
        for x in (row.time, row.cross)
    ]
    return go.Figure({"data": traces, "layout": layout}, skip_invalid=False)


def graph_config() -> dict[str, Any]:
    """No tool bar; the wheel zooms; a double click is handled by the scripts (back to live)."""
    return {
        "displayModeBar": False,
        "scrollZoom": True,
        "doubleClick": False,
        "showTips": False,
        "showAxisDragHandles": True,
        "responsive": False,
    }


def axes(k: int) -> Component:
    """The graph of the k-th place for axes; which market it lies over is the scripts' matter."""
    return dcc.Graph(
        id=f"graph-{k}", figure=stack_figure(f"axes-{k}"), config=graph_config(), className="axes"
    )


def axes_holder(k: int) -> Component:
    """Where Dash puts a graph; the scripts move it over the charts of a market, and back."""
    return html.Div(
        id=f"axes-{k}", className="slotted axes-holder", **{"data-parts": " ".join(_GRAPH_PARTS)}
    )
