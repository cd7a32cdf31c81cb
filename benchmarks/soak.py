"""The demo left open: memory of every process and of the browser over time, console errors.

    python -m benchmarks.soak [--minutes 10] [--faults]

Baseline is the first fifth of the run, after which everything bounded has filled; each line prints the
memory then, at the end, and the slope over the rest with its 95 % interval.
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
from app.supervisor import free_port
from tests.browser import chromium
from tests.processes import running, wait_for

_MB = 1 << 20
_SAMPLES = 120


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


def _memory(root: psutil.Process) -> dict[str, float]:
    processes = [root, *root.children(recursive=True)]
    result = {}
    for process in processes:
        try:
            # Proportional share: what is shared by forked workers is not counted twice.
            result[_name(process)] = process.memory_full_info().pss / _MB
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return result


def _heap(session: CDPSession) -> float:
    session.send("HeapProfiler.collectGarbage")
    metrics = session.send("Performance.getMetrics")["metrics"]
    return next(m["value"] for m in metrics if m["name"] == "JSHeapUsedSize") / _MB


def _disk(folder: Path) -> float:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / _MB


def soak(minutes: float, faults: bool) -> tuple[dict[str, list[tuple[float, float]]], list[str]]:
    """Samples of each memory in MB by minute, and what the console said."""
    samples: dict[str, list[tuple[float, float]]] = defaultdict(list)
    console: list[str] = []
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        environ = {"XDG_STATE_HOME": folder, "OFI_LOG__LEVEL": "error"}
        words = ["app.cli", "demo", "--port", port, *(["--faults"] if faults else [])]
        with running(*words, environ=environ) as process, chromium() as browser:
            page = browser.new_page(viewport={"width": 2560, "height": 1440})
            page.on("console", lambda m: console.append(m.text) if m.type == "error" else None)
            page.on("pageerror", lambda error: console.append(str(error)))
            url = f"http://127.0.0.1:{port}/?range=300&" + "&".join(
                f"m={m}" for m in DEMO_MARKETS[:4]
            )

            def opened() -> bool:
                try:
                    page.goto(url)
                except Exception:
                    return False
                return True

            wait_for(opened, "the page", 60)
            console.clear()
            session = page.context.new_cdp_session(page)
            session.send("Performance.enable")
            root, began = psutil.Process(process.pid), time.monotonic()
            while (elapsed := (time.monotonic() - began) / 60) < minutes:
                for name, value in _memory(root).items():
                    samples[name].append((elapsed, value))
                samples["browser heap"].append((elapsed, _heap(session)))
                samples["hot store on disk"].append((elapsed, _disk(Path(folder))))
                page.wait_for_timeout(60_000 * minutes / _SAMPLES)
    return samples, console


def main(arguments: list[str] | None = None) -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--faults", action="store_true", help="break something every 20 s")
    options = parser.parse_args(arguments)
    os.environ.setdefault("GUNICORN_CMD_ARGS", "")
    minutes = min(options.minutes, 120.0)
    samples, console = soak(minutes, options.faults)
    print(f"{'MB':28}{'baseline':>10}{'end':>10}{'slope per hour, 95 %':>28}")
    for name, values in samples.items():
        late = [v for v in values if v[0] >= minutes / 5]
        if len(late) < 5:
            continue
        fit = sm.OLS([v for _, v in late], sm.add_constant([t / 60 for t, _ in late])).fit(
            cov_type="HAC", cov_kwds={"maxlags": max(1, len(late) // 10)}
        )
        low, high = fit.conf_int()[1]
        interval = f"{fit.params[1]:+.1f} ({low:+.1f} to {high:+.1f})"
        print(f"{name:28}{late[0][1]:10.1f}{late[-1][1]:10.1f}{interval:>28}")
    print(f"console errors: {len(console)}")
    for text in console[:10]:
        print(f"  {text[:200]}")


if __name__ == "__main__":
    main()
