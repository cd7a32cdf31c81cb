"""What waits its turn: for the venue's limit, in ccxt's queue, for a place among those that start."""

import asyncio
from typing import Any

import pytest

from app.clock import NS_PER_S
from app.market import MarketId
from app.records import State, Stream
from tests.venues.banning import BanningVenue
from tests.venues.books import Book, formats
from tests.venues.direct import Direct, Wire, direct
from tests.venues.rig import rig, until

A, B = "AAAAA/USD", "BBBBB/USD"


class Queued:
    """kraken behind a queue that the test moves: nothing is sent before it has its turn."""

    def __init__(self, *symbols: str):
        self.markets = [{"id": s.replace("/", ""), "symbol": s} for s in symbols]
        self.books = {s: Book() for s in symbols}
        self.turns: asyncio.Queue[None] = asyncio.Queue()
        self.confirms = True
        self.requests: list[tuple[str, str]] = []
        self.waiting: list[tuple[Wire, dict[str, Any]]] = []
        self._format = formats()["kraken"]

    def prepare(self, made: Direct) -> None:
        self.made, made.said = made, self._said
        exchange = made.venue.exchange
        exchange.enableRateLimit = True
        client_of = exchange.client

        def client(url: str) -> Any:
            got = client_of(url)
            got.throttle = self._turn
            return got

        exchange.client = client

    async def _turn(self, _: Any = None) -> None:
        await self.turns.get()

    def let(self, count: int) -> None:
        for _ in range(count):
            self.turns.put_nowait(None)

    def _said(self, wire: Wire, message: dict[str, Any]) -> None:
        if message.get("method") != "subscribe":
            return
        channel, (symbol,) = message["params"]["channel"], message["params"]["symbol"]
        self.requests.append((channel, symbol))
        self.waiting.append((wire, message))
        if self.confirms:
            asyncio.get_running_loop().call_soon(self.confirm)

    def confirm(self) -> None:
        """Answer what was asked, and begin the books."""
        waiting, self.waiting = self.waiting, []
        for wire, message in waiting:
            channel, (symbol,) = message["params"]["channel"], message["params"]["symbol"]
            answer = {"method": "subscribe", "success": True, "req_id": message["req_id"]}
            self.made.push({**answer, "result": {"channel": channel, "symbol": symbol}}, wire)
            if channel == "book":
                frame = self._format.whole(self.books[symbol])
                frame["data"][0]["symbol"] = symbol
                self.made.push(frame, wire)

    def trade(self, symbol: str, kind: str = "update") -> None:
        trade = {"symbol": symbol, "side": "buy", "price": 100.0, "qty": 1.0, "ord_type": "limit"}
        trade |= {"trade_id": 1, "timestamp": "2026-01-02T03:04:05.678901Z"}
        self.made.push({"channel": "trade", "type": kind, "data": [trade]})

    def change(self, symbol: str) -> None:
        book = self.books[symbol]
        frame = self._format.change(book, book.apply({"99.90": f"{book.last_id}.0000"}, {}))
        frame["data"][0]["symbol"] = symbol
        self.made.push(frame)


async def test_trades_are_whole_only_when_the_venue_has_confirmed_them() -> None:
    queue = Queued(A)
    async with direct("kraken", queue.markets, queue.prepare) as made:
        depth, trades = (made.feeds[A].tracks[s] for s in (Stream.DEPTH, Stream.TRADES))
        queue.let(2)
        await made.turn(lambda: depth.state is State.LIVE and trades.subscribed.is_set())
        queue.trade(A, "snapshot")
        assert trades.state is State.LIVE
        (client,) = made.venue.exchange.clients.values()
        client.on_close(1006)
        queue.let(1)
        await made.turn(lambda: depth.fault is None and depth.state is State.LIVE)
        queue.change(A)
        assert trades.in_gap  # its subscription still waits for its turn
        queue.confirms = False
        queue.let(1)
        await made.turn(lambda: queue.requests[-1][0] == "trade")
        queue.change(A)
        assert trades.in_gap  # sent, but the venue has not said that it does it
        assert trades.state is State.RESYNCING
        confirmed_ns = made.clock.now_ns()
        queue.confirm()
        queue.change(A)
        assert not trades.in_gap
        assert trades.state is State.LIVE
        (gap,) = (g for g in made.feeds[A].status.new_gaps if g.stream is Stream.TRADES)
        assert gap.to_ns > confirmed_ns


async def test_what_a_removed_market_left_in_the_queue_is_not_sent() -> None:
    queue = Queued(A, B)
    async with direct("kraken", queue.markets, queue.prepare) as made:
        queue.let(2)
        await made.turn(lambda: len(queue.requests) == 2)
        assert {symbol for _, symbol in queue.requests} == {A}
        await made.venue.remove(MarketId("kraken", B))
        queue.let(2)
        await made.turn(lambda: queue.turns.empty())
        await asyncio.sleep(0)
        assert len(queue.requests) == 2
        (client,) = made.venue.exchange.clients.values()
        assert {owner.market for owner in client.asked} == {f"kraken:{A}"}
        assert B not in made.venue.exchange.orderbooks

        made.feeds[B] = made.venue.add(MarketId("kraken", B), 5)
        queue.let(2)
        await made.turn(lambda: made.feeds[B].status.state is State.LIVE)
        await made.turn(lambda: len(queue.requests) == 4)
        assert sorted(queue.requests[2:]) == [("book", B), ("trade", B)]


async def test_an_attempt_that_failed_in_the_queue_is_not_sent_beside_the_next_one() -> None:
    queue = Queued(A)
    async with direct("kraken", queue.markets, queue.prepare) as made:
        depth = made.feeds[A].tracks[Stream.DEPTH]
        (supervisor,) = (
            s for s in made.venue._supervisors[made.feeds[A].market.id] if s.track is depth
        )
        await made.turn(lambda: supervisor.client is not None and supervisor.client.isConnected)
        attempt = supervisor.attempt
        supervisor.track.fail(supervisor.fault_of(ValueError("nonsense")))
        await made.turn(lambda: supervisor.attempt > attempt and supervisor.client is not None)
        queue.let(3)
        await made.turn(lambda: depth.state is State.LIVE)
        await made.turn(lambda: queue.turns.empty())
        assert sorted(queue.requests) == [("book", A), ("trade", A)]


@pytest.mark.parametrize("dated", [False, True], ids=["seconds", "date"])
async def test_a_ban_holds_all_that_wait_for_their_start(dated: bool) -> None:
    server = BanningVenue(24, 2.0, dated)
    async with rig(server=server) as r:
        feeds = list(r.feeds.values())
        await until(lambda: server.refused, "the ban")
        await until(lambda: all(f.status.state is State.THROTTLED for f in feeds), "all are told")
        told_ns = r.venue.clock.now_ns()
        assert told_ns < server.banned_ns
        ends = [f.status.next_try_ns for f in feeds]
        assert max(ends) == r.venue.hold_until_ns
        assert max(ends) - min(ends) < NS_PER_S
        assert all("limits requests until" in f.status.detail for f in feeds)
        assert abs(r.venue.hold_until_ns - server.banned_ns) < 1.1 * NS_PER_S
        await until(lambda: all(f.status.states_depth for f in feeds), "all start", 30)
        # Those that were on their way; nobody else while it lasted.
        assert len(server.refused) <= 4


async def test_a_market_that_loses_its_thread_during_a_ban_says_so() -> None:
    async with rig(1) as r:
        await r.live()
        (symbol, feed), clock = *r.feeds.items(), r.venue.clock
        before = r.server.depth_requests
        r.venue.hold_until_ns = clock.now_ns() + 2 * NS_PER_S
        r.server.drop_update(symbol)
        await r.step_until(lambda: feed.status.state is State.THROTTLED)
        assert feed.status.next_try_ns == r.venue.hold_until_ns
        assert r.server.depth_requests == before
        await r.step_until(lambda: feed.status.state is State.LIVE)
        assert clock.now_ns() >= r.venue.hold_until_ns
        await r.assert_true_book(symbol)
