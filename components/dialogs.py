"""Dialogs of the page: market picker, layout and colours, keys. The scripts open and fill them.

Each is a native `dialog`: the browser keeps the focus inside, Escape closes it.
"""

import json

from dash import html
from dash.development.base_component import Component

from components.icons import icon

# What the keys do (assets/live/keys.js); `tests` hold the two together.
KEYS = (
    (
        "Markets",
        (
            ("/", "find a market"),
            ("Shift Enter", "add it beside those in view"),
            ("↑ ↓", "move in the watch list"),
            ("Enter", "open"),
        ),
    ),
    (
        "View",
        (
            ("1 – 4", "tabs"),
            ("[ ]", "window shorter, longer"),
            ("- =", "fewer, more levels"),
            (", .", "shorter, longer range of time"),
            ("L", "panels and layouts"),
            ("T", "dark or light"),
            ("C", "colours of buying and selling"),
            ("Alt ← →", "move the market in focus among those in view"),
        ),
    ),
    (
        "Time",
        (
            ("Space", "freeze, or back to live"),
            ("← →", "crosshair by a second, in charts of time"),
            ("Shift ← →", "by ten seconds"),
            ("Home", "oldest in view"),
            ("End", "now"),
            ("0", "reset zoom"),
        ),
    ),
    (
        "Page",
        (
            ("F", "full screen of the panel in focus"),
            ("S", "copy the address of this view"),
            ("?", "these keys"),
            ("Esc", "closes what is open"),
        ),
    ),
)


def _dialog(name: str, title: str, *content: Component, class_name: str = "") -> Component:
    heading = html.Div(
        [
            html.H2(title or None, id=f"{name}-title"),
            html.Span(className="grow"),
            html.Button(
                icon("cross", 14),
                type="button",
                className="btn ghost icon small",
                title="Close (Esc)",
                **{"aria-label": "Close", "data-close": name},
            ),
        ],
        className="dialog-head",
    )
    return html.Dialog(
        [heading, *content],
        id=name,
        className=f"dialog {class_name}".strip(),
        **{"aria-labelledby": f"{name}-title"},
    )


def picker_dialog() -> Component:
    """The market picker: a field and a list of markets, both made by `assets/live/picker.js`."""
    hint = html.P(
        [html.Kbd("Enter"), " opens · ", html.Kbd("Shift"), " ", html.Kbd("Enter"), " adds beside"],
        className="hint",
    )
    return _dialog("picker", "Find a market", html.Div(id="picker-body"), hint, class_name="tall")


def layout_dialog() -> Component:
    """Panels and their order, saved layouts, colours; the lists are made by `assets/live/layouts.js`."""
    return _dialog(
        "layouts",
        "Layout and colours",
        html.Section(
            [
                html.H3(id="rows-title"),
                html.Div(id="presets", className="row", role="group", **{"aria-label": "Presets"}),
                html.Ul(id="rows-list", className="rows-list"),
                html.P(
                    "Drag a panel by its title to move it, the lower edge of a row to make it taller. "
                    "Each tab has panels of its own; rows keep one time axis.",
                    className="hint",
                ),
            ]
        ),
        html.Section(
            [
                html.H3("Saved in this browser"),
                html.P(
                    "A layout keeps the panels, the markets in view and the tab.", className="hint"
                ),
                html.Ul(id="saved-list", className="rows-list"),
                html.Div(id="save-row", className="row"),
                html.P(id="layout-said", role="status"),
            ]
        ),
        html.Section(
            [
                html.H3("Colours"),
                html.Div(
                    id="colour-row", className="row", role="radiogroup", **{"aria-label": "Colours"}
                ),
                html.P(
                    "Blue and orange stay apart for every eye. Green and red do not: about one man "
                    "in twelve cannot tell them apart; the sign is always written too.",
                    className="hint",
                ),
            ]
        ),
    )


def table_dialog() -> Component:
    """The figures of a panel as a table, which `assets/live/as_table.js` fills and names."""
    return _dialog(
        "astable",
        "",
        html.P(id="astable-said", className="hint"),
        html.Div(id="astable-body", className="astable", tabIndex=0, role="region"),
        class_name="wide",
    )


def keys_dialog() -> Component:
    """All keys, and the way back to the tour."""
    tour = html.Button("Show the tour", id="tour-again", type="button", className="btn solid")
    return _dialog(
        "keys",
        "Keys",
        # The scripts make the list: a hundred components that never change would slow all others down.
        html.Div(id="keys-body", className="keys", **{"data-keys": json.dumps(KEYS)}),
        html.Div(
            [html.P("Keys rest while you type."), html.Span(className="grow"), tour],
            className="row",
        ),
    )
