"""`ofi run`: one collector and one gunicorn, restarted when they die, ended together.

Children get their own session, so Ctrl-C in a terminal reaches only the supervisor, which then ends
them in order; should the supervisor itself be killed, the kernel ends them (Linux).
"""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from app import log
from app.clock import monotonic_ns
from app.errors import ServerError
from app.settings import Settings

_PR_SET_PDEATHSIG = 1
_READY_S = 15.0
_GRACE_S = 2.5  # from the first signal to the last: Ctrl-C takes under three seconds
_BACKOFF_S = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_STEADY_S = 30.0  # a child that ran this long starts its back-off anew
_log = log.get("supervisor")


@dataclass
class Child:
    """A process that is kept running."""

    name: str
    command: Sequence[str]
    # An exit code that a restart cannot mend (bad input) ends the run instead.
    final_codes: frozenset[int] = frozenset({2})
    # The port that it listens on when it is ready; those after it are started then.
    ready_port: int | None = None
    quiet: bool = False  # what it prints on stdout is not for the user
    environ: Mapping[str, str] = field(default_factory=dict)  # of its own, over that of all
    process: subprocess.Popen[bytes] | None = None
    started_ns: int = 0
    failures: int = 0
    next_start_ns: int = 0


@dataclass
class Supervisor:
    """Keeps children running until told to stop."""

    children: Sequence[Child]
    environ: Mapping[str, str]
    on_started: Callable[[], None] | None = None
    _stop: threading.Event = field(default_factory=threading.Event)
    _code: int = 0

    def run(self) -> int:
        """Run until a signal comes or a child ends for good; the exit code of the command."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: self._stop.set())
        try:
            for child in self.children:
                self._start(child)
                self._await_port(child)
            if self.on_started:
                self.on_started()
            while not self._stop.wait(0.1):
                for child in self.children:
                    self._watch(child)
        finally:
            self._end()
        return self._code

    def _start(self, child: Child) -> None:
        child.process = subprocess.Popen(  # noqa: S603  our own command line
            child.command,
            env={**self.environ, **child.environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if child.quiet else None,
            start_new_session=True,
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,
        )
        child.started_ns = monotonic_ns()
        _log.info("started", process=child.name, pid=child.process.pid)

    def _await_port(self, child: Child) -> None:
        if child.ready_port is None:
            return
        deadline = monotonic_ns() + round(_READY_S * 1e9)
        while child.process and child.process.poll() is None and monotonic_ns() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", child.ready_port)) == 0:
                    return
            if self._stop.wait(0.05):
                return

    def _watch(self, child: Child) -> None:
        now = monotonic_ns()
        if child.process is None:
            if now >= child.next_start_ns:
                self._start(child)
            return
        code = child.process.poll()
        if code is None:
            return
        child.process = None
        if code in child.final_codes:
            self._code = code
            self._stop.set()
            return
        ran_s = (now - child.started_ns) / 1e9
        child.failures = 0 if ran_s > _STEADY_S else child.failures
        wait_s = _BACKOFF_S[min(child.failures, len(_BACKOFF_S) - 1)]
        child.failures += 1
        child.next_start_ns = now + round(wait_s * 1e9)
        how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
        sentence = f"The {child.name} {how} after {ran_s:.0f} s; it starts again in {wait_s} s."
        _log.error("restarting", process=child.name, reason=sentence)

    def _end(self) -> None:
        running = [
            (child.process, child.ready_port is not None)
            for child in self.children
            if child.process and child.process.poll() is None
        ]
        deadline = monotonic_ns() + round(_GRACE_S * 1e9)
        # What the others were started after goes last: none of them takes its end for a fault.
        for last in (False, True):
            processes = [process for process, awaited in running if awaited is last]
            for process in processes:
                _signal(process, signal.SIGTERM)
            while any(p.poll() is None for p in processes) and monotonic_ns() < deadline:
                time.sleep(0.02)
        for process, _ in running:
            # The group, so that a worker which outlived its parent goes too.
            _signal(process, signal.SIGKILL)
            process.wait()


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Signal a child's process group, whether or not its leader is still there."""
    try:
        if number is signal.SIGKILL:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
    except ProcessLookupError:
        return


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def gunicorn_command(settings: Settings) -> list[str]:
    """The command line of the web side."""
    web = settings.web
    host = f"[{web.host}]" if ":" in web.host else web.host
    return [
        sys.executable,
        "-m",
        "gunicorn",
        "--worker-class=app.web.worker.LeavingWorker",
        f"--workers={web.workers}",
        f"--bind={host}:{web.port}",
        "--graceful-timeout=5",
        "--log-level=warning",
        "--no-control-socket",
        # What a page may send is small (docs/live.md); gunicorn's default is 16 MB.
        "--websocket-max-message-size=16384",
        "app.web.server:server",
    ]


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nobody listens on at the moment."""
    with socket.create_server((host, 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def check_port(host: str, port: int) -> None:
    """Refuse a port that is taken before anything is started.

    Raises:
        ServerError: one sentence that names the port and what to do.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ServerError(
                f"Port {port} on {host} cannot be used ({error.strerror}). Choose another with "
                f"--port, or end the program that holds it."
            ) from None
