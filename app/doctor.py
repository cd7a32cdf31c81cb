"""`ofi doctor`: looks at everything the product rests on, and says what to do about each finding."""

import asyncio
import resource
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Literal

from app import settings
from app.clock import NS_PER_MS, Clock
from app.errors import OfiError
from app.feeds.base import VenueFeed
from app.feeds.ccxt_stream import CcxtVenue, open_venue
from app.feeds.ring import Ring
from app.market import MarketId
from app.settings import Settings, VenueSettings
from app.store import open_store
from app.supervisor import check_port
from app.web.access import check_binding

Grade = Literal["ok", "note", "fault"]
# Files of a market in the hot store, at most, and what a process needs besides.
_DESCRIPTORS_PER_MARKET = 8
_DESCRIPTORS_BESIDES = 256
_FREE_BYTES = 1 << 30
_OFFSET_NOTE_MS = 500.0
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; `todo` is empty when nothing is to be done."""

    what: str
    grade: Grade
    seen: str
    todo: str = ""


async def examine(environ: Mapping[str, str], clock: Clock) -> list[Finding]:
    """All findings, the settings' first: without them the rest is looked at with the defaults."""
    python = Finding("python", "ok", ".".join(str(part) for part in sys.version_info[:3]))
    found, given = _settings(environ)
    findings = [python, _ccxt(), found]
    findings += [_access(given), _port(given), _store(given, clock), _descriptors(given)]
    findings += await _venues(given, clock)
    findings.append(_browser())
    return findings


def _settings(environ: Mapping[str, str]) -> tuple[Finding, Settings]:
    try:
        given = settings.load(environ=environ)
    except OfiError as error:
        todo = "Correct it; the rest is checked with the defaults."
        return Finding("settings", "fault", str(error), todo), Settings()
    where = environ.get("OFI_CONFIG") or "ofi.toml"
    source = where if Path(where).exists() else "no file"
    return Finding("settings", "ok", f"{source}; {len(given.markets)} markets"), given


def _ccxt() -> Finding:
    seen = version("ccxt")
    try:
        pins = [r for r in requires("ofi") or [] if r.startswith("ccxt==")]
    except PackageNotFoundError:
        pins = []
    wanted = pins[0].removeprefix("ccxt==").partition(";")[0].strip() if pins else seen
    if seen == wanted:
        return Finding("ccxt", "ok", seen)
    todo = f"The feed hooks into ccxt's internals; install ccxt {wanted} (make setup)."
    return Finding("ccxt", "note", seen, todo)


def _try(what: str, seen: str, check: Callable[[], None], todo: str = "") -> Finding:
    try:
        check()
    except OfiError as error:
        return Finding(what, "fault", str(error), todo)
    return Finding(what, "ok", seen)


def _access(given: Settings) -> Finding:
    guarded = "with a token" if given.web.token else "without a token"
    return _try("access", f"{given.web.host} {guarded}", lambda: check_binding(given))


def _port(given: Settings) -> Finding:
    host, port = given.web.host, given.web.port
    return _try("port", f"{host}:{port} is free", lambda: check_port(host, port))


def _store(given: Settings, clock: Clock) -> Finding:
    location = given.store.location
    try:
        with closing(open_store(location, clock=clock)) as store:
            store.request(MarketId("doctor", "CHECK"), 0.0)
            markets = len(store.markets())
    except OfiError as error:
        return Finding(
            "store", "fault", str(error), "Choose a directory that can be written: store.url."
        )
    free = shutil.disk_usage(location.removeprefix("sqlite:///")).free
    seen = f"{location}; {markets} markets; {free / (1 << 30):.1f} GiB free"
    if free < _FREE_BYTES:
        todo = "Make room: a market-hour takes up to 40 MB, see store.keep_minutes."
        return Finding("store", "note", seen, todo)
    return Finding("store", "ok", seen)


def _descriptors(given: Settings) -> Finding:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = _DESCRIPTORS_BESIDES + _DESCRIPTORS_PER_MARKET * len(given.markets)
    limit = soft if hard == resource.RLIM_INFINITY else hard
    seen = f"{soft} (at most {hard}), {needed} needed for {len(given.markets)} markets"
    if limit != resource.RLIM_INFINITY and limit < needed:
        return Finding("descriptors", "fault", seen, f"Raise the limit: ulimit -Hn {needed}.")
    return Finding("descriptors", "ok", seen)


async def _venues(given: Settings, clock: Clock) -> list[Finding]:
    by_venue: dict[str, list[MarketId]] = {}
    for market_id in given.market_ids:
        by_venue.setdefault(market_id.venue, []).append(market_id)
    if not by_venue:
        todo = "Name markets, for example ofi run binance:BTC/USDT, or see one at once: ofi demo."
        return [Finding("venues", "note", "no market is set", todo)]
    answers = await asyncio.gather(
        *(_venue(name, wanted, given, clock) for name, wanted in by_venue.items())
    )
    return [finding for answer in answers for finding in answer]


async def _venue(name: str, wanted: list[MarketId], given: Settings, clock: Clock) -> list[Finding]:
    what = f"venue {name}"
    try:
        venue = open_venue(
            name, given.venues.get(name, VenueSettings()), given.feed, Ring(16, 16), clock
        )
    except OfiError as error:
        return [Finding(what, "fault", str(error), "Correct the venue's name or its settings.")]
    try:
        await venue.open()
        findings = [Finding(what, "ok", "answers")]
        findings += _symbols(venue, wanted)
        if isinstance(venue, CcxtVenue) and (offset := await _offset_ms(venue, clock)) is not None:
            findings.append(_clock(name, offset))
        return findings
    except OfiError as error:
        todo = "Check the network and proxies; other venues are not affected."
        return [Finding(what, "fault", str(error), todo)]
    finally:
        await venue.close()


def _symbols(venue: VenueFeed, wanted: list[MarketId]) -> Iterator[Finding]:
    for market_id in wanted:
        try:
            market = venue.resolve(market_id)
        except OfiError as error:
            yield Finding(f"market {market_id}", "fault", str(error), "Correct the symbol.")
        else:
            grid = market.grid
            seen = f"{market.contract}, tick {grid.tick}, lot {grid.lot} {market.size_unit}"
            yield Finding(f"market {market_id}", "ok", seen)


async def _offset_ms(venue: CcxtVenue, clock: Clock) -> float | None:
    """The venue's clock minus ours, by the midpoint of one request; None where it tells no time."""
    if not venue.exchange.has.get("fetchTime"):
        return None
    before = clock.now_ns()
    try:
        theirs = await venue.exchange.fetch_time()
    except Exception:
        return None
    return float(theirs) - (before + clock.now_ns()) / 2 / NS_PER_MS


def _clock(name: str, offset_ms: float) -> Finding:
    seen = f"{offset_ms:+.0f} ms against {name}"
    if abs(offset_ms) < _OFFSET_NOTE_MS:
        return Finding("clock", "ok", seen)
    todo = "Synchronise this machine's clock (NTP): latencies shown are off by that much."
    return Finding("clock", "note", seen, todo)


def _browser() -> Finding:
    for name in _BROWSERS:
        if path := shutil.which(name):
            return Finding("browser for tests", "ok", path)
    todo = "Only the tests need it: make setup installs Chromium where it may."
    return Finding("browser for tests", "note", "none found", todo)
