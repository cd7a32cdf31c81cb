"""What stands in place of data: nothing stored yet, a market that cannot be shown."""

from dash import html
from dash.development.base_component import Component


def empty_page() -> Component:
    """Nothing is in the store: says what the page waits for and what to do."""
    return html.Section(
        [
            html.H2("Waiting for the first market"),
            html.P(
                "No collector has stored a market yet. This page shows the first one as soon as its "
                "book arrives; nothing needs to be reloaded."
            ),
            html.P(
                [
                    "To follow real exchanges: ",
                    html.Code("ofi run binance:BTC/USDT kraken:BTC/USD"),
                ]
            ),
            html.P(["Beside a running page: ", html.Code("ofi collect binance:BTC/USDT")]),
        ],
        className="panel empty-page",
        **{"aria-live": "polite"},
    )


def _actions() -> Component:
    """What a viewer can do; each is shown, and worded, by the scripts where it makes sense."""
    return html.Div(
        [
            html.Button(
                type="button",
                className="btn solid",
                hidden=True,
                **{"data-do": "try-now", "data-act": "try", "aria-label": "Try now"},
            ),
            html.Button(
                type="button",
                className="btn",
                hidden=True,
                **{"data-do": "show-recorded", "data-act": "recorded"},
                **{"aria-label": "Show last hour"},
            ),
            html.A(
                href="login",
                className="btn solid",
                hidden=True,
                **{"data-act": "sign-in", "aria-label": "Sign in"},
            ),
        ],
        className="acts",
    )


def notes() -> Component:
    """The frame of a state's note over the book; filled and shown by `assets/live/states.js`."""
    return html.Div(
        [
            html.Span(className="mark", **{"aria-hidden": "true"}),
            html.H4(**{"data-f": "note-title"}),
            html.P(**{"data-f": "note-text"}),
            _actions(),
        ],
        className="note",
        hidden=True,
        role="status",
    )


def waiting() -> Component:
    """The frame of what is shown in place of the book; filled by `assets/live/states.js`."""
    return html.Div(
        [
            html.H4(
                [html.Span(className="mark"), html.Span(**{"data-f": "empty-title"})],
            ),
            html.P(**{"data-f": "empty-text"}),
            html.Ul(className="steps", **{"data-f": "empty-steps"}),
            html.Div(html.U(**{"data-f": "empty-bar"}), className="prog", hidden=True),
            _actions(),
        ],
        className="empty",
        hidden=True,
        role="status",
    )
