"""Fingers on a touch screen."""

from collections.abc import Sequence

from tests.browser import Watched

Point = tuple[float, float]


def slide(page: Watched, *fingers: tuple[Point, Point], steps: int = 8, lift: bool = True) -> None:
    """Move fingers, each from a point to another, all at once."""
    session = page.page.context.new_cdp_session(page.page)

    def touch(kind: str, points: Sequence[Point]) -> None:
        named = [{"x": x, "y": y, "id": k} for k, (x, y) in enumerate(points)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": named})

    touch("touchStart", [start for start, _ in fingers])
    for k in range(1, steps + 1):
        part = k / steps
        touch(
            "touchMove",
            [(a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part) for a, b in fingers],
        )
    if lift:
        touch("touchEnd", [])
