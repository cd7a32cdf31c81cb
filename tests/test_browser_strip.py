"""Plots that are painted in part show what they would if they were painted whole."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser import ONE_THREAD, LiveMarkets, Watched, watched
from tests.web_server import running_server

pytestmark = pytest.mark.browser

ROWS = ("book", "ofi")
# Frames can be held back, so that two paintings are of one moment; paintings are counted by what they clear.
TOOLS = """
const held = (window.held = { on: false, whole: {}, part: {} });
const Socket = window.WebSocket;
window.WebSocket = class extends Socket {
  set onmessage(hear) {
    super.onmessage = (event) => (held.on && typeof event.data !== "string" ? undefined : hear(event));
  }
};
const clear = CanvasRenderingContext2D.prototype.clearRect;
CanvasRenderingContext2D.prototype.clearRect = function (left, ...box) {
  // What lies beside the plot, on the same canvas, is further right.
  const plot = this.canvas.className === "sheet" && !this.getTransform().e;
  const row = plot && this.canvas.closest("[data-row]")?.dataset.row;
  if (row) held[left > 0 ? "part" : "whole"][row] = (held[left > 0 ? "part" : "whole"][row] ?? 0) + 1;
  return clear.call(this, left, ...box);
};
"""
# Of each row, how much differs between what was painted as it came and all of it, of one moment.
COMPARED = """async (rows) => {
  const { held } = window, frame = () => new Promise((done) => requestAnimationFrame(done));
  const seen = () => rows.map((row) => {
    const plot = document.querySelector(`.row-${row} .plot`);
    const canvas = plot.parentElement.querySelector(".sheet");
    return canvas.getContext("2d").getImageData(0, 0, plot.clientWidth, plot.clientHeight).data;
  });
  held.on = true;
  for (let k = 0; k < 3; k++) await frame();
  const parts = seen(), { style } = document.querySelector(".rows");
  const drawn = () => Object.values(window.ofi.drawings())[0].count;
  for (const margin of ["9px", ""]) { // laid out anew, all is painted
    const before = drawn();
    style.marginRight = margin;
    while (drawn() < before + 2) await frame();
  }
  const whole = seen();
  held.on = false;
  return rows.map((row, k) => ({
    row, off: whole[k].filter((value, at) => Math.abs(value - parts[k][at]) > 24).length / whole[k].length,
    ink: new Set(whole[k]).size,
  }));
}"""


@pytest.fixture(scope="module")
def living(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveMarkets]:
    with LiveMarkets(tmp_path_factory.mktemp("hot"), count=1, minutes=8) as markets:
        yield markets


@pytest.fixture(scope="module")
def url(living: LiveMarkets) -> Iterator[str]:
    with running_server(Path(living.store.directory), workers=1) as base:
        yield base


def opened(page: Watched, living: LiveMarkets, url: str, query: str) -> None:
    page.page.add_init_script(ONE_THREAD + TOOLS)
    page.open(f"{url}/?m={living.names[0]}&{query}", living.names[0])


@pytest.mark.parametrize("query", ["range=300", "range=120&rate=4", "range=900&line=both"])
def test_a_part_is_painted_as_the_whole_would_be(
    browser: Browser, living: LiveMarkets, url: str, query: str
) -> None:
    with watched(browser) as page:
        opened(page, living, url, query)
        for _ in range(3):
            many = page.page.evaluate("() => window.held.part.book ?? 0") + 2
            page.until(f"() => window.held.part.book > {many} && window.held.part.ofi > 0")
            for one in page.page.evaluate(COMPARED, ROWS):
                assert one["ink"] > 20
                assert one["off"] < 0.001, one
        assert not page.complaints


# At 900 s time moves a pixel with every tenth row or so, at 120 s with every one.
@pytest.mark.parametrize("query", ["range=900", "range=120&rate=4"])
def test_most_paintings_are_of_a_part(
    browser: Browser, living: LiveMarkets, url: str, query: str
) -> None:
    with watched(browser) as page:
        opened(page, living, url, query)
        before = page.page.evaluate("() => structuredClone(window.held)")
        page.until("many => window.held.part.book > many", before["part"].get("book", 0) + 40)
        held = page.page.evaluate("() => window.held")
        for row in ROWS:
            part, whole = (
                held[how].get(row, 0) - before[how].get(row, 0) for how in ("part", "whole")
            )
            assert part > 4 * whole, row
