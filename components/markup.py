"""Components as HTML text, for what scripts clone: React is spared what it would only have to make."""

from collections.abc import Iterable
from html import escape
from typing import Any

from dash.development.base_component import Component

_NAMES = {"className": "class", "htmlFor": "for", "tabIndex": "tabindex", "colSpan": "colspan",
          "rowSpan": "rowspan", "autoComplete": "autocomplete"}  # fmt: skip
_VOID = frozenset({"br", "col", "hr", "img", "input"})


def to_html(part: Any) -> str:
    """The markup of a component of `dash.html`, of text, or of a list of both; all text is escaped.

    Raises:
        TypeError: a component that is not plain HTML; it needs React.
    """
    if part is None:
        return ""
    if isinstance(part, str | int | float):
        return escape(str(part))
    if isinstance(part, Component):
        return _element(part)
    if isinstance(part, Iterable):
        return "".join(to_html(one) for one in part)
    raise TypeError(f"{type(part).__name__} has no markup.")


def _element(part: Component) -> str:
    if part._namespace != "dash_html_components":
        raise TypeError(f"{part._type} needs React; a template holds plain HTML.")
    tag, props = part._type.lower(), part.to_plotly_json()["props"]
    inner = to_html(props.pop("children", None))
    words = "".join(_attribute(name, value) for name, value in sorted(props.items()))
    return f"<{tag}{words}>" if tag in _VOID else f"<{tag}{words}>{inner}</{tag}>"


def _attribute(name: str, value: Any) -> str:
    if value is None or value is False:
        return ""
    if name == "style":
        value = ";".join(f"{_dashed(key)}:{one}" for key, one in value.items())
    known = _NAMES.get(name, name)
    return f" {known}" if value is True else f' {known}="{escape(str(value))}"'


def _dashed(name: str) -> str:
    if name.startswith("--"):
        return name
    return "".join(f"-{c.lower()}" if c.isupper() else c for c in name)
