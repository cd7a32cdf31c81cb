"""What stands in the title of a chart beside its words: legends, and the buttons of its time axis."""

from dash import html
from dash.development.base_component import Component

from components.panel import icon_button


def key(mark: str, words: str | Component, tone: str = "") -> Component:
    """One mark with its meaning."""
    return html.Span([html.U(className=mark), words], className=tone or None)


def legend(*keys: Component, class_name: str = "") -> Component:
    """Keys in a line."""
    return html.Span(list(keys), className=f"leg {class_name}".strip())


def sides() -> tuple[Component, Component]:
    """How trades are drawn: a disc was bought, a ring was sold."""
    return key("disc", "bought", "up"), key("ring", "sold", "dn")


def zoom_tools() -> Component:
    """Zoom in time by buttons, and the way back to the present."""
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
