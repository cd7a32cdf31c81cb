"""The header: markets, depth, window, range, connection, freeze, theme, share."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component

from app.market import Market, MarketId
from components.icons import icon
from components.panel import field
from components.panes import PANES
from components.words import (
    BINS_S,
    DEPTHS,
    LOOKBACKS_S,
    RANGES_S,
    WINDOWS_S,
    duration,
    levels,
    market_kind,
    venue_name,
)

MAX_MARKETS = 4


def market_options(markets: Mapping[MarketId, Market]) -> list[dict[str, Any]]:
    """Options of the picker, grouped by venue; the label names contract type and size unit."""
    groups: dict[str, list[dict[str, str]]] = {}
    for market in sorted(markets):
        label = f"{market.symbol} {venue_name(market)} {market_kind(markets[market])}"
        groups.setdefault(market.venue, []).append({"value": str(market), "label": label})
    return [{"group": venue, "items": items} for venue, items in sorted(groups.items())]


def with_chosen(options: list[dict[str, Any]], chosen: Iterable[str]) -> list[dict[str, Any]]:
    """Options that also hold chosen markets which the store does not know yet."""
    known = {item["value"] for group in options for item in group["items"]}
    missing = [{"value": text, "label": text} for text in chosen if text not in known]
    return [*options, {"group": "not stored yet", "items": missing}] if missing else options


def _select(name: str, label: str, options: Sequence[tuple[int, str]], value: int) -> Component:
    return dmc.Select(
        id=name,
        label=label,
        data=[{"value": str(number), "label": text} for number, text in options],
        value=str(value),
        allowDeselect=False,
        withCheckIcon=False,
        className=f"ctl ctl-{name}",
        comboboxProps={"width": "max-content", "position": "bottom-start", "shadow": "none"},
    )


def choices(values: Sequence[int], present: int, text: Any = duration) -> list[tuple[int, str]]:
    """The offered values, with the present one among them even when a link brought another."""
    return [(value, text(value)) for value in sorted({*values, present})]


def header(
    markets: Mapping[MarketId, Market], depth: int, window_s: int, range_s: int, lookback_s: int
) -> Component:
    """The header with its controls; values are set by the page's callback from the address."""
    picker = dmc.MultiSelect(
        id="markets",
        label="Markets",
        data=market_options(markets),
        value=[],
        maxValues=MAX_MARKETS,
        searchable=True,
        clearSearchOnChange=True,
        hidePickedOptions=True,
        nothingFoundMessage="No stored market has this name.",
        placeholder="Add a market",
        leftSection=icon("search", 14),
        rightSection=html.Kbd("/"),
        rightSectionPointerEvents="none",
        className="picker",
        maxDropdownHeight=420,
        comboboxProps={"shadow": "none"},
    )
    controls = html.Div(
        [
            _select("depth", "Depth", choices(DEPTHS, depth, levels), depth),
            _select("window", "Window", choices(WINDOWS_S, window_s), window_s),
            _select("range", "Range", choices(RANGES_S, range_s), range_s),
            _select("lookback", "Look-back", choices(LOOKBACKS_S, lookback_s), lookback_s),
        ],
        className="controls",
        id="controls",
        **{"data-steps": json.dumps({"depth": DEPTHS, "window": WINDOWS_S, "range": RANGES_S})},
    )
    buttons = html.Div(
        [
            html.Button(
                icon("pause"),
                id="freeze",
                type="button",
                className="btn ghost icon",
                title="Freeze (Space)",
                **{"aria-label": "Freeze", "aria-pressed": "false"},
            ),
            html.Button(
                icon("theme"),
                id="theme",
                type="button",
                className="btn ghost icon",
                title="Dark or light (T)",
                **{"aria-label": "Dark or light theme"},
            ),
            html.Button(
                [icon("share", 14), html.Span("Share view", id="share-label")],
                id="share",
                type="button",
                className="btn solid",
                title="Copy the address of this view (S)",
                **{"aria-label": "Share view: copy its address"},
            ),
        ],
        className="buttons",
    )
    more = html.Button(
        icon("sliders"),
        id="more",
        type="button",
        className="btn ghost icon more",
        title="Depth, window, range",
        **{
            "aria-label": "Depth, window and range",
            "aria-expanded": "false",
            "aria-controls": "controls",
        },
    )
    return html.Header(
        [
            html.A("To the charts", href="#stacks", className="skip"),
            html.Div([html.Span(className="logo"), html.H1("Order flow")], className="brand"),
            html.Div(picker, className="pick"),
            controls,
            html.Span(className="grow"),
            html.Span(
                [field("link-word"), field("link-ms", "mut")],
                id="link",
                className="pill",
                role="status",
                **{"data-link": "connecting"},
            ),
            html.Span("UTC", className="zone", title="All times on this page are UTC."),
            more,
            buttons,
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
        ],
        className="tabs",
        **{"aria-label": "What is shown of the markets"},
    )
