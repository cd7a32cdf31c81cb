"""The frame of a row: title, one line, legend, coverage, and its two canvases."""

from dataclasses import dataclass

from dash import html
from dash.development.base_component import Component

from components.icons import icon


@dataclass(frozen=True)
class Row:
    """One row of a linked stack: time plot on the left, cross-section on the same axis right.

    `kind` names the row in CSS and in `assets/live/stack.js`; `strip` says that the row prints the
    time axis below itself.
    """

    kind: str
    title: str
    line: str
    cross_title: str
    cross_line: str
    strip: bool = False


def field(name: str, class_name: str = "") -> html.Span:
    """An empty place that the page's scripts fill with a live value.

    It has no children on the Dash side, so React never overwrites what is written into it.
    """
    return html.Span(className=class_name or None, **{"data-f": name})


def icon_button(
    name: str, label: str, action: str, pressed: bool | None = None, class_name: str = ""
) -> html.Button:
    """A button that shows only a mark; `action` is what the scripts do on a click."""
    extra = {"aria-label": label, "data-do": action}
    if pressed is not None:
        extra["aria-pressed"] = "true" if pressed else "false"
    return html.Button(
        icon(name),
        className=f"btn ghost icon {class_name}".strip(),
        title=label,
        type="button",
        **extra,
    )


def row_panel(
    row: Row, legend: Component | None = None, tools: Component | None = None
) -> Component:
    """The panel of a row; the canvases are named by the scripts with the present value."""
    head = [
        html.H3(row.title, **{"data-f": f"title-{row.kind}"})
        if row.title
        else html.H3(**{"data-f": f"title-{row.kind}"}),
        html.P(row.line) if row.line else html.P(**{"data-f": f"line-{row.kind}"}),
        html.Span(className="grow"),
        *([legend] if legend is not None else []),
        *([tools] if tools is not None else []),
        field(f"coverage-{row.kind}", "cov"),
    ]
    cross = html.Div(
        [
            html.H3(row.cross_title),
            html.P(row.cross_line) if row.cross_line else html.P(**{"data-f": f"cross-{row.kind}"}),
        ],
        className="cross-head",
    )
    return html.Section(
        [
            html.Div([html.Div(head, className="plot-head"), cross], className="ph"),
            html.Div(
                [
                    html.Canvas(
                        className="plot", role="img", **{"aria-label": row.title or row.kind}
                    ),
                    html.Canvas(className="cross", role="img", **{"aria-label": row.cross_title}),
                ],
                className="cv strip" if row.strip else "cv",
            ),
        ],
        className=f"panel row-{row.kind}",
        **{"data-row": row.kind},
    )
