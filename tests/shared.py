"""What browser tests share while they follow each other (tests/conftest.py)."""

import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.browser import LiveMarkets

FRESH_S = 180.0  # at the beginning of a file; when that takes minutes the outage is in view still


class Shared:
    """A Chromium, and living stores with their servers; made when first asked for."""

    def __init__(self) -> None:
        self._chromium = ExitStack()
        self._browser: Browser | None = None
        self._served: dict[bool, tuple[ExitStack, LiveMarkets, str, float, set[str]]] = {}

    def browser(self) -> "Browser":
        """The one Chromium."""
        from tests.browser import chromium

        if self._browser is None:
            self._browser = self._chromium.enter_context(chromium())
        return self._browser

    def markets(
        self, folders: pytest.TempPathFactory, module: str, outage: bool = True
    ) -> "tuple[LiveMarkets, str]":
        """A store with two living markets and the address of its server, a few minutes old at most.

        A module has the same ones all the time.
        """
        from tests.browser import LiveMarkets
        from tests.web_server import running_server

        found = self._served.get(outage)
        if found is not None and module not in found[4] and time.monotonic() - found[3] > FRESH_S:
            self._served.pop(outage)[0].close()
            found = None
        if found is None:
            stack = ExitStack()
            made = LiveMarkets(folders.mktemp("hot"), minutes=13, outage=outage)
            living = stack.enter_context(made)
            folder = Path(living.store.directory)
            base = stack.enter_context(running_server(folder, workers=1))
            found = self._served[outage] = stack, living, base, time.monotonic(), set()
        found[4].add(module)
        return found[1], found[2]

    def close(self) -> None:
        """End all of it."""
        for stack, *_ in self._served.values():
            stack.close()
        self._served.clear()
        self._browser = None
        self._chromium.close()
