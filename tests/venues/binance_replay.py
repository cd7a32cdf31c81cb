"""A loopback server that replays recorded Binance spot traffic as Binance sent it.

The time line starts when someone has subscribed to the depth, best-quote and trade streams. The
snapshot request is held until the recorded snapshot's place in the file: the two updates before it
are older, the third straddles it, all others follow. Later requests get the book as it is by then.

    python -m tests.venues.binance_replay --port 9870 --speed 1 --loop
"""

import argparse
import asyncio
import contextlib
import gzip
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web

from app.clock import NS_PER_S
from tests.venues.binance_protocol import (
    BinanceServer,
    CoinMargined,
    Connection,
    Symbol,
    settings_for,
    settings_toml,
)

FILE = "binance_spot_btcusdt_20240808.jsonl.gz"
COIN_MARGINED_FILE = "binance_coinm_btcusd_perp_20240808.jsonl.gz"
BTCUSD_PERP = CoinMargined("BTC", "USD", "0.1", "1")
BTCUSDT = Symbol("BTC", "USDT", "0.01000000", "0.00001000")
MARKET = "BTC/USDT"
_SNAPSHOT_WAIT_S = 15.0
_SETTLE_S = 0.3
_STAMPS = re.compile(r'"([ET])":(\d{13})')

__all__ = ["FILE", "MARKET", "BinanceReplay", "ReplayClock", "load", "settings_for"]


@dataclass(frozen=True)
class Line:
    """A recorded message: when it was received, on which stream (empty: the snapshot), and what."""

    time_ns: int
    stream: str
    payload: str


def load(path: Path) -> list[Line]:
    """The lines `<receive ns> <message>` of a capture."""
    lines: list[Line] = []
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for text in file:
            stamp, _, message = text.rstrip("\n").partition(" ")
            if message.startswith('{"stream":"'):
                stream, _, rest = message.removeprefix('{"stream":"').partition('","data":')
                lines.append(Line(int(stamp), stream, rest[:-1]))
            else:
                lines.append(Line(int(stamp), "", message))
    return lines


class ReplayClock:
    """The clock of a feed under replay: the receive time of the line that is being sent."""

    def __init__(self, time_ns: int):
        self.time_ns = time_ns

    def now_ns(self) -> int:
        return self.time_ns

    def slept_ns(self) -> int:
        return 0

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class _Book:
    """The venue's own book, to answer snapshot requests at any time."""

    def __init__(self, snapshot: dict[str, Any]):
        self.last_id = int(snapshot["lastUpdateId"])
        self.sides = {side: dict(snapshot[name]) for side, name in (("b", "bids"), ("a", "asks"))}

    def apply(self, update: dict[str, Any]) -> None:
        if int(update["u"]) <= self.last_id:
            return
        self.last_id = int(update["u"])
        for side, levels in self.sides.items():
            for price, size in update[side]:
                if float(size):
                    levels[price] = size
                else:
                    levels.pop(price, None)

    def snapshot(self, limit: int) -> dict[str, Any]:
        bids = sorted(self.sides["b"].items(), key=lambda level: -float(level[0]))
        asks = sorted(self.sides["a"].items(), key=lambda level: float(level[0]))
        return {"lastUpdateId": self.last_id, "bids": bids[:limit], "asks": asks[:limit]}

    def changes_to(self, other: "_Book") -> dict[str, list[list[str]]]:
        """The levels of an update that turns this book into another."""
        changes: dict[str, list[list[str]]] = {}
        for side, levels in self.sides.items():
            wanted = other.sides[side]
            gone = [[price, "0.00000000"] for price in levels if price not in wanted]
            come = [[p, q] for p, q in wanted.items() if levels.get(p) != q]
            changes[side] = gone + come
        return changes


class BinanceReplay(BinanceServer):
    """Serves a capture of one symbol (looping is for spot: futures chain by `pu`).

    Args:
        lines: the capture.
        symbol: what it is a capture of.
        speed: times real time; None sends as fast as the client takes it.
        clock: when given, it is set to each line's receive time before the line is sent, and the next
            line waits until every client has handled it.
        applied: whether the client has applied the snapshot; without it a short pause must do.
        loop: begin again at the end, with ids and times that go on.
        restamp: shift the venue's times so that the first line is now.
    """

    def __init__(
        self,
        lines: list[Line],
        speed: float | None = 1.0,
        clock: ReplayClock | None = None,
        applied: Callable[[], bool] | None = None,
        loop: bool = False,
        restamp: bool = False,
        symbol: Symbol = BTCUSDT,
    ):
        super().__init__([symbol])
        self.lines, self.speed, self.clock = lines, speed, clock
        self.sent = dict.fromkeys({line.stream for line in lines}, 0)
        self.finished = asyncio.Event()
        self._applied, self._loop, self._restamp = applied, loop, restamp
        self._wanted = {line.stream for line in lines if line.stream}
        self._snapshot = next(line for line in lines if not line.stream)
        self._first_book = _Book(orjson.loads(self._snapshot.payload))
        self._book: _Book | None = None
        self._subscribed = asyncio.Event()
        self._snapshot_due = asyncio.Event()
        self._snapshot_sent = asyncio.Event()
        self._shift_ms = 0
        numbers = [_trade_number(line) for line in lines if line.stream.endswith("@trade")]
        self._per_pass = max(numbers) - min(numbers) + 1 if numbers else 0  # trades
        self._passed = 0  # trades, in the passes before
        self._task: asyncio.Task[None] | None = None

    async def start(self, port: int = 0) -> None:
        await super().start(port)
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await super().stop()

    def subscribed(self, connection: Connection, streams: list[str]) -> None:
        asyncio.get_running_loop().call_soon(self._look)

    def _look(self) -> None:
        taken = {stream for connection in self.connections for stream in connection.streams}
        if self._wanted <= taken:
            self._subscribed.set()

    def time_ms(self) -> int:
        return time.time_ns() // 1_000_000

    async def depth(self, symbol: str, limit: int) -> web.StreamResponse:
        if self._book is not None:
            body = orjson.dumps(self._book.snapshot(limit))
            return web.Response(body=body, content_type="application/json")
        await self._snapshot_due.wait()
        asyncio.get_running_loop().call_later(0.0, self._snapshot_sent.set)
        return web.Response(text=self._snapshot.payload, content_type="application/json")

    async def _run(self) -> None:
        await self._subscribed.wait()
        offset = 0
        while True:
            await self._pass(offset)
            if not self._loop:
                break
            offset += await self._rewind(offset)
            self._passed += self._per_pass
        await self.barrier()
        self.finished.set()

    async def _pass(self, offset: int) -> None:
        started = time.monotonic_ns()
        first_ns = self.lines[0].time_ns
        if self._restamp:
            self._shift_ms = (time.time_ns() - first_ns) // 1_000_000
        for line in self.lines:
            if self.clock is not None:
                self.clock.time_ns = line.time_ns
            elif self.speed is not None:
                due = started + round((line.time_ns - first_ns) / self.speed)
                wait_s = (due - time.monotonic_ns()) / NS_PER_S
                if wait_s > 0.001:
                    await asyncio.sleep(wait_s)
            if line.stream:
                await self._send(line, offset)
            elif not offset:
                started += await self._hand_out_snapshot()

    async def _send(self, line: Line, offset: int) -> None:
        payload = line.payload
        if offset:
            payload = _moved(payload, offset, self._passed)
        if self._restamp:
            payload = _STAMPS.sub(self._stamp, payload)
        if self._book is not None and "@depth" in line.stream:
            self._book.apply(orjson.loads(payload))
        self.sent[line.stream] += await self.publish(line.stream, payload)
        if self.clock is not None:
            await self.barrier()

    def _stamp(self, match: re.Match[str]) -> str:
        return f'"{match[1]}":{int(match[2]) + self._shift_ms}'

    async def _hand_out_snapshot(self) -> int:
        """Answer the request that waits, let it be applied; returns how long that took."""
        begun = time.monotonic_ns()
        await self.barrier()
        self._snapshot_due.set()
        with contextlib.suppress(TimeoutError):  # when nobody watches the book
            await asyncio.wait_for(self._snapshot_sent.wait(), _SNAPSHOT_WAIT_S)
        if self._applied is None:
            await asyncio.sleep(_SETTLE_S)
        else:
            deadline = time.monotonic() + _SNAPSHOT_WAIT_S
            while not self._applied() and time.monotonic() < deadline:  # noqa: ASYNC110
                await asyncio.sleep(0.002)
        self._book = _Book(orjson.loads(self._snapshot.payload))
        for line in self._before_snapshot():
            self._book.apply(orjson.loads(line.payload))
        return time.monotonic_ns() - begun

    def _before_snapshot(self) -> Iterator[Line]:
        for line in self.lines:
            if not line.stream:
                return
            if "@depth" in line.stream:
                yield line

    async def _rewind(self, offset: int) -> int:
        """Turn the last book into the first by one update; returns by how much ids move on."""
        depth = next(stream for stream in self._wanted if "@depth" in stream)
        assert self._book is not None
        first = next(orjson.loads(line.payload) for line in self.lines if line.stream == depth)
        ahead = self._book.last_id + 1000 - int(first["U"]) - offset
        update = {
            "e": "depthUpdate",
            "E": time.time_ns() // 1_000_000,
            "s": next(iter(self.symbols)),
            "U": self._book.last_id + 1,
            "u": int(first["U"]) + offset + ahead - 1,
            **self._book.changes_to(self._first_book),
        }
        self._book.apply(update)
        await self.publish(depth, orjson.dumps(update).decode())
        return ahead


def _trade_number(line: Line) -> int:
    message = orjson.loads(line.payload)
    return int(message.get("data", message)["t"])


def _moved(payload: str, offset: int, trades: int) -> str:
    """A message with its ids moved on, so that a second pass continues the first."""
    message = orjson.loads(payload)
    for key, by in (("U", offset), ("u", offset), ("t", trades)):
        if key in message:
            message[key] += by
    return orjson.dumps(message).decode()


async def _serve(args: argparse.Namespace) -> None:
    server = BinanceReplay(
        load(args.file),
        speed=args.speed or None,
        loop=args.loop,
        restamp=not args.recorded_times,
    )
    await server.start(args.port)
    print(settings_toml(args.name, server.port), flush=True)
    if args.close_at_end:
        await server.finished.wait()
        await server.stop()
    else:
        await asyncio.Event().wait()


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = Path(os.environ.get("OFI_DATA", ".")) / FILE
    parser.add_argument(
        "--file", type=Path, default=default, help="the capture (default: OFI_DATA)"
    )
    parser.add_argument("--port", type=int, default=0, help="0 chooses a free one")
    parser.add_argument("--speed", type=float, default=1.0, help="times real time; 0: at once")
    parser.add_argument(
        "--name", default="binance", help="the venue's name in the printed settings"
    )
    parser.add_argument("--loop", action="store_true", help="begin again at the end")
    parser.add_argument(
        "--close-at-end", action="store_true", help="instead of holding the sockets"
    )
    parser.add_argument("--recorded-times", action="store_true", help="do not move E and T to now")
    args = parser.parse_args()
    if not args.file.is_file():
        sys.exit(
            f"{args.file} is not there: name the capture with --file or its folder in OFI_DATA."
        )
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(args))


if __name__ == "__main__":
    main()
