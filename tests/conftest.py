"""Shared by all tests: properties are judged by what they find, not by how busy the machine is.

Browser tests share one Chromium and one server over one living store while they follow each other:
starting them costs more than most of the tests. Both end before a test of another kind runs, which
Playwright's event loop would disturb (tests/spread.py).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from tests.shared import Shared

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.browser import LiveMarkets, Watched
    from tests.engine_rig import Rig

settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")

_SHARED = Shared()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """How tests are spread over processes."""
    from tests.spread import Spread

    return Spread(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> Iterator[None]:
    """End what browser tests share before anything else runs, whatever became of the test."""
    try:
        yield
    finally:
        if nextitem is None or nextitem.get_closest_marker("browser") is None:
            _SHARED.close()


@pytest.fixture
def rig(tmp_path: Path) -> Iterator["Rig"]:
    """An engine over a store whose market moves when told."""
    from tests.engine_rig import rigged

    with rigged(tmp_path) as one:
        yield one


@pytest.fixture(scope="session")
def browser_options() -> None:
    """Expectations of Playwright wait as long as our own: the machine may be busy."""
    from playwright.sync_api import expect

    from tests.browser import WAIT_MS

    expect.set_options(timeout=WAIT_MS)


@pytest.fixture(scope="module")
def browser(browser_options: None, tmp_path_factory: pytest.TempPathFactory) -> "Browser":
    """The shared Chromium."""
    return _SHARED.browser(tmp_path_factory)


@pytest.fixture(scope="module")
def living(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> "LiveMarkets":
    """Two markets that live, 13 minutes old with an outage in their middle; not to be broken."""
    return _SHARED.markets(tmp_path_factory, request.node.nodeid)[0]


@pytest.fixture(scope="module")
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a server over `living`."""
    return _SHARED.markets(tmp_path_factory, request.node.nodeid)[1]


@pytest.fixture(scope="module")
def whole_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The same over two markets without an outage, so that every look-back is full."""
    return _SHARED.markets(tmp_path_factory, request.node.nodeid, outage=False)[1]


@pytest.fixture
def page(browser: "Browser") -> Iterator["Watched"]:
    """A page 1440 wide that complains of nothing."""
    from tests.browser import watched

    with watched(browser) as one:
        yield one
        assert one.complaints == []
