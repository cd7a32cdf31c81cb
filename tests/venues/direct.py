"""A feed on ccxt's real code and our real hook, with the wire cut short: frames go straight in.

Nothing is dialled: a connection is an object that notes what was sent on it, and a test pushes frames into
the client's receive path, one by one, so that what follows a frame has happened when `push` returns.
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import WSMessage, WSMsgType

from app.clock import FakeClock
from app.feeds.ccxt_stream import CcxtVenue, open_venue
from app.feeds.market_feed import CcxtMarketFeed
from app.feeds.ring import Ring
from app.market import MarketId
from app.records import LEVELS
from app.settings import FeedSettings, VenueSettings

# No times of its own: what a test does not push does not happen.
STILL = FeedSettings(stale_after_s=1e6, backoff_s=1e-4, backoff_max_s=1e-3, open_timeout_s=60.0)
_TURNS = 200


class DirectClock(FakeClock):
    """Time moves by hand; a sleep lets other tasks run and ends when time has come."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0 if seconds < 1.0 else 3_600.0)


@dataclass
class Wire:
    """Stands for an open WebSocket."""

    url: str
    said: Callable[["Wire", Any], None]
    sent: list[Any] = field(default_factory=list)
    closed: bool = False
    _conn: None = None

    def __post_init__(self) -> None:
        self._gone = asyncio.Event()

    async def send_str(self, text: str) -> None:
        message = orjson.loads(text) if text[:1] in "{[" else text
        self.sent.append(message)
        self.said(self, message)

    async def receive(self) -> WSMessage:
        await self._gone.wait()
        return WSMessage(WSMsgType.CLOSE, 1000, "")

    async def ping(self, _: bytes = b"") -> None: ...

    async def pong(self, _: bytes = b"") -> None: ...

    async def close(self) -> None:
        self.closed = True
        self._gone.set()


@dataclass
class Direct:
    """A venue of ccxt's with given markets, and its wires in the order in which they were dialled."""

    venue: CcxtVenue
    ring: Ring
    clock: DirectClock
    wires: list[Wire] = field(default_factory=list)
    feeds: dict[str, CcxtMarketFeed] = field(default_factory=dict)
    unhandled: list[dict[str, Any]] = field(default_factory=list)
    snapshots: dict[str, dict[str, Any]] = field(default_factory=dict)  # answers of REST, by symbol
    said: Callable[[Wire, Any], None] = lambda wire, message: None

    @property
    def sent(self) -> list[Any]:
        """All that was asked of the venue."""
        return [message for wire in self.wires for message in wire.sent]

    def push(self, frame: Any, wire: Wire | None = None) -> None:
        """A frame comes: text and bytes as they are, anything else as JSON."""
        data = frame if isinstance(frame, str | bytes) else orjson.dumps(frame).decode()
        kind = WSMsgType.BINARY if isinstance(data, bytes) else WSMsgType.TEXT
        self.clock.advance(0.001)
        for client in list(self.venue.exchange.clients.values()):
            if client.connection is (wire or self.wires[-1]) and client.isConnected:
                client.handle_message(WSMessage(kind, data, ""))

    async def turn(self, condition: Callable[[], object]) -> None:
        """Let tasks run until something is so."""
        for _ in range(_TURNS):
            if condition():
                return
            await asyncio.sleep(0.001 if _ > 20 else 0)
        raise AssertionError(f"not in {_TURNS} turns: {[f.status for f in self.feeds.values()]}")

    def top(self, symbol: str, levels: int = LEVELS) -> tuple[list[Any], list[Any]] | None:
        """The best levels of the book that is served."""
        view = self.feeds[symbol].book()
        if view is None:
            return None
        sides = (view.bids[:levels], view.asks[:levels])
        return tuple([(float(p), float(q)) for p, q, *_ in side] for side in sides)  # type: ignore[return-value]


def structure(market: dict[str, Any]) -> dict[str, Any]:
    """ccxt's market structure of what matters here."""
    contract = ":" in market["symbol"]
    base, _, rest = market["symbol"].partition("/")
    quote, _, settle = rest.partition(":")
    return {
        "base": base,
        "quote": quote,
        "settle": settle or None,
        "baseId": base,
        "quoteId": quote,
        "type": "swap" if contract else "spot",
        "spot": not contract,
        "swap": contract,
        "future": False,
        "option": False,
        "contract": contract,
        "linear": contract and settle == quote,
        "inverse": contract and settle == base,
        "contractSize": 1.0 if contract else None,
        "active": True,
        "precision": {"price": 1e-2, "amount": 1e-4},
        "limits": {},
        "info": {},
        "lowercaseId": market["id"].lower(),
        **market,
    }


@contextlib.asynccontextmanager
async def direct(
    exchange_id: str,
    markets: list[dict[str, Any]],
    prepare: Callable[[Direct], None] = lambda made: None,
    **settings: Any,
) -> AsyncIterator[Direct]:
    """A venue with all its markets added; what it subscribes is in `wires`."""
    ring, clock = Ring(), DirectClock()
    venue = open_venue(
        exchange_id, VenueSettings(ccxt=settings), STILL, ring, clock, random.Random(1)
    )
    assert isinstance(venue, CcxtVenue)
    exchange = venue.exchange
    made = Direct(venue, ring, clock)

    async def loaded(*_: Any) -> Any:
        exchange.set_markets([structure(market) for market in markets])
        return exchange.markets

    async def snapshot(symbol: str, *_: Any) -> Any:
        while symbol not in made.snapshots:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        return exchange.parse_order_book(made.snapshots[symbol], symbol) | {
            "nonce": made.snapshots[symbol].get("nonce")
        }

    async def dial(wire: Wire) -> Wire:
        made.wires.append(wire)
        return wire

    exchange.load_markets_helper = loaded
    exchange.fetch_order_book = snapshot
    exchange.enableRateLimit = False
    client_of = exchange.client

    def client(url: str) -> Any:
        got = client_of(url)
        got.create_connection = lambda _: dial(Wire(url, lambda w, m: made.said(w, m)))
        return got

    exchange.client = client
    prepare(made)
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: made.unhandled.append(context))
    try:
        await venue.open()
        for index, market in enumerate(markets):
            market_id = MarketId(exchange_id, market["symbol"])
            made.feeds[market["symbol"]] = venue.add(market_id, index)
        yield made
    finally:
        await venue.close()
        await asyncio.sleep(0)
        loop.set_exception_handler(None)
    assert not made.unhandled
