"""The tab *Data quality* of one market: its streams now and through time, what was lost, and incidents."""

from dash import html
from dash.development.base_component import Component

from components.legend import key, legend, zoom_tools
from components.panel import Frame, chart, field, panel

STREAMS = (("best", "Best quotes"), ("depth", "Depth"), ("trades", "Trades"))
_COLUMNS = (
    ("state", "State", "What the feed of the stream is doing"),
    ("since", "since", "For how long"),
    ("age", "last message", "Time since the last message; trades may be rare"),
    ("sends", "sends", "How the venue sends it: docs/metrics.md, Fidelity"),
    ("latency", "latency p50 / p99", "Receive minus venue time, the venue's clock corrected"),
    ("rate", "updates/s", "States or trades taken"),
    ("recent", "coverage 15\u00a0min", "Share of the last 15 min that is known"),
    ("lookback", "coverage", "Share of the look-back that is known"),
    ("gaps", "gaps", "In the last 15 min and in the look-back"),
    ("longest", "longest", "Of the look-back"),
)


def _head(cells: list[Component]) -> Component:
    return html.Thead(html.Tr(cells))


def _streams() -> Component:
    head: list[Component] = [html.Th("Stream", scope="col")]
    for name, words, about in _COLUMNS:
        filled = {"data-f": "dq-lookback-head"} if name == "lookback" else {}
        text = None if filled else words
        head.append(html.Th(text, scope="col", title=about, className=f"c-{name}", **filled))
    rows = [
        html.Tr(
            [
                html.Th(words, scope="row"),
                *(
                    html.Td(field(f"dq-{stream}-{name}"), className=f"c-{name}")
                    for name, _, _ in _COLUMNS
                ),
            ],
            **{"data-stream-row": stream},
        )
        for stream, words in STREAMS
    ]
    return html.Table([_head(head), html.Tbody(rows)], className="dq-table")


def _line_legend() -> Component:
    """The streams by weight and dash, because hue means direction on this page."""
    keys = (key(f"stroke s-{stream}", words.lower()) for stream, words in STREAMS)
    return legend(*keys, class_name="line-leg")


def _lists(name: str, label: str) -> Component:
    return html.Div(
        [html.Ul(className="incidents", **{"data-list": name})],
        className="dq-scroll",
        tabIndex=0,
        role="region",
        **{"aria-label": label},
    )


def quality_pane(where: str) -> list[Component]:
    """The panels of one market, which `assets/live/quality.js` fills; `where` names it for those who do not
    see the page."""
    streams = panel(
        Frame("streams", "Streams", "Each stream as it is now.", "Fidelity", ""),
        [html.Div(_streams(), className="dq-scroll", tabIndex=0, role="region",
                  **{"aria-label": f"Streams of {where}"})],
        [field("dq-clock", "mut")],
        row=True,
    )  # fmt: skip
    latency = panel(
        Frame(
            "latency",
            "Latency",
            "Median solid, 99th percentile above it.",
            "Fidelity",
            "",
        ),
        [chart("latency", "Latency through time")],
        [_line_legend(), zoom_tools()],
        row=True,
    )
    rate = panel(
        Frame("rate", "Updates", "States or trades a second.", "Fidelity", ""),
        [chart("rate", "Updates a second through time")],
        row=True,
    )
    cover = panel(
        Frame("cover", "Coverage", "Known time; gaps are hatched.", "Coverage", ""),
        [chart("cover", "Coverage through time")],
        [field("dq-cover", "mut")],
        row=True,
    )
    reasons = panel(
        Frame("reasons", "Gaps and rejected books", "By reason.", "Coverage", ""),
        [html.Div(html.Table(className="dq-table", **{"data-list": "reasons"}),
                  className="dq-scroll", tabIndex=0, role="region",
                  **{"aria-label": f"Gaps and rejected books of {where}"})],
        [field("dq-audit", "mut")],
    )  # fmt: skip
    own = panel(
        Frame("incidents", "Incidents", "This market, last hour.", "Coverage", ""),
        [_lists("own", f"Incidents of {where}")],
        [field("dq-own", "mut")],
    )
    every = panel(
        Frame("everywhere", "Incidents", "All markets, last hour.", "Coverage", ""),
        [_lists("everywhere", "Incidents of all markets")],
        [field("dq-everywhere", "mut")],
    )
    left = html.Div(
        [streams, latency, rate, cover], className="dq-left", **{"data-rows": "latency"}
    )
    right = html.Div([own, every, reasons], className="dq-right")
    hover = html.Div(className="readout", hidden=True, **{"aria-hidden": "true"})
    overlay = html.Canvas(className="overlay", **{"aria-hidden": "true"})
    return [html.Div([left, right, overlay, hover], className="dq", role="group", tabIndex=0,
                     **{"aria-label": f"Data quality of {where}"})]  # fmt: skip
