"""The frame of every panel: title, one line that leads to its definition, controls, coverage, menu.

`panel` frames anything; `row_panel` is a row of a linked stack, with its two charts. The menu is one
button here; what it offers is in `assets/live/panels.js` (full screen, freeze, PNG, CSV, what this is).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dash import html
from dash.development.base_component import Component

from components.icons import icon
from components.words import slug


@dataclass(frozen=True)
class Frame:
    """What the frame of a panel says.

    `name` names the panel in CSS, scripts and file names; `metric` is the heading of docs/metrics.md
    that defines what it shows; `stream` is the one whose coverage and fidelity it carries, "" for none; of
    several, such as "best trades", the least coverage and the fidelity of the first.
    `unit` is what its values are in, said after the title; None where an axis or a table says it.
    An empty `title`, `line` or `unit` is filled by the scripts, as `title-NAME`, `line-NAME`, `unit-NAME`.
    `more` ends the title, and gives way where there is little room.
    """

    name: str
    title: str
    line: str
    metric: str
    stream: str = "depth"
    unit: str | None = None
    more: str = ""


@dataclass(frozen=True)
class Row:
    """One row of a linked stack: time plot on the left, cross-section on the same axis right.

    `strip` says that the row prints the time axis below itself; `corner` names the place over its value axis
    that the scripts fill with the unit of that axis.
    """

    frame: Frame
    cross: Frame
    strip: bool = False
    corner: str = ""


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


def definition(metric: str) -> str:
    """The address of a metric's definition, relative to the page."""
    return f"docs/metrics#{slug(metric)}"


def about(words: str, metric: str, name: str) -> html.A:
    """Words that lead to the definition of a metric; empty, the scripts fill them as `name`."""
    return html.A(
        words or None,
        href=definition(metric),
        target="_blank",
        title=f"{metric}: definition and source",
        **{"data-doc": "", **_filled(words, name)},
    )


def menu_button(frame: Frame) -> html.Button:
    """The button that opens a panel's menu."""
    words = frame.title or frame.metric
    return html.Button(
        icon("dots"),
        className="btn ghost icon small panel-menu",
        title="Menu of this panel",
        type="button",
        **{
            "aria-label": f"Menu: {words}",
            "aria-haspopup": "menu",
            "aria-expanded": "false",
            "data-do": "panel-menu",
        },
    )


def _words(frame: Frame, kind: str = "line") -> list[Component]:
    more = [frame.title, html.Span(frame.more, className="more-words")] if frame.more else None
    title = html.H3(more or frame.title or None, **_filled(frame.title, f"title-{frame.name}"))
    return [
        title,
        *_unit(frame, kind),
        html.P(about(frame.line, frame.metric, f"{kind}-{frame.name}")),
    ]


def _unit(frame: Frame, kind: str) -> list[Component]:
    if frame.unit is None:
        return []
    name = f"unit-{frame.name}" if kind == "line" else f"{kind}-unit-{frame.name}"
    return [html.Span(frame.unit or None, className="of", **_filled(frame.unit, name))]


def _filled(words: str, name: str) -> dict[str, Any]:
    return {} if words else {"data-f": name}


def _head(frame: Frame, controls: Sequence[Component]) -> Component:
    share = [field(f"coverage-{frame.name}", "cov")] if frame.stream else []
    return html.Div(
        [*_words(frame), html.Span(className="grow"), *controls, *share], className="plot-head"
    )


def _marks(frame: Frame) -> dict[str, str]:
    return {"data-panel": frame.name, "data-stream": frame.stream, "data-metric": frame.metric}


def empty_state(name: str) -> Component:
    """What stands in place of a panel's figures: what it waits for. `showEmpty` of the scripts fills it."""
    return html.Div(
        [html.H4(), html.P()], className="panel-empty", hidden=True, **{"data-empty": name}
    )


def chart(name: str, label: str, class_name: str = "") -> html.Canvas:
    """A canvas that fills the body of its panel; the scripts name it with the present value."""
    return html.Canvas(
        className=f"chart {class_name}".strip(),
        role="img",
        **{"aria-label": label, "data-canvas": name},
    )


def panel(
    frame: Frame,
    body: Sequence[Component],
    controls: Sequence[Component] = (),
    *,
    row: bool = False,
) -> Component:
    """A panel of its own: the frame about any body; a `row` is one that the user may arrange."""
    return html.Section(
        [
            html.Div([_head(frame, controls), menu_button(frame)], className="ph"),
            html.Div([*body, empty_state(frame.name)], className="panel-body"),
        ],
        className=f"panel framed panel-{frame.name}",
        **({"data-row": frame.name} if row else {}),
        **_marks(frame),
    )


def row_panel(row: Row, controls: Sequence[Component] = ()) -> Component:
    """The panel of a row: one canvas below its two charts, which the scripts name with the present value."""
    frame, cross = row.frame, row.cross
    kind = frame.name
    # What stands beside may rest on more: the coverage of the row is that of both.
    more = {} if cross.stream == frame.stream else {"data-beside": cross.stream}
    beside = html.Div(_words(cross, "cross"), className="cross-head")
    corner = [field(row.corner, "corner")] if row.corner else []
    return html.Section(
        [
            html.Div([_head(frame, controls), beside, menu_button(frame)], className="ph"),
            html.Div(
                [
                    html.Canvas(className="sheet", **{"aria-hidden": "true"}),
                    html.Div(className="plot", role="img", **{"aria-label": frame.title or kind}),
                    html.Div(className="cross", role="img", **{"aria-label": cross.title}),
                    *corner,
                ],
                className="cv strip" if row.strip else "cv",
            ),
        ],
        className=f"panel row-{kind}",
        **{"data-row": kind, **_marks(frame), **more},
    )
