"""The usual way to a live page, as a baseline: `dcc.Interval`, and whole figures from a callback.

The same store, the same computed series and the same five minutes as our page, one figure a market: heatmap
with quotes and mid, OFI, OFI by level, taker flow, and the two cross-sections. Served as
`benchmarks.usual_dash:server` by the gunicorn that serves our page; `page_cost` starts it and measures both.

Variables: `OFI_STORE__URL`, `USUAL_MARKETS` (comma-separated), `USUAL_INTERVAL_MS`.
"""

import os
from threading import Lock
from typing import Any

import numpy as np
import plotly.graph_objects as go
from dash import Dash, Input, Output, dcc, html
from fastapi import FastAPI
from plotly.subplots import make_subplots

from app.clock import SystemClock
from app.settings import load
from app.store import open_store
from app.web.engine import Engine
from app.web.frames import decode
from app.web.spec import ViewSpec
from app.web.wishes import Open

RANGE_S = 300
_MARKETS = os.environ.get("USUAL_MARKETS", "").split(",")
_SHAPE: dict[str, Any] = {
    "rows": 4, "cols": 2, "shared_xaxes": False, "column_widths": [0.82, 0.18],
    "row_heights": [0.5, 0.17, 0.16, 0.17], "vertical_spacing": 0.03, "horizontal_spacing": 0.04,
}  # fmt: skip


class Source:
    """The computed series of each market, as our page would get them whole."""

    def __init__(self) -> None:
        clock, store = SystemClock(), load(environ=os.environ).store
        self._clock, self._lock = clock, Lock()
        self._engine = Engine(open_store(store.location, clock=clock, readonly=True), clock)
        specs = [ViewSpec.parse({"market": m, "range_s": RANGE_S, "depth": 10}) for m in _MARKETS]
        self._engine.tick([Open(spec_key(s.market), s) for s in specs])

    def frame(self, market: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Header and arrays of a market's present."""
        with self._lock:
            self._engine.tick([])
            view = self._engine.views[spec_key(market)]
            assert view is not None, f"{market} is not in the store"
            return decode(view.snapshot(self._clock.now_ns()))


def spec_key(market: object) -> str:
    """The name of a market's view."""
    return f"usual {market}"


def figure(header: dict[str, Any], arrays: dict[str, Any]) -> go.Figure:
    """One market, whole."""
    t, tick = arrays["t"].astype("datetime64[ms]"), header["tick"]
    step = header["group"] * tick
    base, columns = int(arrays["col_base"].min()), arrays["col"]
    rows = int(arrays["col_base"].max()) - base + columns.shape[1]
    book = np.full((len(columns), rows), np.nan, np.float32)
    for at, column, low in zip(book, columns, arrays["col_base"] - base, strict=True):
        at[low : low + len(column)] = column
    prices = (base + np.arange(rows)) * step
    figure = make_subplots(**_SHAPE)
    heat = go.Heatmap(
        x=arrays["col_t"].astype("datetime64[ms]"), y=prices, z=np.log1p(book.T), showscale=False
    )
    figure.add_trace(heat, 1, 1)
    for name in ("bid", "ask", "mid"):
        figure.add_trace(go.Scatter(x=t, y=arrays[name], mode="lines"), 1, 1)
    for sign in (1, -1):
        mine = np.sign(arrays["tr_q"]) == sign
        when = arrays["tr_t"][mine].astype("datetime64[ms]")
        size = np.sqrt(np.abs(arrays["tr_q"][mine]) / np.abs(arrays["tr_q"]).max(initial=1e-9))
        dots = go.Scatter(x=when, y=arrays["tr_p"][mine], mode="markers", marker_size=2 + 16 * size)
        figure.add_trace(dots, 1, 1)
    if "prof_bid" in arrays:
        low = int(arrays["prof_base"][0])
        at = (low + np.arange(len(arrays["prof_bid"]))) * step
        for name in ("prof_bid", "prof_ask"):
            figure.add_trace(go.Bar(x=arrays[name], y=at, orientation="h"), 1, 2)
        for name in ("cum_bid", "cum_ask"):
            figure.add_trace(go.Scatter(x=arrays[name], y=at, mode="lines"), 1, 2)
    figure.add_trace(go.Bar(x=t, y=arrays["ofi"]), 2, 1)
    figure.add_trace(go.Scatter(x=t, y=arrays["integrated"], mode="lines"), 2, 1)
    figure.add_trace(go.Bar(x=arrays["hist"], orientation="h"), 2, 2)
    figure.add_trace(go.Heatmap(x=t, z=arrays["levels"].T, showscale=False), 3, 1)
    figure.add_trace(go.Bar(x=arrays["now_levels"], orientation="h"), 3, 2)
    figure.add_trace(go.Bar(x=t, y=arrays["flow"]), 4, 1)
    figure.update_layout(showlegend=False, uirevision=header["market"], height=660, bargap=0)
    figure.update_layout(meta={"row_ms": header["times"]["row_ms"]})
    return figure


def create() -> Dash:
    """The page with one graph a market and one interval."""
    app = Dash(__name__, server=FastAPI())
    graphs = [dcc.Graph(id=f"g{k}") for k in range(len(_MARKETS))]
    every_ms = int(os.environ.get("USUAL_INTERVAL_MS", "250"))
    app.layout = html.Div(
        [
            dcc.Interval(id="tick", interval=every_ms),
            html.Div(graphs, style={"display": "grid", "gridTemplateColumns": "1fr 1fr"}),
        ]
    )
    source = Source()

    @app.callback(
        *(Output(f"g{k}", "figure") for k in range(len(_MARKETS))), Input("tick", "n_intervals")
    )
    def draw(_: int) -> Any:
        figures = [figure(*source.frame(market)) for market in _MARKETS]
        return figures if len(figures) > 1 else figures[0]

    return app


def __getattr__(name: str) -> Any:
    # Made when gunicorn asks for it, in the worker: importing the module alone starts nothing.
    if name == "server":
        return create().server
    raise AttributeError(name)
