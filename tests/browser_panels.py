"""What tests do with panels: open their menus, take what they download, wait for other pixels."""

import csv
import io
from pathlib import Path

from playwright.sync_api import expect

from tests.browser import ONE_THREAD, Watched, eventually, pixels

# Canvases say nothing to a test: what is written on them is kept.
SAYS = (
    ONE_THREAD
    + """window.said = new Set(); {
  const write = CanvasRenderingContext2D.prototype.fillText;
  CanvasRenderingContext2D.prototype.fillText = function (words, ...rest) {
    window.said.add(String(words));
    return write.call(this, words, ...rest);
  };
}"""
)


def words_of(page: Watched) -> list[str]:
    """All that was written on canvases so far, on a page that began with SAYS."""
    found: list[str] = page.page.evaluate("[...window.said]")
    return found


def menu(page: Watched, panel: str) -> None:
    page.page.locator(f"[data-panel={panel}] button.panel-menu").first.click()
    expect(page.page.get_by_role("menu")).to_be_visible()


def saved(page: Watched, panel: str, item: str) -> tuple[str, bytes]:
    """What a panel's menu downloads: its name and its bytes."""
    menu(page, panel)
    with page.page.expect_download() as download:
        page.page.get_by_role("menuitem", name=item, exact=True).click()
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


def changed(page: Watched, canvas: str, before: str) -> str:
    """What a canvas shows once it shows something else."""
    eventually(lambda: pixels(page.page, canvas) != before)
    return pixels(page.page, canvas)


def table(data: bytes) -> tuple[list[str], list[list[str]]]:
    head, *rows = csv.reader(io.StringIO(data.decode()))
    return head, rows
