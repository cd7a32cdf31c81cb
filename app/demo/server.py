"""The demo exchange: a world of markets behind the protocols of their venues, on loopback.

    /{venue}/…   what the venue's protocol wants: binance_api, deribit_api, kraken_api
    /demo/book, /demo/regimes, /demo/faults, /demo/status   what was really so, to compare with
    POST /demo/fault, /demo/regime, /demo/speed             commands

`/demo/…` of the administration and the venue `demo` do not meet: the venue's paths go on with `api` or
`stream`.
"""

import asyncio
import contextlib
import ipaddress
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web

from app import log
from app.clock import NS_PER_S, Clock, SystemClock
from app.demo import binance_api, deribit_api, kraken_api, routes
from app.demo.binance import BinancePublisher
from app.demo.connection import Connection
from app.demo.deribit import DeribitPublisher
from app.demo.faults import SNAPSHOT_FAULTS, Fault, Faults, Schedule
from app.demo.kraken import KrakenPublisher
from app.demo.publisher import BATCH_S, Publisher
from app.demo.regimes import Kind, Regime
from app.demo.spec import LEADER, VENUES
from app.demo.world import Town, World
from app.errors import InputError, MarketError, ServerError

TICK_S = 0.005
WARM_S = 40.0  # fills the books; more would only delay the first page
MAX_SPEED = 100.0
_MAX_CATCH_UP_S = 1.0
_REGIMES_KEPT = 1000
_HOUR_NS = 3600 * NS_PER_S


@dataclass(frozen=True)
class _Protocol:
    publisher: Callable[[Town, Faults, Callable[[float], int]], Publisher]
    settings: Callable[[str, str, int], dict[str, Any]]


_PROTOCOLS = {
    "binance": _Protocol(BinancePublisher, binance_api.settings),
    "deribit": _Protocol(DeribitPublisher, deribit_api.settings),
    "kraken": _Protocol(KrakenPublisher, kraken_api.settings),
}
_log = log.get("demo")


@dataclass(frozen=True)
class RegimeTimes:
    """A scene with the wall times between which it is served; a command may end it early."""

    regime: Regime
    start_ns: int
    end_ns: int

    def to_json(self) -> dict[str, Any]:
        """A plain value for `/demo/regimes`."""
        return {
            "kind": str(self.regime.kind),
            "venue": self.regime.venue,
            "symbol": self.regime.symbol,
            "side": self.regime.side,
            "start_ms": self.start_ns // 1_000_000,
            "end_ms": self.end_ns // 1_000_000,
        }


class DemoExchange:
    """All markets of all venues on one port. `start` and `stop` it on the running event loop."""

    def __init__(self) -> None:
        self.host = ""
        self.port = 0
        self.speed = 1.0
        self.world: World
        self.publishers: dict[tuple[str, str], Publisher] = {}
        self.faults = Faults()
        self.connections: set[Connection] = set()
        self._clock: Clock = SystemClock()
        self._runner: web.AppRunner | None = None
        self._task: asyncio.Task[None] | None = None
        self.regimes: deque[RegimeTimes] = deque(maxlen=_REGIMES_KEPT)
        self._schedule: Schedule | None = None
        self._faults_every_s = 0.0
        self._next_fault_ns = 0
        self._anchor_ns = 0
        self._anchor_s = 0.0
        self._next_flush_s = 0.0

    async def start(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        seed: int = 1,
        speed: float = 1.0,
        clock: Clock | None = None,
        *,
        warm_s: float = WARM_S,
        faults_every_s: float = 0.0,
    ) -> None:
        """Simulate `warm_s` seconds of history, then serve. Port 0 takes a free one; see `port`.

        With speed 0 time stands still until `advance`.

        Raises:
            ServerError: the address is not on loopback, or the port is in use.
            InputError: the speed is out of range.
        """
        _check_loopback(host)
        self._clock = clock or SystemClock()
        self.world = World(seed)
        for town in self.world.towns.values():
            if town.director is not None:
                town.director.announce = self._announce
        self._anchor_ns, self.speed = self._clock.now_ns() - round(warm_s * NS_PER_S), 1.0
        self.publishers = {
            key: _PROTOCOLS[VENUES[town.venue].protocol].publisher(town, self.faults, self.wall_ns)
            for key, town in self.world.towns.items()
        }
        self.world.advance(warm_s)
        self._flush()
        self._next_flush_s = self.world.time_s + BATCH_S
        self.set_speed(speed)
        if faults_every_s > 0:
            self._schedule = Schedule(seed, list(self.publishers))
            self._faults_every_s = faults_every_s
            self._next_fault_ns = self._clock.now_ns() + round(faults_every_s * NS_PER_S)
        self._runner = web.AppRunner(
            routes.application(self), access_log=None, shutdown_timeout=1.0
        )
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, port).start()
        except OSError as error:
            await self._runner.cleanup()
            raise ServerError(
                f"The demo exchange cannot listen on {host} port {port}: {error.strerror}. "
                "Choose another port, or 0 for a free one."
            ) from None
        self.host, self.port = host, self._runner.addresses[0][1]
        self._task = asyncio.create_task(self._run(), name="demo market")
        _log.info("demo exchange open", port=self.port, seed=seed, speed=speed)

    async def stop(self) -> None:
        """Close every connection and the port."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        for connection in tuple(self.connections):
            connection.reset()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def wall_ns(self, time_s: float) -> int:
        """The wall time at which a moment of simulated time is served."""
        elapsed = (time_s - self._anchor_s) / self.speed if self.speed else 0.0
        return self._anchor_ns + round(elapsed * NS_PER_S)

    def now_ns(self) -> int:
        """The exchange's wall clock."""
        return self._clock.now_ns()

    def set_speed(self, speed: float) -> None:
        """Change how many simulated seconds pass in one; 0 stops time, with everything delivered.

        Raises:
            InputError: the speed is out of range.
        """
        if not 0 <= speed <= MAX_SPEED:
            raise InputError(f"The speed was {speed}: give a number from 0 to {MAX_SPEED:g}.")
        self._anchor_ns, self._anchor_s = self._clock.now_ns(), self.world.time_s
        self.speed = speed
        if speed == 0:
            self._flush()

    def advance(self, seconds: float) -> None:
        """Run simulated time forward at once: for tests, with speed 0."""
        self._run_to(self.world.time_s + seconds)
        self._flush()

    def venue_ns(self, venue: str) -> int:
        """The time as a venue tells it: its clock can be an hour off."""
        now_ns = self.now_ns()
        wrong = self.faults.lasting("clock", venue, None, now_ns) is not None
        return now_ns + _HOUR_NS if wrong else now_ns

    def of_venue(self, venue: str) -> list[Publisher]:
        """The markets of a venue."""
        return [publisher for (name, _), publisher in self.publishers.items() if name == venue]

    def publisher(self, venue: str, symbol: str) -> Publisher:
        """The market of a venue, by the venue's or ccxt's symbol.

        Raises:
            MarketError: there is none.
        """
        markets = self.of_venue(venue)
        for publisher in markets:
            spec = publisher.town.flow.spec
            if symbol in (spec.venue_symbol, spec.symbol):
                return publisher
        known = ", ".join(sorted(p.symbol for p in markets)) or f"only {', '.join(VENUES)}"
        raise MarketError(f"The demo has no {symbol!r} on {venue!r}: it has {known}.")

    def fault(self, fault: Fault) -> Fault:
        """Let something go wrong. A symbol may be the venue's or ccxt's.

        Raises:
            MarketError: it names a market that there is not.
        """
        fault, now_ns = self._named(fault), self._clock.now_ns()
        _log.warning("fault", kind=fault.kind, venue=fault.venue, symbol=fault.symbol)
        if fault.kind == "big_ids":
            hit = [p for k, p in self.publishers.items() if fault.concerns(*k)]
            for publisher in hit:
                publisher.leap()
            return self.faults.note(fault, now_ns, len(hit))
        if fault.kind not in ("disconnect", "reset", "half_open"):
            return self.faults.order(fault, now_ns)
        if fault.kind == "half_open":
            entry = self.faults.order(fault, now_ns)  # those who come while it lasts are dead too
        concerned = [c for c in self.connections if c.concerned(fault)]
        for connection in concerned:
            if fault.kind == "reset":
                connection.reset()
            elif fault.kind == "half_open":
                connection.freeze()
            else:
                connection.disconnect()
        if fault.kind == "half_open":
            entry.done += len(concerned)
            return entry
        return self.faults.note(fault, now_ns, len(concerned))

    def _named(self, fault: Fault) -> Fault:
        """With the symbol as the venues write it, where they agree."""
        if fault.symbol is None:
            return fault
        venues = [fault.venue] if fault.venue is not None else list(VENUES)
        found = {
            publisher.symbol
            for venue in venues
            for publisher in self.of_venue(venue)
            if fault.symbol in (publisher.symbol, publisher.town.flow.spec.symbol)
        }
        if not found:
            self.publisher(venues[0], fault.symbol)  # says what there is
        return replace(fault, symbol=min(found))

    def show(self, symbol: str, kind: str) -> Regime:
        """Begin a scene now.

        Raises:
            InputError: there is no such market or scene.
        """
        director = self.world.director(self.publisher(LEADER, symbol).symbol)
        if director is None or kind not in list(Kind):
            raise InputError(f"There is no scene {kind!r}; there are {', '.join(Kind)}.")
        return director.show(Kind(kind))

    def _announce(self, regime: Regime) -> None:
        start_ns, end_ns = self.wall_ns(regime.start_s), self.wall_ns(regime.end_s)
        self.regimes.append(RegimeTimes(regime, start_ns, end_ns))
        _log.info(
            "regime",
            kind=str(regime.kind),
            market=f"{regime.venue}:{regime.symbol}",
            side={1: "buy", -1: "sell"}.get(regime.side, "both"),
            lasts_s=round((end_ns - start_ns) / NS_PER_S, 1),
        )

    async def _run(self) -> None:
        while True:
            await self._clock.sleep(TICK_S)
            now_ns = self._clock.now_ns()
            self._run_schedule(now_ns)
            for publisher in self.publishers.values():
                publisher.tick()
            if not self.speed:
                continue
            target = self._anchor_s + (now_ns - self._anchor_ns) / NS_PER_S * self.speed
            if target - self.world.time_s > _MAX_CATCH_UP_S * max(1.0, self.speed):
                # The process was kept from running: go on from here instead of racing after it.
                self._anchor_ns, self._anchor_s = now_ns, self.world.time_s
                continue
            self._run_to(target)

    def _run_schedule(self, now_ns: int) -> None:
        if self._schedule is not None and now_ns >= self._next_fault_ns:
            self._next_fault_ns = now_ns + round(self._faults_every_s * NS_PER_S)
            fault = self._schedule.next()
            self.fault(fault)
            if fault.kind in ("refuse", *SNAPSHOT_FAULTS):
                # These show only when a client subscribes: make it.
                self.fault(Fault("disconnect", fault.venue, fault.symbol))

    def _run_to(self, time_s: float) -> None:
        """Advance the world, with the depth updates at their cadence in wall time."""
        every_s = BATCH_S * (self.speed or 1.0)
        while self._next_flush_s <= time_s:
            self.world.advance(self._next_flush_s)
            self._flush()
            self._next_flush_s += every_s
        self.world.advance(time_s)

    def _flush(self) -> None:
        for publisher in self.publishers.values():
            publisher.strip()
            publisher.flush()


def venue_settings(port: int, host: str = "127.0.0.1") -> dict[str, dict[str, Any]]:
    """The `[venues.NAME]` tables that point the product at a demo exchange."""
    return {
        venue: {
            "exchange": there.protocol,
            "ccxt": _PROTOCOLS[there.protocol].settings(venue, host, port),
        }
        for venue, there in VENUES.items()
    }


def _check_loopback(host: str) -> None:
    with contextlib.suppress(ValueError):
        if ipaddress.ip_address(host).is_loopback:
            return
    if host != "localhost":
        raise ServerError(
            f"The demo exchange has no access control and was asked to listen on {host!r}: "
            "use 127.0.0.1."
        )
