"""The tabs of the page and what each puts into a market's stack.

A tab appears when it stands here and in `assets/live/panes.js`; the order here is the order there, and
gives the keys 1, 2, …. A pane's root is put into `.tabpane[data-tab=…]` of every stack; only that of the
page's tab is shown, drawn and fed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from dash.development.base_component import Component

from app.market import MarketId
from components.evidence_pane import evidence_pane
from components.flow_pane import flow_pane
from components.quality_pane import quality_pane
from components.trades_pane import trades_pane


@dataclass(frozen=True)
class Pane:
    """A tab: its title, and what it shows of a market (`key` tells its figures from others')."""

    title: str
    build: Callable[[MarketId, str], list[Component]]


PANES: Mapping[str, Pane] = {
    "flow": Pane("Book & flow", flow_pane),
    "evidence": Pane("Verification & toxicity", evidence_pane),
    "trades": Pane("Trades & liquidity", trades_pane),
    "quality": Pane("Data quality", quality_pane),
}
