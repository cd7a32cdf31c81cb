"""A small Binance-speaking venue with synthetic books, and a switch for every known fault.

python -m tests.venues.scripted --port 9871 --markets 4 --rate 20
"""

import argparse
import asyncio
import contextlib
import random
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

from tests.venues.binance_protocol import BinanceServer, Connection, Symbol, settings_toml

TICK_DECIMALS, LOT_DECIMALS = 2, 4
_LEVELS = 60  # a side, at the beginning
_FEWEST = 30
_SPAN = 40  # levels below the best that change


@dataclass
class Synthetic:
    """The book of one symbol: price in ticks → size in lots, and the venue's update id."""

    symbol: Symbol
    rng: random.Random
    mid: int = 100_00
    last_id: int = 1_000
    trade_id: int = 0
    bids: dict[int, int] = field(default_factory=dict)
    asks: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for k in range(1, _LEVELS + 1):
            self.bids[self.mid - k] = self._size()
            self.asks[self.mid + k] = self._size()

    def _size(self) -> int:
        return self.rng.randint(1, 50_000)

    @property
    def best_bid(self) -> int:
        return max(self.bids)

    @property
    def best_ask(self) -> int:
        return min(self.asks)

    def step(self, changes: int = 3) -> dict[str, Any]:
        """Change some levels; returns the update as Binance would send it."""
        first = self.last_id + 1
        changed: dict[str, dict[int, int]] = {"b": {}, "a": {}}
        for _ in range(changes):
            side, price, size = self._change()
            changed[side][price] = size
        self.last_id += changes
        return self.update(first, self.last_id, changed["b"], changed["a"])

    def _change(self) -> tuple[str, int, int]:
        buy = self.rng.random() < 0.5
        book, other = (self.bids, self.asks) if buy else (self.asks, self.bids)
        inward = 1 if buy else -1
        best, facing = (max(book), min(other)) if buy else (min(book), max(other))
        # One step inside the spread, or at or behind the best.
        price = best - inward * self.rng.randint(-1, _SPAN)
        if (facing - price) * inward <= 0:
            price = best
        size = 0 if len(book) > _FEWEST and self.rng.random() < 0.4 else self._size()
        if size:
            book[price] = size
        else:
            book.pop(price, None)
        return ("b" if buy else "a"), price, size

    def update(
        self, first: int, last: int, bids: dict[int, int], asks: dict[int, int]
    ) -> dict[str, Any]:
        return {
            "e": "depthUpdate",
            "E": time.time_ns() // 1_000_000,
            "s": self.symbol.id,
            "U": first,
            "u": last,
            "b": [[_price(p), _size(q)] for p, q in bids.items()],
            "a": [[_price(p), _size(q)] for p, q in asks.items()],
        }

    def quote(self) -> dict[str, Any]:
        bid, ask = self.best_bid, self.best_ask
        return {
            "u": self.last_id,
            "s": self.symbol.id,
            "b": _price(bid),
            "B": _size(self.bids[bid]),
            "a": _price(ask),
            "A": _size(self.asks[ask]),
        }

    def trade(self) -> dict[str, Any]:
        sold = self.rng.random() < 0.5
        self.trade_id += 1
        now_ms = time.time_ns() // 1_000_000
        return {
            "e": "trade",
            "E": now_ms,
            "s": self.symbol.id,
            "t": self.trade_id,
            "p": _price(self.best_bid if sold else self.best_ask),
            "q": _size(self.rng.randint(1, 1000)),
            "T": now_ms,
            "m": sold,
            "M": True,
        }

    def snapshot(self, limit: int) -> dict[str, Any]:
        bids = sorted(self.bids.items(), reverse=True)[:limit]
        asks = sorted(self.asks.items())[:limit]
        return {
            "lastUpdateId": self.last_id,
            "bids": [[_price(p), _size(q)] for p, q in bids],
            "asks": [[_price(p), _size(q)] for p, q in asks],
        }

    def top(self, levels: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """The best levels in ticks and lots: what a client's book must equal."""
        return sorted(self.bids.items(), reverse=True)[:levels], sorted(self.asks.items())[:levels]


def _price(ticks: int) -> str:
    return f"{ticks / 10**TICK_DECIMALS:.8f}"


def _size(lots: int) -> str:
    return f"{lots / 10**LOT_DECIMALS:.8f}"


def symbols(count: int) -> list[Symbol]:
    """`AAA/USDT`, `AAB/USDT`, …"""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    names = [a + b + c for a in letters for b in letters for c in letters][:count]
    return [Symbol(name, "USDT", "0.01000000", "0.00010000") for name in names]


@dataclass(frozen=True)
class Refusal:
    """An answer to a snapshot request other than the snapshot."""

    status: int = 200
    body: str = "{}"
    headers: tuple[tuple[str, str], ...] = ()


class ScriptedVenue(BinanceServer):
    """Serves synthetic books; tests step it and switch faults on.

    `refusals[symbol]` answers the next snapshot requests; `handshake` (status, headers), while set,
    refuses new sockets; a channel in `mute` stays silent; `subscribe_errors` counts subscriptions still
    to be refused.
    """

    def __init__(self, count: int = 1, seed: int = 1):
        super().__init__(symbols(count))
        rng = random.Random(seed)
        self.books = {s: Synthetic(v, random.Random(rng.random())) for s, v in self.symbols.items()}
        self.refusals: dict[str, deque[Refusal]] = {s: deque() for s in self.symbols}
        self.handshake: tuple[int, dict[str, str]] | None = None
        self.subscribe_errors = 0
        self.sockets = 0
        self.printed = {s: deque[dict[str, Any]](maxlen=100) for s in self.symbols}
        self.mute: set[str] = set()  # channels on which nothing is sent any more
        self.updates_sent = dict.fromkeys(self.symbols, 0)

    def time_ms(self) -> int:
        return time.time_ns() // 1_000_000

    async def depth(self, symbol: str, limit: int) -> web.StreamResponse:
        if self.refusals[symbol]:
            refusal = self.refusals[symbol].popleft()
            return web.Response(
                text=refusal.body,
                status=refusal.status,
                headers=dict(refusal.headers),
                content_type="application/json",
            )
        body = orjson.dumps(self.books[symbol].snapshot(limit))
        return web.Response(body=body, content_type="application/json")

    def trades(self, symbol: str) -> list[dict[str, Any]]:
        return [
            {"a": t["t"], "f": t["t"], "l": t["t"], **{k: t[k] for k in "pqTmM"}}
            for t in self.printed[symbol]
        ]

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        self.sockets += 1
        if self.handshake is not None:
            status, headers = self.handshake
            return web.Response(status=status, headers=headers)
        return await super()._socket(request)

    async def _request(self, connection: Connection, request: dict[str, Any]) -> None:
        if request.get("method") == "SUBSCRIBE" and self.subscribe_errors:
            self.subscribe_errors -= 1
            error = {"error": {"code": 2, "msg": "Invalid request"}, "id": request["id"]}
            await connection.ws.send_str(orjson.dumps(error).decode())
            return
        await super()._request(connection, request)

    # The healthy venue

    async def step(self, symbol: str, trade: bool = False) -> None:
        """Send one update, the best quotes if they changed, and a trade if asked for."""
        book = self.books[symbol]
        before = book.quote()
        await self._send(symbol, "depth@100ms", book.step())
        self.updates_sent[symbol] += 1
        after = book.quote()
        if any(before[key] != after[key] for key in "bBaA"):
            await self._send(symbol, "bookTicker", after)
        if trade:
            trade_ = book.trade()
            self.printed[symbol].append(trade_)
            await self._send(symbol, "trade", trade_)

    async def run(self, rate: float, seconds: float, burst: int = 1, trade_every: int = 0) -> None:
        """Step every symbol `rate` times a second, in bursts, for so long."""
        begun, sent, total = time.monotonic(), 0, round(rate * seconds)
        while sent < total:
            for _ in range(min(burst, total - sent)):
                sent += 1
                for symbol in self.books:
                    await self.step(symbol, bool(trade_every) and sent % trade_every == 0)
            wait_s = begun + sent / rate - time.monotonic()
            await asyncio.sleep(max(0.0, wait_s))

    async def _send(self, symbol: str, channel: str, message: dict[str, Any]) -> None:
        if channel not in self.mute:
            await self.publish(f"{symbol.lower()}@{channel}", orjson.dumps(message).decode())

    # Faults

    def of(self, symbol: str) -> list[Connection]:
        """The connections on which a symbol is subscribed."""
        prefix = f"{symbol.lower()}@"
        return [c for c in self.connections if any(s.startswith(prefix) for s in c.streams)]

    def drop_update(self, symbol: str) -> None:
        """The book changes and nobody is told."""
        self.books[symbol].step()

    async def close(self, symbol: str) -> None:
        """Close the symbol's sockets as a server does that goes down in order."""
        for connection in self.of(symbol):
            await connection.ws.close()

    def reset(self, symbol: str) -> None:
        """Break the symbol's sockets without a goodbye."""
        for connection in self.of(symbol):
            transport = connection.ws._req.transport
            if transport is not None:
                transport.abort()

    def stall(self, symbol: str) -> None:
        """Keep the symbol's sockets open and never say anything again, to pings neither."""
        for connection in self.of(symbol):
            connection.pings_unanswered = True
            connection.streams.clear()

    async def malformed(self, symbol: str) -> None:
        """Send an update whose JSON ends in the middle."""
        text = orjson.dumps(self.books[symbol].step()).decode()
        await self.publish(f"{symbol.lower()}@depth@100ms", text[: len(text) // 2] + "}")

    async def without_field(self, symbol: str) -> None:
        """Send valid JSON that a handler trips over: an update without its sides' sizes."""
        update = self.books[symbol].step()
        update["b"] = [["100.0"]]
        await self._send(symbol, "depth@100ms", update)

    async def crossed(self, symbol: str) -> None:
        """Send a bid above the best ask, as a phantom level that no update removes."""
        book = self.books[symbol]
        book.last_id += 1
        phantom = {book.best_ask + 5: 77}
        await self._send(
            symbol, "depth@100ms", book.update(book.last_id, book.last_id, phantom, {})
        )

    async def wrong_size(self, symbol: str, size: str) -> None:
        """Send an update with a size that is none: `NaN`, `-1`, `Infinity`."""
        book = self.books[symbol]
        book.last_id += 1
        update = book.update(book.last_id, book.last_id, {book.best_bid: 1}, {})
        update["b"][0][1] = size
        await self._send(symbol, "depth@100ms", update)

    async def emptied(self, symbol: str) -> None:
        """Send an update that removes every level of both sides."""
        book = self.books[symbol]
        book.last_id += 1
        update = book.update(
            book.last_id, book.last_id, dict.fromkeys(book.bids, 0), dict.fromkeys(book.asks, 0)
        )
        await self._send(symbol, "depth@100ms", update)

    async def withdrawn(self, symbol: str) -> None:
        """All levels are taken away, truly."""
        book = self.books[symbol]
        book.last_id += 1
        gone = [dict.fromkeys(side, 0) for side in (book.bids, book.asks)]
        book.bids.clear()
        book.asks.clear()
        await self._send(symbol, "depth@100ms", book.update(book.last_id, book.last_id, *gone))

    async def offered(self, symbol: str) -> None:
        """A bid and an ask come into an empty book."""
        book = self.books[symbol]
        book.last_id += 1
        book.bids[book.mid - 1] = book.asks[book.mid + 1] = 10_000
        update = book.update(book.last_id, book.last_id, book.bids, book.asks)
        await self._send(symbol, "depth@100ms", update)
        await self._send(symbol, "bookTicker", book.quote())

    async def one_sided(self, symbol: str) -> None:
        """All asks are taken away, truly."""
        book = self.books[symbol]
        book.last_id += 1
        gone = dict.fromkeys(book.asks, 0)
        book.asks.clear()
        await self._send(symbol, "depth@100ms", book.update(book.last_id, book.last_id, {}, gone))


async def _serve(args: argparse.Namespace) -> None:
    venue = ScriptedVenue(args.markets, args.seed)
    await venue.start(args.port)
    print(settings_toml(args.name, venue.port), flush=True)
    await venue.run(args.rate, args.seconds or 10 * 365 * 24 * 3600.0, args.burst, 5)


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--markets", type=int, default=4)
    parser.add_argument("--rate", type=float, default=10.0, help="updates a second of each market")
    parser.add_argument("--burst", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=0.0, help="0: until interrupted")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--name", default="binance")
    args = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(args))


if __name__ == "__main__":
    main()
