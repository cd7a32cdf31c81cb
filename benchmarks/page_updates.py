"""What an update costs the browser, beside the usual way: the same picture as one plotly figure.

    python -m benchmarks.page_updates [--markets 1 4] [--seconds 20] [--json]

A made-up market appends ten times a second; a real gunicorn serves it to a headless Chromium, which
paints on the processor alone. Counted is the time of the page's own drawing per update (`draw_ms`) and of
the whole main thread per update (`task_ms`, everything that Chromium ran). The baseline is
`Plotly.react` on a whole figure of the same size (heatmap, price lines, bars), as an interval with
whole figures would run for every update.
"""

import argparse
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from tests.browser import LiveMarkets, chromium, watched
from tests.web_server import running_server

WANTED_MS = 5.0

_COLLECT = """async ([market, ms]) => {
  const drawn = [], until = performance.now() + ms;
  let last = -1;
  while (performance.now() < until) {
    await new Promise(requestAnimationFrame);
    const one = window.ofi.view(market).drawn;
    if (one.count !== last) drawn.push(one.ms);
    last = one.count;
  }
  return drawn;
}"""

_BASELINE = """async () => {
  const box = document.createElement('div');
  box.style.cssText = 'width:1100px;height:560px;position:fixed;left:0;top:0;z-index:99';
  document.body.append(box);
  const n = 900, rows = 150, x = Array.from({ length: n }, (_, k) => k);
  const noise = () => x.map(() => Math.random());
  const figure = () => [[
    { type: 'heatmap', z: Array.from({ length: rows }, noise), zsmooth: false, showscale: false },
    ...[0, 1, 2].map(() => ({ type: 'scatter', mode: 'lines', x, y: noise() })),
    { type: 'bar', x, y: noise(), yaxis: 'y2' },
  ], { yaxis: { domain: [0.3, 1] }, yaxis2: { domain: [0, 0.25] }, showlegend: false }];
  await window.Plotly.newPlot(box, ...figure());
  const spent = [];
  for (let k = 0; k < 8; k++) {
    const next = figure();
    await new Promise(requestAnimationFrame);
    const began = performance.now();
    await window.Plotly.react(box, ...next);
    spent.push(performance.now() - began);
  }
  box.remove();
  return spent;
}"""


def measure(page: Page, names: list[str], seconds: float) -> dict[str, Any]:
    """Figures of one page over a while."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")

    def metrics() -> dict[str, float]:
        found = session.send("Performance.getMetrics")["metrics"]
        return {one["name"]: one["value"] for one in found}

    page.evaluate("ms => new Promise(done => setTimeout(done, ms))", 3000)
    session.send("HeapProfiler.collectGarbage")
    before, first = metrics(), page.evaluate("window.ofi.stats()")
    page.evaluate("ms => new Promise(done => setTimeout(done, ms))", seconds * 1000)
    after, last = metrics(), page.evaluate("window.ofi.stats()")
    updates = last["frames"] - first["frames"]
    drawn = page.evaluate(_COLLECT, [names[0], seconds * 500])
    session.send("HeapProfiler.collectGarbage")
    heap = metrics()["JSHeapUsedSize"]
    return {
        "markets": len(names),
        "updates_per_s": round(updates / seconds, 1),
        "kb_per_update": round((last["bytes"] - first["bytes"]) / updates / 1000, 2),
        "draw_ms_p50": round(statistics.median(drawn), 2),
        "draw_ms_p90": round(sorted(drawn)[int(len(drawn) * 0.9)], 2),
        "task_ms": round((after["TaskDuration"] - before["TaskDuration"]) * 1000 / updates, 2),
        "script_ms": round(
            (after["ScriptDuration"] - before["ScriptDuration"]) * 1000 / updates, 2
        ),
        "heap_mb": round(heap / 1e6, 1),
        "heap_grown_mb": round((heap - before["JSHeapUsedSize"]) / 1e6, 2),
    }


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--markets", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    found = []
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        most = max(options.markets)
        with (
            LiveMarkets(Path(folder), count=most, minutes=16) as living,
            running_server(Path(folder), workers=1) as base,
        ):
            for count in options.markets:
                names = living.names[:count]
                size = (1440, 900) if count == 1 else (2560, 1440)
                with watched(browser, *size) as page:
                    page.open(f"{base}/?{'&'.join(f'm={name}' for name in names)}", *names)
                    found.append(measure(page.page, names, options.seconds))
                    if count == options.markets[0]:
                        baseline = statistics.median(page.page.evaluate(_BASELINE))
    for one in found:
        one["plotly_ms"] = round(baseline, 1)
        one["ratio"] = round(baseline / one["draw_ms_p50"], 1)
        one["within"] = one["draw_ms_p50"] <= WANTED_MS
    if options.json:
        print(json.dumps(found))
        return
    for one in found:
        print(f"{one.pop('markets')} market(s)")
        for name, value in one.items():
            print(f"  {name:15} {value}")


if __name__ == "__main__":
    main()
