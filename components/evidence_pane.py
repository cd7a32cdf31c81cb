"""The tab *Verification & toxicity* of one market: does the flow work here, and who pays for it.

Frames, headings and empty places; the scripts (`assets/live/evidence.js`) fill in what `/live` brings.
"""

from dash import html
from dash.development.base_component import Component

from components.legend import key, legend, zoom_tools
from components.panel import Frame, chart, field, panel

_FACTS = (
    ("now", "Explains now"),
    ("1", "Predicts 1\u00a0s"),
    ("5", "Predicts 5\u00a0s"),
    ("cost", "Pays its cost?"),
)
_FLOWS = (
    ("best", "Best level"),
    ("multilevel", ""),
    ("integrated", "Integrated"),
    ("trade_imbalance", "Trade imbalance"),
)
_HORIZONS_S = (1, 5, 10, 30, 60)


def _verdict() -> Component:
    facts = [
        html.Div(
            [
                html.H4(title),
                html.P([field(f"ev-fact-{name}"), *([field("ev-fee", "fee")] if name == "cost" else [])]),
                html.B(**{"data-f": f"ev-figure-{name}"}),
            ],
            className="fact",
            **{"data-fact": name},
        )
        for name, title in _FACTS
    ]  # fmt: skip
    sentence = html.P([field("ev-verdict"), " ", field("ev-sober", "sober")], className="verdict")
    frame = Frame(
        "verdict",
        "Does OFI work here?",
        "Whether flow moves the price, and foretells the next move.",
        "Contemporaneous impact",
        "",
    )
    body = html.Div([sentence, html.Div(facts, className="facts")], className="say")
    return panel(frame, [body], [field("ev-cov-verdict", "cov")], row=True)


def _impact() -> Component:
    frame = Frame("impact", "Impact", "", "Contemporaneous impact", "")
    return panel(frame, [chart("impact", "Impact")], [field("ev-cov-impact", "cov")], row=True)


def _prediction() -> Component:
    frame = Frame(
        "prediction",
        "Prediction",
        "How far moves that come later follow OFI.",
        "Information coefficient",
        "",
    )
    keys = legend(
        key("ring", "measured, 95\u00a0%"),
        key("diamond", "held out"),
        key("square", "shuffled"),
    )
    badge = field("ev-cov-prediction", "cov")
    return panel(frame, [chart("prediction", "Prediction by horizon")], [keys, badge], row=True)


def _flows() -> Component:
    frame = Frame(
        "flows",
        "Which flow explains most",
        "All on the same moves of mid.",
        "Held-out impact",
        "",
    )
    columns = ("β, ticks", "t", "R²", "held out")
    cells = ("beta", "t", "r2", "held_out")
    head = html.Tr([html.Th(**{"data-f": "ev-flows-head"}), *(html.Th(name) for name in columns)])
    rows = []
    for name, title in _FLOWS:
        filled = {} if title else {"data-f": f"ev-{name}-title"}
        first = html.Th(title or None, scope="row", **filled)
        figures = (html.Td(**{"data-f": f"ev-{name}-{cell}"}) for cell in cells)
        rows.append(html.Tr([first, *figures], **{"data-flow": name}))
    table = html.Table([html.Thead(head), html.Tbody(rows)])
    return panel(frame, [html.Div(table, className="tb")], [field("ev-cov-flows", "cov")], row=True)


def _figures() -> Component:
    """The prediction as a table: what the chart shows, in figures."""
    frame = Frame(
        "horizons",
        "Prediction in figures",
        "The correlation, and how often the side was right.",
        "Hit rate",
        "",
    )
    names = ("Ahead", "IC", "95\u00a0%", "right", "n", "held out")
    rows = [
        html.Tr(
            [
                html.Th(f"{h}\u00a0s", scope="row"),
                *(
                    html.Td(**{"data-f": f"ev-{h}-{cell}"})
                    for cell in ("ic", "interval", "right", "n", "held")
                ),
            ],
            **{"data-horizon": str(h)},
        )
        for h in _HORIZONS_S
    ]
    table = html.Table([html.Thead(html.Tr([html.Th(name) for name in names])), html.Tbody(rows)])
    return panel(
        frame, [html.Div(table, className="tb")], [field("ev-cov-horizons", "cov")], row=True
    )


def _vpin() -> Component:
    frame = Frame("vpin", "Toxicity (VPIN)", "", "VPIN", "")
    body, badge = chart("vpin", "VPIN through time"), field("ev-cov-vpin", "cov")
    return panel(frame, [body], [zoom_tools(), badge], row=True)


def _markouts() -> Component:
    frame = Frame("markouts", "Markouts", "Where mid went after trades.", "Markout curve", "")
    return panel(
        frame, [chart("markouts", "Markout curves")], [field("ev-cov-markouts", "cov")], row=True
    )


def _adverse() -> Component:
    frame = Frame(
        "adverse",
        "Adverse selection",
        "What the price takes of the spread, and what makers keep.",
        "Spread decomposition",
        "",
    )
    keys = legend(key("square strong", "price impact"), key("square", "kept by makers"))
    badge = field("ev-cov-adverse", "cov")
    return panel(frame, [chart("adverse", "Adverse selection by horizon")], [keys, badge], row=True)


def evidence_pane(where: str) -> list[Component]:
    """The panels of one market; `where` names it for those who do not see the page."""
    hover = html.Div(className="readout", hidden=True, **{"aria-hidden": "true"})
    parts = (_verdict, _impact, _prediction, _flows, _vpin, _figures, _markouts, _adverse)
    return [
        html.Div(
            [*(part() for part in parts), hover],
            className="evidence",
            role="group",
            **{"aria-label": f"Verification of {where}", "data-rows": "", "data-tiles": ""},
        )
    ]
