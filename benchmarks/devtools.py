"""A page of Chromium, driven over its tools' protocol with no more of it than a measurement asks for.

What drives pages in tests listens to all that they load and receive, and Chromium's main thread tells it of
every message of a live page: that would be counted as the page's own work.
"""

import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from websockets.sync.client import ClientConnection, connect

from tests.browser import ARGS, CHROMIUM

_UP_S = 60.0
_LOOK_S = 0.05


class Tab:
    """One page; `events` are what the tools told, of what was enabled."""

    def __init__(self, socket: ClientConnection):
        self._socket, self._last = socket, 0
        self.events: list[dict[str, Any]] = []

    def send(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """Ask the page, or the worker of a session, and wait for the answer."""
        self._last += 1
        message = {"id": self._last, "method": method, "params": params}
        self._socket.send(json.dumps(message | ({"sessionId": session} if session else {})))
        while True:
            told = json.loads(self._socket.recv(timeout=_UP_S))
            if told.get("id") != self._last:
                self.events.append(told)
            elif "error" in told:
                raise RuntimeError(f"{method}: {told['error']['message']}")
            else:
                result: dict[str, Any] = told["result"]
                return result

    def pause(self, seconds: float) -> None:
        """Let time pass; what is told meanwhile is kept."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            with suppress(TimeoutError):
                self.events.append(json.loads(self._socket.recv(timeout=left)))

    def evaluate(self, script: str) -> Any:
        """The value of an expression, of what it promises."""
        found = self.send(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in found:
            raise RuntimeError(found["exceptionDetails"]["exception"]["description"])
        return found["result"].get("value")

    def until(self, script: str, seconds: float = _UP_S) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + seconds
        while not self.evaluate(f"Boolean({script})"):
            if time.monotonic() > end:
                raise TimeoutError(f"Not true within {seconds:g} s: {script}")
            self.pause(_LOOK_S)

    def open(self, url: str) -> None:
        """Go to an address."""
        self.send("Page.navigate", url=url)

    def metrics(self) -> dict[str, float]:
        """Chromium's own counters, since `Performance.enable`."""
        found = self.send("Performance.getMetrics")["metrics"]
        return {one["name"]: one["value"] for one in found}


@contextmanager
def tab(width: int, height: int) -> Iterator[Tab]:
    """A page of this size in a Chromium of its own, of somebody who has been here before."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        given = (
            f"--user-data-dir={profile}",
            "--remote-debugging-port=0",
            "--headless",
            "about:blank",
        )
        process = subprocess.Popen([CHROMIUM, *ARGS, *given], stderr=subprocess.DEVNULL)
        try:
            with connect(_address(Path(profile), process), max_size=None) as socket:
                page = Tab(socket)
                page.send(
                    "Emulation.setDeviceMetricsOverride",
                    width=width, height=height, deviceScaleFactor=1, mobile=False,
                )  # fmt: skip
                page.send("Page.enable")
                seen = "try { localStorage.setItem('ofi.tour', '1') } catch {}"
                page.send("Page.addScriptToEvaluateOnNewDocument", source=seen)
                yield page
        finally:
            process.terminate()
            process.wait(timeout=_UP_S)


def _address(profile: Path, process: "subprocess.Popen[bytes]") -> str:
    """Where the tools of the first page listen."""
    written, end = profile / "DevToolsActivePort", time.monotonic() + _UP_S
    while time.monotonic() < end and process.poll() is None:
        with suppress(OSError, StopIteration, IndexError):
            port = written.read_text().splitlines()[0]
            with urlopen(f"http://127.0.0.1:{port}/json/list", timeout=_UP_S) as answer:
                pages = json.load(answer)
            address: str = next(one for one in pages if one["type"] == "page")[
                "webSocketDebuggerUrl"
            ]
            return address
        time.sleep(_LOOK_S)
    raise RuntimeError(f"Chromium opened no page within {_UP_S:g} s.")
