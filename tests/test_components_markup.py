"""Templates: what Dash would make of a component, as text that scripts clone."""

from html.parser import HTMLParser

import pytest
from dash import dcc, html

from components.markup import to_html
from components.panes import PANES, WHERE, templates


class Outline(HTMLParser):
    """Opened and closed tags, and whether they match."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.ids += [value for name, value in attrs if name == "id"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_properties_children_and_text():
    part = html.Div(
        [
            "a < b & c",
            html.Span(className="x", hidden=True),
            None,
            html.Button("go", disabled=False),
        ],
        id="one",
        tabIndex=0,
        style={"--i": "16px", "gridColumn": 2},
        **{"data-q": 'say "no"', "aria-label": "<b>"},
    )
    assert to_html(part) == (
        '<div aria-label="&lt;b&gt;" data-q="say &quot;no&quot;" id="one" style="--i:16px;grid-column:2" '
        'tabindex="0">a &lt; b &amp; c<span class="x" hidden></span><button>go</button></div>'
    )


def test_what_needs_react_is_refused():
    with pytest.raises(TypeError, match="Graph needs React"):
        to_html(html.Div(dcc.Graph()))


def test_every_template_closes_what_it_opens_and_names_its_market():
    outline = Outline()
    outline.feed(templates())
    assert outline.open == []
    assert outline.ids == [f"pane-{tab}" for tab, pane in PANES.items() if pane.template]
    for tab, pane in PANES.items():
        assert (WHERE in pane.markup()) is (pane.template is not None), tab


@pytest.mark.parametrize("tab", ["flow", "evidence", "trades"])
def test_every_panel_of_figures_has_a_place_for_its_coverage(tab):
    panels = PANES[tab].markup().split("<section")[1:]
    assert len(panels) >= 4
    for one in panels:
        assert 'class="cov"' in one, one[:200]
