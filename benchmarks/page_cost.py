"""What live markets cost the browser, beside the usual Dash way on the same data, as a ratio.

    python -m benchmarks.page_cost [--hz 4 10] [--seconds 20] [--settle 20] [--minutes 0] [--json]

Four made-up markets append ten times a second to a store. A real gunicorn serves it to a headless
Chromium, which paints on the processor alone: first our page, then `benchmarks.usual_dash` (an interval
and whole figures of the same series). An update is one market drawn once. Counted is everything that
Chromium's main thread ran per update (`task_ms`; `cpu_ms` of it on a processor, the rest it stood in line
for one), our own drawing within it (`draw_ms`) and beside it (`painter_ms`: charts have a thread of their
own), bytes, frames of animation and tasks over 50 ms, and the
time from a row's end to its pixels: on a page that has been open for a while, as it is all day, and with
nothing else listening to it. Where figures take longer to make than the interval is, Dash drops each answer
for the next question's, and the usual way draws nothing: a dash. With `--minutes` our page runs once more at
the last rate and the slopes of its heap and of its painter's, arrays included, are printed with their 95 %
intervals.
"""

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from app.supervisor import free_port
from benchmarks.devtools import Tab, tab
from benchmarks.soak import slope
from tests.browser import DRAWN, LiveMarkets
from tests.web_server import end, running_server, server_environ, wait_until_up

MARKETS = 4
SIZE = (2560, 1440)
_RANGE = 300

# Counts draws and long tasks until `ends`; draws are looked for twice as often as any market is drawn.
_COUNT = """(() => {
  const seen = { draws: [], long: [], ends: false };
  new PerformanceObserver((list) => list.getEntries().forEach((e) => seen.long.push(e.duration)))
    .observe({ type: "longtask" });
  window.counted = seen;
})()"""
# Asks for every frame that the page can make, which costs frames of its own: after all else was measured.
_FRAMES = """new Promise((resolve) => {
  const began = performance.now(), ms = MS;
  let frames = 0;
  const frame = (now) => {
    if (now - began >= ms) return resolve(frames);
    frames++;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
})"""
_FRAMES_S = _BYTES_S = 5
_OURS = """(() => {
  const last = {}, look = () => {
    for (const [market, drawn] of Object.entries(window.ofi.drawings())) {
      if (!drawn.count || drawn.count === last[market]) continue;
      last[market] = drawn.count;
      window.counted.draws.push([drawn.at - drawn.times.row_ms, drawn.ms, drawn.painter_ms]);
    }
    if (!window.counted.ends) setTimeout(look, 45);
  };
  look();
})()"""
_DRAWN = "document.querySelector('.js-plotly-plot .heatmaplayer image')"
_USUAL = """document.querySelectorAll(".js-plotly-plot").forEach((graph) => {
  let last = 0;
  graph.on("plotly_afterplot", () => {
    const row = graph.layout.meta?.row_ms;
    if (row && row !== last) window.counted.draws.push([Date.now() - row, null, null]);
    last = row;
  });
})"""


def _heap_mb(page: Tab, session: str | None = None) -> float:
    """What a thread's objects and arrays take, of the page's or of a worker's."""
    page.send("HeapProfiler.collectGarbage", session)
    used = page.send("Runtime.getHeapUsage", session)
    return float(used["usedSize"] + used.get("backingStorageSize", 0)) / 1e6


def _painter(page: Tab) -> str:
    """The session of the page's worker."""
    page.events.clear()
    page.send("Target.setAutoAttach", autoAttach=True, waitForDebuggerOnStart=False, flatten=True)
    while not (told := [one for one in page.events if one["method"] == "Target.attachedToTarget"]):
        page.pause(0.1)
    session: str = told[0]["params"]["sessionId"]
    return session


def _bytes(page: Tab, seconds: float) -> float:
    """What a page receives in a while; Chromium tells of every message then, which costs it something."""
    page.events.clear()
    page.send("Network.enable")
    page.pause(seconds)
    page.send("Network.disable")
    received = 0.0
    for event in page.events:
        if event["method"] == "Network.dataReceived":
            received += event["params"]["dataLength"]
        if event["method"] == "Network.webSocketFrameReceived":
            # Binary payloads come in base64.
            received += len(event["params"]["response"]["payloadData"]) * 0.75
    return received


def measure(page: Tab, watch: str, seconds: float) -> dict[str, float]:
    """Figures of a page over a while; the script `watch` notes its draws."""
    page.send("Performance.enable")
    page.evaluate(_COUNT)
    page.evaluate(watch)
    before = page.metrics()
    page.pause(seconds)
    after = page.metrics()
    counted = page.evaluate("window.counted")
    received = _bytes(page, _BYTES_S)
    page.evaluate("window.counted.ends = true")
    frames = page.evaluate(_FRAMES.replace("MS", str(_FRAMES_S * 1000)))
    latency, own, painter = np.array(counted["draws"], np.float64).reshape(-1, 3).T
    draws = len(latency) or np.nan
    spent_ms, cpu_ms = (
        (after[name] - before[name]) * 1000 for name in ("TaskDuration", "ThreadTime")
    )
    return {
        "updates_per_s": len(latency) / seconds,
        "task_ms": spent_ms / draws,
        "cpu_ms": cpu_ms / draws,
        "busy_share": spent_ms / 1000 / seconds,
        "draw_ms_p50": _percentile(own, 50),
        "painter_ms_p50": _percentile(painter, 50),
        "kb_per_update": received / _BYTES_S / (draws / seconds) / 1000,
        "frames_per_s": frames / _FRAMES_S,
        "long_tasks_per_s": len(counted["long"]) / seconds,
        "row_to_pixel_ms_p50": _percentile(latency, 50),
        "row_to_pixel_ms_p99": _percentile(latency, 99),
    }


def _percentile(values: np.ndarray, percent: float) -> float:
    known = values[np.isfinite(values)]
    return float(np.percentile(known, percent)) if len(known) else np.nan


def _shown(value: float, width: int, digits: int) -> str:
    return f"{'–':>{width}}" if np.isnan(value) else f"{value:{width}.{digits}f}"


def open_ours(page: Tab, base: str, names: list[str], hz: int) -> None:
    """Open our page on four markets."""
    query = "&".join(f"m={name}" for name in names)
    page.open(f"{base}/?range={_RANGE}&rate={hz}&{query}")
    for name in names:
        page.until(f"({DRAWN})({json.dumps(name)})")


@contextmanager
def usual_server(folder: Path, names: list[str], hz: int) -> Iterator[str]:
    """The usual way, served as our page is."""
    port = free_port()
    environ = server_environ(folder, port, None) | {
        "USUAL_MARKETS": ",".join(names), "USUAL_INTERVAL_MS": str(round(1000 / hz)),
    }  # fmt: skip
    command = [
        sys.executable, "-m", "gunicorn", "-k", "app.web.worker.LeavingWorker",
        "-w", "1", "-b", f"127.0.0.1:{port}",
        "--log-level", "error", "--no-control-socket", "benchmarks.usual_dash:server",
    ]  # fmt: skip
    root = Path(__file__).resolve().parents[1]
    process = subprocess.Popen(command, env=environ, cwd=root, start_new_session=True)
    try:
        wait_until_up(f"http://127.0.0.1:{port}", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        end(process)


def heap_slope(page: Tab, minutes: float) -> str:
    """How the heaps of a page that stays open grow: MB per hour with their 95 % intervals."""
    threads, every_s = {"page": None, "painter": _painter(page)}, 15.0
    heaps: dict[str, list[float]] = {name: [] for name in threads}
    for _ in range(max(8, round(minutes * 60 / every_s))):
        page.pause(every_s)
        for name, session in threads.items():
            heaps[name].append(_heap_mb(page, session))
    lines = []
    for name, heap in heaps.items():
        late = [(k * every_s / 60, mb) for k, mb in enumerate(heap)][len(heap) // 5 :]
        ends = f"{late[0][1]:.1f} to {late[-1][1]:.1f} MB"
        lines.append(f"heap of the {name} over {minutes:g} min: {ends}, slope {slope(late)} MB/h")
    return "\n".join(lines)


def run(
    rates: list[int], seconds: float, settle_s: float, minutes: float
) -> tuple[list[dict[str, Any]], str]:
    """Both ways at each rate, and what the heap did."""
    found, heap = [], ""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with LiveMarkets(folder, count=MARKETS, minutes=16) as living:
            with running_server(folder, workers=1) as base:
                for hz in rates:
                    with tab(*SIZE) as page:
                        open_ours(page, base, living.names, hz)
                        page.pause(settle_s)
                        found.append({"way": "ours", "hz": hz} | measure(page, _OURS, seconds))
            for hz in rates:
                with usual_server(folder, living.names, hz) as base, tab(*SIZE) as page:
                    page.open(base)
                    with contextlib.suppress(TimeoutError):
                        page.until(_DRAWN)
                    page.pause(settle_s)
                    found.append({"way": "usual", "hz": hz} | measure(page, _USUAL, seconds))
            if minutes:
                with running_server(folder, workers=1) as base, tab(*SIZE) as page:
                    open_ours(page, base, living.names, rates[-1])
                    heap = heap_slope(page, minutes)
    return found, heap


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hz", type=int, nargs="+", default=[4, 10])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--settle", type=float, default=20.0, help="seconds open before that")
    parser.add_argument("--minutes", type=float, default=0.0, help="then watch the heap")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    seconds, settle_s = min(options.seconds, 120.0), min(options.settle, 120.0)
    found, heap = run(options.hz, seconds, settle_s, min(options.minutes, 60.0))
    if options.json:
        print(json.dumps({"figures": found, "heap": heap}))
        return
    figures = [name for name in found[0] if name not in ("way", "hz")]
    for hz in options.hz:
        us, usual = (
            next(f for f in found if (f["way"], f["hz"]) == (w, hz)) for w in ("ours", "usual")
        )
        print(f"{MARKETS} markets at {hz} Hz {'':14}{'ours':>12}{'usual Dash':>12}{'ratio':>9}")
        for name in figures:
            ratio = usual[name] / us[name] if us[name] else np.nan
            shown = _shown(us[name], 12, 2), _shown(usual[name], 12, 2), _shown(ratio, 9, 1)
            print(f"  {name:32}{''.join(shown)}")
    if heap:
        print(heap)


if __name__ == "__main__":
    main()
