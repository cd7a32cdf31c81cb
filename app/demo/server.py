"""The demo exchange: a world of markets behind Binance's protocol, on loopback.

    /{venue}/api/v3/…        exchangeInfo, depth, time, ping
    /{venue}/stream/ws[/n]   WebSocket: SUBSCRIBE, UNSUBSCRIBE
    /demo/book, /demo/regimes, /demo/faults, /demo/status   what was really so, to compare with
    POST /demo/fault, /demo/regime, /demo/speed             commands

`/demo/…` of the administration and the venue `demo` do not meet: the venue's paths go on with `api` or
`stream`.
"""

import asyncio
import contextlib
import ipaddress
from collections import deque
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from app import log
from app.clock import NS_PER_S, Clock, SystemClock
from app.demo import routes
from app.demo.binance import DEPTH_S, Publisher
from app.demo.connection import Connection
from app.demo.faults import SNAPSHOT_FAULTS, Fault, Faults, Schedule
from app.demo.regimes import Kind, Regime
from app.demo.world import VENUES, World
from app.errors import InputError, MarketError, ServerError

TICK_S = 0.005
WARM_S = 90.0
MAX_SPEED = 100.0
_MAX_CATCH_UP_S = 1.0
_REGIMES_KEPT = 1000
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
    """All markets of both venues on one port. `start` and `stop` it on the running event loop."""

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
        self.world.advance(warm_s)
        self._next_flush_s = self.world.time_s + DEPTH_S
        self.set_speed(speed)
        self.publishers = {
            key: Publisher(town, self.faults, self.wall_ns)
            for key, town in self.world.towns.items()
        }
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

    def publisher(self, venue: str, symbol: str) -> Publisher:
        """The market of a venue, by Binance's or ccxt's symbol.

        Raises:
            MarketError: there is none.
        """
        found = self.publishers.get((venue, symbol.replace("/", "").upper()))
        if found is None:
            known = ", ".join(sorted({s for _, s in self.publishers}))
            raise MarketError(
                f"The demo has no {symbol!r} on {venue!r}: it has {known} on {' and '.join(VENUES)}."
            )
        return found

    def fault(self, fault: Fault) -> Fault:
        """Let something go wrong."""
        now_ns = self._clock.now_ns()
        _log.warning("fault", kind=fault.kind, venue=fault.venue, symbol=fault.symbol)
        if fault.kind not in ("disconnect", "reset"):
            return self.faults.order(fault, now_ns)
        hit = [c for c in self.connections if c.concerned(fault)]
        for connection in hit:
            if fault.kind == "reset":
                connection.reset()
            else:
                connection.disconnect()
        return self.faults.note(fault, now_ns, len(hit))

    def show(self, symbol: str, kind: str) -> Regime:
        """Begin a scene now.

        Raises:
            InputError: there is no such market or scene.
        """
        director = self.world.director(self.publisher(VENUES[0], symbol).symbol)
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
            if fault.kind == "refuse" or fault.kind in SNAPSHOT_FAULTS:
                # These show only when a client subscribes: make it.
                self.fault(Fault("disconnect", fault.venue, fault.symbol))

    def _run_to(self, time_s: float) -> None:
        """Advance the world, with the depth updates at their cadence in wall time."""
        every_s = DEPTH_S * (self.speed or 1.0)
        while self._next_flush_s <= time_s:
            self.world.advance(self._next_flush_s)
            self._flush()
            self._next_flush_s += every_s
        self.world.advance(time_s)

    def _flush(self) -> None:
        for publisher in self.publishers.values():
            publisher.flush_depth()


def venue_settings(port: int, host: str = "127.0.0.1") -> dict[str, dict[str, Any]]:
    """The `[venues.demo]` and `[venues.demo2]` tables that point the product at a demo exchange."""
    return {
        venue: {
            "exchange": "binance",
            "ccxt": {
                "rateLimit": 5,
                "urls": {
                    "api": {
                        "public": f"http://{host}:{port}/{venue}/api/v3",
                        # ccxt takes a URL with /stream in it for spot.
                        "ws": {"spot": f"ws://{host}:{port}/{venue}/stream/ws"},
                    }
                },
                "options": {"fetchMarkets": {"types": ["spot"]}, "defaultType": "spot"},
            },
        }
        for venue in VENUES
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
