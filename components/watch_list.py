"""The watch list: one line a market; `assets/live/watch.js` gives it columns and rows from `/live`."""

from typing import Any

import dash_ag_grid as dag
from dash import html
from dash.development.base_component import Component

from components.header import slot
from components.icons import icon

_THEME = (
    "themeQuartz.withParams({backgroundColor: 'var(--panel)', foregroundColor: 'var(--text)', "
    "textColor: 'var(--text)', borderColor: 'var(--line)', rowHoverColor: 'var(--raised)', "
    "selectedRowBackgroundColor: 'var(--raised)', headerBackgroundColor: 'var(--panel)', "
    "headerTextColor: 'var(--text3)', fontFamily: 'var(--font)', fontSize: 12, headerFontSize: 11, "
    "headerFontWeight: 400, headerHeight: 26, wrapperBorder: false, columnBorder: false, "
    "headerColumnResizeHandleDisplay: 'none', cellHorizontalPadding: 6, borderRadius: 0, "
    "wrapperBorderRadius: 0, iconSize: 12, focusShadow: 'none', accentColor: 'var(--text)'})"
)


def watch_grid() -> Component:
    """The grid; put into the page after its first drawing, which it would hold up."""
    options: dict[str, Any] = {
        "theme": {"function": _THEME},
        "rowHeight": 36,
        "suppressCellFocus": False,
        "suppressColumnMoveAnimation": True,
        "suppressMovableColumns": True,
        "suppressScrollOnNewData": True,
        "animateRows": False,
        "deltaSort": True,
        "ensureDomOrder": True,
        "suppressDragLeaveHidesColumns": True,
    }
    # No `rowData`: Dash would copy hundreds of rows into its own state at each update.
    return dag.AgGrid(
        id="watch-grid",
        getRowId="params.data.market",
        columnDefs=[{"field": "market", "headerName": "Market"}],
        dashGridOptions=options,
        columnSize=None,
        className="watch-grid",
        style={"height": "100%", "width": "100%"},
    )


def watch_holder() -> Component:
    """Where Dash puts the grid; the scripts move it into the watch list."""
    return html.Div(
        id="watch-holder",
        className="watch-holder",
        **{"data-into": "watch", "data-parts": "dash_ag_grid/async-community.js"},
    )


def watch_list() -> Component:
    """Heading with count and filter, and the grid; a drawer where there is no room beside the panels."""
    heading = html.Div(
        [
            html.H2(
                ["Watch list ", html.Span(className="mut", id="watch-count")], id="watch-title"
            ),
            html.Span(className="grow"),
            html.Label(
                [
                    html.Span("Filter the watch list", className="unseen"),
                    icon("search", 14),
                    # A plain field: the scripts filter, nothing goes to the server.
                    html.Div(id="watch-filter-place"),
                ],
                className="watch-filter",
            ),
            html.Div(id="watch-figure-place"),
            html.Button(
                icon("cross", 14),
                id="watch-close",
                type="button",
                className="btn ghost icon small",
                title="Close the watch list",
                **{"aria-label": "Close the watch list"},
            ),
        ],
        className="side-head",
    )
    return html.Aside(
        [
            heading,
            slot("watch"),
            html.P(id="watch-note", role="status"),
        ],
        className="side",
        id="side",
        **{"aria-labelledby": "watch-title"},
    )
