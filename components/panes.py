"""The tabs of the page and what each puts into a market's stack.

A tab appears when it stands here and in `assets/live/panes.js`; the order here is the order there, and
gives the keys 1, 2, …. A pane's root is put into `.tabpane[data-tab=…]` of every stack; only that of the
page's tab is shown, drawn and fed. Dash makes none of them: they are templates of plain HTML that the
scripts clone, because a few hundred components of each of four markets would keep a browser busy for
seconds. The figure that gives the first tab its axes is Dash's, and comes after the first drawing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from dash.development.base_component import Component

from components.evidence_pane import evidence_pane
from components.flow_pane import flow_pane
from components.markup import to_html
from components.quality_pane import quality_pane
from components.trades_pane import trades_pane

# What a template says where a market's name belongs.
WHERE = "{where}"


@dataclass(frozen=True)
class Pane:
    """A tab: its title, and what it shows of a market whose name in words is given."""

    title: str
    template: Callable[[str], list[Component]]

    def markup(self) -> str:
        """The template as HTML, with WHERE in place of the market."""
        return to_html(self.template(WHERE))


PANES: Mapping[str, Pane] = {
    "flow": Pane("Book & flow", flow_pane),
    "evidence": Pane("Verification & toxicity", evidence_pane),
    "trades": Pane("Trades & liquidity", trades_pane),
    "quality": Pane("Data quality", quality_pane),
}


def templates() -> str:
    """All templates, for the page's HTML."""
    return "\n".join(
        f'<template id="pane-{tab}">{pane.markup()}</template>' for tab, pane in PANES.items()
    )
