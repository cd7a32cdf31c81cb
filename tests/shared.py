"""What browser tests share while they follow each other (tests/conftest.py)."""

import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.browser import LiveMarkets

FRESH_S = 180.0  # at the beginning of a file; when that takes minutes the outage is in view still


@dataclass
class _Served:
    """A living store and the address of its server."""

    ends: ExitStack
    living: "LiveMarkets"
    base: str
    begun_s: float = field(default_factory=time.monotonic)
    modules: set[str] = field(default_factory=set)  # that have been given it

    def fits(self, module: str) -> bool:
        """Whether a module may have it: one keeps what it was given."""
        return module in self.modules or time.monotonic() - self.begun_s <= FRESH_S


class Shared:
    """A Chromium, and living stores with their servers; made when first asked for."""

    def __init__(self) -> None:
        self._chromium = ExitStack()
        self._browser: Browser | None = None
        self._served: dict[bool, _Served] = {}

    def browser(self, folders: pytest.TempPathFactory) -> "Browser":
        """The one Chromium."""
        from tests.browser import chromium

        if self._browser is None:
            self._browser = self._chromium.enter_context(chromium(folders.mktemp("profile")))
        return self._browser

    def markets(
        self, folders: pytest.TempPathFactory, module: str, outage: bool = True
    ) -> "tuple[LiveMarkets, str]":
        """A store with two living markets and the address of its server, a few minutes old at most."""
        from tests.browser import LiveMarkets
        from tests.web_server import running_server

        found = self._served.get(outage)
        if found is not None and not found.fits(module):
            self._served.pop(outage).ends.close()
            found = None
        if found is None:
            ends = ExitStack()
            living = ends.enter_context(
                LiveMarkets(folders.mktemp("hot"), minutes=13, outage=outage)
            )
            folder = Path(living.store.directory)
            base = ends.enter_context(running_server(folder, workers=1))
            found = self._served[outage] = _Served(ends, living, base)
        found.modules.add(module)
        return found.living, found.base

    def close(self) -> None:
        """End all of it."""
        for one in self._served.values():
            one.ends.close()
        self._served.clear()
        self._browser = None
        self._chromium.close()
