"""The watch list in real Chromium: 300 stored markets, each with a new summary every second.

Measures the long tasks of the page's main thread (over 50 ms) and its frames while the list updates:
`python -m benchmarks.watch_list [MARKETS] [SECONDS]`.
"""

import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from app.clock import NS_PER_S, SystemClock
from app.market import MarketId
from app.records import empty
from app.store import SqliteStore, open_store
from tests.browser import chromium, watched
from tests.web_market import fill
from tests.web_server import running_server
from tests.web_walk import Walk, walks

OBSERVE = """() => { window.long = []; window.ticks = 0;
  new PerformanceObserver(list => window.long.push(...list.getEntries().map(e => e.duration)))
    .observe({ type: 'longtask' });
  new MutationObserver(() => window.ticks++).observe(document.querySelector('.watch-grid'),
    { subtree: true, childList: true, characterData: true });
  window.frames_ = 0; window.worst = 0; let last = performance.now();
  const step = now => { window.frames_++; window.worst = Math.max(window.worst, now - last); last = now;
    requestAnimationFrame(step); };
  requestAnimationFrame(step); }"""


def stored(store: SqliteStore, count: int, now_ns: int) -> list[Walk]:
    """Markets of made-up names, each with half an hour of summaries."""
    (first,) = walks(1)
    found = []
    rng = np.random.default_rng(1)
    for k in range(count):
        market = replace(first.market, id=MarketId("binance", f"C{k:03d}/USDT"))
        walk = Walk(market, 100.0 + k, seed=k)
        past = empty("summary", 1800)
        past[:] = walk.summary(now_ns)[0]
        past["time_ns"] = now_ns - np.arange(1800, 0, -1) * NS_PER_S
        past["score"] = rng.standard_normal(1800)
        store.put_market(market)
        store.append(market.id, {"summary": past})
        found.append(walk)
    return found


def keep(store: SqliteStore, moving: list[Walk], end: threading.Event) -> None:
    """A new summary of every market once a second."""
    clock, rng = SystemClock(), np.random.default_rng(2)
    while not end.wait(1.0):
        now_ns = clock.now_ns()
        for walk in moving:
            one = walk.summary(now_ns)
            one["bid"] += int(rng.integers(-9, 9))
            one["score"] = rng.standard_normal() * 2
            store.append(walk.market.id, {"summary": one, "status": walk.status(now_ns, now_ns)})


def main(argv: list[str]) -> None:
    """Print what the main thread had to bear."""
    count = int(argv[0]) if argv else 300
    seconds = float(argv[1]) if len(argv) > 1 else 30.0
    with tempfile.TemporaryDirectory() as name:
        folder, clock, end = Path(name), SystemClock(), threading.Event()
        store = open_store(f"sqlite:///{folder}", clock=clock)
        moving = stored(store, count, clock.now_ns())
        (walk,) = walks(1)
        fill(store, walk, 1, clock.now_ns())
        writer = threading.Thread(target=keep, args=(store, moving, end), daemon=True)
        writer.start()
        with running_server(folder, workers=1) as base, chromium() as browser:
            for width, height in ((1440, 900), (2560, 1440)):
                with watched(browser, width, height) as page:
                    page.page.goto(f"{base}/?m={moving[0].market.id}")
                    page.until(
                        "n => Number(document.getElementById('watch-count')?.textContent) >= n",
                        count,
                    )
                    page.page.evaluate(OBSERVE)
                    time.sleep(seconds)
                    long, ticks, frames, worst = page.page.evaluate(
                        "[window.long, window.ticks, window.frames_, window.worst]"
                    )
                    print(
                        f"{width}×{height}, {count} markets at 1 Hz, {seconds:.0f} s: "
                        f"{len(long)} long tasks, longest {max(long, default=0):.0f} ms, "
                        f"{frames / seconds:.0f} frames/s, longest frame {worst:.0f} ms, "
                        f"{ticks} changes of the list, complaints {page.complaints}"
                    )
        end.set()
        writer.join()
        store.close()


if __name__ == "__main__":
    main(sys.argv[1:])
