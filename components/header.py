"""The header: market picker, depth, window, look-back, connection, zone, freeze, theme, share; the tabs.

All of it is plain HTML but the selects, which Dash makes later: a slot keeps the place of each.
"""

import json
from collections.abc import Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component

from components.icons import icon
from components.panel import field
from components.panes import PANES
from components.words import BINS_S, DEPTHS, LOOKBACKS_S, RANGES_S, WINDOWS_S, duration, levels

# The scripts add every zone that the browser knows.
ZONES = (("utc", "UTC"), ("local", "Local time"))


def _select(
    name: str, label: str, data: list[dict[str, str]], value: str, **more: Any
) -> Component:
    return dmc.Select(
        id=name,
        label=label,
        data=data,
        value=value,
        allowDeselect=False,
        withCheckIcon=False,
        className=f"ctl ctl-{name}",
        comboboxProps={"width": "max-content", "position": "bottom-start", "shadow": "none"},
        **more,
    )


def slot(name: str) -> Component:
    """Where the scripts put what Dash makes of this name; it keeps the room until then."""
    return html.Span(className=f"slot slot-{name}", **{"data-slot": name})


def _made(name: str, label: str, values: Sequence[tuple[int, str]], present: int) -> Component:
    return _into(name, _select(name, label, _options(values), str(present)))


def _into(name: str, control: Component) -> Component:
    """What is moved is a frame of ours, so that nothing is moved that React may want to replace."""
    return html.Div(control, className="slotted", **{"data-into": name})


def selects(depth: int, window_s: int, range_s: int, lookback_s: int) -> list[Component]:
    """The controls that Dash makes; values are set by the page's callback from the address."""
    zone = _select(
        "zone",
        "Zone",
        [{"value": value, "label": text} for value, text in ZONES],
        ZONES[0][0],
        searchable=True,
        limit=60,
        nothingFoundMessage="No zone has this name.",
    )
    return [
        _made("depth", "Depth", choices(DEPTHS, depth, levels), depth),
        _made("window", "Window", choices(WINDOWS_S, window_s), window_s),
        _made("range", "Range", choices(RANGES_S, range_s), range_s),
        _made("lookback", "Look-back", choices(LOOKBACKS_S, lookback_s), lookback_s),
        _into("zone", zone),
    ]


def _options(values: Sequence[tuple[int, str]]) -> list[dict[str, str]]:
    return [{"value": str(number), "label": text} for number, text in values]


def choices(values: Sequence[int], present: int, text: Any = duration) -> list[tuple[int, str]]:
    """The offered values, with the present one among them even when a link brought another."""
    return [(value, text(value)) for value in sorted({*values, present})]


def tool(
    name: str, mark: str, title: str, label: str, class_name: str = "", **more: str
) -> Component:
    """A button of the header that shows only a mark."""
    return html.Button(
        icon(mark),
        id=name,
        type="button",
        className=f"btn ghost icon {class_name}".strip(),
        title=title,
        **{"aria-label": label, **more},
    )


def _picker() -> Component:
    """The field that opens the market picker, and the markets in view; filled by the scripts."""
    return html.Div(
        [
            html.Button(
                [
                    icon("search", 14),
                    html.B(id="find-name"),
                    html.Span(id="find-place"),
                    html.Kbd("/"),
                ],
                id="find",
                type="button",
                className="find",
                title="Find a market (/)",
                **{"aria-haspopup": "dialog", "aria-label": "Find a market"},
            ),
            html.Div(
                id="chips", className="chips", role="group", **{"aria-label": "Markets in view"}
            ),
        ],
        className="pick",
    )


def _controls(link: Component) -> Component:
    """Everything right of the picker but freezing: a sheet on a phone, in the header's row elsewhere."""
    steps = {"depth": DEPTHS, "window": WINDOWS_S, "range": RANGES_S}
    return html.Div(
        [
            slot("depth"),
            slot("window"),
            slot("lookback"),
            html.Span(className="grow"),
            link,
            slot("zone"),
            tool("theme", "theme", "Dark or light (T)", "Dark or light theme"),
            tool("help", "help", "All keys, and a short tour (?)", "Help: keys and tour"),
            html.Button(
                [icon("share", 14), html.Span("Share view", id="share-label")],
                id="share",
                type="button",
                className="btn solid",
                title="Copy the address of this view (S)",
                **{"aria-label": "Share view: copy its address"},
            ),
        ],
        className="controls",
        id="controls",
        **{"data-steps": json.dumps(steps)},
    )


def header() -> Component:
    """The header, with a slot for each control that Dash makes."""
    link = html.Span(
        [field("link-word"), html.Span(field("link-ms"), className="mut")],
        id="link",
        className="pill",
        role="status",
        **{"data-link": "connecting"},
    )
    more = tool(
        "more",
        "sliders",
        "Controls",
        "Controls: depth, window, look-back, zone, theme, help, share",
        "more",
        **{"aria-expanded": "false", "aria-controls": "controls"},
    )
    drawer = tool(
        "drawer",
        "list",
        "Watch list",
        "Watch list",
        **{"aria-expanded": "false", "aria-controls": "side"},
    )
    return html.Header(
        [
            html.A("To the charts", href="#stacks", className="skip"),
            html.Div([html.Span(className="logo"), html.H1("Order flow")], className="brand"),
            drawer,
            _picker(),
            _controls(link),
            tool("freeze", "pause", "Freeze (Space)", "Freeze", **{"aria-pressed": "false"}),
            more,
        ],
        className="top",
    )


def tab_bar(present: str) -> Component:
    """The tabs of the page, for all markets in view; the scripts switch them (keys 1, 2, …)."""
    tabs = [
        html.Button(
            pane.title,
            type="button",
            role="tab",
            id=f"tab-{name}",
            tabIndex=0 if name == present else -1,
            title=f"{pane.title} ({number})",
            **{"aria-selected": "true" if name == present else "false", "data-tab": name},
        )
        for number, (name, pane) in enumerate(PANES.items(), 1)
    ]
    bins = [
        html.Button(
            duration(seconds), type="button", **{"data-bin": str(seconds), "aria-pressed": "false"}
        )
        for seconds in BINS_S
    ]
    return html.Nav(
        [
            html.Div(
                tabs, role="tablist", className="tablist", id="tabs", **{"aria-label": "Tabs"}
            ),
            html.Span(className="grow"),
            html.Div(
                [html.I("Bins"), *bins],
                id="bins",
                className="bins",
                role="group",
                **{"aria-label": "Length of the bins"},
            ),
            slot("range"),
            html.Button(
                [html.I("Layout "), html.Span(id="layout-name"), icon("down", 12)],
                id="layout",
                type="button",
                className="btn",
                title="Panels, layouts and colours (L)",
                **{"aria-haspopup": "dialog"},
            ),
        ],
        className="tabs",
        **{"aria-label": "What is shown of the markets"},
    )


def bottom_bar() -> Component:
    """The five targets of a phone."""
    targets = (
        ("flow", "grid", "Book"),
        ("trades", "flow", "Flow"),
        ("evidence", "eye", "Verify"),
        ("quality", "check", "Quality"),
    )
    return html.Nav(
        [
            *(
                html.Button([icon(mark, 20), html.Span(word)], type="button", **{"data-tab": name})
                for name, mark, word in targets
                if name in PANES
            ),
            html.Button(
                [icon("list", 20), html.Span("Markets")],
                id="bottom-markets",
                type="button",
                **{"aria-expanded": "false", "aria-controls": "side"},
            ),
        ],
        className="bottom",
        **{"aria-label": "Views"},
    )
