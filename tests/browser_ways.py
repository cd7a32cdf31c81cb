"""From case to case on one page, as its user goes: to another tab, size or theme.

To open a page costs many times what a change within it does. Each way ends when every market in view has
been drawn anew, with what it had to ask for.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import expect

from tests.browser import Watched

COUNTS = """() => Object.fromEntries(
  Object.entries(window.ofi.drawings()).map(([market, drawn]) => [market, drawn.count]))"""
# Nothing that was asked for is on its way, and what has come is drawn.
ANSWERED = """() => Object.keys(window.ofi.drawings()).every(market => {
  const view = window.ofi.view(market);
  return !view.awaiting && view.axes && view.steps > 0;
})"""
GROWN = """([before, by]) => Object.entries(window.ofi.drawings())
  .every(([market, drawn]) => drawn.count >= (before[market] ?? 0) + by)"""


def drawn_again(page: Watched, before: dict[str, int] | None = None, by: int = 1) -> None:
    """Wait for so many drawings of every market, since `before` or from now on."""
    page.until(GROWN, [before or page.page.evaluate(COUNTS), by])


@contextmanager
def changed(page: Watched) -> Iterator[None]:
    """What is done within has every market drawn anew, from what it then asks for."""
    before = page.page.evaluate(COUNTS)
    yield
    drawn_again(page, before)
    page.until(ANSWERED)
    drawn_again(page)


def dragged(
    page: Watched, start: tuple[float, float], end: tuple[float, float], steps: int
) -> None:
    """Press at a point, move to another, let go."""
    page.page.mouse.move(*start)
    page.page.mouse.down()
    page.page.mouse.move(*end, steps=steps)
    page.page.mouse.up()


def turned(page: Watched, tab: str) -> None:
    """Turn to a tab by its button, of the strip or of the bottom bar."""
    if page.page.evaluate("document.documentElement.dataset.tab") == tab:
        return
    with changed(page):
        button = page.page.locator(f"#tab-{tab}, .bottom [data-tab={tab}]")
        button.locator("visible=true").first.click()
        page.until("tab => document.documentElement.dataset.tab === tab", tab)


def resized(page: Watched, width: int, height: int, drawings: int = 1) -> None:
    """Give the window a size; a drawing that was under way may be the first of those that follow."""
    if page.page.viewport_size == {"width": width, "height": height}:
        return
    before = page.page.evaluate(COUNTS)
    page.page.set_viewport_size({"width": width, "height": height})
    page.until("size => [innerWidth, innerHeight].join() === size.join()", [width, height])
    drawn_again(page, before, drawings)


def themed(page: Watched, theme: str) -> None:
    """Have a theme by its key."""
    if page.page.evaluate("document.documentElement.dataset.mantineColorScheme") == theme:
        return
    with changed(page):
        page.page.keyboard.press("t")
        expect(page.page.locator("html")).to_have_attribute("data-mantine-color-scheme", theme)
