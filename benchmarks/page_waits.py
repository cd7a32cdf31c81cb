"""What a user waits for: the first paint with an hour of history, and a change of market, depth or window.

    python -m benchmarks.page_waits [--times 8] [--json]

Made-up markets with 75 min in the store, kept alive; a real gunicorn; a headless Chromium that paints on
the processor alone. First paint is from the navigation to the first drawing of the data, with a new
browser context each time (nothing cached) and again with a warm cache. A change is from the key or the
choice to the first drawing that shows it; a new market is one that nobody looked at since the server began,
without a warning and after the pointer has rested on its row for 150 ms, as before most clicks.
The baseline beside each is what the target of the design allows.
"""

import argparse
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from tests.browser import DRAWN, LiveMarkets, Watched, chromium, watched
from tests.web_server import running_server

FIRST_PAINT_MS = 1500.0
CHANGE_MS = 200.0
REST_MS = 150.0

# From an action to the first drawing of a view that is as wished; gives milliseconds.
_CHANGE = """([action, market, field, wished]) => new Promise((done) => {
  const began = Date.now();
  const look = () => {
    const view = window.ofi.view(market);
    const shows = view?.info?.[field] === wished && view.drawn.tiles && view.drawn.epoch === view.epoch;
    if (shows && view.drawn.at >= began) return done(view.drawn.at - began);
    setTimeout(look, 4);
  };
  if (action.key) document.dispatchEvent(new KeyboardEvent("keydown", { key: action.key, bubbles: true }));
  else document.querySelector(`.ag-row[row-id="${action.market}"] .ag-cell`).click();
  look();
})"""


def first_paint(browser: Browser, url: str, market: str, times: int) -> dict[str, list[float]]:
    """Milliseconds from the navigation to the first drawing, without and with a cache."""
    found: dict[str, list[float]] = {"first paint, nothing cached": [], "first paint, cached": []}
    for _ in range(times):
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        page = context.new_page()
        for name in found:
            page.goto(url)
            page.wait_for_function(DRAWN, arg=market)
            found[name].append(page.evaluate("m => window.ofi.view(m).firstAt", market))
        context.close()
    return found


def change(page: Watched, action: dict[str, str], market: str, field: str, wished: Any) -> float:
    """Milliseconds from a wish to its first drawing."""
    took = page.page.evaluate(_CHANGE, [action, market, field, wished])
    page.page.wait_for_timeout(700)
    return float(took)


def unforeseen(page: Watched, market: str) -> float:
    """Milliseconds from a click out of nowhere to the drawing of a market."""
    return change(page, {"market": market}, market, "market", market)


def pointed_at(page: Watched, market: str) -> float:
    """Milliseconds from a click to the drawing of a market whose row the pointer rested on."""
    page.page.hover(f".ag-row[row-id='{market}'] .ag-cell")
    page.page.wait_for_timeout(REST_MS)
    return unforeseen(page, market)


def opened(page: Watched, url: str, markets: list[str]) -> None:
    """The page with the first of the markets, and all of them in its watch list."""
    page.open(f"{url}/?range=3600&m={markets[0]}", markets[0])
    page.until("n => document.querySelectorAll('.ag-row[row-id]').length >= n", len(markets))


def changes(page: Watched, markets: list[str], times: int) -> dict[str, list[float]]:
    """Milliseconds of changes of window, depth, and between two markets."""
    found: dict[str, list[float]] = {"window": [], "depth": [], "market": []}
    here, other = markets[:2]
    for _ in range(times):
        info = page.view(here)["info"]
        for name, field, up, down in (
            ("window", "window_s", "]", "["), ("depth", "depth", "=", "-"),
        ):  # fmt: skip
            page.page.keyboard.press(up)
            page.page.wait_for_function(
                "([m, f, v]) => window.ofi.view(m)?.info?.[f] > v", arg=[here, field, info[field]]
            )
            page.page.wait_for_timeout(700)
            found[name].append(change(page, {"key": down}, here, field, info[field]))
        found["market"].append(change(page, {"market": other}, other, "market", other))
        here, other = other, here
    return found


def run(times: int) -> dict[str, list[float]]:
    """All waits, in milliseconds."""
    with tempfile.TemporaryDirectory() as directory, chromium() as browser:
        folder = Path(directory)
        with LiveMarkets(folder, count=4, minutes=75) as living:
            ways = {"new market": unforeseen, "new market, pointed at": pointed_at}
            new: dict[str, list[float]] = {name: [] for name in ways}
            while len(new["new market"]) < times:
                for name, open_new in ways.items():
                    with running_server(folder, workers=1) as base, watched(browser) as page:
                        opened(page, base, living.names)
                        page.page.wait_for_timeout(3000)
                        for market in living.names[1:]:
                            new[name].append(open_new(page, market))
            with running_server(folder) as base:
                url = f"{base}/?range=3600&m={living.names[0]}"
                waits = first_paint(browser, url, living.names[0], times)
                with watched(browser) as page:
                    opened(page, base, living.names)
                    return waits | changes(page, living.names, times) | new


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=8)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    found = run(max(2, min(options.times, 50)))
    if options.json:
        print(json.dumps(found))
        return
    print(f"{'ms':32}{'median':>9}{'worst':>9}{'allowed':>9}")
    for name, values in found.items():
        allowed = FIRST_PAINT_MS if name.startswith("first") else CHANGE_MS
        print(f"{name:32}{statistics.median(values):9.0f}{max(values):9.0f}{allowed:9.0f}")


if __name__ == "__main__":
    main()
