"""Real processes for tests: the demo exchange, the collector, the whole `ofi run`."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from app.cli import ALLOCATOR

ROOT = Path(__file__).parents[1]


def wait_for(condition, what, seconds=30):
    """Poll until a condition holds; its value."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s: {what}")


def alive(pid):
    """Whether a process runs (a zombie does not)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@contextmanager
def running(*arguments, environ=None, stdout=None, stderr=None, stop=signal.SIGTERM):
    """A Python module as a child process, ended at the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, **(environ or {})},
        stdout=stdout,
        stderr=stderr,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(stop)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe:
                pipe.close()


@contextmanager
def demo_exchange(seed=1, speed=1.0):
    """The demo exchange as a process; yields what the collector needs to find it, as variables."""
    words = ["app.demo", "--seed", seed, "--speed", speed]
    with running(*words, environ=ALLOCATOR, stdout=subprocess.PIPE) as process:
        address = json.loads(process.stdout.readline())
        yield {"OFI_VENUES": json.dumps(address["venues"])}, address
