"""The demo left open: memory of every process and of the browser over time, console errors.

    python -m benchmarks.soak [--minutes 10]

The store begins with 75 min of each market, so that what a look-back bounds is full from the start: what
grows then would grow for ever. The first half of the run is warm-up; each line prints the memory then, at
the end, and the slope over the second half with its 95 % interval.
"""

import argparse
import os
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import psutil
import statsmodels.api as sm
from playwright.sync_api import CDPSession

from app.cli import DEMO_MARKETS
from app.clock import SystemClock
from app.market import MarketId
from app.store import open_store
from app.supervisor import free_port
from benchmarks.prefilled import prefill, quoted
from tests.browser import chromium, open_when_up
from tests.processes import demo_exchange, running, wait_for

_MB = 1 << 20
_SAMPLES = 240
_SHOWN = [MarketId.parse(text) for text in DEMO_MARKETS[:4]]


def _name(process: psutil.Process) -> str:
    words = " ".join(process.cmdline())
    for part, name in (
        ("app.demo", "demo exchange"),
        ("collect", "collector"),
        ("gunicorn", "web"),
    ):
        if part in words:
            return f"{name} {process.pid}"
    return f"supervisor {process.pid}"


def _memory(*roots: psutil.Process) -> dict[str, float]:
    processes = [p for root in roots for p in (root, *root.children(recursive=True))]
    result = {}
    for process in processes:
        try:
            # Resident, shared pages included: a proportional share grows when strangers end.
            result[_name(process)] = process.memory_info().rss / _MB
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return result


def _heap(session: CDPSession) -> float:
    session.send("HeapProfiler.collectGarbage")
    metrics = session.send("Performance.getMetrics")["metrics"]
    return next(m["value"] for m in metrics if m["name"] == "JSHeapUsedSize") / _MB


def _disk(folder: Path) -> float:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / _MB


def _with_history(folder: Path, environ: dict[str, str]) -> None:
    """Fill a store with a past of the demo's markets."""
    store = open_store(f"sqlite:///{folder / 'met'}", clock=SystemClock())
    words = ["app.cli", "collect", *DEMO_MARKETS, "--store", f"sqlite:///{folder / 'met'}"]
    markets = [MarketId.parse(text) for text in DEMO_MARKETS]
    with running(*words, environ=environ):
        wait_for(lambda: len(quoted(store, markets)) == len(markets), "the markets")
    store.close()
    prefill(folder / "met", folder / "hot")


def soak(minutes: float) -> tuple[dict[str, list[tuple[float, float]]], list[str]]:
    """Samples of each memory in MB by minute, and what the console said."""
    samples: dict[str, list[tuple[float, float]]] = defaultdict(list)
    console: list[str] = []
    port = free_port()
    with tempfile.TemporaryDirectory() as name, demo_exchange() as (venues, _):
        folder = Path(name)
        environ = {**venues, "OFI_LOG__LEVEL": "error"}
        _with_history(folder, environ)
        words = ["app.cli", "run", *DEMO_MARKETS, "--port", port]
        words += ["--store", f"sqlite:///{folder / 'hot'}"]
        with running(*words, environ=environ) as process, chromium() as browser:
            page = browser.new_page(viewport={"width": 2560, "height": 1440})
            page.on("console", lambda m: console.append(m.text) if m.type == "error" else None)
            page.on("pageerror", lambda error: console.append(str(error)))
            url = f"http://127.0.0.1:{port}/?range=300&" + "&".join(f"m={m}" for m in _SHOWN)
            open_when_up(page, url)
            console.clear()
            session = page.context.new_cdp_session(page)
            session.send("Performance.enable")
            root, began = psutil.Process(process.pid), time.monotonic()
            children = psutil.Process().children()
            exchange = next(child for child in children if "app.demo" in child.cmdline())
            while (elapsed := (time.monotonic() - began) / 60) < minutes:
                for name, value in _memory(exchange, root).items():
                    samples[name].append((elapsed, value))
                samples["browser heap"].append((elapsed, _heap(session)))
                samples["hot store on disk"].append((elapsed, _disk(folder / "hot")))
                page.wait_for_timeout(60_000 * minutes / _SAMPLES)
    return samples, console


def slope(samples: list[tuple[float, float]]) -> str:
    """The slope per hour of (minute, value) pairs, with its 95 % interval."""
    fit = sm.OLS([v for _, v in samples], sm.add_constant([t / 60 for t, _ in samples])).fit(
        cov_type="HAC", cov_kwds={"maxlags": max(1, len(samples) // 10)}
    )
    low, high = fit.conf_int()[1]
    return f"{fit.params[1]:+.1f} ({low:+.1f} to {high:+.1f})"


def main(arguments: list[str] | None = None) -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    options = parser.parse_args(arguments)
    os.environ.setdefault("GUNICORN_CMD_ARGS", "")
    minutes = min(options.minutes, 120.0)
    samples, console = soak(minutes)
    print(f"{'MB':28}{'half way':>10}{'end':>10}{'slope per hour, 95 %':>28}")
    for name, values in samples.items():
        late = [v for v in values if v[0] >= minutes / 2]
        if len(late) < 5:
            continue
        print(f"{name:28}{late[0][1]:10.1f}{late[-1][1]:10.1f}{slope(late):>28}")
    print(f"console errors: {len(console)}")
    for text in console[:10]:
        print(f"  {text[:200]}")


if __name__ == "__main__":
    main()
