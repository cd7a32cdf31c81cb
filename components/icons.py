"""Small marks drawn by CSS masks (`assets/icons.css`): no inline SVG, no icon font."""

from dash import html


def icon(name: str, size_px: int = 16) -> html.Span:
    """A decorative mark; whatever it says must also be said in words beside it."""
    return html.Span(
        className=f"i i-{name}",
        style={"--i": f"{size_px}px"},
        **{"aria-hidden": "true"},
    )
