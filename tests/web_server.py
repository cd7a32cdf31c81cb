"""A real gunicorn over a real store, on a loopback port of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from app.cli import WEB_ALLOCATOR
from app.supervisor import free_port

START_S = 40.0
_PORTS: list[int] = []  # of this process' servers, that run and that have ended


def server_environ(store_dir: Path, port: int, token: str | None, **extra: str) -> dict[str, str]:
    """The variables of a server: nothing of the caller's settings reaches it."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith("OFI_")}
    environ |= {
        **WEB_ALLOCATOR,
        "OFI_STORE__URL": f"sqlite:///{store_dir.resolve()}",
        "OFI_WEB__PORT": str(port),
        "GUNICORN_CMD_ARGS": "",
    }
    return environ | ({"OFI_WEB__TOKEN": token} if token else {}) | extra


def gunicorn_command(port: int, workers: int) -> list[str]:
    """The command line of `ofi web`, on our port."""
    return [
        sys.executable, "-m", "gunicorn", "-k", "app.web.worker.LeavingWorker", "-w", str(workers),
        "-b", f"127.0.0.1:{port}", "--graceful-timeout", "5", "--log-level", "warning",
        "--no-control-socket", "--websocket-max-message-size=16384", "app.web.server:server",
    ]  # fmt: skip


@contextmanager
def running_server(
    store_dir: Path, workers: int = 2, token: str | None = None, **environ: str
) -> Iterator[str]:
    """Serve a store; gives the base URL, and ends the server when the block ends."""
    with server_process(store_dir, workers, token, **environ) as (base_url, _):
        yield base_url


@contextmanager
def server_process(
    store_dir: Path, workers: int = 2, token: str | None = None, **environ: str
) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """The same with gunicorn's process beside the URL."""
    port = _known_port()
    process = subprocess.Popen(
        gunicorn_command(port, workers),
        env=server_environ(store_dir, port, token, **environ),
        cwd=Path(__file__).resolve().parents[1],
        start_new_session=True,
    )
    base_url = f"http://127.0.0.1:{port}"
    try:
        wait_until_up(base_url, process)
        yield base_url, process
    finally:
        end(process)


def _known_port() -> int:
    """One that a server of this process had, if it is free: a browser has its scripts compiled by then."""
    for port in _PORTS:
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    _PORTS.append(free_port())
    return _PORTS[-1]


def end(process: "subprocess.Popen[bytes]") -> None:
    """End a server that was started in a session of its own."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_until_up(base_url: str, process: "subprocess.Popen[bytes]") -> None:
    """Wait for the first answer."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with code {process.returncode}")
        try:
            if httpx.get(f"{base_url}/login", timeout=2.0).status_code < 500:
                return
        except httpx.HTTPError:
            time.sleep(0.05)
    raise TimeoutError("the server did not answer in time")
