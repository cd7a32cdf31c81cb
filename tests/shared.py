"""What browser tests share while they follow each other (tests/conftest.py)."""

import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.browser import LiveMarkets

FRESH_S = 240.0  # later the outage would leave the range in view


class Shared:
    """A Chromium, and a living store with its server; made when first asked for."""

    def __init__(self) -> None:
        self._chromium, self._served = ExitStack(), ExitStack()
        self._browser: Browser | None = None
        self._markets: tuple[LiveMarkets, str] | None = None
        self._made_s = 0.0

    def browser(self) -> "Browser":
        """The one Chromium."""
        from tests.browser import chromium

        if self._browser is None:
            self._browser = self._chromium.enter_context(chromium())
        return self._browser

    def markets(self, folders: pytest.TempPathFactory) -> "tuple[LiveMarkets, str]":
        """A store with two living markets and the address of its server, no older than a few minutes."""
        from tests.browser import LiveMarkets
        from tests.web_server import running_server

        if self._markets is not None and time.monotonic() - self._made_s > FRESH_S:
            self._close_markets()
        if self._markets is None:
            living = self._served.enter_context(LiveMarkets(folders.mktemp("hot"), minutes=13))
            folder = Path(living.store.directory)
            base = self._served.enter_context(running_server(folder, workers=1))
            self._markets, self._made_s = (living, base), time.monotonic()
        return self._markets

    def _close_markets(self) -> None:
        self._markets = None
        self._served.close()

    def close(self) -> None:
        """End all of it."""
        self._close_markets()
        self._browser = None
        self._chromium.close()
